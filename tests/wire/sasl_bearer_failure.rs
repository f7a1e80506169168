//! How XOAUTH2 and OAUTHBEARER fail (RFC 7628 §3.2.2).

use pop3_proto::auth::sasl::{BearerFailure, InvalidMessage, Message, base64};
use proptest::prelude::*;

fn encoded(failure: &BearerFailure<'_>) -> String {
    let mut out = Vec::new();
    failure.encode(&mut out);
    assert_eq!(out.len(), failure.encoded_len());
    String::from_utf8(out).unwrap()
}

fn decoded(text: &str) -> Vec<u8> {
    let mut text = text.as_bytes().to_vec();
    let octets = base64::decode(&mut text).unwrap();
    text.truncate(octets);
    text
}

#[test]
fn the_example_of_a_failure_is_understood_and_written() {
    // R-7628-01; RFC 7628 §3.2.2, §4.3
    let text = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24i\
                OiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
    let octets = decoded(text);
    let failure = BearerFailure::parse(&octets).unwrap();
    assert_eq!((failure.status(), failure.schemes(), failure.scope()), ("invalid_token", None, Some("example_scope")));
    assert_eq!(failure.openid_configuration(), Some("https://example.com/.well-known/openid-configuration"));
    let mut out = Vec::new();
    base64::encode(&failure, &mut out);
    assert_eq!(out, text.as_bytes());
}

#[test]
fn a_failure_of_xoauth2_has_a_status_of_http() {
    // R-7628-01: as its vendor documents it, with a line end behind
    let failure =
        decoded("eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K");
    let failure = BearerFailure::parse(&failure).unwrap();
    assert_eq!((failure.status(), failure.schemes()), ("401", Some("bearer mac")));
    assert_eq!(encoded(&failure), r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#);
}

#[test]
fn a_failure_is_any_flat_object_with_a_status() {
    // RFC 7628 §3.2.2: what isn't known is passed over
    let status = |json: &str| BearerFailure::parse(json.as_bytes()).map(|failure| failure.status().to_owned());
    for json in [
        r#"{"status":"401"}"#,
        "\r\n { \"status\" : 401 , \"x\" : null,\"y\":-1.5e+3 } \t\n",
        r#"{"status":"no","status":"401"}"#,
        r#"{"a\"}\\":"\\","status":"401","scope":"a\/b","b":"ü"}"#,
    ] {
        assert_eq!(status(json).as_deref(), Ok("401"), "{json}");
        assert_eq!(BearerFailure::parse(json.as_bytes()).unwrap().scope(), None);
    }
    for json in [
        "",
        "{",
        "}",
        "[]",
        "401",
        r#"{"status"}"#,
        r#"{"status":}"#,
        r#"{"status":"401""#,
        r#"{"status":"401",}"#,
        r#"{"status":"401"}}"#,
        r#"{"status":"401"} x"#,
        r#"{"status":"401" "a":"b"}"#,
        r#"{,"status":"401"}"#,
        r#"{"status":"401","a":{}}"#,
        r#"{"status":"401","a":[]}"#,
        r#"{status:"401"}"#,
        r#"{"status":"401}"#,
        r#"{"status":"401\"}"#,
    ] {
        assert_eq!(status(json), Err(InvalidMessage::Form), "{json}");
    }
    for json in ["{}", r#"{"scope":"a"}"#, r#"{"status":""}"#, r#"{"status":"a\"b"}"#, "{\"status\":\"a\r\nb\"}"] {
        assert_eq!(status(json), Err(InvalidMessage::Text), "{json}");
    }
    assert_eq!(BearerFailure::parse(b"{\"status\":\"\xff\"}"), Err(InvalidMessage::Form));
}

#[test]
fn a_text_that_needs_an_escape_is_refused() {
    // RFC 6749 §5.2
    for text in ["", "a\"b", "a\\b", "a\r\n", "\u{e9}", "\x7f"] {
        assert_eq!(BearerFailure::new(text), Err(InvalidMessage::Text), "{text:?}");
        let failure = BearerFailure::new("401").unwrap();
        assert!(failure.with_schemes(text).is_err() && failure.with_scope(text).is_err());
        assert!(failure.with_openid_configuration(text).is_err());
    }
}

proptest! {
    #[test]
    fn failures_come_back_from_their_octets(
        status in "[ !#-\\[\\]-~]{1,20}",
        schemes in proptest::option::of("[ !#-\\[\\]-~]{1,20}"),
        scope in proptest::option::of("[ !#-\\[\\]-~]{1,20}"),
        url in proptest::option::of("[ !#-\\[\\]-~]{1,20}"),
    ) {
        let mut failure = BearerFailure::new(&status).unwrap();
        if let Some(schemes) = &schemes {
            failure = failure.with_schemes(schemes).unwrap();
        }
        if let Some(scope) = &scope {
            failure = failure.with_scope(scope).unwrap();
        }
        if let Some(url) = &url {
            failure = failure.with_openid_configuration(url).unwrap();
        }
        let octets = encoded(&failure);
        prop_assert_eq!(BearerFailure::parse(octets.as_bytes()), Ok(failure));
    }

    #[test]
    fn any_octets_are_understood_or_refused_and_what_is_understood_comes_back(
        octets in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "\\{(\"(status|scope|x)\" ?: ?(\"[a\\\\\"]{0,3}\"|[0-9]{1,2}),?){0,3}\\}".prop_map(String::into_bytes),
        ]
    ) {
        if let Ok(failure) = BearerFailure::parse(&octets) {
            let octets = encoded(&failure);
            prop_assert_eq!(BearerFailure::parse(octets.as_bytes()), Ok(failure));
        }
    }
}
