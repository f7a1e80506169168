//! XOAUTH2 and OAUTHBEARER (RFC 7628).

use core::num::NonZeroU16;

use pop3_proto::auth::sasl::{
    AuthorizationIdentity, BearerToken, Host, InvalidMessage, Message, OAuthBearer, XOAuth2, base64,
};
use pop3_proto::wire::{InvalidCredential, Name};
use proptest::prelude::*;

const EMPTY: InvalidMessage = InvalidMessage::Credential(InvalidCredential::Empty);
const FORBIDDEN: InvalidMessage = InvalidMessage::Credential(InvalidCredential::ForbiddenOctet);

fn encoded(message: &(impl Message + ?Sized)) -> String {
    let mut out = Vec::new();
    message.pieces(&mut |piece| out.extend_from_slice(piece));
    assert_eq!(out.len(), message.encoded_len());
    String::from_utf8(out).unwrap()
}

fn in_base64(message: &(impl Message + ?Sized)) -> String {
    let mut out = Vec::new();
    base64::encode(message, &mut out);
    String::from_utf8(out).unwrap()
}

fn decoded(text: &str) -> Vec<u8> {
    let mut text = text.as_bytes().to_vec();
    let octets = base64::decode(&mut text).unwrap();
    text.truncate(octets);
    text
}

/// A message of OAUTHBEARER, with `^` for 0x01.
fn bearer(text: &str) -> Result<String, InvalidMessage> {
    OAuthBearer::parse(text.replace('^', "\x01").as_bytes()).map(|message| encoded(&message).replace('\x01', "^"))
}

fn xoauth2(text: &str) -> Result<String, InvalidMessage> {
    XOAuth2::parse(text.replace('^', "\x01").as_bytes()).map(|message| encoded(&message).replace('\x01', "^"))
}

