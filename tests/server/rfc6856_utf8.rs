//! RFC 6856 §2, §4 and §5: UTF8.

use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{Action, CloseReason, Config, Session, Utf8};
use pop3_proto::wire::{Deviation, DeviationSet, Mechanism, Timestamp};
use pop3_proto::{Io, Security};

use crate::common::{Call, GREETING, LOGGED_IN, LOGIN, Server, Store, TIMESTAMP, TestDrop, normalise};

const UTF8: &str = "+OK UTF-8 mode\r\n";
const NOT_UTF8: &str = "-ERR [AUTH] name or password is not UTF-8\r\n";
const NEEDS_UTF8: &str = "-ERR [UTF8] message is for UTF-8 mode only\r\n";
const UNAVAILABLE: &str = "-ERR command not available\r\n";
const WRONG_STATE: &str = "-ERR command not valid in this state\r\n";
const DIGEST: &str = "c4c9334bac560ecc979e58001b3e22fb";

fn base64_of(octets: &[u8]) -> String {
    let mut out = Vec::new();
    base64::encode(octets, &mut out);
    String::from_utf8(out).unwrap()
}

/// A server that has greeted, has all that a name can be said with, and closes for nothing.
fn server(store: &Rc<Store>, config: Config) -> Server {
    let config = crate::common::patient(config).mechanism(Mechanism::LOGIN).unwrap();
    let session = Session::with_exchange(config.into(), Security::TrustedLocal);
    let mut server = Server::of(store, session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    assert!(server.send("").starts_with("+OK"));
    server
}

fn messages() -> Config {
    Config::new().utf8(Utf8::Messages)
}

fn names() -> Config {
    Config::new().utf8(Utf8::MessagesAndNames)
}

/// Every way to say `name` or `password` where the other one is ASCII.
fn logins(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let plain = |name: &[u8], password: &[u8]| base64_of(&[b"\0", name, b"\0", password].concat());
    vec![
        ("USER", [b"USER ", text, b"\r\nPASS x\r\n"].concat()),
        ("PASS", [b"USER mrose\r\nPASS ", text, b"\r\n"].concat()),
        ("APOP", [b"APOP ", text, b" ", DIGEST.as_bytes(), b"\r\n"].concat()),
        ("PLAIN name", format!("AUTH PLAIN {}\r\n", plain(text, b"x")).into_bytes()),
        ("PLAIN password", format!("AUTH PLAIN\r\n{}\r\n", plain(b"mrose", text)).into_bytes()),
        ("LOGIN name", format!("AUTH LOGIN {}\r\n{}\r\n", base64_of(text), base64_of(b"x")).into_bytes()),
        ("LOGIN password", format!("AUTH LOGIN\r\n{}\r\n{}\r\n", base64_of(b"mrose"), base64_of(text)).into_bytes()),
    ]
}

#[test]
fn utf8_is_said_before_login_and_may_be_said_again() {
    // R-6856-01, C4
    for config in [messages(), names()] {
        let mut server = server(&Store::example(), config);
        assert_eq!(server.send("UTF8\r\nutf8\r\n"), UTF8.repeat(2));
        assert_eq!(server.send(LOGIN), LOGGED_IN);
        assert_eq!(server.send("UTF8\r\n"), WRONG_STATE);
    }
}

#[test]
fn utf8_takes_no_argument() {
    // R-6856-01
    assert_eq!(server(&Store::example(), names()).send("UTF8 USER\r\n"), "-ERR too many arguments\r\n");
}

#[test]
fn utf8_is_refused_where_it_is_not_offered() {
    // R-6856-01
    let mut server = server(&Store::example(), Config::new());
    assert_eq!(server.send("UTF8\r\n"), UNAVAILABLE);
    assert_eq!(server.send(LOGIN), LOGGED_IN);
    assert_eq!(server.send("UTF8\r\n"), WRONG_STATE);
}

#[test]
fn utf8_where_it_is_not_offered_counts_as_a_bad_command_and_elsewhere_as_a_good_one() {
    // R-GEN-06, R-6856-01
    let mut refused = Server::with(&Store::example(), Config::new(), Security::Tls);
    refused.send("UTF8\r\n".repeat(10));
    assert_eq!(refused.closed, Some(CloseReason::TooManyBadCommands));
    let mut served = Server::with(&Store::example(), messages(), Security::Tls);
    served.send("X\r\nX\r\nUTF8\r\n".repeat(3));
    assert_eq!(served.closed, None);
}

#[test]
fn the_name_of_user_is_forgotten_at_utf8() {
    // R-1939-15
    let store = Store::example();
    let output = server(&store, messages()).send("USER mrose\r\nUTF8\r\nPASS tanstaaf\r\n");
    assert_eq!(output, format!("+OK send PASS\r\n{UTF8}-ERR send USER first\r\n"));
    assert_eq!(store.calls(), []);
}

#[test]
fn there_is_no_stls_after_utf8() {
    // R-6856-02
    let store = Store::example();
    let mut server = server(&store, messages().stls(true));
    assert!(server.send("CAPA\r\n").contains("\r\nSTLS\r\n"));
    server.send("UTF8\r\n");
    let capabilities = server.send("CAPA\r\n");
    assert!(capabilities.contains("\r\nUTF8\r\n") && !capabilities.contains("STLS"), "{capabilities}");
    assert_eq!(server.send("STLS\r\n"), UNAVAILABLE);
    assert_eq!(server.send(format!("STLS\r\n{LOGIN}")), format!("{UNAVAILABLE}{LOGGED_IN}"));
    assert!(!store.calls().iter().any(|call| matches!(call, Call::StartTls(_))), "{:?}", store.calls());
}

#[test]
fn utf8_may_be_said_after_stls() {
    // R-6856-02, R-2595-03
    let store = Store::example();
    store.need_utf8.set(2);
    let mut server = server(&store, messages().stls(true));
    server.send("STLS\r\n");
    assert_eq!(server.send("UTF8\r\n"), UTF8);
    assert_eq!(server.send(LOGIN), LOGGED_IN);
    assert_eq!(server.send("LIST 1\r\n"), "+OK 1 120\r\n");
}

#[test]
fn credentials_that_are_not_utf8_never_reach_the_host_where_utf8_user_is_announced() {
    // R-6856-05
    for text in [b"\xff".as_slice(), b"\xc3", b"a\xc3(b", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"] {
        for before in ["", "UTF8\r\n"] {
            for (way, lines) in logins(text) {
                let store = Store::example();
                let mut server = server(&store, names());
                server.send(before);
                let output = server.send(lines);
                assert!(output.contains(NOT_UTF8), "{way}: {output}");
                assert_eq!(store.calls(), [], "{way}");
                assert_eq!(server.session.deviations().count_of(Deviation::EightBitCredentials), 0, "{way}");
            }
        }
    }
}

#[test]
fn credentials_in_utf8_reach_the_host_unchanged() {
    // R-6856-05, R-1939-16, R-1939-17
    let text = "gr\u{fc}\u{df} \u{20ac}\u{1f511}";
    for config in [names(), messages(), Config::new()] {
        for (way, lines) in logins(text.as_bytes()) {
            let store = Store::example();
            let output = server(&store, config.clone()).send(lines);
            assert!(output.ends_with("-ERR [AUTH] wrong name or password\r\n"), "{way}: {output}");
            let password = |name: &str, password: &str| vec![Call::Password(name.into(), password.into())];
            let expected = match way {
                "APOP" => vec![Call::Apop(text.into())],
                "PASS" | "PLAIN password" | "LOGIN password" => password("mrose", text),
                _ => password(text, "x"),
            };
            assert_eq!(store.calls(), expected, "{way}");
        }
    }
}

#[test]
fn octets_beyond_ascii_have_no_meaning_where_utf8_user_is_not_announced() {
    // R-6856-06
    for config in [messages(), Config::new()] {
        for (way, lines) in logins(b"a\xff\xc3") {
            let store = Store::example();
            let output = server(&store, config.clone()).send(lines);
            assert!(output.ends_with("-ERR [AUTH] wrong name or password\r\n"), "{way}: {output}");
            assert_eq!(store.calls().len(), 1, "{way}");
        }
    }
}

#[test]
fn utf8_in_commands_is_a_deviation_unless_utf8_user_is_announced() {
    // R-6856-05, R-6856-06, R-GEN-11
    let lines = || logins("m\u{fc}ller".as_bytes()).into_iter().take(3);
    for (config, count) in [(names(), 0), (messages(), 1), (Config::new(), 1)] {
        for (way, lines) in lines() {
            let mut accepting = server(&Store::example(), config.clone());
            accepting.send("UTF8\r\n");
            accepting.send(&lines);
            assert_eq!(accepting.session.deviations().count_of(Deviation::EightBitCredentials), count, "{way}");
            let store = Store::example();
            server(&store, config.clone().accepted(DeviationSet::DEFAULT.without(Deviation::EightBitCredentials)))
                .send(&lines);
            assert_eq!(store.calls().len(), usize::from(count == 0), "{way}");
        }
    }
}

#[test]
fn the_name_of_user_is_forgotten_at_a_password_that_is_not_utf8() {
    // R-1939-15, R-6856-05
    let store = Store::example();
    let mut server = server(&store, names());
    server.send(b"USER mrose\r\nPASS \xff\r\n");
    assert_eq!(server.send("PASS tanstaaf\r\n"), "-ERR send USER first\r\n");
    assert_eq!(server.send(LOGIN), LOGGED_IN, "and the next attempt is as good as the first");
}

#[test]
fn a_message_for_utf8_mode_is_refused_outside_of_it() {
    // R-6856-03
    let store = Store::example();
    store.need_utf8.set(1);
    for config in [Config::new(), messages(), names()] {
        let mut server = server(&store, config.last(true));
        assert_eq!(server.send(LOGIN), LOGGED_IN);
        for line in ["LIST 1", "RETR 1", "TOP 1 0", "TOP 1 99"] {
            assert_eq!(server.send(format!("{line}\r\n")), NEEDS_UTF8, "{line}");
        }
        assert_eq!(server.send("LIST 2\r\nLAST\r\n"), "+OK 2 200\r\n+OK 0\r\n", "and it isn't accessed");
        assert!(server.send("RETR 2\r\n").starts_with("+OK message follows\r\n"));
        server.send("QUIT\r\n");
    }
    let retrieved = store.calls().into_iter().filter(|call| matches!(call, Call::Retrieve(_) | Call::Top(..)));
    assert_eq!(retrieved.collect::<Vec<_>>(), vec![Call::Retrieve(2); 3], "the host isn't asked for it");
}

#[test]
fn a_refused_message_is_counted_listed_and_deleted_like_any_other() {
    // R-6856-03
    let store = Store::example();
    store.need_utf8.set(1);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 120\r\n2 200\r\n.\r\n");
    assert_eq!(server.send("UIDL\r\n"), "+OK unique-id listing follows\r\n1 uid-1\r\n2 uid-2\r\n.\r\n");
    assert_eq!(server.send("UIDL 1\r\n"), "+OK 1 uid-1\r\n");
    assert_eq!(server.send("DELE 1\r\n"), "+OK message marked as deleted\r\n");
    assert_eq!(server.send("RETR 1\r\nLIST 1\r\n"), "-ERR message is marked as deleted\r\n".repeat(2));
    server.send("QUIT\r\n");
    assert_eq!(store.removed(), [1]);
}

#[test]
fn a_refused_message_does_not_count_as_retrieved_nor_as_a_bad_command() {
    // R-6856-03, R-1939-35, R-GEN-06
    let store = Store::example();
    store.need_utf8.set(1);
    let config = messages().remove_retrieved(true).bad_commands(3, 2).unwrap();
    let mut server = Server::with(&store, config, Security::Tls);
    assert_eq!(server.send(LOGIN), format!("{GREETING}{LOGGED_IN}"));
    assert_eq!(server.send("RETR 1\r\n".repeat(5)), NEEDS_UTF8.repeat(5));
    assert_eq!(server.closed, None);
    server.send("QUIT\r\n");
    assert_eq!(store.removed(), []);
}

#[test]
fn in_utf8_mode_a_message_is_sent_as_it_is_and_its_size_is_exact() {
    // R-6856-03, R-6856-04
    let stored = "Subject: gr\u{fc}\u{df}e\n\n.\u{20ac}\r\n\u{1f4ec}\0";
    let store = Store::new([stored]);
    store.need_utf8.set(1);
    let octets = normalise(stored.as_bytes());
    for config in [messages(), names()] {
        let mut server = server(&store, config);
        server.send("UTF8\r\n");
        assert_eq!(server.send(LOGIN), LOGGED_IN);
        assert_eq!(server.send("LIST 1\r\n"), format!("+OK 1 {}\r\n", octets.len()));
        let mut expected = b"+OK message follows\r\n".to_vec();
        expected.extend(crate::common::stuff(&octets));
        assert_eq!(server.receive("RETR 1\r\n"), expected);
        assert_eq!(server.receive("TOP 1 99\r\n"), expected);
        server.send("QUIT\r\n");
    }
}

/// What the first token for a login says of the mode.
fn mode_at_login(config: Config, mut input: &[u8]) -> bool {
    let mut session: Session<TestDrop> = Session::new(config.into(), Security::Tls);
    for _ in 0..99 {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
            Action::Io(Io::Read(mut read)) => {
                let octets = read.space().len().min(input.len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Login(login) => return login.is_utf8_mode(),
            Action::Authenticate(step) => return step.is_utf8_mode(),
            other => panic!("{other:?}"),
        }
    }
    panic!("the host isn't asked");
}

#[test]
fn the_host_learns_at_login_whether_the_client_is_in_utf8_mode() {
    // R-6856-03
    let config = || names().mechanism(Mechanism::CRAM_MD5).unwrap();
    for login in [LOGIN, "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", "AUTH CRAM-MD5\r\n"] {
        assert!(!mode_at_login(config(), login.as_bytes()), "{login}");
        assert!(!mode_at_login(config(), format!("USER m\u{fc}\r\n{login}").as_bytes()), "{login}");
        assert!(mode_at_login(config(), format!("UTF8\r\n{login}").as_bytes()), "{login}");
        assert!(mode_at_login(config(), format!("UTF8\r\nAUTH PLAIN\r\n*\r\n{login}").as_bytes()), "{login}");
    }
    assert!(!mode_at_login(Config::new(), format!("UTF8\r\n{LOGIN}").as_bytes()), "it was refused");
}
