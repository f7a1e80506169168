//! The greeting and the timestamp in it (RFC 1939 §4 and §7).

use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::server::{Config, Session};
use pop3_proto::wire::{
    DeviationSet, Greeting, InvalidTimestamp, MAX_RESPONSE_LINE, Response, ResponseCode, Status, Text, Timestamp,
};
use proptest::prelude::*;

use crate::common::{Server, Store};

/// The timestamp that a client finds in a greeting.
fn found(line: &str) -> Option<String> {
    Greeting::parse(line.as_bytes(), DeviationSet::NONE)
        .unwrap()
        .value
        .timestamp
        .map(|timestamp| timestamp.as_str().to_owned())
}

#[test]
fn a_timestamp_may_stand_anywhere_in_the_greeting() {
    // R-1939-31
    for line in ["+OK <1.2@host>", "+OK ready <1.2@host>", "+OK ready <1.2@host> come in", "+OK x<1.2@host>y <3@other>"]
    {
        assert_eq!(found(line).as_deref(), Some("<1.2@host>"), "{line}");
    }
}

#[test]
fn anything_but_a_whole_and_valid_timestamp_means_no_apop() {
    // R-1939-31
    for line in [
        "+OK ready",
        "+OK",
        "+OK <>",
        "+OK <host>",
        "+OK <a@b@c>",
        "+OK <@host>",
        "+OK <a@>",
        "+OK <a @host>",
        "+OK <a@host",
        "+OK a@host>",
        "+OK <<a@host>",
        "+OK <x> <a@host>",
        "+OK <\u{fc}@host>",
        "+OK <a\t@host>",
    ] {
        assert_eq!(found(line), None, "{line}");
    }
    assert_eq!(found(&format!("+OK <a@{}>", "h".repeat(300))), None);
}

#[test]
fn the_timestamp_is_looked_for_in_one_scan_however_many_brackets_there_are() {
    // R-1939-31
    assert_eq!(Timestamp::find("<".repeat(100_000).as_bytes()), None);
    assert_eq!(Timestamp::find(("<".repeat(100_000) + "a@host>").as_bytes()), None);
    assert_eq!(
        Timestamp::find(("x".repeat(100_000) + "<a@host>").as_bytes()).map(|t| t.to_string()),
        Some("<a@host>".into())
    );
}

#[test]
fn a_timestamp_is_checked_when_it_is_made() {
    // R-1939-31
    assert!(Timestamp::new(crate::common::TIMESTAMP).is_ok());
    let longest = format!("<a@{}>", "h".repeat(Timestamp::MAX_OCTETS - 4));
    assert!(Timestamp::new(&longest).is_ok());
    let cases = [
        "1@host",
        "<1@host",
        "",
        "<",
        "<1 2@host>",
        "<1@ho<st>",
        "<1@ho>st>",
        "<1@ho\r\nst>",
        "<\u{fc}@host>",
        "<>",
        "<@>",
        "<1@@host>",
    ];
    for text in cases {
        assert_eq!(Timestamp::new(text), Err(InvalidTimestamp), "{text:?}");
    }
    assert_eq!(Timestamp::new(&format!("<a@{}>", "h".repeat(252))), Err(InvalidTimestamp));
}

#[test]
fn the_text_of_the_greeting_is_the_hosts() {
    // R-1939-01
    let config = Config::new().greeting("mail.example ready").unwrap();
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    assert_eq!(server.send(""), "+OK mail.example ready\r\n");
    for text in ["a\r\nb", "\0", "<", "a <1@host> b", "[AUTH] x"] {
        assert!(Config::new().greeting(text).is_err(), "{text:?}");
    }
    let mut server = Server::with(&Store::example(), Config::new().greeting("").unwrap(), Security::Tls);
    assert_eq!(server.send(""), "+OK\r\n");
}

