//! RFC 1939's words for a message, as validated values: message numbers and unique-ids.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::num::{NonZeroU32, ParseIntError, TryFromIntError};
use core::ops::Range;
use core::str::FromStr;

use crate::part::{ascii, part};
use crate::wire::checked_text;
use md5::{Digest, Md5};

checked_text!(UniqueId);

/// The number of a message in one session: 1 for the first (RFC 1939 §4).
///
/// It means something only until the session ends, and only together with the maildrop that it counts in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// The number of the first message.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Returns the message number `number`, or `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number, at least 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns the place of this message in an index that starts at 0.
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Fails for 0.
impl TryFrom<u32> for MessageNumber {
    type Error = TryFromIntError;

    fn try_from(number: u32) -> Result<Self, TryFromIntError> {
        NonZeroU32::try_from(number).map(Self)
    }
}

impl From<MessageNumber> for u32 {
    fn from(message: MessageNumber) -> Self {
        message.get()
    }
}

/// Reads what [`NonZeroU32`] reads.
impl FromStr for MessageNumber {
    type Err = ParseIntError;

    fn from_str(digits: &str) -> Result<Self, ParseIntError> {
        digits.parse().map(Self)
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The numbers of as many messages, from 1 on: see [`DropListing::numbers`](crate::wire::DropListing::numbers).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageNumbers(Range<u32>);

impl MessageNumbers {
    /// Returns the numbers of a maildrop with `count` messages.
    pub const fn of_count(count: u32) -> Self {
        Self(0..count)
    }

    /// Returns the number of the message at a place that begins at 0.
    fn at(place: u32) -> MessageNumber {
        // A place is below the count, so there is a number for it.
        MessageNumber(NonZeroU32::MIN.saturating_add(place))
    }
}

impl Iterator for MessageNumbers {
    type Item = MessageNumber;

    fn next(&mut self) -> Option<MessageNumber> {
        self.0.next().map(Self::at)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }

    fn nth(&mut self, skipped: usize) -> Option<MessageNumber> {
        self.0.nth(skipped).map(Self::at)
    }
}

impl DoubleEndedIterator for MessageNumbers {
    fn next_back(&mut self) -> Option<MessageNumber> {
        self.0.next_back().map(Self::at)
    }
}

impl ExactSizeIterator for MessageNumbers {}

impl FusedIterator for MessageNumbers {}

/// The unique-id of a message: 1 to 70 octets in the range 0x21 to 0x7E (RFC 1939 §7, UIDL).
///
/// Whole unique-ids are compared, octet by octet. A unique-id stays with its message across sessions; a position in the
/// maildrop is not one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UniqueId<'a>(&'a str);

impl<'a> UniqueId<'a> {
    /// The most octets that a unique-id may have.
    pub const MAX_OCTETS: usize = 70;

    /// Creates a unique-id from `octets`.
    ///
    /// # Errors
    /// [`InvalidUniqueId`] when there are none, more than 70, or one outside 0x21 to 0x7E.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidUniqueId> {
        let octets = octets.as_ref();
        // Without a branch for each octet this becomes vector code.
        let is_graphic = octets.iter().fold(true, |all, octet| all & octet.is_ascii_graphic());
        if octets.is_empty() || octets.len() > Self::MAX_OCTETS || !is_graphic {
            return Err(InvalidUniqueId);
        }
        core::str::from_utf8(octets).map(Self).map_err(|_| InvalidUniqueId)
    }

    /// Returns the unique-id as octets.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

/// Where a unique-id is computed that a store keeps no text of: see
/// [`Maildrop::compute_unique_id`](crate::server::Maildrop::compute_unique_id).
///
/// ```
/// use pop3_proto::message::UniqueIdBuffer;
///
/// let mut buffer = UniqueIdBuffer::default();
/// let (uid_validity, uid) = (1_700_000_000_u32, 42_u32);
/// let unique_id = buffer.write(format_args!("{uid_validity:08x}{uid:08x}")).unwrap();
/// assert_eq!(unique_id.as_str(), "6553f1000000002a");
/// ```
#[derive(Debug)]
pub struct UniqueIdBuffer {
    octets: [u8; UniqueId::MAX_OCTETS],
    len: usize,
}

impl Default for UniqueIdBuffer {
    fn default() -> Self {
        Self { octets: [0; UniqueId::MAX_OCTETS], len: 0 }
    }
}

impl UniqueIdBuffer {
    /// Returns what `text` displays as a unique-id.
    ///
    /// # Errors
    /// [`InvalidUniqueId`], as for [`UniqueId::new`].
    pub fn write(&mut self, text: impl fmt::Display) -> Result<UniqueId<'_>, InvalidUniqueId> {
        self.len = 0;
        fmt::write(self, format_args!("{text}")).map_err(|_| InvalidUniqueId)?;
        UniqueId::new(part(&self.octets, ..self.len))
    }
}

/// Appends, as long as there is room.
impl fmt::Write for UniqueIdBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.octets.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Octets aren't a unique-id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a unique-id is 1 to 70 octets of 0x21 to 0x7E")]
pub struct InvalidUniqueId;

/// The unique-ids of a whole maildrop in two allocations, each valid and no two the same.
///
/// Collect it from the names that a store has for its messages, in the order of their numbers. A name that is a valid
/// unique-id stays as it is. One that isn't, and every later one of several equal names, becomes 32 hexadecimal digits
/// that depend on the name (and, among equals, on its rank) alone, so they are the same in the next session; only where
/// some other message bears these digits for a name are they different ones.
///
/// ```
/// use pop3_proto::message::{MessageNumber, UniqueIds};
///
/// let ids: UniqueIds = ["1700000001.M1.host", "two words", "1700000001.M1.host"].into_iter().collect();
/// let id = |number| ids.get(MessageNumber::new(number).unwrap()).unwrap().as_str();
/// assert_eq!(id(1), "1700000001.M1.host");
/// assert_eq!(id(2).len(), 32);
/// assert_ne!(id(3), id(1));
/// ```
///
/// A name that repeats gets its place in this order, so when the first of two equal names is removed, the other is the
/// first in the next session, and a client may mistake it for the one that it knows. Give messages names of their own.
///
/// Its memory is the octets of the ids and one `usize` for each; building it sorts the ids once, which takes one more
/// `u32` for each until it is done, and some 60 octets for each that repeats. The time is that of the sort whatever the
/// names are, those among them that imitate the digits of others.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct UniqueIds {
    text: String,
    ends: Vec<usize>,
}

