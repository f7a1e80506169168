//! Octets that the maildrop doesn't know yet: the host measures one message at a time, while STAT or LIST waits.

use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::server::{Action, CloseReason, Measure, Refusal};

use crate::common::{Call, Server, Store, TestDrop};

const TEMPORARY: &str = "-ERR [SYS/TEMP] temporary failure, try again later\r\n";
const GONE: &str = "-ERR message is gone\r\n";

/// Messages of these octets, which are known once they are measured.
fn unmeasured(octets: &[u64]) -> Rc<Store> {
    let store = Store::announcing(octets.iter().copied());
    store.unmeasured.replace((1..).take(octets.len()).collect());
    store
}

/// The messages that were measured.
fn measured(store: &Store) -> Vec<u32> {
    let calls = store.calls().into_iter();
    calls.filter_map(|call| if let Call::Measure(message) = call { Some(message) } else { None }).collect()
}

/// The token that the host is asked with next.
fn asked(server: &mut Server) -> Measure<'_, TestDrop> {
    match server.session.poll(server.now) {
        Action::Measure(measure) => measure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_message_is_measured_once_for_stat_and_list() {
    // R-1939-21, R-1939-22
    let stat = "+OK 3 975\r\n";
    let list = "+OK scan listing follows\r\n1 5\r\n2 70\r\n3 900\r\n.\r\n";
    for (first, second) in [(("STAT\r\n", stat), ("LIST\r\n", list)), (("LIST\r\n", list), ("STAT\r\n", stat))] {
        let store = unmeasured(&[5, 70, 900]);
        let mut server = Server::logged_in(&store);
        assert_eq!(measured(&store), []);
        assert_eq!(server.send(first.0), first.1);
        assert_eq!(measured(&store), [1, 2, 3]);
        assert_eq!(server.send(second.0), second.1);
        assert_eq!(server.send("LIST 2\r\n"), "+OK 2 70\r\n");
        assert_eq!(measured(&store), [1, 2, 3], "the maildrop remembers them");
    }
}

#[test]
fn only_what_is_not_known_is_measured() {
    // R-1939-21, R-1939-22
    let store = unmeasured(&[5, 70, 900, 4_000]);
    store.unmeasured.replace(vec![2, 4]);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("LIST 1\r\nLIST 4\r\n"), "+OK 1 5\r\n+OK 4 4000\r\n");
    assert_eq!(measured(&store), [4]);
    assert_eq!(server.send("STAT\r\n"), "+OK 4 4975\r\n");
    assert_eq!(measured(&store), [4, 2]);
}

#[test]
fn no_command_but_stat_and_list_has_messages_measured() {
    // R-1939-21, R-1939-22
    let store = unmeasured(&[5, 70]);
    let mut server = Server::logged_in(&store);
    server.send("NOOP\r\nUIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 1\r\nRSET\r\nDELE 2\r\nLIST 2\r\nLIST 3\r\nSTAT 1\r\nCAPA\r\nQUIT\r\n");
    assert_eq!((measured(&store), server.closed), (vec![], Some(CloseReason::Quit)));
}

#[test]
fn a_maildrop_is_asked_for_its_octets_no_more_often_than_is_needed() {
    // R-GEN-02
    let store = unmeasured(&[7; 1_000]);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 1000 7000\r\n");
    let asked = store.octets_asked.get();
    assert!((1_000..=4_000).contains(&asked), "{asked}");
}

#[test]
fn the_ok_of_a_listing_leaves_when_all_octets_are_known() {
    // R-GEN-17: `-ERR` is possible until then
    let store = unmeasured(&[5, 70, 900]);
    let mut server = Server::logged_in(&store);
    server.read("LIST\r\n");
    for message in 1..=2 {
        let measure = asked(&mut server);
        assert_eq!(measure.message().get(), message);
        store.unmeasured.borrow_mut().retain(|unmeasured| *unmeasured != message);
        measure.done();
    }
    asked(&mut server).refuse(Refusal::Temporary);
    assert_eq!(server.send(""), TEMPORARY, "no line of the listing");
    assert_eq!(server.send("LIST\r\n").lines().count(), 5);
}

