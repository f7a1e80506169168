//! What a plan to log in does where the server refuses something: which method is next, and what a user hears.

use pop3_proto::Security;
use pop3_proto::auth::sasl::BearerToken;
use pop3_proto::client::{
    Closed, Config, Error, Login, LoginError, LoginFailure, Method, ProtocolError, Retry, SendError,
};
use pop3_proto::wire::{Mechanism, State, Verb};

use crate::common::{METHODS, Script, mrose, user};

const APOP: &str = "+OK <1896.697170952@dbc.mtview.ca.us>\r\n";
const SCRAM: Mechanism = Mechanism::SCRAM_SHA_256;

/// A client that has heard of these mechanisms, and of USER.
fn script(security: Security, sasl: &str) -> Script {
    let mut script = Script::with(Config::new().cleartext_secrets(true), security);
    script.says(APOP);
    script.asks("CAPA", format!("+OK\r\nUSER\r\nPIPELINING\r\nSASL {sasl}\r\n.\r\n"));
    script
}

/// The keywords and mechanisms of what a login writes as the server answers each line with the next of these; what comes of
/// it.
fn tried(
    login: Login,
    security: Security,
    sasl: &str,
    answers: &[&str],
) -> (Vec<String>, Vec<Result<Method, LoginError>>) {
    let mut script = script(security, sasl);
    script.client.log_in(login);
    let mut tried = Vec::new();
    for answer in answers.iter().chain([&""]) {
        let written = script.wrote();
        let words = |line: &str| {
            line.split(' ').take(if line.starts_with("AUTH") { 2 } else { 1 }).collect::<Vec<_>>().join(" ")
        };
        tried.extend(written.lines().map(words));
        script.says(if answer.is_empty() { String::new() } else { format!("{answer}\r\n") });
    }
    (tried, script.client.logins)
}

/// The error of a login that has failed.
fn error(outcomes: Vec<Result<Method, LoginError>>) -> LoginError {
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes.into_iter().next().unwrap().unwrap_err()
}

const REASONS: [(&str, Retry); 6] = [
    ("[AUTH]", Retry::AskUser),
    ("[IN-USE]", Retry::Soon),
    ("[LOGIN-DELAY]", Retry::Wait),
    ("[SYS/TEMP]", Retry::Later),
    ("[SYS/PERM]", Retry::Stop),
    ("[UTF8]", Retry::Utf8Mode),
];

#[test]
fn a_method_that_is_announced_and_not_there_leads_to_the_next() {
    // R-5034-10
    let methods = [Method::CramMd5, Method::Login, Method::User, Method::Apop];
    let no = "-ERR what?";
    for security in [Security::Tls, Security::TrustedLocal, Security::Cleartext] {
        let login = user(Method::User, "tanstaaf").methods(&methods);
        let (tried, outcomes) = tried(login, security, "LOGIN CRAM-MD5", &[no, no, "-ERR [X-NO] no", no]);
        let commands = ["AUTH CRAM-MD5", "AUTH LOGIN", "USER", "APOP"];
        let seen: Vec<_> = tried.iter().filter(|line| *line != "PASS").collect();
        if security == Security::Cleartext {
            // Elsewhere the password goes ahead of the answer to the name.
            assert_eq!(seen, commands);
            assert_eq!(error(outcomes).method, Some(Method::Apop));
        } else {
            assert_eq!(tried, ["AUTH CRAM-MD5", "AUTH LOGIN", "USER", "PASS"]);
            assert_eq!(error(outcomes).method, Some(Method::User));
        }
    }
}

#[test]
fn a_name_that_goes_before_the_password_is_no_secret() {
    // R-5034-10: LOGIN's first message, and SCRAM's.
    let login = user(Method::User, "tanstaaf").methods(&[Method::Login, Method::Plain]);
    let (lines, outcomes) = tried(login, Security::Tls, "LOGIN PLAIN", &["+ VXNlcm5hbWU6", "-ERR no", "+OK"]);
    assert_eq!(lines, ["AUTH LOGIN", "bXJvc2U=", "AUTH PLAIN", "CAPA"]);
    assert_eq!(outcomes, []);
    let login = user(Method::User, "tanstaaf").methods(&[Method::Plain]).library(SCRAM, Some(b"n,,n=mrose,r=x"));
    let (lines, _) = tried(login, Security::Tls, "PLAIN SCRAM-SHA-256", &["-ERR no"]);
    assert_eq!(lines, ["AUTH SCRAM-SHA-256", "AUTH PLAIN"]);
}

