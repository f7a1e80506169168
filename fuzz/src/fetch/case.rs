//! What the fuzzer decides: the mail, and for each visit the lies of the server and the whims of the client.
//!
//! All zeros are one message, and visits in which nobody lies.

use arbitrary::Arbitrary;
use pop3_proto::client::{Choice, Retry};

#[derive(Arbitrary, Debug)]
pub struct Case<'a> {
    /// What is in the maildrop at the beginning, beside one message.
    pub mail: Vec<NewMail>,
    pub visits: Vec<Visit>,
    /// One for each poll of all visits; all is done at once when there are no more.
    pub pace: Vec<u8>,
    /// Contents of messages, with an ESC between them.
    text: &'a [u8],
}

/// A message arrives.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct NewMail {
    content: u8,
    id: u8,
}

#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Visit {
    pub arrives: Option<NewMail>,
    /// Another client takes this message away, before the visit.
    pub vanishes: Option<u8>,
    pub capa: u8,
    /// What the first STAT is answered, and the others; and in its upper bits whether mail comes before each of those, and
    /// whether every other one is refused.
    pub stat: u8,
    pub proof: u8,
    /// What UIDL and LIST are answered.
    pub list: u8,
    pub lines: Vec<LineLie>,
    /// Whether dots are sent as they are.
    pub is_unstuffed: bool,
    /// A bit for each message: which have no end line, and which are refused.
    pub unended: u8,
    pub refused: u8,
    /// How what is refused is refused.
    pub refusal: u8,
    pub dele_refused: u8,
    pub quit: u8,
    /// Which of the messages that are marked stay, whatever QUIT is answered.
    pub stays: u8,
    pub cut: Option<Cut>,
    pub whims: Whims,
}

/// The server says nothing more from here on, and does nothing.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Cut {
    /// Which answer after login is the last one.
    pub answer: u8,
    /// How many of its octets are sent, or below 0, how many of them aren't, after the first of these.
    pub octets: i16,
    pub end: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The stream ends.
    Clean,
    /// `-ERR`, perhaps twice, and then the stream ends.
    Stray,
    Reset,
    /// The connection stays.
    Silence,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct LineLie {
    pub kind: u8,
    pub line: u8,
}

/// What the client does.
#[derive(Arbitrary, Clone, Copy, Debug, Default)]
pub struct Whims {
    /// At which step it dies, and at which it has had enough; never if it is 0.
    pub dies: u16,
    pub finishes: u8,
    /// Bits, by the position of a message in the maildrop: which can't be stored; which stay on the server where they
    /// are stored; which are fetched last.
    pub unstorable: u8,
    pub keeps: u8,
    last: u8,
    /// How many messages are complete before any is stored.
    pub batch: u8,
    /// How many RETR are sent ahead; and in its upper bits how much is fetched, and in which order.
    ahead: u8,
    pub without_unique_ids: bool,
    /// Whether the room for commands is small, and the one for octets.
    pub is_small: bool,
    /// Whether it decides on messages that aren't there to be decided on.
    pub meddles: bool,
    /// Whether a plan that has failed ends the program.
    pub is_brittle: bool,
}

pub const MOST_VISITS: usize = 6;
pub const MOST_MAIL: usize = 6;

/// Contents beside those of the text: such as look like the end, or like something else than mail.
const CONTENTS: [&[u8]; 12] = [
    b"Subject: hi\r\n\r\nhi\r\n",
    b"",
    b".",
    b"\n",
    b"a\n.\nb\n",
    b"..\r\n.x\r\n",
    b"x",
    b"\r",
    b"a\r\n.\r\n",
    b"a\r\n.\r\n+OK\r\nb",
    b".\r\n-ERR\r\n+OK 1 1\r\n",
    b"a\r.\r\n\r\n.\r",
];

