//! What `Config` promises about memory, measured with an allocator that counts (R-GEN-04).

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use bytes::{Buf, Bytes};
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Action, Catalogue, Config, Maildrop, Rejection, Reply, Session};
use pop3_proto::wire::{
    Command, DeviationSet, LineEnds, Mechanism, Response, ResponseCode, Timestamp, Unstuffer, WireSize,
};
use pop3_proto::{Io, Security};

/// A maildrop that takes no memory.
struct Drop<const COUNT: u32>;

impl<const COUNT: u32> Maildrop for Drop<COUNT> {
    /// How many chunks are left.
    type Reader = u32;

    fn count(&self) -> u32 {
        COUNT
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        Some(message.get().into())
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        UniqueId::new("0123456789abcdef").ok()
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }

    fn line_ends(&self, _: MessageNumber) -> LineEnds {
        LineEnds::Crlf
    }
}

/// A maildrop whose messages are measured one after the other, and are as many octets long as their number is.
struct Unmeasured {
    count: u32,
    measured: u32,
}

impl Maildrop for Unmeasured {
    type Reader = u32;

    fn count(&self) -> u32 {
        self.count
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        (message.get() <= self.measured).then_some(message.get().into())
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        None
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}

/// What is sent of a message: this chunk, so many times.
struct Chunks(Bytes, u32);

/// What a client sends: `line`, so many times.
struct Lines {
    /// More than a window of it.
    octets: Vec<u8>,
    line: usize,
    at: usize,
    left: usize,
}

impl Lines {
    fn new(line: &str, times: usize) -> Self {
        let octets = line.as_bytes().repeat(4_096 / line.len().max(1) + 1);
        Self { octets, line: line.len(), at: 0, left: line.len() * times }
    }

    fn read(&mut self, space: &mut [u8]) -> usize {
        let octets = space.len().min(self.left).min(2_048);
        space[..octets].copy_from_slice(&self.octets[self.at..self.at + octets]);
        self.at = (self.at + octets) % self.line;
        self.left -= octets;
        octets
    }
}

/// Drives a session until it waits for more than `lines`; how many octets it wrote.
fn drive<M: Maildrop<Reader = u32>>(
    session: &mut Session<M>,
    lines: &mut Lines,
    maildrop: &mut Option<M>,
    message: &Chunks,
) -> u64 {
    let mut written = 0;
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(read)) if lines.left == 0 => {
                read.nothing_yet();
                return written;
            }
            Action::Io(Io::Read(mut read)) => {
                let octets = lines.read(read.space());
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.chunk().len();
                written += octets as u64;
                write.advance(octets);
            }
            Action::Login(login) => match maildrop.take() {
                Some(maildrop) => login.accept(maildrop).unwrap(),
                None => login.reject(Rejection::Temporary),
            },
            Action::Authenticate(step) if step.response().is_none() => step.challenge(b"a".as_slice()).unwrap(),
            Action::Authenticate(step) => step.reject(Rejection::Temporary),
            Action::Measure(measure) => measure.decline(),
            Action::Retrieve(retrieve) if message.1 == 1 => retrieve.send(message.0.clone()),
            Action::Retrieve(retrieve) => retrieve.begin(message.1),
            Action::Body(mut body) => match body.reader() {
                0 => body.end(),
                left => {
                    *left -= 1;
                    body.push(message.0.clone());
                }
            },
            Action::Update(update) => update.finish(Removal::All),
            other @ Action::StartTls(_) => panic!("{other:?}"),
            Action::Close(_) => return written,
        }
    }
}

/// Mechanisms and languages too, and no limit of commands.
fn config() -> Arc<Config> {
    let config = Config::new().commands_before_login(u32::MAX).unwrap().bad_commands(u32::MAX, 20).unwrap();
    let german = Catalogue::new("de", "Deutsch").unwrap().text(Reply::Noop, "gut").unwrap();
    let mechanisms = [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::SCRAM_SHA_256];
    let config = mechanisms.into_iter().fold(config, |config, mechanism| config.mechanism(mechanism).unwrap());
    Arc::new(config.language(german).unwrap())
}

fn session<M: Maildrop>() -> Session<M> {
    Session::new(config(), Security::Tls)
}