#[test]
fn a_long_text_gives_way_to_the_timestamp() {
    // R-1939-05, R-1939-31
    let config = Config::new().greeting(&"y".repeat(600)).unwrap();
    let timestamp = format!("<a@{}>", "h".repeat(200));
    let session =
        Session::with_exchange(Arc::new(config), Security::Tls).with_timestamp(Timestamp::new(&timestamp).unwrap());
    let greeting = Server::of(&Store::example(), session).send("");
    assert!(greeting.len() == MAX_RESPONSE_LINE, "{}", greeting.len());
    assert!(greeting.ends_with(&format!("y {timestamp}\r\n")), "{greeting}");
}

#[test]
fn the_longest_code_leaves_room_for_the_longest_timestamp() {
    // R-1939-05, R-1939-31
    let code = "X".repeat(ResponseCode::MAX_OCTETS);
    let timestamp = Timestamp::new(&format!("<a@{}>", "h".repeat(Timestamp::MAX_OCTETS - 4))).ok();
    let text = "y".repeat(600);
    let response = Response::new(Status::Ok, ResponseCode::new(&code).ok(), Text::new(&text).unwrap());
    let mut line = Vec::new();
    Greeting { response, timestamp: timestamp.clone() }.encode(&mut line);
    assert!(line.len() <= MAX_RESPONSE_LINE, "{}", line.len());
    let greeting = Greeting::parse(line.strip_suffix(b"\r\n").unwrap(), DeviationSet::NONE).unwrap().value;
    assert_eq!((greeting.response.code(), greeting.timestamp), (response.code(), timestamp));
}

#[test]
fn an_err_greeting_is_a_greeting() {
    // R-1939-01
    let greeting = Greeting::parse(b"-ERR [SYS/TEMP] too busy", DeviationSet::NONE).unwrap().value;
    assert_eq!((greeting.response.status(), greeting.timestamp), (Status::Err, None));
    assert!(Greeting::parse(b"* OK IMAP4rev1", DeviationSet::NONE).is_err());
    assert!(Greeting::parse(b"220 smtp.example", DeviationSet::NONE).is_err());
}

proptest! {
    #[test]
    fn a_greeting_comes_back_from_its_line(
        text in "[ -;=-Z^-~]{0,400}", left in "[a-z0-9.]{1,40}", right in "[a-z0-9.]{1,40}", apop: bool
    ) {
        let config = Config::new().greeting(&text).unwrap();
        let mut session = Session::with_exchange(Arc::new(config), Security::Tls);
        let timestamp = format!("<{left}@{right}>");
        if apop {
            session = session.with_timestamp(Timestamp::new(&timestamp).unwrap());
        }
        let line = Server::of(&Store::empty(), session).send("");
        prop_assert!(line.len() <= MAX_RESPONSE_LINE);
        prop_assert_eq!(found(line.strip_suffix("\r\n").unwrap()), apop.then_some(timestamp));
    }

    #[test]
    fn any_line_is_searched_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Greeting::parse(&line, DeviationSet::NONE);
        if let Some(timestamp) = Timestamp::find(&line) {
            prop_assert_eq!(Timestamp::new(timestamp.as_str()), Ok(timestamp));
        }
    }
}

#[test]
fn a_timestamp_that_comes_after_the_greeting_offers_nothing() {
    // R-1939-31
    let store = Store::example();
    let mut server = Server::new(&store);
    assert_eq!(server.send(""), "+OK POP3 server ready\r\n");
    server.session = server.session.with_timestamp(Timestamp::new("<1.2@host>").unwrap());
    assert!(server.send(format!("APOP mrose {}\r\n", "0".repeat(32))).starts_with("-ERR command not available"));
}

#[test]
fn a_greeting_without_a_timestamp_offers_no_apop_by_its_text() {
    // R-1939-31
    let response = Response::new(Status::Ok, None, Text::new("hello <a@b> there").unwrap());
    let mut line = Vec::new();
    Greeting { response, timestamp: None }.encode(&mut line);
    assert_eq!(line, b"+OK hello\r\n");
}
