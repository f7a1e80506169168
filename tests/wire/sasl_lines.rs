//! SASL lines: mechanisms by name, strict base64, and what is absent or empty (RFC 4422, RFC 5034 §4).

use pop3_proto::auth::sasl::base64::{self, InvalidBase64};
use pop3_proto::auth::sasl::{InvalidMechanism, Mechanism, Message, Opening, line};
use proptest::prelude::*;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn decode(text: &[u8]) -> Result<Vec<u8>, InvalidBase64> {
    let mut text = text.to_vec();
    let octets = base64::decode(&mut text)?;
    text.truncate(octets);
    Ok(text)
}

fn decode_initial_response(argument: &[u8]) -> Result<Vec<u8>, InvalidBase64> {
    let mut argument = argument.to_vec();
    let octets = line::decode_initial_response(&mut argument)?;
    argument.truncate(octets);
    Ok(argument)
}

fn encode(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    base64::encode(octets, &mut out);
    out
}

/// A message that comes in pieces of so many octets.
struct InPieces<'a>(&'a [u8], usize);

impl Message for InPieces<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        self.0.chunks(self.1).for_each(put);
    }
}

#[test]
fn the_examples_of_rfc_4648_are_decoded_and_encoded() {
    // R-5034-08; RFC 4648 §10
    for (octets, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(decode(text.as_bytes()).unwrap(), octets.as_bytes());
        assert_eq!(encode(octets.as_bytes()), text.as_bytes());
        assert_eq!(base64::encoded_len(octets.len()), text.len());
    }
    assert_eq!(base64::encoded_len(usize::MAX), usize::MAX);
}

#[test]
fn base64_that_is_not_strict_is_refused() {
    // R-5034-08
    for text in [
        "=",
        "==",
        "===",
        "====",
        "A",
        "AA",
        "AAA",
        "AA=",
        "A===",
        "A=AA",
        "=AAA",
        "AA=A",
        "AAAAA",
        "AAAA=",
        "AAAA====",
        "AA==AAAA",
        "AAA=AAAA",
        "*",
        " ",
        "AAA A",
        "AAAA ",
        " AAAA",
        "AAAA\r",
        "AAAA\n",
        "\tAAAA",
        "AA\r\nAA",
        "AAA\0",
        "AAAA\0",
        "AA-_",
        "AAA\u{e9}",
        "AAA,",
        "Zg==\r",
        "Zg= =",
    ] {
        assert_eq!(decode(text.as_bytes()), Err(InvalidBase64), "{text:?}");
    }
}

#[test]
fn spare_bits_must_be_zero() {
    // R-5034-08: of four bits in one octet, of two bits in two
    for (at, &last) in ALPHABET.iter().enumerate() {
        assert_eq!(decode(&[b'A', last, b'=', b'=']).is_ok(), at % 16 == 0);
        assert_eq!(decode(&[b'A', b'A', last, b'=']).is_ok(), at % 4 == 0);
    }
}

#[test]
fn one_foreign_octet_anywhere_is_enough() {
    // R-5034-08: also where the decoder goes from one block to the next
    let text = encode(&[b'x'; 600]);
    for at in 0..text.len() {
        for octet in *b"=\r\0 -" {
            let mut text = text.clone();
            text[at] = octet;
            // At the end, `eHh=` has spare bits.
            assert!(decode(&text).is_err(), "{octet:?} at {at}");
        }
    }
}

#[test]
fn an_end_in_the_middle_is_refused_wherever_it_is() {
    // R-5034-08: two texts are not one
    for octets in [1, 2, 190, 191, 192, 193, 382, 383, 385] {
        let text = [encode(&vec![0; octets]), encode(b"abc")].concat();
        assert_eq!(decode(&text).is_ok(), octets % 3 == 0, "{octets}");
    }
}

#[test]
fn an_initial_response_may_be_absent_or_empty() {
    // R-5034-02
    assert_eq!(decode_initial_response(b"=").unwrap(), b"");
    assert_eq!(decode_initial_response(b"dGltAA==").unwrap(), b"tim\0");
    for argument in ["", "==", "= ", " =", "=\r", "*"] {
        assert_eq!(decode_initial_response(argument.as_bytes()), Err(InvalidBase64), "{argument:?}");
    }
    let auth = |response: Option<&[u8]>| {
        let mut out = Vec::new();
        line::encode_auth(Mechanism::EXTERNAL, response, &mut out);
        assert_eq!(out.len(), line::encoded_auth_len(Mechanism::EXTERNAL, response));
        String::from_utf8(out).unwrap()
    };
    assert_eq!(auth(None), "AUTH EXTERNAL\r\n");
    assert_eq!(auth(Some(b"")), "AUTH EXTERNAL =\r\n");
    assert_eq!(auth(Some(b"fred@example.com")), "AUTH EXTERNAL ZnJlZEBleGFtcGxlLmNvbQ==\r\n");
}

