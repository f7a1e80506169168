//! RFC 1939 §6 and §8: UPDATE.

use bytes::Buf;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Action, CloseReason, Config};
use pop3_proto::{Io, Security};

use crate::common::{Call, LOGIN, Server, Store};

/// A server that removes what was retrieved, with its client logged in.
fn removing_retrieved(store: &std::rc::Rc<Store>) -> Server {
    let mut server = Server::with(store, Config::new().remove_retrieved(true), Security::Tls);
    server.log_in();
    server
}

#[test]
fn quit_removes_the_marked_messages_and_no_others() {
    // R-1939-29, R-1939-30
    let store = Store::new(vec!["x"; 200]);
    let mut server = Server::logged_in(&store);
    for number in [200, 1, 64, 65, 128, 3] {
        server.send(format!("DELE {number}\r\n"));
    }
    assert_eq!(server.send("QUIT\r\n"), "+OK marked messages removed, bye\r\n");
    assert_eq!(store.removed(), [1, 3, 64, 65, 128, 200]);
    assert_eq!(server.closed, Some(CloseReason::Quit));
}

#[test]
fn quit_without_marks_enters_update_with_nothing_to_remove() {
    // R-1939-30
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("DELE 1\r\nRSET\r\nQUIT\r\n").lines().last(), Some("+OK bye"));
    assert_eq!((store.updates(), store.removed()), (1, vec![]));
}

#[test]
fn quit_without_marks_is_ok_whatever_the_host_answers() {
    // R-1939-30: nothing was to be removed, so nothing can have stayed
    for commit in [Removal::All, Removal::NotAll, Removal::Unknown] {
        for before in ["", "NOOP\r\n", "DELE 2\r\nRSET\r\n", "RETR 1\r\n"] {
            let store = Store::example();
            store.commit.set(commit);
            let mut server = Server::logged_in(&store);
            server.send(before);
            assert_eq!(server.send("QUIT\r\n"), "+OK bye\r\n", "{commit:?} after {before:?}");
            assert_eq!(
                (store.updates(), server.closed),
                (1, Some(CloseReason::Quit)),
                "the host is asked all the same"
            );
        }
    }
}

#[test]
fn a_retrieved_message_that_was_to_go_and_stays_is_told_without_a_dele() {
    // R-1939-30, R-1939-35
    let store = Store::example();
    store.commit.set(Removal::NotAll);
    let mut server = removing_retrieved(&store);
    server.send("RETR 1\r\n");
    assert_eq!(server.send("QUIT\r\n"), "-ERR [SYS/TEMP] not all marked messages are removed\r\n");
}

#[test]
fn the_reply_to_quit_tells_what_has_become_of_the_messages() {
    // R-1939-30, R-3206-01
    let cases = [
        (Removal::All, "+OK marked messages removed, bye\r\n"),
        (Removal::NotAll, "-ERR [SYS/TEMP] not all marked messages are removed\r\n"),
        (Removal::Unknown, "-ERR [SYS/TEMP] not all marked messages are removed\r\n"),
    ];
    for (commit, reply) in cases {
        let store = Store::example();
        store.commit.set(commit);
        let mut server = Server::logged_in(&store);
        server.send("DELE 1\r\n");
        assert_eq!(server.send("QUIT\r\n"), reply);
        assert_eq!(server.closed, Some(CloseReason::Quit), "it closes whatever the answer is");
    }
}

#[test]
fn nothing_is_written_to_quit_before_the_host_has_answered() {
    // R-1939-30
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.send("DELE 1\r\n");
    server.drops = vec![false, true].into();
    store.commit.set(Removal::NotAll);
    assert_eq!(server.send("QUIT\r\n"), "-ERR [SYS/TEMP] not all marked messages are removed\r\n");
}

#[test]
fn the_maildrop_is_unlocked_before_the_reply_to_quit_leaves() {
    // R-1939-30
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    assert_eq!(server.send("QUIT\r\n"), "");
    assert!(matches!(server.session.poll(server.now), Action::Io(Io::Write(write)) if write.has_remaining()));
    assert!(!store.locked.get());
    assert_eq!(store.calls()[1..], [Call::Update(vec![]), Call::Dropped]);
    Server::logged_in(&store);
}

#[test]
fn what_comes_after_quit_is_ignored() {
    // R-1939-30
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("QUIT\r\nDELE 1\r\nQUIT\r\nNOOP\r\n"), "+OK bye\r\n");
    assert_eq!((store.updates(), store.removed()), (1, vec![]));
}

