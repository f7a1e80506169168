//! Ends that nobody has announced: nothing is removed, and the lock is free (RFC 1939 §6).

use std::convert::Infallible;
use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::server::{Action, CloseReason, Config, Session};
use pop3_proto::{Io, Security};

use crate::common::{Call, LOGIN, Server, Store};

const SESSION: &str = "STAT\r\nDELE 1\r\nLIST\r\nRETR 2\r\nTOP 2 1\r\nDELE 2\r\nUIDL\r\nQUIT\r\n";

#[test]
fn a_stream_that_ends_anywhere_before_the_end_of_quit_removes_nothing() {
    // R-1939-29
    let whole = format!("{LOGIN}{SESSION}");
    for end in 0..whole.len() {
        let store = Store::example();
        let mut server = Server::new(&store);
        server.send_and_hang_up(&whole[..end]);
        assert_eq!(server.closed, Some(CloseReason::EndOfStream), "after {end} octets");
        assert_eq!((store.updates(), store.locked.get()), (0, false), "after {end} octets");
    }
    let store = Store::example();
    Server::new(&store).send_and_hang_up(&whole);
    assert_eq!(store.removed(), [1, 2]);
}

#[test]
fn a_connection_that_breaks_at_any_octet_of_the_output_removes_nothing() {
    // R-1939-29: the host drops the session when a write fails
    let whole = format!("{LOGIN}{}", SESSION.strip_suffix("QUIT\r\n").unwrap());
    let store = Store::example();
    let mut server = Server::new(&store);
    let octets = server.send(&whole).len();
    drop(server);
    for end in 0..octets {
        let store = Store::example();
        let mut server = Server::new(&store);
        server.window = vec![end, 0].into();
        server.run(whole.as_bytes(), false);
        drop(server);
        assert_eq!((store.updates(), store.locked.get()), (0, false), "after {end} octets");
    }
}

#[test]
fn an_end_of_stream_unlocks_the_maildrop_before_the_last_reply_is_taken() {
    // R-1939-18
    let store = Store::new([vec![b'x'; 1000]]);
    let mut server = Server::logged_in(&store);
    server.send_and_hang_up("RETR 1\r\nNOO");
    assert!(!store.locked.get());
    assert_eq!(store.calls()[1..], [Call::Retrieve(1), Call::Dropped]);
    assert!(Server::new(&store).send(LOGIN).ends_with("ready\r\n"));
}

#[test]
fn replies_that_were_earned_are_written_after_the_end_of_stream() {
    // R-1939-11: a client may close its half and read on
    let store = Store::new(["one\n".repeat(20_000)]);
    store.chunk.set(3000);
    let mut server = Server::logged_in(&store);
    server.window = 1000.into();
    let output = server.send_and_hang_up("RETR 1\r\nSTAT\r\n");
    assert!(output.ends_with("one\r\n.\r\n+OK 1 100000\r\n"));
    assert_eq!(server.closed, Some(CloseReason::EndOfStream));
}

#[test]
fn quit_counts_when_the_stream_ends_right_after_it() {
    // R-1939-29
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send_and_hang_up("DELE 2\r\nQUIT\r\n").lines().last(), Some("+OK marked messages removed, bye"));
    assert_eq!(server.closed, Some(CloseReason::Quit));
    assert_eq!(store.removed(), [2]);
}

#[test]
fn a_session_dropped_with_any_question_unanswered_removes_nothing() {
    // R-1939-29
    for (lines, question) in [("RETR 1\r\n", "Retrieve"), ("DELE 1\r\nQUIT\r\n", "Update"), ("TOP 1 1\r\n", "Retrieve")]
    {
        let store = Store::example();
        let mut server = Server::logged_in(&store);
        server.drops = true.into();
        server.max_polls = 1;
        let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
        read.space()[..lines.len()].copy_from_slice(lines.as_bytes());
        read.filled(lines.len());
        assert!(format!("{:?}", server.session.poll(server.now)).starts_with(question), "{question}");
        drop(server);
        assert_eq!((store.updates(), store.locked.get()), (0, false), "{question}");
    }
}

#[test]
fn an_end_of_stream_before_login_is_an_end() {
    // R-1939-20
    for lines in ["", "USER mrose\r\n", "USER mrose\r\nPASS tanstaa", "CAPA"] {
        let store = Store::example();
        let mut server = Server::new(&store);
        server.send_and_hang_up(lines);
        assert_eq!(server.closed, Some(CloseReason::EndOfStream), "{lines:?}");
        assert_eq!(store.calls(), []);
    }
}

#[test]
fn a_host_that_stops_removes_nothing_and_says_nothing() {
    // R-1939-29
    for lines in [LOGIN.to_owned() + "DELE 1\r\nQUI", LOGIN.to_owned() + "DELE 1\r\n", "USER mrose\r\n".to_owned()] {
        let store = Store::example();
        let mut server = Server::new(&store);
        server.send(lines);
        server.session.stop();
        assert_eq!((server.send("QUIT\r\n").as_str(), server.closed), ("", Some(CloseReason::Stopped)));
        assert_eq!((store.updates(), store.locked.get()), (0, false));
    }
}

