//! The lines of lists, read into what can be kept without borrowing from them.

use crate::message::MessageNumber;
use crate::wire::{
    Deviation, DeviationSet, DropListing, InvalidListing, Parsed, ScanListing, UniqueIdListing, number, words,
};

/// What a line of a list means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    Drop(DropListing),
    Scan(ScanListing),
    /// The unique-id is so many octets at the end of the content.
    UniqueId {
        message: MessageNumber,
        octets: usize,
    },
    /// The text is so many octets at the end of the content.
    Text {
        octets: usize,
    },
    /// The message is known where the line begins with a readable number.
    Unreadable {
        message: Option<MessageNumber>,
    },
}

/// A line that keeps to the rules by the letter: its octets without CRLF, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) content: usize,
    pub(super) entry: Entry,
}

impl Plain {
    /// The line of a scan listing at the front, if the whole of it is there.
    #[inline]
    pub(super) fn scan(octets: &[u8]) -> Option<Self> {
        let (listing, rest) = ScanListing::parse_front(octets)?;
        Self::before(octets, rest, Entry::Scan(listing))
    }

    /// The line of a unique-id listing at the front, if the whole of it is there.
    #[inline]
    pub(super) fn unique_id(octets: &[u8]) -> Option<Self> {
        let (message, unique_id, rest) = UniqueIdListing::parse_front(octets)?;
        Self::before(octets, rest, Entry::UniqueId { message, octets: unique_id.len() })
    }

    #[inline]
    fn before(octets: &[u8], rest: &[u8], entry: Entry) -> Option<Self> {
        rest.starts_with(b"\r\n").then_some(Self { content: octets.len() - rest.len(), entry })
    }
}

impl Entry {
    /// Reads what STAT is answered.
    pub(super) fn drop(text: &[u8], accepted: DeviationSet) -> Parsed<Self> {
        Self::new(DropListing::parse(text, accepted), || None, Self::Drop)
    }

    /// Reads a line of a scan listing without its line end.
    pub(super) fn scan(text: &[u8], accepted: DeviationSet) -> Parsed<Self> {
        Self::new(ScanListing::parse(text, accepted), || first_number(text), Self::Scan)
    }

    /// Reads a line of a unique-id listing without its line end.
    pub(super) fn unique_id(text: &[u8], accepted: DeviationSet) -> Parsed<Self> {
        let entry = |(message, id): (_, &[u8])| Self::UniqueId { message, octets: id.len() };
        Self::new(UniqueIdListing::parse(text, accepted), || first_number(text), entry)
    }

    fn new<T>(
        parsed: Result<Parsed<T>, InvalidListing>,
        message: impl FnOnce() -> Option<MessageNumber>,
        entry: impl FnOnce(T) -> Self,
    ) -> Parsed<Self> {
        match parsed {
            Ok(Parsed { value, deviations }) => Parsed { value: entry(value), deviations },
            Err(_) => Parsed { value: Self::Unreadable { message: message() }, deviations: DeviationSet::NONE },
        }
    }

    /// How many octets of a line's content end with what it means.
    pub(super) fn end(&self, content: &[u8]) -> usize {
        if let Self::UniqueId { .. } = self { words::trim_end(content).len() } else { content.len() }
    }
}

fn first_number(text: &[u8]) -> Option<MessageNumber> {
    let first = text.split(|&octet| octet == b' ').find(|word| !word.is_empty())?;
    number::parse_message(first).ok()
}

/// Takes spaces out of a line of words, in place, where there is more than one in a row or one at an end. Returns how many
/// octets are left at the front.
pub(super) fn squeeze(text: &mut [u8], accepted: DeviationSet) -> Parsed<usize> {
    let spaces =
        memchr::memmem::find(text, b"  ").is_some() || text.first() == Some(&b' ') || text.last() == Some(&b' ');
    if !spaces || !accepted.contains(Deviation::ExtraSpaces) {
        return Parsed { value: text.len(), deviations: DeviationSet::NONE };
    }
    let (mut end, mut is_after_space) = (0, true);
    for at in 0..text.len() {
        let is_space = text.get(at) == Some(&b' ');
        if !is_space || !is_after_space {
            text.swap(end, at);
            end += 1;
        }
        is_after_space = is_space;
    }
    if is_after_space {
        end = end.saturating_sub(1);
    }
    Parsed { value: end, deviations: DeviationSet::NONE.with(Deviation::ExtraSpaces) }
}