impl UniqueIds {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the unique-id of `message`, or `None` beyond the last.
    pub fn get(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.at(message.index()).map(UniqueId)
    }

    fn at(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..end)
    }

    fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// Returns the places that need an id of their own, and the digest that it is made of, in rising order: those whose
    /// id is at an earlier place too, or at any place as a valid name if theirs, which are at `invalid`, wasn't.
    fn repeated(&self, invalid: &[u32]) -> Vec<(u32, [u8; 16])> {
        let id = |place: u32| {
            let id = self.at(place as usize);
            debug_assert!(id.is_some(), "a place is that of an id");
            id.unwrap_or_default()
        };
        let is_invalid = |place| invalid.binary_search(&place).is_ok();
        let mut firsts: Vec<u32> = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
        firsts.sort_unstable_by(|&a, &b| {
            id(a).cmp(id(b)).then_with(|| is_invalid(a).cmp(&is_invalid(b))).then_with(|| a.cmp(&b))
        });
        let mut repeats = Vec::new();
        let (mut before, mut rank) = ("", 0);
        firsts.retain(|&place| {
            rank = if id(place) == before { rank + 1 } else { 0 };
            before = id(place);
            if rank > 0 {
                repeats.push((place, rank));
            }
            rank == 0
        });
        // Each attempt that fails is the fault of another id, which can't spoil a second one: so there are no more
        // attempts than ids.
        let mut taken = BTreeSet::new();
        let digests = repeats.into_iter().filter_map(|(place, rank)| {
            let mut attempts = (1..=u32::MAX).map(|attempt| digest(id(place).as_bytes(), attempt, rank));
            let is_free = |digest: &[u8; 16]| {
                let digits = digits(*digest);
                firsts.binary_search_by(|&first| id(first).as_bytes().cmp(&digits)).is_err() && taken.insert(*digest)
            };
            attempts.find(is_free).map(|digest| (place, digest))
        });
        let mut digests: Vec<_> = digests.collect();
        digests.sort_unstable_by_key(|&(place, _)| place);
        digests
    }

    /// Returns the same ids, except for those that are `repeated`.
    fn renamed(&self, repeated: &[(u32, [u8; 16])]) -> Self {
        let mut repeated = repeated.iter().peekable();
        let mut renamed = Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(self.len()) };
        for (place, id) in (0..self.len()).map_while(|place| Some((place, self.at(place)?))) {
            match repeated.next_if(|(repeated, _)| *repeated as usize == place) {
                Some((_, digest)) => renamed.push_digits(*digest),
                None => renamed.push(id),
            }
        }
        renamed
    }

    fn push_digits(&mut self, digest: [u8; 16]) {
        self.push(ascii(&digits(digest)));
    }
}

