//! What the fuzzer decides for a session: its configuration, its mail, its client, and whatever the host does.
//!
//! All zeros make an everyday session, so a seed is a few zeros with a client's octets after them.

use std::time::Duration;

use arbitrary::Arbitrary;
use pop3_proto::server::Rejection;
use pop3_proto::wire::LineEnds;

use crate::settings::Settings;

#[derive(Arbitrary, Debug)]
pub struct Case<'a> {
    pub settings: Settings,
    /// One for each message of the maildrop; none stands for a few that are worth a look.
    pub mail: Vec<Mail>,
    /// One for each thing that the host is asked; the ordinary answer when there are no more.
    pub answers: Vec<Answer>,
    /// One for each poll; when there are no more, everything is done at once.
    pub steps: Vec<Step>,
    /// What the client sends, with each ESC for a long run.
    client: &'a [u8],
}

#[derive(Arbitrary, Debug)]
pub struct Mail {
    crlf: bool,
    parts: Vec<Part>,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Text(u8),
    Lf,
    CrLf,
    Cr,
    Dot,
    Blank,
    Octet(u8),
    /// Many lines of one dot.
    Dots(u8),
    /// Many lines that need nothing.
    Lines(u8),
    /// More than is copied.
    Long(u8),
}

/// What the host answers: which of the possible answers it is, and how a message goes out.
#[derive(Arbitrary, Clone, Copy, Default, Debug)]
pub struct Answer {
    pub choice: u8,
    /// Octets of a chunk.
    pub chunk: u8,
    /// After how many chunks it fails.
    pub chunks: u8,
    /// Whether there is an empty chunk before each; in an exchange, whether it goes on when it could end.
    pub empty_chunks: bool,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Whether the token is dropped.
    pub drop: bool,
    /// How much is read or written.
    pub octets: u8,
    /// Seconds that pass, or go back if below 0; none unless a multiple of 4.
    time: i8,
}

/// A step that does all there is to do.
pub const GREEDY: Step = Step { drop: false, octets: u8::MAX, time: 0 };

/// A step at which the host stops instead of reading.
pub const STOP: Step = Step { drop: false, octets: 77, time: 0 };

/// A step at which the transport fails instead of reading or writing.
pub const FAIL: Step = Step { drop: false, octets: 78, time: 0 };

/// A message of the store.
pub struct Message {
    pub octets: Vec<u8>,
    pub line_ends: LineEnds,
    /// Whether it is for UTF-8 mode only.
    pub needs_utf8: bool,
    /// Whether its octets are known from the start.
    pub is_measured: bool,
}

impl Case<'_> {
    /// What the client sends.
    pub fn client(&self) -> Vec<u8> {
        const ESC: u8 = 0x1B;
        let parts: Vec<_> = self.client.split(|&octet| octet == ESC).collect();
        let mut client = parts.join(&vec![b'A'; usize::from(self.settings.run) * 50][..]);
        client.truncate(50_000);
        client
    }

    /// Where reads end after STLS, so that the schedule can't decide what comes there.
    pub fn read_ends(&self) -> Vec<usize> {
        if self.settings.reads_beyond_stls { Vec::new() } else { self.ends_of_stls() }
    }

    /// Whether the schedule decides what comes after STLS (the exception of R-GEN-01).
    pub fn schedule_shows(&self) -> bool {
        self.settings.reads_beyond_stls && !self.ends_of_stls().is_empty()
    }

    fn ends_of_stls(&self) -> Vec<usize> {
        let mut end = 0;
        let client = self.client();
        let lines = client.split_inclusive(|&octet| octet == b'\n').map(|line| {
            end += line.len();
            (line, end)
        });
        let is_stls = |line: &[u8]| line.trim_ascii_end().eq_ignore_ascii_case(b"STLS");
        lines.filter(|(line, _)| is_stls(line)).map(|(_, end)| end).collect()
    }

    pub fn messages(&self) -> Vec<Message> {
        let mut messages: Vec<_> = self.mail.iter().take(100).map(Mail::message).collect();
        if messages.is_empty() {
            let octets = b"Subject: hi\r\n\r\n.one\r\ntwo\r\n\r\n...\r\nno end".to_vec();
            messages.push(Message::new(octets, LineEnds::Unknown));
            messages.push(Message::new(Vec::new(), LineEnds::Crlf));
            let octets = b"From: me\nTo: you\n\n.\n\n".to_vec();
            messages.push(Message::new(octets, LineEnds::Unknown));
        }
        let small = (0..self.settings.small_messages).map(|n| format!("small {n}\n").into_bytes());
        messages.extend(small.map(|octets| Message::new(octets, LineEnds::Unknown)));
        for (index, message) in messages.iter_mut().enumerate() {
            message.needs_utf8 = self.settings.needs_utf8(index);
            message.is_measured = self.settings.is_measured(index);
        }
        messages
    }
}

impl Message {
    fn new(octets: Vec<u8>, line_ends: LineEnds) -> Self {
        Self { octets, line_ends, needs_utf8: false, is_measured: true }
    }
}

impl Mail {
    pub fn message(&self) -> Message {
        let mut octets = Vec::new();
        for part in &self.parts {
            match *part {
                Part::Text(length) => octets.extend(vec![b'x'; length.into()]),
                Part::Lf => octets.push(b'\n'),
                Part::CrLf => octets.extend_from_slice(b"\r\n"),
                Part::Cr => octets.push(b'\r'),
                Part::Dot => octets.push(b'.'),
                Part::Blank => octets.extend_from_slice(b"\r\n\r\n"),
                Part::Octet(octet) => octets.push(octet),
                Part::Dots(lines) => octets.extend(b".\n".repeat(lines.into())),
                Part::Lines(lines) => octets.extend(b"a line\r\n".repeat(lines.into())),
                Part::Long(length) => octets.extend(vec![b'y'; 256 + usize::from(length)]),
            }
        }
        octets.truncate(6_000);
        Message::new(octets, if self.crlf { LineEnds::Crlf } else { LineEnds::Unknown })
    }
}

impl Step {
    /// The time after this step.
    pub fn tick(self, now: Duration) -> Duration {
        let seconds = if self.time % 4 == 0 { self.time.unsigned_abs() } else { 0 };
        let seconds = Duration::from_secs(u64::from(seconds) * 2);
        if self.time < 0 { now.saturating_sub(seconds) } else { now + seconds }
    }
}

/// The reason that an answer stands for, if it stands for one.
pub fn rejection(answer: Answer) -> Option<Rejection> {
    match answer.choice % 8 {
        1 => Some(Rejection::BadCredentials),
        2 => Some(Rejection::InUse),
        3 => Some(Rejection::LoginDelay { seconds: (answer.chunk > 0).then(|| u32::from(answer.chunk) << 24) }),
        4 => Some(Rejection::Temporary),
        5 => Some(Rejection::Permanent),
        6 => Some(Rejection::Malformed),
        _ => None,
    }
}
