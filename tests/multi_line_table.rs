//! Which replies are multi-line: the table, and what the server does (RFC 1939 §3, §5, §7; RFC 2449 §5).

mod common;

use common::{LOGIN, Server, Store, TIMESTAMP};
use pop3_proto::server::{Config, Refusal, Security};
use pop3_proto::wire::{Command, Status, Verb, is_multi_line};

/// Verb; whether `+OK` is multi-line without and with the argument that may be left out.
const TABLE: [(Verb, bool, bool); 14] = [
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
];

#[test]
fn each_cell_of_the_table_is_as_the_rfcs_have_it() {
    // R-1939-09; failure case 14
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

#[test]
fn the_server_keeps_to_the_table_before_login() {
    // R-1939-09
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    server.send("");
    let digest = "0".repeat(32);
    for (line, status) in [
        ("USER mrose", Status::Ok),
        ("PASS wrong", Status::Err),
        (&format!("APOP mrose {digest}"), Status::Err),
        ("CAPA", Status::Ok),
        ("USER mrose", Status::Ok),
        ("PASS tanstaaf", Status::Ok),
    ] {
        assert_eq!(answer(&mut server, line), status, "{line}");
    }
}

#[test]
fn the_server_keeps_to_the_table_after_login() {
    // R-1939-09; failure case 14
    let store = Store::example();
    let mut server = Server::with(&store, Config::new().last(true), Security::Tls);
    server.send(LOGIN);
    for line in
        ["STAT", "LIST", "LIST 1", "RETR 1", "NOOP", "TOP 1 0", "UIDL", "UIDL 2", "CAPA", "LAST", "DELE 1", "RSET"]
    {
        assert_eq!(answer(&mut server, line), Status::Ok, "{line}");
    }
    answer(&mut server, "DELE 1");
    for line in ["LIST 1", "LIST 3", "UIDL 1", "UIDL 3", "RETR 1", "RETR 3", "TOP 1 0", "TOP 3 0", "DELE 1", "USER x"] {
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
    ] {
        assert_eq!(Command::parse(line.as_bytes()).unwrap().command.has_argument(), has_argument, "{line:?}");
    }
}
