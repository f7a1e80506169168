//! Which way of logging in is chosen, and how each goes.

use pop3_proto::Security;
use pop3_proto::auth::sasl::{BearerToken, Password};
use pop3_proto::client::{Config, Credential, Login, LoginError, Method, NoMethod, Retry, SendError};
use pop3_proto::wire::{Mechanism, Name, State, Timestamp};

use crate::common::{Script, mrose};

fn script(security: Security, greeting: &str, capa: &str) -> Script {
    let mut script = Script::with(Config::new(), security);
    script.says(format!("{greeting}\r\n"));
    script.asks("CAPA", capa);
    script
}

const ALL: &str = "+OK\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER SCRAM-SHA-256\r\n.\r\n";
const APOP: &str = "+OK <1896.697170952@dbc.mtview.ca.us>";

#[test]
fn the_first_allowed_method_that_is_offered_and_safe_is_chosen() {
    // R-5034-10, R-8314-02
    let choose = |security, greeting, capa, allowed: &[Method]| {
        Method::choose(&script(security, greeting, capa).client.session, allowed)
    };
    let (tls, clear) = (Security::Tls, Security::Cleartext);
    assert_eq!(choose(tls, "+OK", ALL, &Method::ALL), Ok(Method::ScramSha256));
    assert_eq!(choose(tls, "+OK", ALL, &Method::PASSWORD), Ok(Method::CramMd5));
    assert_eq!(choose(tls, "+OK", ALL, &Method::TOKEN), Ok(Method::OAuthBearer));
    assert_eq!(choose(tls, "+OK", ALL, &[Method::User, Method::Plain]), Ok(Method::User));
    assert_eq!(choose(tls, "+OK", ALL, &[]), Err(NoMethod::NotOffered));
    let plain = "+OK\r\nSASL X-A PLAIN\r\n.\r\n";
    assert_eq!(choose(tls, "+OK", plain, &Method::ALL), Ok(Method::Plain));
    assert_eq!(choose(tls, "+OK", plain, &[Method::Login, Method::User]), Err(NoMethod::NotOffered));
    assert_eq!(choose(tls, "+OK", plain, &Method::TOKEN), Err(NoMethod::NotOffered));
    assert_eq!(choose(tls, "+OK", "+OK\r\nSASL login\r\n.\r\n", &Method::PASSWORD), Ok(Method::Login));
    assert_eq!(choose(tls, "+OK", "+OK\r\nUSER\r\n.\r\n", &Method::ALL), Ok(Method::User));
    assert_eq!(choose(tls, "+OK", "+OK\r\n.\r\n", &Method::ALL), Err(NoMethod::NotOffered));
    // A server that doesn't know CAPA has USER.
    assert_eq!(choose(tls, "+OK", "-ERR\r\n", &Method::ALL), Ok(Method::User));
    assert_eq!(choose(tls, APOP, "+OK\r\n.\r\n", &Method::ALL), Ok(Method::Apop));
    assert_eq!(choose(tls, APOP, "+OK\r\n.\r\n", &Method::PASSWORD), Err(NoMethod::NotOffered));
    // Better none than one that tells.
    assert_eq!(choose(clear, "+OK", ALL, &Method::PASSWORD), Ok(Method::CramMd5));
    assert_eq!(choose(clear, "+OK", plain, &Method::ALL), Err(NoMethod::NeedsTls));
    assert_eq!(choose(clear, "+OK", "-ERR\r\n", &Method::ALL), Err(NoMethod::NeedsTls));
    assert_eq!(choose(clear, APOP, "-ERR\r\n", &Method::ALL), Ok(Method::Apop));
    assert_eq!(choose(clear, "+OK", ALL, &Method::TOKEN), Err(NoMethod::NeedsTls));
    assert_eq!(choose(clear, "+OK", plain, &[Method::CramMd5]), Err(NoMethod::NotOffered));
    // What is offered after TLS isn't listed before it.
    let stls = "+OK\r\nSTLS\r\n.\r\n";
    assert_eq!(choose(clear, "+OK", stls, &Method::PASSWORD), Err(NoMethod::NeedsTls));
    assert_eq!(choose(tls, "+OK", stls, &Method::PASSWORD), Err(NoMethod::NotOffered));
}