#[test]
fn a_password_that_was_sent_and_refused_is_the_end() {
    // R-5034-10, R-3206-03: whatever the reason is.
    for code in ["", "[X-OWN]"].into_iter().chain(REASONS.map(|(code, _)| code)) {
        let no = format!("-ERR {code} no");
        for (method, answers) in [
            (Method::Plain, &[&*no][..]),
            (Method::Login, &["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6", &no]),
            (Method::User, &["+OK", &no]),
        ] {
            let methods = [method, Method::Plain, Method::CramMd5, Method::Apop];
            let login = user(Method::User, "wrong").methods(&methods);
            let (lines, outcomes) = tried(login, Security::Cleartext, "PLAIN LOGIN CRAM-MD5", answers);
            assert_eq!(lines.len(), answers.len(), "{method} {code}: {lines:?}");
            let expected = REASONS.iter().find(|(it, _)| *it == code).map_or(Retry::Unknown, |(_, retry)| *retry);
            assert_eq!(error(outcomes).retry(), Some(expected), "{method} {code}");
        }
    }
}

#[test]
fn a_reason_that_another_method_does_not_change_is_the_end() {
    // R-3206-02, R-2449-10, R-2449-11, R-3206-01: even before anything was proved.
    for (code, retry) in REASONS {
        let no = format!("-ERR {code} no");
        for answers in [&[&*no][..], &["+ PDE+", &no]] {
            let (lines, outcomes) = tried(user(Method::User, "wrong"), Security::Tls, "CRAM-MD5 PLAIN", answers);
            assert_eq!(lines.len(), answers.len(), "{code}: {lines:?}");
            assert_eq!(error(outcomes).retry(), Some(retry));
        }
        let login = user(Method::User, "wrong").methods(&[Method::User, Method::Apop]);
        let (lines, outcomes) = tried(login, Security::Cleartext, "PLAIN", &[&no]);
        assert_eq!(lines, ["USER"]);
        assert_eq!(error(outcomes).retry(), Some(retry));
    }
}

#[test]
fn after_a_digest_that_is_refused_without_a_reason_one_more_method_follows() {
    // R-5034-10, R-3206-03
    for security in [Security::Tls, Security::TlsProxy, Security::TrustedLocal] {
        let answers = ["+ PDE+", "-ERR no", "-ERR no"];
        let (lines, outcomes) = tried(user(Method::User, "tanstaaf"), security, "CRAM-MD5 PLAIN LOGIN", &answers);
        assert_eq!(lines[..1], ["AUTH CRAM-MD5"]);
        assert_eq!(lines[2..], ["AUTH PLAIN"], "{security:?}");
        let error = error(outcomes);
        assert_eq!((error.method, error.retry()), (Some(Method::Plain), Some(Retry::Unknown)));
        // It may be the right one.
        let answers = ["+ PDE+", "-ERR no", "+OK", "-ERR"];
        let (lines, outcomes) = tried(user(Method::User, "tanstaaf"), security, "CRAM-MD5 PLAIN LOGIN", &answers);
        assert_eq!((lines[3..].to_vec(), outcomes), (vec!["CAPA".to_owned()], vec![Ok(Method::Plain)]));
    }
    // Two digests are enough.
    let login = || user(Method::User, "tanstaaf").methods(&[Method::CramMd5, Method::Apop, Method::Plain]);
    let (lines, outcomes) = tried(login(), Security::Tls, "CRAM-MD5 PLAIN", &["+ PDE+", "-ERR no", "-ERR no"]);
    assert_eq!((lines.len(), lines[2].as_str()), (3, "APOP"));
    assert_eq!(error(outcomes).method, Some(Method::Apop));
    // What isn't there is none of them.
    let answers = ["+ PDE+", "-ERR no", "-ERR what?", "+OK", "-ERR no"];
    let login = user(Method::User, "tanstaaf").methods(&[Method::CramMd5, Method::Login, Method::User, Method::Apop]);
    let (lines, outcomes) = tried(login, Security::Tls, "CRAM-MD5 LOGIN", &answers);
    assert_eq!(lines[2..], ["AUTH LOGIN", "USER", "PASS"]);
    assert_eq!(error(outcomes).method, Some(Method::User));
}

