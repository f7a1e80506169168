//! What `Session::poll_tapped` shows of a client: everything once, and no secret in the open (R-GEN-07).

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::server::{Action, Config, Rejection, Session, Span};
use pop3_proto::wire::{Mechanism, Timestamp};
use pop3_proto::{Io, Security};

use crate::common::{Store, TIMESTAMP, TestDrop};

/// What is shown, in the open or not; what is of one kind in a row is put together.
type Shown = Vec<(bool, String)>;

fn open(text: &str) -> (bool, String) {
    (true, text.to_owned())
}

fn secret(text: &str) -> (bool, String) {
    (false, text.to_owned())
}

fn session<E>(config: Config) -> Session<TestDrop, E> {
    let config = crate::common::patient(config).mechanism(Mechanism::CRAM_MD5).unwrap();
    Session::with_exchange(Arc::new(config), Security::TrustedLocal).with_timestamp(Timestamp::new(TIMESTAMP).unwrap())
}

/// Drives a session through `input`, so many octets at a time, and drops so many tokens before one is answered. Who
/// says `tanstaaf` is let in. Returns what was shown and what was written.
fn tapped(mut session: Session<TestDrop>, mut input: &[u8], reads: usize, drops: u32) -> (Shown, String) {
    let store = Store::example();
    let (mut shown, mut output, mut dropped) = (Shown::new(), Vec::new(), 0);
    loop {
        let action = session.poll_tapped(Duration::ZERO, &mut |span| {
            let is_open = matches!(span, Span::Open(_));
            let (Span::Open(octets) | Span::Secret(octets)) = span;
            assert!(!octets.is_empty(), "a span of nothing");
            let text = String::from_utf8_lossy(octets);
            match shown.last_mut() {
                Some((same, last)) if *same == is_open => last.push_str(&text),
                _ => shown.push((is_open, text.into_owned())),
            }
        });
        if let Action::Close(_) = action {
            return (shown, String::from_utf8(output).unwrap());
        }
        if dropped < drops {
            dropped += 1;
            continue;
        }
        dropped = 0;
        match action {
            Action::Io(Io::Read(_)) if input.is_empty() => return (shown, String::from_utf8(output).unwrap()),
            Action::Io(Io::Read(mut read)) => {
                let octets = reads.min(input.len()).min(read.space().len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                output.extend_from_slice(&write.copy_to_bytes(octets));
            }
            Action::Login(login) if login.credentials().verify(b"tanstaaf") => {
                login.accept(TestDrop::new(&store)).unwrap();
            }
            Action::Login(login) => login.reject(Rejection::BadCredentials),
            Action::Authenticate(step) if step.response().is_none() => step.challenge(TIMESTAMP.as_bytes()).unwrap(),
            Action::Authenticate(step) => step.reject(Rejection::BadCredentials),
            Action::Retrieve(retrieve) => retrieve.send("text"),
            other => panic!("{other:?}"),
        }
    }
}

fn shown(lines: &str) -> Shown {
    tapped(session(Config::new()), lines.as_bytes(), usize::MAX, 0).0
}

#[test]
fn of_pass_and_apop_only_what_is_no_secret_is_open() {
    let digest = "c4c9334bac560ecc979e58001b3e22fb";
    for login in ["", crate::common::LOGIN] {
        let before = shown(login);
        let expect = |line: &str, mut spans: Shown| {
            let mut expected = before.clone();
            match expected.last_mut() {
                Some((true, last)) if spans[0].0 => last.push_str(&spans.remove(0).1),
                _ => {}
            }
            expected.extend(spans);
            assert_eq!(shown(&format!("{login}{line}")), expected, "{line:?}");
        };
        expect("PASS hunter2\r\n", vec![open("PASS "), secret("hunter2"), open("\r\n")]);
        expect("pass  two  \n", vec![open("pass "), secret(" two  "), open("\n")]);
        expect("APOP mrose x\r\n", vec![secret("APOP mrose x"), open("\r\n")]);
        let apop = format!("APOP m rose {digest}\r\n");
        expect(&apop, vec![open("APOP m rose "), secret(digest), open("\r\n")]);
    }
}

#[test]
fn of_auth_the_mechanism_is_open_and_the_response_is_not() {
    for login in ["", crate::common::LOGIN] {
        for (mechanism, response) in [
            ("AUTH PLAIN ", "AG1yb3NlAHdyb25n"),
            ("AUTH PLAIN ", "YQ=="),
            ("auth  nTLM  ", "="),
            ("AUTH CRAM-MD5 ", "!!!"),
            ("AUTH PLAIN ", "AG1yb3NlAHdyb25n  "),
        ] {
            let shown = shown(&format!("{login}{mechanism}{response}\r\n"));
            let [.., (true, front), (false, hidden), (true, line_end)] = &shown[..] else { panic!("{shown:?}") };
            assert!(front.ends_with(&format!("\r\n{mechanism}")) || front == mechanism, "{shown:?}");
            assert_eq!((hidden.as_str(), line_end.as_str()), (response, "\r\n"));
        }
    }
    assert_eq!(shown("AUTH\r\nauth \r\nAUTH X\r\n"), [open("AUTH\r\nauth \r\nAUTH X\r\n")]);
}

#[test]
fn every_line_of_an_exchange_is_secret_but_for_its_end() {
    for line in ["AG1yb3NlAHdyb25n", "*", "=", "not base64", "QUIT", "\0", "PASS x", "USER x"] {
        for (line_end, auth) in [("\r\n", "AUTH PLAIN\r\n"), ("\n", "AUTH CRAM-MD5\r\n")] {
            let shown = shown(&format!("{auth}{line}{line_end}CAPA\r\n"));
            assert_eq!(shown, [open(auth), secret(line), open(&format!("{line_end}CAPA\r\n"))]);
        }
    }
    assert_eq!(shown("AUTH PLAIN\r\n\r\nCAPA\r\n"), [open("AUTH PLAIN\r\n\r\nCAPA\r\n")], "nothing is no secret");
}

#[test]
fn a_line_that_is_no_command_may_be_a_secret() {
    for line in [
        "hunter2",
        "PASW hunter2",
        " PASS x",
        "PASS",
        "PASS x\0",
        "STAT x",
        "RETR x",
        "AUTH PLAIN a b",
        "AUTH PL!IN",
        "USER",
        "PASS\tx",
    ] {
        assert_eq!(shown(&format!("{line}\r\n")), [secret(line), open("\r\n")], "{line:?}");
        let logged_in = shown(&format!("{}{line}\r\n", crate::common::LOGIN));
        assert_eq!(logged_in[3..], [secret(line), open("\r\n")], "{line:?}");
    }
}

#[test]
fn other_commands_are_open_whether_or_not_they_have_a_place() {
    let lines = "CAPA\r\nUSER mrose\r\nSTAT\r\n\r\nNOOP\r\nretr 1 \nTOP 1 0\r\nQUIT\r\n";
    assert_eq!(shown(lines), [open(lines)]);
}

/// Lines of all kinds, logged in at the end.
const SCRIPT: &str = "CAPA\r\nPASS x\r\nUSER mrose\r\nhunter2\r\nAUTH PLAIN\r\nYQ==\r\nAUTH CRAM-MD5\r\n*\nAUTH PLAIN YQ==\r\n\
    AUTH CRAM-MD5\r\nbXJvc2UgYQ==\r\nAUTH PLAIN AG1yb3NlAHdyb25n\r\nAUTH\r\n\r\nUSER mrose\r\nPASS tanstaaf\r\nSTAT\r\n\
    RETR 1\r\nPASS x\r\nAUTH PLAIN YQ==\r\nhunter2\r\nNOOP\r\n";

#[test]
fn each_line_is_shown_once_however_it_comes_in_and_however_often_its_token_is_dropped() {
    // R-GEN-01
    let long = format!("AUTH PLAIN {}\r\nAUTH PLAIN\r\n{}\r\n", "A".repeat(9_000), "A".repeat(5_000));
    let script = long + SCRIPT;
    let whole = tapped(session(Config::new()), script.as_bytes(), usize::MAX, 0);
    assert_eq!(whole.0.iter().map(|(_, text)| text.as_str()).collect::<String>(), script);
    assert!(whole.1.ends_with("-ERR unknown command\r\n+OK\r\n"), "{}", whole.1);
    for reads in [1, 2, 3, 7, 100, 2_049] {
        for drops in [0, 1, 3] {
            let cut = tapped(session(Config::new()), script.as_bytes(), reads, drops);
            assert_eq!(cut, whole, "{reads} and {drops}");
        }
    }
}

#[test]
fn a_tap_changes_nothing() {
    let mut server = crate::common::Server::of(&Store::example(), session(Config::new()));
    let commands = "CAPA\r\nPASS x\r\nAUTH PLAIN AG1yb3NlAHdyb25n\r\nAUTH PLAIN\r\n*\r\nAUTH\r\nQUIT\r\n";
    assert_eq!(server.send(commands), tapped(session(Config::new()), commands.as_bytes(), 9, 1).1);
}

#[test]
fn of_a_line_that_is_too_long_the_front_is_shown_as_a_secret() {
    // R-2449-05, R-5034-06
    let pass = format!("PASS {}", "x".repeat(3_000));
    let response = "A".repeat(20_000);
    let config = || Config::new().sasl_line_limit(12_288).unwrap();
    for (before, line, limit) in [("CAPA\r\n", &pass, 2_048), ("AUTH PLAIN\r\n", &response, 12_288)] {
        for reads in [1, 1_000, usize::MAX] {
            let lines = format!("{before}{line}\r\nCAPA\r\n");
            let (shown, _) = tapped(session(config()), lines.as_bytes(), reads, 1);
            let [(true, first), (false, front), (true, last)] = &shown[..] else { panic!("{shown:?}") };
            assert_eq!((first.as_str(), last.as_str()), (before, "CAPA\r\n"));
            assert!(line.starts_with(front.as_str()) && front.len() >= limit, "{}", front.len());
        }
    }
}

#[test]
fn what_is_not_dealt_with_is_not_shown() {
    // R-2595-02, R-GEN-09
    assert_eq!(shown("CAPA\r\nPASS hun"), [open("CAPA\r\n")], "half a line");
    assert_eq!(shown("QUIT\r\nPASS x\r\n"), [open("QUIT\r\n")], "after the end");
    let stls = tapped(session(Config::new().stls(true)), b"STLS\r\nCAPA\r\n", usize::MAX, 0).0;
    assert_eq!(stls, [open("STLS\r\n")], "after STLS");
}

#[test]
fn the_debug_of_a_secret_span_does_not_show_it() {
    assert_eq!(format!("{:?}", Span::Secret(b"hunter2")), "Secret(..)");
    assert_eq!(format!("{:?}", Span::Open(b"CAPA\r\n")), "Open(\"CAPA\\r\\n\")");
}
