//! The PROXY protocol's header, versions 1 and 2, in front of a connection from a trusted proxy.

use std::net::SocketAddr;

use pop3_proto::proxy::{Addresses, Decoded, Decoder, Header, HeaderError, LOCAL, MixedFamilies, Tlv};
use proptest::collection::vec;
use proptest::prelude::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const TCP4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xC0, 0x00, 0, 110];
const TCP6: &[u8; 36] =
    b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xC0\x00\x03\xE3";

/// A header of version 2, written by hand.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, block].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind], u16::try_from(value.len()).unwrap().to_be_bytes().as_slice(), value].concat()
}

/// A PROXY header over IPv4 with these TLVs.
fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    v2(0x21, 0x11, &[&TCP4, tlvs].concat())
}

fn ssl(client: u8, verify: u32, tlvs: &[u8]) -> Vec<u8> {
    tlv(Tlv::SSL, &[&[client], verify.to_be_bytes().as_slice(), tlvs].concat())
}

/// The longest line there is: 107 octets.
fn longest() -> Vec<u8> {
    let ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    format!("PROXY UNKNOWN {ip} {ip} 65535 65535\r\n").into_bytes()
}

fn addresses(source: &str, destination: &str) -> Addresses {
    Addresses::new(source.parse().unwrap(), destination.parse().unwrap()).unwrap()
}

fn header(window: &[u8]) -> Header<'_> {
    match Decoder::new().decode(window) {
        Ok(Decoded::Header(header)) => header,
        other => panic!("{}: {other:?}", window.escape_ascii()),
    }
}

/// What can be compared of a header: octets, LOCAL, addresses, TLS (certificate, result), TLVs.
type Said = (usize, bool, Option<Addresses>, Option<(bool, u32)>, Vec<(u8, Vec<u8>)>);

fn said(header: &Header<'_>) -> Said {
    let said_of_tls = header.tls().map(|tls| (tls.has_certificate(), tls.verify_result()));
    let tlvs = header.tlvs().map(|tlv| (tlv.kind, tlv.value.to_vec())).collect();
    (header.octets(), header.is_local(), header.addresses(), said_of_tls, tlvs)
}

/// The result over a window, `None` when more is needed.
fn decoded(window: &[u8]) -> Result<Option<Said>, HeaderError> {
    Ok(match Decoder::new().decode(window)? {
        Decoded::Partial { .. } => None,
        Decoded::Header(header) => Some(said(&header)),
    })
}

/// The result when `input` comes in reads of `size` octets.
fn decoded_by(input: &[u8], size: usize) -> Result<Option<Said>, HeaderError> {
    let ends = (0..input.len()).step_by(size).chain([input.len()]);
    ends.map(|end| decoded(&input[..end])).find(|result| *result != Ok(None)).unwrap_or(Ok(None))
}

/// Valid headers of all kinds.
fn headers() -> Vec<Vec<u8>> {
    let version = [tlv(Tlv::SSL_VERSION, b"TLSv1.3"), tlv(Tlv::SSL_CIPHER, b"TLS_AES_256_GCM_SHA384")].concat();
    let names = [tlv(Tlv::ALPN, b"pop3"), tlv(Tlv::AUTHORITY, b"pop.example"), tlv(Tlv::NOOP, b"")].concat();
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
        LOCAL.to_vec(),
        v2(0x20, 0x11, &TCP4),
        v2(0x20, 0xFF, b"\x01\xFF\xFFnot TLVs"),
        with_tlvs(&tlv(0xE0, &[0; 993])),
    ]
}