#[test]
fn after_a_digest_that_is_refused_no_password_goes_where_others_listen() {
    // R-8314-02, R-5034-10: though it would have gone there without the digest.
    let (lines, outcomes) =
        tried(user(Method::User, "tanstaaf"), Security::Cleartext, "CRAM-MD5 PLAIN LOGIN", &["+ PDE+", "-ERR no"]);
    assert_eq!((lines.len(), lines[0].as_str()), (2, "AUTH CRAM-MD5"));
    let error = error(outcomes);
    assert_eq!((error.method, error.retry()), (Some(Method::CramMd5), Some(Retry::Unknown)));
    // Another digest may go.
    let login = user(Method::User, "tanstaaf").methods(&[Method::CramMd5, Method::Plain, Method::Apop]);
    let (lines, _) = tried(login, Security::Cleartext, "CRAM-MD5 PLAIN", &["+ PDE+", "-ERR no"]);
    assert_eq!(lines[2..], ["APOP"]);
}

#[test]
fn no_answers_make_a_plan_prove_or_send_the_password_more_than_twice() {
    // R-5034-10: each line is answered with one of these, in all ways.
    let answers = ["-ERR no", "-ERR [X-OWN] no", "+OK", "+ PDE+", "+ ", "-ERR [AUTH] no"];
    for case in 0..answers.len().pow(5) {
        let mut script = script(Security::Tls, "CRAM-MD5 PLAIN LOGIN");
        script.client.log_in(user(Method::User, "tanstaaf").methods(&METHODS));
        let (mut secrets, mut digits) = (0, case);
        for _ in 0..5 {
            let written = script.wrote();
            let proofs = ["PASS ", "APOP ", "AUTH PLAIN AG", "dGFuc3RhYWY=", "bXJvc2Ug"];
            secrets += written.lines().filter(|line| proofs.iter().any(|proof| line.starts_with(proof))).count();
            if script.client.closed.is_some() || !script.client.logins.is_empty() {
                break;
            }
            script.says(format!("{}\r\n", answers[digits % answers.len()]));
            digits /= answers.len();
        }
        assert!(secrets <= 2, "{case}: {secrets}");
    }
}

#[test]
fn a_name_that_is_refused_while_the_password_is_on_its_way_waits_for_its_answer() {
    // R-1939-13, R-3206-02
    for (answer, code) in [("-ERR who?", None), ("-ERR [AUTH] who?", Some("AUTH"))] {
        let login = user(Method::User, "tanstaaf").methods(&[Method::User, Method::Apop]);
        let (lines, outcomes) = tried(login, Security::Tls, "PLAIN", &[answer, "-ERR no name"]);
        assert_eq!(lines, ["USER", "PASS"]);
        match error(outcomes).failure {
            LoginFailure::Refused { verb: Some(Verb::User), code: said, text, .. } => {
                assert_eq!((said.as_deref(), &*text), (code, b"who?".as_slice()));
            }
            other => panic!("{other:?}"),
        }
    }
    // Who lets somebody in all the same has done so.
    let mut script = script(Security::Tls, "PLAIN");
    script.client.log_in(mrose(Method::User, "tanstaaf"));
    script.wrote();
    assert_eq!(script.says("-ERR who?\r\n+OK\r\n"), ["USER -ERR who?", "PASS +OK"]);
    assert_eq!(script.client.logins, [Ok(Method::User)]);
}

