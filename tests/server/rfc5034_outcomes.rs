//! RFC 5034 §4, RFC 7628 §3.2: how an exchange goes on from step to step, and how it ends.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use pop3_proto::auth::sasl::{CramMd5, base64};
use pop3_proto::message::MessageNumber;
use pop3_proto::server::{Action, BrokenMaildrop, CloseReason, Config, Rejection};
use pop3_proto::wire::{Mechanism, Name, Opening, Properties, State};
use pop3_proto::{Io, Security};

use crate::common::{Call, Message, Server, Store, TIMESTAMP, TestDrop, TestExchange, patient};

const LOGGED_IN: &str = "+OK maildrop locked and ready\r\n";
const REFUSED: &str = "-ERR [AUTH] wrong name or password\r\n";
const CANCELLED: &str = "-ERR exchange cancelled\r\n";

/// A mechanism that the host answers with what it is told, as often as the store says.
fn echo() -> Mechanism {
    Mechanism::new("ECHO").unwrap()
}

fn config() -> Config {
    let config = Config::new().mechanism(Mechanism::CRAM_MD5).unwrap().mechanism(Mechanism::XOAUTH2).unwrap();
    let config = config.mechanism(Mechanism::OAUTHBEARER).unwrap();
    config.mechanism_with(echo(), Properties { opening: Opening::Client, cleartext: false }).unwrap()
}

/// A server that has greeted.
fn with(store: &Rc<Store>, config: Config) -> Server {
    let mut server = Server::with(store, config, Security::Tls);
    server.send("");
    server
}

