//! Which way of logging in is chosen, and how each goes.

use std::num::NonZeroU16;

use pop3_proto::Security;
use pop3_proto::auth::sasl::{BearerToken, Host, Password};
use pop3_proto::client::{Config, Login, LoginFailure, Method, SendError};
use pop3_proto::wire::{Mechanism, Name, State, Timestamp};

use crate::common::{METHODS, Script, chosen, mrose, unsent, user};

fn script(security: Security, greeting: &str, capa: &str) -> Script {
    let mut script = Script::with(Config::new(), security);
    script.says(format!("{greeting}\r\n"));
    script.asks("CAPA", capa);
    script
}

const ALL: &str = "+OK\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER SCRAM-SHA-256\r\n.\r\n";
const APOP: &str = "+OK <1896.697170952@dbc.mtview.ca.us>";
const SCRAM: Method = Method::Library(Mechanism::SCRAM_SHA_256);

#[test]
fn the_first_allowed_method_that_is_offered_and_safe_is_chosen() {
    // R-5034-10, R-8314-02
    let choose = |security, greeting, capa, allowed: &[Method]| chosen(&mut script(security, greeting, capa), allowed);
    let (tls, clear) = (Security::Tls, Security::Cleartext);
    assert_eq!(choose(tls, "+OK", ALL, &METHODS), Ok(SCRAM));
    assert_eq!(choose(tls, "+OK", ALL, &Method::PASSWORD), Ok(Method::CramMd5));
    assert_eq!(choose(tls, "+OK", ALL, &Method::TOKEN), Ok(Method::OAuthBearer));
    assert_eq!(choose(tls, "+OK", ALL, &[Method::User, Method::Plain]), Ok(Method::User));
    assert_eq!(choose(tls, "+OK", ALL, &[]), Err(LoginFailure::NotOffered));
    let plain = "+OK\r\nSASL X-A PLAIN\r\n.\r\n";
    assert_eq!(choose(tls, "+OK", plain, &METHODS), Ok(Method::Plain));
    assert_eq!(choose(tls, "+OK", plain, &[Method::Login, Method::User]), Err(LoginFailure::NotOffered));
    assert_eq!(choose(tls, "+OK", plain, &Method::TOKEN), Err(LoginFailure::NotOffered));
    assert_eq!(choose(tls, "+OK", "+OK\r\nSASL login\r\n.\r\n", &Method::PASSWORD), Ok(Method::Login));
    assert_eq!(choose(tls, "+OK", "+OK\r\nUSER\r\n.\r\n", &METHODS), Ok(Method::User));
    assert_eq!(choose(tls, "+OK", "+OK\r\n.\r\n", &METHODS), Err(LoginFailure::NotOffered));
    // A server that doesn't know CAPA has USER.
    assert_eq!(choose(tls, "+OK", "-ERR\r\n", &METHODS), Ok(Method::User));
    assert_eq!(choose(tls, APOP, "+OK\r\n.\r\n", &METHODS), Ok(Method::Apop));
    assert_eq!(choose(tls, APOP, "+OK\r\n.\r\n", &Method::PASSWORD), Err(LoginFailure::NotOffered));
    // Better none than one that tells.
    assert_eq!(choose(clear, "+OK", ALL, &Method::PASSWORD), Ok(Method::CramMd5));
    assert_eq!(choose(clear, "+OK", plain, &METHODS), Err(LoginFailure::NeedsTls));
    assert_eq!(choose(clear, "+OK", "-ERR\r\n", &METHODS), Err(LoginFailure::NeedsTls));
    assert_eq!(choose(clear, APOP, "-ERR\r\n", &METHODS), Ok(Method::Apop));
    assert_eq!(choose(clear, "+OK", ALL, &Method::TOKEN), Err(LoginFailure::NeedsTls));
    assert_eq!(choose(clear, "+OK", plain, &[Method::CramMd5]), Err(LoginFailure::NotOffered));
    // What is offered after TLS isn't listed before it.
    let stls = "+OK\r\nSTLS\r\n.\r\n";
    assert_eq!(choose(clear, "+OK", stls, &Method::PASSWORD), Err(LoginFailure::NeedsTls));
    assert_eq!(choose(tls, "+OK", stls, &Method::PASSWORD), Err(LoginFailure::NotOffered));
}