#[test]
fn a_login_tells_what_came_of_it_once_by_whichever_of_its_commands() {
    // R-1939-13, R-3206-02
    let mut script = Script::with(Config::new(), Security::TrustedLocal);
    script.says("+OK\r\n");
    script.client.log_in(mrose(Method::User, "wrong"));
    assert_eq!(script.says("-ERR [AUTH] who?\r\n"), ["USER -ERR (AUTH) who?", "PASS not sent"]);
    assert_eq!(script.client.outcomes(), [Err(Some(Retry::AskUser))]);
    script.client.log_in(mrose(Method::User, "tanstaaf"));
    script.says("+OK\r\n");
    assert_eq!(script.client.logins.len(), 1, "a name isn't a login");
    script.says("-ERR [IN-USE] later\r\n");
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    script.says("+ \r\n");
    script.says("+OK\r\n");
    assert_eq!(script.client.outcomes(), [Err(Some(Retry::AskUser)), Err(Some(Retry::Soon)), Ok(())]);
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
            let mut script = script(Security::Tls, "OAUTHBEARER XOAUTH2");
            script.client.log_in(mrose(method, "expired"));
            script.wrote();
            script.says("+ e30=\r\n");
            script.wrote();
            script.says(answer);
            assert_eq!(script.client.outcomes(), [Err(Some(retry))], "{method} {answer}");
            assert_eq!(script.wrote(), "", "no other method has another token");
        }
        // Without the challenge nobody knows.
        let mut script = script(Security::Tls, "OAUTHBEARER XOAUTH2");
        script.client.log_in(mrose(method, "expired"));
        script.wrote();
        script.says("-ERR\r\n");
        assert_eq!(script.client.outcomes(), [Err(Some(Retry::Unknown))], "{method}");
    }
}

#[test]
fn a_plan_goes_on_with_a_new_token_by_the_same_method() {
    // R-7628-01
    for (method, expected) in [
        (Method::OAuthBearer, "AUTH OAUTHBEARER bixhPW1yb3NlLAFhdXRoPUJlYXJlciBmcmVzaAEB\r\n"),
        (Method::XOAuth2, "AUTH XOAUTH2 dXNlcj1tcm9zZQFhdXRoPUJlYXJlciBmcmVzaAEB\r\n"),
    ] {
        let mut script = script(Security::Tls, method.mechanism().unwrap().as_str());
        script.client.log_in(user(method, "expired"));
        for times in 1..=3 {
            script.wrote();
            script.says("+ e30=\r\n");
            script.wrote();
            script.says("-ERR\r\n");
            assert_eq!(script.client.outcomes(), vec![Err(Some(Retry::NewToken)); times]);
            assert_eq!(script.wrote(), "", "it waits for one");
            script.client.login.as_mut().unwrap().new_token(BearerToken::new("fresh").unwrap());
            assert_eq!(script.wrote(), expected);
        }
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "CAPA\r\n");
        script.says("-ERR\r\n");
        assert_eq!(script.client.logins.last(), Some(&Ok(method)));
    }
    // A password isn't replaced by one.
    let mut script = script(Security::Tls, "PLAIN OAUTHBEARER");
    script.client.log_in(mrose(Method::Plain, "wrong"));
    script.wrote();
    script.says("-ERR [AUTH] no\r\n");
    script.client.login.as_mut().unwrap().new_token(BearerToken::new("fresh").unwrap());
    assert_eq!((script.wrote().as_str(), script.client.logins.len()), ("", 1));
}

#[test]
fn a_token_method_that_is_not_there_leads_to_the_other() {
    // R-5034-12: unannounced mechanisms go without a first message, so nothing is disclosed.
    let login = user(Method::XOAuth2, "token").without_capa();
    let mut script = Script::new(Config::new());
    script.client.log_in(login);
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "AUTH OAUTHBEARER\r\n");
    script.says("-ERR what?\r\n");
    assert_eq!(script.wrote(), "AUTH XOAUTH2\r\n");
}

