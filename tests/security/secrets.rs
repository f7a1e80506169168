//! A secret is seen by the host and by nobody else (R-GEN-07).

use std::io::Read as _;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Secret;
use pop3_proto::auth::apop;
use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{Action, Config, Session};
use pop3_proto::wire::{Command, Digest, InvalidCredential, Mechanism, Name, Password, Timestamp};
use pop3_proto::{Io, Security};
use proptest::prelude::*;

use crate::common::{Server, Store, TIMESTAMP, TestDrop};

/// Everything that a session shows while it reads `lines`: its output, its own and its tokens' `Debug`.
fn shown(server: &mut Server, mut lines: &[u8]) -> String {
    let mut shown = Vec::new();
    loop {
        shown.push(format!("{:?}", server.session));
        let action = server.session.poll(server.now);
        shown.push(format!("{action:?} {action:#?}"));
        match action {
            Action::Io(Io::Read(_)) if lines.is_empty() => return shown.join("\n"),
            Action::Io(Io::Read(mut read)) => {
                // A few octets at a time, so that half a secret stands in the window.
                let octets = lines.len().min(5);
                read.space()[..octets].copy_from_slice(&lines[..octets]);
                lines = &lines[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                shown.push(String::from_utf8_lossy(&write.copy_to_bytes(octets)).into_owned());
            }
            Action::Login(login) => {
                shown.push(format!("{:?}", login.credentials()));
                login.reject(pop3_proto::server::Rejection::BadCredentials);
            }
            Action::Close(_) => return shown.join("\n"),
            other => panic!("{other:?}"),
        }
    }
}

/// Whether `secret`, or a good part of it, stands in `text`, in any case, or as numbers.
fn leaks(text: &str, secret: &str) -> bool {
    let text: String = text.to_lowercase().split_whitespace().collect();
    let numbers = format!("{:?}", &secret.as_bytes()[..5]).replace(' ', "");
    text.contains(&secret.to_lowercase()[..8]) || text.contains(numbers.trim_matches(['[', ']']))
}

fn taint() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]{16,24}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_password_is_in_no_output_and_no_debug(secret in taint(), line in prop::sample::select(vec![
        "USER mrose\r\nPASS #\r\n", "USER mrose\r\nPASS  #\r\n", "PASS #\r\n", "PASW #\r\n", "pass#\r\n", "USER x\r\nPASS #\0\r\n",
        "#\r\n", "PASS\t#\r\n", "USER mrose\r\nPASS # #\r\nCAPA\r\n", "AUTH PLAIN #\r\n", "STAT #\r\n", "USER mrose\r\nPASS #",
    ])) {
        let mut server = Server::new(&Store::example());
        let shown = shown(&mut server, line.replace('#', &secret).as_bytes());
        prop_assert!(!leaks(&shown, &secret), "{}", shown);
    }

    #[test]
    fn an_apop_digest_is_in_no_output_and_no_debug(secret in taint(), cut in 30_usize..33) {
        let timestamp = Timestamp::new(TIMESTAMP).unwrap();
        let digest = String::from_utf8(apop::digest(&timestamp, secret.as_bytes()).to_hex().to_vec()).unwrap();
        let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
        let shown = shown(&mut server, format!("APOP mrose {}\r\n", &digest[..cut]).as_bytes());
        prop_assert!(!leaks(&shown, &digest) && !leaks(&shown, &secret), "{}", shown);
    }

    #[test]
    fn values_that_hold_a_secret_do_not_show_it(secret in taint()) {
        let digest = apop::digest(&Timestamp::new(TIMESTAMP).unwrap(), secret.as_bytes());
        let hex = String::from_utf8(digest.to_hex().to_vec()).unwrap();
        let pass = format!("PASS {secret}");
        let apop = format!("APOP mrose {hex}");
        let parsed = [Command::parse(pass.as_bytes()), Command::parse(apop.as_bytes())];
        let shown = format!("{:?} {:?} {digest:?} {parsed:?}", Secret::from(secret.as_str()), Password::new(&secret));
        prop_assert!(!leaks(&shown, &secret) && !leaks(&shown, &hex), "{}", shown);
    }

    #[test]
    fn errors_do_not_show_what_they_are_about(secret in taint()) {
        let lines = [format!("PASS {secret}\0"), format!("APOP mrose {secret}"), format!("RETR {secret}"), secret.clone()];
        let of_line = |line: &String| Command::parse(line.as_bytes()).map_err(|error| format!("{error} {error:?}")).unwrap_err();
        let mut shown: Vec<_> = lines.iter().map(of_line).collect();
        let bad = format!("{secret}\n");
        let errors: [InvalidCredential; 2] = [Name::new(&bad).unwrap_err(), Password::new(&bad).unwrap_err()];
        shown.push(format!("{errors:?} {} {:?}", errors[0], Digest::from_hex(secret.as_bytes())));
        prop_assert!(!leaks(&shown.join(" "), &secret), "{:?}", shown);
    }
}

