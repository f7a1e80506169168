//! What the benchmarks work on: mail of several kinds, command lines, and hosts that cost next to nothing.

#![allow(dead_code, unreachable_pub, unused_imports)]

mod client;
mod dialogue;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Action, Config, Maildrop, Session};
use pop3_proto::wire::{LineEnds, Unstuffer};
use pop3_proto::{Io, Security};

pub use client::{client, receive};
pub use dialogue::Dialogues;

/// The kinds of mail that stuffing is measured on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mail {
    /// Lines of 40 to 78 octets with CRLF, of which one in a hundred begins with a dot.
    Prose,
    /// The same with LF.
    ProseLf,
    /// Lines of 76 octets of base64 with CRLF.
    Base64,
    /// Lines of one dot with CRLF.
    Dots,
    /// Lines of one dot with LF.
    DotsLf,
}

impl Mail {
    pub const ALL: [Self; 5] = [Self::Prose, Self::ProseLf, Self::Base64, Self::Dots, Self::DotsLf];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Prose => "prose",
            Self::ProseLf => "prose-lf",
            Self::Base64 => "base64",
            Self::Dots => "dots",
            Self::DotsLf => "dots-lf",
        }
    }

    /// About `octets` octets of it, always the same ones.
    pub fn make(self, octets: usize) -> Vec<u8> {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut mail = Vec::with_capacity(octets + 80);
        while mail.len() < octets {
            match self {
                Self::Prose | Self::ProseLf => {
                    if random.below(100) == 0 {
                        mail.push(b'.');
                    }
                    prose_line(&mut mail, &mut random);
                }
                Self::Base64 => mail.extend((0..76).map(|_| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[random.below(32)])),
                Self::Dots | Self::DotsLf => mail.push(b'.'),
            }
            let line_end: &[u8] = if matches!(self, Self::ProseLf | Self::DotsLf) { b"\n" } else { b"\r\n" };
            mail.extend_from_slice(line_end);
        }
        mail
    }
}

fn prose_line(mail: &mut Vec<u8>, random: &mut Random) {
    let end = mail.len() + 40 + random.below(39);
    while mail.len() < end {
        for _ in 0..=random.below(9) {
            mail.push(b"etaoinshrdlucmfwypvbgk"[random.below(22)]);
        }
        if random.below(12) == 0 {
            mail.push(b'.');
        }
        mail.push(b' ');
    }
    mail.truncate(end);
}

/// A generator of numbers that are the same in each run.
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }
}

/// Commands as clients send them: a scan of the maildrop, then what isn't known yet.
pub fn command_lines(count: usize) -> Vec<u8> {
    let mix: [&[u8]; 10] = [
        b"NOOP\r\n",
        b"STAT\r\n",
        b"LIST 17\r\n",
        b"UIDL 4\r\n",
        b"DELE 3\r\n",
        b"RSET\r\n",
        b"uidl 100\r\n",
        b"LIST 1\r\n",
        b"NOOP\r\n",
        b"DELE 1000\r\n",
    ];
    mix.iter().cycle().take(count).copied().flatten().copied().collect()
}

/// An index of `count` messages that are all the same.
pub struct Index {
    count: u32,
    unique_ids: UniqueIds,
    message: Bytes,
    line_ends: LineEnds,
}

impl Index {
    pub fn new(count: u32) -> Self {
        let unique_ids = (1..=count).map(|n| format!("17000{n:07}.M1P{n:05}.host")).collect();
        Self { count, unique_ids, message: Bytes::new(), line_ends: LineEnds::Unknown }
    }

    pub fn of(message: Bytes, line_ends: LineEnds) -> Self {
        Self { message, line_ends, ..Self::new(1) }
    }

    pub fn many(count: u32, message: Bytes) -> Self {
        Self { message, ..Self::new(count) }
    }

    pub fn id(&self, message: u32) -> UniqueId<'_> {
        self.unique_ids.get(MessageNumber::new(message).unwrap()).unwrap()
    }
}

impl Maildrop for Index {
    /// What is left of the message, in one chunk.
    type Reader = Option<Bytes>;

    fn count(&self) -> u32 {
        self.count
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        Some(4_000 + u64::from(message.get() % 10_000))
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }

    fn line_ends(&self, _: MessageNumber) -> LineEnds {
        self.line_ends
    }
}

/// A session before the greeting.
pub fn new() -> Session<Index> {
    Session::new(Arc::new(Config::new()), Security::Tls)
}

/// A session that has logged in.
pub fn logged_in(index: Index) -> Session<Index> {
    let mut session = new();
    let mut index = Some(index);
    drive(&mut session, b"USER mrose\r\nPASS tanstaaf\r\n", &mut index);
    session
}

/// Has a session read `input` and write what it has to say, until it wants more. Returns the octets written.
pub fn drive(session: &mut Session<Index>, mut input: &[u8], index: &mut Option<Index>) -> u64 {
    let mut written = 0;
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(_)) if input.is_empty() => return written,
            Action::Io(Io::Read(mut read)) => {
                let space = read.space();
                let octets = space.len().min(input.len());
                space[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.chunk().len();
                std::hint::black_box(write.chunk());
                written += octets as u64;
                write.advance(octets);
            }
            Action::Login(login) => login.accept(index.take().unwrap()).unwrap(),
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.maildrop().message.clone();
                retrieve.send(message);
            }
            Action::Update(update) => update.finish(Removal::All),
            Action::Body(body) => body.end(),
            other @ (Action::StartTls(_) | Action::Authenticate(_) | Action::Measure(_)) => panic!("{other:?}"),
            Action::Close(_) => return written,
        }
    }
}

/// Takes the content out of a stuffed message, run by run.
pub fn unstuff(mut wire: &[u8]) -> u64 {
    let mut unstuffer = Unstuffer::new();
    let mut octets = 0;
    loop {
        let part = unstuffer.next(wire);
        octets += std::hint::black_box(part.content).len() as u64;
        wire = &wire[part.consumed..];
        if part.ended {
            return octets;
        }
    }
}

/// A message as RETR sends it, without the first line.
pub fn stuffed(message: Vec<u8>) -> Vec<u8> {
    let mut session = logged_in(Index::of(message.into(), LineEnds::Unknown));
    said(&mut session, b"RETR 1\r\n").split_off(b"+OK message follows\r\n".len())
}

/// What a session says to a command.
pub fn said(session: &mut Session<Index>, line: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut input = Some(line);
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => match input.take() {
                Some(line) => {
                    read.space()[..line.len()].copy_from_slice(line);
                    read.filled(line.len());
                }
                None => return wire,
            },
            Action::Io(Io::Write(mut write)) => {
                let octets = write.chunk().len();
                wire.extend_from_slice(write.chunk());
                write.advance(octets);
            }
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.maildrop().message.clone();
                retrieve.send(message);
            }
            other => panic!("unexpected {other:?}"),
        }
    }
}
