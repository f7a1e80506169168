//! What a store returns is an answer as it is: a client hears what it is to hear of an error, and the host gets back what is for a log.

use std::error::Error;
use std::{fmt, io};

use bytes::Bytes;
use pop3_proto::server::{Action, BoxError, CloseReason, Opened, Refusal, Rejection, Removal};

use crate::common::{Server, Store, TestDrop};

const TEMPORARY: &str = "-ERR [SYS/TEMP] temporary failure, try again later\r\n";
const PERMANENT: &str = "-ERR [SYS/PERM] failure that needs the administrator\r\n";

/// What is given back for a log.
fn log(answered: Result<(), BoxError>) -> String {
    answered.map_or_else(|error| error.to_string(), |()| String::new())
}

/// An error that the store knows, and POP3 doesn't.
fn disk() -> BoxError {
    io::Error::other("the disk fails").into()
}

/// An error that another one has led to.
#[derive(Debug)]
struct Query(BoxError);

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a query")
    }
}

impl Error for Query {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn a_login_is_answered_by_what_a_store_returns() {
    // R-1939-18, R-2449-10, R-3206-03
    for (error, response, logged, failed_logins) in [
        (Rejection::BadCredentials.into(), "-ERR [AUTH] wrong name or password\r\n", "", 1),
        (Rejection::InUse.into(), "-ERR [IN-USE] maildrop is in use by another session\r\n", "", 0),
        (Rejection::Permanent.into(), PERMANENT, "", 0),
        (disk(), TEMPORARY, "the disk fails", 0),
        (Refusal::Permanent.into(), TEMPORARY, "a problem that somebody must fix", 0),
        (Query(Rejection::BadCredentials.into()).into(), "-ERR [AUTH] wrong name or password\r\n", "", 1),
        (
            Query(Query(Rejection::InUse.into()).into()).into(),
            "-ERR [IN-USE] maildrop is in use by another session\r\n",
            "",
            0,
        ),
        (Query(disk()).into(), TEMPORARY, "a query", 0),
    ] {
        let mut server = Server::new(&Store::example());
        server.send("USER mrose\r\n");
        server.read("PASS tanstaaf\r\n");
        let Action::Login(login) = server.session.poll(server.now) else { panic!() };
        assert_eq!(log(login.answer(Err(error))), logged);
        assert_eq!(server.send(""), response);
        assert_eq!(server.session.totals().failed_logins, failed_logins);
        server.log_in();
    }
}

#[test]
fn a_maildrop_that_a_store_returns_is_accepted_or_its_fault_is_given_back() {
    // R-1939-27
    for (second, response, logged) in [
        ("uid-2", "+OK maildrop locked and ready\r\n", ""),
        ("uid-1", PERMANENT, "messages 1 and 2 have the same unique-id"),
    ] {
        let mut messages = Store::new(["one\n", "two\n"]).messages.clone();
        messages[1].unique_id = second.into();
        let mut server = Server::new(&Store::of(messages));
        server.send("USER mrose\r\n");
        server.read("PASS tanstaaf\r\n");
        let maildrop = TestDrop::new(&server.store);
        let Action::Login(login) = server.session.poll(server.now) else { panic!() };
        assert_eq!(log(login.answer(Ok(maildrop))), logged);
        assert_eq!(server.send(""), response);
    }
}

#[test]
fn measuring_is_answered_by_what_a_store_returns() {
    // R-1939-21
    for (measured, response, logged) in [
        (Ok(()), "+OK 1 5\r\n", ""),
        (Err(Refusal::Gone.into()), "+OK 1 0\r\n", ""),
        (Err(Refusal::Permanent.into()), PERMANENT, ""),
        (Err(disk()), TEMPORARY, "the disk fails"),
    ] {
        let store = Store::announcing([5]);
        store.unmeasured.replace(vec![1]);
        let mut server = Server::logged_in(&store);
        server.read("STAT\r\n");
        let Action::Measure(measure) = server.session.poll(server.now) else { panic!() };
        if measured.is_ok() {
            store.unmeasured.take();
        }
        assert_eq!(log(measure.answer(measured)), logged);
        assert_eq!(server.send(""), response);
    }
}

#[test]
fn a_message_is_answered_by_what_a_store_returns() {
    // R-1939-23
    let mut server = Server::logged_in(&Store::new(["one\n"]));
    for (opened, chunks, response, logged) in [
        (Err(Refusal::Gone.into()), &[][..], "-ERR message is gone\r\n", ""),
        (Err(Refusal::Permanent.into()), &[], PERMANENT, ""),
        (Err(disk()), &[], TEMPORARY, "the disk fails"),
        (Ok(Opened::Whole("whole\n".into())), &[], "+OK message follows\r\nwhole\r\n.\r\n", ""),
        (Ok(Opened::Reader(([].into(), None))), &["in ", "parts\n"], "+OK message follows\r\nin parts\r\n.\r\n", ""),
    ] {
        server.read("RETR 1\r\n");
        let Action::Retrieve(retrieve) = server.session.poll(server.now) else { panic!() };
        let is_in_parts = matches!(opened, Ok(Opened::Reader(_)));
        assert_eq!(log(retrieve.answer(opened)), logged);
        for chunk in chunks.iter().map(|chunk| Some(Bytes::from_static(chunk.as_bytes()))).chain([None]) {
            if let Action::Body(body) = server.session.poll(server.now) {
                assert_eq!(body.answer(Ok::<_, ()>(chunk)), Ok(()));
            } else {
                assert!(!is_in_parts);
            }
        }
        assert_eq!(server.send(""), response);
    }
}

#[test]
fn a_chunk_that_can_not_be_read_is_given_back_as_an_error_and_ends_the_session() {
    let mut server = Server::logged_in(&Store::new(["one\n"]));
    server.read("RETR 1\r\n");
    let Action::Retrieve(retrieve) = server.session.poll(server.now) else { panic!() };
    retrieve.begin(([].into(), None));
    let Action::Body(body) = server.session.poll(server.now) else { panic!() };
    assert_eq!(body.answer(Err("the disk fails")), Err("the disk fails"));
    assert!(!server.send("").ends_with("\r\n.\r\n"));
    assert_eq!(server.closed, Some(CloseReason::MessageFailed));
}

#[test]
fn quit_is_answered_by_what_a_store_returns() {
    // R-1939-30
    let not_removed = "-ERR [SYS/TEMP] not all marked messages are removed\r\n";
    for (removed, response) in [
        (Ok(Removal::All), "+OK marked messages removed, bye\r\n"),
        (Ok(Removal::NotAll), not_removed),
        (Err("the disk fails"), not_removed),
    ] {
        let mut server = Server::logged_in(&Store::new(["one\n"]));
        server.send("DELE 1\r\n");
        server.read("QUIT\r\n");
        let Action::Update(update) = server.session.poll(server.now) else { panic!() };
        assert_eq!(update.answer(removed), removed.map(drop));
        assert_eq!(server.send(""), response);
        assert_eq!(server.closed, Some(CloseReason::Quit));
    }
}
