//! Which replies are multi-line and where commands are valid: the table, and what the server does (RFC 1939 §3 to §7; RFC
//! 2449 §5).

use pop3_proto::Security;
use pop3_proto::server::{Catalogue, Config, Refusal, Session, Utf8};
use pop3_proto::wire::{Command, State, Status, Timestamp, Verb};

use crate::common::{LOGIN, Server, Store, TIMESTAMP};

/// Verb; whether it is valid in AUTHORIZATION and TRANSACTION; whether `+OK` is multi-line without and with the argument that
/// may be left out.
const TABLE: [(Verb, [bool; 2], [bool; 2]); 18] = [
    (Verb::User, [true, false], [false, false]),
    (Verb::Pass, [true, false], [false, false]),
    (Verb::Quit, [true, true], [false, false]),
    (Verb::Stat, [false, true], [false, false]),
    (Verb::List, [false, true], [true, false]),
    (Verb::Retr, [false, true], [true, true]),
    (Verb::Dele, [false, true], [false, false]),
    (Verb::Noop, [false, true], [false, false]),
    (Verb::Rset, [false, true], [false, false]),
    (Verb::Apop, [true, false], [false, false]),
    (Verb::Top, [false, true], [true, true]),
    (Verb::Uidl, [false, true], [true, false]),
    (Verb::Capa, [true, true], [true, true]),
    (Verb::Last, [false, true], [false, false]),
    (Verb::Stls, [true, false], [false, false]),
    (Verb::Auth, [true, false], [true, false]),
    (Verb::Utf8, [true, false], [false, false]),
    (Verb::Lang, [true, true], [true, false]),
];

#[test]
fn each_cell_of_the_table_is_as_the_rfcs_have_it() {
    // R-1939-09
    assert!(TABLE.iter().map(|row| row.0).eq(Verb::ALL));
    for (verb, valid, multi_line) in TABLE {
        assert_eq!([State::Authorization, State::Transaction].map(|state| verb.is_valid_in(state)), valid, "{verb}");
        assert_eq!([false, true].map(|has_argument| verb.is_multi_line(has_argument)), multi_line, "{verb}");
    }
}

/// Sends a line, says whether the answer was good, and checks that it ends where the table says.
fn answer(server: &mut Server, line: &str) -> Status {
    let command = Command::parse(line.as_bytes()).unwrap().value;
    let output = server.send(format!("{line}\r\n"));
    let status = if output.starts_with("+OK") { Status::Ok } else { Status::Err };
    let multi_line = status == Status::Ok && command.verb().is_multi_line(command.has_argument());
    assert_eq!(output.ends_with("\r\n.\r\n"), multi_line, "{line}: {output}");
    assert_eq!(output.lines().count() > 1, multi_line, "{line}: {output}");
    status
}

/// A configuration that offers every command.
fn everything() -> Config {
    let config = crate::common::patient(Config::new()).last(true).stls(true).utf8(Utf8::Messages);
    config.language(Catalogue::new("de", "Deutsch").unwrap()).unwrap()
}

#[test]
fn the_server_keeps_to_the_table_before_login() {
    // R-1939-09, R-OBS-01
    let session = Session::with_exchange(everything().into(), Security::TrustedLocal);
    let mut server = Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.send("");
    let digest = "0".repeat(32);
    for (line, status) in [
        ("USER mrose", Status::Ok),
        ("PASS wrong", Status::Err),
        (&format!("APOP mrose {digest}"), Status::Err),
        ("CAPA", Status::Ok),
        ("LANG", Status::Ok),
        ("LANG de", Status::Ok),
        ("LANG *", Status::Ok),
        ("LANG fr", Status::Err),
        ("AUTH", Status::Ok),
        ("AUTH CRAM-MD5", Status::Err),
        ("AUTH PLAIN !", Status::Err),
        ("STLS", Status::Ok),
        ("STLS", Status::Err),
        ("UTF8", Status::Ok),
        ("UTF8", Status::Ok),
        ("AUTH", Status::Ok),
        ("USER mrose", Status::Ok),
        ("PASS tanstaaf", Status::Ok),
    ] {
        assert_eq!(answer(&mut server, line), status, "{line}");
    }
    let mut server = Server::with(&Store::example(), everything(), Security::Tls);
    server.send("");
    assert_eq!(answer(&mut server, "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm"), Status::Ok);
}

#[test]
fn a_list_that_is_not_offered_is_refused_in_one_line() {
    // R-1939-09, R-OBS-01
    let mut server =
        Server::with(&Store::example(), crate::common::patient(Config::new().no_mechanisms()), Security::Tls);
    server.send("");
    for line in ["AUTH", "LANG", "LANG en", "UTF8", "STLS"] {
        assert_eq!(answer(&mut server, line), Status::Err, "{line}");
    }
}

#[test]
fn the_server_keeps_to_the_table_after_login() {
    // R-1939-09
    let store = Store::example();
    let mut server = Server::with(&store, everything(), Security::Tls);
    server.send(LOGIN);
    let good =
        ["STAT", "LIST", "LIST 1", "RETR 1", "NOOP", "TOP 1 0", "UIDL", "UIDL 2", "CAPA", "LAST", "DELE 1", "RSET"];
    for line in good.into_iter().chain(["LANG", "LANG de", "LANG *"]) {
        assert_eq!(answer(&mut server, line), Status::Ok, "{line}");
    }
    answer(&mut server, "DELE 1");
    let bad = ["LIST 1", "LIST 3", "UIDL 1", "UIDL 3", "RETR 1", "RETR 3", "TOP 1 0", "TOP 3 0", "DELE 1", "USER x"];
    for line in bad.into_iter().chain(["LANG fr", "AUTH", "AUTH PLAIN", "STLS", "UTF8"]) {
        assert_eq!(answer(&mut server, line), Status::Err, "{line}");
    }
    store.refusal.set(Some(Refusal::Temporary));
    assert_eq!(answer(&mut server, "RETR 2"), Status::Err);
    assert_eq!(answer(&mut server, "TOP 2 1"), Status::Err);
    assert_eq!(answer(&mut server, "QUIT"), Status::Ok);
}

#[test]
fn a_command_knows_whether_its_argument_is_there() {
    // R-1939-09
    for (line, has_argument) in [
        ("LIST", false),
        ("LIST 1", true),
        ("UIDL", false),
        ("UIDL 1", true),
        ("LIST ", false),
        ("STAT", false),
        ("RETR 1", true),
        ("AUTH", false),
        ("AUTH ", false),
        ("AUTH PLAIN", true),
        ("LANG", false),
        ("LANG ", false),
        ("LANG de", true),
        ("LANG *", true),
        ("STLS", false),
        ("UTF8", false),
    ] {
        assert_eq!(Command::parse(line.as_bytes()).unwrap().value.has_argument(), has_argument, "{line:?}");
    }
}