#[test]
fn a_message_that_cannot_be_measured_costs_the_command_and_is_measured_for_the_next() {
    // R-GEN-17
    for (refusal, reply) in [
        (Refusal::Temporary, TEMPORARY),
        (Refusal::Permanent, "-ERR [SYS/PERM] failure that needs the administrator\r\n"),
    ] {
        let store = unmeasured(&[5, 70, 900]);
        store.unknown.replace(vec![2]);
        store.unmeasurable.set(Some(refusal));
        let mut server = Server::logged_in(&store);
        for command in ["STAT\r\n", "LIST\r\n", "LIST 2\r\n"].repeat(30) {
            assert_eq!(server.send(command), reply, "{command}: and it is no bad command");
        }
        assert_eq!(server.send("LIST 1\r\nLIST 3\r\n"), "+OK 1 5\r\n+OK 3 900\r\n");
        store.unknown.replace(vec![]);
        assert_eq!(server.send("STAT\r\n"), "+OK 3 975\r\n");
        assert_eq!(measured(&store).iter().filter(|message| **message == 1).count(), 1, "the others are known");
    }
}

#[test]
fn a_host_that_claims_to_have_measured_is_not_asked_for_ever() {
    // R-GEN-17
    for command in ["STAT\r\n", "LIST\r\n", "LIST 2\r\n"] {
        let store = unmeasured(&[5, 70]);
        store.unknown.replace(vec![2]);
        store.unmeasurable.set(None);
        let mut server = Server::logged_in(&store);
        assert_eq!(server.send(command), TEMPORARY, "{command}");
        assert_eq!(measured(&store).iter().filter(|message| **message == 2).count(), 1);
    }
}

/// A session whose host has noticed that message 2 of 3 is gone.
fn with_a_gap() -> (Rc<Store>, Server) {
    let store = unmeasured(&[5, 70, 900]);
    store.unknown.replace(vec![2]);
    store.unmeasurable.set(Some(Refusal::Gone));
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 3 905\r\n");
    (store, server)
}

#[test]
fn a_message_that_is_gone_keeps_its_place_without_octets() {
    // R-1939-28, R-1939-19
    let (store, mut server) = with_a_gap();
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 5\r\n2 0\r\n3 900\r\n.\r\n");
    assert_eq!(server.send("UIDL\r\n").lines().count(), 5);
    assert_eq!(server.send("LIST 2\r\n"), GONE);
    assert_eq!(measured(&store), [1, 2, 3], "it isn't measured again");
    store.unknown.replace(vec![]);
    assert_eq!(server.send("DELE 1\r\nSTAT\r\n").lines().last(), Some("+OK 2 900"));
    assert_eq!(server.send("DELE 2\r\nSTAT\r\n").lines().last(), Some("+OK 1 900"));
    assert_eq!(server.send("RSET\r\nSTAT\r\n").lines().last(), Some("+OK 3 905"), "it stays gone");
}

#[test]
fn a_message_that_comes_back_is_sent_and_says_nothing_about_how_the_store_counts() {
    // R-1939-28
    let store = Store::new(["one\n", "two\n"]);
    store.unknown.replace(vec![2]);
    store.unmeasurable.set(Some(Refusal::Gone));
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 2 5\r\n");
    store.unknown.replace(vec![]);
    assert_eq!(server.send("RETR 2\r\n"), "+OK message follows\r\ntwo\r\n.\r\n");
    assert_eq!(server.session.wrong_sizes(), 0);
    assert_eq!(server.send("STAT\r\n"), "+OK 2 5\r\n", "what was announced stays");
}

#[test]
fn a_client_that_asks_for_the_octets_of_a_vanished_message_again_and_again_comes_to_an_end() {
    // R-1939-28
    let (_, mut server) = with_a_gap();
    server.send("LIST 2\r\n".repeat(100));
    assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
}

#[test]
fn what_is_found_to_be_gone_by_stat_is_no_bad_command_of_the_client() {
    // R-1939-28: the first command for each message is none
    let store = unmeasured(&[5; 100]);
    store.unknown.replace((1..=100).collect());
    store.unmeasurable.set(Some(Refusal::Gone));
    store.refusal.set(Some(Refusal::Gone));
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 100 0\r\n");
    for (message, command) in (1..=100).zip(["LIST", "RETR"].into_iter().cycle()) {
        assert_eq!(server.send(format!("{command} {message}\r\n")), GONE);
    }
}

#[test]
fn list_of_a_message_that_is_gone_is_refused_at_the_first_time_too() {
    // R-1939-28
    let store = unmeasured(&[5, 70]);
    store.unknown.replace(vec![2]);
    store.unmeasurable.set(Some(Refusal::Gone));
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("LIST 2\r\nLIST 1\r\nSTAT\r\n"), format!("{GONE}+OK 1 5\r\n+OK 2 5\r\n"));
    assert_eq!(measured(&store), [2, 1]);
}