#[test]
fn where_stls_is_offered_in_the_clear_even_a_proof_waits_for_it() {
    // R-2595-05, R-8314-02
    let capa = "+OK\r\nSTLS\r\nSASL CRAM-MD5 SCRAM-SHA-256\r\n.\r\n";
    let chosen = |config: Config, security, allowed: &[Method]| {
        let mut script = Script::with(config, security);
        script.says(format!("{APOP}\r\n"));
        script.asks("CAPA", capa);
        Method::choose(&script.client.session, allowed)
    };
    for method in [Method::CramMd5, Method::ScramSha256, Method::Apop] {
        assert_eq!(chosen(Config::new(), Security::Cleartext, &[method]), Err(NoMethod::NeedsTls), "{method}");
        // Who allows passwords in the clear allows this too; and nobody listens to the others.
        assert_eq!(chosen(Config::new().cleartext_secrets(true), Security::Cleartext, &[method]), Ok(method));
        for security in [Security::TrustedLocal, Security::Tls, Security::TlsProxy] {
            assert_eq!(chosen(Config::new(), security, &[method]), Ok(method), "{method}");
        }
    }
}

#[test]
fn where_tls_is_required_nothing_logs_in_without_it() {
    // R-2595-05: whatever is offered, and whatever it would disclose.
    let name = Name::new("mrose").unwrap();
    let password = Credential::Password(Password::new("tanstaaf").unwrap());
    for (security, has_tls) in [
        (Security::Cleartext, false),
        (Security::TrustedLocal, false),
        (Security::Tls, true),
        (Security::TlsProxy, true),
    ] {
        for capa in [ALL, "-ERR\r\n", "+OK\r\n.\r\n"] {
            let mut script = Script::with(Config::new().require_tls(true).cleartext_secrets(true), security);
            script.says(format!("{APOP}\r\n"));
            script.asks("CAPA", capa);
            let session = &mut script.client.session;
            let chosen = Method::choose(session, &Method::ALL);
            assert_eq!(chosen == Err(NoMethod::NeedsTls), !has_tls, "{security:?} {capa:?}");
            if has_tls {
                continue;
            }
            let refused = Err(LoginError::Send(SendError::NeedsTls));
            for method in [Method::User, Method::Apop, Method::Plain, Method::Login, Method::CramMd5] {
                assert_eq!(Login::new(method, name, password).begin(session), refused, "{method}");
            }
            for mechanism in [Mechanism::SCRAM_SHA_256, Mechanism::EXTERNAL, Mechanism::new("X-NEW").unwrap()] {
                assert_eq!(session.authenticate(mechanism), Err(SendError::NeedsTls), "{mechanism}");
            }
            // What doesn't log in may be asked.
            assert_eq!(script.asks("AUTH", "+OK\r\n.\r\n").len(), 2);
            assert_eq!(script.asks("LANG", "-ERR\r\n").len(), 1);
            assert_eq!(script.wrote(), "");
        }
    }
    // STLS opens it.
    let mut script = Script::with(Config::new().require_tls(true), Security::Cleartext);
    script.says("+OK\r\n");
    assert_eq!(script.client.try_to_say("USER mrose"), Err(SendError::NeedsTls));
    script.asks("STLS", "+OK\r\n");
    script.asks("CAPA", ALL);
    assert_eq!(Method::choose(&script.client.session, &Method::PASSWORD), Ok(Method::CramMd5));
    assert!(script.client.try_to_say("USER mrose").is_ok());
}