/// Has a session with `COUNT` messages, logged in and warm, do `line` so many times. What it allocates and writes
/// meanwhile.
fn measured<const COUNT: u32>(line: &str, times: usize, message: &Chunks) -> (AllocationInfo, u64) {
    // The first clone of a chunk allocates a count of its owners, which is the caller's.
    let _owner = message.0.clone();
    let mut session = session::<Drop<COUNT>>();
    let mut maildrop = Some(Drop);
    drive(&mut session, &mut Lines::new("USER a\r\nPASS b\r\nNOOP\r\n", 1), &mut maildrop, message);
    let mut lines = Lines::new(line, times);
    let mut written = 0;
    let info = measure(|| written = drive(&mut session, &mut lines, &mut maildrop, message));
    (info, written)
}

fn nothing() -> Chunks {
    Chunks(Bytes::new(), 1)
}

/// The input window, the output text once while it grows, and a word of deletion marks.
const BUFFERS: u64 = 2_048 + 8_192 + 16_384 + 8;

/// The output text with a long chunk of short runs, and once more before it grows.
const MESSAGE: u64 = 2_048 + 16_384 + 74_752;

/// How many allocations may come with this many commands: the output text grows anew for each window of input, in five
/// steps.
fn for_windows_of(command: &str, times: usize) -> u64 {
    5 * (times * command.len()).div_ceil(2_048) as u64 + 8
}

#[test]
fn a_million_messages_are_listed_in_the_memory_of_ten_thousand() {
    // R-GEN-04
    for command in ["LIST\r\n", "UIDL\r\n"] {
        let (few, _) = measured::<10_000>(command, 1, &nothing());
        let (many, written) = measured::<1_000_000>(command, 1, &nothing());
        assert!(written > 10_000_000, "{written}");
        assert_eq!((many.bytes_max, many.count_total), (few.bytes_max, few.count_total), "{command}");
        assert!(many.bytes_max <= BUFFERS && many.bytes_current <= 0, "{many:?}");
    }
}

