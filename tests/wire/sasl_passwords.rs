//! PLAIN, LOGIN and CRAM-MD5 (RFC 4616, RFC 2195).

use pop3_proto::auth::sasl::{CramMd5, InvalidMessage, LOGIN_PROMPTS, Message, Plain, base64};
use pop3_proto::wire::{Digest, InvalidCredential, Name, Password, Timestamp};
use proptest::prelude::*;

/// The challenge, the secret and the digest of RFC 2195 §2.
const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";
const SECRET: &[u8] = b"tanstaaftanstaaf";
const DIGEST: &str = "b913a602c7eda7a495b4e6e7334d3890";

const EMPTY: InvalidMessage = InvalidMessage::Credential(InvalidCredential::Empty);
const FORBIDDEN: InvalidMessage = InvalidMessage::Credential(InvalidCredential::ForbiddenOctet);

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    assert_eq!(out.len(), message.encoded_len());
    out
}

fn name(octets: &[u8]) -> Name<'_> {
    Name::new(octets).unwrap()
}

fn password(octets: &[u8]) -> Password<'_> {
    Password::new(octets).unwrap()
}

#[test]
fn the_examples_of_plain_are_understood_and_written() {
    // R-5034-13; RFC 4616 §4
    for (message, plain) in [
        (
            b"\0tim\0tanstaaftanstaaf".as_slice(),
            Plain { authorization: None, name: name(b"tim"), password: password(b"tanstaaftanstaaf") },
        ),
        (
            b"Ursel\0Kurt\0xipj3plmq",
            Plain { authorization: Some(name(b"Ursel")), name: name(b"Kurt"), password: password(b"xipj3plmq") },
        ),
    ] {
        assert_eq!(Plain::parse(message), Ok(plain));
        assert_eq!(encoded(&plain), message);
    }
}

#[test]
fn plain_has_exactly_three_parts() {
    // R-5034-13
    for message in
        ["", "tim", "tim\0secret", "\0tim", "\0tim\0secret\0", "\0tim\0secret\0more", "\0\0tim\0secret", "\0\0\0"]
    {
        assert_eq!(Plain::parse(message.as_bytes()), Err(InvalidMessage::Form), "{message:?}");
    }
}

#[test]
fn plain_without_a_name_or_a_password_is_malformed() {
    // R-5034-13
    for message in ["\0\0", "\0tim\0", "\0\0secret", "tim\0\0secret"] {
        assert_eq!(Plain::parse(message.as_bytes()), Err(EMPTY), "{message:?}");
    }
}

#[test]
fn names_with_control_octets_are_refused_wherever_they_come_from() {
    // R-1939-04, R-OBS-06
    for octet in ["\r", "\n", "\t", "\u{7f}", "\r\nDELE 1\r\n"] {
        for message in [format!("\0ti{octet}m\0secret"), format!("a{octet}\0tim\0secret")] {
            assert_eq!(Plain::parse(message.as_bytes()), Err(FORBIDDEN), "{message:?}");
        }
        let response = format!("ti{octet}m {DIGEST}");
        assert_eq!(CramMd5::parse(response.as_bytes()), Err(FORBIDDEN), "{response:?}");
        assert_eq!(Name::new(octet), Err(InvalidCredential::ForbiddenOctet), "LOGIN's first response is a name");
    }
}

#[test]
fn a_password_has_an_octet_and_no_line_end_or_nul_however_it_is_carried() {
    // R-5034-13, R-OBS-06, R-1939-04: what the other side would take for two parts or two commands can't be made
    assert_eq!(Password::new(""), Err(InvalidCredential::Empty));
    for (octets, error) in [
        ("a\0b", InvalidCredential::ForbiddenOctet),
        ("a\r\0b", InvalidCredential::ForbiddenOctet),
        ("secret\r\nDELE 1", InvalidCredential::LineEnd),
        ("\r", InvalidCredential::LineEnd),
        ("\n", InvalidCredential::LineEnd),
    ] {
        assert_eq!(Password::new(octets), Err(error), "{octets:?}");
    }
    for octet in ["\r", "\n", "\r\nDELE 1\r\n"] {
        let message = format!("\0tim\0secret{octet}");
        let refused = InvalidMessage::Credential(InvalidCredential::LineEnd);
        assert_eq!(Plain::parse(message.as_bytes()), Err(refused), "{message:?}");
    }
    assert!(Plain::parse("\0tim\0a b\u{e9}\t".as_bytes()).unwrap().password.matches("a b\u{e9}\t".as_bytes()));
    assert_eq!(Name::new("a\0b"), Err(InvalidCredential::ForbiddenOctet));
}

#[test]
fn to_act_for_oneself_is_nothing_special() {
    // R-5034-13: some clients send their name twice
    assert_eq!(Plain::parse(b"test\0test\0secret").unwrap().other_identity(), None);
    assert_eq!(Plain::parse(b"\0test\0secret").unwrap().other_identity(), None);
    assert_eq!(Plain::parse(b"Test\0test\0secret").unwrap().other_identity(), Some(name(b"Test")));
}

#[test]
fn login_asks_for_the_name_and_then_for_the_password() {
    for (prompt, text) in LOGIN_PROMPTS.into_iter().zip(["VXNlcm5hbWU6", "UGFzc3dvcmQ6"]) {
        let mut out = Vec::new();
        base64::encode(prompt, &mut out);
        assert_eq!(out, text.as_bytes());
    }
}

