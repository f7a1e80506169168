//! RFC 1939's words for a message, as validated values: message numbers and unique-ids.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use md5::{Digest, Md5};

/// The number of a message in one session: 1 for the first (RFC 1939 §4).
///
/// It means something only until the session ends, and only together with the maildrop that it counts in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// The number of the first message.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The message number `number`, or `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, at least 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The place of this message in an index that starts at 0.
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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
        if octets.is_empty() {
            return Err(InvalidUniqueId::Empty);
        }
        if octets.len() > Self::MAX_OCTETS {
            return Err(InvalidUniqueId::TooLong);
        }
        // Without a branch for each octet this becomes vector code.
        if !octets.iter().fold(true, |all, octet| all & octet.is_ascii_graphic()) {
            return Err(InvalidUniqueId::ForbiddenOctet);
        }
        core::str::from_utf8(octets).map(Self).map_err(|_| InvalidUniqueId::ForbiddenOctet)
    }

    /// The unique-id as text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The unique-id as octets.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for UniqueId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why octets aren't a unique-id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUniqueId {
    /// There is no octet at all.
    #[error("a unique-id has at least one octet")]
    Empty,
    /// There are more than 70 octets.
    #[error("a unique-id has at most 70 octets")]
    TooLong,
    /// An octet is outside 0x21 to 0x7E.
    #[error("a unique-id has octets of 0x21 to 0x7E only")]
    ForbiddenOctet,
}

/// The unique-ids of a whole maildrop in two allocations, each valid and no two the same.
///
/// Collect it from the names that a store has for its messages, in the order of their numbers. A name that is a valid
/// unique-id stays as it is. One that isn't, and every later one of several equal names, becomes 32 hexadecimal digits
/// that depend on the name (and, among equals, on its rank) alone, so they are the same in the next session.
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
/// `u32` for each until it is done.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct UniqueIds {
    text: String,
    ends: Vec<usize>,
}

impl UniqueIds {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The unique-id of `message`, or `None` beyond the last.
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

    /// The same ids, except that each of the `repeated` places gets one derived from its id and its rank.
    fn renamed(&self, repeated: &[Repeat], round: u32) -> Self {
        let mut repeated = repeated.iter().peekable();
        let mut renamed = Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(self.len()) };
        for (place, id) in (0..self.len()).map_while(|place| Some((place, self.at(place)?))) {
            match repeated.next_if(|repeat| repeat.place as usize == place) {
                Some(repeat) => renamed.push(&derived(id.as_bytes(), round, repeat.rank)),
                None => renamed.push(id),
            }
        }
        renamed
    }
}

/// A place whose key stands at an earlier place too; `rank` counts the earlier ones.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    place: u32,
    rank: u32,
}

/// The places of `0..count` whose key repeats an earlier one, in rising order. Sorts `count` places once.
fn repeats<K: Ord>(count: u32, key: impl Fn(u32) -> K) -> Vec<Repeat> {
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by(|&a, &b| key(a).cmp(&key(b)).then(a.cmp(&b)));
    let mut rank = 0;
    let mut repeated = Vec::new();
    for (&before, &place) in order.iter().zip(order.iter().skip(1)) {
        rank = if key(before) == key(place) { rank + 1 } else { 0 };
        if rank > 0 {
            repeated.push(Repeat { place, rank });
        }
    }
    repeated.sort_unstable_by_key(|repeat| repeat.place);
    repeated
}

/// 32 hexadecimal digits out of a name and what tells it from its equals.
fn derived(name: &[u8], round: u32, rank: u32) -> String {
    let mut md5 = Md5::new();
    md5.update(round.to_be_bytes());
    md5.update(rank.to_be_bytes());
    md5.update(name);
    hex::encode(md5.finalize())
}

impl<T: AsRef<[u8]>> FromIterator<T> for UniqueIds {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut ids = Self::default();
        for name in names {
            match UniqueId::new(name.as_ref()) {
                Ok(id) => ids.push(id.as_str()),
                Err(_) => ids.push(&derived(name.as_ref(), 0, 0)),
            }
        }
        // A derived id may itself stand in the maildrop already, so look again until nothing repeats.
        for round in 1.. {
            let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let repeated = repeats(count, |place| ids.at(place as usize));
            if repeated.is_empty() {
                break;
            }
            ids = ids.renamed(&repeated, round);
        }
        ids.text.shrink_to_fit();
        ids.ends.shrink_to_fit();
        ids
    }
}