/// Unique-ids, as they stand after the space.
pub fn unique_id(number: u8) -> Option<Vec<u8>> {
    let long = |end: &str| ["z".repeat(300).as_str(), end].concat().into_bytes();
    Some(match number % 16 {
        0 => return None,
        1 => b"a".to_vec(),
        2 => b"b".to_vec(),
        3 => b"Mon Nov 29 10:00".to_vec(),
        4 => b"Mon Nov 29 12:30".to_vec(),
        5 => long("1"),
        6 => long("2"),
        7 => vec![0xFF, 1],
        8 => b"a  b".to_vec(),
        9 => b"a b".to_vec(),
        10 => b"A".to_vec(),
        11 => b".".to_vec(),
        12 => b"1".to_vec(),
        13 => b"a\tb".to_vec(),
        14 => b"../x".to_vec(),
        _ => vec![b'm'; 70],
    })
}

impl NewMail {
    pub const PLAIN: Self = Self { content: 0, id: 0 };

    pub fn content(self, texts: &[Vec<u8>]) -> Vec<u8> {
        let content = usize::from(self.content);
        let text = content.checked_sub(CONTENTS.len()).map(|text| text % texts.len().max(1));
        match text {
            None => CONTENTS[content].to_vec(),
            Some(text) => texts.get(text).cloned().unwrap_or_default(),
        }
    }

    /// `None` asks for a new one that is like no other, and `Some(None)` for a message without one.
    pub fn id(self) -> Option<Option<Vec<u8>>> {
        if self.id == 0 { None } else { Some(unique_id(self.id)) }
    }
}

impl Case<'_> {
    pub fn texts(&self) -> Vec<Vec<u8>> {
        const ESC: u8 = 0x1B;
        self.text.split(|octet| *octet == ESC).map(|text| text.iter().copied().take(1_000).collect()).collect()
    }
}

impl Cut {
    pub fn end(self) -> End {
        [End::Clean, End::Stray, End::Reset, End::Silence][usize::from(self.end % 4)]
    }

    /// What is sent in the place of the rest.
    pub fn stray(self) -> &'static [u8] {
        match self.end() {
            End::Stray if self.end & 4 != 0 => b"-ERR idle\r\n-ERR bye\r\n",
            End::Stray => b"-ERR bye\r\n",
            _ => b"",
        }
    }

    /// How many octets of an answer are sent.
    pub fn place(self, octets: usize) -> usize {
        let cut = usize::from(self.octets.unsigned_abs());
        if self.octets < 0 { octets.saturating_sub(cut - 1) } else { cut.min(octets) }
    }
}

impl Whims {
    pub fn ahead(&self) -> Option<usize> {
        Some(usize::from(self.ahead % 8)).filter(|ahead| *ahead > 0)
    }

    /// Whether it looks only at what is newer than what is stored.
    pub fn looks_for_new(&self) -> bool {
        self.ahead & 8 != 0
    }

    pub fn is_newest_first(&self) -> bool {
        self.ahead & 16 != 0
    }

    pub fn with_octets(&self) -> bool {
        self.ahead & 32 != 0
    }

    /// How many messages are fetched in a session.
    pub fn most(&self) -> Option<usize> {
        [None, Some(1), Some(3), None][usize::from(self.ahead >> 6)]
    }

    /// What becomes of a message that isn't stored; `sum` stands for its unique-id.
    pub fn choice(&self, sum: u32) -> Choice {
        match self.ahead >> 6 {
            _ if !Visit::bit(self.last, sum) => Choice::Fetch,
            3 => Choice::Header,
            _ => Choice::Last,
        }
    }
}

impl Visit {
    /// A bit for each message, those beyond the last bit like the first ones.
    pub fn bit(bits: u8, number: u32) -> bool {
        bits >> (number.saturating_sub(1) % 8) & 1 != 0
    }

    /// What a refusal looks like, and what it means.
    pub fn refusal(&self) -> (&'static str, Retry) {
        [
            ("-ERR no\r\n", Retry::Unknown),
            ("-ERR [SYS/TEMP] busy\r\n", Retry::Later),
            ("-ERR [SYS/PERM]\r\n", Retry::Stop),
            ("-ERR\r\n", Retry::Unknown),
        ][usize::from(self.refusal % 4)]
    }
}