#[test]
fn the_example_of_cram_md5_is_understood_and_written() {
    // RFC 2195 §2, RFC 5034 §6
    let challenge = Timestamp::new(CHALLENGE).unwrap();
    let mut out = Vec::new();
    base64::encode(challenge.as_str(), &mut out);
    assert_eq!(out, b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+");
    let response = CramMd5::new(name(b"tim"), CHALLENGE.as_bytes(), SECRET);
    assert_eq!(encoded(&response), format!("tim {DIGEST}").as_bytes());
    out.clear();
    base64::encode(&response, &mut out);
    assert_eq!(out, b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
    let parsed = CramMd5::parse(format!("tim {}", DIGEST.to_uppercase()).as_bytes()).map(|parsed| parsed == response);
    assert_eq!(parsed, Ok(true));
    assert!(response.verify(&challenge, SECRET));
    assert!(!response.verify(&challenge, b"tanstaaftanstaa"));
    assert!(!response.verify(&Timestamp::new("<1@postoffice.reston.mci.net>").unwrap(), SECRET));
}

#[test]
fn secrets_of_any_length_make_the_digests_of_rfc_2202() {
    // RFC 2202 §2: the key is short, fills a block, is longer than one
    for (secret, text, digest) in [
        ([0x0b; 16].as_slice(), b"Hi There".as_slice(), "9294727a3638bb1c13f48ef8158bfc9d"),
        (b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        (&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First", "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
    ] {
        let response = CramMd5::new(name(b"a"), text, secret);
        assert!(response.digest == Digest::from_hex(digest.as_bytes()).unwrap());
    }
    let of_a_block = CramMd5::new(name(b"a"), b"text", &[1; 64]);
    assert!(of_a_block != CramMd5::new(name(b"a"), b"text", &[1; 63]));
    assert!(of_a_block != CramMd5::new(name(b"a"), b"text", &[1; 65]));
}

#[test]
fn the_digest_of_cram_md5_is_the_last_word() {
    // RFC 2195 §2: the name may hold spaces
    for known in ["m rose", " mrose", "mrose ", "a  b", "\u{fc}"] {
        let response = format!("{known} {DIGEST}");
        assert_eq!(CramMd5::parse(response.as_bytes()).unwrap().name, name(known.as_bytes()));
    }
    for (response, error) in [
        (String::new(), InvalidMessage::Form),
        (DIGEST.into(), InvalidMessage::Form),
        (format!(" {DIGEST}"), EMPTY),
        (format!("tim {DIGEST} "), InvalidMessage::Form),
        (format!("tim {DIGEST}0"), InvalidMessage::Form),
        (format!("tim\t{DIGEST}"), InvalidMessage::Form),
        ("tim b913".into(), InvalidMessage::Form),
    ] {
        assert_eq!(CramMd5::parse(response.as_bytes()), Err(error), "{response:?}");
    }
}

#[test]
fn passwords_and_digests_are_not_shown() {
    // R-GEN-07
    let plain = Plain::parse(b"\0tim\0tanstaaf").unwrap();
    let shown = r#"Plain { authorization: None, name: Name("tim"), password: Password(..) }"#;
    assert_eq!(format!("{plain:?}"), shown);
    let response = CramMd5::new(name(b"tim"), CHALLENGE.as_bytes(), SECRET);
    assert_eq!(format!("{response:?}"), r#"CramMd5 { name: Name("tim"), digest: Digest(..) }"#);
    assert!(!format!("{plain:#?}{response:#?}").contains("tanstaaf"));
}

proptest! {
    #[test]
    fn plain_comes_back_from_its_message(
        authorization in proptest::option::of("[ -~\u{e9}]{1,20}"),
        user in "[ -~\u{e9}]{1,20}",
        secret in proptest::collection::vec((1_u8..=255).prop_filter("a line end", |octet| !b"\r\n".contains(octet)), 1..30),
    ) {
        let authorization = authorization.as_ref().map(|octets| Name::new(octets).unwrap());
        let plain = Plain { authorization, name: name(user.as_bytes()), password: password(&secret) };
        let message = encoded(&plain);
        prop_assert_eq!(Plain::parse(&message), Ok(plain));
    }

    #[test]
    fn cram_md5_comes_back_from_its_response_and_proves_the_secret_only(
        user in "[ -~\u{e9}]{1,20}",
        secret in proptest::collection::vec(any::<u8>(), 0..100),
        other in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let response = CramMd5::new(name(user.as_bytes()), CHALLENGE.as_bytes(), &secret);
        let octets = encoded(&response);
        let parsed = CramMd5::parse(&octets).unwrap();
        prop_assert!(parsed == response);
        let challenge = Timestamp::new(CHALLENGE).unwrap();
        prop_assert!(parsed.verify(&challenge, &secret));
        // HMAC fills keys up with zeros.
        let trimmed = |key: &[u8]| key.iter().rposition(|octet| *octet != 0).map(|last| key[..=last].to_vec());
        prop_assert_eq!(parsed.verify(&challenge, &other), trimmed(&secret) == trimmed(&other));
    }

    #[test]
    fn any_octets_are_understood_or_refused_and_what_is_understood_is_written_as_it_came(
        message in proptest::collection::vec(prop_oneof![Just(0), Just(b' '), any::<u8>()], 0..50)
    ) {
        if let Ok(plain) = Plain::parse(&message) {
            prop_assert_eq!(encoded(&plain), message.clone());
        }
        if let Ok(response) = CramMd5::parse(&message) {
            prop_assert_eq!(encoded(&response).to_ascii_lowercase(), message.to_ascii_lowercase());
        }
    }
}
