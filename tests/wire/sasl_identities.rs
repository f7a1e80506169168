//! EXTERNAL and ANONYMOUS: nothing secret is said (RFC 4422 appendix A, RFC 4505).

use pop3_proto::auth::sasl::{Anonymous, External, InvalidMessage, Message, base64};
use pop3_proto::wire::{InvalidCredential, Name};
use proptest::prelude::*;

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    assert_eq!(out.len(), message.encoded_len());
    out
}

#[test]
fn external_names_somebody_or_nobody() {
    // RFC 4422 appendix A.1; R-5034-02
    let own = External { authorization: None };
    let fred = External { authorization: Some(Name::new("fred@example.com").unwrap()) };
    for (message, external) in [(b"".as_slice(), own), (b"fred@example.com", fred)] {
        assert_eq!(External::parse(message), Ok(external));
        assert_eq!(encoded(&external), message);
    }
}

#[test]
fn external_takes_no_control_octets() {
    // R-OBS-06
    for message in ["a\0", "\0", "a\r\nDELE 1", "\t", "\u{7f}"] {
        let error = InvalidMessage::Credential(InvalidCredential::ForbiddenOctet);
        assert_eq!(External::parse(message.as_bytes()), Err(error), "{message:?}");
    }
}

#[test]
fn the_example_of_anonymous_is_understood_and_written() {
    // RFC 4505 §3
    let sirhc = Anonymous::new("sirhc").unwrap();
    let mut out = Vec::new();
    base64::encode(&sirhc, &mut out);
    assert_eq!(out, b"c2lyaGM=");
    assert_eq!(Anonymous::parse(b"sirhc"), Ok(sirhc));
    assert_eq!(Anonymous::parse(b""), Anonymous::new(""));
    assert_eq!(encoded(&Anonymous::new("").unwrap()), b"");
}

#[test]
fn a_trace_has_255_characters_and_no_control_characters() {
    // RFC 4505 §2 and §3: of any length in octets, CR, LF and NUL among the control characters
    let longest = "\u{1f4ec}".repeat(Anonymous::MAX_CHARACTERS);
    assert_eq!(Anonymous::parse(longest.as_bytes()).unwrap().as_str(), longest);
    let too_long = "a".repeat(Anonymous::MAX_CHARACTERS + 1);
    for text in [too_long.as_str(), "a\r\nDELE 1", "\0", "a\tb", "\u{7f}", "\u{85}"] {
        assert_eq!(Anonymous::parse(text.as_bytes()), Err(InvalidMessage::Text), "{text:?}");
        assert_eq!(Anonymous::new(text), Err(InvalidMessage::Text), "{text:?}");
    }
    assert_eq!(Anonymous::parse(b"caf\xe9"), Err(InvalidMessage::Text));
}

proptest! {
    #[test]
    fn any_octets_are_understood_or_refused_and_what_is_understood_is_written_as_it_came(
        message in prop_oneof![proptest::collection::vec(any::<u8>(), 0..40), ".{0,30}".prop_map(String::into_bytes)]
    ) {
        if let Ok(external) = External::parse(&message) {
            prop_assert_eq!(encoded(&external), message.clone());
        }
        if let Ok(anonymous) = Anonymous::parse(&message) {
            prop_assert_eq!(encoded(&anonymous), message.clone());
        }
    }
}
