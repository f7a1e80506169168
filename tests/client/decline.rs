//! The safe answers to what a client's session asks, for callers that don't support everything.

use std::time::Duration;

use pop3_proto::client::{Action, Closed, Config, Error};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Mechanism, State};
use pop3_proto::{Io, Security};

use crate::common::Script;

/// Has a caller that supports nothing take what the server says, as long as there is more; what it writes.
fn declines(script: &mut Script, mut octets: &[u8]) -> String {
    loop {
        match script.client.session.poll(Duration::ZERO) {
            Ok(Action::Io(Io::Read(mut read))) if !octets.is_empty() => {
                let length = octets.len().min(read.space().len());
                read.space()[..length].copy_from_slice(&octets[..length]);
                octets = &octets[length..];
                read.filled(length);
            }
            Ok(Action::Io(_) | Action::Closed(_)) | Err(_) => break,
            Ok(other) => other.decline(),
        }
    }
    script.wrote()
}

#[test]
fn declining_all_that_comes_ends_a_session_by_quit() {
    let mut script = Script::new(Config::new());
    assert_eq!(declines(&mut script, b"+OK\r\n"), "QUIT\r\n");
    assert_eq!(declines(&mut script, b"+OK\r\n"), "");
    assert_eq!(script.closed(), Ok(Closed::Quit(Removal::All)));
}

#[test]
fn a_message_that_is_declined_is_never_dropped_in_silence() {
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    assert_eq!(declines(&mut script, b"+OK\r\nSubject: x\r\n.\r\n"), "");
    assert_eq!(script.closed(), Err(Error::BodyDeclined));
}

#[test]
fn a_challenge_that_is_declined_is_cancelled() {
    // R-5034-07
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    script.wrote();
    assert_eq!(declines(&mut script, b"+ PDFAcG9wPg==\r\n"), "*\r\n");
    declines(&mut script, b"-ERR\r\n");
    assert_eq!(script.client.session.state(), Some(State::Authorization));
}

#[test]
fn tls_that_is_declined_ends_the_session() {
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says("+OK\r\n");
    script.client.say("STLS");
    script.wrote();
    declines(&mut script, b"+OK\r\n");
    assert_eq!(script.closed(), Err(Error::TlsFailed));
}
