//! What stands behind the addresses in a binary header of the PROXY protocol: the client's TLS, checksums, and more.

use pop3_proto::proxy_protocol::Tlv;

use crate::common::checksum;
use crate::proxy_headers::*;

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
            assert_eq!(tls.verify_result, verify);
            assert_eq!(tls.tlvs.value(Tlv::SSL_VERSION), Some(b"TLSv1.3".as_slice()));
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
    assert_eq!(header.tlvs.clone().map(|tlv| (tlv.kind, tlv.value)).collect::<Vec<_>>(), all);
    assert_eq!(header.tlvs.value(0xEA), Some(b"\x01vpce".as_slice()), "the first one");
    assert_eq!(header.tlvs.value(0x30), None);
    let alpn = header.tlvs.value(Tlv::ALPN).unwrap();
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
        assert_eq!(header(&[&right, b"CAPA\r\n".as_slice()].concat()).encoded_len, right.len());
        for bit in 0..8 * right.len() {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let accepted = matches!(decoded(&wrong), Ok(Some((_, false, ..))));
            // The type of the checksum itself is one of its octets: without it, nothing is checked.
            assert!(!accepted || wrong[at - 3] != Tlv::CRC32C, "bit {bit}");
        }
    }
}
