//! What both sessions show of a conversation: each command and each response once, whole, and no secret (R-GEN-07).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::Plain;
use pop3_proto::client::{self, MessageNumber, Name, Password};
use pop3_proto::server::{Action, ClientIdentity, Config, Rejection, Removal, Session};
use pop3_proto::wire::{Command, Digest, Mechanism, ResponseCode, Timestamp, Verb};
use pop3_proto::{Io, Security, Totals, Trace};

use crate::common::{Store, TIMESTAMP, TestDrop};

/// Lines as they are shown, each after `C: ` or `S: `.
type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log) -> impl FnMut(Trace<'_>) + Send + 'static {
    let log = Arc::clone(log);
    move |line| {
        let side = if line.is_from_client() { "C" } else { "S" };
        log.lock().unwrap().push(format!("{side}: {line}"));
    }
}

fn session(config: Config) -> (Session<TestDrop>, Log) {
    let log = Log::default();
    let config = crate::common::patient(config).mechanism(Mechanism::CRAM_MD5).unwrap();
    let session = Session::new(Arc::new(config), Security::TrustedLocal);
    (session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()).with_trace(note(&log)), log)
}

/// Drives a session through `input`, so many octets at a time, and drops so many tokens before one is answered. Who
/// says `tanstaaf` is let in. Returns what was shown, what was written, and what was counted.
fn traced(
    (mut session, log): (Session<TestDrop>, Log),
    mut input: &[u8],
    reads: usize,
    drops: u32,
) -> (Vec<String>, String, Totals) {
    let store = Store::example();
    let (mut output, mut dropped) = (Vec::new(), 0);
    loop {
        let action = session.poll(Duration::ZERO);
        let is_over =
            matches!(action, Action::Close(_)) || (input.is_empty() && matches!(action, Action::Io(Io::Read(_))));
        if is_over {
            return (log.lock().unwrap().clone(), String::from_utf8(output).unwrap(), session.totals());
        }
        if dropped < drops {
            dropped += 1;
            continue;
        }
        dropped = 0;
        match action {
            Action::Io(Io::Read(mut read)) => {
                let octets = reads.min(input.len()).min(read.space().len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining().min(reads);
                output.extend_from_slice(&write.copy_to_bytes(octets));
            }
            Action::Login(login) if login.credentials().verify(Some("tanstaaf")).is_ok() => {
                login.accept(TestDrop::new(&store)).unwrap();
            }
            Action::Login(login) if login.credentials().name() == b"banned" => {
                login.reject_with_code(ResponseCode::new("X/BANNED").unwrap());
            }
            Action::Login(login) if login.credentials().name() == b"early" => {
                login.reject(Rejection::LoginDelay { seconds: Some(7) });
            }
            Action::Login(login) => login.reject(Rejection::BadCredentials),
            Action::Authenticate(step) if step.response().is_none() => step.challenge(TIMESTAMP.as_bytes()).unwrap(),
            Action::Authenticate(step) => step.reject(Rejection::BadCredentials),
            Action::StartTls(start) => start.established(ClientIdentity::Unknown),
            Action::Retrieve(retrieve) => retrieve.send("a\n.\n..b"),
            Action::Update(update) => update.finish(Removal::All),
            other => panic!("{other:?}"),
        }
    }
}

fn shown(lines: &str) -> Vec<String> {
    traced(session(Config::new()), lines.as_bytes(), usize::MAX, 0).0
}

/// What is shown of the client's lines after the greeting.
fn commands(lines: &str) -> Vec<String> {
    shown(lines).into_iter().filter(|line| line.starts_with("C: ")).collect()
}

#[test]
fn each_command_and_each_response_is_shown_once_and_in_order() {
    let lines = "CAPA\r\nUSER mrose\r\nPASS tanstaaf\r\nSTAT\r\nLIST\r\nLIST 1\r\nRETR 1\r\nTOP 1 0\r\nUIDL 2\r\nDELE 1\r\nRSET\r\n\
        hunter2\r\n\r\nQUIT\r\n";
    let expected = [
        "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>",
        "C: CAPA",
        "S: +OK capability list follows",
        "C: USER mrose",
        "S: +OK send PASS",
        "C: PASS ...",
        "S: +OK maildrop locked and ready",
        "C: STAT",
        "S: +OK 2 320",
        "C: LIST",
        "S: +OK scan listing follows",
        "C: LIST 1",
        "S: +OK 1 120",
        "C: RETR 1",
        "S: +OK message follows",
        "C: TOP 1 0",
        "S: +OK message follows",
        "C: UIDL 2",
        "S: +OK 2 uid-2",
        "C: DELE 1",
        "S: +OK message marked as deleted",
        "C: RSET",
        "S: +OK no message is marked as deleted",
        "C: ...",
        "S: -ERR unknown command",
        "C: ",
        "S: -ERR unknown command",
        "C: QUIT",
        "S: +OK bye",
    ];
    assert_eq!(shown(lines), expected);
}

#[test]
fn a_refusal_is_shown_with_its_code() {
    let lines = "USER banned\r\nPASS x\r\nUSER early\r\nPASS x\r\nUSER mrose\r\nPASS x\r\n";
    let (shown, output, _) = traced(session(Config::new()), lines.as_bytes(), usize::MAX, 0);
    let refusals: Vec<_> =
        shown.iter().filter_map(|line| line.strip_prefix("S: ")).filter(|line| line.starts_with("-ERR")).collect();
    assert!(
        refusals[0].starts_with("-ERR [X/BANNED] ") && refusals[1].starts_with("-ERR [LOGIN-DELAY] "),
        "{refusals:?}"
    );
    assert_eq!(refusals[2], "-ERR [AUTH] wrong name or password");
    let written: Vec<_> = output.lines().filter(|line| line.starts_with("-ERR")).collect();
    assert_eq!(refusals, written);
}

#[test]
fn a_line_tells_what_it_belongs_to() {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let log = Arc::clone(&seen);
    let (session, unused) = session(Config::new());
    let session = session.with_trace(move |line| {
        log.lock().unwrap().push(match line {
            Trace::Command { verb, .. } | Trace::Response { verb, .. } => verb,
            _ => Some(Verb::Auth),
        });
    });
    traced(
        (session, unused),
        b"NOOP\r\nhunter2\r\nAUTH CRAM-MD5\r\n*\r\nUSER mrose\r\nPASS tanstaaf\r\nSTAT\r\n",
        usize::MAX,
        0,
    );
    let (noop, auth, user, pass, stat) = (Verb::Noop, Verb::Auth, Verb::User, Verb::Pass, Verb::Stat);
    let pair = |verb| [Some(verb); 2];
    let expected =
        [&[None][..], &pair(noop), &[None; 2], &pair(auth), &pair(auth), &pair(user), &pair(pass), &pair(stat)];
    assert_eq!(*seen.lock().unwrap(), expected.concat());
}

#[test]
fn of_pass_and_apop_only_what_is_no_secret_is_shown() {
    for login in ["", crate::common::LOGIN] {
        let shown = |line: &str| commands(&format!("{login}{line}\r\n")).pop().unwrap();
        assert_eq!(shown("PASS hunter2"), "C: PASS ...");
        assert_eq!(shown("pass  two  "), "C: pass ...");
        assert_eq!(shown("APOP mrose x"), "C: ...");
        assert_eq!(shown("APOP m rose c4c9334bac560ecc979e58001b3e22fb"), "C: APOP m rose ...");
    }
}

#[test]
fn of_auth_the_mechanism_is_shown_and_the_response_is_not() {
    for login in ["", crate::common::LOGIN] {
        for (line, expected) in [
            ("AUTH PLAIN AG1yb3NlAHdyb25n", "C: AUTH PLAIN ..."),
            ("auth  gssapi  =", "C: auth  gssapi  ..."),
            ("AUTH AGJvYgBodW50ZXIy", "C: AUTH ..."),
            ("AUTH hunter2 =", "C: AUTH ..."),
            ("AUTH CRAM-MD5 !!!", "C: AUTH CRAM-MD5 ..."),
            ("AUTH PLAIN AG1yb3NlAHdyb25n  ", "C: AUTH PLAIN ..."),
            ("AUTH", "C: AUTH"),
            ("AUTH GSSAPI", "C: AUTH GSSAPI"),
        ] {
            assert_eq!(commands(&format!("{login}{line}\r\n")).pop().unwrap(), expected, "{line:?}");
        }
    }
}

#[test]
fn nothing_of_an_exchange_is_shown() {
    for line in ["AG1yb3NlAHdyb25n", "*", "=", "not base64", "QUIT", "\0", "PASS x", "USER x", ""] {
        for auth in ["AUTH PLAIN", "AUTH CRAM-MD5"] {
            let shown = shown(&format!("{auth}\r\n{line}\r\nCAPA\r\n"));
            assert_eq!(shown[1..4], [format!("C: {auth}"), "S: + ...".into(), "C: ...".into()], "{line:?}");
            assert!(shown[4].starts_with("S: -ERR"), "{shown:?}");
        }
    }
}

#[test]
fn a_line_that_is_no_command_may_be_a_secret() {
    let lines = [
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
    ];
    for line in lines {
        for login in ["", crate::common::LOGIN] {
            assert_eq!(commands(&format!("{login}{line}\r\n")).pop().unwrap(), "C: ...", "{line:?}");
        }
    }
}

#[test]
fn what_is_shown_is_one_line_of_visible_ascii() {
    assert_eq!(commands("USER m\u{fc}\x1b[2J\r\n"), ["C: ..."], "a name with a control octet is no command");
    assert_eq!(commands("USER m\u{fc}\r\n"), ["C: USER m\\xc3\\xbc"]);
}

/// Lines of all kinds, logged in at the end.
const SCRIPT: &str = "CAPA\r\nPASS x\r\nUSER mrose\r\nhunter2\r\nAUTH PLAIN\r\nYQ==\r\nAUTH CRAM-MD5\r\n*\nAUTH PLAIN YQ==\r\n\
    AUTH CRAM-MD5\r\nbXJvc2UgYQ==\r\nAUTH PLAIN AG1yb3NlAHdyb25n\r\nAUTH\r\n\r\nUSER mrose\r\nPASS tanstaaf\r\nSTAT\r\n\
    RETR 1\r\nPASS x\r\nAUTH PLAIN YQ==\r\nhunter2\r\nDELE 2\r\nQUIT\r\n";

#[test]
fn the_same_is_shown_and_counted_however_octets_go_and_however_often_tokens_are_dropped() {
    // R-GEN-01
    let long = format!("AUTH PLAIN {}\r\nAUTH PLAIN\r\n{}\r\n", "A".repeat(9_000), "A".repeat(5_000));
    let script = long + SCRIPT;
    let whole = traced(session(Config::new()), script.as_bytes(), usize::MAX, 0);
    let lines = |side: &str| whole.0.iter().filter(|line| line.starts_with(side)).count();
    assert_eq!(lines("C: "), script.lines().count());
    assert_eq!(lines("S: "), lines("C: ") + 1, "the greeting too, {:#?}", whole.0);
    for reads in [1, 2, 3, 7, 100, 2_049] {
        for drops in [0, 1, 3] {
            let cut = traced(session(Config::new()), script.as_bytes(), reads, drops);
            assert_eq!(cut, whole, "{reads} and {drops}");
        }
    }
}

#[test]
fn a_trace_changes_nothing() {
    let commands = "CAPA\r\nPASS x\r\nAUTH PLAIN AG1yb3NlAHdyb25n\r\nAUTH PLAIN\r\n*\r\nAUTH\r\nQUIT\r\n";
    let config = crate::common::patient(Config::new()).mechanism(Mechanism::CRAM_MD5).unwrap();
    let untraced = Session::with_exchange(Arc::new(config), Security::TrustedLocal);
    let untraced = untraced.with_timestamp(Timestamp::new(TIMESTAMP).unwrap());
    let mut server = crate::common::Server::of(&Store::example(), untraced);
    assert_eq!(server.send(commands), traced(session(Config::new()), commands.as_bytes(), 9, 1).1);
}

#[test]
fn a_line_that_is_too_long_is_shown_once_and_nothing_of_it() {
    // R-2449-05, R-5034-06
    let (pass, response) = (format!("PASS {}", "x".repeat(3_000)), "A".repeat(20_000));
    for (before, line) in [("CAPA", &pass), ("AUTH PLAIN", &response)] {
        for reads in [1, 1_000, usize::MAX] {
            let lines = format!("{before}\r\n{line}\r\nNOOP\r\n");
            let config = Config::new().sasl_line_limit(12_288).unwrap();
            let (shown, ..) = traced(session(config), lines.as_bytes(), reads, 1);
            let commands: Vec<_> = shown.iter().filter(|line| line.starts_with("C: ")).collect();
            assert_eq!(commands, [&format!("C: {before}"), "C: ...", "C: NOOP"]);
        }
    }
}

#[test]
fn what_is_not_dealt_with_is_not_shown() {
    // R-2595-02, R-GEN-09
    assert_eq!(commands("CAPA\r\nPASS hun"), ["C: CAPA"], "half a line");
    assert_eq!(commands("QUIT\r\nPASS x\r\n"), ["C: QUIT"], "after the end");
    let stls = traced(session(Config::new().stls(true)), b"STLS\r\nCAPA\r\n", usize::MAX, 0).0;
    assert_eq!(stls[1..2], ["C: STLS"]);
    assert!(stls[2].starts_with("S: -ERR") && stls.len() == 3, "after STLS: {stls:?}");
}

#[test]
fn what_is_shown_and_counted_goes_on_after_stls() {
    let log = Log::default();
    let config = crate::common::patient(Config::new().stls(true));
    let session = Session::with_exchange(Arc::new(config), Security::TrustedLocal).with_trace(note(&log));
    let mut server = crate::common::Server::of(&Store::example(), session);
    server.send("USER a\r\nPASS b\r\nSTLS\r\n");
    let before = server.session.totals();
    assert_eq!(before.failed_logins, 1);
    server.send("CAPA\r\n");
    let (totals, log) = (server.session.totals(), log.lock().unwrap());
    assert_eq!((totals.failed_logins, totals.octets_read - before.octets_read), (1, 6));
    assert_eq!(log[log.len() - 2], "C: CAPA");
}

#[test]
fn a_server_counts_what_it_has_done() {
    let lines =
        format!("{}RETR 1\r\nRETR 2\r\nTOP 1 0\r\nRETR 9\r\nDELE 1\r\nDELE 1\r\nQUIT\r\n", crate::common::LOGIN);
    let (_, output, totals) = traced(session(Config::new()), lines.as_bytes(), usize::MAX, 0);
    assert_eq!((totals.retr, totals.top, totals.dele, totals.failed_logins), (2, 1, 1, 0));
    // "a", ".", "..b" with CRLF, twice; TOP has the first lines up to the empty one, and there is none.
    assert_eq!(totals.message_octets, 3 * 11);
    assert_eq!((totals.octets_read, totals.octets_written), (lines.len() as u64, output.len() as u64));
}

/// Runs a client against a server that sends the next of these whenever the client waits: what was shown and counted.
fn client(prepare: impl FnOnce(&mut client::Session), answers: &[&str]) -> (Vec<String>, Totals) {
    let log = Log::default();
    let config = Arc::new(client::Config::new());
    let mut session = client::Session::new(config, Security::TrustedLocal).with_trace(note(&log));
    prepare(&mut session);
    for answer in answers {
        let mut input = answer.as_bytes();
        loop {
            match session.poll(Duration::ZERO).unwrap() {
                client::Action::Io(Io::Read(_)) if input.is_empty() => break,
                client::Action::Io(Io::Read(mut read)) => {
                    let octets = input.len().min(read.space().len());
                    read.space()[..octets].copy_from_slice(&input[..octets]);
                    input = &input[octets..];
                    read.filled(octets);
                }
                client::Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
                client::Action::Body(body) => body.done(),
                client::Action::Challenge(challenge) => challenge.respond(b"aHVudGVyMg==".as_slice()),
                client::Action::Idle(_) | client::Action::Closed(_) => break,
                other => other.decline(),
            }
        }
    }
    let shown = log.lock().unwrap().clone();
    (shown, session.totals())
}

#[test]
fn a_client_shows_and_counts_the_same_from_its_side() {
    let message = MessageNumber::FIRST;
    let prepare = |session: &mut client::Session| {
        let (name, password) = (Name::new("mrose").unwrap(), Password::new("hunter2").unwrap());
        session.send(&Command::Apop { name, digest: Digest::from_hex(&[b'a'; 32]).unwrap() }).unwrap_err();
        session.authenticate_with(Mechanism::PLAIN, &Plain { authorization: None, name, password }).unwrap();
        session.send(&Command::User { name }).unwrap();
        session.send(&Command::Pass { password }).unwrap();
        for command in [
            Command::Retr { message },
            Command::Top { message, lines: 1 },
            Command::Dele { message },
            Command::Dele { message },
            Command::Quit,
        ] {
            session.send(&command).unwrap();
        }
    };
    let answers = [
        "+OK hello\r\n",
        "+ \r\n",
        "-ERR [AUTH] no\r\n",
        "+OK\r\n",
        "+OK welcome\r\n",
        "+OK\r\na\r\n..\r\n.\r\n",
        "+OK\r\nb\r\n.\r\n",
        "+OK\r\n",
        "-ERR gone\r\n",
        "+OK bye \x1b\r\n",
    ];
    let (shown, totals) = client(prepare, &answers);
    let expected = [
        "S: +OK hello",
        "C: AUTH PLAIN",
        "S: + ...",
        "C: ...",
        "S: -ERR [AUTH] ...",
        "C: USER mrose",
        "S: +OK",
        "C: PASS ...",
        "S: +OK ...",
        "C: RETR 1",
        "S: +OK",
        "C: TOP 1 1",
        "S: +OK",
        "C: DELE 1",
        "S: +OK",
        "C: DELE 1",
        "S: -ERR gone",
        "C: QUIT",
        "S: +OK bye \\x1b",
    ];
    assert_eq!(shown, expected);
    assert_eq!((totals.retr, totals.top, totals.dele, totals.failed_logins), (1, 1, 1, 1));
    assert_eq!(totals.message_octets, 6 + 3);
    assert_eq!(totals.octets_read, answers.concat().len() as u64);
    let written = "AUTH PLAIN\r\nAG1yb3NlAGh1bnRlcjI=\r\nUSER mrose\r\nPASS hunter2\r\nRETR 1\r\nTOP 1 1\r\nDELE 1\r\nDELE 1\r\nQUIT\r\n";
    assert_eq!(totals.octets_written, written.len() as u64);
}

#[test]
fn what_a_server_repeats_of_a_secret_is_not_shown() {
    let prepare = |session: &mut client::Session| {
        let (name, password) = (Name::new("mrose").unwrap(), Password::new("hunter2").unwrap());
        session.authenticate_with(Mechanism::PLAIN, &Plain { authorization: None, name, password }).unwrap();
        session.send(&Command::User { name }).unwrap();
        session.send(&Command::Pass { password }).unwrap();
    };
    let answers = [
        "+OK\r\n",
        "-ERR bad command: AUTH PLAIN AG1yb3NlAGh1bnRlcjI=\r\n",
        "+OK\r\n",
        "-ERR [PASS/hunter2] what is PASS hunter2?\r\n",
    ];
    let (shown, _) = client(prepare, &answers);
    for secret in ["hunter2", "aHVudGVy", "h1bnRlcjI"] {
        assert!(!shown.concat().contains(secret), "{shown:#?}");
    }
    assert_eq!(shown.iter().filter(|line| *line == "S: -ERR ...").count(), 2, "{shown:#?}");
}
