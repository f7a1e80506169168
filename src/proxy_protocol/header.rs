//! What a header holds.

use core::mem;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Buf;

use super::HeaderError;

/// What a proxy reports about a connection.
///
/// All of it is the proxy's word. Names and ids may come from the client: they are any octets, to be escaped in a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Header<'a> {
    /// How many octets the header has. What follows it belongs to TLS or to POP3.
    #[doc(alias = "size")]
    pub encoded_len: usize,
    /// Whether the proxy connects for itself (LOCAL), as for a health check.
    pub is_local: bool,
    /// The client and where it connected to.
    ///
    /// `None` when that isn't told (LOCAL, UNKNOWN, UNSPEC) or isn't TCP: the socket's own addresses count then.
    pub addresses: Option<Addresses>,
    /// What else the proxy reports: nothing in version 1, and nothing that counts in LOCAL. Of UNSPEC all that follows is
    /// ignored, since addresses of any length may come first.
    pub tlvs: Tlvs<'a>,
}

impl<'a> Header<'a> {
    /// Returns the client, as in [`addresses`](Self#structfield.addresses).
    pub fn source(&self) -> Option<SocketAddr> {
        self.addresses.map(|addresses| addresses.source)
    }

    /// Returns the TLS between client and proxy; `None` when the proxy reports none.
    pub fn tls(&self) -> Option<ClientTls<'a>> {
        self.tlvs.value(Tlv::SSL).and_then(ClientTls::read).filter(|tls| tls.client & ClientTls::TLS != 0)
    }
}

/// The two ends of the client's TCP connection, both IPv4 or both IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// Where it connected to.
    pub destination: SocketAddr,
}

impl Addresses {
    /// Reads the addresses of a header of version 2, if they are TCP's.
    pub(super) fn read(family: u8, mut block: &[u8]) -> Option<Self> {
        let mut ip = || -> Option<IpAddr> {
            match family {
                0x11 => Some(Ipv4Addr::from_bits(block.try_get_u32().ok()?).into()),
                0x21 => Some(Ipv6Addr::from_bits(block.try_get_u128().ok()?).into()),
                _ => None,
            }
        };
        let (source, destination) = (ip()?, ip()?);
        let (from, to) = (block.try_get_u16().ok()?, block.try_get_u16().ok()?);
        Some(Self { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) })
    }
}

/// One thing that a proxy reports: a type, a length and a value (§2.2 of the specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tlv<'a> {
    /// Its type.
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

impl Tlv<'_> {
    /// The application protocol that client and proxy agreed on.
    pub const ALPN: u8 = 0x01;
    /// The host name that the client asked for (SNI).
    pub const AUTHORITY: u8 = 0x02;
    /// A checksum of the header, four octets. The decoder has checked it.
    pub const CRC32C: u8 = 0x03;
    /// The proxy's name for the connection, at most 128 octets.
    pub const UNIQUE_ID: u8 = 0x05;
    /// The TLS between client and proxy: read it with [`Header::tls`].
    pub const SSL: u8 = 0x20;
    /// In [`ClientTls::tlvs`]: the version of TLS, as `TLSv1.3`.
    pub const SSL_VERSION: u8 = 0x21;
    /// In [`ClientTls::tlvs`]: the common name in the client's certificate.
    pub const SSL_CN: u8 = 0x22;
    /// In [`ClientTls::tlvs`]: the cipher.
    pub const SSL_CIPHER: u8 = 0x23;
}

/// The TLVs of a header, in its order. What the decoder gives out has been checked: all are whole.
#[derive(Clone, Debug)]
pub struct Tlvs<'a>(pub(super) &'a [u8]);

impl<'a> Tlvs<'a> {
    /// Returns the value of the first one of a type.
    pub fn value(&self, kind: u8) -> Option<&'a [u8]> {
        self.clone().find(|tlv| tlv.kind == kind).map(|tlv| tlv.value)
    }

    /// Checks that these, the end of `header`, are as they should be.
    pub(super) fn check(mut self, header: &[u8]) -> Result<(), HeaderError> {
        let (mut tls, mut checksum) = (false, false);
        while let Some(tlv) = self.next() {
            let is_valid = match tlv.kind {
                Tlv::SSL => !mem::replace(&mut tls, true) && ClientTls::read(tlv.value).is_some(),
                Tlv::UNIQUE_ID => tlv.value.len() <= 128,
                Tlv::CRC32C => {
                    // The checksum is that of the header with zeros in its place.
                    let end = header.len() - self.0.len();
                    let zeroed = header
                        .iter()
                        .enumerate()
                        .map(|(at, octet)| if (end - 4..end).contains(&at) { 0 } else { *octet });
                    !mem::replace(&mut checksum, true) && tlv.value == crc32c(zeroed).to_be_bytes()
                }
                _ => true,
            };
            if !is_valid {
                return Err(HeaderError::Malformed);
            }
        }
        if self.0.is_empty() { Ok(()) } else { Err(HeaderError::Malformed) }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (&[kind, high, low], rest) = self.0.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        self.0 = rest;
        Some(Tlv { kind, value })
    }
}

/// The TLS between client and proxy, as the proxy reports it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientTls<'a> {
    client: u8,
    /// The result of the proxy's check of the certificate. 0 is success, but also what proxies send without a certificate:
    /// see [`is_verified`](Self::is_verified).
    pub verify_result: u32,
    /// The version, the cipher, and what else the proxy reports.
    pub tlvs: Tlvs<'a>,
}

impl<'a> ClientTls<'a> {
    const TLS: u8 = 1;
    /// On this connection, or earlier in the TLS session.
    const CERTIFICATE: u8 = 2 | 4;

    fn read(value: &'a [u8]) -> Option<Self> {
        let (&[client, ref verify @ ..], tlvs) = value.split_first_chunk::<5>()?;
        let mut rest = Tlvs(tlvs);
        rest.by_ref().for_each(drop);
        rest.0.is_empty().then_some(Self { client, verify_result: u32::from_be_bytes(*verify), tlvs: Tlvs(tlvs) })
    }

    /// Whether the client showed a certificate.
    pub const fn has_certificate(&self) -> bool {
        self.client & Self::CERTIFICATE != 0
    }

    /// Whether the client showed a certificate and the proxy found it valid.
    pub const fn is_verified(&self) -> bool {
        self.has_certificate() && self.verify_result == 0
    }
}

/// Returns the checksum of RFC 4960, Appendix B.
fn crc32c(octets: impl Iterator<Item = u8>) -> u32 {
    let shift = |sum: u32| (sum >> 1) ^ if sum & 1 == 1 { 0x82F6_3B78 } else { 0 };
    !octets.fold(!0, |sum, octet| (0..8).fold(sum ^ u32::from(octet), |sum, _| shift(sum)))
}