#[test]
fn the_example_of_oauthbearer_is_understood_and_written() {
    // R-7628-01; RFC 7628 §4.1
    let text = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRx\
                bVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";
    let octets = decoded(text);
    let message = OAuthBearer::parse(&octets).unwrap();
    let known = OAuthBearer {
        authorization: Some(AuthorizationIdentity::new("user@example.com").unwrap()),
        host: Some(Host::new("server.example.com").unwrap()),
        port: NonZeroU16::new(143),
        token: Some(BearerToken::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==").unwrap()),
    };
    assert_eq!(message, known);
    assert_eq!(in_base64(&message), text);
}

#[test]
fn a_client_without_a_token_may_ask_what_it_would_take() {
    // R-7628-01; RFC 7628 §4.3
    let text = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9AQE=";
    let octets = decoded(text);
    let message = OAuthBearer::parse(&octets).unwrap();
    assert_eq!(message.token, None);
    assert_eq!(in_base64(&message), text);
}

#[test]
fn a_failure_is_answered_before_the_exchange_is_over() {
    // R-7628-01
    assert_eq!(in_base64(OAuthBearer::FAILURE_ANSWER), "AQ==");
    assert_eq!(in_base64(XOAuth2::FAILURE_ANSWER), "");
    assert_eq!(OAuthBearer::parse(OAuthBearer::FAILURE_ANSWER), Err(InvalidMessage::Form));
    assert_eq!(XOAuth2::parse(XOAuth2::FAILURE_ANSWER), Err(InvalidMessage::Form));
}

#[test]
fn the_example_of_xoauth2_is_understood_and_written() {
    // R-7628-01: as its vendor documents it
    let text = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRH\
                RXVZMjl0Q2cBAQ==";
    let octets = decoded(text);
    let message = XOAuth2::parse(&octets).unwrap();
    assert_eq!(message.name, Name::new("someuser@example.com").unwrap());
    assert!(message.token.matches(b"ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
    assert_eq!(in_base64(&message), text);
}

#[test]
fn what_may_be_left_out_or_written_otherwise_is_understood() {
    // RFC 7628 §3.1: unknown keys are passed over, and the scheme is in any case
    assert_eq!(bearer("n,,^auth=Bearer t^^").unwrap(), "n,,^auth=Bearer t^^");
    assert_eq!(bearer("y,,^auth=bearer  t^^").unwrap(), "n,,^auth=Bearer t^^");
    assert_eq!(bearer("n,,^mthd=POST^auth=BEARER t^qs=a=b\r\n^port=0110^^").unwrap(), "n,,^port=110^auth=Bearer t^^");
    assert_eq!(xoauth2("auth=bearer t^x=^user=a b^^").unwrap(), "user=a b^auth=Bearer t^^");
}

#[test]
fn a_malformed_message_of_oauthbearer_is_refused() {
    // RFC 7628 §3.1
    for (text, error) in [
        ("", InvalidMessage::Form),
        ("n,,", InvalidMessage::Form),
        ("n,,^", InvalidMessage::Form),
        ("n,,^^", InvalidMessage::Form),
        ("n,,^host=a^^", InvalidMessage::Form),
        ("n,,^auth=Bearer t^", InvalidMessage::Form),
        ("n,,^auth=Bearer t^^^", InvalidMessage::Form),
        ("n,,^auth=Bearer t^^x", InvalidMessage::Form),
        ("n,,^^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^auth^^", InvalidMessage::Form),
        ("n,,^=x^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^a-b=x^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^auth=Bearer t^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^auth=^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^auth=Bearer^^", InvalidMessage::Token),
        ("n,,^auth=Bearer ^^", InvalidMessage::Token),
        ("n,,^auth=Bearert^^", InvalidMessage::Token),
        ("n,,^auth=Basic t^^", InvalidMessage::Token),
        ("n,,^auth=Bearer t u^^", InvalidMessage::Token),
        ("n,,^auth=Bearer t\u{e9}^^", InvalidMessage::Token),
        ("n,,^auth=Bearer t\r\n^^", InvalidMessage::Token),
        ("n,,^host=^auth=Bearer t^^", InvalidMessage::Text),
        ("n,,^host=a b^auth=Bearer t^^", InvalidMessage::Text),
        ("n,,^port=^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^port=0^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^port=+1^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^port=65536^auth=Bearer t^^", InvalidMessage::Form),
    ] {
        assert_eq!(bearer(text), Err(error), "{text:?}");
    }
}

#[test]
fn a_malformed_header_of_oauthbearer_is_refused() {
    // RFC 5801 §4; R-OBS-06
    for (header, error) in [
        ("", InvalidMessage::Form),
        ("n", InvalidMessage::Form),
        ("n,", InvalidMessage::Form),
        ("n,,,", InvalidMessage::Form),
        ("n,,x", InvalidMessage::Form),
        ("N,,", InvalidMessage::Form),
        ("F,n,,", InvalidMessage::Form),
        ("x,,", InvalidMessage::Form),
        ("n,user,", InvalidMessage::Form),
        ("n,a=a=b,", InvalidMessage::Form),
        ("n,a=a=,", InvalidMessage::Form),
        ("n,a=a=2,", InvalidMessage::Form),
        ("n,a=a=41,", InvalidMessage::Form),
        ("n,a=,", EMPTY),
        ("n,a=a\r\nDELE 1,", FORBIDDEN),
        ("n,a=a=2C\n,", FORBIDDEN),
        ("n,a=a\0b,", FORBIDDEN),
        ("p=tls-unique,,", InvalidMessage::Form),
    ] {
        assert_eq!(bearer(&format!("{header}^auth=Bearer t^^")), Err(error), "{header:?}");
    }
}

#[test]
fn commas_and_equals_signs_of_an_identity_are_escaped() {
    // RFC 5801 §4
    let message = OAuthBearer::parse(b"n,a==3da=2C=2cb=3D,\x01auth=\x01\x01").unwrap();
    let identity = message.authorization.clone().unwrap();
    assert_eq!(identity.as_name(), Name::new("=a,,b=").unwrap());
    assert_eq!(identity, AuthorizationIdentity::new("=a,,b=").unwrap());
    assert_eq!(encoded(&message), "n,a==3Da=2C=2Cb=3D,\x01auth=\x01\x01");
}

#[test]
fn a_malformed_message_of_xoauth2_is_refused() {
    for (text, error) in [
        ("", InvalidMessage::Form),
        ("^^", InvalidMessage::Form),
        ("user=a^^", InvalidMessage::Form),
        ("auth=Bearer t^^", InvalidMessage::Form),
        ("user=a^auth=Bearer t^", InvalidMessage::Form),
        ("user=a^auth=Bearer t", InvalidMessage::Form),
        ("user=a^user=b^auth=Bearer t^^", InvalidMessage::Form),
        ("n,,^user=a^auth=Bearer t^^", InvalidMessage::Form),
        ("user=^auth=Bearer t^^", EMPTY),
        ("user=a\r\nDELE 1^auth=Bearer t^^", FORBIDDEN),
        ("user=a\0^auth=Bearer t^^", FORBIDDEN),
        ("user=a^auth=^^", InvalidMessage::Token),
        ("user=a^auth=t^^", InvalidMessage::Token),
    ] {
        assert_eq!(xoauth2(text), Err(error), "{text:?}");
    }
}

#[test]
fn what_can_not_be_sent_can_not_be_made() {
    // R-OBS-06
    for text in ["", "a b", "a\r\nDELE 1", "a\x01", "a\0", "\u{e9}"] {
        assert_eq!(BearerToken::new(text), Err(InvalidMessage::Token), "{text:?}");
        assert_eq!(Host::new(text), Err(InvalidMessage::Text), "{text:?}");
    }
    assert!(AuthorizationIdentity::new("a\r\nDELE 1").is_err());
}

#[test]
fn tokens_are_not_shown() {
    // R-GEN-07
    let message = OAuthBearer::parse(b"n,a=tim,\x01host=a.example\x01auth=Bearer tanstaaf\x01\x01").unwrap();
    let shown = "OAuthBearer { authorization: Some(AuthorizationIdentity(\"tim\")), host: Some(Host(\"a.example\")), \
                 port: None, token: Some(BearerToken(..)) }";
    assert_eq!(format!("{message:?}"), shown);
    let message = XOAuth2::parse(b"user=tim\x01auth=Bearer tanstaaf\x01\x01").unwrap();
    assert_eq!(format!("{message:?}"), r#"XOAuth2 { name: Name("tim"), token: BearerToken(..) }"#);
    assert!(message.token == BearerToken::new("tanstaaf").unwrap());
    assert!(message.token != BearerToken::new("tanstaag").unwrap());
}

proptest! {
    #[test]
    fn messages_come_back_from_their_octets(
        identity in proptest::option::of("[ -~\u{e9}]{1,20}|[,=2C3D]{1,9}"),
        host in proptest::option::of("[!-~]{1,20}"),
        port in any::<u16>(),
        token in proptest::option::of("[!-~]{1,60}"),
    ) {
        let message = OAuthBearer {
            authorization: identity.as_ref().map(|octets| AuthorizationIdentity::new(octets).unwrap()),
            host: host.as_ref().map(|text| Host::new(text).unwrap()),
            port: NonZeroU16::new(port),
            token: token.as_ref().map(|octets| BearerToken::new(octets).unwrap()),
        };
        let octets = encoded(&message);
        prop_assert_eq!(OAuthBearer::parse(octets.as_bytes()), Ok(message));
        if let (Some(name), Some(token)) = (&identity, &token) {
            let message = XOAuth2 { name: Name::new(name).unwrap(), token: BearerToken::new(token).unwrap() };
            let octets = encoded(&message);
            prop_assert_eq!(XOAuth2::parse(octets.as_bytes()), Ok(message));
        }
    }

    #[test]
    fn any_octets_are_understood_or_refused_and_what_is_understood_comes_back(
        octets in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(n,(a=[ab=23CD]{0,5})?,\x01)?((host|port|auth|user|x)=(Bearer )?[0-9a=]{0,3}\x01){0,4}\x01"
                .prop_map(String::into_bytes),
        ]
    ) {
        if let Ok(message) = OAuthBearer::parse(&octets) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(OAuthBearer::parse(&again), Ok(message));
        }
        if let Ok(message) = XOAuth2::parse(&octets) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(XOAuth2::parse(&again), Ok(message));
        }
    }
}
