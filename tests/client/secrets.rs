//! A secret of a client's is on the wire and nowhere else (R-GEN-07).

use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, XOAuth2};
use pop3_proto::client::{Action, Config, Method, SendError, Session};
use pop3_proto::wire::{Command, InvalidCredential, Mechanism, Name, Password};
use pop3_proto::{Io, Security};
use proptest::prelude::*;

use crate::common::{Script, mrose};

/// Whether a good part of `secret` stands in `text`, in any case, or as numbers.
fn leaks(text: &str, secret: &str) -> bool {
    let text: String = text.to_lowercase().split_whitespace().collect();
    let numbers = format!("{:?}", &secret.as_bytes()[..5]).replace(' ', "");
    text.contains(&secret.to_lowercase()[..8]) || text.contains(numbers.trim_matches(['[', ']']))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_secret_is_in_no_debug_while_it_is_sent(secret in "[a-zA-Z0-9]{16,24}", octets in 1_usize..20, method in
        prop::sample::select(vec![Method::User, Method::Plain, Method::Login, Method::CramMd5, Method::XOAuth2])) {
        let kept: &'static str = Box::leak(secret.clone().into_boxed_str());
        let mut script = Script::new(Config::new());
        script.client.shown = Some(String::new());
        script.client.writes = octets.into();
        script.says("+OK\r\n");
        let login = mrose(method, kept);
        let mut shown = format!("{login:?} {login:#?}");
        script.client.log_in(login);
        for (answer, prompt) in [("+OK\r\n", "+ VXNlcm5hbWU6\r\n"), ("-ERR\r\n", "+ UGFzc3dvcmQ6\r\n")] {
            script.wrote();
            script.says(match method {
                Method::User => answer,
                Method::Login => prompt,
                _ => "+ PDE+\r\n",
            });
        }
        script.wrote();
        shown += &script.client.shown.take().unwrap();
        prop_assert!(shown.contains("Write") && !leaks(&shown, &secret), "{}", shown);
    }
}

#[test]
fn no_error_shows_the_value_it_is_about() {
    let long = "secret-".repeat(60);
    let mut shown = Vec::new();
    let mut show = |error: &dyn std::error::Error| shown.push(format!("{error} {error:?} {error:#?}"));
    let mut session = Session::new(Config::new().into(), Security::Tls);
    show(&session.send(&Command::Pass { password: Password::new(&long).unwrap() }).unwrap_err());
    show(&session.send(&Command::User { name: Name::new(&long).unwrap() }).unwrap_err());
    show(&session.send(&Command::Pass { password: Password::new("secret-\u{fc}").unwrap() }).unwrap_err());
    let mut clear = Session::new(Config::new().into(), Security::Cleartext);
    show(&clear.send(&Command::Pass { password: Password::new("secret-").unwrap() }).unwrap_err());
    show(&Password::new("secret-\r\nQUIT").unwrap_err());
    for (method, security) in [
        (Method::User, Security::Tls),
        (Method::User, Security::Cleartext),
        (Method::Apop, Security::Tls),
        (Method::XOAuth2, Security::Cleartext),
        (Method::Library(Mechanism::GSSAPI), Security::Tls),
    ] {
        let mut script = Script::with(Config::new(), security);
        script.says("+OK\r\n");
        script.client.say("QUIT");
        let secret = if method == Method::XOAuth2 { "secret-" } else { "secret-\u{fc}" };
        script.client.log_in(mrose(method, secret));
        show(script.client.logins[0].as_ref().unwrap_err());
    }
    assert!(!shown.join("\n").contains("secret-"), "{shown:?}");
}

#[test]
fn a_password_of_two_lines_is_no_password() {
    // R-1939-04, R-OBS-06
    for password in ["tan\r\nDELE 1", "tan\nDELE 1", "tan\rx"] {
        assert_eq!(Password::new(password), Err(InvalidCredential::LineEnd));
    }
}

#[test]
fn what_was_written_is_not_written_again() {
    // However it is taken, octet by octet, and with tokens dropped in between.
    let mut session = Session::new(Config::new().into(), Security::Tls);
    session.send(&Command::Capa).unwrap();
    let token = BearerToken::new("a-token").unwrap();
    let message = XOAuth2 { name: Name::new("mrose").unwrap(), token };
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(Duration::ZERO) else { panic!("no read") };
    read.space()[..5].copy_from_slice(b"+OK\r\n");
    read.filled(5);
    let Ok(Action::Event(event)) = session.poll(Duration::ZERO) else { panic!("no event") };
    event.done();
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    session.authenticate_with(Mechanism::XOAUTH2, &message).unwrap();
    let mut written = Vec::new();
    while let Ok(Action::Io(Io::Write(mut write))) = session.poll(Duration::ZERO) {
        written.push(write.chunk()[0]);
        write.advance(1);
    }
    assert_eq!(written, b"CAPA\r\n");
    assert_eq!(format!("{session:?}").matches("tanstaaf").count(), 0);
    assert!(matches!(session.poll(Duration::ZERO), Ok(Action::Io(Io::Read(_)))));
}

#[test]
fn nothing_leaves_of_a_session_that_has_failed() {
    let mut script = Script::new(Config::new());
    script.client.say("USER mrose\r\nPASS tanstaaf");
    script.says("nonsense\r\n");
    assert!(script.client.closed.unwrap().is_err());
    assert_eq!(script.wrote(), "");
    assert_eq!(script.client.try_to_say("PASS tanstaaf"), Err(SendError::Over));
}
