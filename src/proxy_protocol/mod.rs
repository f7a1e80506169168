//! The PROXY protocol: what a trusted proxy reports about the client, before anything else on a connection.
//!
//! A proxy that passes connections on hides who the client is and whether it came over TLS. With the [PROXY protocol],
//! version 1 (a line of text) or 2 (binary), it tells both before the first octet of the client's own. [`decode`]
//! reads that header; what follows it belongs to TLS or to POP3.
//!
//! # Only for trusted peers
//! Whoever may send this header may claim any address, and that its password came over TLS. So nothing in this crate
//! looks for a header: a host calls [`decode`], or doesn't, by its own configuration of the listening address or by
//! the peer's, and never because the octets look like a header (§5 of the specification). A peer that isn't trusted
//! never gets here, and from a trusted one the header is required: without a valid one, close, and answer nothing. There is
//! no clock here: the host keeps the deadline for the header.
//!
//! # From socket to session
//! 1. Accept; is the peer one of the proxies?
//! 2. Read as many octets as [`Decoded::Partial`] reports missing, until there is a [`Header`]. That never takes an
//!    octet of what follows; a host that reads more must hand on what follows [`Header::encoded_len`], to TLS or to the
//!    session.
//! 3. State the [`Security`](crate::Security) of the session: [`TlsProxy`](crate::Security::TlsProxy)
//!    when the proxy reports that the client spoke TLS to it, and the way from the proxy is private. The crate doesn't
//!    deduce it, and a header of version 1 can't tell: there the host may know it from the proxy's address or port. If
//!    TLS is passed through, it begins after the header, and the session has [`Tls`](crate::Security::Tls).
//!
//! ```
//! use std::io::{self, Read};
//! use std::net::SocketAddr;
//!
//! use pop3_proto::proxy_protocol::{self, DEFAULT_LIMIT, Decoded};
//! use pop3_proto::Security;
//!
//! /// The client, if the proxy speaks for one, and what the session may assume. `socket` comes from a trusted proxy.
//! fn introduce(socket: &mut impl Read) -> io::Result<(Option<SocketAddr>, Security)> {
//!     let mut window = [0; DEFAULT_LIMIT];
//!     let mut filled = 0;
//!     loop {
//!         match proxy_protocol::decode(&window[..filled], DEFAULT_LIMIT).map_err(io::Error::other)? {
//!             Decoded::Partial { missing } => {
//!                 socket.read_exact(&mut window[filled..filled + missing])?;
//!                 filled += missing;
//!             }
//!             Decoded::Header(header) => {
//!                 let security = if header.tls().is_some() { Security::TlsProxy } else { Security::Cleartext };
//!                 return Ok((header.source(), security));
//!             }
//!         }
//!     }
//! }
//!
//! let mut socket = &b"PROXY TCP4 192.0.2.7 198.51.100.1 49152 110\r\nCAPA\r\n"[..];
//! let (client, security) = introduce(&mut socket)?;
//! assert_eq!((client, security), (Some("192.0.2.7:49152".parse().unwrap()), Security::Cleartext));
//! assert_eq!(socket, b"CAPA\r\n");
//! # io::Result::Ok(())
//! ```
//! [PROXY protocol]: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt

mod header;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use self::header::{Addresses, ClientTls, Header, Tlv, Tlvs};

/// The octets that version 2 begins with: no line of POP3, SMTP or HTTP, and no TLS.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The most octets of a header that most hosts should allow. One with IPv6 addresses, TLS and a long name in a certificate
/// has some 300; what is meant for one packet has at most 536.
pub const DEFAULT_LIMIT: usize = 1_024;

/// What is at the front of a window.
#[derive(Clone, Debug)]
pub enum Decoded<'a> {
    /// The front of a header: decode again when more octets follow the same ones.
    Partial {
        /// How many octets are missing at least. To read just as many never takes one of what follows the header.
        missing: usize,
    },
    /// A header.
    Header(Header<'a>),
}

/// Decodes the header that `window` begins with, and doesn't look at what follows it. It allocates nothing and keeps
/// nothing.
///
/// A header of version 1 has at most 107 octets, CRLF included; one of version 2 at most `limit`, where less than 536
/// counts as 536, and no header can have more than 65,551.
///
/// A call looks at 107 octets of a line at most; at 16 octets of a binary header until it is complete, and then at
/// each octet a few times. The result doesn't depend on how the octets were split.
///
/// # Errors
/// [`HeaderError`] as soon as it shows, most often before the header is complete. Close the connection then.
pub fn decode(window: &[u8], limit: usize) -> Result<Decoded<'_>, HeaderError> {
    match window.first() {
        // The shortest headers have 15 and 16 octets.
        None => Ok(Decoded::Partial { missing: SHORTEST_LINE }),
        Some(b'P') => decode_line(window),
        Some(_) => decode_binary(window, limit.max(536)),
    }
}

