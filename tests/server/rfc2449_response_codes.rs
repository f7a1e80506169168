//! RFC 2449 §8, RFC 3206 and RFC 6856 §5: response codes.

use pop3_proto::Security;
use pop3_proto::message::Removal;
use pop3_proto::server::{CloseReason, Config, GreetingRefusal, Refusal, Rejection, Reply, Session};
use pop3_proto::wire::{DeviationSet, Mechanism, Response, ResponseCode, Status, Text};

use crate::common::{LOGIN, Server, Store};

/// What a login is answered with when the host rejects it so.
fn rejected(reason: Rejection) -> String {
    let store = Store::example();
    store.rejection.set(Some(reason));
    Server::new(&store).send(LOGIN).lines().last().unwrap().to_owned()
}

/// The code of a response line, if it has one.
fn code(line: &str) -> Option<ResponseCode<'static>> {
    Response::parse(line.trim_end().as_bytes(), DeviationSet::NONE).unwrap().value.code().and_then(known)
}

/// The code of the RFCs that `code` is, or is of the kind of.
fn known(code: ResponseCode<'_>) -> Option<ResponseCode<'static>> {
    use ResponseCode as Code;
    let all = [Code::SYS_TEMP, Code::SYS_PERM, Code::SYS, Code::AUTH, Code::IN_USE, Code::LOGIN_DELAY, Code::UTF8];
    all.into_iter().find(|known| code.is(*known))
}

#[test]
fn each_reply_has_its_status_and_its_code() {
    // R-GEN-08, R-2449-08, R-3206-01, R-3206-02, R-6856-03
    let good = [
        Reply::SendPassword,
        Reply::LoggedIn,
        Reply::Capabilities,
        Reply::StartTls,
        Reply::Mechanisms,
        Reply::Utf8Mode,
        Reply::Languages,
        Reply::Language,
        Reply::ScanListing,
        Reply::UniqueIdListing,
        Reply::Message,
        Reply::Marked,
        Reply::Unmarked,
        Reply::Noop,
        Reply::Bye,
        Reply::Removed,
    ];
    let coded = [
        (Reply::CleartextLogin, "AUTH"),
        (Reply::BadCredentials, "AUTH"),
        (Reply::EmptyPassword, "AUTH"),
        (Reply::NotUtf8, "AUTH"),
        (Reply::LoginDelay, "LOGIN-DELAY"),
        (Reply::LoginDelaySeconds, "LOGIN-DELAY"),
        (Reply::InUse, "IN-USE"),
        (Reply::Temporary, "SYS/TEMP"),
        (Reply::NotRemoved, "SYS/TEMP"),
        (Reply::Permanent, "SYS/PERM"),
        (Reply::NeedsUtf8, "UTF8"),
        (Reply::NotPermitted, "SYS/PERM"),
    ];
    for &reply in Reply::ALL {
        let status = if good.contains(&reply) { Status::Ok } else { Status::Err };
        assert_eq!(reply.status(), status, "{reply:?}");
        let code = coded.iter().find(|(coded, _)| *coded == reply).map(|(_, code)| *code);
        assert_eq!(reply.code().map(ResponseCode::as_str), code, "{reply:?}");
    }
}

#[test]
fn the_english_text_of_each_reply_is_its_own_and_ascii() {
    // R-2449-07, R-6856-07
    let texts: std::collections::HashSet<_> = Reply::ALL.iter().map(|reply| reply.english()).collect();
    assert_eq!(texts.len(), Reply::ALL.len());
    for &reply in Reply::ALL {
        assert!(reply.english().is_ascii() && Text::new(reply.english()).is_ok(), "{reply:?}");
        let seconds = reply.english().contains(Reply::SECONDS);
        assert_eq!(seconds, reply == Reply::LoginDelaySeconds, "{reply:?}");
    }
}

#[test]
fn each_reason_against_a_login_has_its_code() {
    // R-2449-10, R-2449-11, R-3206-01, R-3206-02
    assert_eq!(rejected(Rejection::BadCredentials), "-ERR [AUTH] wrong name or password");
    assert_eq!(rejected(Rejection::Malformed), "-ERR response is malformed");
    assert_eq!(rejected(Rejection::InUse), "-ERR [IN-USE] maildrop is in use by another session");
    assert_eq!(rejected(Rejection::LoginDelay { seconds: None }), "-ERR [LOGIN-DELAY] too soon after the last login");
    assert_eq!(
        rejected(Rejection::LoginDelay { seconds: Some(90) }),
        "-ERR [LOGIN-DELAY] too soon after the last login, try again in 90 s"
    );
    assert_eq!(rejected(Rejection::Temporary), "-ERR [SYS/TEMP] temporary failure, try again later");
    assert_eq!(rejected(Rejection::Permanent), "-ERR [SYS/PERM] failure that needs the administrator");
}

#[test]
fn each_reason_against_an_exchange_has_its_code() {
    // R-2449-10, R-2449-11, R-3206-01, R-3206-02
    for reason in [
        Rejection::BadCredentials,
        Rejection::Malformed,
        Rejection::InUse,
        Rejection::LoginDelay { seconds: None },
        Rejection::LoginDelay { seconds: Some(90) },
        Rejection::Temporary,
        Rejection::Permanent,
    ] {
        let store = Store::example();
        store.rejection.set(Some(reason));
        let config = Config::new().mechanism(Mechanism::CRAM_MD5).unwrap();
        let output = Server::with(&store, config, Security::Tls).send("AUTH CRAM-MD5\r\nAAAA\r\n");
        assert_eq!(output.lines().last(), Some(rejected(reason).as_str()), "{reason:?}");
    }
}

#[test]
fn a_host_can_give_a_code_of_its_own_and_nothing_worse() {
    // R-GEN-08; what a referral needs
    let store = Store::example();
    let longest: &'static str = "X".repeat(ResponseCode::MAX_OCTETS).leak();
    for code in ["REFERRAL/other.example.org", longest] {
        store.refused_with.set(Some(code));
        let config = Config::new().failed_logins(1).unwrap().mechanism(Mechanism::CRAM_MD5).unwrap();
        let mut server = Server::with(&store, config, Security::Tls);
        let expected = format!("-ERR [{code}] login is not possible here\r\n");
        assert!(server.send(LOGIN).ends_with(&expected));
        assert!(server.send("AUTH CRAM-MD5\r\nbXJvc2U=\r\n").ends_with(&expected));
        assert_eq!(server.closed, None, "it is no failed login");
    }
}

#[test]
fn only_bad_credentials_count_as_a_failed_login() {
    // R-GEN-06, R-2449-10, R-2449-11
    for reason in
        [Rejection::InUse, Rejection::LoginDelay { seconds: None }, Rejection::Temporary, Rejection::Permanent]
    {
        let store = Store::example();
        store.rejection.set(Some(reason));
        let mut server = Server::new(&store);
        server.send(LOGIN.repeat(9));
        assert_eq!(server.closed, None, "{reason:?}");
    }
    let store = Store::example();
    store.rejection.set(Some(Rejection::BadCredentials));
    let mut server = Server::new(&store);
    server.send(LOGIN.repeat(9));
    assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
}

#[test]
fn every_failure_that_the_credentials_cause_says_auth() {
    // R-3206-02, R-3206-03
    for lines in ["USER mrose\r\nPASS wrong\r\n", "USER nobody\r\nPASS tanstaaf\r\n", "USER mrose\r\nPASS\r\n"] {
        let output = Server::new(&Store::example()).send(lines);
        assert_eq!(output.lines().last().and_then(code), Some(ResponseCode::AUTH), "{lines:?}");
    }
    let digest = "0".repeat(32);
    let output =
        Server::with_timestamp(&Store::example(), crate::common::TIMESTAMP).send(format!("APOP mrose {digest}\r\n"));
    assert_eq!(output.lines().last().and_then(code), Some(ResponseCode::AUTH));
    for line in ["USER mrose", "AUTH PLAIN", "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm"] {
        let mut cleartext = Server::with(&Store::example(), Config::new(), Security::Cleartext);
        let output = cleartext.send(format!("{line}\r\n"));
        assert_eq!(output.lines().last().and_then(code), Some(ResponseCode::AUTH), "{line}");
    }
    // A wrong name, a wrong password, and somebody else's maildrop.
    for message in ["AG5vYm9keQB0YW5zdGFhZg==", "AG1yb3NlAHdyb25n", "cm9vdABtcm9zZQB0YW5zdGFhZg=="] {
        let output = Server::new(&Store::example()).send(format!("AUTH PLAIN {message}\r\n"));
        assert_eq!(output.lines().last().and_then(code), Some(ResponseCode::AUTH), "{message}");
    }
}

#[test]
fn an_exchange_that_is_cancelled_or_malformed_has_no_code() {
    // R-3206-03, R-5034-07, R-5034-08
    // Bad base64, no message at all, one of two parts, one without a password; names that are none or not offered.
    for lines in [
        "AUTH PLAIN\r\n*",
        "AUTH PLAIN\r\n!",
        "AUTH PLAIN !",
        "AUTH PLAIN =",
        "AUTH PLAIN bXJvc2UAdGFuc3RhYWY=",
        "AUTH PLAIN AG1yb3NlAA==",
        "AUTH A.B",
        "AUTH GSSAPI",
        "AUTH PLAIN = =",
    ] {
        let store = Store::example();
        let output = Server::new(&store).send(format!("{lines}\r\n"));
        let last = output.lines().last().unwrap();
        assert!(last.starts_with("-ERR ") && code(last).is_none(), "{lines:?}: {last}");
        assert_eq!(store.logins(), [], "{lines:?}");
    }
}

#[test]
fn a_message_for_utf8_mode_says_utf8() {
    // R-6856-03
    let store = Store::example();
    store.need_utf8.set(1);
    let mut server = Server::logged_in(&store);
    for line in ["LIST 1", "RETR 1", "TOP 1 0"] {
        assert_eq!(server.send(format!("{line}\r\n")), "-ERR [UTF8] message is for UTF-8 mode only\r\n", "{line}");
    }
}

#[test]
fn what_is_no_failure_of_credentials_or_system_has_no_code() {
    // R-2449-07
    let mut server = Server::patient(&Store::example());
    server.send("");
    for line in ["NOOP", "XYZ", "", "PASS x", "USER", "LIST a", "APOP a 00"] {
        assert_eq!(code(&server.send(format!("{line}\r\n"))), None, "{line}");
    }
    server.send(LOGIN);
    for line in ["LIST 9", "RETR 0", "USER mrose", "STAT 1", "LAST", "NOOP", "STAT"] {
        assert_eq!(code(&server.send(format!("{line}\r\n"))), None, "{line}");
    }
}

#[test]
fn a_message_that_the_system_cannot_read_says_sys() {
    // R-3206-01
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    for (refusal, kind) in [
        (Refusal::Temporary, Some(ResponseCode::SYS_TEMP)),
        (Refusal::Permanent, Some(ResponseCode::SYS_PERM)),
        (Refusal::Gone, None),
    ] {
        store.refusal.set(Some(refusal));
        for command in ["RETR 1\r\n", "TOP 2 1\r\n"] {
            let reply = server.send(command);
            assert!(reply.starts_with("-ERR "), "{reply}");
            assert_eq!(code(&reply), kind, "{refusal:?}");
        }
    }
}

#[test]
fn a_failed_removal_says_sys_temp() {
    // R-3206-01
    for commit in [Removal::NotAll, Removal::Unknown] {
        let store = Store::example();
        store.commit.set(commit);
        let mut server = Server::logged_in(&store);
        server.send("DELE 1\r\n");
        assert_eq!(code(&server.send("QUIT\r\n")), Some(ResponseCode::SYS_TEMP));
    }
}

#[test]
fn a_refused_connection_says_why_and_closes() {
    // R-1939-01, R-2449-10, R-2449-11
    for (reason, greeting) in [
        (GreetingRefusal::Temporary, "-ERR [SYS/TEMP] temporary failure, try again later\r\n"),
        (GreetingRefusal::Permanent, "-ERR [SYS/PERM] failure that needs the administrator\r\n"),
        (GreetingRefusal::Unwelcome, "-ERR connection not welcome\r\n"),
    ] {
        let store = Store::example();
        let mut server = Server::of(&store, Session::refuse(Config::new().into(), reason));
        assert_eq!(server.send(LOGIN), greeting);
        assert_eq!(server.closed, Some(CloseReason::Refused));
        assert_eq!(store.calls(), []);
    }
}

#[test]
fn text_of_the_host_cannot_pass_for_a_code() {
    // R-2449-07
    for text in ["[AUTH] hello", " [AUTH] hello", "Gr\u{fc}\u{df}e", "hello <a@b>", "hello\r\n+OK"] {
        assert!(Config::new().greeting(text).is_err(), "{text:?}");
    }
    let mut server = Server::with(&Store::example(), Config::new().greeting("hi [AUTH]").unwrap(), Security::Tls);
    assert_eq!(code(&server.send("")), None);
}

#[test]
fn a_code_is_matched_level_by_level_in_any_case() {
    // R-2449-08, R-3206-01
    let kinds = [
        ("AUTH", Some(ResponseCode::AUTH)),
        ("auth", Some(ResponseCode::AUTH)),
        ("AUTH/EXPIRED", Some(ResponseCode::AUTH)),
        ("AUTHX", None),
        ("AUT", None),
        ("SYS/TEMP", Some(ResponseCode::SYS_TEMP)),
        ("Sys/Temp/disk", Some(ResponseCode::SYS_TEMP)),
        ("SYS/PERM", Some(ResponseCode::SYS_PERM)),
        ("SYS/x", Some(ResponseCode::SYS)),
        ("SYS", Some(ResponseCode::SYS)),
        ("SYS/TEMPX", Some(ResponseCode::SYS)),
        ("IN-USE", Some(ResponseCode::IN_USE)),
        ("LOGIN-DELAY", Some(ResponseCode::LOGIN_DELAY)),
        ("UTF8", Some(ResponseCode::UTF8)),
        ("TEMP/SYS", None),
        ("X-PRIVATE", None),
    ];
    for (text, kind) in kinds {
        assert_eq!(known(ResponseCode::new(text).unwrap()), kind, "{text}");
    }
    let code = ResponseCode::new("sys/temp/disk").unwrap();
    assert!(code.is(ResponseCode::SYS_TEMP) && !ResponseCode::SYS_TEMP.is(code));
    assert_eq!(ResponseCode::new("auth"), Ok(ResponseCode::AUTH));
}

#[test]
fn what_is_no_code_is_refused() {
    // R-2449-08
    let too_long = "x".repeat(ResponseCode::MAX_OCTETS + 1);
    for text in ["", "/", "SYS/", "/TEMP", "SYS//TEMP", "IN USE", "A]", "\u{fc}", "A\r", too_long.as_str()] {
        assert!(ResponseCode::new(text).is_err(), "{text:?}");
    }
    assert!(ResponseCode::new(&too_long[..ResponseCode::MAX_OCTETS]).is_ok());
}

#[test]
fn a_code_is_read_only_at_the_very_start_of_the_text() {
    // R-2449-07, R-2449-09
    assert_eq!(code("-ERR [AUTH] no"), Some(ResponseCode::AUTH));
    assert_eq!(code("-ERR [AUTH]"), Some(ResponseCode::AUTH));
    assert_eq!(code("+OK [IN-USE] still"), Some(ResponseCode::IN_USE), "codes may stand on +OK");
    for line in
        ["-ERR no [AUTH]", "-ERR  [AUTH] no", "-ERR [AUTH no", "-ERR [A B] no", "-ERR []", "-ERR [SYS/] no", "-ERR ]["]
    {
        assert_eq!(code(line), None, "{line}");
    }
}

#[test]
fn a_reply_is_shown_as_its_line_in_english() {
    // R-2449-07
    for &reply in Reply::ALL {
        let shown = reply.to_string();
        let response = Response::parse(shown.as_bytes(), DeviationSet::NONE).unwrap().value;
        assert_eq!((response.status(), response.code()), (reply.status(), reply.code()), "{shown}");
        assert_eq!(response.text(), reply.english().as_bytes());
    }
    assert_eq!(Reply::BadCredentials.to_string(), rejected(Rejection::BadCredentials));
}
