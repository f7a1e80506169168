//! The maildrop is the session's, and is lent to the host.

use bytes::Bytes;
use pop3_proto::server::{Action, CloseReason};

use crate::common::{LOGIN, Server, Store, TestDrop};

#[test]
fn the_session_lends_its_maildrop_while_the_client_is_logged_in() {
    // R-1939-18
    let mut server = Server::new(&Store::example());
    assert!(server.session.maildrop().is_none());
    server.send("USER mrose\r\n");
    assert!(server.session.maildrop().is_none());
    server.send("PASS wrong\r\n");
    assert!(server.session.maildrop().is_none());
    server.send(LOGIN);
    assert!(server.session.maildrop().unwrap().store().locked.get());
    server.send("RETR 1\r\nDELE 1\r\n");
    assert!(server.session.maildrop().is_some());
    server.send("QUIT\r\n");
    assert_eq!(server.closed, Some(CloseReason::Quit));
    assert!(server.session.maildrop().is_none());
}

#[test]
fn the_maildrop_is_lent_as_soon_as_it_is_accepted_and_no_longer_than_it_is_there() {
    // R-1939-18, R-1939-30
    let mut server = Server::new(&Store::example());
    server.read(LOGIN);
    let Action::Login(login) = server.session.poll(server.now) else { panic!() };
    login.accept(TestDrop::new(&server.store)).unwrap();
    assert!(server.session.maildrop().is_some(), "before anything else is done");
    server.send("");
    server.window = 0.into();
    server.send("QUIT\r\n");
    assert!(server.session.maildrop().is_none(), "before the response is written");
    server.window = usize::MAX.into();
    assert_eq!(server.send(""), "+OK bye\r\n");
}

#[test]
fn a_message_is_asked_for_together_with_its_maildrop() {
    // R-1939-23
    let mut server = Server::logged_in(&Store::new(["one\n", "two\n"]));
    server.read("RETR 2\r\n");
    let Action::Retrieve(mut retrieve) = server.session.poll(server.now) else { panic!() };
    let (maildrop, message) = retrieve.maildrop_and_message();
    let stored = maildrop.store().messages[message.index()].octets.clone();
    // A reader that holds nothing: its chunks are the maildrop's.
    retrieve.begin(([Bytes::new()].into(), None));
    let Action::Body(mut body) = server.session.poll(server.now) else { panic!() };
    let (maildrop, (chunks, _)) = body.maildrop_and_reader();
    assert_eq!((chunks.pop_front(), chunks.len()), (Some(Bytes::new()), 0));
    assert_eq!(maildrop.store().messages[1].octets, stored);
    body.push(stored);
    assert_eq!(server.send(""), "+OK message follows\r\ntwo\r\n.\r\n");
}
