//! Which replies are multi-line: the table, and what the server does (RFC 1939 §3, §5, §7; RFC 2449 §5).

use pop3_proto::Security;
use pop3_proto::server::{Catalogue, Config, Refusal, Session, Utf8};
use pop3_proto::wire::{Command, Status, Timestamp, Verb, is_multi_line};

use crate::common::{LOGIN, Server, Store, TIMESTAMP};

/// Verb; whether `+OK` is multi-line without and with the argument that may be left out.
const TABLE: [(Verb, bool, bool); 18] = [
    (Verb::User, false, false),
    (Verb::Pass, false, false),
    (Verb::Quit, false, false),
    (Verb::Stat, false, false),
    (Verb::List, true, false),
    (Verb::Retr, true, true),
    (Verb::Dele, false, false),
    (Verb::Noop, false, false),
    (Verb::Rset, false, false),
    (Verb::Apop, false, false),
    (Verb::Top, true, true),
    (Verb::Uidl, true, false),
    (Verb::Capa, true, true),
    (Verb::Last, false, false),
    (Verb::Stls, false, false),
    (Verb::Auth, true, false),
    (Verb::Utf8, false, false),
    (Verb::Lang, true, false),
];

#[test]
fn each_cell_of_the_table_is_as_the_rfcs_have_it() {
    // R-1939-09
    assert!(TABLE.iter().map(|row| row.0).eq(Verb::ALL));
    for (verb, without, with) in TABLE {
        assert_eq!(is_multi_line(verb, false, Status::Ok), without, "{verb:?}");
        assert_eq!(is_multi_line(verb, true, Status::Ok), with, "{verb:?} n");
        assert!(!is_multi_line(verb, false, Status::Err) && !is_multi_line(verb, true, Status::Err), "{verb:?}");
    }
}

/// Sends a line, says whether the answer was good, and checks that it ends where the table says.
fn answer(server: &mut Server, line: &str) -> Status {
    let command = Command::parse(line.as_bytes()).unwrap().command;
    let output = server.send(format!("{line}\r\n"));
    let status = if output.starts_with("+OK") { Status::Ok } else { Status::Err };
    let multi_line = is_multi_line(command.verb(), command.has_argument(), status);
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
    let session = Session::new(everything().into(), Security::TrustedLocal);
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
        assert_eq!(Command::parse(line.as_bytes()).unwrap().command.has_argument(), has_argument, "{line:?}");
    }
}