fn encoded(octets: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(octets.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

fn cram_md5(password: &str) -> String {
    let mut line = Vec::new();
    base64::encode(&CramMd5::new(Name::new("mrose").unwrap(), TIMESTAMP.as_bytes(), password.as_bytes()), &mut line);
    format!("AUTH CRAM-MD5\r\n{}\r\n", String::from_utf8(line).unwrap())
}

fn step(response: impl AsRef<[u8]>) -> Call {
    Call::Step(echo(), Some(response.as_ref().to_vec()))
}

/// XOAUTH2 and OAUTHBEARER with a token, and what answers their failure.
fn bearers(token: &str) -> [(Mechanism, String, &'static str); 2] {
    let vendor = encoded(format!("user=mrose\x01auth=Bearer {token}\x01\x01"));
    let standard = encoded(format!("n,a=mrose,\x01auth=Bearer {token}\x01\x01"));
    [(Mechanism::XOAUTH2, vendor, ""), (Mechanism::OAUTHBEARER, standard, "AQ==")]
}

#[test]
fn a_client_that_cancels_a_challenge_of_rejection_is_rejected_all_the_same() {
    // R-7628-01, R-GEN-06: whoever has heard that the token is wrong has made a guess
    let wrong = "AUTH XOAUTH2 dXNlcj1tcm9zZQFhdXRoPUJlYXJlciB3cm9uZwEB\r\n";
    for answer in ["*", "", "AQ==", "!", "QUIT"] {
        let store = Store::example();
        store.rejects_with_challenge.set(true);
        let config = Config::new().mechanism(Mechanism::XOAUTH2).unwrap().failed_logins(2).unwrap();
        let mut server = Server::with(&store, config, Security::Tls);
        for _ in 0..2 {
            assert!(server.send(wrong).contains("+ "));
            assert_eq!(server.send(format!("{answer}\r\n")), "-ERR [AUTH] wrong name or password\r\n", "{answer}");
        }
        assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins), "{answer}");
    }
}

#[test]
fn the_last_data_of_the_host_is_a_challenge_and_not_in_the_ok() {
    // R-5034-09
    let store = Store::example();
    let mut server = with(&store, config());
    assert_eq!(server.send("AUTH ECHO dj1maW5hbA==\r\n"), "+ dj1maW5hbA==\r\n");
    assert_eq!(server.session.state(), Some(State::Authorization), "the client hasn't heard it yet");
    assert_eq!(server.send("\r\n"), LOGGED_IN);
    assert_eq!(store.calls(), [step("v=final"), step(""), Call::ExchangeDropped]);
    assert_eq!(server.session.state(), Some(State::Transaction));
}

#[test]
fn what_the_host_remembers_of_an_exchange_lasts_until_its_end_and_no_longer() {
    // R-5034-10
    let store = Store::example();
    store.steps.set(3);
    let mut server = with(&store, config());
    // The host counts its challenges in there: the second exchange counts anew.
    for end in ["*\r\n", "YQ==\r\n"] {
        let lines = format!("AUTH ECHO MQ==\r\nMg==\r\nMw==\r\n{end}");
        let answers = server.send(lines);
        assert!(answers.starts_with("+ MQ==\r\n+ Mg==\r\n+ Mw==\r\n"), "{answers}");
    }
    let steps = [step("1"), step("2"), step("3")];
    let expected = [&steps[..], &[Call::ExchangeDropped], &steps, &[step("a"), Call::ExchangeDropped]].concat();
    assert_eq!(store.calls(), expected);
    assert_eq!(server.session.state(), Some(State::Transaction));
}

#[test]
fn an_exchange_ends_with_its_connection() {
    // R-5034-10, R-GEN-09
    for end in ["hang up", "drop", "half a line", "stop"] {
        let store = Store::example();
        let mut server = with(&store, config());
        server.send("AUTH ECHO YQ==\r\n");
        match end {
            "drop" => drop(server),
            "stop" => {
                server.session.stop();
                server.send("");
            }
            // A response without its line end is none.
            "half a line" => assert_eq!(server.send_and_hang_up("YQ=="), ""),
            _ => assert_eq!(server.send_and_hang_up(""), ""),
        }
        assert_eq!(store.calls(), [step("a"), Call::ExchangeDropped], "{end}");
    }
}

#[test]
fn a_failed_exchange_is_a_failed_login() {
    // R-5034-10, R-GEN-06
    let wrong_token = |at: usize| {
        let (mechanism, response, answer) = bearers("wrong")[at].clone();
        format!("AUTH {mechanism} {response}\r\n{answer}\r\n")
    };
    let failures = ["USER mrose\r\nPASS wrong\r\n", "AUTH PLAIN AG1yb3NlAHdyb25n\r\n", &cram_md5("wrong")];
    let bearers = [wrong_token(0), wrong_token(1)];
    for last in failures.into_iter().chain(bearers.iter().map(String::as_str)) {
        let mut server = with(&Store::example(), config());
        for failure in [failures[0], failures[2]] {
            assert!(server.send(failure).ends_with(REFUSED), "{failure}");
        }
        assert_eq!(server.closed, None);
        assert!(server.send(format!("{last}CAPA\r\n")).ends_with(REFUSED), "{last}");
        assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins), "{last}");
    }
}

#[test]
fn another_exchange_may_follow_one_that_came_to_nothing() {
    // R-5034-10
    for (end, answer) in [("*\r\n", CANCELLED), ("!\r\n", "-ERR response is not base64\r\n")] {
        let mut server = with(&Store::example(), config());
        assert_eq!(server.send(format!("AUTH ECHO\r\n{end}")), format!("+ \r\n{answer}"));
        assert!(server.send(cram_md5("wrong")).ends_with(REFUSED));
        assert!(server.send(cram_md5("tanstaaf")).ends_with(LOGGED_IN));
        assert!(server.send("STAT\r\n").starts_with("+OK 2 "));
    }
}

#[test]
fn a_response_that_the_host_finds_malformed_has_no_code_and_is_a_bad_command_and_no_failed_login() {
    // R-3206-03, R-GEN-06
    let store = Store::example();
    let mut server = with(&store, config().failed_logins(1).unwrap().bad_commands(3, 3).unwrap());
    store.rejection.set(Some(Rejection::Malformed));
    for _ in 0..2 {
        assert!(server.send(cram_md5("wrong")).ends_with("-ERR response is malformed\r\n"));
    }
    assert_eq!((server.session.totals().failed_logins, server.closed), (0, None));
    server.send(cram_md5("wrong"));
    assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
}

