//! Greetings, and how a session ends.

use std::time::Duration;

use pop3_proto::client::{Action, Closed, Config, Error, EventKind, Method, ProtocolError, Retry, SendError};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Deviation, DeviationSet, Mechanism, State};
use pop3_proto::{Io, Security};

use crate::common::{Script, in_any_way, mrose};

fn error(error: ProtocolError) -> Result<Closed, Error> {
    Err(Error::Protocol(error))
}

#[test]
fn the_greeting_comes_before_anything_is_sent() {
    // R-1939-01
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.client.say("CAPA\r\nQUIT");
        assert_eq!(script.wrote(), "");
        assert_eq!(script.client.session.state(), None);
        assert!(script.says("+OK rea").is_empty());
        assert_eq!(script.wrote(), "");
        assert_eq!(script.says("dy\r\n"), ["greeting +OK ready"]);
        assert_eq!(script.client.session.state(), Some(State::Authorization));
        assert_eq!(script.wrote(), "CAPA\r\n");
    });
}

#[test]
fn a_greeting_that_refuses_ends_the_session() {
    // R-1939-01
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.client.say("CAPA");
        assert_eq!(script.says("-ERR [SYS/TEMP] too busy\r\n"), ["greeting -ERR (SYS/TEMP) too busy"]);
        assert_eq!(script.closed(), Ok(Closed::Refused));
        assert_eq!(script.wrote(), "");
        assert_eq!(script.client.try_to_say("CAPA"), Err(SendError::Over));
        assert_eq!(script.client.session.state(), None);
    });
}

/// The timestamp that a greeting offers.
fn timestamp(greeting: &str) -> Option<String> {
    let mut script = Script::new(Config::new().line_limit(1 << 20).unwrap());
    assert_eq!(script.says(format!("{greeting}\r\n")).len(), 1);
    script.client.session.timestamp().map(ToString::to_string)
}

#[test]
fn a_timestamp_is_found_wherever_it_stands_if_it_is_valid() {
    // R-1939-31
    let valid = "<1896.697170952@dbc.mtview.ca.us>";
    for greeting in ["+OK #", "+OK ready #", "+OK # ready", "+OK [X] ready# bye", "+OK ready #>", "+OK cmVhZHk= #"] {
        assert_eq!(timestamp(&greeting.replace('#', valid)).as_deref(), Some(valid), "{greeting}");
    }
    for text in ["", "<1896>", "<a@b@c>", "<a b@c>", "<@b>", "<a@>", "<>", "a@b", "<a@b", "> <", "<<a@b>", "<x> <a@b>"]
    {
        assert_eq!(timestamp(&format!("+OK ready {text}")), None, "{text}");
    }
    assert_eq!(timestamp(&format!("+OK {}", "<".repeat(100_000))), None);
    assert_eq!(timestamp(&format!("+OK {}a@b>", "<".repeat(100_000))), None);
    assert_eq!(timestamp(&format!("+OK <{}@b>", "a".repeat(251))).map(|it| it.len()), Some(255));
    assert_eq!(timestamp(&format!("+OK <{}@b>", "a".repeat(252))), None);
    // However the status is written.
    let mut script = Script::new(Config::new().accepted(DeviationSet::DEFAULT.with(Deviation::LowerCaseStatus)));
    script.says(format!("+ok {valid}\r\n"));
    assert_eq!(script.client.session.timestamp().map(ToString::to_string).as_deref(), Some(valid));
}

#[test]
fn what_stands_at_the_end_of_a_greeting_is_text() {
    // R-2449-07
    let mut script = Script::new(Config::new());
    assert_eq!(script.says("+OK ready [IN-USE]\r\n"), ["greeting +OK ready [IN-USE]"]);
    let mut script = Script::new(Config::new());
    assert_eq!(script.says("+OK ready dGhlIGVuZA==\r\n"), ["greeting +OK ready dGhlIGVuZA=="]);
    assert_eq!(script.asks("CAPA", "-ERR\r\n"), ["CAPA -ERR"]);
}

