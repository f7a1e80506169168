//! How a client is stopped from outside.

use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Closed, Config, Error};
use pop3_proto::message::Removal;
use pop3_proto::wire::Mechanism;
use pop3_proto::{Io, Security};

use crate::common::Script;

/// Has the session write so many octets.
fn write(script: &mut Script, octets: usize) -> String {
    match script.client.session.poll(Duration::ZERO) {
        Ok(Action::Io(Io::Write(mut write))) => {
            String::from_utf8(write.copy_to_bytes(octets.min(write.remaining())).to_vec()).unwrap()
        }
        _ => String::new(),
    }
}

#[test]
fn a_stopped_client_sends_quit_after_what_it_has_begun_to_write() {
    let lines = ["NOOP", "DELE 1", "DELE 22"];
    let all = lines.map(|line| format!("{line}\r\n")).concat();
    for quits in [false, true] {
        for written in 0..=all.len() {
            let mut script = Script::logged_in(Config::new());
            script.asks("CAPA", "+OK\r\nPIPELINING\r\n.\r\n");
            script.client.say(&lines.join("\n"));
            if quits {
                script.client.say("QUIT");
            }
            let mut wrote = write(&mut script, written);
            script.client.session.stop();
            // Once is enough.
            script.client.session.stop();
            wrote += &script.wrote();
            let begun = all.split_inclusive('\n').scan(0, |octets, line| {
                let start = *octets;
                *octets += line.len();
                (start < written).then_some(line)
            });
            let begun: Vec<_> = begun.collect();
            assert_eq!(wrote, format!("{}QUIT\r\n", begun.concat()), "{written}");
            script.says("+OK\r\n".repeat(begun.len() + 1));
            assert_eq!(script.closed(), Ok(Closed::Quit(Removal::All)));
        }
    }
}

#[test]
fn a_stopped_client_still_hears_what_it_has_asked_for() {
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1\nRETR 2");
    assert_eq!(script.wrote(), "RETR 1\r\n");
    script.says("+OK\r\npart");
    script.client.session.stop();
    script.says("\r\n.\r\n");
    assert_eq!((script.client.bodies.len(), script.wrote().as_str()), (1, "QUIT\r\n"));
}

#[test]
fn a_client_is_stopped_before_the_greeting_and_in_an_exchange() {
    let mut script = Script::with(Config::new(), Security::Tls);
    script.client.say("CAPA");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    script.client.session.stop();
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "QUIT\r\n");
    // An exchange that has begun goes on to its end.
    let mut script = Script::with(Config::new(), Security::Tls);
    script.says("+OK\r\n");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
    script.client.say("CAPA");
    script.challenge_with("+ PDFAYj4=\r\n").respond("a long response");
    script.client.session.stop();
    assert_eq!(script.wrote(), "YSBsb25nIHJlc3BvbnNl\r\n");
    script.says("-ERR\r\n");
    assert_eq!(script.wrote(), "QUIT\r\n");
}

#[test]
fn a_full_queue_does_not_keep_a_client_from_being_stopped() {
    let mut script = Script::with(Config::new().queue(510).unwrap(), Security::Tls);
    script.says("+OK\r\n");
    script.client.session.authenticate(Mechanism::new("X-OWN").unwrap()).unwrap();
    script.wrote();
    script.challenge_with("+ \r\n").respond(&*"x".repeat(1_000));
    write(&mut script, 7);
    script.client.session.stop();
    script.wrote();
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "QUIT\r\n");
}

#[test]
fn a_command_that_has_lost_its_place_is_reported_though_the_client_is_stopped() {
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.say("USER mrose\nPASS tanstaaf\nSTAT");
    script.wrote();
    script.pushes("-ERR\r\n");
    while script.client.heard.is_empty() {
        script.steps();
    }
    assert!(matches!(script.client.session.poll(Duration::ZERO), Ok(Action::Event(_))));
    script.client.session.stop();
    assert_eq!(script.says(""), ["USER -ERR", "PASS not sent"]);
    assert_eq!(script.wrote(), "QUIT\r\n");
}

#[test]
fn nothing_is_sent_where_nothing_can_be() {
    // R-1939-12
    let mut script = Script::logged_in(Config::new());
    assert_eq!(script.says("-ERR autologout\r\n"), ["farewell -ERR autologout"]);
    script.client.session.stop();
    assert_eq!(script.wrote(), "");
    assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
    script.client.session.stop();
    assert_eq!((script.wrote().as_str(), script.closed()), ("", Err(Error::TransportFailed)));
}
