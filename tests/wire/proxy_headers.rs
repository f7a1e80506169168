//! Headers of the PROXY protocol, good and bad.

use pop3_proto::proxy_protocol::{Addresses, DEFAULT_LIMIT, Decoded, Header, HeaderError, Tlv, decode};

use crate::common::checksum;

pub const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The type of padding.
pub const NOOP: u8 = 0x04;
pub const TCP4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xC0, 0x00, 0, 110];
pub const TCP6: &[u8; 36] =
    b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xC0\x00\x03\xE3";

/// A header of version 2, written by hand.
pub fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, block].concat()
}

pub fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind], u16::try_from(value.len()).unwrap().to_be_bytes().as_slice(), value].concat()
}

/// A PROXY header over IPv4 with these TLVs.
pub fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    v2(0x21, 0x11, &[&TCP4, tlvs].concat())
}

pub fn ssl(client: u8, verify: u32, tlvs: &[u8]) -> Vec<u8> {
    tlv(Tlv::SSL, &[&[client], verify.to_be_bytes().as_slice(), tlvs].concat())
}

/// The longest line there is: 107 octets.
pub fn longest() -> Vec<u8> {
    let ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    format!("PROXY UNKNOWN {ip} {ip} 65535 65535\r\n").into_bytes()
}

pub fn addresses(source: &str, destination: &str) -> Addresses {
    Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

pub fn header(window: &[u8]) -> Header<'_> {
    match decode(window, DEFAULT_LIMIT) {
        Ok(Decoded::Header(header)) => header,
        other => panic!("{}: {other:?}", window.escape_ascii()),
    }
}

/// What can be compared of a header: octets, LOCAL, addresses, TLS (certificate, result), TLVs.
pub type Said = (usize, bool, Option<Addresses>, Option<(bool, u32)>, Vec<(u8, Vec<u8>)>);

pub fn said(header: &Header<'_>) -> Said {
    let said_of_tls = header.tls().map(|tls| (tls.has_certificate(), tls.verify_result));
    let tlvs = header.tlvs.clone().map(|tlv| (tlv.kind, tlv.value.to_vec())).collect();
    (header.encoded_len, header.is_local, header.addresses, said_of_tls, tlvs)
}

/// The result over a window, `None` when more is needed.
pub fn decoded(window: &[u8]) -> Result<Option<Said>, HeaderError> {
    Ok(match decode(window, DEFAULT_LIMIT)? {
        Decoded::Partial { .. } => None,
        Decoded::Header(header) => Some(said(&header)),
    })
}

/// The result when `input` comes in reads of `size` octets.
pub fn decoded_by(input: &[u8], size: usize) -> Result<Option<Said>, HeaderError> {
    let ends = (0..input.len()).step_by(size).chain([input.len()]);
    ends.map(|end| decoded(&input[..end])).find(|result| *result != Ok(None)).unwrap_or(Ok(None))
}

/// Valid headers of all kinds.
pub fn headers() -> Vec<Vec<u8>> {
    let version = [tlv(Tlv::SSL_VERSION, b"TLSv1.3"), tlv(Tlv::SSL_CIPHER, b"TLS_AES_256_GCM_SHA384")].concat();
    let names = [tlv(Tlv::ALPN, b"pop3"), tlv(Tlv::AUTHORITY, b"pop.example"), tlv(NOOP, b"")].concat();
    let tlvs = [names, ssl(1, 0, &version)].concat();
    vec![
        b"PROXY TCP4 192.0.2.7 198.51.100.1 49152 110\r\n".to_vec(),
        b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 49152 995\r\n".to_vec(),
        b"PROXY TCP6 ::ffff:192.0.2.7 :: 1 2\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN whatever \xFF\x00 stands here\r\n".to_vec(),
        longest(),
        with_tlvs(b""),
        with_tlvs(&tlvs),
        v2(0x21, 0x21, TCP6),
        v2(0x21, 0x21, &[TCP6.as_slice(), &tlvs].concat()),
        v2(0x21, 0x31, &[&[b'/'; 216], tlvs.as_slice()].concat()),
        v2(0x21, 0x12, &TCP4),
        v2(0x21, 0x00, &tlvs),
        v2(0x21, 0x00, TCP6),
        v2(0x21, 0x00, b""),
        v2(0x20, 0, b""),
        v2(0x20, 0x11, &TCP4),
        v2(0x20, 0xFF, b"\x01\xFF\xFFnot TLVs"),
        with_tlvs(&tlv(0xE0, &[0; 993])),
    ]
}

