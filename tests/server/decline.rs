//! The safe answer to each token: `decline`.

use bytes::Buf;
use pop3_proto::server::{Action, CloseReason, Config};
use pop3_proto::wire::Mechanism;
use pop3_proto::{Io, Security};
use proptest::prelude::*;

use crate::common::{Call, LOGIN, Server, Store};

const TEMPORARY: &str = "-ERR [SYS/TEMP] temporary failure, try again later\r\n";

/// Feeds `lines` to the session, declines what it asks next, and returns which token that was.
fn decline(server: &mut Server, lines: &str) -> String {
    server.send("");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..lines.len()].copy_from_slice(lines.as_bytes());
    read.filled(lines.len());
    loop {
        let action = server.session.poll(server.now);
        if let Action::Io(Io::Write(mut write)) = action {
            write.advance(write.remaining());
            continue;
        }
        let token = format!("{action:?}");
        action.decline();
        return token.split([' ', '(']).next().unwrap().to_owned();
    }
}

#[test]
fn a_login_that_is_declined_may_be_tried_again_and_is_no_failed_one() {
    // R-3206-01, R-GEN-06
    let config = Config::new().failed_logins(1).unwrap().mechanism(Mechanism::CRAM_MD5).unwrap();
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    for (lines, token) in
        [(LOGIN, "Login"), ("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", "Login"), ("AUTH CRAM-MD5\r\n", "Authenticate")]
    {
        assert_eq!(decline(&mut server, lines), token);
        assert!(server.send("").ends_with(TEMPORARY), "{token}");
    }
    assert_eq!((server.store.calls(), server.closed), (vec![], None));
    assert!(server.send(LOGIN).ends_with("ready\r\n"));
}

#[test]
fn a_handshake_that_is_declined_closes_the_session() {
    // R-2595-05
    let mut server = Server::with(&Store::example(), Config::new().stls(true), Security::Cleartext);
    assert_eq!(decline(&mut server, "STLS\r\n"), "StartTls");
    assert_eq!((server.send("").as_str(), server.closed), ("", Some(CloseReason::TlsFailed)));
}

#[test]
fn a_message_that_is_declined_costs_this_message_alone() {
    // R-1939-28, R-GEN-10
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    for line in ["RETR 1\r\n", "TOP 2 0\r\n"].repeat(15) {
        assert_eq!(decline(&mut server, line), "Retrieve");
        assert_eq!(server.send(""), TEMPORARY);
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
}

#[test]
fn octets_that_are_declined_cost_this_command_alone() {
    // R-GEN-17
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    store.unmeasured.replace(vec![2]);
    for line in ["STAT\r\n", "LIST\r\n", "LIST 2\r\n"].repeat(15) {
        assert_eq!(decline(&mut server, line), "Measure");
        assert_eq!(server.send(""), TEMPORARY);
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
}

#[test]
fn a_chunk_that_is_declined_ends_the_session_without_the_end_of_the_message() {
    // R-GEN-10, R-GEN-17
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.send("");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..16].copy_from_slice(b"RETR 1\r\nDELE 1\r\n");
    read.filled(16);
    let Action::Retrieve(retrieve) = server.session.poll(server.now) else { panic!() };
    retrieve.begin(([b"one\n".as_slice().into()].into(), None));
    let Action::Body(mut body) = server.session.poll(server.now) else { panic!() };
    let chunk = body.reader().0.pop_front().unwrap();
    body.push(chunk);
    let Action::Body(body) = server.session.poll(server.now) else { panic!() };
    body.decline();
    assert_eq!(server.send(""), "+OK message follows\r\none");
    assert_eq!((server.closed, store.updates()), (Some(CloseReason::MessageFailed), 0));
}

#[test]
fn an_update_that_is_declined_removes_nothing_and_says_so() {
    // R-1939-30
    for (before, reply) in
        [("DELE 1\r\n", "-ERR [SYS/TEMP] not all marked messages are removed\r\n"), ("NOOP\r\n", "+OK bye\r\n")]
    {
        let store = Store::example();
        let mut server = Server::logged_in(&store);
        server.send(before);
        assert_eq!(decline(&mut server, "QUIT\r\n"), "Update");
        assert_eq!((server.send("").as_str(), server.closed), (reply, Some(CloseReason::Quit)));
        assert_eq!((store.updates(), store.locked.get()), (0, false));
    }
}

#[test]
fn a_read_a_write_and_a_close_that_are_declined_come_again() {
    // level-triggered
    let mut server = Server::new(&Store::example());
    for _ in 0..3 {
        let action = server.session.poll(server.now);
        assert!(matches!(action, Action::Io(Io::Write(_))));
        action.decline();
    }
    server.send("CAP");
    for _ in 0..3 {
        let action = server.session.poll(server.now);
        assert!(matches!(action, Action::Io(Io::Read(_))));
        action.decline();
    }
    assert!(server.send("A\r\nQUIT\r\n").ends_with(".\r\n+OK bye\r\n"));
    for _ in 0..3 {
        let action = server.session.poll(server.now);
        assert!(matches!(action, Action::Close(CloseReason::Quit)));
        action.decline();
    }
}

proptest! {
    #[test]
    fn a_host_that_declines_all_it_is_asked_comes_to_an_end_and_lets_nobody_in(
        lines in prop::collection::vec("(USER mrose|PASS tanstaaf|APOP mrose [0-9a-f]{32}|AUTH PLAIN AG1yb3NlAHRhbnN0YWFm|\
            AUTH CRAM-MD5|AUTH LOGIN|bXJvc2U=|\\*|STLS|CAPA|UTF8|STAT|RETR 1|QUIT|NOPE)\r\n", 0..30)
    ) {
        let config = Config::new().stls(true).mechanism(Mechanism::CRAM_MD5).unwrap().mechanism(Mechanism::LOGIN).unwrap();
        let store = Store::example();
        let mut server = Server::with(&store, config, Security::TrustedLocal);
        let lines = lines.concat();
        let mut rest = lines.as_bytes();
        for polls in 0.. {
            prop_assert!(polls < 10_000, "it never ends");
            match server.session.poll(server.now) {
                Action::Io(Io::Read(mut read)) => {
                    let octets = rest.len().min(7);
                    read.space()[..octets].copy_from_slice(&rest[..octets]);
                    rest = &rest[octets..];
                    read.filled(octets);
                }
                Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
                Action::Close(_) => break,
                other => other.decline(),
            }
        }
        prop_assert_eq!(store.calls(), Vec::<Call>::new());
    }
}