#[test]
fn a_farewell_is_told_and_the_session_ends_while_idle() {
    // R-1939-12
    for in_one in [false, true] {
        in_any_way(&Config::new(), Security::TrustedLocal, |script| {
            script.log_in();
            let heard = script.says("-ERR [SYS/TEMP] going down\r\n");
            assert_eq!(heard, ["farewell -ERR (SYS/TEMP) going down"]);
            assert_eq!(script.client.try_to_say("NOOP"), Err(SendError::Over));
            if !in_one {
                assert_eq!(script.says("-ERR really\r\n"), ["farewell -ERR really"]);
            }
            assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
            assert_eq!(script.wrote(), "");
        });
    }
}

#[test]
fn a_farewell_is_never_an_answer_to_what_is_sent_later() {
    // R-1939-12: it came before the command was written.
    let mut script = Script::logged_in(Config::new());
    script.client.say("NOOP");
    assert_eq!(script.wrote(), "NOOP\r\n");
    assert_eq!(script.says("+OK\r\n-ERR autologout\r\n"), ["NOOP +OK", "farewell -ERR autologout"]);
    assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
}

#[test]
fn half_a_farewell_is_never_the_front_of_an_answer() {
    // R-1939-12: it began to come before the command was sent.
    for cut in 1.."-ERR autologout\r\n".len() {
        let mut script = Script::logged_in(Config::new());
        let (front, back) = "-ERR autologout\r\n".split_at(cut);
        assert!(script.says(front).is_empty());
        script.client.say("NOOP");
        assert_eq!(script.wrote(), "");
        assert_eq!(script.says(back), ["farewell -ERR autologout"], "{cut}");
        assert_eq!(script.wrote(), "");
        assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
    }
}

#[test]
fn nothing_but_a_refusal_answers_a_command_that_is_not_wholly_written() {
    // R-1939-11, R-1939-12, R-GEN-15
    for commands in ["PASS tanstaaf\r\nSTAT", "USER mrose", "CAPA"] {
        let verb = commands.split([' ', '\r']).next().unwrap();
        for written in 0..6 {
            let greeted = || {
                let mut script = Script::new(Config::new());
                script.says("+OK\r\n");
                script.client.say(commands);
                script.client.writes = 1.into();
                let first: Vec<bool> = [false].repeat(written).into_iter().chain([true; 99]).collect();
                script.client.reads_first = first.into();
                script
            };
            let mut script = greeted();
            assert!(script.says("+OK\r\n").is_empty(), "{commands} {written}");
            assert_eq!(script.closed(), error(ProtocolError::Unsolicited), "{commands} {written}");
            let mut script = greeted();
            let heard = script.says("-ERR\r\n");
            if written == 0 {
                // It can't mean what it has seen nothing of.
                assert_eq!(heard, ["farewell -ERR"], "{commands}");
                assert_eq!(script.hangs_up(), Err(Error::Disconnected), "{commands}");
            } else {
                assert_eq!(heard, [format!("{verb} -ERR")], "{written}");
                assert_eq!(script.closed(), Ok(Closed::AnsweredEarly), "{commands} {written}");
                assert!(!Closed::AnsweredEarly.is_orderly());
                assert_eq!(script.wrote(), format!("{commands}\r\n")[..written]);
                assert_eq!(script.client.try_to_say("NOOP"), Err(SendError::Over));
            }
        }
    }
}

#[test]
fn a_refusal_in_the_middle_of_a_sasl_response_answers_auth_whatever_the_pipe_holds() {
    // R-GEN-15
    let all = 4_002;
    for written in [0, 1, 100, 2_048, all - 1, all] {
        let mut script = Script::new(Config::new());
        script.says("+OK\r\n");
        script.client.session.authenticate_with(Mechanism::PLAIN, &b"x".repeat(3_000)).unwrap();
        assert_eq!(script.wrote(), "AUTH PLAIN\r\n");
        script.client.reads = vec![4, usize::MAX].into();
        script.client.writes = written.into();
        let writes = usize::from(written > 0);
        script.client.reads_first = [vec![false; writes], vec![true; 99]].concat().into();
        assert_eq!(script.says("+ \r\n-ERR [AUTH] too long\r\n"), ["AUTH -ERR (AUTH) too long"], "{written}");
        assert_eq!(script.client.retries, [Retry::AskUser]);
        assert_eq!(script.wrote().len(), written);
        if written < all {
            assert_eq!(script.closed(), Ok(Closed::AnsweredEarly), "{written}");
        } else {
            assert_eq!(script.client.session.state(), Some(State::Authorization));
            assert!(script.asks("CAPA", "-ERR\r\n").len() == 1);
        }
    }
}