#[test]
fn the_line_of_auth_is_measured_before_it_is_written() {
    // R-5034-05: 255 octets, and one more
    assert_eq!(line::encoded_auth_len(Mechanism::PLAIN, Some([0; 180].as_slice())), 253);
    assert_eq!(line::encoded_auth_len(Mechanism::EXTERNAL, Some([0; 177].as_slice())), 252);
    assert_eq!(line::encoded_auth_len(Mechanism::EXTERNAL, Some([0; 180].as_slice())), 256);
    assert_eq!(line::encoded_auth_len(Mechanism::new("X").unwrap(), Some([0; 183].as_slice())), 253);
    assert_eq!(line::encoded_auth_len(Mechanism::new("XYZ").unwrap(), Some([0; 183].as_slice())), 255);
}

#[test]
fn an_empty_challenge_has_its_space_and_an_empty_response_is_an_empty_line() {
    // R-5034-03, R-5034-09, C11
    let mut out = Vec::new();
    line::encode_challenge(b"".as_slice(), &mut out);
    line::encode_response(b"".as_slice(), &mut out);
    line::encode_challenge(b"abc".as_slice(), &mut out);
    line::encode_response(b"d".as_slice(), &mut out);
    assert_eq!(out, b"+ \r\n\r\n+ YWJj\r\nZA==\r\n");
}

#[test]
fn a_mechanism_is_known_in_any_case_and_written_in_upper_case() {
    // R-5034-01
    for name in ["plain", "Plain", "PLAIN", "pLaIn"] {
        assert_eq!(Mechanism::new(name), Ok(Mechanism::PLAIN));
    }
    let longest = Mechanism::new("x-20_octets-long-abc").unwrap();
    assert_eq!(longest.as_str(), "X-20_OCTETS-LONG-ABC");
    assert_eq!(format!("{longest:?} {longest:>22}"), "Mechanism(X-20_OCTETS-LONG-ABC)   X-20_OCTETS-LONG-ABC");
}

#[test]
fn what_is_no_name_of_a_mechanism_is_refused() {
    // R-5034-01: a CR still attached to the name
    for name in
        ["", "PLAIN\r", " PLAIN", "PLAIN ", "A B", "PLA.IN", "A+B", "PLÄIN", "X-21-OCTETS-LONG-ABCD", "A\0", "*"]
    {
        assert_eq!(Mechanism::new(name), Err(InvalidMechanism), "{name:?}");
    }
    assert_eq!(Mechanism::new(b"\xff"), Err(InvalidMechanism));
}

#[test]
fn each_known_mechanism_tells_who_begins_and_whether_it_needs_a_secure_connection() {
    // R-5034-03, R-5034-04
    for (name, opening, cleartext) in [
        ("PLAIN", Opening::Client, true),
        ("LOGIN", Opening::Either, true),
        ("CRAM-MD5", Opening::Server, false),
        ("XOAUTH2", Opening::Client, true),
        ("OAUTHBEARER", Opening::Client, true),
        ("EXTERNAL", Opening::Client, false),
        ("ANONYMOUS", Opening::Client, false),
        ("SCRAM-SHA-1", Opening::Client, false),
        ("SCRAM-SHA-1-PLUS", Opening::Client, false),
        ("SCRAM-SHA-256", Opening::Client, false),
        ("SCRAM-SHA-256-PLUS", Opening::Client, false),
        ("GSSAPI", Opening::Client, false),
    ] {
        let mechanism = Mechanism::new(name).unwrap();
        let properties = mechanism.properties().unwrap();
        assert_eq!((properties.opening, properties.cleartext), (opening, cleartext), "{name}");
        assert_eq!(opening.takes_initial_response(), name != "CRAM-MD5");
        assert_eq!(mechanism.to_string(), name);
    }
    assert_eq!(Mechanism::new("X-UNKNOWN").unwrap().properties(), None);
}

proptest! {
    #[test]
    fn octets_come_back_from_their_base64_however_they_are_cut(
        octets in proptest::collection::vec(any::<u8>(), 0..700),
        piece in 1_usize..300,
    ) {
        let text = encode(&octets);
        prop_assert_eq!(text.len(), base64::encoded_len(octets.len()));
        prop_assert_eq!(&decode(&text).unwrap(), &octets);
        let mut in_pieces = Vec::new();
        base64::encode(&InPieces(&octets, piece), &mut in_pieces);
        prop_assert_eq!(in_pieces, text);
    }

    #[test]
    fn what_is_decoded_is_encoded_to_the_same_text(text in "[A-Da-c01+/=]{0,12}|[A-Za-z0-9+/]{252,264}={0,2}") {
        // R-5034-08: no octets have two texts
        if let Ok(octets) = decode(text.as_bytes()) {
            prop_assert_eq!(encode(&octets), text.as_bytes());
        }
    }

    #[test]
    fn any_octets_are_looked_at_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(octets) = decode(&text) {
            prop_assert_eq!(encode(&octets), text.clone());
        }
        if let Ok(mechanism) = Mechanism::new(&text) {
            prop_assert_eq!(mechanism.as_str().as_bytes(), text.to_ascii_uppercase());
        }
    }
}
