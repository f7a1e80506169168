//! The first line of a connection, and the timestamp in it that offers APOP.

use alloc::boxed::Box;
use core::fmt;

use bytes::BufMut;

use super::deviation::{DeviationSet, Parsed};
use super::response::{InvalidResponse, Response};

/// The line that a server opens with (RFC 1939 §4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Greeting<'a> {
    /// The response: `-ERR` when the server refuses to serve.
    pub response: Response<'a>,
    /// The timestamp, when APOP is offered.
    pub timestamp: Option<Timestamp>,
}

impl<'a> Greeting<'a> {
    /// Parses a line without its line end, as [`Response::parse`] does. The timestamp, if it has a valid one, stays in
    /// the text too.
    ///
    /// # Errors
    /// [`InvalidResponse`] when it isn't a response.
    pub fn parse(line: &'a [u8], accepted: DeviationSet) -> Result<Parsed<Self>, InvalidResponse> {
        let Parsed { value: response, deviations } = Response::parse(line, accepted)?;
        Ok(Parsed { value: Self { response, timestamp: Timestamp::find(response.text()) }, deviations })
    }

    /// Writes the line, CRLF included, with the timestamp after the text. It has at most 512 octets: a text that is
    /// too long is cut, a timestamp never. Of a text that holds `<`, what is before it is written, so that a reader
    /// finds the timestamp.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    pub fn encode(&self, out: &mut impl BufMut) {
        match &self.timestamp {
            Some(timestamp) => self.response.before(b'<').encode_with_tail(out, Some(timestamp.as_str())),
            // What looks like a timestamp would offer APOP.
            None if Timestamp::find(self.response.text()).is_some() => self.response.before(b'<').encode(out),
            None => self.response.encode(out),
        }
    }
}

/// The timestamp of a greeting, with its angle brackets: `<process-id.clock@hostname>` (RFC 1939 §7, APOP).
///
/// It is `<`, then printable ASCII without spaces and angle brackets that holds exactly one `@` with something on each
/// side of it, then `>`. Make a new one for every connection, out of something that nobody can guess. Letters, digits,
/// dots and hyphens around the `@` are understood by all clients; some stumble over `=`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timestamp(Box<str>);

impl Timestamp {
    /// The most octets that a timestamp may have, so that the greeting keeps within 512 octets (RFC 1939 §3).
    pub const MAX_OCTETS: usize = 255;

    /// Creates a timestamp from `text`.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] when it doesn't have the form described at [`Timestamp`].
    pub fn new(text: &str) -> Result<Self, InvalidTimestamp> {
        let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let halves = inner.filter(|_| text.len() <= Self::MAX_OCTETS).and_then(|inner| inner.split_once('@'));
        let is_half = |half: &str| {
            !half.is_empty() && half.bytes().all(|octet| octet.is_ascii_graphic() && !b"<@>".contains(&octet))
        };
        match halves {
            Some((left, right)) if is_half(left) && is_half(right) => Ok(Self(text.into())),
            _ => Err(InvalidTimestamp),
        }
    }

    /// Finds the timestamp in the text of a greeting, in one linear scan: from the first `<` to the next `>`.
    ///
    /// `None` when there is nothing of the kind, or nothing valid: the server doesn't offer APOP then.
    pub fn find(text: &[u8]) -> Option<Self> {
        let start = memchr::memchr(b'<', text)?;
        let rest = text.get(start..)?;
        let end = memchr::memchr(b'>', rest)?;
        Self::new(core::str::from_utf8(rest.get(..=end)?).ok()?).ok()
    }

    /// Returns the timestamp as text, brackets included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text isn't a timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a timestamp is at most 255 octets of printable ASCII in angle brackets, with one `@` inside and no space")]
pub struct InvalidTimestamp;
