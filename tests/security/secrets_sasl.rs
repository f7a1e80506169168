//! A secret that goes in by whatever path is seen by the host and by nobody else (R-GEN-07).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::apop;
use pop3_proto::auth::sasl::{CramMd5, OAuthBearer, Plain, XOAuth2, base64};
use pop3_proto::message::{MessageNumber, Removal, UniqueId};
use pop3_proto::server::{Action, ClientIdentity, Config, Maildrop, Rejection, Session};
use pop3_proto::wire::{Mechanism, Name, Opening, Properties, Timestamp};
use pop3_proto::{Io, Security};
use proptest::prelude::*;

use crate::common::TIMESTAMP;

/// A maildrop without messages.
#[derive(Debug)]
struct Empty;

impl Maildrop for Empty {
    type Reader = ();

    fn count(&self) -> u32 {
        0
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(0)
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        None
    }
}

/// What sessions let out: output, open spans, the `Debug` of everything, and what stands where the next octets are to
/// be read into.
struct Seen {
    traces: Vec<String>,
    texts: HashSet<String>,
    /// The first that holds a good part of the secret, as it is or in base64, in any case, or as numbers.
    leak: Option<String>,
    /// Whether there was anything at all where the next octets were to be read into.
    left_in_window: bool,
}

impl Seen {
    fn new(secret: &str) -> Self {
        Self { traces: traces(secret), texts: HashSet::new(), leak: None, left_in_window: false }
    }

    fn text(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.texts.contains(&text) {
            return;
        }
        let lower_case = text.to_lowercase();
        if self.traces.iter().any(|trace| memchr::memmem::find(lower_case.as_bytes(), trace.as_bytes()).is_some()) {
            self.leak.get_or_insert_with(|| text.clone());
        }
        self.texts.insert(text);
    }

    fn window(&mut self, space: &[u8]) {
        if space.iter().any(|octet| *octet != 0) {
            self.left_in_window = true;
            self.text(String::from_utf8_lossy(space));
        }
    }
}

/// What a secret would be known by: of 15 octets in a row one piece is among these.
fn traces(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    // In base64 it looks different at each of three places.
    for around in ["", "?", "??"] {
        let text = encoded(format!("{around}{secret}"));
        forms.push(text[4..text.len() - 4].to_owned());
    }
    let pieces = forms.iter().flat_map(|form| form.as_bytes().chunks_exact(8));
    let both = pieces.flat_map(|piece| [String::from_utf8_lossy(piece).to_lowercase(), numbers(&piece[..4])]);
    both.collect()
}