#[test]
fn a_success_in_the_middle_of_a_sasl_response_ends_the_session() {
    // R-GEN-15
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.session.authenticate_with(Mechanism::PLAIN, b"x".as_slice()).unwrap();
    script.wrote();
    assert!(script.says("+ \r\n+OK\r\n").is_empty());
    assert_eq!(script.closed(), error(ProtocolError::Unsolicited));
    assert_eq!(script.wrote(), "");
}

#[test]
fn a_read_takes_what_was_read_and_no_more_than_its_space() {
    let mut script = Script::new(Config::new().window(512).unwrap());
    let session = &mut script.client.session;
    for (front, octets) in [(b"+OK hi\r\n".as_slice(), 3), (b" hi", 3)] {
        let Ok(Action::Io(Io::Read(mut read))) = session.poll(Duration::ZERO) else { panic!("no read") };
        read.space()[..front.len()].copy_from_slice(front);
        read.filled(octets);
        // Where no space was asked for, nothing was read.
        let Ok(Action::Io(Io::Read(read))) = session.poll(Duration::ZERO) else { panic!("no read") };
        read.filled(5);
    }
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(Duration::ZERO) else { panic!("no read") };
    let space = read.space();
    space.fill(b'x');
    space[..2].copy_from_slice(b"\r\n");
    let octets = space.len();
    read.filled(octets + 999);
    let Ok(Action::Event(event)) = session.poll(Duration::ZERO) else { panic!("no event") };
    assert!(matches!(event.kind(), EventKind::Greeting(response) if response.text() == b"hi"));
}

#[test]
fn what_nobody_asked_for_ends_the_session() {
    // R-1939-11
    for octets in ["+OK\r\n", "hello\r\n", "\r\n", ".\r\n", "+ \r\n", "+OK [UNSOLICITED] new mail\r\n"] {
        in_any_way(&Config::new(), Security::TrustedLocal, |script| {
            script.log_in();
            assert!(script.says(octets).is_empty(), "{octets:?}");
            assert_eq!(script.closed(), error(ProtocolError::Unsolicited), "{octets:?}");
            assert_eq!(script.hangs_up(), error(ProtocolError::Unsolicited), "{octets:?}");
        });
    }
    // After an answer, before the next command is written.
    let mut script = Script::logged_in(Config::new());
    script.client.say("NOOP\r\nSTAT");
    script.wrote();
    assert_eq!(script.says("+OK\r\n+OK 1 2\r\n"), ["NOOP +OK"]);
    assert_eq!(script.closed(), error(ProtocolError::Unsolicited));
    assert_eq!(script.wrote(), "");
    // In the greeting's read.
    let mut script = Script::new(Config::new());
    script.client.say("CAPA");
    assert_eq!(script.says("+OK\r\n+OK\r\n.\r\n"), ["greeting +OK"]);
    assert_eq!(script.closed(), error(ProtocolError::Unsolicited));
}

#[test]
fn octets_that_are_no_line_and_an_end_are_truncated() {
    // R-GEN-09
    let mut script = Script::logged_in(Config::new());
    script.says("-ER");
    assert_eq!(script.hangs_up(), Err(Error::Truncated));
    let mut script = Script::new(Config::new());
    script.says("+O");
    assert_eq!(script.hangs_up(), Err(Error::Truncated));
}

#[test]
fn an_end_without_a_greeting_is_a_disconnection() {
    let mut script = Script::new(Config::new());
    assert_eq!(script.hangs_up(), Err(Error::Disconnected));
}