#[test]
fn the_test_itself_would_notice_a_leak() {
    assert!(
        leaks("say Abcdefghijklmnop", "abcdefghijklmnop") && leaks("[97, 98, 99, 100, 101, 102]", "abcdefghijklmnop")
    );
    let mut server = Server::new(&Store::example());
    assert!(leaks(&shown(&mut server, b"USER visible-name\r\nPASS x\r\n"), "visible-name"));
}

/// Whether `secret` is still in the window that the next octets are read into.
fn remains<E>(session: &mut Session<TestDrop, E>, secret: &[u8]) -> bool {
    let Action::Io(Io::Read(mut read)) = session.poll(Duration::ZERO) else { panic!("no read") };
    read.space().windows(secret.len()).any(|octets| octets == secret)
}

#[test]
fn a_line_before_login_is_wiped_as_soon_as_it_is_dealt_with() {
    // R-GEN-07: the unfinished line after it keeps the window alive
    for line in
        ["USER a\r\nPASS hunter2\r\n", "PASS hunter2\r\n", "PASW hunter2\r\n", "APOP a hunter2\r\n", "hunter2\r\n"]
    {
        let mut server = Server::new(&Store::example());
        server.send(format!("{line}CA"));
        assert!(!remains(&mut server.session, b"hunter2"), "{line:?}");
        assert!(server.send("PA\r\n").starts_with("+OK"), "{line:?}");
    }
}

#[test]
fn the_line_that_logs_in_is_wiped_too() {
    // R-GEN-07
    let mut server = Server::new(&Store::example());
    server.send("USER mrose\r\nPASS tanstaaf\r\nNO");
    assert!(!remains(&mut server.session, b"tanstaaf"));
    let digest = "c4c9334bac560ecc979e58001b3e22fb";
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    server.send(format!("APOP mrose {digest}\r\nNO"));
    assert!(!remains(&mut server.session, digest.as_bytes()));
}

#[test]
fn a_password_that_comes_after_login_is_wiped_as_well() {
    // R-GEN-07: PASS holds a secret in whatever state it comes
    let mut server = Server::logged_in(&Store::example());
    server.send("PASS hunter2\r\nNO");
    assert!(!remains(&mut server.session, b"hunter2"));
}

#[test]
fn secrets_are_compared_whole() {
    // R-1939-32
    let secret = Secret::from("tanstaaf");
    assert!(secret.matches(b"tanstaaf") && secret.expose() == b"tanstaaf");
    for guess in ["", "tanstaa", "tanstaaf ", "Tanstaaf", "tanstaag"] {
        assert!(!secret.matches(guess.as_bytes()), "{guess:?}");
        assert!(guess.is_empty() || !Password::new(guess).unwrap().matches(b"tanstaaf"));
    }
    assert!(Password::new("a").unwrap() == Password::new("a").unwrap());
    assert!(Password::new("a").unwrap() != Password::new("b").unwrap());
}

/// Everything that a session and its tokens show of themselves, until the host is asked about these lines.
fn shown_until_asked(mut lines: &[u8]) -> Vec<String> {
    let config = Config::new().mechanism(Mechanism::LOGIN).unwrap().mechanism(Mechanism::OAUTHBEARER).unwrap();
    let mut session = Session::<TestDrop>::new(config.into(), Security::Tls);
    let mut shown = Vec::new();
    loop {
        shown.push(format!("{session:?} {session:#?}"));
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => {
                let octets = lines.read(read.space()).unwrap();
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
            action => {
                shown.push(format!("{action:?} {action:#?}"));
                drop(action);
                shown.push(format!("{session:?} {session:#?}"));
                return shown;
            }
        }
    }
}

/// Ways to log in with this password or token.
fn logins(password: &str) -> [String; 5] {
    let base64 = |octets: &str| {
        let mut text = Vec::new();
        base64::encode(octets.as_bytes(), &mut text);
        String::from_utf8(text).unwrap()
    };
    let plain = base64(&format!("\0mrose\0{password}"));
    [
        format!("USER mrose\r\nPASS {password}\r\n"),
        format!("AUTH PLAIN {plain}\r\n"),
        format!("AUTH PLAIN\r\n{plain}\r\n"),
        format!("AUTH LOGIN\r\nbXJvc2U=\r\n{}\r\n", base64(password)),
        format!("AUTH OAUTHBEARER {}\r\n", base64(&format!("n,a=mrose,\u{1}auth=Bearer {password}\u{1}\u{1}"))),
    ]
}

#[test]
fn no_debug_shows_how_long_a_password_is() {
    // R-GEN-07: a length is a good part of a short password
    let [short, long, longer] = ["x", "tanstaaf", &"y".repeat(100)].map(logins);
    for ((short, long), longer) in short.iter().zip(&long).zip(&longer) {
        let shown = shown_until_asked(short.as_bytes());
        assert!(shown.iter().any(|shown| shown.starts_with("Login") || shown.starts_with("Authenticate")), "{short}");
        assert_eq!(shown_until_asked(long.as_bytes()), shown, "{long}");
        assert_eq!(shown_until_asked(longer.as_bytes()), shown, "{longer}");
    }
}