#[test]
fn reasons_other_than_the_credentials_have_codes_and_are_no_failed_logins() {
    // R-2449-10, R-2449-11, R-3206-02, R-3206-03, R-5034-10
    let reasons = [
        (Rejection::InUse, "-ERR [IN-USE] maildrop is in use by another session\r\n"),
        (Rejection::LoginDelay { seconds: None }, "-ERR [LOGIN-DELAY] too soon after the last login\r\n"),
        (
            Rejection::LoginDelay { seconds: Some(42) },
            "-ERR [LOGIN-DELAY] too soon after the last login, try again in 42 s\r\n",
        ),
        (Rejection::Temporary, "-ERR [SYS/TEMP] temporary failure, try again later\r\n"),
        (Rejection::Permanent, "-ERR [SYS/PERM] failure that needs the administrator\r\n"),
    ];
    for login in [cram_md5("wrong"), "AUTH PLAIN AG1yb3NlAHdyb25n\r\n".to_owned()] {
        for (reason, answer) in reasons {
            let store = Store::example();
            let mut server = with(&store, config().failed_logins(1).unwrap());
            store.rejection.set(Some(reason));
            for _ in 0..2 {
                assert!(server.send(&login).ends_with(answer), "{reason:?}");
            }
            assert_eq!(server.closed, None);
            store.rejection.set(None);
            assert!(server.send(cram_md5("tanstaaf")).ends_with(LOGGED_IN), "{reason:?}");
        }
    }
}

#[test]
fn a_maildrop_that_another_session_has_is_in_use_for_auth_as_well() {
    // R-2449-11
    let store = Store::example();
    let mut first = with(&store, config());
    assert!(first.send(cram_md5("tanstaaf")).ends_with(LOGGED_IN));
    let mut second = with(&store, config());
    assert!(second.send(cram_md5("tanstaaf")).ends_with("-ERR [IN-USE] maildrop is in use by another session\r\n"));
    drop(first);
    assert!(second.send(cram_md5("tanstaaf")).ends_with(LOGGED_IN));
}

#[test]
fn a_maildrop_that_cannot_be_served_is_given_back() {
    // R-1939-27, R-5034-10
    let store = |unique_ids: [&str; 2]| {
        let mut store = Rc::into_inner(Store::empty()).unwrap();
        store.messages = unique_ids
            .map(|unique_id| Message { unique_id: unique_id.into(), octets: Bytes::new(), announced: 0 })
            .into();
        Rc::new(store)
    };
    let number = |number| MessageNumber::new(number).unwrap();
    let same = BrokenMaildrop::SameUniqueId { first: number(1), second: number(2) };
    let none = BrokenMaildrop::NoUniqueId { message: number(2) };
    for (ids, broken, code) in [(["a", "a"], same, "SYS/PERM"), (["a", "b c"], none, "SYS/TEMP")] {
        let store = store(ids);
        let mut server = with(&store, config().failed_logins(1).unwrap());
        let answers = server.send(cram_md5("tanstaaf"));
        assert!(answers.contains(&format!("\r\n-ERR [{code}] ")), "{answers}");
        assert_eq!((store.broken.get(), store.locked.get()), (Some(broken), false));
        assert_eq!(store.calls().last(), Some(&Call::Dropped));
        assert!(store.calls().contains(&Call::ExchangeDropped));
        assert_eq!((server.session.state(), server.closed), (Some(State::Authorization), None));
    }
}

#[test]
fn a_bearer_token_that_is_right_lets_the_client_in_at_once() {
    // R-7628-01
    for (mechanism, response, _) in bearers("tanstaaf") {
        let mut server = with(&Store::example(), config());
        assert_eq!(server.send(format!("AUTH {mechanism} {response}\r\n")), LOGGED_IN);
        let mut server = with(&Store::example(), config());
        assert_eq!(server.send(format!("AUTH {mechanism}\r\n{response}\r\n")), format!("+ \r\n{LOGGED_IN}"));
    }
}

