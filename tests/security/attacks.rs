//! What an attacker may try with lines, floods and time: each attempt meets an end that has a name, or is answered in
//! memory that it can't make grow, and no mail is ever removed.

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use bytes::Buf;
use pop3_proto::message::{MessageNumber, UniqueId};
use pop3_proto::server::{
    Action, Authenticate, Catalogue, CloseReason, Config, Login, Maildrop, Rejection, Residue, Session,
};
use pop3_proto::wire::{Mechanism, Opening, Properties, Timestamp};
use pop3_proto::{Io, Security};

use crate::common::{Call, LOGIN, Server, Store, TIMESTAMP};

const TOO_MANY_BAD: &str = "-ERR too many bad commands\r\n";
const LINE_TOO_LONG: &str = "-ERR line too long\r\n";

/// What a window of commands and a full output take, and the half-size output that it grows from.
const BUFFERS: u64 = 2_048 + 16_384 + 8_192;
/// What the longest line of an exchange takes, and the half-size window that it grows from.
const EXCHANGE: u64 = 65_536 + 32_768;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything on that has a place before login, and one mechanism that no RFC knows.
fn all() -> Config {
    let config = Config::new().stls(true).language(Catalogue::new("de", "Deutsch").unwrap()).unwrap();
    let config = config.mechanism(Mechanism::LOGIN).unwrap().mechanism(Mechanism::CRAM_MD5).unwrap();
    let properties = Properties { opening: Opening::Client, cleartext: false };
    config.mechanism_with(Mechanism::new("X-64").unwrap(), properties).unwrap()
}

fn server(config: Config) -> Server {
    let session = Session::with_exchange(config.into(), Security::TrustedLocal);
    let mut server = Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.send("");
    server
}

/// A maildrop that takes no memory.
struct Weightless;

impl Maildrop for Weightless {
    type Reader = ();

    fn count(&self) -> u32 {
        3
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(1)
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        UniqueId::new("a").ok()
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}

/// A client that says `text` over and over, `left` octets in all.
struct Flood {
    text: Vec<u8>,
    at: usize,
    left: usize,
}

impl Flood {
    fn of(text: &str, times: usize) -> Self {
        Self { text: text.as_bytes().to_vec(), at: 0, left: text.len() * times }
    }

