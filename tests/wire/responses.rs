//! Responses, from line to value and back.

use pop3_proto::wire::{
    Deviation, DeviationSet, InvalidResponse, MAX_RESPONSE_LINE, Response, ResponseCode, Status, Text,
};
use proptest::prelude::*;

/// Overlooks nothing.
fn parse(line: &[u8]) -> Result<Response<'_>, InvalidResponse> {
    Response::parse(line, DeviationSet::NONE).map(|parsed| parsed.value)
}

fn line(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    response.encode(&mut out);
    out
}

#[test]
fn a_response_is_indicator_code_and_text() {
    // R-1939-05, R-1939-06
    let text = Text::new("text").unwrap();
    let cases: [(Response<'_>, &[u8]); 7] = [
        (Response::new(Status::Ok, None, Text::EMPTY), b"+OK\r\n"),
        (Response::new(Status::Err, None, Text::EMPTY), b"-ERR\r\n"),
        (Response::new(Status::Ok, None, text), b"+OK text\r\n"),
        (Response::new(Status::Err, None, text), b"-ERR text\r\n"),
        (Response::new(Status::Err, Some(ResponseCode::AUTH), text), b"-ERR [AUTH] text\r\n"),
        (Response::new(Status::Ok, Some(ResponseCode::IN_USE), Text::EMPTY), b"+OK [IN-USE]\r\n"),
        (Response::new(Status::Err, Some(ResponseCode::UTF8), text), b"-ERR [UTF8] text\r\n"),
    ];
    for (response, expected) in cases {
        assert_eq!(line(&response), expected);
        assert_eq!(parse(expected.strip_suffix(b"\r\n").unwrap()), Ok(response));
    }
}

#[test]
fn the_code_of_a_message_for_utf8_mode_is_known_in_any_case() {
    // R-6856-03, R-2449-08
    for (line, kind) in [
        ("-ERR [UTF8] text", Some(ResponseCode::UTF8)),
        ("-ERR [utf8]", Some(ResponseCode::UTF8)),
        ("-ERR [UTF8/x] text", Some(ResponseCode::UTF8)),
        ("-ERR [UTF-8] text", None),
        ("-ERR [UTF8X] text", None),
        ("-ERR [x/UTF8] text", None),
    ] {
        let response = parse(line.as_bytes()).unwrap();
        let is_utf8 = response.code().map(|code| code.is(ResponseCode::UTF8));
        assert_eq!(is_utf8, Some(kind.is_some()), "{line}");
    }
}

#[test]
fn an_indicator_is_in_upper_case_and_followed_by_a_space_or_nothing() {
    // R-1939-06
    for line in ["", "+", "+O", "+ok", "-err no", "+OKAY", "-ERROR", "+OK\ttext", "OK", " +OK", "* OK", "+ "] {
        assert_eq!(parse(line.as_bytes()), Err(InvalidResponse), "{line:?}");
    }
    assert_eq!(parse(b"+OK").map(|response| response.text()), Ok(b"".as_slice()));
    assert_eq!(parse(b"+OK ").map(|response| response.text()), Ok(b"".as_slice()));
}

#[test]
fn what_is_accepted_in_a_response_is_overlooked_and_reported() {
    // R-1939-06, R-2449-08
    let all: DeviationSet = Deviation::ALL.into_iter().collect();
    for (line, status, code, text, deviation) in [
        ("+ok text", Status::Ok, None, "text", Some(Deviation::LowerCaseStatus)),
        ("-Err", Status::Err, None, "", Some(Deviation::LowerCaseStatus)),
        ("-ERR no [AUTH] way", Status::Err, Some(ResponseCode::AUTH), "no [AUTH] way", Some(Deviation::LateCode)),
        ("-ERR [IN-USE] no [AUTH]", Status::Err, Some(ResponseCode::IN_USE), "no [AUTH]", None),
        ("+OK no [AUTH] way", Status::Ok, None, "no [AUTH] way", None),
        ("-ERR no [ AUTH]", Status::Err, None, "no [ AUTH]", None),
    ] {
        let parsed = Response::parse(line.as_bytes(), all).unwrap();
        let response = parsed.value;
        assert_eq!((response.status(), response.code(), response.text()), (status, code, text.as_bytes()), "{line}");
        assert!(parsed.deviations.iter().eq(deviation), "{line}");
        let strict = parse(line.as_bytes());
        match deviation {
            Some(Deviation::LowerCaseStatus) => assert_eq!(strict, Err(InvalidResponse), "{line}"),
            Some(_) => assert_eq!(strict.map(|response| response.code()), Ok(None), "{line}"),
            None => assert_eq!(strict, Ok(response), "{line}"),
        }
    }
    for line in ["+okay", "-errr", "ok", "+o"] {
        assert!(Response::parse(line.as_bytes(), all).is_err(), "{line}");
    }
}

#[test]
fn text_of_any_kind_means_nothing() {
    // R-1939-09
    for text in ["20 messages", "1 2 3", "+OK", "-ERR", ".", "multi-line\tfollows", "\u{fc}", " two  spaces "] {
        let line = format!("+OK {text}");
        let response = parse(line.as_bytes()).unwrap();
        assert_eq!((response.status(), response.code(), response.text()), (Status::Ok, None, text.as_bytes()));
    }
}

#[test]
fn a_response_with_cr_lf_or_nul_in_it_is_refused() {
    // R-1939-05
    for line in ["+OK a\rb", "+OK a\nb", "-ERR \0", "+OK [AUTH]\r"] {
        assert_eq!(parse(line.as_bytes()), Err(InvalidResponse), "{line:?}");
    }
}

#[test]
fn text_that_could_break_a_line_or_pass_for_a_code_is_refused() {
    // R-1939-05, R-2449-07
    for text in ["a\rb", "a\nb", "a\r\n-ERR", "\0", "\u{1b}[31m", "a\tb", "\u{7f}", "[", "[AUTH]", "[x] y", " [AUTH]"] {
        assert!(Text::new(text).is_err(), "{text:?}");
    }
    for text in ["", " a", "a [AUTH]", "]", "\u{fc}"] {
        assert_eq!(Text::new(text).map(Text::as_str), Ok(text));
    }
}

#[test]
fn a_response_line_has_at_most_512_octets() {
    // R-1939-05
    for (code, front) in [(None, "+OK "), (Some(ResponseCode::SYS_TEMP), "+OK [SYS/TEMP] ")] {
        let room = MAX_RESPONSE_LINE - 2 - front.len();
        for length in [room - 1, room, room + 1, 10_000] {
            let text = "x".repeat(length);
            let out = line(&Response::new(Status::Ok, code, Text::new(&text).unwrap()));
            assert_eq!(out, format!("{front}{}\r\n", &text[..length.min(room)]).as_bytes());
        }
    }
}

#[test]
fn a_text_is_cut_before_the_character_that_would_go_past() {
    // R-1939-05
    for character in ["\u{fc}", "\u{20ac}", "\u{1f4ec}"] {
        for ahead in 0..character.len() {
            let text = "a".repeat(ahead) + &character.repeat(300);
            let out = line(&Response::new(Status::Err, None, Text::new(&text).unwrap()));
            let out = String::from_utf8(out).expect("whole characters");
            assert!(out.len() <= MAX_RESPONSE_LINE && out.len() > MAX_RESPONSE_LINE - character.len(), "{}", out.len());
        }
    }
}

#[test]
fn the_longest_code_leaves_the_line_within_512_octets() {
    // R-1939-05
    let code = "X".repeat(ResponseCode::MAX_OCTETS);
    let text = "y".repeat(600);
    let response = Response::new(Status::Err, ResponseCode::new(&code).ok(), Text::new(&text).unwrap());
    assert_eq!(line(&response).len(), MAX_RESPONSE_LINE);
}

proptest! {
    #[test]
    fn a_response_comes_back_from_its_line(
        octets in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "(\\+OK|-ERR)( ?\\[[A-Z/ -]{0,9}\\]?)?[ -~]{0,30}".prop_map(String::into_bytes),
        ]
    ) {
        if let Ok(response) = parse(&octets) {
            let out = line(&response);
            prop_assert_eq!(parse(out.strip_suffix(b"\r\n").unwrap()), Ok(response));
        }
    }

    #[test]
    fn any_text_makes_one_line_of_at_most_512_octets(text in "\\PC{0,600}") {
        if let Ok(text) = Text::new(&text) {
            let out = line(&Response::new(Status::Ok, Some(ResponseCode::LOGIN_DELAY), text));
            prop_assert!(out.len() <= MAX_RESPONSE_LINE);
            prop_assert_eq!(out.iter().position(|&octet| octet == b'\n'), Some(out.len() - 1));
            prop_assert!(std::str::from_utf8(&out).is_ok());
        }
    }
}

#[test]
fn what_a_response_shows_in_a_log_is_its_line_with_other_octets_escaped() {
    let shown = |line: &[u8]| format!("{:?}", Response::parse(line, DeviationSet::NONE).unwrap().value);
    assert_eq!(shown(b"-ERR [SYS/TEMP] try\xFF\x1B[2J"), r"Response(-ERR [SYS/TEMP] try\xff\x1b[2J)");
    assert_eq!(shown(b"+OK two messages"), "Response(+OK two messages)");
}