#[test]
fn a_bearer_token_fails_only_when_the_client_has_answered_the_reason() {
    // R-7628-01
    let reason = format!("+ {}\r\n", encoded(r#"{"status":"invalid_token"}"#));
    for (mechanism, response, answer) in bearers("wrong") {
        for (answer, end) in [(answer, REFUSED), ("*", CANCELLED)] {
            let mut server = with(&Store::example(), config());
            assert_eq!(server.send(format!("AUTH {mechanism} {response}\r\n")), reason, "{mechanism}");
            assert_eq!(server.wait(10), "", "{mechanism}: it isn't over yet");
            assert!(!server.store.calls().contains(&Call::ExchangeDropped));
            assert_eq!(server.send(format!("{answer}\r\n")), end, "{mechanism}");
            assert_eq!(server.store.calls().last(), Some(&Call::ExchangeDropped));
            assert!(server.send(cram_md5("tanstaaf")).ends_with(LOGGED_IN));
        }
    }
}

#[test]
fn a_challenge_longer_than_a_line_may_be_ends_the_exchange() {
    // R-5034-06, R-GEN-08
    let response = "A".repeat(12_288);
    for (limit, fits) in [(12_292, true), (12_291, false), (12_290, false)] {
        let store = Store::example();
        let mut server = with(&store, config().sasl_line_limit(limit).unwrap().failed_logins(1).unwrap());
        let answer = server.send(format!("AUTH ECHO\r\n{response}\r\n"));
        assert_eq!(store.challenge_was_too_long.get(), !fits, "{limit}");
        if fits {
            assert_eq!(answer, format!("+ \r\n+ {response}\r\n"));
            assert_eq!(server.send("\r\n"), LOGGED_IN);
        } else {
            assert_eq!(answer, "+ \r\n-ERR [SYS/PERM] failure that needs the administrator\r\n");
            assert_eq!(store.calls().last(), Some(&Call::ExchangeDropped));
            assert!(server.send("CAPA\r\n").starts_with("+OK"));
        }
    }
}

/// A session with all kinds of exchanges, in one write.
fn script() -> String {
    let long = encoded("x".repeat(5_000));
    let exchanges = format!(
        "AUTH\r\nAUTH PLAIN\r\n*\r\nAUTH ECHO {long}\r\n\r\nAUTH ECHO\r\nQUIT\r\nstat\r\n!\r\nAUTH NTLM =\r\nUSER mrose\r\n"
    );
    exchanges + &cram_md5("wrong") + &cram_md5("tanstaaf") + "STAT\r\nRETR 1\r\nQUIT\r\n"
}

#[test]
fn commands_after_an_exchange_are_answered_after_it() {
    // R-1939-11, R-2449-16
    let store = Store::example();
    store.steps.set(9);
    let answers = with(&store, config()).send(
        "AUTH ECHO YQ==\r\n*\r\nCAPA\r\nAUTH PLAIN\r\nAG1yb3NlAHRhbnN0YWFm\r\nSTAT\r\nAUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\nQUIT\r\n",
    );
    let (exchange, rest) = answers.split_once("+OK capability list follows\r\n").unwrap();
    assert_eq!(exchange, format!("+ YQ==\r\n{CANCELLED}"));
    let (_, rest) = rest.split_once("\r\n.\r\n").unwrap();
    assert_eq!(rest, format!("+ \r\n{LOGGED_IN}+OK 2 320\r\n-ERR command not valid in this state\r\n+OK bye\r\n"));
}

#[test]
fn however_an_exchange_is_cut_it_is_the_same() {
    // R-GEN-01
    let run = |reads: Vec<usize>, windows: Vec<usize>, drops: Vec<bool>| {
        let store = Store::example();
        store.steps.set(2);
        let mut server = Server::with(&store, config(), Security::Tls);
        (server.reads, server.window, server.drops) = (reads.into(), windows.into(), drops.into());
        let output = server.send(script());
        (output, server.closed, store.calls())
    };
    let whole = run(vec![usize::MAX], vec![usize::MAX], vec![false]);
    assert_eq!(whole.1, Some(CloseReason::Quit), "{}", whole.0);
    for reads in [vec![1], vec![2], vec![3, 1, 7], vec![2_047], vec![2_048, 1], vec![4_099]] {
        assert_eq!(run(reads.clone(), vec![usize::MAX], vec![false]), whole, "{reads:?}");
        assert_eq!(run(reads.clone(), vec![1], vec![false, true]), whole, "{reads:?}");
        assert_eq!(run(reads.clone(), vec![5, 600], vec![true, true, false]), whole, "{reads:?}");
    }
}

#[test]
fn an_exchange_does_not_put_the_deadline_off() {
    // R-1939-12, R-GEN-06
    let store = Store::example();
    store.steps.set(99);
    let mut server = with(&store, config());
    server.send("AUTH ECHO\r\n");
    for _ in 0..11 {
        server.now += Duration::from_secs(10);
        assert_eq!(server.send("YQ==\r\n"), "+ YQ==\r\n");
    }
    assert_eq!((server.wait(9).as_str(), server.closed), ("", None));
    assert_eq!((server.wait(1).as_str(), server.closed), ("", Some(CloseReason::LoginDeadline)));
    assert_eq!(store.calls().last(), Some(&Call::ExchangeDropped));
}

/// Reads these octets and polls again.
fn poll_with<'s>(server: &'s mut Server, octets: &str) -> Action<'s, TestDrop, TestExchange> {
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!("no read") };
    read.space()[..octets.len()].copy_from_slice(octets.as_bytes());
    read.filled(octets.len());
    server.session.poll(server.now)
}

