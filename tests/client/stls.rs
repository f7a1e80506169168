//! STLS from the client's side (RFC 2595 §4).

use std::time::Duration;

use pop3_proto::client::{
    Action, Closed, Config, Error, Feature, LoginFailure, Method, ProtocolError, SendError, Session, Support,
};
use pop3_proto::wire::{Mechanism, State};
use pop3_proto::{Io, Security};

use crate::common::{Script, chosen, mrose, unsent};

const GREETING: &str = "+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n";

fn greeted() -> Script {
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says(GREETING);
    script
}

#[test]
fn octets_after_the_answer_are_fatal_wherever_they_are_cut() {
    // R-2595-02
    for answer in ["+OK\r\n", "+OK begin TLS\r\n", "+OK\n"] {
        for after in ["+", "+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "\u{16}\u{3}\u{1}"] {
            let octets = [answer, after].concat();
            for cut in (1..=octets.len()).filter(|cut| *cut != answer.len()) {
                let mut script = greeted();
                script.client.say("STLS\r\nCAPA");
                assert_eq!(script.wrote(), "STLS\r\n");
                script.client.reads = vec![cut, usize::MAX].into();
                assert!(script.says(&octets).is_empty(), "{octets:?} {cut}");
                assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::AfterStls)), "{octets:?} {cut}");
                assert_eq!(script.client.session.security(), Security::Cleartext);
                assert_eq!(script.wrote(), "");
            }
        }
    }
}

#[test]
fn what_comes_later_is_the_business_of_tls() {
    // R-2595-02: the one spot where chunking shows.
    let mut script = greeted();
    script.client.say("STLS");
    script.wrote();
    assert_eq!(script.says("+OK\r\n"), ["start TLS", "STLS +OK"]);
    assert_eq!(script.client.session.security(), Security::Tls);
    assert_eq!(script.wrote(), "");
}

#[test]
fn an_answer_that_comes_before_the_command_opens_nothing() {
    // R-2595-05
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.client.say("STLS");
    assert_eq!(script.says([GREETING, "+OK\r\n"].concat()).len(), 1);
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::Unsolicited)));
    // The command stands ready, and not all of it is written.
    for written in 0..6 {
        let mut script = greeted();
        script.client.say("STLS");
        script.client.writes = 1.into();
        script.client.reads_first = vec![false; written].into_iter().chain([true; 9]).collect::<Vec<_>>().into();
        assert!(script.says("+OK\r\n").is_empty(), "{written}");
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::Unsolicited)), "{written}");
        assert_eq!(script.client.session.security(), Security::Cleartext);
    }
}

#[test]
fn nothing_is_sent_before_tls_and_what_waits_goes_after_it() {
    // R-2595-01, R-7817-01: the name that the certificate must be for goes with it.
    let mut session = Session::new(Config::new().server_name("pop.example").into(), Security::Cleartext);
    let mut feed = b"+OK\r\n".to_vec();
    for line in [pop3_proto::wire::Command::Stls, pop3_proto::wire::Command::Capa] {
        session.send(&line).unwrap();
    }
    let mut written = Vec::new();
    let mut handshakes = 0;
    for _ in 0..20 {
        match session.poll(Duration::from_secs(5)).unwrap() {
            Action::Io(Io::Read(mut read)) if !feed.is_empty() => {
                read.space()[..feed.len()].copy_from_slice(&feed);
                read.filled(std::mem::take(&mut feed).len());
            }
            Action::Event(event) => event.done(),
            Action::Io(Io::Write(mut write)) => {
                written.push(bytes::Buf::copy_to_bytes(&mut write, 6));
                feed = b"+OK\r\n".to_vec();
            }
            Action::StartTls(start) => {
                // The token comes again until it is answered.
                handshakes += 1;
                assert_eq!(start.server_name(), Some("pop.example"));
                assert_eq!(written, [b"STLS\r\n".as_slice()]);
                if handshakes == 5 {
                    start.established();
                }
            }
            other => {
                assert!(matches!(other, Action::Io(Io::Read(_))), "{other:?}");
                break;
            }
        }
    }
    assert_eq!((handshakes, written.len()), (5, 2));
    assert_eq!(session.security(), Security::Tls);
}

#[test]
fn what_was_learnt_in_the_clear_is_forgotten() {
    // R-2595-03; the timestamp is the server's own word (R-1939-34).
    let mut script = greeted();
    script.asks("CAPA", "+OK\r\nSTLS\r\nPIPELINING\r\nSASL PLAIN\r\nUTF8 USER\r\n.\r\n");
    script.asks("LANG", "-ERR\r\n");
    assert_eq!(script.asks("STLS", "+OK\r\n"), ["start TLS", "STLS +OK"]);
    let session = &script.client.session;
    assert!(session.timestamp().is_some() && session.capabilities().is_none());
    for feature in [Feature::Pipelining, Feature::Sasl, Feature::Utf8User, Feature::Stls, Feature::Lang] {
        assert_eq!(session.support(feature), Support::Unknown, "{feature:?}");
    }
    assert_eq!(session.state(), Some(State::Authorization));
    // No first message with AUTH, nothing ahead, and no name beyond ASCII.
    assert_eq!(script.client.try_to_say("USER m\u{fc}"), Err(SendError::NotAscii));
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    script.client.say("CAPA");
    assert_eq!(script.wrote(), "AUTH PLAIN\r\n");
}