#[test]
fn a_quit_that_is_cut_malformed_or_out_of_place_removes_nothing() {
    // R-1939-29
    for quit in [
        "QUIT",
        "QUIT\r",
        "QUI\r\n",
        "QUIT 1\r\n",
        "QUIT now\r\n",
        " QUIT\r\n",
        "QUIT\0\r\n",
        "QUIT\t\r\n",
        "QUITS\r\n",
    ] {
        let store = Store::example();
        let mut server = Server::logged_in(&store);
        server.send("DELE 1\r\n");
        server.send_and_hang_up(quit);
        assert_eq!(store.updates(), 0, "{quit:?}");
        assert_eq!(server.closed, Some(CloseReason::EndOfStream));
        assert!(!store.locked.get());
    }
}

#[test]
fn close_comes_again_at_each_poll() {
    // design: level-triggered
    let mut server = Server::logged_in(&Store::example());
    server.send("QUIT\r\n");
    for _ in 0..3 {
        assert!(matches!(server.session.poll(server.now), Action::Close(CloseReason::Quit)));
    }
    assert_eq!(server.session.state(), None);
}

#[test]
fn an_orderly_end_is_told_from_a_truncation() {
    // R-8314-04
    assert!(CloseReason::Quit.is_orderly() && CloseReason::Autologout.is_orderly());
    assert!(!CloseReason::EndOfStream.is_orderly() && !CloseReason::MessageFailed.is_orderly());
}

#[test]
fn retrieved_messages_stay_by_default() {
    // R-1939-35
    let store = Store::example();
    Server::logged_in(&store).send("RETR 1\r\nQUIT\r\n");
    assert_eq!((store.updates(), store.removed()), (1, vec![]));
}

#[test]
fn retrieved_messages_go_at_quit_where_the_site_says_so() {
    // R-1939-35
    let store = Store::new(["a", "b", "c", "d"]);
    let mut server = removing_retrieved(&store);
    server.send("RETR 3\r\nTOP 1 9\r\nDELE 2\r\n");
    assert_eq!(server.send("STAT\r\n"), "+OK 3 9\r\n", "until then it is as visible as before");
    assert!(server.send("RETR 3\r\n").starts_with("+OK"));
    server.send("QUIT\r\n");
    assert_eq!(store.removed(), [2, 3]);
}

#[test]
fn a_message_that_is_retrieved_twice_is_removed_once() {
    // R-1939-35
    let store = Store::example();
    let mut server = removing_retrieved(&store);
    server.send("RETR 2\r\nRETR 2\r\nQUIT");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..2].copy_from_slice(b"\r\n");
    read.filled(2);
    let Action::Update(mut update) = server.session.poll(server.now) else { panic!() };
    assert_eq!(update.maildrop_and_deletions().1.len(), 1);
    assert_eq!(update.maildrop_and_deletions().1.map(MessageNumber::get).collect::<Vec<_>>(), [2]);
}

#[test]
fn rset_takes_back_what_was_retrieved() {
    // R-1939-25, R-1939-35
    let store = Store::example();
    removing_retrieved(&store).send("RETR 1\r\nRSET\r\nQUIT\r\n");
    assert_eq!((store.updates(), store.removed()), (1, vec![]));
}

#[test]
fn retrieved_messages_stay_unless_quit_comes() {
    // R-1939-29, R-1939-35
    let store = Store::example();
    removing_retrieved(&store).send_and_hang_up("RETR 1\r\nRETR 2\r\n");
    assert_eq!(store.updates(), 0);
}

#[test]
fn a_message_counts_as_retrieved_only_when_its_last_octet_is_written() {
    // R-1939-35
    let store = Store::new([vec![b'x'; 5000]]);
    for chunk in [0, 100] {
        store.chunk.set(chunk);
        let mut server = removing_retrieved(&store);
        server.window = vec![20, 20, 1, 0].into();
        server.send("RETR 1\r\nQUIT\r\n");
        assert_eq!(store.updates(), 0, "QUIT isn't read before");
        server.window = usize::MAX.into();
        server.send("");
        assert_eq!(store.removed(), [1]);
        store.calls.borrow_mut().clear();
    }
}

#[test]
fn a_message_that_failed_is_not_removed() {
    // R-1939-35, R-GEN-10
    let store = Store::new([vec![b'x'; 5000]]);
    store.chunk.set(100);
    store.fail_after.set(Some(10));
    let mut server = removing_retrieved(&store);
    server.send("RETR 1\r\nQUIT\r\n");
    assert_eq!(server.closed, Some(CloseReason::MessageFailed));
    assert_eq!(store.updates(), 0);
}

#[test]
fn dropping_the_session_drops_the_maildrop() {
    // R-1939-30; design: however the connection ends, the lock is released
    let store = Store::example();
    drop(Server::logged_in(&store));
    assert!(!store.locked.get());
    assert_eq!((store.updates(), store.calls().last()), (0, Some(&Call::Dropped)));
    assert!(Server::new(&store).send(LOGIN).ends_with("maildrop locked and ready\r\n"));
}