#[test]
fn the_host_may_think_about_a_response_as_long_as_it_wants() {
    // R-1939-12
    let mut server = with(&Store::example(), config());
    server.now = Duration::from_secs(100);
    assert!(matches!(poll_with(&mut server, "AUTH ECHO YQ==\r\n"), Action::Authenticate(_)));
    server.now = Duration::from_secs(5_000);
    let Action::Authenticate(step) = server.session.poll(server.now) else { panic!("nothing has changed") };
    assert_eq!((step.mechanism(), step.response()), (echo(), Some(&b"a"[..])), "the same again");
    step.challenge(b"".as_slice()).unwrap();
    assert_eq!(server.send(""), "+ \r\n");
    assert_eq!(server.deadline(), Duration::from_secs(5_020), "of the 120 seconds 20 are left");
}

#[test]
fn auth_counts_as_a_command_and_its_responses_do_not() {
    // R-GEN-06
    let limit = config().commands_before_login(10).unwrap();
    let store = Store::example();
    store.steps.set(99);
    let mut server = with(&store, limit.clone());
    server.send("AUTH ECHO\r\n");
    assert_eq!(server.send("YQ==\r\n".repeat(40)), "+ YQ==\r\n".repeat(40));
    server.send("*\r\n");
    assert_eq!(server.send("AUTH PLAIN\r\n*\r\n".repeat(9)), format!("+ \r\n{CANCELLED}").repeat(9));
    assert_eq!(server.send("AUTH PLAIN\r\n"), "-ERR too many commands before login\r\n");
    assert_eq!(server.closed, Some(CloseReason::TooManyCommandsBeforeLogin));
}

#[test]
fn an_exchange_that_fails_does_not_end_a_row_of_bad_commands() {
    // R-GEN-06
    let mut server = with(&Store::example(), patient(config()).bad_commands(3, 3).unwrap());
    server.send("NOPE\r\nAUTH ECHO\r\n*\r\nNOPE\r\n");
    server.send(cram_md5("wrong"));
    assert_eq!(server.closed, None);
    assert_eq!(server.send("NOPE\r\n"), "-ERR too many bad commands\r\n");
}