#[test]
fn a_million_messages_are_measured_in_the_memory_of_ten_thousand() {
    // R-GEN-04
    for (command, octets) in [("STAT\r\n", 18), ("LIST\r\n", 10_000_000)] {
        let measured = [10_000, 1_000_000].map(|count| {
            let mut session = session::<Unmeasured>();
            let mut maildrop = Some(Unmeasured { count, measured: 0 });
            drive(&mut session, &mut Lines::new("USER a\r\nPASS b\r\nNOOP\r\n", 1), &mut maildrop, &nothing());
            let mut line = Some(command.as_bytes());
            let mut written = 0;
            let info = measure(|| {
                loop {
                    match session.poll(Duration::ZERO) {
                        Action::Io(Io::Read(mut read)) => {
                            let Some(octets) = line.take() else { return read.nothing_yet() };
                            read.space()[..octets.len()].copy_from_slice(octets);
                            read.filled(octets.len());
                        }
                        Action::Io(Io::Write(mut write)) => {
                            let octets = write.chunk().len();
                            written += octets;
                            write.advance(octets);
                        }
                        Action::Measure(mut measure) => {
                            let (maildrop, message) = measure.maildrop_and_message();
                            maildrop.measured = message.get();
                            measure.done();
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
            (info, written)
        });
        let [(few, _), (many, written)] = measured;
        assert!(written > octets, "{written}");
        assert_eq!((many.bytes_max, many.count_total), (few.bytes_max, few.count_total), "{command}");
        assert!(many.bytes_max <= BUFFERS && many.bytes_current <= 0, "{many:?}");
    }
}

#[test]
fn a_message_of_a_gibibyte_takes_the_chunk_that_the_host_hands_over_and_32_kib() {
    // R-GEN-04
    const CHUNK: usize = 1 << 16;
    let chunk = Bytes::from([b".\r\n".to_vec(), vec![b'x'; CHUNK - 5], b"\r\n".to_vec()].concat());
    let times = 1 << (30 - 16);
    let (info, written) = measured::<1>("RETR 1\r\n", 1, &Chunks(chunk, times));
    assert_eq!(written, (1 << 30) + u64::from(times) + 21 + 3, "each chunk has a dot to be stuffed");
    assert!(info.bytes_max <= 32_768, "{info:?}");
    assert!(info.count_total <= 8, "{info:?}");
}

#[test]
fn a_message_of_the_shortest_lines_fills_the_output_and_no_more() {
    // R-GEN-04: each octet becomes two and more
    for line in ["\n", ".\n", "\r\n.", "\n.\r"] {
        for octets in [5_000, 20_000, 65_536, 1_000_000] {
            let chunk = Bytes::from(line.repeat(octets / line.len()));
            let octets = chunk.len() as u64;
            let (info, written) = measured::<1>("RETR 1\r\n", 1, &Chunks(chunk, 10));
            assert!(written > 10 * octets);
            let most = MESSAGE.min(BUFFERS + octets + octets / 8 + 1_024);
            assert!(info.bytes_max <= most, "{line:?}: {info:?}");
        }
    }
}

#[test]
fn a_long_message_of_short_runs_takes_one_buffer_to_its_end() {
    // R-GEN-04; design: RETR allocates nothing per chunk
    let chunk = Bytes::from(".some forty octets, and a dot first...\r\n".repeat(1_638));
    let octets = chunk.len() as u64 + 1_638;
    let (info, written) = measured::<1>("RETR 1\r\n", 1, &Chunks(chunk, 1_000));
    assert_eq!(written, 1_000 * octets + 21 + 3);
    assert!(info.bytes_max <= MESSAGE, "{info:?}");
    assert!(info.count_total <= 8 && info.bytes_current <= 0, "{info:?}");
}

#[test]
fn an_endless_line_takes_one_window() {
    // R-2449-05
    for logged_in in [false, true] {
        let mut session = session::<Drop<1>>();
        let mut maildrop = Some(Drop);
        if logged_in {
            drive(&mut session, &mut Lines::new("USER a\r\nPASS b\r\n", 1), &mut maildrop, &nothing());
        }
        let mut lines = Lines::new("PASS xx", 1 << 20);
        let mut written = 0;
        let info = measure(|| written = drive(&mut session, &mut lines, &mut maildrop, &nothing()));
        assert!(written > 0 && written < 100, "one reply: {written}");
        assert!(info.bytes_max <= 4096, "{info:?}");
    }
}

#[test]
fn a_million_commands_ahead_take_no_more_than_ten_thousand() {
    // R-GEN-04
    for command in ["NOOP\r\n", "DELE 1\r\nRSET\r\n", "NOPE\r\nNOOP\r\n"] {
        let (few, _) = measured::<3>(command, 10_000, &nothing());
        let (many, written) = measured::<3>(command, 1_000_000 / command.matches('\n').count(), &nothing());
        assert!(written >= 5_000_000, "{written}");
        assert_eq!(many.bytes_max, few.bytes_max, "{command:?}");
        assert!(many.bytes_max <= BUFFERS, "{many:?}");
    }
}

#[test]
fn a_burst_of_commands_allocates_nothing_for_each_of_them() {
    // design: no allocation per command once warm
    for command in
        ["NOOP\r\n", "STAT\r\n", "LIST 1\r\n", "UIDL 2\r\n", "LIST\r\n", "CAPA\r\n", "LANG\r\n", "LANG de\r\nNOOP\r\n"]
    {
        let (info, _) = measured::<3>(command, 10_000, &nothing());
        assert!(info.count_total <= for_windows_of(command, 10_000), "{command:?}: {info:?}");
    }
}

#[test]
fn one_command_at_a_time_allocates_nothing_once_warm() {
    // design: no allocation per command once warm, for a client that waits for each answer
    let mut session = session::<Drop<3>>();
    let mut maildrop = Some(Drop);
    drive(&mut session, &mut Lines::new("USER a\r\nPASS b\r\n", 1), &mut maildrop, &nothing());
    let mut round_trip = |times: usize| {
        for _ in 0..times {
            let mut line = Some(b"STAT\r\n");
            // The host reads when the socket is readable, so no token is dropped unanswered.
            while let Some(octets) = line {
                match session.poll(Duration::ZERO) {
                    Action::Io(Io::Read(mut read)) => {
                        read.space()[..octets.len()].copy_from_slice(octets);
                        read.filled(octets.len());
                        line = None;
                    }
                    Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    round_trip(10);
    let info = measure(|| round_trip(1000));
    assert!(info.count_total <= 1, "{info:?}");
}

#[test]
fn a_message_in_one_piece_allocates_nothing_beyond_it() {
    // design: RETR allocates nothing per message beyond the caller's chunk
    let short = Chunks(Bytes::from("Subject: hi\r\n\r\n.\r\n".repeat(20)), 1);
    let long = Chunks(Bytes::from([b"a\n".repeat(50), vec![b'x'; 100_000]].concat()), 1);
    for message in [short, long] {
        for command in ["RETR 1\r\n", "TOP 1 1\r\n"] {
            let (info, written) = measured::<1>(command, 5_000, &message);
            assert!(written > 5_000 * 40);
            assert!(info.count_total <= for_windows_of(command, 5_000), "{command:?}: {info:?}");
            assert!(info.bytes_max <= BUFFERS, "{info:?}");
        }
    }
}

/// What is left of a message in a session, logged in, that has written all of it: none of its chunks was shared.
fn left_of(command: &str, chunks: &mut dyn FnMut() -> Vec<Vec<u8>>) -> i64 {
    let mut session = session::<Drop<1>>();
    drive(&mut session, &mut Lines::new("USER a\r\nPASS b\r\n", 1), &mut Some(Drop), &nothing());
    let mut chunks = chunks();
    chunks.reverse();
    let weight = |chunks: &[Vec<u8>]| i64::try_from(chunks.iter().map(Vec::capacity).sum::<usize>()).unwrap();
    let octets = weight(&chunks);
    let mut line = Some(command.as_bytes());
    let info = measure(|| {
        loop {
            match session.poll(Duration::ZERO) {
                Action::Io(Io::Read(mut read)) => {
                    let Some(octets) = line.take() else { return read.nothing_yet() };
                    read.space()[..octets.len()].copy_from_slice(octets);
                    read.filled(octets.len());
                }
                Action::Io(Io::Write(mut write)) => write.advance(write.chunk().len()),
                Action::Retrieve(retrieve) if chunks.len() == 1 => retrieve.send(chunks.pop().unwrap()),
                Action::Retrieve(retrieve) => retrieve.begin(0),
                Action::Body(body) => match chunks.pop() {
                    Some(chunk) => body.push(chunk),
                    None => body.end(),
                },
                other => panic!("{other:?}"),
            }
        }
    });
    // What wasn't asked for is the caller's.
    octets - weight(&chunks) + info.bytes_current
}

#[test]
fn a_session_that_has_sent_a_message_keeps_nothing_of_it() {
    // R-GEN-04; design: an idle session holds no buffer at all, whatever the message and however it was sent
    let long = || [b"Subject: hi\r\n\r\n".to_vec(), vec![b'x'; 65_000], b"\r\n".to_vec()].concat();
    let contents: [&dyn Fn() -> Vec<u8>; 7] = [
        &long,
        &|| [long(), b"a\n.\n".repeat(20)].concat(),
        &|| b"one\r\n.two\n".repeat(6_000),
        &|| vec![b'y'; 65_536],
        &|| [vec![b'z'; 10_000], b"\r".to_vec()].concat(),
        &|| b"\r\n".repeat(2),
        &Vec::new,
    ];
    for (number, content) in contents.into_iter().enumerate() {
        for command in ["RETR 1\r\n", "TOP 1 0\r\n", "TOP 1 1\r\n", "TOP 1 999999\r\n"] {
            let ways: [&mut dyn FnMut() -> Vec<Vec<u8>>; 3] =
                [&mut || vec![content()], &mut || vec![content(), content()], &mut || {
                    vec![content(), Vec::new(), content(), vec![b'.'; 300], Vec::with_capacity(9_000)]
                }];
            for (way, chunks) in ways.into_iter().enumerate() {
                assert_eq!(left_of(command, chunks), 0, "{command:?}: content {number}, way {way}");
            }
        }
    }
}

/// What a session takes on its own: itself without the maildrop, and its heap.
fn weight(prepare: &str) -> (u64, i64) {
    let config = config();
    let mut lines = Lines::new(prepare, usize::from(!prepare.is_empty()));
    let mut idle = None;
    let info = measure(|| {
        let timestamp = Timestamp::new("<1896.697170952@dbc.mtview.ca.us>").unwrap();
        let mut session = Session::new(config, Security::Tls).with_timestamp(timestamp);
        drive(&mut session, &mut lines, &mut Some(Drop::<1_000_000>), &nothing());
        idle = Some(session);
    });
    (size_of::<Session<Drop<1_000_000>>>() as u64, info.bytes_current)
}

#[test]
fn an_idle_session_takes_512_octets_at_the_most() {
    // design: idle authenticated session ≤ 512 octets, all heap included, host's maildrop excluded
    for prepare in [
        "",
        "USER mrose\r\n",
        "CAPA\r\n",
        "USER a\r\nPASS b\r\n",
        "USER a\r\nPASS b\r\nSTAT\r\nUIDL 1\r\nRETR 1\r\nLIST\r\n",
        "AUTH PLAIN\r\n",
        "AUTH LOGIN\r\nbXJvc2U=\r\n",
        "AUTH CRAM-MD5\r\n",
        "AUTH CRAM-MD5\r\nbXJvc2U=\r\n",
        &format!("AUTH SCRAM-SHA-256 {}\r\n", "A".repeat(60_000)),
        &format!("AUTH SCRAM-SHA-256\r\n{}\r\n", "A".repeat(60_000)),
        &format!("AUTH PLAIN\r\n{}\r\nAUTH LANG de\r\nAUTH PLAIN AGEAYg==\r\n", "A".repeat(100_000)),
    ] {
        let (own, heap) = weight(prepare);
        assert!(own.saturating_add_signed(heap) <= 512, "{prepare:?}: {own} and {heap} octets");
    }
}

#[test]
fn half_a_command_keeps_one_window() {
    // R-GEN-04
    for prepare in ["U", "USER mrose\r\nPASS x", "USER a\r\nPASS b\r\nNOO", "AUTH PLAIN\r\nbXJ"] {
        let (own, heap) = weight(prepare);
        assert!(own.saturating_add_signed(heap) <= 512 + 512, "{prepare:?}: {own} and {heap} octets");
    }
}

#[test]
fn a_line_of_an_exchange_takes_a_window_that_doubles_up_to_its_limit_and_is_given_back() {
    // R-5034-06, R-GEN-04: the last doubling copies half of it, and the name of PLAIN is copied out of the line
    for (begin, text, most) in [
        ("AUTH SCRAM-SHA-256\r\n", "A".repeat(400), 512),
        ("AUTH SCRAM-SHA-256\r\n", "A".repeat(2_000), 2_048 + 512),
        ("AUTH SCRAM-SHA-256\r\n", "A".repeat(2_100), 4_096 + 2_048),
        ("AUTH SCRAM-SHA-256\r\n", "A".repeat(65_532), 65_536 + 32_768),
        ("AUTH SCRAM-SHA-256 ", "A".repeat(65_512), 65_536 + 32_768),
        ("AUTH SCRAM-SHA-256\r\n", "A".repeat(99_999), 65_536 + 32_768),
        ("AUTH PLAIN\r\n", format!("AG5u{}AHg=", "bm5u".repeat(16_381)), 65_536 + 49_152),
    ] {
        let mut session = session::<Drop<1>>();
        let mut lines = Lines::new(&format!("{begin}{text}\r\n"), 1);
        let info = measure(|| _ = drive(&mut session, &mut lines, &mut None, &nothing()));
        assert!(info.bytes_max <= most + 1_024, "{begin:?} and {}: {info:?}", text.len());
        assert_eq!(info.bytes_current, 0, "{begin:?} and {}: {info:?}", text.len());
    }
}

#[test]
fn before_login_listings_languages_and_exchanges_allocate_nothing_for_each_command() {
    // design: no allocation per command once warm
    for command in ["CAPA", "AUTH", "LANG", "LANG de", "STAT", "AUTH PLAIN\r\n*", "AUTH CRAM-MD5\r\nAA=="] {
        let mut session = session::<Drop<1>>();
        drive(&mut session, &mut Lines::new("LANG de\r\n", 1), &mut None, &nothing());
        let mut lines = Lines::new(&format!("{command}\r\n"), 10_000);
        let info = measure(|| _ = drive(&mut session, &mut lines, &mut None, &nothing()));
        assert!(info.count_total <= for_windows_of(command, 10_000), "{command:?}: {info:?}");
    }
}

#[test]
fn a_deletion_mark_is_a_bit_a_message() {
    // R-1939-24
    let (_, before) = weight("USER a\r\nPASS b\r\n");
    let (_, after) = weight("USER a\r\nPASS b\r\nDELE 1\r\nDELE 1000000\r\n");
    assert!(after - before <= 125_000 + 64, "{before} {after}");
}

/// A maildrop whose unique-ids have to be looked through.
struct Unchecked(UniqueIds);

impl Maildrop for Unchecked {
    type Reader = u32;

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap()
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(0)
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.0.get(message)
    }
}

#[test]
fn looking_through_unique_ids_takes_20_octets_a_message_until_it_is_done() {
    // what `Maildrop::unique_ids_are_checked` says
    const COUNT: u64 = 20_000;
    let mut maildrop = Some(Unchecked((0..COUNT).map(|n| format!("{n}")).collect()));
    let mut session = session();
    let mut lines = Lines::new("USER a\r\nPASS b\r\n", 1);
    let info = measure(|| {
        drive(&mut session, &mut lines, &mut maildrop, &nothing());
    });
    assert!(info.bytes_max <= 20 * COUNT + BUFFERS && info.bytes_current <= 0, "{info:?}");
}

#[test]
fn unique_ids_out_of_names_that_imitate_others_take_no_round_for_each() {
    // R-GEN-02: nothing is copied or sorted anew for an id that was taken; what is allocated shows it
    let chain = |length: usize| {
        // Each name is what the second "a" would become if those before it didn't stand there.
        let mut names = vec!["a".to_owned(), "a".to_owned()];
        for _ in 0..length {
            let ids: UniqueIds = names.iter().collect();
            names.push(ids.get(MessageNumber::new(2).unwrap()).unwrap().as_str().to_owned());
        }
        // And so does each of these for the third.
        for _ in 0..length {
            let ids: UniqueIds = names.iter().chain(["a".to_owned()].iter()).collect();
            let last = MessageNumber::new(u32::try_from(names.len()).unwrap() + 1).unwrap();
            names.push(ids.get(last).unwrap().as_str().to_owned());
        }
        names.push("a".to_owned());
        names
    };
    let cost = |names: &[String]| {
        let mut ids = UniqueIds::default();
        let info = measure(|| ids = names.iter().collect());
        assert_eq!(ids.len(), names.len());
        let distinct: std::collections::HashSet<_> =
            (1..).map_while(|n| ids.get(MessageNumber::new(n).unwrap())).collect();
        assert_eq!(distinct.len(), names.len());
        info
    };
    for length in [10_u64, 150] {
        let names = chain(usize::try_from(length).unwrap());
        let info = cost(&names);
        assert!(info.count_total <= 50, "{length}: {info:?}");
        assert!(info.bytes_total <= names.len() as u64 * 300 + 1_000, "{length}: {info:?}");
    }
    let equal = vec!["same".to_owned(); 10_000];
    let info = cost(&equal);
    assert!(info.bytes_total <= 10_000 * 300, "{info:?}");
}

#[test]
fn the_wire_parses_without_an_allocation() {
    // what `Command::parse` and `Response::parse` say
    let info = measure(|| {
        for line in ["USER mrose", "PASS x y", "TOP 1 10", "LIST", "NOPE", "RETR 0", "APOP a b"] {
            let _ = Command::parse(line.as_bytes());
        }
        let _ = Response::parse(b"-ERR [SYS/TEMP] x", DeviationSet::NONE)
            .map(|parsed| parsed.value.code().map(|code| code.is(ResponseCode::SYS)));
        let mut size = WireSize::new();
        size.add(b"a\nb\r\n");
        assert_eq!(size.octets(), 6);
        assert!(!Unstuffer::new().next(b"a\r\n..b\r\n").ended);
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}
