//! Ends that nobody has announced: nothing is removed, and the lock is free (RFC 1939 §6).

mod common;

use common::{Call, LOGIN, Server, Store};
use pop3_proto::server::{Action, CloseReason};

const SESSION: &str = "STAT\r\nDELE 1\r\nLIST\r\nRETR 2\r\nTOP 2 1\r\nDELE 2\r\nUIDL\r\nQUIT\r\n";

#[test]
fn a_stream_that_ends_anywhere_before_the_end_of_quit_removes_nothing() {
    // R-1939-29; failure case 44
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
    // R-1939-18; failure case 48
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
fn quit_counts_when_the_stream_ends_right_behind_it() {
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
        let Action::Read(mut read) = server.session.poll(server.now) else { panic!() };
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
        let Action::Read(read) = server.session.poll(server.now) else { panic!() };
        read.stop();
        assert_eq!((server.send("QUIT\r\n").as_str(), server.closed), ("", Some(CloseReason::Stopped)));
        assert_eq!((store.updates(), store.locked.get()), (0, false));
    }
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