fn numbers(octets: &[u8]) -> String {
    let numbers: Vec<_> = octets.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

/// A session whose host remembers what the client has said last.
fn session(security: Security) -> Session<Empty, Vec<u8>> {
    let own = Properties { opening: Opening::Either, cleartext: false };
    let mut config = Config::new().stls(true).sasl_line_limit(12_288).unwrap().bad_commands(9, 9).unwrap();
    for mechanism in [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER] {
        config = config.mechanism(mechanism).unwrap();
    }
    config = config.mechanism_with(Mechanism::new("X-OWN").unwrap(), own).unwrap();
    Session::with_exchange(Arc::new(config), security).with_timestamp(Timestamp::new(TIMESTAMP).unwrap())
}

/// What a host does that logs all it can, and lets in who knows the secret by PASS, PLAIN or LOGIN.
fn answer(action: Action<'_, Empty, Vec<u8>>, secret: &str, seen: &mut Seen) {
    match action {
        Action::Io(Io::Write(mut write)) => {
            let octets = write.remaining();
            seen.text(String::from_utf8_lossy(&write.copy_to_bytes(octets)));
        }
        Action::Login(login) => {
            seen.text(format!("{:?}", login.credentials()));
            if login.credentials().verify(Some(secret)).is_ok() {
                login.accept(Empty).unwrap();
            } else {
                login.reject(Rejection::BadCredentials);
            }
        }
        Action::Authenticate(mut step) => {
            let mechanism = step.mechanism();
            let (exchange, response) = step.exchange_and_response();
            let response = response.unwrap_or_default();
            seen.text(match mechanism {
                Mechanism::XOAUTH2 => format!("{:?}", XOAuth2::parse(response)),
                Mechanism::OAUTHBEARER => format!("{:?}", OAuthBearer::parse(response)),
                Mechanism::CRAM_MD5 => format!("{:?}", CramMd5::parse(response)),
                _ => format!("{:?}", Plain::parse(response)),
            });
            match exchange.replace(response.to_vec()) {
                None => step.challenge(TIMESTAMP.as_bytes()).unwrap(),
                Some(_) => step.reject(Rejection::BadCredentials),
            }
        }
        Action::StartTls(start) => start.established(ClientIdentity::Unknown),
        Action::Update(update) => update.finish(Removal::All),
        other => panic!("{other:?}"),
    }
}

/// Drives a session through `input`, in so many pieces at least, and looks at everything.
fn watch(mut session: Session<Empty, Vec<u8>>, mut input: &[u8], pieces: usize, secret: &str, seen: &mut Seen) {
    let piece = input.len().div_ceil(pieces).max(1);
    let log = Arc::<Mutex<Vec<String>>>::default();
    let lines = Arc::clone(&log);
    session = session.with_trace(move |line| lines.lock().unwrap().extend([line.to_string(), format!("{line:?}")]));
    loop {
        seen.text(format!("{session:?}"));
        let action = session.poll(Duration::ZERO);
        for text in log.lock().unwrap().drain(..) {
            seen.text(text);
        }
        seen.text(format!("{action:?}"));
        match action {
            Action::Close(reason) => return seen.text(reason.to_string()),
            Action::Io(Io::Read(mut read)) => {
                let space = read.space();
                seen.window(space);
                if input.is_empty() {
                    return;
                }
                let octets = piece.min(input.len()).min(space.len());
                space[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            action => answer(action, secret, seen),
        }
    }
}

fn encoded(octets: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(octets.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

/// The messages of SASL that hold a secret, and who sends them.
fn messages(secret: &str) -> Vec<(&'static str, String)> {
    let long = "x".repeat(4_000);
    let mut messages = vec![
        ("PLAIN", format!("\0mrose\0{secret}")),
        ("PLAIN", format!("\0mrose\0{secret} or not")),
        ("PLAIN", format!("root\0mrose\0{secret}")),
        ("PLAIN", format!("mrose\0{secret}")),
        ("PLAIN", format!("\0mrose\0{secret}\0")),
        ("PLAIN", format!("\0mrose\0{secret}\r\nDELE 1")),
        ("PLAIN", format!("\0mrose\0{long}{secret}{long}")),
        ("PLAIN", format!("\0mrose\0{secret}{long}{long}{long}")),
        ("XOAUTH2", format!("user=mrose\x01auth=Bearer {secret}\x01\x01")),
        ("XOAUTH2", format!("user=mrose\x01auth=Bearer {secret}")),
        ("OAUTHBEARER", format!("n,a=mrose,\x01auth=Bearer {secret}\x01\x01")),
        ("OAUTHBEARER", format!("n,,\x01{secret}\x01\x01")),
        ("X-OWN", secret.to_owned()),
    ];
    for name in ["LOGIN bXJvc2U=", "LOGIN\r\nbXJvc2U="] {
        messages.extend(["", "\0", "\r\n", &long].map(|after| (name, format!("{secret}{after}"))));
    }
    messages.push(("CRAM-MD5", format!("mrose {secret}")));
    messages
}

/// Lines by which a secret goes in.
fn paths(secret: &str) -> Vec<String> {
    let mut paths: Vec<String> = [
        "USER mrose\r\nPASS #",
        "USER mrose\r\nPASS  # or not",
        "PASS #",
        "pass#",
        "PASW #",
        "PASS\t#",
        "#",
        "APOP mrose #",
        "APOP # #",
        "STAT #",
        "CAPA #",
        "AUTH #:#",
        "AUTH PLAIN = #",
        "AUTH PLAIN #",
        "AUTH PLAIN #!",
        "AUTH NTLM #",
        "AUTH CRAM-MD5 #",
        "AUTH PLAIN\r\n#",
        "AUTH PLAIN\r\nPASS #",
        "AUTH X-OWN\r\n#",
        "AUTH LOGIN bXJvc2U=\r\n#",
    ]
    .map(|path| path.replace('#', secret))
    .into();
    for (mechanism, message) in messages(secret) {
        let (raw, response) = (message.replace(['\0', '\r', '\n', '\x01'], "?"), encoded(&message));
        paths.push(format!("AUTH {mechanism} {response}"));
        paths.push(format!("AUTH {mechanism}\r\n{response}"));
        paths.push(format!("AUTH {mechanism}\r\n{raw}"));
        paths.push(response);
    }
    paths
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_secret_is_nowhere_whatever_way_it_comes_in(
        secret in "[a-zA-Z0-9]{24,30}",
        end in prop::sample::select(vec!["\r\n", "\n", "", " \r\n", "\0\r\n", "\r\r\n", "=\r\n", "!\r\n"]),
        after in prop::sample::select(vec!["", "NO", "*\r\n", "*\r\nNO", "\r\nNO", "CAPA\r\nNO", "YQ==\r\nAUTH P"]),
        pieces in prop::sample::select(vec![1_usize, 2, 9, 20]),
    ) {
        let mut seen = Seen::new(&secret);
        let login = format!("USER mrose\r\nPASS {secret}\r\n");
        for path in paths(&secret) {
            for before in ["", "CAPA\r\n", "STLS\r\n", &login] {
                let lines = format!("{before}{path}{end}{after}");
                watch(session(Security::TrustedLocal), lines.as_bytes(), pieces, &secret, &mut seen);
                prop_assert_eq!(&seen.leak, &None, "{:?}", lines);
            }
            let lines = format!("{path}{end}{after}");
            watch(session(Security::Cleartext), lines.as_bytes(), pieces, &secret, &mut seen);
            prop_assert_eq!(&seen.leak, &None, "in the clear: {:?}", lines);
        }
    }

    #[test]
    fn half_a_line_is_not_shown_either(secret in "[a-zA-Z0-9]{24,30}", cut in 0_usize..200, silent in any::<bool>()) {
        let mut seen = Seen::new(&secret);
        for path in paths(&secret) {
            let half = &path.as_bytes()[..path.len().saturating_sub(cut)];
            watch(session(Security::Tls), half, 5, &secret, &mut seen);
            // Then the stream ends, or the client falls silent.
            let mut session = session(Security::Tls);
            let (mut input, mut now) = (half, Duration::ZERO);
            loop {
                seen.text(format!("{session:?}"));
                match session.poll(now) {
                    Action::Close(reason) => break seen.text(reason.to_string()),
                    Action::Io(Io::Read(mut read)) => {
                        let octets = input.len().min(read.space().len());
                        read.space()[..octets].copy_from_slice(&input[..octets]);
                        input = &input[octets..];
                        if octets == 0 && silent {
                            now = Duration::from_secs(120);
                            continue;
                        }
                        read.filled(octets);
                    }
                    action => answer(action, &secret, &mut seen),
                }
            }
            seen.text(format!("{session:?}"));
            prop_assert_eq!(&seen.leak, &None, "{:?}", path);
        }
    }

    #[test]
    fn digests_are_as_secret_as_passwords(password in "[a-zA-Z0-9]{24}", pieces in 1_usize..20, good in any::<bool>()) {
        let timestamp = Timestamp::new(TIMESTAMP).unwrap();
        let digest = apop::digest(&timestamp, password.as_bytes());
        let apop = String::from_utf8(digest.to_hex().to_vec()).unwrap();
        let mut response = Vec::new();
        base64::encode(&CramMd5 { name: Name::new("mrose").unwrap(), digest }, &mut response);
        let response = String::from_utf8(response).unwrap();
        let known = if good { password.as_str() } else { "something else" };
        let mut seen = [Seen::new(&apop), Seen::new(&password)];
        for lines in [
            format!("APOP mrose {apop}\r\nNO"),
            format!("APOP mrose {apop}0\r\nNO"),
            format!("apop mrose {}\r\nNO", apop.to_uppercase()),
            format!("AUTH CRAM-MD5\r\n{response}\r\nNO"),
            format!("AUTH CRAM-MD5 {response}\r\nNO"),
            format!("AUTH CRAM-MD5\r\nmrose {apop}\r\nNO"),
        ] {
            for seen in &mut seen {
                watch(session(Security::Tls), lines.as_bytes(), pieces, known, seen);
                prop_assert_eq!(&seen.leak, &None, "{}", lines);
            }
        }
    }
}

#[test]
fn before_login_no_octet_of_a_line_outlasts_it() {
    // R-GEN-07
    let secret = "correct-horse-battery-staple";
    let mut seen = Seen::new(secret);
    for path in paths(secret) {
        for pieces in [1, 2, 50] {
            let lines = format!("CAPA\r\n{path}?\r\n*\r\nNO");
            watch(session(Security::TrustedLocal), lines.as_bytes(), pieces, "unknown", &mut seen);
            assert!(!seen.left_in_window, "{path:?} in {pieces}");
        }
    }
}

#[test]
fn the_tests_themselves_would_notice_a_leak() {
    let secret = "Tr0ub4dor3Tr0ub4dor3xyz123";
    for text in [
        format!("say {secret}!"),
        secret.to_uppercase(),
        encoded(secret),
        encoded(format!("\0mrose\0{secret}")),
        encoded(format!("user=mrose\x01auth=Bearer {secret}\x01\x01")),
        encoded(format!("mrose {secret}")),
        secret[5..20].to_owned(),
        format!("{:?}", secret.as_bytes()),
    ] {
        let mut seen = Seen::new(secret);
        seen.text(&text);
        assert_eq!(seen.leak, Some(text));
    }
    // A name is shown, by a token and by a span.
    for lines in [format!("USER mrose-{secret}\r\nPASS x\r\n"), format!("USER {secret}\r\n")] {
        let mut seen = Seen::new(secret);
        watch(session(Security::Tls), lines.as_bytes(), 5, "y", &mut seen);
        assert!(seen.leak.is_some(), "{lines:?}");
    }
    // What is left in the window is found.
    let mut session = session(Security::Tls);
    let mut seen = Seen::new(secret);
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => {
                read.space()[1..=secret.len()].copy_from_slice(secret.as_bytes());
                break read.filled(1);
            }
            action => answer(action, secret, &mut seen),
        }
    }
    watch(session, b"", 1, secret, &mut seen);
    assert!(seen.left_in_window && seen.leak.is_some());
}
