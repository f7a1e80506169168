//! The PROXY protocol's header, versions 1 and 2, in front of a connection from a trusted proxy.

use std::net::{IpAddr, SocketAddr};

use pop3_proto::proxy_protocol::{Addresses, DEFAULT_LIMIT, Decoded, HeaderError, Tlv, decode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::proxy_headers::*;

#[test]
fn a_line_tells_who_the_client_is() {
    // R-OBS-05
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 49152 110\r\nCAPA\r\n";
    let four = header(line);
    assert_eq!(four.addresses, Some(addresses("192.0.2.7:49152", "198.51.100.1:110")));
    assert_eq!(four.source(), Some("192.0.2.7:49152".parse().unwrap()));
    assert_eq!(four.addresses.map(|ends| ends.destination), Some("198.51.100.1:110".parse().unwrap()));
    assert_eq!(&line[four.encoded_len..], b"CAPA\r\n");
    let six = header(b"PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 49152 995\r\n");
    assert_eq!(six.addresses, Some(addresses("[2001:db8::7]:49152", "[2001:db8::1]:995")));
    assert!(!six.is_local && six.tls().is_none() && six.tlvs.clone().next().is_none());
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
    assert_eq!(header(&with_tlvs(b"")).addresses, Some(addresses("192.0.2.7:49152", "198.51.100.1:110")));
    assert_eq!(header(&v2(0x21, 0x21, TCP6)).addresses, Some(addresses("[2001:db8::7]:49152", "[2001:db8::1]:995")));
}

#[test]
fn what_is_not_tcp_has_no_addresses_and_still_has_tlvs() {
    // R-OBS-05
    for (family, size) in [(0x12, 12), (0x22, 36), (0x31, 216), (0x32, 216)] {
        let octets = v2(0x21, family, &[vec![b'/'; size], tlv(Tlv::UNIQUE_ID, b"id")].concat());
        let header = header(&octets);
        assert_eq!((header.addresses, header.is_local), (None, false), "{family:#x}");
        assert_eq!(header.tlvs.value(Tlv::UNIQUE_ID), Some(b"id".as_slice()), "{family:#x}");
    }
}

#[test]
fn what_follows_unspec_is_ignored_whatever_it_is() {
    // R-OBS-05: addresses of any kind may come first, so TLVs can't be told from them. Such addresses could even pass for
    // the TLV of a client's TLS: 32.0.9.1 is the front of one.
    let like_tls = [&[32, 0, 9, 1], &[192, 0, 2, 1], [0xC0, 0, 1, 7].as_slice()].concat();
    assert!(header(&with_tlvs(&like_tls)).tls().is_some());
    for block in [
        &[][..],
        &TCP4,
        TCP6,
        &[b'/'; 216],
        &like_tls,
        &tlv(Tlv::UNIQUE_ID, b"id"),
        &ssl(1, 0, b""),
        &[TCP4.as_slice(), &ssl(1, 0, b"")].concat(),
        &[0xFF; 300],
        &[1],
    ] {
        let octets = v2(0x21, 0x00, block);
        let followed = [&octets, b"CAPA\r\n".as_slice()].concat();
        assert_eq!(said(&header(&followed)), (octets.len(), false, None, None, vec![]), "{}", block.escape_ascii());
    }
}

#[test]
fn nothing_counts_in_a_local_header_but_its_length() {
    // R-OBS-05
    let whole = v2(0x20, 0x11, &[TCP4.as_slice(), &ssl(1, 0, b"")].concat());
    for octets in [v2(0x20, 0, b""), whole, v2(0x20, 0x11, b""), v2(0x20, 0xFF, b"\x01\xFF\xFFnot TLVs")] {
        assert_eq!(said(&header(&octets)), (octets.len(), true, None, None, vec![]), "{}", octets.escape_ascii());
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
        assert!(matches!(decode(&of(bound), limit), Ok(Decoded::Header(header)) if header.encoded_len == bound));
        if bound < 65_551 {
            // The front tells, so that nothing more is read of it.
            let error = decode(&of(bound + 1)[..16], limit).unwrap_err();
            assert_eq!(error, HeaderError::TooLong { octets: bound + 1, limit: bound });
        }
    }
    assert_eq!(longest().len(), 107);
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
            match decode(&octets[..filled], DEFAULT_LIMIT).unwrap() {
                Decoded::Partial { missing } => {
                    assert!(missing > 0 && filled + missing <= octets.len(), "{}", octets.escape_ascii());
                    filled += missing;
                    reads += 1;
                }
                Decoded::Header(header) => {
                    break assert_eq!((header.encoded_len, filled), (octets.len(), octets.len()));
                }
            }
        }
        assert!(reads <= 3 || octets.starts_with(b"P") && reads <= 48, "{reads} reads");
    }
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
    fn all_addresses_and_tlvs_are_read((source, destination) in ends(), tlvs in vec((0x40..=0xFF_u8, vec(any::<u8>(), 0..40)), 0..9)) {
        // R-OBS-05
        let addresses = Addresses { source, destination };
        let ip = |end: SocketAddr| match end.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
        let list: Vec<_> = tlvs.iter().flat_map(|(kind, value)| tlv(*kind, value)).collect();
        let octets = v2(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &[ip(source), ip(destination), ports, list].concat());
        prop_assert_eq!(said(&header(&octets)), (octets.len(), false, Some(addresses), None, tlvs));

        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.port(), destination.port());
        let line = format!("PROXY {family} {} {} {from} {to}\r\n", source.ip(), destination.ip());
        prop_assert_eq!(said(&header(line.as_bytes())), (line.len(), false, Some(addresses), None, vec![]));
    }
}