#[test]
fn where_stls_is_offered_in_the_clear_even_a_proof_waits_for_it() {
    // R-2595-05, R-8314-02
    let capa = "+OK\r\nSTLS\r\nSASL CRAM-MD5 SCRAM-SHA-256\r\n.\r\n";
    let chosen = |config: Config, security, allowed: &[Method]| {
        let mut script = Script::with(config, security);
        script.says(format!("{APOP}\r\n"));
        script.asks("CAPA", capa);
        chosen(&mut script, allowed)
    };
    for method in [Method::CramMd5, SCRAM, Method::Apop] {
        assert_eq!(chosen(Config::new(), Security::Cleartext, &[method]), Err(LoginFailure::NeedsTls), "{method}");
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
            let chosen = chosen(&mut script, &METHODS);
            assert_eq!(chosen == Err(LoginFailure::NeedsTls), !has_tls, "{security:?} {capa:?}");
            if has_tls {
                continue;
            }
            let session = &mut script.client.session;
            for method in METHODS.into_iter().chain(Method::TOKEN) {
                assert_eq!(unsent(mrose(method, "tanstaaf"), session), LoginFailure::NeedsTls, "{method}");
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
    assert!(script.client.try_to_say("USER mrose").is_ok());
    assert_eq!(chosen(&mut script, &Method::PASSWORD), Ok(Method::CramMd5));
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
    let choose = |capa, allowed: &[Method]| chosen(&mut after_stls(capa), allowed);
    assert_eq!(choose(ALL, &[Method::Apop, Method::User]), Ok(Method::User));
    assert_eq!(choose("+OK\r\n.\r\n", &[Method::Apop, Method::User]), Ok(Method::Apop));
    assert_eq!(choose("+OK\r\n.\r\n", &Method::PASSWORD), Err(LoginFailure::NotOffered));
    // With TLS from the start, it is the caller who says what is better.
    let mut script = script(Security::Tls, APOP, ALL);
    assert_eq!(chosen(&mut script, &[Method::Apop, Method::User]), Ok(Method::Apop));
    // And it logs in.
    let mut script = after_stls("+OK\r\n.\r\n");
    script.client.log_in(mrose(Method::Apop, "tanstaaf"));
    assert_eq!(script.wrote(), "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
    assert_eq!(script.says("+OK\r\n"), ["APOP +OK"]);
    assert_eq!(script.client.logins, [Ok(Method::Apop)]);
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
    // R-5034-10, R-GEN-16
    let mut script = Script::with(Config::new(), Security::Tls);
    script.client.log_in(user(Method::User, "tanstaaf"));
    assert_eq!(script.wrote(), "");
    script.says(format!("{APOP}\r\n"));
    assert_eq!(script.wrote(), "CAPA\r\n");
    for lines in ["+OK\r\nUSER\r\n", "SASL PLAIN\r\n."] {
        script.says(lines);
        assert_eq!((script.wrote().as_str(), script.client.login.as_ref().unwrap().method()), ("", None));
    }
    script.says("\r\n");
    assert_eq!(script.wrote(), "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    assert_eq!(script.client.login.as_ref().unwrap().method(), Some(Method::Plain));
}

#[test]
fn what_is_known_already_is_not_asked_again_before_the_login() {
    // R-2449-02
    let mut script = script(Security::Tls, "+OK", ALL);
    script.client.log_in(user(Method::User, "wrong").methods(&[Method::Plain]));
    assert_eq!(script.wrote(), "AUTH PLAIN AG1yb3NlAHdyb25n\r\n");
    script.says("-ERR [AUTH] no\r\n");
    script.client.log_in(user(Method::User, "tanstaaf").methods(&[Method::Plain]));
    assert_eq!(script.wrote(), "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "CAPA\r\n");
}

#[test]
fn after_the_login_a_server_is_asked_again_and_not_where_it_does_not_know_capa() {
    // R-2449-02
    for (capa, asks_again) in [("+OK\r\nUSER\r\nUIDL\r\n.\r\n", true), ("-ERR\r\n", false)] {
        for answer in ["+OK\r\nTOP\r\n.\r\n", "-ERR\r\n", "-ERR [SYS/TEMP] busy\r\n"] {
            let mut script = Script::new(Config::new());
            script.client.log_in(user(Method::User, "tanstaaf"));
            for answer in ["+OK\r\n", capa, "+OK\r\n", "+OK\r\n"] {
                script.says(answer);
                script.wrote();
            }
            assert_eq!(script.client.logins.len(), usize::from(!asks_again), "{capa:?}");
            if asks_again {
                script.says(answer);
            }
            assert_eq!(script.client.logins, [Ok(Method::User)], "{capa:?} {answer:?}");
            assert_eq!(script.client.session.state(), Some(State::Transaction));
        }
    }
}

#[test]
fn without_capa_nothing_is_asked_and_each_method_is_tried_in_its_turn() {
    let mut script = Script::new(Config::new());
    script.client.log_in(user(Method::User, "tanstaaf").without_capa());
    script.says("+OK\r\n");
    for line in ["AUTH CRAM-MD5\r\n", "AUTH PLAIN\r\n", "AUTH LOGIN\r\n", "USER mrose\r\n"] {
        assert_eq!(script.wrote(), line);
        script.says(if line == "USER mrose\r\n" { "+OK\r\n" } else { "-ERR what?\r\n" });
    }
    assert_eq!(script.wrote(), "PASS tanstaaf\r\n");
    script.says("+OK\r\n");
    assert_eq!((script.wrote().as_str(), &script.client.logins[..]), ("", &[Ok(Method::User)][..]));
}

#[test]
fn the_only_method_is_tried_though_it_is_not_announced() {
    // R-5034-12: without a first message then.
    for (method, line) in [(Method::Plain, "AUTH PLAIN\r\n"), (Method::User, "USER mrose\r\n")] {
        let mut script = Script::new(Config::new());
        script.client.log_in(user(method, "tanstaaf").only(method));
        script.says("+OK\r\n");
        script.wrote();
        script.says("+OK\r\nTOP\r\n.\r\n");
        assert_eq!(script.wrote(), line);
    }
    // APOP needs the timestamp.
    let mut script = script(Security::Tls, "+OK", ALL);
    assert_eq!(unsent(mrose(Method::Apop, "tanstaaf"), &mut script.client.session), LoginFailure::NotOffered);
}

#[test]
fn each_method_says_whether_it_sends_a_secret_and_its_mechanism_agrees() {
    for method in METHODS.into_iter().chain(Method::TOKEN).chain([Method::External]) {
        if let Some(mechanism) = method.mechanism() {
            assert_eq!(mechanism.properties().unwrap().cleartext, method.sends_secret(), "{method:?}");
        }
    }
    assert!(Method::User.sends_secret() && !Method::Apop.sends_secret());
    // For what isn't known here the worst is assumed.
    assert!(Method::Library(Mechanism::new("X-NEW").unwrap()).sends_secret());
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
    assert_eq!(written(Method::External, ALL, &["+OK"]), ["AUTH EXTERNAL =\r\n"]);
    let bearer = "AUTH OAUTHBEARER bixhPW1yb3NlLAFhdXRoPUJlYXJlciB0YW5zdGFhZgEB\r\n";
    assert_eq!(written(Method::OAuthBearer, ALL, &["+OK"]), [bearer]);
}

#[test]
fn cram_md5_answers_the_example_of_its_document() {
    // RFC 2195 §2
    let mut script = script(Security::Cleartext, "+OK", "-ERR\r\n");
    let login = Login::new(Name::new("tim").unwrap(), Password::new("tanstaaftanstaaf").unwrap());
    script.client.log_in(login.only(Method::CramMd5));
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
fn a_method_needs_its_kind_of_secret() {
    for method in METHODS.into_iter().chain(Method::TOKEN) {
        let mut script = script(Security::Tls, APOP, ALL);
        let kind =
            if matches!(method, Method::OAuthBearer | Method::XOAuth2) { Method::User } else { Method::OAuthBearer };
        let login = user(kind, "tanstaaf").only(method);
        // A library has its own.
        if method != SCRAM {
            assert_eq!(unsent(login, &mut script.client.session), LoginFailure::NotOffered, "{method:?}");
            let without = Login::without_secret().only(method);
            assert_eq!(unsent(without, &mut script.client.session), LoginFailure::NotOffered, "{method:?}");
        }
        assert_eq!(script.wrote(), "");
    }
}

#[test]
fn a_login_that_can_not_begin_has_sent_nothing() {
    let unsent = |method, script: &mut Script| unsent(mrose(method, "tanstaaf"), &mut script.client.session);
    let mut script = script(Security::Cleartext, "+OK", "-ERR\r\n");
    for method in [Method::User, Method::Plain, Method::Login] {
        assert_eq!(unsent(method, &mut script), LoginFailure::NeedsTls, "{method:?}");
    }
    assert_eq!(unsent(Method::Apop, &mut script), LoginFailure::NotOffered);
    assert_eq!(script.wrote(), "");
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.say("QUIT");
    assert_eq!(unsent(Method::User, &mut script), LoginFailure::Unsent(SendError::Over));
    script.wrote();
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    assert_eq!(unsent(Method::Plain, &mut script), LoginFailure::Unsent(SendError::WrongState));
}

#[test]
fn the_longest_name_and_password_find_room_in_the_smallest_queue() {
    // RFC 2449 §4: a line of 255 octets each
    let (name, password) = ("n".repeat(248), "p".repeat(248));
    let mut script = Script::new(Config::new().queue(510).unwrap());
    script.says("+OK\r\n");
    let (name, password) = (Name::new(&name).unwrap(), Password::new(&password).unwrap());
    script.client.log_in(Login::new(name, password).only(Method::User).without_capa());
    assert_eq!(script.wrote().len(), 255);
    script.says("+OK\r\n");
    assert_eq!(script.wrote().len(), 255);
    assert!(Config::new().queue(509).is_err());
}

#[test]
fn a_login_waits_for_room_in_the_queue() {
    // There is room for the name, and for no password after it.
    let mut script = Script::new(Config::new().queue(510).unwrap());
    script.says("+OK\r\n");
    for _ in 0..82 {
        script.client.say("CAPA");
    }
    script.client.log_in(mrose(Method::User, "tanstaaf"));
    for _ in 0..82 {
        assert_eq!(script.wrote(), "CAPA\r\n");
        script.says("-ERR\r\n");
    }
    assert_eq!(script.wrote(), "USER mrose\r\n");
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "PASS tanstaaf\r\n");
    assert!(script.client.logins.is_empty());
}

#[test]
fn a_method_that_can_not_carry_the_password_is_passed_over() {
    // R-6856-05, R-5034-05: PASS has ASCII and 255 octets, and PLAIN has neither limit.
    for password in ["tanst\u{e4}f".to_owned(), "x".repeat(300)] {
        let methods = [Method::User, Method::Plain];
        let mut script = script(Security::Tls, "+OK", ALL);
        script.client.log_in(user(Method::User, &password).methods(&methods));
        assert!(script.wrote().starts_with("AUTH PLAIN"));
        // Where nothing else is offered, that is why.
        let mut script = self::script(Security::Tls, "+OK", "+OK\r\nUSER\r\n.\r\n");
        script.client.log_in(user(Method::User, &password).methods(&methods));
        let error = script.client.logins[0].clone().unwrap_err();
        assert!(matches!(error.failure, LoginFailure::Unsent(SendError::NotAscii | SendError::TooLong)), "{error:?}");
        assert_eq!(error.method, Some(Method::User));
        assert_eq!(script.wrote(), "");
    }
}

#[test]
fn a_plan_never_logs_in_twice() {
    // R-1939-13, R-1939-31: whatever it is told afterwards.
    for method in [Method::Apop, Method::Plain, Method::OAuthBearer] {
        let mut script = script(Security::Tls, APOP, ALL);
        script.client.log_in(mrose(method, "tanstaaf"));
        script.wrote();
        script.says("+OK\r\n");
        assert_eq!(script.client.logins, [Ok(method)]);
        script.client.login.as_mut().unwrap().new_token(BearerToken::new("another").unwrap());
        assert_eq!(script.asks("NOOP", "+OK\r\n"), ["NOOP +OK"]);
        assert_eq!((script.wrote().as_str(), script.client.logins.len()), ("", 1), "{method}");
        // Nor does another plan.
        let again = unsent(mrose(method, "tanstaaf"), &mut script.client.session);
        assert_eq!(again, LoginFailure::Unsent(SendError::WrongState), "{method}");
        assert_eq!(script.wrote(), "");
    }
    // Somebody else is faster.
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.say("USER mrose\r\nPASS tanstaaf");
    script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
    script.says("+OK\r\n");
    assert_eq!(script.says("+OK\r\n"), ["PASS +OK", "AUTH not sent"]);
    let error = script.client.logins[0].clone().unwrap_err();
    assert_eq!(error.failure, LoginFailure::Unsent(SendError::WrongState));
}

#[test]
fn a_plan_waits_for_the_greeting() {
    // R-1939-31: what APOP needs is in it.
    let mut script = Script::new(Config::new());
    script.client.log_in(mrose(Method::Apop, "tanstaaf"));
    assert_eq!((script.wrote().as_str(), script.client.logins.len()), ("", 0));
    script.says(format!("{APOP}\r\n"));
    assert_eq!(script.wrote(), "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
}

#[test]
fn a_token_goes_with_its_name_host_and_port() {
    // RFC 7628 §3.1; a name in it is escaped.
    let token = BearerToken::new("t").unwrap();
    let sent = |login: Login| {
        let mut script = script(Security::Tls, "+OK", ALL);
        script.client.log_in(login);
        script.wrote()
    };
    let login = || Login::with_token(Name::new("a=b,c").unwrap(), token);
    // n,a=a=3Db=2Cc,^Aauth=Bearer t^A^A
    assert_eq!(sent(login()), "AUTH OAUTHBEARER bixhPWE9M0RiPTJDYywBYXV0aD1CZWFyZXIgdAEB\r\n");
    // n,a=x,^Ahost=pop.example^Aport=995^Aauth=Bearer t^A^A
    let host = Host::new("pop.example").unwrap();
    let login = login().host(host, NonZeroU16::new(995)).acting_for(Name::new("x").unwrap());
    let expected = "bixhPXgsAWhvc3Q9cG9wLmV4YW1wbGUBcG9ydD05OTUBYXV0aD1CZWFyZXIgdAEB";
    assert_eq!(sent(login), format!("AUTH OAUTHBEARER {expected}\r\n"));
}

#[test]
fn who_acts_for_somebody_else_does_so_by_what_can_carry_that() {
    // R-5034-13: by any other method it would be the user's own maildrop.
    let name = Name::new("boss").unwrap();
    let sent = |login: Login, capa: &str| {
        let mut script = script(Security::Tls, APOP, capa);
        script.client.log_in(login.acting_for(name));
        (script.wrote(), script.client.logins.pop())
    };
    let all = ALL.replace("SASL", "SASL EXTERNAL");
    // boss NUL mrose NUL tanstaaf
    let methods = [Method::CramMd5, Method::User, Method::Login, Method::Apop, Method::Plain];
    let plain = sent(user(Method::User, "tanstaaf").methods(&methods), &all).0;
    assert_eq!(plain, "AUTH PLAIN Ym9zcwBtcm9zZQB0YW5zdGFhZg==\r\n");
    assert_eq!(sent(Login::without_secret(), &all).0, "AUTH EXTERNAL Ym9zcw==\r\n");
    let (written, outcome) = sent(user(Method::User, "tanstaaf"), "+OK\r\nUSER\r\nSASL CRAM-MD5 LOGIN\r\n.\r\n");
    assert_eq!((written.as_str(), outcome.unwrap().unwrap_err().failure), ("", LoginFailure::NotOffered));
    let (written, outcome) = sent(user(Method::XOAuth2, "tanstaaf").only(Method::XOAuth2), &all);
    assert_eq!((written.as_str(), outcome.unwrap().unwrap_err().failure), ("", LoginFailure::NotOffered));
}

#[test]
fn the_timestamp_that_apop_answers_is_the_greetings() {
    let script = script(Security::Tls, APOP, "-ERR\r\n");
    let timestamp = Timestamp::new("<1896.697170952@dbc.mtview.ca.us>").unwrap();
    assert_eq!(script.client.session.timestamp(), Some(&timestamp));
}
