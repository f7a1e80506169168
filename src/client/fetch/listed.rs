//! Messages as the server lists them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;

use crate::message::MessageNumber;

/// What to do with a message that is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Fetch it.
    Fetch,
    /// Leave it on the server.
    Keep,
    /// Delete it without fetching it. It is stored already: an earlier session has left it on the server, or its QUIT was
    /// lost.
    ///
    /// A unique-id is unique within one maildrop only: choose this for what was stored out of the same account, or mail that
    /// was never fetched is deleted.
    Delete,
}

/// A message to be fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    pub(super) message: MessageNumber,
    pub(super) id: Option<Box<[u8]>>,
    pub(super) is_repeated: bool,
    /// How often the unique-id is listed.
    pub(super) equals: u32,
}

impl Wanted {
    /// Its number in this session.
    pub fn message(&self) -> MessageNumber {
        self.message
    }

    /// Its unique-id, if it can serve as a name to store it by: `None` where the server has none, and where it is
    /// listed for another message too.
    ///
    /// It is unique within its maildrop, and it is what the server sent: octets of any kind, `/` and `..` among them, and
    /// upper and lower case differ. Encode it where it is to name a file.
    pub fn unique_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| !self.is_repeated)
    }

    /// The unique-id that the server lists for this message and others too, so that it can't serve as a name.
    pub fn repeated_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| self.is_repeated)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({}", self.message)?;
        if let Some(id) = &self.id {
            write!(f, ", {}{}", if self.is_repeated { "repeated " } else { "" }, id.escape_ascii())?;
        }
        f.write_str(")")
    }
}

/// What was listed so far: all that is needed to tell what is listed more than once.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Numbers of messages and [keys](key_of) of unique-ids, and how often they were listed.
    keys: BTreeMap<u64, u32>,
    /// The memory that all entries take, including the parts of a plan that are made of them.
    octets: usize,
}

impl Listed {
    const MOST_OCTETS: usize = 64 << 20;

    /// The memory that an entry takes beside its unique-id, by estimate.
    const ENTRY: usize = 160;

    /// Takes note of an entry; `false` if it is one too many.
    pub(super) fn add(&mut self, message: MessageNumber, id: Option<&[u8]>) -> bool {
        let has_room = self.octets < Self::MOST_OCTETS;
        for key in [Some(message.get().into()), id.map(key_of)].into_iter().flatten() {
            match self.keys.get_mut(&key) {
                Some(times) => *times = times.saturating_add(1),
                None if has_room => _ = self.keys.insert(key, 1),
                None => {}
            }
        }
        if has_room {
            self.octets += Self::ENTRY + id.map_or(0, <[u8]>::len);
        }
        has_room
    }

    /// Tells how often a message is listed.
    pub(super) fn tell(&self, wanted: &mut Wanted) {
        let times = |key| self.keys.get(&key).copied().unwrap_or(0);
        wanted.equals = wanted.id.as_deref().map_or(0, |id| times(key_of(id)));
        wanted.is_repeated = wanted.equals > 1 || times(wanted.message.get().into()) > 1;
    }
}

/// What a unique-id is remembered by: its FNV-1a hash, with the highest bit set, which no message number has. Two with the
/// same key are taken to be the same, which costs no more than their names.
fn key_of(unique_id: &[u8]) -> u64 {
    let add = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01B3);
    unique_id.iter().fold(0xCBF2_9CE4_8422_2325, add) | 1 << 63
}
