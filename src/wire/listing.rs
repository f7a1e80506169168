//! Drop, scan and unique-id listings: the lines that STAT, LIST and UIDL answer with.

use bytes::BufMut;

use super::number::{self, FromRight, NumberError};
use crate::message::{InvalidUniqueId, MessageNumber, UniqueId};

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

/// Why octets aren't a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// The second word isn't there.
    #[error("a listing has two words")]
    MissingWord,
    /// A number isn't one, or is out of range.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The unique-id isn't one.
    #[error(transparent)]
    UniqueId(#[from] InvalidUniqueId),
}

impl DropListing {
    /// Parses the text after `+OK `. What follows the two numbers is ignored.
    ///
    /// # Errors
    /// [`ListingError`] when it doesn't begin with two numbers.
    pub fn parse(text: &[u8]) -> Result<Self, ListingError> {
        let (messages, rest) = word(text)?;
        let messages = u32::try_from(number::parse(messages)?).map_err(|_| NumberError::OutOfRange)?;
        Ok(Self { messages, octets: number::parse(first_word(rest))? })
    }

    /// Writes the two numbers, without a line end.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(FromRight::new().number(self.octets).space().number(self.messages.into()).as_bytes());
    }
}

impl ScanListing {
    /// Parses a line of a multi-line response without its line end, or the text after `+OK `. What follows the two
    /// numbers is ignored.
    ///
    /// # Errors
    /// [`ListingError`] when it doesn't begin with a message number and a number of octets.
    pub fn parse(line: &[u8]) -> Result<Self, ListingError> {
        let (message, rest) = word(line)?;
        Ok(Self { message: number::parse_message(message)?, octets: number::parse(first_word(rest))? })
    }

    /// Writes the two numbers, without a line end.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(self.before(FromRight::new()).as_bytes());
    }

    /// Writes the two numbers and CRLF.
    #[inline]
    pub fn encode_line(&self, out: &mut impl BufMut) {
        out.put_slice(self.before(FromRight::new().line_end()).as_bytes());
    }

    #[inline]
    fn before(&self, end: FromRight) -> FromRight {
        end.number(self.octets).space().number(self.message.get().into())
    }
}

impl<'a> UniqueIdListing<'a> {
    /// Parses a line of a multi-line response without its line end, or the text after `+OK `.
    ///
    /// # Errors
    /// [`ListingError`] when it isn't a message number, a space, and a unique-id.
    pub fn parse(line: &'a [u8]) -> Result<Self, ListingError> {
        let (message, rest) = word(line)?;
        Ok(Self { message: number::parse_message(message)?, unique_id: UniqueId::new(rest)? })
    }

    /// Writes the number and the unique-id, without a line end.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(FromRight::new().space().number(self.message.get().into()).as_bytes());
        out.put_slice(self.unique_id.as_bytes());
    }

    /// Writes the number, the unique-id and CRLF.
    #[inline]
    pub fn encode_line(&self, out: &mut impl BufMut) {
        self.encode(out);
        out.put_slice(b"\r\n");
    }
}

/// Splits at the first space.
fn word(text: &[u8]) -> Result<(&[u8], &[u8]), ListingError> {
    let space = text.iter().position(|&octet| octet == b' ').ok_or(ListingError::MissingWord)?;
    let (word, rest) = text.split_at(space);
    Ok((word, rest.get(1..).unwrap_or_default()))
}

fn first_word(text: &[u8]) -> &[u8] {
    text.split(|&octet| octet == b' ').next().unwrap_or_default()
}