#[test]
fn an_end_after_a_failed_login_is_that() {
    // R-1939-18
    for method in [Method::Plain, Method::User, Method::CramMd5] {
        let mut script = Script::new(Config::new());
        script.says("+OK\r\n");
        script.client.log_in(mrose(method, "wrong"));
        script.wrote();
        if method == Method::User {
            script.says("+OK\r\n");
        }
        assert_eq!(script.says("-ERR [AUTH] no\r\n").len(), 1, "{method:?}");
        assert_eq!(script.hangs_up(), Ok(Closed::AfterFailedLogin), "{method:?}");
    }
    // A server that doesn't even want the name.
    for first in ["-ERR [AUTH] no\r\n", "-ERR\r\n"] {
        let mut script = Script::new(Config::new());
        script.says("+OK\r\n");
        script.client.log_in(mrose(Method::User, "wrong"));
        script.wrote();
        assert_eq!(script.says(first)[1..], ["PASS not sent"]);
        assert_eq!(script.hangs_up(), Ok(Closed::AfterFailedLogin));
    }
    // Not before it is answered, and not after a login that has succeeded.
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.log_in(mrose(Method::Plain, "wrong"));
    script.wrote();
    assert_eq!(script.hangs_up(), Err(Error::Disconnected));
    let mut script = Script::logged_in(Config::new());
    assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
}

#[test]
fn quit_has_three_outcomes() {
    // R-1939-20, R-1939-29, R-1939-30
    for (answer, closed, orderly) in [
        ("+OK\r\n", Ok(Closed::Quit(Removal::All)), true),
        ("-ERR some messages were not removed\r\n", Ok(Closed::Quit(Removal::NotAll)), true),
        ("", Ok(Closed::Quit(Removal::Unknown)), false),
    ] {
        let mut script = Script::logged_in(Config::new());
        script.client.say("DELE 1\r\nQUIT");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "DELE 1\r\nQUIT\r\n");
        script.says(answer);
        assert_eq!(script.hangs_up(), closed);
        assert_eq!(closed.unwrap().is_orderly(), orderly);
    }
    // Octets after the answer are of no interest.
    let mut script = Script::logged_in(Config::new());
    script.client.say("QUIT");
    script.wrote();
    assert_eq!(script.says("+OK\r\nbye bye\r\n"), ["QUIT +OK"]);
    assert_eq!(script.closed(), Ok(Closed::Quit(Removal::All)));
}

#[test]
fn a_transport_that_fails_is_no_clean_end() {
    // R-GEN-14: a clean end shows that the last message is complete, and a failure shows nothing.
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        script.asks("RETR 1", "+OK\r\nwhole\r\n.\r\n");
        assert_eq!(script.breaks(), Err(Error::TransportFailed));
    });
    let mut script = Script::logged_in(Config::new());
    script.asks("RETR 1", "+OK\r\nwhole\r\n.\r\n");
    assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
    // With an octet after the end line, neither is clean.
    for fails in [false, true] {
        let mut script = Script::logged_in(Config::new());
        script.asks("RETR 1", "+OK\r\nwhole\r\n.\r\nX");
        assert_eq!(if fails { script.breaks() } else { script.hangs_up() }, Err(Error::Truncated));
    }
    // Whatever is due, or was said.
    let mut script = Script::new(Config::new());
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
    let mut script = Script::logged_in(Config::new());
    script.client.say("NOOP");
    script.wrote();
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
    let mut script = Script::logged_in(Config::new());
    script.says("-ERR bye\r\n");
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
    let mut script = Script::logged_in(Config::new());
    script.asks("RETR 1", "+OK\r\nha");
    assert_eq!(script.breaks(), Err(Error::Truncated));
}

#[test]
fn quit_and_a_refused_login_are_told_though_the_transport_fails() {
    // R-1939-29, R-1939-18, R-1939-20
    let mut script = Script::logged_in(Config::new());
    script.asks("DELE 1", "+OK\r\n");
    script.client.say("QUIT");
    script.wrote();
    assert_eq!(script.breaks(), Ok(Closed::Quit(Removal::Unknown)));
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.say("QUIT");
    script.wrote();
    assert_eq!(script.breaks(), Ok(Closed::Quit(Removal::All)));
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.log_in(mrose(Method::Plain, "wrong"));
    script.wrote();
    script.says("+ \r\n");
    script.wrote();
    script.says("-ERR no\r\n");
    assert_eq!(script.breaks(), Ok(Closed::AfterFailedLogin));
}