fn decode_binary(window: &[u8], limit: usize) -> Result<Decoded<'_>, HeaderError> {
    if !agree(window, &SIGNATURE) {
        return Err(HeaderError::NotAHeader);
    }
    let is_local = match window.get(12) {
        Some(0x20) => true,
        None | Some(0x21) => false,
        Some(_) => return Err(HeaderError::Malformed),
    };
    let family = window.get(13).copied().filter(|_| !is_local).unwrap_or(0);
    // Of datagrams and UNIX sockets only the size is known: they have no address for a POP3 server.
    let size = match family {
        0x00 => 0,
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        _ => return Err(HeaderError::Malformed),
    };
    let Some((&[.., high, low], rest)) = window.split_first_chunk::<16>() else {
        return Ok(Decoded::Partial { missing: 16 - window.len() });
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let octets = 16 + length;
    if octets > limit {
        return Err(HeaderError::TooLong { octets, limit });
    }
    if length < size {
        return Err(HeaderError::Malformed);
    }
    let (Some(whole), Some(block)) = (window.get(..octets), rest.get(..length)) else {
        return Ok(Decoded::Partial { missing: length - rest.len() });
    };
    // With UNSPEC there may be addresses of any kind: where they end, and TLVs begin, can't be known.
    let addresses_len = if family == 0x00 { length } else { size };
    let (addresses, tlvs) = block.split_at_checked(addresses_len).ok_or(HeaderError::Malformed)?;
    Tlvs(tlvs).check(whole)?;
    let addresses = Addresses::read(family, addresses);
    Ok(Decoded::Header(Header { encoded_len: octets, is_local, addresses, tlvs: Tlvs(tlvs) }))
}

/// Whether one begins with the other.
fn agree(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// `PROXY UNKNOWN` and CRLF.
const SHORTEST_LINE: usize = 15;
/// `PROXY UNKNOWN`, the longest addresses and ports, and CRLF.
const LONGEST_LINE: usize = 107;

/// Decodes a header of version 1.
fn decode_line(window: &[u8]) -> Result<Decoded<'_>, HeaderError> {
    // The CR must be among these. The octet after them must not count before it is clear that there is one: else
    // the error would depend on the split.
    let reach = window.get(..LONGEST_LINE - 1).unwrap_or(window);
    let end = reach.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
    let line = end.and_then(|end| reach.get(..end)).unwrap_or(reach);
    if !agree(line, b"PROXY ") {
        return Err(HeaderError::NotAHeader);
    }
    let tcp = agree(line, b"PROXY TCP4 ") || agree(line, b"PROXY TCP6 ");
    let plausible = |octet: &u8| octet.is_ascii_hexdigit() || matches!(octet, b' ' | b'.' | b':');
    let is_plausible = tcp && line.iter().skip(11).all(plausible) || agree(line, b"PROXY UNKNOWN ");
    if !is_plausible || line.len() + 2 > LONGEST_LINE {
        return Err(HeaderError::Malformed);
    }
    let Some(rest) = end.and_then(|end| window.get(end..)) else {
        return Ok(Decoded::Partial { missing: SHORTEST_LINE.saturating_sub(line.len()).max(2) });
    };
    if rest.first() != Some(&b'\r') {
        return Err(HeaderError::Malformed);
    }
    let unknown = line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ");
    let addresses = if unknown { None } else { Some(line_addresses(line).ok_or(HeaderError::Malformed)?) };
    match rest.get(1) {
        None => Ok(Decoded::Partial { missing: 1 }),
        Some(b'\n') => {
            Ok(Decoded::Header(Header { encoded_len: line.len() + 2, is_local: false, addresses, tlvs: Tlvs(&[]) }))
        }
        Some(_) => Err(HeaderError::Malformed),
    }
}

fn line_addresses(line: &[u8]) -> Option<Addresses> {
    let mut words = core::str::from_utf8(line).ok()?.split(' ').skip(1);
    let (family, source, destination) = (words.next()?, words.next()?, words.next()?);
    let (source, destination): (IpAddr, IpAddr) = match family {
        "TCP4" => (source.parse::<Ipv4Addr>().ok()?.into(), destination.parse::<Ipv4Addr>().ok()?.into()),
        "TCP6" => (source.parse::<Ipv6Addr>().ok()?.into(), destination.parse::<Ipv6Addr>().ok()?.into()),
        _ => return None,
    };
    // Leading zeros are forbidden. A sign, which the standard parser would take, isn't plausible above.
    let port = |word: &str| word.parse().ok().filter(|_| word == "0" || !word.starts_with('0'));
    let source = SocketAddr::new(source, port(words.next()?)?);
    let destination = SocketAddr::new(destination, port(words.next()?)?);
    words.next().is_none().then_some(Addresses { source, destination })
}

/// Why octets aren't a header, or not one to trust. Don't answer anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// They begin with neither signature: perhaps a client connected without a proxy.
    #[error("no header of the PROXY protocol")]
    NotAHeader,
    /// They don't follow the specification: a line of version 1 that is wrong or too long, another version, command, family or
    /// transport, a part that is too short or that may come only once, a wrong checksum.
    #[error("malformed header of the PROXY protocol")]
    Malformed,
    /// The header is longer than the limit.
    #[error("a header of {octets} octets, where {limit} are allowed")]
    TooLong {
        /// How long it is.
        octets: usize,
        /// How long it may be.
        limit: usize,
    },
}