#[test]
fn a_certificate_that_proves_nothing_leads_to_the_password() {
    let login = user(Method::User, "tanstaaf").methods(&[Method::External, Method::Plain]);
    let (lines, _) = tried(login, Security::Tls, "EXTERNAL PLAIN", &["-ERR who are you?"]);
    assert_eq!(lines, ["AUTH EXTERNAL", "AUTH PLAIN"]);
}

#[test]
fn a_server_that_does_not_want_to_serve_says_why() {
    // R-1939-01: the reason of the greeting, and of a farewell.
    let mut script = Script::new(Config::new());
    script.client.log_in(user(Method::User, "tanstaaf"));
    script.says("-ERR [SYS/TEMP] too many connections\r\n");
    let error = error(script.client.logins.clone());
    assert_eq!((error.method, error.retry()), (None, Some(Retry::Later)));
    assert_eq!(error.to_string(), "the server: -ERR [SYS/TEMP] too many connections");
    assert_eq!(script.closed(), Ok(Closed::Refused));
    // It comes before the first command is written.
    let mut script = Script::new(Config::new());
    script.client.reads_first = true.into();
    script.client.log_in(user(Method::User, "tanstaaf"));
    script.says(format!("{APOP}-ERR going down\r\n"));
    let error = self::error(script.client.logins.clone());
    assert_eq!(error.to_string(), "the server: -ERR going down; the server offers APOP");
}

#[test]
fn a_server_that_closes_before_the_next_method_is_heard_for_its_last_refusal() {
    // R-1939-18
    for hangs_up in [true, false] {
        let mut script = script(Security::Tls, "CRAM-MD5 PLAIN");
        script.client.log_in(user(Method::User, "tanstaaf"));
        script.wrote();
        script.says("-ERR [X-OWN] try another day\r\n");
        if !hangs_up {
            script.wrote();
        }
        let ended = script.hangs_up();
        let refusal = script.client.login.as_mut().unwrap().end(&script.client.session).unwrap();
        assert_eq!(refusal.method, Some(Method::CramMd5), "{ended:?}");
        assert_eq!(refusal.retry(), Some(Retry::Unknown));
        assert!(refusal.to_string().starts_with("AUTH CRAM-MD5: -ERR [X-OWN] try another day; "), "{refusal}");
    }
    // Not where the server has broken the protocol, nor after a login.
    let mut script = script(Security::Tls, "CRAM-MD5 PLAIN");
    script.client.log_in(user(Method::User, "tanstaaf"));
    script.wrote();
    script.says("-ERR no\r\n");
    script.wrote();
    script.says("nonsense\r\n");
    assert_eq!(script.client.login.as_mut().unwrap().end(&script.client.session), None);
    let mut script = self::script(Security::Tls, "CRAM-MD5 PLAIN");
    script.client.log_in(user(Method::User, "tanstaaf"));
    for answer in ["-ERR no\r\n", "+OK\r\n"] {
        script.wrote();
        script.says(answer);
    }
    script.hangs_up().unwrap_err();
    assert_eq!(script.client.login.as_mut().unwrap().end(&script.client.session), None);
}

#[test]
fn a_login_before_the_mechanism_is_done_is_the_end_of_all_methods() {
    // R-5034-09
    let mut script = script(Security::Tls, "CRAM-MD5 PLAIN");
    script.client.log_in(user(Method::User, "tanstaaf"));
    script.wrote();
    script.says("+OK\r\n");
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedLogin)));
    assert_eq!((script.wrote().as_str(), script.client.logins.len()), ("", 0));
}