/// Headers that aren't valid, and why.
fn malformed() -> Vec<(Vec<u8>, HeaderError)> {
    let lines: [(&[u8], HeaderError); 37] = [
        (b"CAPA\r\n", HeaderError::NotAHeader),
        (b"PASS secret\r\n", HeaderError::NotAHeader),
        (b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::NotAHeader),
        (b"\x16\x03\x01\x02\x00\x01", HeaderError::NotAHeader),
        (b" PROXY UNKNOWN\r\n", HeaderError::NotAHeader),
        (b"\r\nPROXY UNKNOWN\r\n", HeaderError::NotAHeader),
        (b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY\r\n", HeaderError::Line),
        (b"PROXY UNKNOWN\n", HeaderError::Line),
        (b"PROXY UNKNOWN\rx", HeaderError::Line),
        (b"PROXY UNKNOWN \n\r\n", HeaderError::Line),
        (b"PROXY UNKNOWNS\r\n", HeaderError::Line),
        (b"PROXY UNKNOW\r\n", HeaderError::Line),
        (b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4\r\n", HeaderError::Line),
        (b"PROXY TCP4 \r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", HeaderError::Line),
        (b"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7\t198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.007 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP6 fe80::7%1 fe80::1 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP6 [2001:db8::7] [2001:db8::1] 1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 00 2\r\n", HeaderError::Line),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", HeaderError::Line),
    ];
    let mut too_long = longest();
    too_long.insert(20, b'f');
    let twice = |tlv: Vec<u8>| with_tlvs(&tlv.repeat(2));
    let binary = [
        (too_long, HeaderError::LineTooLong),
        ([b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(), HeaderError::LineTooLong),
        ([b"PROXY TCP4 ".as_slice(), &[b'1'; 95], b"\0"].concat(), HeaderError::LineTooLong),
        (v2(0x11, 0x11, &TCP4), HeaderError::Command),
        (v2(0x31, 0x11, &TCP4), HeaderError::Command),
        (v2(0x22, 0x11, &TCP4), HeaderError::Command),
        (v2(0x21, 0x13, &TCP4), HeaderError::Family),
        (v2(0x21, 0x41, &TCP4), HeaderError::Family),
        (v2(0x21, 0x10, &TCP4), HeaderError::Family),
        (v2(0x21, 0x01, &TCP4), HeaderError::Family),
        (v2(0x21, 0x11, &TCP4[..11]), HeaderError::Addresses),
        (v2(0x21, 0x11, b""), HeaderError::Addresses),
        (v2(0x21, 0x21, &TCP6[..35]), HeaderError::Addresses),
        (v2(0x21, 0x31, &[0; 215]), HeaderError::Addresses),
        (with_tlvs(&[0; 997]), HeaderError::TooLong { octets: 1_025, limit: 1_024 }),
        (v2(0x20, 0, &vec![0; 65_535]), HeaderError::TooLong { octets: 65_551, limit: 1_024 }),
        (with_tlvs(&[Tlv::NOOP]), HeaderError::Tlv),
        (with_tlvs(&[Tlv::NOOP, 0]), HeaderError::Tlv),
        (with_tlvs(&[Tlv::NOOP, 0, 1]), HeaderError::Tlv),
        (with_tlvs(&[Tlv::NOOP, 0xFF, 0xFF, 0]), HeaderError::Tlv),
        (with_tlvs(&tlv(Tlv::UNIQUE_ID, &[0; 129])), HeaderError::Tlv),
        (with_tlvs(&tlv(Tlv::SSL, &[1, 0, 0, 0])), HeaderError::Tlv),
        (with_tlvs(&ssl(1, 0, &[Tlv::SSL_VERSION, 0, 2, b'T'])), HeaderError::Tlv),
        (with_tlvs(&tlv(Tlv::CRC32C, &[0; 3])), HeaderError::Tlv),
        (with_tlvs(&tlv(Tlv::CRC32C, &[0; 4])), HeaderError::Checksum),
        (twice(ssl(1, 0, b"")), HeaderError::DuplicateTlv),
        (checked(&[tlv(Tlv::CRC32C, &[0; 4]), tlv(Tlv::CRC32C, &[0; 4])].concat(), 31), HeaderError::DuplicateTlv),
    ];
    lines.into_iter().map(|(line, error)| (line.to_vec(), error)).chain(binary).collect()
}

/// The checksum by polynomial division as RFC 4960 describes it: octets mirrored, highest bit first.
fn checksum(octets: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for octet in octets {
        rest ^= u32::from(octet.reverse_bits()) << 24;
        for _ in 0..8 {
            rest = if rest >> 31 == 1 { (rest << 1) ^ 0x1EDC_6F41 } else { rest << 1 };
        }
    }
    (!rest).reverse_bits()
}

/// A header with these TLVs and the checksum of the whole at an offset that holds zeros.
fn checked(tlvs: &[u8], at: usize) -> Vec<u8> {
    let mut header = with_tlvs(tlvs);
    let sum = checksum(&header);
    header[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    header
}

#[test]
fn a_line_tells_who_the_client_is() {
    // R-OBS-05
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 49152 110\r\nCAPA\r\n";
    let four = header(line);
    assert_eq!(four.addresses(), Some(addresses("192.0.2.7:49152", "198.51.100.1:110")));
    assert_eq!(four.source(), Some("192.0.2.7:49152".parse().unwrap()));
    assert_eq!(four.destination(), Some("198.51.100.1:110".parse().unwrap()));
    assert_eq!(&line[four.octets()..], b"CAPA\r\n");
    let six = header(b"PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 49152 995\r\n");
    assert_eq!(six.addresses(), Some(addresses("[2001:db8::7]:49152", "[2001:db8::1]:995")));
    assert!(!six.is_local() && six.tls().is_none() && six.tlvs().next().is_none());
}

#[test]
fn an_unknown_client_leaves_the_sockets_own_addresses() {
    // R-OBS-05
    for line in [b"PROXY UNKNOWN\r\n".to_vec(), b"PROXY UNKNOWN 192.0.2.7 etc.\r\n".to_vec(), longest()] {
        assert_eq!(said(&header(&line)), (line.len(), false, None, None, vec![]), "{}", line.escape_ascii());
    }
}

#[test]
fn a_binary_header_tells_who_the_client_is() {
    // R-OBS-05
    assert_eq!(header(&with_tlvs(b"")).addresses(), Some(addresses("192.0.2.7:49152", "198.51.100.1:110")));
    assert_eq!(header(&v2(0x21, 0x21, TCP6)).addresses(), Some(addresses("[2001:db8::7]:49152", "[2001:db8::1]:995")));
}

#[test]
fn what_is_not_tcp_has_no_addresses_and_still_has_tlvs() {
    // R-OBS-05
    for (family, size) in [(0x00, 0), (0x12, 12), (0x22, 36), (0x31, 216), (0x32, 216)] {
        let octets = v2(0x21, family, &[vec![b'/'; size], tlv(Tlv::UNIQUE_ID, b"id")].concat());
        let header = header(&octets);
        assert_eq!((header.addresses(), header.is_local()), (None, false), "{family:#x}");
        assert_eq!(header.tlvs().value(Tlv::UNIQUE_ID), Some(b"id".as_slice()), "{family:#x}");
    }
}

#[test]
fn nothing_counts_in_a_local_header_but_its_length() {
    // R-OBS-05
    let whole = v2(0x20, 0x11, &[TCP4.as_slice(), &ssl(1, 0, b"")].concat());
    for octets in [LOCAL.to_vec(), whole, v2(0x20, 0x11, b""), v2(0x20, 0xFF, b"\x01\xFF\xFFnot TLVs")] {
        assert_eq!(said(&header(&octets)), (octets.len(), true, None, None, vec![]), "{}", octets.escape_ascii());
    }
}

#[test]
fn the_tls_of_the_client_is_what_the_proxy_says() {
    // R-8314-03
    let version = tlv(Tlv::SSL_VERSION, b"TLSv1.3");
    for (client, verify, expected) in [
        (0, 0, None),
        (2 | 4, 0, None),
        (1, 0, Some((false, false))),
        (1, 1, Some((false, false))),
        (1 | 2, 0, Some((true, true))),
        (1 | 4, 0, Some((true, true))),
        (1 | 2, 18, Some((true, false))),
        (0xFF, 0, Some((true, true))),
    ] {
        let octets = with_tlvs(&ssl(client, verify, &version));
        let tls = header(&octets).tls();
        let told = tls.as_ref().map(|tls| (tls.has_certificate(), tls.is_verified()));
        assert_eq!(told, expected, "{client:#x} {verify}");
        if let Some(tls) = tls {
            assert_eq!(tls.verify_result(), verify);
            assert_eq!(tls.tlvs().value(Tlv::SSL_VERSION), Some(b"TLSv1.3".as_slice()));
        }
    }
    assert!(header(&with_tlvs(b"")).tls().is_none());
}

#[test]
fn tlvs_are_told_in_order_and_borrowed() {
    // R-OBS-05
    let id = [7; 128];
    let all: [(u8, &[u8]); 6] = [
        (Tlv::ALPN, b"pop3"),
        (0xEA, b"\x01vpce"),
        (Tlv::AUTHORITY, b""),
        (0xEA, b"again"),
        (Tlv::UNIQUE_ID, &id),
        (0, b"?"),
    ];
    let octets = with_tlvs(&all.map(|(kind, value)| tlv(kind, value)).concat());
    let header = header(&octets);
    assert_eq!(header.tlvs().map(|tlv| (tlv.kind, tlv.value)).collect::<Vec<_>>(), all);
    assert_eq!(header.tlvs().value(0xEA), Some(b"\x01vpce".as_slice()), "the first one");
    assert_eq!(header.tlvs().value(Tlv::NETNS), None);
    let alpn = header.tlvs().value(Tlv::ALPN).unwrap();
    assert!(octets.as_ptr_range().contains(&alpn.as_ptr()));
}

#[test]
fn a_checksum_is_checked_wherever_it_stands() {
    // R-OBS-05
    assert_eq!(checksum(b"123456789"), 0xE306_9283, "the check value of CRC-32C");
    let sum = tlv(Tlv::CRC32C, &[0; 4]);
    for (tlvs, at) in [
        (sum.clone(), 31),
        ([sum.clone(), tlv(Tlv::ALPN, b"pop3")].concat(), 31),
        ([tlv(Tlv::ALPN, b"pop3"), sum.clone(), ssl(1, 0, b"")].concat(), 38),
    ] {
        let right = checked(&tlvs, at);
        assert_eq!(header(&[&right, b"CAPA\r\n".as_slice()].concat()).octets(), right.len());
        for bit in 0..8 * right.len() {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let accepted = matches!(decoded(&wrong), Ok(Some((_, false, ..))));
            // The type of the checksum itself is one of its octets: without it, nothing is checked.
            assert!(!accepted || wrong[at - 3] != Tlv::CRC32C, "bit {bit}");
        }
    }
}

#[test]
fn malformed_headers_are_typed_errors() {
    // R-OBS-05
    for (octets, error) in malformed() {
        assert_eq!(decoded(&octets), Err(error), "{}", octets.escape_ascii());
    }
}

#[test]
fn a_header_may_be_as_long_as_the_limit() {
    // R-GEN-04
    let of = |octets: usize| v2(0x20, 0, &vec![0; octets - 16]);
    for (limit, bound) in [(0, 536), (535, 536), (536, 536), (600, 600), (1_024, 1_024), (usize::MAX, 65_551)] {
        let decoder = Decoder::new().limit(limit);
        assert!(matches!(decoder.decode(&of(bound)), Ok(Decoded::Header(header)) if header.octets() == bound));
        if bound < 65_551 {
            // The front tells, so that nothing more is read of it.
            let error = decoder.decode(&of(bound + 1)[..16]).unwrap_err();
            assert_eq!(error, HeaderError::TooLong { octets: bound + 1, limit: bound });
        }
    }
    assert_eq!((Decoder::default(), longest().len()), (Decoder::new().limit(Decoder::DEFAULT_LIMIT), 107));
}

#[test]
fn every_prefix_of_a_header_needs_more() {
    // R-GEN-01
    for octets in headers() {
        for end in 0..octets.len() {
            assert_eq!(decoded(&octets[..end]), Ok(None), "{}", octets[..end].escape_ascii());
        }
        assert!(matches!(decoded(&octets), Ok(Some((length, ..))) if length == octets.len()));
    }
}

#[test]
fn any_split_gives_the_same() {
    // R-GEN-01
    let valid = headers().into_iter().map(|header| [&header, b"\x16\x03\x01PROXY\r\n".as_slice()].concat());
    for octets in valid.chain(malformed().into_iter().map(|(octets, _)| octets)) {
        let whole = decoded(&octets);
        assert_ne!(whole, Ok(None));
        for size in [1, 2, 3, 7, 15, 16, 17, 64, 536] {
            assert_eq!(decoded_by(&octets, size), whole, "{} by {size}", octets.escape_ascii());
        }
    }
}

#[test]
fn what_cannot_be_a_header_fails_at_its_first_wrong_octet() {
    // R-OBS-05: the peer is let go before it is waited for
    for (octets, at) in [
        (b"\x16\x03".as_slice(), 1),
        (b"PASS", 2),
        (b"\r\n\r\nQ", 5),
        (b"PROXY UDP", 8),
        (b"PROXY UNKNOWN\n", 14),
        (b"PROXY TCP4 \0", 12),
        (b"\r\n\r\n\0\r\nQUIT\n\x11", 13),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x44", 14),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0B", 16),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x04\x00", 16),
    ] {
        assert_eq!(decoded(&octets[..at - 1]), Ok(None), "{}", octets.escape_ascii());
        assert!(decoded(&octets[..at]).is_err(), "{}", octets.escape_ascii());
    }
}

#[test]
fn reading_what_is_missing_never_takes_what_follows() {
    // R-OBS-05: TLS begins right behind the header
    for octets in headers() {
        let (mut filled, mut reads) = (0, 0);
        loop {
            match Decoder::new().decode(&octets[..filled]).unwrap() {
                Decoded::Partial { missing } => {
                    assert!(missing > 0 && filled + missing <= octets.len(), "{}", octets.escape_ascii());
                    filled += missing;
                    reads += 1;
                }
                Decoded::Header(header) => break assert_eq!((header.octets(), filled), (octets.len(), octets.len())),
            }
        }
        assert!(reads <= 3 || octets.starts_with(b"P") && reads <= 48, "{reads} reads");
    }
}

#[test]
fn addresses_are_of_one_family() {
    let (four, six) = ("192.0.2.7:1".parse().unwrap(), "[::1]:1".parse().unwrap());
    assert_eq!(Addresses::new(four, six), Err(MixedFamilies));
    assert_eq!(Addresses::new(six, four), Err(MixedFamilies));
    assert!(Addresses::new(six, six).is_ok_and(|both| both.source() == six && both.destination() == six));
}

#[test]
fn a_header_that_cannot_say_its_length_is_not_written() {
    let addresses = addresses("[::1]:1", "[::1]:2");
    let value = vec![0; 65_535];
    let encode = |value: &[u8]| {
        let mut out = Vec::new();
        (addresses.encode(&[Tlv { kind: Tlv::NOOP, value }], &mut out), out.len())
    };
    assert_eq!(encode(&value[..65_496]), (Ok(()), 65_551));
    assert_eq!(encode(&value[..65_497]), (Err(HeaderError::TooLong { octets: 65_552, limit: 65_551 }), 0));
    assert_eq!(encode(&value), (Err(HeaderError::TooLong { octets: 65_590, limit: 65_551 }), 0));
}

fn ends() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let four = any::<([u8; 4], [u8; 4])>().prop_map(|(from, to)| (from.into(), to.into()));
    let six = any::<([u16; 8], [u16; 8])>().prop_map(|(from, to)| (from.into(), to.into()));
    let ports = any::<(u16, u16)>();
    (prop_oneof![four, six], ports).prop_map(|((from, to), (source, destination))| {
        (SocketAddr::new(from, source), SocketAddr::new(to, destination))
    })
}

/// Octets that are a header or nearly one.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let edited = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), vec(any::<u8>(), 0..3), 0..3_usize)
        .prop_map(|(which, at, put, gone)| {
            let mut all = headers();
            all.extend(malformed().into_iter().map(|(octets, _)| octets).filter(|octets| octets.len() < 2_000));
            let mut octets = which.get(&all).clone();
            let at = at.index(octets.len());
            octets.splice(at..(at + gone).min(octets.len()), put);
            octets
        });
    let signed = vec(any::<u8>(), 0..64).prop_map(|rest| [SIGNATURE, b"\x21", &rest].concat());
    prop_oneof![
        edited,
        signed,
        vec(any::<u8>(), 0..64),
        "PROXY (TCP[46]|UNKNOWN)[ 0-9a-f.:\r\n]{0,110}".prop_map(String::into_bytes)
    ]
}

proptest! {
    #[test]
    fn whatever_comes_any_split_gives_the_same(octets in nearly(), size in 1..40_usize) {
        // R-GEN-01
        let whole = decoded(&octets);
        prop_assert_eq!(decoded_by(&octets, size), whole.clone());
        prop_assert_eq!(decoded_by(&octets, 1), whole);
    }

    #[test]
    fn what_is_written_is_read_back((source, destination) in ends(), tlvs in vec((0x40..=0xFF_u8, vec(any::<u8>(), 0..40)), 0..9)) {
        // R-OBS-05
        let addresses = Addresses::new(source, destination).unwrap();
        let list: Vec<_> = tlvs.iter().map(|(kind, value)| Tlv { kind: *kind, value }).collect();
        let mut out = Vec::new();
        addresses.encode(&list, &mut out).unwrap();
        prop_assert_eq!(said(&header(&out)), (out.len(), false, Some(addresses), None, tlvs));

        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.port(), destination.port());
        let line = format!("PROXY {family} {} {} {from} {to}\r\n", source.ip(), destination.ip());
        prop_assert_eq!(said(&header(line.as_bytes())), (line.len(), false, Some(addresses), None, vec![]));
    }
}
