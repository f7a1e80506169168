//! The lines of lists, read into what can be kept without borrowing from them.

use crate::buffer::position;
use crate::message::MessageNumber;
use crate::wire::{Deviation, DeviationSet, ListingError, Parsed, ScanListing, UniqueIdListing, listing, number};

/// What the lines of a list are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum List {
    Scan,
    UniqueId,
    Text,
}

/// A line of a list: what it means and where that stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    Scan(ScanListing),
    UniqueId {
        message: MessageNumber,
        start: u32,
        end: u32,
    },
    Text {
        start: u32,
        end: u32,
    },
    /// The message is known where the line begins with a readable number.
    Unreadable {
        message: Option<MessageNumber>,
        error: ListingError,
    },
}

/// A line that keeps to the rules by the letter: its octets with CRLF, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) octets: usize,
    pub(super) entry: PlainEntry,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum PlainEntry {
    Scan(ScanListing),
    UniqueId { message: MessageNumber, octets: usize },
}

impl Entry {
    /// The same entry of a line that begins so many octets earlier.
    pub(super) fn moved(self, octets: u32) -> Self {
        match self {
            Self::UniqueId { message, start, end } => {
                Self::UniqueId { message, start: start + octets, end: end + octets }
            }
            Self::Text { start, end } => Self::Text { start: start + octets, end: end + octets },
            Self::Scan(_) | Self::Unreadable { .. } => self,
        }
    }
}

impl List {
    /// The whole line at the front, if it is there and keeps to the rules by the letter; its octets with CRLF, and what
    /// it means.
    #[inline]
    pub(super) fn plain(self, octets: &[u8]) -> Option<Plain> {
        let (entry, rest) = match self {
            Self::Scan => {
                let (listing, rest) = ScanListing::parse_front(octets)?;
                (PlainEntry::Scan(listing), rest)
            }
            Self::UniqueId => {
                let (message, unique_id, rest) = UniqueIdListing::parse_front(octets)?;
                (PlainEntry::UniqueId { message, octets: unique_id.len() }, rest)
            }
            Self::Text => return None,
        };
        let rest = rest.strip_prefix(b"\r\n")?;
        Some(Plain { octets: octets.len() - rest.len(), entry })
    }

    /// Reads a line without its line end.
    pub(super) fn read(self, text: &[u8], accepted: DeviationSet) -> (Entry, DeviationSet) {
        let read = if self == Self::Scan {
            ScanListing::parse(text, accepted).map(|parsed| (Entry::Scan(parsed.value), parsed.deviations))
        } else {
            UniqueIdListing::parse(text, accepted).map(|Parsed { value: (message, unique_id), deviations }| {
                let end = listing::trim_end(text).len();
                let start = position(end - unique_id.len());
                (Entry::UniqueId { message, start, end: position(end) }, deviations)
            })
        };
        read.unwrap_or_else(|error| {
            let first = text.split(|&octet| octet == b' ').find(|word| !word.is_empty());
            let message = first.and_then(|word| number::parse_message(word).ok());
            (Entry::Unreadable { message, error }, DeviationSet::NONE)
        })
    }

    /// Takes spaces out of a line of words, in place, where there is more than one in a row or one at an end.
    pub(super) fn squeeze(text: &mut [u8], accepted: DeviationSet) -> (Entry, DeviationSet) {
        let spaces =
            memchr::memmem::find(text, b"  ").is_some() || text.first() == Some(&b' ') || text.last() == Some(&b' ');
        if !spaces || !accepted.contains(Deviation::ExtraSpaces) {
            return (Entry::Text { start: 0, end: position(text.len()) }, DeviationSet::NONE);
        }
        let mut end = 0;
        let mut before = b' ';
        for at in 0..text.len() {
            let octet = text.get(at).copied().unwrap_or(b' ');
            if octet != b' ' || before != b' ' {
                if let Some(place) = text.get_mut(end) {
                    *place = octet;
                }
                end += 1;
            }
            before = octet;
        }
        if before == b' ' && end > 0 {
            end -= 1;
        }
        (Entry::Text { start: 0, end: position(end) }, DeviationSet::NONE.with(Deviation::ExtraSpaces))
    }
}
