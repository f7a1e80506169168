//! Both halves of the crate as a proxy: a login is taken by one session, said again by another, and then both step aside.

use std::rc::Rc;

use pop3_proto::client::{self, Error, Method, ProtocolError};
use pop3_proto::server::{CloseReason, Config};
use pop3_proto::wire::State;

use crate::common::{Client, Front, LOGIN, Pipe, Server, Step, Store, front, in_any_way, mrose};

/// What a client says after its login, all of it at once.
const SESSION: &str = "CAPA\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 1\r\nNONSENSE\r\nDELE 1\r\nRETR 3\r\nQUIT\r\n";

/// A client of the backend that has logged in and has nothing more to say, with reads and writes of a few octets.
fn log_in(backend: &mut Server, method: Method, octets: usize) -> Client {
    let mut client = Client::new(client::Config::new(), pop3_proto::Security::TrustedLocal);
    (client.reads, client.writes) = (octets.into(), octets.into());
    let (mut down, mut up) = (Pipe::new(usize::MAX), Pipe::new(usize::MAX));
    client.say("CAPA");
    let mut begun = false;
    loop {
        match client.step(&mut down, &mut up) {
            Step::Done => {}
            Step::Idle if begun => return client,
            Step::Idle => {
                client.log_in(mrose(method, "tanstaaf"));
                begun = true;
            }
            Step::Blocked => down.octets.extend(backend.receive(up.take(usize::MAX))),
            Step::Over => panic!("{:?}", client.closed),
        }
    }
}

/// What the client hears after its login when all goes through a proxy.
fn through_a_proxy(store: &Rc<Store>, mut front: Front, input: &str, method: Method, octets: usize) -> Vec<u8> {
    let mut backend = Server::patient(store);
    let reason = front.run(
        input.as_bytes(),
        |login| {
            let client = log_in(&mut backend, method, octets);
            assert_eq!(client.session.state(), Some(State::Transaction));
            login.hand_over();
        },
        |step| panic!("{step:?}"),
    );
    assert_eq!(reason, Some(CloseReason::HandedOver));
    backend.receive(front.left(input.as_bytes()))
}

#[test]
fn a_client_hears_through_a_proxy_what_it_hears_without() {
    // R-2449-16, R-GEN-01
    let messages = ["Subject: x\n\n.\n..\nno end", "a\r\n\r\nb\r\nc\r\n", ""];
    let expected = {
        let mut server = Server::logged_in(&Store::new(messages));
        server.receive(SESSION)
    };
    assert!(expected.ends_with(b"+OK marked messages removed, bye\r\n"));
    let input = format!("CAPA\r\n{LOGIN}{SESSION}");
    for octets in [1, 2, 3, 7, 50, usize::MAX] {
        for (drops, method) in [(false, Method::User), (true, Method::Plain)] {
            let mut front = front(Config::new());
            (front.reads, front.window, front.drops) = (vec![octets], octets, drops);
            let store = Store::new(messages);
            let heard = through_a_proxy(&store, front, &input, method, octets);
            assert_eq!(heard.escape_ascii().to_string(), expected.escape_ascii().to_string());
            assert!(!store.locked.get());
        }
    }
}

#[test]
fn a_session_that_is_idle_has_written_all_that_was_sent_and_taken_all_that_was_read() {
    // R-1939-11
    in_any_way(&client::Config::new(), pop3_proto::Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        script.let_in();
        script.client.say("STAT\r\nNOOP\r\nRETR 1\r\nLIST");
        let answers = ["+OK 1 3\r\n", "+OK\r\n", "+OK\r\nx\r\n.\r\n", "+OK\r\n1 3\r\n.\r\n"];
        let mut wrote = String::new();
        for answer in answers {
            wrote += &script.wrote();
            script.says(answer);
        }
        assert_eq!(wrote, "STAT\r\nNOOP\r\nRETR 1\r\nLIST\r\n");
        let (mut down, mut up) = (Pipe::new(usize::MAX), Pipe::new(usize::MAX));
        assert_eq!(script.client.step(&mut down, &mut up), Step::Idle);
        assert!(up.octets.is_empty());
    });
}

#[test]
fn a_session_that_has_read_more_than_it_asked_for_is_not_idle() {
    // R-1939-11, R-1939-12
    for after in ["x", "+", "+O", "+OK", "-ERR", "\r"] {
        in_any_way(&client::Config::new(), pop3_proto::Security::TrustedLocal, |script| {
            script.log_in();
            script.says(after);
            let (mut down, mut up) = (Pipe::new(usize::MAX), Pipe::new(usize::MAX));
            assert_eq!(script.client.step(&mut down, &mut up), Step::Blocked, "it waits for the rest of {after:?}");
        });
    }
    for (after, end) in [
        ("+OK\r\n", Error::Protocol(ProtocolError::Unsolicited)),
        ("1 3\r\n.\r\n", Error::Protocol(ProtocolError::Unsolicited)),
    ] {
        in_any_way(&client::Config::new(), pop3_proto::Security::TrustedLocal, |script| {
            script.log_in();
            script.says(after);
            assert_eq!(script.closed(), Err(end));
        });
    }
}