#[test]
fn after_stls_apop_is_taken_where_nothing_better_is_offered() {
    // R-1939-34
    let after_stls = |capa: &str| {
        let mut script = Script::with(Config::new(), Security::Cleartext);
        script.says(format!("{APOP}\r\n"));
        script.asks("STLS", "+OK\r\n");
        script.asks("CAPA", capa);
        script
    };
    let choose = |capa, allowed: &[Method]| Method::choose(&after_stls(capa).client.session, allowed);
    assert_eq!(choose(ALL, &[Method::Apop, Method::User]), Ok(Method::User));
    assert_eq!(choose("+OK\r\n.\r\n", &[Method::Apop, Method::User]), Ok(Method::Apop));
    assert_eq!(choose("+OK\r\n.\r\n", &Method::PASSWORD), Err(NoMethod::NotOffered));
    // With TLS from the start, it is the caller who says what is better.
    let mut script = Script::with(Config::new(), Security::Tls);
    script.says(format!("{APOP}\r\n"));
    script.asks("CAPA", ALL);
    assert_eq!(Method::choose(&script.client.session, &[Method::Apop, Method::User]), Ok(Method::Apop));
    // And it logs in.
    let mut script = after_stls("+OK\r\n.\r\n");
    script.client.log_in(mrose(Method::Apop, "tanstaaf"));
    assert_eq!(script.wrote(), "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
    assert_eq!(script.says("+OK\r\n"), ["APOP +OK"]);
    assert_eq!(script.client.logins, [Ok(())]);
}

#[test]
fn a_token_that_has_failed_asks_for_a_new_one() {
    // R-7628-01: a bare failure says no more than the challenge before it.
    for method in [Method::OAuthBearer, Method::XOAuth2] {
        for (answer, retry) in [
            ("-ERR\r\n", Retry::NewToken),
            ("-ERR [AUTH] no\r\n", Retry::NewToken),
            ("-ERR [X-OWN] no\r\n", Retry::NewToken),
            ("-ERR [SYS/TEMP] later\r\n", Retry::Later),
            ("-ERR [IN-USE] soon\r\n", Retry::Soon),
        ] {
            let mut script = script(Security::Tls, "+OK", ALL);
            script.client.log_in(mrose(method, "expired"));
            script.wrote();
            script.says("+ e30=\r\n");
            script.wrote();
            script.says(answer);
            assert_eq!(script.client.logins, [Err(retry)], "{method} {answer}");
        }
        // Without the challenge nobody knows.
        let mut script = script(Security::Tls, "+OK", ALL);
        script.client.log_in(mrose(method, "expired"));
        script.wrote();
        script.says("-ERR\r\n");
        assert_eq!(script.client.logins, [Err(Retry::Unknown)], "{method}");
    }
}

#[test]
fn a_connection_is_as_safe_as_the_address_of_its_other_end() {
    // R-8314-02
    for (address, security) in [
        ("127.0.0.1", Security::TrustedLocal),
        ("127.9.8.7", Security::TrustedLocal),
        ("::1", Security::TrustedLocal),
        ("::ffff:127.0.0.1", Security::TrustedLocal),
        ("128.0.0.1", Security::Cleartext),
        ("0.0.0.0", Security::Cleartext),
        ("10.0.0.1", Security::Cleartext),
        ("::", Security::Cleartext),
        ("::ffff:10.0.0.1", Security::Cleartext),
        ("fe80::1", Security::Cleartext),
        ("2001:db8::1", Security::Cleartext),
    ] {
        assert_eq!(Security::from_peer_address(address.parse().unwrap()), security, "{address}");
    }
}

#[test]
fn no_method_is_chosen_before_the_server_has_said_what_it_offers() {
    let mut script = Script::with(Config::new(), Security::Tls);
    script.says(format!("{APOP}\r\n"));
    let choose = |script: &Script| Method::choose(&script.client.session, &Method::ALL);
    assert_eq!(choose(&script), Err(NoMethod::CapabilitiesUnknown));
    script.client.say("CAPA");
    assert_eq!(choose(&script), Err(NoMethod::CapabilitiesUnknown));
    script.says("-ERR\r\n");
    assert_eq!(choose(&script), Ok(Method::User));
}

#[test]
fn a_login_tells_what_came_of_it_once_by_whichever_of_its_commands() {
    // R-1939-13, R-3206-02
    let mut script = Script::with(Config::new(), Security::TrustedLocal);
    script.says("+OK\r\n");
    script.client.log_in(mrose(Method::User, "wrong"));
    assert_eq!(script.says("-ERR [AUTH] who?\r\n"), ["USER -ERR (AUTH) who?", "PASS not sent"]);
    assert_eq!(script.client.logins, [Err(Retry::AskUser)]);
    script.client.log_in(mrose(Method::User, "tanstaaf"));
    script.says("+OK\r\n");
    assert_eq!(script.client.logins.len(), 1, "a name isn't a login");
    script.says("-ERR [IN-USE] later\r\n");
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    script.says("+ \r\n");
    script.says("+OK\r\n");
    assert_eq!(script.client.logins, [Err(Retry::AskUser), Err(Retry::Soon), Ok(())]);
}

#[test]
fn each_method_says_whether_it_sends_a_secret_and_its_mechanism_agrees() {
    for method in Method::ALL {
        if let Some(mechanism) = method.mechanism() {
            assert_eq!(mechanism.properties().unwrap().cleartext, method.sends_secret(), "{method:?}");
        }
    }
    assert!(Method::User.sends_secret() && !Method::Apop.sends_secret());
}

/// What a login writes, line by line, as these answers come.
fn written(method: Method, capa: &str, answers: &[&str]) -> Vec<String> {
    let mut script = script(Security::Tls, APOP, capa);
    script.client.log_in(mrose(method, "tanstaaf"));
    let mut written = vec![script.wrote()];
    for answer in answers {
        script.says(format!("{answer}\r\n"));
        written.push(script.wrote());
    }
    assert_eq!(script.client.session.state(), Some(State::Transaction), "{method:?}");
    assert_eq!(written.pop().unwrap(), "");
    written
}

#[test]
fn each_method_goes_as_its_document_has_it() {
    // R-1939-15, R-1939-32, R-5034-13, R-7628-01
    assert_eq!(written(Method::User, "-ERR\r\n", &["+OK", "+OK"]), ["USER mrose\r\n", "PASS tanstaaf\r\n"]);
    let apop = ["APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"];
    assert_eq!(written(Method::Apop, "-ERR\r\n", &["+OK"]), apop);
    assert_eq!(written(Method::Plain, ALL, &["+OK"]), ["AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"]);
    assert_eq!(written(Method::Plain, "-ERR\r\n", &["+ ", "+OK"]), ["AUTH PLAIN\r\n", "AG1yb3NlAHRhbnN0YWFm\r\n"]);
    let login = ["AUTH LOGIN\r\n", "bXJvc2U=\r\n", "dGFuc3RhYWY=\r\n"];
    // Whatever a server asks in, the name comes first.
    assert_eq!(written(Method::Login, ALL, &["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", "+OK"]), login);
    assert_eq!(written(Method::Login, "-ERR\r\n", &["+ ", "+", "+OK"]), login);
    let xoauth2 = "AUTH XOAUTH2 dXNlcj1tcm9zZQFhdXRoPUJlYXJlciB0YW5zdGFhZgEB\r\n";
    assert_eq!(written(Method::XOAuth2, ALL, &["+OK"]), [xoauth2]);
    let bearer = "AUTH OAUTHBEARER bixhPW1yb3NlLAFhdXRoPUJlYXJlciB0YW5zdGFhZgEB\r\n";
    assert_eq!(written(Method::OAuthBearer, ALL, &["+OK"]), [bearer]);
}

#[test]
fn cram_md5_answers_the_example_of_its_document() {
    // RFC 2195 §2
    let mut script = script(Security::Cleartext, "+OK", "-ERR\r\n");
    let password = Password::new("tanstaaftanstaaf").unwrap();
    script.client.log_in(Login::new(Method::CramMd5, Name::new("tim").unwrap(), Credential::Password(password)));
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
    script.says("+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n");
    assert_eq!(script.wrote(), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n");
    assert_eq!(script.says("+OK\r\n"), ["AUTH +OK"]);
}

#[test]
fn a_challenge_too_many_is_cancelled() {
    for (method, challenges) in
        [(Method::Plain, 1), (Method::CramMd5, 2), (Method::Login, 3), (Method::User, 0), (Method::Apop, 0)]
    {
        let mut script = script(Security::Tls, APOP, ALL);
        script.client.log_in(mrose(method, "tanstaaf"));
        if challenges == 0 {
            continue;
        }
        for _ in 1..challenges {
            script.wrote();
            script.says("+ PDE+\r\n");
            assert_ne!(script.wrote(), "*\r\n", "{method:?}");
        }
        script.wrote();
        script.says("+ PDE+\r\n");
        assert_eq!(script.wrote(), "*\r\n", "{method:?}");
    }
}

#[test]
fn a_method_needs_its_kind_of_credential() {
    let mut script = script(Security::Tls, APOP, ALL);
    let name = Name::new("mrose").unwrap();
    let password = Credential::Password(Password::new("tanstaaf").unwrap());
    let token = Credential::Token(BearerToken::new("tanstaaf").unwrap());
    for method in Method::ALL {
        let wrong = if matches!(method, Method::OAuthBearer | Method::XOAuth2) { password } else { token };
        let refused = Login::new(method, name, wrong).begin(&mut script.client.session);
        assert_eq!(refused, Err(LoginError::Method), "{method:?}");
    }
    let scram = Login::new(Method::ScramSha256, name, password).begin(&mut script.client.session);
    assert_eq!(scram, Err(LoginError::Method));
    assert_eq!(script.wrote(), "");
}

#[test]
fn a_login_that_can_not_begin_has_sent_nothing() {
    let name = Name::new("mrose").unwrap();
    let password = Credential::Password(Password::new("tanstaaf").unwrap());
    let begin = |method, script: &mut Script| Login::new(method, name, password).begin(&mut script.client.session);
    let mut script = script(Security::Cleartext, "+OK", "-ERR\r\n");
    for method in [Method::User, Method::Plain, Method::Login] {
        assert_eq!(begin(method, &mut script), Err(LoginError::Send(SendError::Cleartext)), "{method:?}");
    }
    assert_eq!(begin(Method::Apop, &mut script), Err(LoginError::Send(SendError::NoTimestamp)));
    assert_eq!(script.wrote(), "");
    // The queue has room for the name, and for no password after it.
    let mut script = Script::new(Config::new().queue(255).unwrap());
    for _ in 0..39 {
        script.client.say("CAPA");
    }
    assert_eq!(begin(Method::User, &mut script), Err(LoginError::Send(SendError::QueueFull)));
    assert!(script.client.try_to_say("USER mrose").is_ok(), "its place is taken");
    let mut script = Script::logged_in(Config::new());
    script.client.say("QUIT");
    assert_eq!(begin(Method::User, &mut script), Err(LoginError::Send(SendError::Over)));
    assert_eq!(begin(Method::Apop, &mut script), Err(LoginError::Send(SendError::Over)));
}

#[test]
fn apop_has_no_place_before_the_greeting_and_after_a_login() {
    // R-1939-13, R-1939-31
    let mut login = mrose(Method::Apop, "tanstaaf");
    let mut script = Script::new(Config::new());
    let refused = login.begin(&mut script.client.session);
    assert_eq!(refused, Err(LoginError::Send(SendError::NoTimestamp)));
    script.says(format!("{APOP}\r\n"));
    script.client.log_in(login);
    script.wrote();
    script.says("+OK\r\n");
    let refused = login.begin(&mut script.client.session);
    assert_eq!(refused, Err(LoginError::Send(SendError::WrongState)));
    assert_eq!(script.wrote(), "");
}

#[test]
fn a_name_in_an_oauth_message_is_escaped() {
    let mut script = script(Security::Tls, "+OK", ALL);
    let token = BearerToken::new("t").unwrap();
    script.client.log_in(Login::new(Method::OAuthBearer, Name::new("a=b,c").unwrap(), Credential::Token(token)));
    // n,a=a=3Db=2Cc,^Aauth=Bearer t^A^A
    assert_eq!(script.wrote(), "AUTH OAUTHBEARER bixhPWE9M0RiPTJDYywBYXV0aD1CZWFyZXIgdAEB\r\n");
}

#[test]
fn the_timestamp_that_apop_answers_is_the_greetings() {
    let script = script(Security::Tls, APOP, "-ERR\r\n");
    let timestamp = Timestamp::new("<1896.697170952@dbc.mtview.ca.us>").unwrap();
    assert_eq!(script.client.session.timestamp(), Some(&timestamp));
}
