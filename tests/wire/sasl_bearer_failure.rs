//! How XOAUTH2 and OAUTHBEARER fail (RFC 7628 §3.2.2).

use pop3_proto::auth::sasl::{BearerFailure, InvalidMessage, Message, base64};

fn encoded(failure: &BearerFailure<'_>) -> String {
    let mut out = Vec::new();
    failure.encode(&mut out);
    assert_eq!(out.len(), failure.encoded_len());
    String::from_utf8(out).unwrap()
}

#[test]
fn the_example_of_a_failure_is_written() {
    // R-7628-01; RFC 7628 §3.2.2, §4.3
    let text = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24i\
                OiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
    let failure = BearerFailure::new("invalid_token").and_then(|failure| failure.with_scope("example_scope"));
    let url = "https://example.com/.well-known/openid-configuration";
    let failure = failure.and_then(|failure| failure.with_openid_configuration(url)).unwrap();
    let mut out = Vec::new();
    base64::encode(&failure, &mut out);
    assert_eq!(out, text.as_bytes());
}

#[test]
fn a_failure_of_xoauth2_has_a_status_of_http() {
    // R-7628-01: as its vendor documents it
    let failure = BearerFailure::new("401").and_then(|failure| failure.with_schemes("bearer mac"));
    let failure = failure.and_then(|failure| failure.with_scope("https://mail.google.com/")).unwrap();
    assert_eq!(encoded(&failure), r#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#);
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
