//! The lines of lists, read into what can be kept without borrowing from them.

use core::ops::Range;

use super::event::What;
use crate::buffer::{Input, position};
use crate::message::{MessageNumber, UniqueId};
use crate::wire::{Deviation, DeviationSet, DropListing, ListingError, NumberError, ScanListing, number};

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
    entry: PlainEntry,
}

#[derive(Clone, Copy, Debug)]
enum PlainEntry {
    Scan(ScanListing),
    UniqueId { message: MessageNumber, octets: usize },
}

impl Plain {
    /// What it means, out of the octets that it stands at the front of.
    #[inline]
    pub(super) fn what(self, input: &Input) -> What<'_> {
        match self.entry {
            PlainEntry::Scan(listing) => What::Scan(listing),
            PlainEntry::UniqueId { message, octets: unique_id } => {
                let end = self.octets.wrapping_sub(2);
                match input.range(end.wrapping_sub(unique_id), end) {
                    Some(unique_id) => What::UniqueId { message, unique_id },
                    None => What::Ends,
                }
            }
        }
    }
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
        let (message, rest) = number::short(octets)?;
        let [b' ', rest @ ..] = rest else { return None };
        let message = MessageNumber::new(message)?;
        let (behind, entry) = match self {
            Self::Scan => {
                let (octets, behind) = number::short(rest)?;
                (behind, PlainEntry::Scan(ScanListing { message, octets: octets.into() }))
            }
            Self::UniqueId => {
                let octets = number::graphic_octets(rest);
                if octets == 0 || octets > UniqueId::MAX_OCTETS {
                    return None;
                }
                (rest.get(octets..)?, PlainEntry::UniqueId { message, octets })
            }
            Self::Text => return None,
        };
        let behind = behind.strip_prefix(b"\r\n")?;
        Some(Plain { octets: octets.len() - behind.len(), entry })
    }

    /// Reads a line without its line end. Text after the octets of a message is ignored; a unique-id is the rest of the
    /// line, since some servers put spaces into it, and what follows the first may be all that tells two of them apart.
    pub(super) fn read(self, text: &[u8], accepted: DeviationSet) -> (Entry, DeviationSet) {
        let mut words = Words::new(text);
        let mut deviations = DeviationSet::NONE;
        let mut known = None;
        let entry = words.message().and_then(|message| {
            known = Some(message);
            if self == Self::Scan {
                return Ok(Entry::Scan(ScanListing { message, octets: words.number()? }));
            }
            let rest = words.rest()?;
            match UniqueId::new(text.get(rest.clone()).unwrap_or_default()) {
                Ok(_) => {}
                Err(_) if accepted.contains(Deviation::OddUniqueId) => {
                    deviations = deviations.with(Deviation::OddUniqueId);
                }
                Err(invalid) => return Err(invalid.into()),
            }
            Ok(Entry::UniqueId { message, start: position(rest.start), end: position(rest.end) })
        });
        let (entry, deviations) = words.judge(entry, accepted, deviations);
        (entry.unwrap_or_else(|error| Entry::Unreadable { message: known, error }), deviations)
    }

    /// Reads what STAT is answered with.
    pub(super) fn stat(text: &[u8], accepted: DeviationSet) -> (Result<DropListing, ListingError>, DeviationSet) {
        let mut words = Words::new(text);
        let listing = words.number().and_then(|messages| {
            let messages = u32::try_from(messages).map_err(|_| NumberError::OutOfRange)?;
            Ok(DropListing { messages, octets: words.number()? })
        });
        words.judge(listing, accepted, DeviationSet::NONE)
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

/// The words of a line, and whether there are spaces where none should be.
struct Words<'a> {
    text: &'a [u8],
    at: usize,
    extra_spaces: bool,
}

impl<'a> Words<'a> {
    const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, extra_spaces: false }
    }

    /// Where the next word stands.
    fn word(&mut self) -> Result<Range<usize>, ListingError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let spaces = rest.iter().take_while(|&&octet| octet == b' ').count();
        self.extra_spaces |= spaces > usize::from(self.at > 0);
        let rest = rest.get(spaces..).unwrap_or_default();
        let octets = rest.iter().position(|&octet| octet == b' ').unwrap_or(rest.len());
        if octets == 0 {
            return Err(ListingError::MissingWord);
        }
        let start = self.at + spaces;
        self.at = start + octets;
        Ok(start..self.at)
    }

    /// Where all that is left stands, without the spaces around it.
    fn rest(&mut self) -> Result<Range<usize>, ListingError> {
        let word = self.word()?;
        let spaces = self.text.iter().rev().take_while(|&&octet| octet == b' ').count();
        self.at = self.text.len() - spaces;
        Ok(word.start..self.at)
    }

    fn digits(&mut self) -> Result<&'a [u8], ListingError> {
        let word = self.word()?;
        Ok(self.text.get(word).unwrap_or_default())
    }

    fn message(&mut self) -> Result<MessageNumber, ListingError> {
        Ok(number::parse_message(self.digits()?)?)
    }

    fn number(&mut self) -> Result<u64, ListingError> {
        Ok(number::parse(self.digits()?)?)
    }

    /// What was read, unless it deviates in a way that isn't accepted.
    fn judge<T>(
        &self,
        read: Result<T, ListingError>,
        accepted: DeviationSet,
        mut deviations: DeviationSet,
    ) -> (Result<T, ListingError>, DeviationSet) {
        if self.extra_spaces || self.text.last() == Some(&b' ') {
            deviations = deviations.with(Deviation::ExtraSpaces);
        }
        match read {
            Ok(_) if !accepted.contains_all(deviations) => (Err(ListingError::MissingWord), DeviationSet::NONE),
            Ok(_) => (read, deviations),
            Err(_) => (read, DeviationSet::NONE),
        }
    }
}
