//! Drop, scan and unique-id listings: the lines that STAT, LIST and UIDL answer with.

use bytes::BufMut;

use super::command::CommandError;
use super::deviation::{Deviation, DeviationSet, Parsed};
use super::number::{self, FromRight};
use super::words::Words;
use crate::message::{MessageNumber, MessageNumbers, UniqueId};

/// What STAT reports: how many messages there are, and how many octets in all (RFC 1939 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DropListing {
    /// The number of messages that aren't marked as deleted.
    pub messages: u32,
    /// The sum of their octets on the wire.
    pub octets: u64,
}

/// What LIST reports of a message (RFC 1939 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ScanListing {
    /// The message.
    pub message: MessageNumber,
    /// Its octets on the wire. As a client, treat it as a hint: a message ends where its end line is.
    pub octets: u64,
}

/// What UIDL reports of a message (RFC 1939 §7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UniqueIdListing<'a> {
    /// The message.
    pub message: MessageNumber,
    /// Its unique-id.
    pub unique_id: UniqueId<'a>,
}

/// Octets aren't a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a listing is two numbers, or the number of a message and a unique-id, with one space between")]
pub struct InvalidListing;

impl DropListing {
    /// Returns the numbers of the messages, from both ends: a server numbers them from 1 on when the session begins. Ask for
    /// them before the first DELE, as STAT counts no message that is marked as deleted, but the others keep their numbers.
    ///
    /// ```
    /// use pop3_proto::wire::DropListing;
    ///
    /// let stat = DropListing { messages: 3, octets: 360 };
    /// let newest_first: Vec<u32> = stat.numbers().rev().map(|message| message.get()).collect();
    /// assert_eq!(newest_first, [3, 2, 1]);
    /// ```
    pub const fn numbers(self) -> MessageNumbers {
        MessageNumbers::of_count(self.messages)
    }

    /// Parses the text after `+OK `. What follows the two numbers is ignored.
    ///
    /// [`ExtraSpaces`](Deviation::ExtraSpaces) are overlooked if they are in `accepted`.
    ///
    /// # Errors
    /// [`InvalidListing`] when it doesn't begin with two numbers.
    pub fn parse(text: &[u8], accepted: DeviationSet) -> Result<Parsed<Self>, InvalidListing> {
        let mut words = Words::of_line(text);
        let (messages, octets) = (words.number().map_err(invalid)?, words.number().map_err(invalid)?);
        let messages = u32::try_from(messages).map_err(|_| InvalidListing)?;
        accept(Self { messages, octets }, words, accepted)
    }

    /// Writes the two numbers and CRLF.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        let line = FromRight::new().line_end().number(self.octets).space().number(self.messages.into());
        out.put_slice(line.as_bytes());
    }
}

impl ScanListing {
    /// Parses a line of a multi-line response without its line end, or the text after `+OK `. What follows the two
    /// numbers is ignored.
    ///
    /// [`ExtraSpaces`](Deviation::ExtraSpaces) are overlooked if they are in `accepted`.
    ///
    /// # Errors
    /// [`InvalidListing`] when it doesn't begin with a message number and a number of octets.
    #[inline]
    pub fn parse(line: &[u8], accepted: DeviationSet) -> Result<Parsed<Self>, InvalidListing> {
        if let Some((listing, [])) = Self::parse_front(line) {
            return Ok(Parsed { value: listing, deviations: DeviationSet::NONE });
        }
        let mut words = Words::of_line(line);
        let (message, octets) = (words.message().map_err(invalid)?, words.number().map_err(invalid)?);
        accept(Self { message, octets }, words, accepted)
    }

    /// Parses what almost all lines are: two short numbers that more follows, a line end most often. Returns the rest.
    #[inline]
    pub(crate) fn parse_front(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (message, rest) = message_front(octets)?;
        let (octets, rest) = number::short(rest)?;
        Some((Self { message, octets: octets.into() }, rest))
    }

    /// Writes the two numbers and CRLF.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        let line = FromRight::new().line_end().number(self.octets).space().number(self.message.get().into());
        out.put_slice(line.as_bytes());
    }
}

impl<'a> UniqueIdListing<'a> {
    /// Parses a line of a multi-line response without its line end, or the text after `+OK `: a message number, and the
    /// octets of its unique-id.
    ///
    /// The unique-id is the rest of the line, since some servers put spaces into it, and what follows the first may be
    /// all that tells two of them apart. [`OddUniqueId`](Deviation::OddUniqueId), which isn't a [`UniqueId`], and
    /// [`ExtraSpaces`](Deviation::ExtraSpaces) before and after the two are overlooked if they are in `accepted`.
    ///
    /// # Errors
    /// [`InvalidListing`] when it isn't a message number, a space, and a unique-id.
    #[inline]
    pub fn parse(line: &'a [u8], accepted: DeviationSet) -> Result<Parsed<(MessageNumber, &'a [u8])>, InvalidListing> {
        if let Some((message, unique_id, [])) = Self::parse_front(line) {
            return Ok(Parsed { value: (message, unique_id), deviations: DeviationSet::NONE });
        }
        let mut words = Words::of_line(line);
        let (message, unique_id) = (words.message().map_err(invalid)?, words.rest());
        if unique_id.is_empty() {
            return Err(InvalidListing);
        }
        words.note(UniqueId::new(unique_id).is_err(), Deviation::OddUniqueId);
        accept((message, unique_id), words, accepted)
    }

    /// Parses what almost all lines are: a short number and a unique-id, which more may follow, a line end most often.
    /// Returns the rest.
    #[inline]
    pub(crate) fn parse_front(octets: &'a [u8]) -> Option<(MessageNumber, &'a [u8], &'a [u8])> {
        let (message, rest) = message_front(octets)?;
        let (unique_id, rest) = rest.split_at_checked(number::graphic_octets(rest))?;
        let is_valid = !unique_id.is_empty() && unique_id.len() <= UniqueId::MAX_OCTETS;
        is_valid.then_some((message, unique_id, rest))
    }

    /// Writes the number, the unique-id and CRLF.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(FromRight::new().space().number(self.message.get().into()).as_bytes());
        out.put_slice(self.unique_id.as_bytes());
        out.put_slice(b"\r\n");
    }
}

/// Returns a message number of at most seven digits and one space, and what follows them.
#[inline]
fn message_front(octets: &[u8]) -> Option<(MessageNumber, &[u8])> {
    let (message, rest) = number::short(octets)?;
    let [b' ', rest @ ..] = rest else { return None };
    Some((MessageNumber::new(message)?, rest))
}

fn invalid(_: CommandError) -> InvalidListing {
    InvalidListing
}

/// Returns what was read of words, if their deviations are accepted.
fn accept<T>(value: T, words: Words<'_>, accepted: DeviationSet) -> Result<Parsed<T>, InvalidListing> {
    let deviations = words.deviations();
    if accepted.contains_all(deviations) { Ok(Parsed { value, deviations }) } else { Err(InvalidListing) }
}