    fn read(&mut self, space: &mut [u8]) -> usize {
        let octets = space.len().min(self.left).min(1_500);
        for place in &mut space[..octets] {
            *place = self.text[self.at];
            self.at = (self.at + 1) % self.text.len();
        }
        self.left -= octets;
        octets
    }
}

/// What came of a flood.
#[derive(Debug, Default)]
struct Outcome {
    read: usize,
    written: usize,
    /// How often the host was asked anything.
    asked: u32,
    closed: Option<CloseReason>,
}

/// Has a client flood a session, and take `take` octets at a time of what it writes. The host allocates nothing, lets
/// everybody in with the password `right`, and goes on with exchanges for ever.
fn flood(session: &mut Session<Weightless>, mut flood: Flood, take: usize) -> (Outcome, AllocationInfo) {
    let mut outcome = Outcome::default();
    let info = measure(|| {
        loop {
            match session.poll(Duration::ZERO) {
                Action::Io(Io::Read(read)) if flood.left == 0 => {
                    read.nothing_yet();
                    return;
                }
                Action::Io(Io::Read(mut read)) => {
                    let octets = flood.read(read.space());
                    outcome.read += octets;
                    read.filled(octets);
                }
                Action::Io(Io::Write(_)) if take == 0 => return,
                Action::Io(Io::Write(mut write)) => {
                    let octets = take.min(write.remaining());
                    outcome.written += octets;
                    write.advance(octets);
                }
                Action::Login(login) => {
                    outcome.asked += 1;
                    answer(login);
                }
                Action::Authenticate(step) => {
                    outcome.asked += 1;
                    go_on(step);
                }
                Action::Close(reason) => {
                    outcome.closed = Some(reason);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    });
    (outcome, info)
}

fn answer(login: Login<'_, Weightless>) {
    if login.credentials().verify(Some("right")).is_ok() {
        login.accept(Weightless).unwrap();
    } else {
        login.reject(Rejection::BadCredentials);
    }
}

fn go_on(step: Authenticate<'_, Weightless>) {
    step.challenge(b"again".as_slice()).unwrap();
}

fn weightless(config: Config) -> Session<Weightless> {
    Session::with_exchange(config.into(), Security::TrustedLocal)
}

fn weightless_logged_in() -> Session<Weightless> {
    let mut session = weightless(Config::new());
    let (outcome, _) = flood(&mut session, Flood::of("USER a\r\nPASS right\r\n", 1), usize::MAX);
    assert_eq!((outcome.asked, outcome.closed), (1, None));
    session
}

#[test]
fn commands_injected_after_stls_are_never_executed_however_packets_divide_them() {
    // R-2595-02
    let injected = format!("STLS\r\n{LOGIN}DELE 1\r\nQUIT\r\nAUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    for discard in [false, true] {
        for size in 1..=injected.len() {
            let mut server = server(all().discard_octets_after_stls(discard));
            // The host hands what is left to TLS, which can't make anything of it.
            server.store.tls.set(None);
            server.reads = size.into();
            let output = server.send(&injected);
            let after = &injected[6..6.max(6_usize.div_ceil(size) * size).min(injected.len())];
            let lines = u32::try_from(after.matches('\n').count()).unwrap();
            let octets = u32::try_from(after.rsplit('\n').next().map_or(0, str::len)).unwrap();
            let residue = Residue { lines, octets };
            if after.is_empty() || discard {
                assert_eq!(server.closed, Some(CloseReason::TlsFailed), "{size}");
                assert_eq!(server.store.calls(), [Call::StartTls(residue)], "{size}");
            } else {
                assert_eq!(server.closed, Some(CloseReason::ResidueAfterStls(residue)), "{size}");
                assert_eq!(server.store.calls(), [], "{size}");
            }
            assert_eq!(output.lines().count(), 1, "{output}");
        }
    }
}

#[test]
fn a_client_that_sends_an_octet_now_and_then_gains_no_time_before_login() {
    // R-1939-12, C5
    for begin in ["", "USER mrose\r\n", "AUTH X-64\r\n", "AUTH PLAIN ", "AUTH LOGIN\r\nbXJvc2U=\r\n"] {
        let mut server = server(all());
        server.send(begin);
        let calls = server.store.calls().len();
        while server.closed.is_none() {
            assert_eq!(server.deadline(), seconds(120), "{begin:?} at {:?}", server.now);
            server.now += seconds(1);
            assert_eq!(server.send("Q"), "");
        }
        assert_eq!((server.now, server.closed), (seconds(120), Some(CloseReason::LoginDeadline)), "{begin:?}");
        let after = server.store.calls().split_off(calls);
        assert!(after.iter().all(|call| *call == Call::ExchangeDropped), "{after:?}");
        let (outcome, info) = flood(&mut weightless(all()), Flood::of(&format!("{begin}Q"), 1), usize::MAX);
        assert_eq!(outcome.closed, None);
        assert!(info.bytes_max <= 2_048 + 2_048, "{begin:?}: {info:?}");
    }
}

#[test]
fn a_handshake_that_never_ends_gains_no_time() {
    // R-2595-03
    let mut server = server(all());
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..6].copy_from_slice(b"STLS\r\n");
    read.filled(6);
    let Action::Io(Io::Write(mut write)) = server.session.poll(server.now) else { panic!() };
    write.advance(write.remaining());
    for now in 0..120 {
        let Action::StartTls(start) = server.session.poll(seconds(now)) else { panic!() };
        assert_eq!(start.deadline(), Some(seconds(120)));
    }
    assert!(matches!(server.session.poll(seconds(120)), Action::Close(CloseReason::LoginDeadline)));
}

#[test]
fn an_endless_half_line_gains_no_time_after_login() {
    // R-1939-12, R-1939-29
    for octets in ["N", "NNNNNNNN", &"N".repeat(3_000)] {
        let mut server = server(all());
        server.send(format!("{LOGIN}DELE 1\r\n"));
        // The first may be known to be too long, and what is known is answered.
        server.send(octets);
        server.now += seconds(50);
        let deadline = server.deadline();
        while server.closed.is_none() {
            assert_eq!(server.deadline(), deadline);
            server.now += seconds(50);
            server.send(octets);
        }
        assert_eq!(server.closed, Some(CloseReason::Autologout));
        assert_eq!((server.store.updates(), server.store.locked.get()), (0, false));
    }
}

#[test]
fn a_million_commands_ahead_before_login_end_at_the_limit() {
    // R-GEN-04, R-GEN-06
    for (command, good) in [
        ("CAPA\r\n", true),
        ("LANG\r\n", true),
        ("LANG de\r\n", true),
        ("AUTH\r\n", true),
        ("USER a\r\n", true),
        ("AUTH X-64\r\n*\r\n", true),
        ("AUTH PLAIN\r\n*\r\n", true),
        ("STAT\r\n", false),
        // It isn't bad, but no line is free.
        ("\n", true),
    ] {
        for take in [1, 7, usize::MAX] {
            let (outcome, info) = flood(&mut weightless(all()), Flood::of(command, 1_000_000), take);
            let reason = if good { CloseReason::TooManyCommandsBeforeLogin } else { CloseReason::TooManyBadCommands };
            assert_eq!((outcome.closed, outcome.asked), (Some(reason), 0), "{command:?}");
            assert!(outcome.read <= 51 * command.len() + 2_048, "{command:?}: {outcome:?}");
            assert!(outcome.written <= 51 * 300, "{command:?}: {outcome:?}");
            assert!(info.bytes_max <= BUFFERS + 16, "{command:?}: {info:?}");
        }
    }
}

#[test]
fn a_million_commands_ahead_after_login_are_answered_in_constant_memory_to_a_reader_that_takes_little() {
    // R-GEN-04, R-2449-16
    for (command, replies) in
        [("NOOP\r\n", 5), ("STAT\r\n", 9), ("LIST\r\n", 44), ("DELE 1\r\nRSET\r\n", 68), ("NOPE\r\nNOOP\r\n", 27)]
    {
        let times = 1_000_000 / command.matches('\n').count();
        let (outcome, info) = flood(&mut weightless_logged_in(), Flood::of(command, times), 100);
        assert_eq!((outcome.closed, outcome.asked), (None, 0));
        assert!(outcome.written >= replies * times, "{command:?}: {outcome:?}");
        assert!(info.bytes_max <= BUFFERS + 8, "{command:?}: {info:?}");
    }
}

#[test]
fn an_endless_line_before_login_is_answered_once_and_takes_no_memory_in_the_end() {
    // R-2449-05, R-5034-06, R-GEN-04
    let window = 512 + 2_048 + 1_024;
    let exchange = EXCHANGE + 1_024;
    for (begin, most, replies) in [
        ("", window, ""),
        ("USER ", window, ""),
        // Too long before it is known to begin an exchange.
        (" AUTH X-64 ", window, ""),
        ("AUTH X-64 ", exchange, ""),
        ("AUTH X-64\r\n", exchange, "+ \r\n"),
        ("AUTH PLAIN\r\n", exchange, "+ \r\n"),
        ("AUTH LOGIN\r\n", exchange, "+ VXNlcm5hbWU6\r\n"),
    ] {
        let line = format!("{begin}{}", "A".repeat(1_000_000));
        let mut session = weightless(all());
        let (outcome, info) = flood(&mut session, Flood::of(&line, 1), usize::MAX);
        let answered = "+OK POP3 server ready\r\n".len() + replies.len() + LINE_TOO_LONG.len();
        assert_eq!((outcome.written, outcome.asked, outcome.closed), (answered, 0, None), "{begin:?}");
        assert!(info.bytes_max <= most && info.bytes_current <= 0, "{begin:?}: {info:?}");
        // What is after it is commands again, in a window for commands.
        let (_, info) = flood(&mut session, Flood::of("\r\nUSER mrose", 1), usize::MAX);
        assert!(info.bytes_max <= window && info.bytes_current <= 2_048, "{begin:?}: {info:?}");
        let mut server = server(all());
        assert_eq!(server.send(line), format!("{replies}{LINE_TOO_LONG}"), "{begin:?}");
        assert_eq!(server.send("\r\nAUTH\r\n").lines().count(), 6, "{begin:?}");
        assert_eq!(server.store.calls(), []);
    }
}

#[test]
fn an_exchange_without_an_end_takes_no_more_than_one_of_few_steps() {
    // R-GEN-04, R-5034-06
    let exchange = |steps| {
        let mut session = weightless(all());
        flood(&mut session, Flood::of("AUTH X-64\r\n", 1), usize::MAX);
        flood(&mut session, Flood::of("QUFB\r\n", steps), 10)
    };
    let (few, of_few) = exchange(10_000);
    let (many, of_many) = exchange(100_000);
    assert_eq!((few.asked, many.asked, many.closed), (10_000, 100_000, None));
    assert_eq!(of_many.bytes_max, of_few.bytes_max);
    assert!(of_many.bytes_max <= BUFFERS, "{of_many:?}");
}

#[test]
fn stls_over_and_over_begins_tls_once_at_the_most() {
    // R-2595-01, R-2595-02, R-GEN-06
    let mut flooded = server(all());
    let output = flooded.send("STLS\r\n".repeat(50));
    assert_eq!(output, "-ERR nothing may follow STLS before TLS\r\n");
    assert_eq!(flooded.closed, Some(CloseReason::ResidueAfterStls(Residue { lines: 49, octets: 0 })));
    for (config, line, begun) in [(Config::new(), "STLS\r\n", 0), (all(), "STLS 1\r\n", 0), (all(), "STLS\r\n", 1)] {
        let mut server = server(config);
        let mut output = String::new();
        for _ in 0..50 {
            output.push_str(&server.send(line));
        }
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
        assert!(output.ends_with(TOO_MANY_BAD) && output.lines().count() == 10 + begun, "{output}");
        assert_eq!(server.store.calls().len(), begun);
    }
}

#[test]
fn a_client_that_takes_nothing_is_read_from_no_more_and_cut_off_in_time() {
    // R-2449-16, R-GEN-05
    let deleted = format!("{LOGIN}DELE 1\r\n");
    for (begin, command, reason) in [
        ("", "CAPA\r\n", CloseReason::LoginDeadline),
        ("", "AUTH X-64\r\n*\r\n", CloseReason::LoginDeadline),
        (&deleted, "NOOP\r\n", CloseReason::Autologout),
        (&deleted, "LIST\r\n", CloseReason::Autologout),
    ] {
        let config = || crate::common::patient(all()).output_limit(1_024).unwrap();
        let mut server = server(config());
        server.send(begin);
        server.window = 0.into();
        server.run(command.repeat(1_000_000).as_bytes(), false);
        let most = server.deadline();
        for now in [server.now, most.saturating_sub(seconds(1))] {
            let read = server.session.totals().octets_read;
            let action = server.session.poll(now);
            let Action::Io(Io::Write(write)) = action else { panic!("{action:?}") };
            assert!(write.remaining() <= 1_024, "{write:?}");
            assert_eq!(server.session.totals().octets_read, read, "{command:?}");
        }
        server.now = most;
        assert_eq!(server.send(""), "");
        assert_eq!(server.closed, Some(reason), "{command:?}");
        assert_eq!((server.store.updates(), server.store.locked.get()), (0, false));
        let (outcome, info) = flood(&mut weightless(config()), Flood::of(command, 1_000_000), 0);
        assert!(outcome.read <= 2_048 && info.bytes_max <= 2_048 + 1_024, "{command:?}: {outcome:?} {info:?}");
    }
}