#[test]
fn marked_messages_are_not_measured_until_rset_takes_the_marks_back() {
    // R-1939-21, R-1939-24, R-1939-25
    let store = unmeasured(&[5, 70, 900]);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("DELE 2\r\nSTAT\r\n").lines().last(), Some("+OK 2 905"));
    assert_eq!(measured(&store), [1, 3]);
    assert_eq!(server.send("RSET\r\nSTAT\r\n").lines().last(), Some("+OK 3 975"));
    assert_eq!(measured(&store), [1, 3, 2]);
}

#[test]
fn what_comes_after_a_command_waits_until_its_messages_are_measured() {
    // R-1939-11, R-2449-16
    let store = unmeasured(&[5, 70, 900]);
    let mut server = Server::logged_in(&store);
    let output = server.send("STAT\r\nDELE 2\r\nSTAT\r\nRSET\r\nSTAT\r\nDELE 1\r\nQUIT\r\nNOOP\r\n");
    let lines: Vec<_> = output.lines().collect();
    assert_eq!([lines[0], lines[2], lines[4]], ["+OK 3 975", "+OK 2 905", "+OK 3 975"], "{output}");
    let calls = &store.calls()[1..];
    let expected = [Call::Measure(1), Call::Measure(2), Call::Measure(3), Call::Update(vec![1]), Call::Dropped];
    assert_eq!((calls, server.closed), (&expected[..], Some(CloseReason::Quit)));
}

#[test]
fn a_client_that_has_said_all_it_has_to_say_gets_its_answer() {
    // R-1939-29
    let store = unmeasured(&[5, 70]);
    let mut server = Server::logged_in(&store);
    server.run(b"STAT\r\nDELE 1\r\n", true);
    assert_eq!(server.take(), "+OK 2 75\r\n+OK message marked as deleted\r\n");
    assert_eq!((server.closed, store.updates()), (Some(CloseReason::EndOfStream), 0));
}

#[test]
fn a_server_that_stops_declines_what_is_not_measured_yet() {
    // R-1939-11, R-1939-29
    for declines in [false, true] {
        let store = unmeasured(&[5, 70]);
        let mut server = Server::logged_in(&store);
        server.read("DELE 2\r\nLIST\r\nNOOP\r\n");
        drop(asked(&mut server));
        server.session.stop();
        let measure = asked(&mut server);
        let answer = if declines {
            measure.decline();
            TEMPORARY
        } else {
            "+OK scan listing follows\r\n1 5\r\n.\r\n"
        };
        assert_eq!(server.send(""), format!("+OK message marked as deleted\r\n{answer}+OK\r\n"));
        assert_eq!((server.closed, store.updates()), (Some(CloseReason::Stopped), 0));
    }
}

#[test]
fn no_deadline_runs_while_messages_are_measured() {
    // R-1939-12
    let store = unmeasured(&[5, 70]);
    let mut server = Server::logged_in(&store);
    server.read("STAT\r\n");
    for message in 1..=2 {
        for _ in 0..5 {
            assert_eq!(asked(&mut server).message().get(), message);
            server.now += Duration::from_secs(1_000);
        }
        let measure = asked(&mut server);
        store.unmeasured.borrow_mut().retain(|unmeasured| *unmeasured != message);
        measure.done();
        server.now += Duration::from_secs(1_000);
    }
    let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) else { panic!() };
    assert_eq!(write.chunk(), b"+OK 2 75\r\n");
    assert_eq!(write.deadline(), Some(server.now + Duration::from_secs(600)), "autologout begins anew");
    write.advance(10);
    server.send("");
    server.wait(599);
    assert_eq!(server.closed, None);
    server.wait(2);
    assert_eq!(server.closed, Some(CloseReason::Autologout));
}

#[test]
fn a_host_that_leaves_while_it_measures_frees_the_maildrop() {
    // R-1939-18
    let store = unmeasured(&[5, 70]);
    let mut server = Server::logged_in(&store);
    server.read("LIST\r\n");
    drop(asked(&mut server));
    assert!(store.locked.get());
    drop(server);
    assert!(!store.locked.get());
}

#[test]
fn a_token_that_is_dropped_comes_again_unless_the_octets_are_known_by_then() {
    // level-triggered
    for command in ["STAT\r\n", "LIST\r\n"] {
        let store = unmeasured(&[5, 70]);
        let mut server = Server::logged_in(&store);
        server.read(command);
        for _ in 0..3 {
            assert_eq!(asked(&mut server).message().get(), 1);
        }
        let mut measure = asked(&mut server);
        let (maildrop, message) = measure.maildrop_and_message();
        assert_eq!(message.get(), 1);
        maildrop.store().unmeasured.replace(vec![2]);
        assert_eq!(asked(&mut server).message().get(), 2);
        store.unmeasured.replace(vec![]);
        assert!(server.send("").starts_with("+OK "));
        assert_eq!(measured(&store), []);
    }
}