/// Headers that aren't valid, and why.
pub fn malformed() -> Vec<(Vec<u8>, HeaderError)> {
    let lines: [(&[u8], HeaderError); 37] = [
        (b"CAPA\r\n", HeaderError::NotAHeader),
        (b"PASS secret\r\n", HeaderError::NotAHeader),
        (b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::NotAHeader),
        (b"\x16\x03\x01\x02\x00\x01", HeaderError::NotAHeader),
        (b" PROXY UNKNOWN\r\n", HeaderError::NotAHeader),
        (b"\r\nPROXY UNKNOWN\r\n", HeaderError::NotAHeader),
        (b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY\r\n", HeaderError::Malformed),
        (b"PROXY UNKNOWN\n", HeaderError::Malformed),
        (b"PROXY UNKNOWN\rx", HeaderError::Malformed),
        (b"PROXY UNKNOWN \n\r\n", HeaderError::Malformed),
        (b"PROXY UNKNOWNS\r\n", HeaderError::Malformed),
        (b"PROXY UNKNOW\r\n", HeaderError::Malformed),
        (b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 \r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", HeaderError::Malformed),
        (b"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7\t198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.007 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP6 fe80::7%1 fe80::1 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP6 [2001:db8::7] [2001:db8::1] 1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 00 2\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", HeaderError::Malformed),
    ];
    let mut too_long = longest();
    too_long.insert(20, b'f');
    let twice = |tlv: Vec<u8>| with_tlvs(&tlv.repeat(2));
    let binary = [
        (too_long, HeaderError::Malformed),
        ([b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(), HeaderError::Malformed),
        ([b"PROXY TCP4 ".as_slice(), &[b'1'; 95], b"\0"].concat(), HeaderError::Malformed),
        (v2(0x11, 0x11, &TCP4), HeaderError::Malformed),
        (v2(0x31, 0x11, &TCP4), HeaderError::Malformed),
        (v2(0x22, 0x11, &TCP4), HeaderError::Malformed),
        (v2(0x21, 0x13, &TCP4), HeaderError::Malformed),
        (v2(0x21, 0x41, &TCP4), HeaderError::Malformed),
        (v2(0x21, 0x10, &TCP4), HeaderError::Malformed),
        (v2(0x21, 0x01, &TCP4), HeaderError::Malformed),
        (v2(0x21, 0x11, &TCP4[..11]), HeaderError::Malformed),
        (v2(0x21, 0x11, b""), HeaderError::Malformed),
        (v2(0x21, 0x21, &TCP6[..35]), HeaderError::Malformed),
        (v2(0x21, 0x31, &[0; 215]), HeaderError::Malformed),
        (with_tlvs(&[0; 997]), HeaderError::TooLong { octets: 1_025, limit: 1_024 }),
        (v2(0x20, 0, &vec![0; 65_535]), HeaderError::TooLong { octets: 65_551, limit: 1_024 }),
        (with_tlvs(&[NOOP]), HeaderError::Malformed),
        (with_tlvs(&[NOOP, 0]), HeaderError::Malformed),
        (with_tlvs(&[NOOP, 0, 1]), HeaderError::Malformed),
        (with_tlvs(&[NOOP, 0xFF, 0xFF, 0]), HeaderError::Malformed),
        (with_tlvs(&tlv(Tlv::UNIQUE_ID, &[0; 129])), HeaderError::Malformed),
        (with_tlvs(&tlv(Tlv::SSL, &[1, 0, 0, 0])), HeaderError::Malformed),
        (with_tlvs(&ssl(1, 0, &[Tlv::SSL_VERSION, 0, 2, b'T'])), HeaderError::Malformed),
        (with_tlvs(&tlv(Tlv::CRC32C, &[0; 3])), HeaderError::Malformed),
        (with_tlvs(&tlv(Tlv::CRC32C, &[0; 4])), HeaderError::Malformed),
        (twice(ssl(1, 0, b"")), HeaderError::Malformed),
        (checked(&[tlv(Tlv::CRC32C, &[0; 4]), tlv(Tlv::CRC32C, &[0; 4])].concat(), 31), HeaderError::Malformed),
    ];
    lines.into_iter().map(|(line, error)| (line.to_vec(), error)).chain(binary).collect()
}

/// A header with these TLVs and the checksum of the whole at an offset that holds zeros.
pub fn checked(tlvs: &[u8], at: usize) -> Vec<u8> {
    let mut header = with_tlvs(tlvs);
    let sum = checksum(&header);
    header[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    header
}