#[test]
fn a_host_that_stops_answers_what_has_come_and_ends_before_it_would_read() {
    // R-1939-29
    let bye =
        "+OK message follows\r\none\r\n.\r\n+OK message marked as deleted\r\n+OK marked messages removed, bye\r\n";
    for (lines, output, reason, removed) in [
        ("RETR 1\r\nDELE 1\r\nQUIT\r\n", bye, CloseReason::Quit, &[1][..]),
        ("RETR 1\r\nDELE 1\r\nQUI", &bye[..bye.find("+OK marked").unwrap()], CloseReason::Stopped, &[]),
    ] {
        let store = Store::new(["one\n"]);
        store.chunk.set(1);
        let mut server = Server::logged_in(&store);
        server.window = 0.into();
        server.send(lines);
        server.session.stop();
        server.window = 1.into();
        assert_eq!((server.send("").as_str(), server.closed), (output, Some(reason)));
        assert_eq!((store.removed().as_slice(), store.locked.get()), (removed, false));
    }
    let mut server = Server::new(&Store::example());
    server.session.stop();
    assert_eq!((server.send("").as_str(), server.closed), ("+OK POP3 server ready\r\n", Some(CloseReason::Stopped)));
}

#[test]
fn a_message_that_fails_ends_the_session_and_removes_nothing() {
    // R-GEN-10
    let store = Store::new(["one\n".repeat(100)]);
    store.chunk.set(10);
    for chunks in [0, 1, 5, 39] {
        store.fail_after.set(Some(chunks));
        let mut server = Server::logged_in(&store);
        let output = server.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
        assert!(!output.ends_with("\r\n.\r\n"), "{output}");
        assert_eq!(server.closed, Some(CloseReason::MessageFailed));
        assert_eq!((store.updates(), store.locked.get()), (0, false));
    }
}

#[test]
fn a_transport_that_fails_is_told_from_a_stream_that_ends() {
    // R-1939-29, R-GEN-09: nothing is removed, the lock is free, and not an octet is written any more
    for lines in ["USER mrose\r\n".to_owned(), LOGIN.to_owned() + "DELE 1\r\n", LOGIN.to_owned() + "DELE 1\r\nQUI"] {
        let store = Store::example();
        let mut server = Server::new(&store);
        server.send(lines);
        let Action::Io(Io::Read(read)) = server.session.poll(server.now) else { panic!() };
        read.failed();
        assert_eq!((server.send("T\r\n").as_str(), server.closed), ("", Some(CloseReason::TransportFailed)));
        assert_eq!((store.updates(), store.locked.get()), (0, false));
    }
    assert!(!CloseReason::TransportFailed.is_orderly(), "there is nobody to say goodbye to");
}

/// Has a server talk until `end` octets are written, where its transport fails.
fn fails_after(end: usize, store: &Rc<Store>, lines: &str) -> Server {
    let mut server = Server::new(store);
    server.window = vec![end, 0].into();
    server.run(lines.as_bytes(), false);
    let Action::Io(Io::Write(write)) = server.session.poll(server.now) else { panic!("{end}") };
    write.failed();
    let written = server.output.len();
    server.window = usize::MAX.into();
    server.run(b"NOOP\r\n", false);
    assert_eq!((server.output.len(), server.closed), (written, Some(CloseReason::TransportFailed)), "{end}");
    server
}

#[test]
fn a_write_that_fails_at_any_octet_removes_nothing() {
    // R-1939-29
    let whole = format!("{LOGIN}{}", SESSION.strip_suffix("QUIT\r\n").unwrap());
    let octets = Server::new(&Store::example()).send(&whole).len();
    for end in 1..octets {
        let store = Store::example();
        let server = fails_after(end, &store, &whole);
        assert_eq!(server.session.state(), None);
        assert_eq!((store.updates(), store.locked.get()), (0, false), "after {end} octets");
    }
}

#[test]
fn a_quit_whose_answer_is_lost_is_told_from_one_that_was_answered() {
    // R-1939-29: the client can't know; what was removed stays removed
    let whole = format!("{LOGIN}DELE 1\r\nQUIT\r\n");
    let octets = Server::new(&Store::example()).send(&whole).len();
    let store = Store::example();
    fails_after(octets - 1, &store, &whole);
    assert_eq!((store.removed(), store.locked.get()), (vec![1], false));
}

#[test]
fn a_login_whose_answer_is_lost_is_not_handed_over() {
    // R-1939-18
    let config = Config::new().into();
    let mut session = Session::<Infallible>::new(config, Security::Tls);
    let mut input = &b"USER mrose\r\nPASS x\r\nSTAT\r\n"[..];
    let mut handed_over = false;
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => {
                let octets = input.read(read.space()).unwrap();
                read.filled(octets);
            }
            Action::Io(Io::Write(write)) if handed_over => write.failed(),
            Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
            Action::Login(login) => {
                login.hand_over();
                handed_over = true;
            }
            Action::Close(reason) => {
                assert_eq!(reason, CloseReason::TransportFailed);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(session.into_unread(), b"");
}

#[test]
fn octets_of_an_earlier_read_are_never_taken_for_those_of_another() {
    // only what this token was asked for counts
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    for before in ["", "NOO"] {
        server.send(before);
        let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
        let lines = b"DELE 1\r\nDELE 2\r\nQUIT\r\n";
        read.space()[..lines.len()].copy_from_slice(lines);
        drop(read);
        for octets in [lines.len(), usize::MAX] {
            let Action::Io(Io::Read(read)) = server.session.poll(server.now) else { panic!() };
            read.filled(octets);
        }
        assert_eq!(server.send(if before.is_empty() { "NOOP\r\n" } else { "P\r\n" }), "+OK\r\n");
    }
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    let line = b"NOOP\r\nDELE 1\r\n";
    read.space()[..line.len()].copy_from_slice(line);
    read.filled(6);
    let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) else { panic!() };
    write.advance(write.remaining());
    let Action::Io(Io::Read(read)) = server.session.poll(server.now) else { panic!() };
    read.filled(8);
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    let Action::Io(Io::Read(read)) = server.session.poll(server.now) else { panic!() };
    read.filled(0);
    assert_eq!((server.send("").as_str(), server.closed), ("", Some(CloseReason::EndOfStream)));
}
