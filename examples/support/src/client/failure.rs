//! What went wrong, as one line that says where and what.

use std::error::Error;
use std::fmt::{self, Display, Write as _};

use pop3_proto::auth::sasl::base64;
use pop3_proto::client;
use pop3_proto::wire::{Response, Status};

/// Why the conversation with the server ended before its time.
pub enum End {
    /// The session has failed.
    Session(client::Error),
    /// The program itself gave up; the text says where.
    Job(Box<dyn Error + Send + Sync>),
}

impl From<client::Error> for End {
    fn from(error: client::Error) -> Self {
        Self::Session(error)
    }
}

impl From<Box<dyn Error + Send + Sync>> for End {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Job(error)
    }
}

impl Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Job(error) => error.fmt(f),
        }
    }
}

/// All that went wrong and didn't end the program: the first cause, and which messages failed after it.
#[derive(Default)]
pub(crate) struct Failures {
    cause: Option<String>,
    has_messages: bool,
    /// The messages that failed after the cause, as many as are shown.
    others: Vec<String>,
    /// Those that aren't shown.
    more: usize,
}

impl Failures {
    /// How many messages a line names beside that of the cause.
    const OTHERS: usize = 9;

    /// Takes note of a failure that concerns no message, or none alone.
    pub(crate) fn add(&mut self, cause: String) {
        self.cause.get_or_insert(cause);
    }

    /// Takes note of a message that can't be had.
    pub(crate) fn add_message(&mut self, name: String, cause: &impl Display) {
        self.has_messages = true;
        if self.cause.is_none() {
            self.cause = Some(format!("message {name}: {cause}"));
        } else if self.others.len() < Self::OTHERS {
            self.others.push(name);
        } else {
            self.more += 1;
        }
    }

    /// Whether messages failed, so that what ended the program later is another matter.
    pub(crate) fn has_messages(&self) -> bool {
        self.has_messages
    }
}

impl Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.as_deref().unwrap_or_default())?;
        if !self.others.is_empty() {
            write!(f, "; failed too: {}", self.others.join(", "))?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

/// What a server answers, for people: the line as it came.
pub(crate) fn said(response: &Response<'_>) -> String {
    let text = response.text();
    let indicator = match response.status() {
        Status::Ok => "+OK",
        Status::Err => "-ERR",
    };
    let code = response.code().map_or(String::new(), |code| format!(" [{}]", code.as_str()));
    let space = if text.is_empty() { "" } else { " " };
    format!("{indicator}{code}{space}{}", printable(text))
}

/// Octets with dots in the place of a secret, as it is and in base64.
pub(crate) fn without(secret: &[u8], octets: &[u8]) -> Vec<u8> {
    const HIDDEN: &[u8] = b"...";
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/".contains(octet);
    let holds_secret = |word: &[u8]| {
        // With its padding, whether that came with it or not.
        let mut octets = word.to_vec();
        octets.resize(word.len().next_multiple_of(4), b'=');
        let decoded = base64::decode(&mut octets).ok().and_then(|length| octets.get(..length));
        decoded.is_some_and(|octets| octets.windows(secret.len().max(1)).any(|part| part == secret))
    };
    let words = octets.chunk_by(|left, right| is_base64(left) == is_base64(right));
    let plain: Vec<u8> = words.flat_map(|word| if holds_secret(word) { HIDDEN } else { word }).copied().collect();
    let mut shown = Vec::new();
    let mut rest = &plain[..];
    while let [first, after @ ..] = rest {
        if let Some(after) = rest.strip_prefix(secret).filter(|_| !secret.is_empty()) {
            shown.extend_from_slice(HIDDEN);
            rest = after;
        } else {
            shown.push(*first);
            rest = after;
        }
    }
    shown
}

/// The front of what a stranger sent, [printable], since an error is one line for people.
pub(crate) fn excerpt(octets: &[u8]) -> String {
    /// Enough for a response line of mail software, or a unique-id that keeps to the rules.
    const MOST: usize = 100;
    match octets.get(..MOST) {
        Some(front) if octets.len() > MOST => format!("{}...", printable(front)),
        _ => printable(octets),
    }
}

/// Octets of a stranger's as one line, with everything escaped that a terminal could take for more than text.
pub(crate) fn printable(octets: &[u8]) -> String {
    let mut line = String::new();
    for character in String::from_utf8_lossy(octets).chars() {
        if character == ' ' || character.is_ascii_graphic() {
            line.push(character);
        } else {
            let _ = write!(line, "{}", character.escape_debug());
        }
    }
    line
}