/// Returns the digest that an id is made of: that of a name, of its rank among equals, and of how often the result was
/// taken already.
fn digest(name: &[u8], attempt: u32, rank: u32) -> [u8; 16] {
    let mut md5 = Md5::new();
    md5.update(attempt.to_be_bytes());
    md5.update(rank.to_be_bytes());
    md5.update(name);
    md5.finalize().into()
}

fn digits(digest: [u8; 16]) -> [u8; 32] {
    let mut digits = [0; 32];
    // 16 octets make 32 digits: this can't fail.
    let _ = hex::encode_to_slice(digest, &mut digits);
    digits
}

impl<T: AsRef<[u8]>> FromIterator<T> for UniqueIds {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut ids = Self::default();
        let mut invalid = Vec::new();
        for name in names {
            if let Ok(id) = UniqueId::new(name.as_ref()) {
                ids.push(id.as_str());
            } else {
                invalid.extend(u32::try_from(ids.len()));
                ids.push_digits(digest(name.as_ref(), 0, 0));
            }
        }
        let repeated = ids.repeated(&invalid);
        if !repeated.is_empty() {
            ids = ids.renamed(&repeated);
        }
        ids.text.shrink_to_fit();
        ids.ends.shrink_to_fit();
        ids
    }
}

/// What became of the messages that were marked as deleted, once QUIT was sent (RFC 1939 §6).
///
/// A message that was already gone counts as removed. Where no message was marked, there is nothing that could stay.
///
/// A server's host collects it from the result of each removal: `All` if nothing failed, or if there was nothing to remove.
///
/// ```
/// use pop3_proto::message::Removal;
///
/// let results = [Ok(()), Err("permission denied"), Ok(())];
/// assert_eq!(results.into_iter().collect::<Removal>(), Removal::NotAll);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Removal {
    /// All are removed: QUIT is answered `+OK`. A message whose DELE was refused wasn't marked. Before login no message is.
    All,
    /// Some or all are still there: QUIT is answered `-ERR`.
    NotAll,
    /// It isn't known. A client has no answer to QUIT; a server's host can't tell, and QUIT is answered `-ERR`.
    Unknown,
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all marked messages are removed",
            Self::NotAll => "not all marked messages are removed",
            Self::Unknown => "it is not known whether the marked messages are removed",
        })
    }
}

/// From the result for each message: `All` if nothing failed.
impl<E> FromIterator<Result<(), E>> for Removal {
    fn from_iter<I: IntoIterator<Item = Result<(), E>>>(removals: I) -> Self {
        // Each is looked at, so that one failure keeps no other message from being removed.
        removals.into_iter().fold(Self::All, |all, removal| if removal.is_ok() { all } else { Self::NotAll })
    }
}