#[test]
fn a_quit_that_was_not_written_to_its_end_has_removed_nothing() {
    // R-1939-29
    for written in 0..=6 {
        for fails in [false, true] {
            let mut script = Script::logged_in(Config::new());
            let session = &mut script.client.session;
            session.send(&pop3_proto::wire::Command::Quit).unwrap();
            let Ok(Action::Io(Io::Write(mut write))) = session.poll(Duration::ZERO) else { panic!("nothing to write") };
            bytes::Buf::advance(&mut write, written);
            let read = match session.poll(Duration::ZERO) {
                Ok(Action::Io(Io::Write(write))) => write.into_read().unwrap(),
                Ok(Action::Io(Io::Read(read))) => read,
                other => panic!("{other:?}"),
            };
            if fails {
                read.failed();
            } else {
                read.filled(0);
            }
            // Nobody knows what a transport has sent before it failed.
            let unknown = fails || written == 6;
            let expected = if unknown { Ok(Closed::Quit(Removal::Unknown)) } else { Err(Error::Disconnected) };
            assert_eq!(script.closed(), expected, "{written} {fails}");
        }
    }
}

#[test]
fn a_write_that_fails_ends_the_session_too() {
    let mut script = Script::logged_in(Config::new());
    let session = &mut script.client.session;
    session.send(&pop3_proto::wire::Command::Noop).unwrap();
    let Ok(Action::Io(Io::Write(write))) = session.poll(Duration::ZERO) else { panic!("nothing to write") };
    write.failed();
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
    assert_eq!(script.client.session.state(), None);
}

#[test]
fn what_the_server_said_before_a_write_failed_is_still_heard() {
    // R-GEN-15
    for written in 0..=6 {
        let mut script = Script::logged_in(Config::new());
        fails_to_write_noop(&mut script, written);
        let heard = script.says("-ERR idle for too long\r\n");
        assert_eq!(heard, [["farewell", "NOOP"][usize::from(written > 0)].to_owned() + " -ERR idle for too long"]);
    }
}

#[test]
fn nothing_is_written_after_a_write_that_failed() {
    let mut script = Script::logged_in(Config::new());
    fails_to_write_noop(&mut script, 6);
    assert_eq!(script.says("+OK\r\n"), ["NOOP +OK"]);
    script.client.say("NOOP");
    assert_eq!(script.wrote(), "");
    assert_eq!(script.breaks(), Err(Error::TransportFailed));
}

/// A transport that takes so many octets of NOOP, and then fails.
fn fails_to_write_noop(script: &mut Script, written: usize) {
    script.client.say("NOOP");
    let Ok(Action::Io(Io::Write(mut write))) = script.client.session.poll(Duration::ZERO) else { panic!() };
    bytes::Buf::advance(&mut write, written);
    write.failed();
}

#[test]
fn an_end_before_quit_is_answered_for_is_a_disconnection() {
    let mut script = Script::logged_in(Config::new());
    script.client.say("DELE 1\r\nQUIT");
    assert_eq!(script.wrote(), "DELE 1\r\n");
    assert_eq!(script.hangs_up(), Err(Error::Disconnected));
    assert!(!Closed::WhileIdle.is_orderly() && !Closed::AfterFailedLogin.is_orderly() && Closed::Refused.is_orderly());
}

#[test]
fn how_a_session_ended_is_told_again_and_again() {
    let mut script = Script::new(Config::new());
    script.says("nonsense\r\n");
    for _ in 0..3 {
        assert_eq!(script.says("+OK\r\n"), [""; 0]);
        assert_eq!(script.closed(), error(ProtocolError::NotAResponse));
        assert_eq!(script.client.session.state(), None);
    }
}