#[test]
fn no_login_waits_for_tls_since_what_is_known_will_not_hold() {
    // R-2595-03, R-1939-34
    let mut script = greeted();
    script.asks("CAPA", "+OK\r\nSTLS\r\nSASL CRAM-MD5\r\n.\r\n");
    script.client.say("STLS");
    let apop = format!("APOP mrose {}", "0".repeat(32));
    for line in [apop.as_str(), "USER mrose"] {
        assert_eq!(script.client.try_to_say(line), Err(SendError::WrongState), "{line}");
    }
    assert_eq!(script.client.session.authenticate(Mechanism::CRAM_MD5), Err(SendError::WrongState));
    script.client.say("CAPA");
    script.wrote();
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "CAPA\r\n");
    assert!(script.client.try_to_say("USER mrose").is_ok());
    // After a refusal too.
    let mut script = greeted();
    assert_eq!(script.asks("STLS", "-ERR\r\n"), ["STLS -ERR"]);
    assert!(script.client.try_to_say(&apop).is_ok());
}

#[test]
fn no_tls_comes_after_utf8() {
    // R-6856-02
    let mut script = greeted();
    assert_eq!(script.asks("UTF8", "+OK\r\n"), ["UTF8 +OK"]);
    assert_eq!(script.client.try_to_say("STLS"), Err(SendError::WrongState));
    // Nor if it was queued before that was known.
    let mut script = greeted();
    script.client.say("UTF8\r\nSTLS\r\nCAPA");
    assert_eq!(script.wrote(), "UTF8\r\n");
    assert_eq!(script.says("+OK\r\n"), ["UTF8 +OK", "STLS not sent"]);
    assert_eq!(script.wrote(), "CAPA\r\n");
    let mut script = greeted();
    assert_eq!(script.asks("UTF8", "-ERR\r\n"), ["UTF8 -ERR"]);
    assert_eq!(script.asks("STLS", "+OK\r\n"), ["start TLS", "STLS +OK"]);
}

#[test]
fn a_login_that_failed_in_the_clear_is_forgotten_too() {
    let mut script = greeted();
    script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
    script.wrote();
    script.says("-ERR\r\n");
    assert_eq!(script.asks("STLS", "+OK\r\n"), ["start TLS", "STLS +OK"]);
    assert_eq!(script.hangs_up(), Ok(Closed::WhileIdle));
}

#[test]
fn a_handshake_that_fails_ends_the_session() {
    // R-2595-05
    let mut script = greeted();
    script.client.tls = false;
    script.client.say("STLS\r\nCAPA\r\nQUIT");
    script.wrote();
    assert_eq!(script.says("+OK\r\n"), ["start TLS"]);
    assert_eq!(script.closed(), Err(Error::TlsFailed));
    assert_eq!(script.wrote(), "");
    assert_eq!(script.client.try_to_say("CAPA"), Err(SendError::Over));
    assert_eq!(script.client.session.security(), Security::Cleartext);
}

#[test]
fn no_secret_can_be_sent_where_tls_was_refused() {
    // R-2595-05, R-8314-02
    for answer in ["-ERR\r\n", "-ERR [SYS/TEMP] no\r\n", "-ERR +OK begin TLS\r\n"] {
        let mut script = greeted();
        script.asks("CAPA", "+OK\r\nSASL PLAIN LOGIN\r\nUSER\r\n.\r\n");
        assert_eq!(script.asks("STLS", answer).len(), 1);
        assert_eq!(script.client.session.security(), Security::Cleartext);
        assert_eq!(script.client.try_to_say("PASS tanstaaf"), Err(SendError::Cleartext));
        for method in [Method::User, Method::Plain, Method::Login, Method::XOAuth2, Method::OAuthBearer] {
            let refused = unsent(mrose(method, "tanstaaf"), &mut script.client.session);
            assert_eq!(refused, LoginFailure::NeedsTls, "{method:?}");
        }
        let refused = script.client.session.authenticate(Mechanism::PLAIN);
        assert_eq!(refused, Err(SendError::Cleartext));
        assert_eq!(chosen(&mut script, &Method::PASSWORD), Err(LoginFailure::NeedsTls));
        assert_eq!(script.wrote(), "");
        assert_eq!(script.asks("QUIT", "+OK\r\n"), ["QUIT +OK"]);
    }
}

#[test]
fn an_answer_that_is_neither_ends_the_session() {
    for answer in ["+OKAY\r\n", "begin TLS\r\n", "+ \r\n"] {
        let mut script = greeted();
        assert!(script.asks("STLS", answer).is_empty());
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::NotAResponse)));
        assert_eq!(script.client.session.security(), Security::Cleartext);
    }
}

#[test]
fn the_end_of_the_stream_instead_of_tls_is_an_error() {
    let mut script = greeted();
    script.client.say("STLS");
    script.wrote();
    assert_eq!(script.hangs_up(), Err(Error::Disconnected));
}

#[test]
fn the_handshake_has_a_deadline() {
    let mut session = Session::new(Config::new().into(), Security::Cleartext);
    session.send(&pop3_proto::wire::Command::Stls).unwrap();
    let mut feed = [b"+OK\r\n".as_slice(); 2].into_iter();
    loop {
        match session.poll(Duration::from_secs(5)).unwrap() {
            Action::Io(Io::Read(mut read)) => {
                let octets = feed.next().unwrap();
                read.space()[..octets.len()].copy_from_slice(octets);
                read.filled(octets.len());
            }
            Action::Event(event) => event.done(),
            Action::Io(Io::Write(mut write)) => bytes::Buf::advance(&mut write, 6),
            Action::StartTls(start) => {
                assert_eq!(start.deadline(), Some(Duration::from_secs(125)));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let Ok(Action::StartTls(start)) = session.poll(Duration::from_secs(60)) else { panic!("no TLS") };
    assert_eq!(start.deadline(), Some(Duration::from_secs(125)), "it is the handshake that takes so long");
}