#[test]
fn what_stls_is_answered_decides_before_any_method() {
    // R-2595-03, R-2595-05
    let start = |login: Login, security| {
        let mut script = Script::with(Config::new().cleartext_secrets(true), security);
        script.client.log_in(login);
        script.says(APOP);
        script
    };
    let password = || user(Method::User, "tanstaaf");
    for no in ["-ERR\r\n", "-ERR [SYS/TEMP] later\r\n"] {
        let mut script = start(password().stls(), Security::Cleartext);
        assert_eq!(script.wrote(), "STLS\r\n");
        script.says(no);
        let error = error(script.client.logins.clone());
        assert!(matches!(error.failure, LoginFailure::Refused { verb: Some(Verb::Stls), .. }), "{error:?}");
        assert_eq!(script.wrote(), "");
    }
    // The handshake fails.
    let mut script = start(password().stls(), Security::Cleartext);
    script.client.tls = false;
    script.wrote();
    script.says("+OK\r\n");
    assert_eq!((script.closed(), script.wrote().as_str()), (Err(Error::TlsFailed), ""));
    // Where it may be had or not, CAPA is believed.
    for (capa, next) in [
        ("+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n", "STLS\r\n"),
        ("+OK\r\nSASL PLAIN\r\n.\r\n", "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"),
        ("-ERR\r\n", "USER mrose\r\n"),
    ] {
        let mut script = start(password().stls_if_offered(), Security::Cleartext);
        assert_eq!(script.wrote(), "CAPA\r\n");
        script.says(capa);
        assert_eq!(script.wrote(), next);
        if next != "STLS\r\n" {
            continue;
        }
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "CAPA\r\n", "what was known isn't any more");
        script.says("+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n");
        assert_eq!(script.wrote(), "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    }
    // There is TLS.
    for login in [password().stls(), password().stls_if_offered()] {
        assert_eq!(start(login, Security::Tls).wrote(), "CAPA\r\n");
    }
    // There will be none after UTF8.
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says(APOP);
    script.asks("UTF8", "+OK\r\n");
    script.client.log_in(password().stls());
    assert_eq!(error(script.client.logins.clone()).failure, LoginFailure::Unsent(SendError::WrongState));
}

/// Lets the library say something to the next challenge, or cancel.
fn library_says(script: &mut Script, challenge: &str, response: Option<&str>) -> String {
    script.pushes(challenge);
    let challenge = script.challenge();
    assert_eq!(challenge.mechanism(), Some(SCRAM));
    match response {
        Some(response) => challenge.respond(response),
        None => challenge.cancel(),
    }
    script.wrote()
}

#[test]
fn a_library_carries_its_mechanism_out_when_it_is_its_turn() {
    // R-5034-09
    for first in [Some(b"first".as_slice()), None] {
        let mut script = script(Security::Tls, "PLAIN SCRAM-SHA-256");
        script.client.log_in(user(Method::User, "tanstaaf").library(SCRAM, first));
        assert_eq!(script.client.login.as_ref().unwrap().method(), Some(Method::Library(SCRAM)));
        if first.is_some() {
            assert_eq!(script.wrote(), "AUTH SCRAM-SHA-256 Zmlyc3Q=\r\n");
        } else {
            assert_eq!(script.wrote(), "AUTH SCRAM-SHA-256\r\n");
            assert_eq!(library_says(&mut script, "+ \r\n", Some("first")), "Zmlyc3Q=\r\n");
        }
        assert_eq!(library_says(&mut script, "+ PDE+\r\n", Some("proof")), "cHJvb2Y=\r\n");
        assert_eq!(library_says(&mut script, "+ djE=\r\n", Some("")), "\r\n");
        script.says("+OK\r\n");
        script.wrote();
        script.says("-ERR\r\n");
        assert_eq!(script.client.logins, [Ok(Method::Library(SCRAM))]);
    }
}

#[test]
fn a_library_that_finds_another_server_ends_the_plan() {
    // R-5034-07, R-5034-10
    let login = || user(Method::User, "tanstaaf").library(SCRAM, Some(b"first"));
    let mut script = script(Security::Tls, "PLAIN SCRAM-SHA-256");
    script.client.log_in(login());
    script.wrote();
    assert_eq!(library_says(&mut script, "+ PDE+\r\n", None), "*\r\n");
    script.says("-ERR cancelled\r\n");
    assert_eq!(error(script.client.logins.clone()).failure, LoginFailure::Cancelled);
    assert_eq!(script.wrote(), "");
    // A caller that leaves its challenge to the plan has cancelled it.
    let (lines, outcomes) = tried(login(), Security::Tls, "PLAIN SCRAM-SHA-256", &["+ PDE+", "-ERR"]);
    assert_eq!(lines, ["AUTH SCRAM-SHA-256", "*"]);
    assert_eq!(
        error(outcomes).to_string(),
        "login by SCRAM-SHA-256: the exchange was cancelled; the server offers PLAIN, SCRAM-SHA-256, USER, APOP"
    );
}

#[test]
fn a_proof_of_a_library_that_is_refused_counts_as_a_digest() {
    // R-5034-10
    let mut script = script(Security::Tls, "PLAIN LOGIN SCRAM-SHA-256");
    script.client.log_in(user(Method::User, "tanstaaf").library(SCRAM, Some(b"first")));
    script.wrote();
    library_says(&mut script, "+ PDE+\r\n", Some("proof"));
    script.says("-ERR no\r\n");
    assert_eq!(script.wrote(), "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    script.says("-ERR no\r\n");
    assert_eq!(error(script.client.logins.clone()).method, Some(Method::Plain));
    // A mechanism that nobody knows may have sent the password.
    let own = Mechanism::new("X-OWN").unwrap();
    let login = user(Method::User, "tanstaaf").library(own, Some(b"first"));
    let (lines, outcomes) = tried(login, Security::Tls, "PLAIN X-OWN", &["-ERR no"]);
    assert_eq!((lines.len(), error(outcomes).method), (1, Some(Method::Library(own))));
}

#[test]
fn a_plan_without_a_secret_logs_in_by_a_library_alone() {
    let own = Mechanism::GSSAPI;
    let mut script = script(Security::Tls, "PLAIN GSSAPI");
    script.client.log_in(Login::without_secret().library(own, None));
    assert_eq!(script.wrote(), "AUTH GSSAPI\r\n");
    script.pushes("+ \r\n");
    script.challenge().respond_expecting_more(b"ticket".as_slice());
    script.wrote();
    script.pushes("+ PDE+\r\n");
    script.challenge().respond(b"".as_slice());
    script.wrote();
    script.says("+OK\r\n");
    assert_eq!(script.client.session.state(), Some(State::Transaction));
}

#[test]
fn an_error_is_one_line_that_names_the_command_and_what_is_offered_and_shows_no_secret() {
    // R-GEN-07: some servers repeat what they didn't understand, in one form or another.
    let shown = |secret: &str, answer: &str| {
        let mut script = script(Security::Tls, "PLAIN");
        script.client.log_in(mrose(Method::Plain, secret));
        script.wrote();
        script.says(format!("{answer}\r\n"));
        let error = error(script.client.logins.clone());
        (error.to_string(), format!("{error:?}"))
    };
    let offers = "; the server offers PLAIN, USER, APOP";
    for (secret, answer, expected) in [
        ("tanstaaf", "-ERR", "-ERR"),
        ("tanstaaf", "-ERR [AUTH]", "-ERR [AUTH]"),
        ("tanstaaf", "-ERR [tanstaaf] no", "-ERR [...] no"),
        ("tanstaaf", "-ERR tanstaaf tanstaa tanstaaftanstaaf", "-ERR ... tanstaa ......"),
        ("tanstaaf", "-ERR TANSTAAF TanStaaf", "-ERR ... ..."),
        ("tanstaaf", "-ERR AG1yb3NlAHRhbnN0YWFm AG1yb3NlAHRhbnN0YWFt", "-ERR ... AG1yb3NlAHRhbnN0YWFt"),
        ("secret", "-ERR \"AG1yb3NlAHNlY3JldA==\", (AG1yb3NlAHNlY3JldA)", "-ERR \"...==\", (...)"),
        ("tanstaaf", "-ERR \u{1b}[31mred \u{fc}\u{202e}", "-ERR \\u{1b}[31mred \u{fc}\\u{202e}"),
    ] {
        let (line, debug) = shown(secret, answer);
        assert_eq!(line, format!("AUTH PLAIN: {expected}{offers}"));
        assert!(!debug.contains(secret), "{debug}");
    }
}
