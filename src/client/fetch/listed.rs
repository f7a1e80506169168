//! A message as a plan names it.

use alloc::sync::Arc;
use core::fmt;

use crate::message::MessageNumber;

/// A message that the server has listed.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedMessage {
    pub(super) message: MessageNumber,
    pub(super) id: Option<Arc<[u8]>>,
    pub(super) is_repeated: bool,
    pub(super) octets: Octets,
}

/// What LIST says of a message, if it says anything that can be read. An `Option` would take twice the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Octets(u64);

impl Octets {
    pub(super) const UNKNOWN: Self = Self(u64::MAX);

    pub(super) fn new(octets: u64) -> Self {
        Self(octets)
    }

    fn known(self) -> Option<u64> {
        Some(self.0).filter(|_| self != Self::UNKNOWN)
    }
}

impl ListedMessage {
    /// Returns its number in this session.
    pub fn message(&self) -> MessageNumber {
        self.message
    }

    /// Returns its unique-id, if it can serve as a name to store it by: `None` where the server has none, where it can't be
    /// read, and where it is listed for another message too.
    ///
    /// It is unique within its maildrop while the message is there, and it is what the server sent: octets of any kind,
    /// `/`, `..` and spaces among them, and upper and lower case differ. Odd ones have up to
    /// [`line_limit`](crate::client::Config::line_limit) octets. Encode it, or its digest, where it is to name a file.
    pub fn unique_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| !self.is_repeated)
    }

    /// Returns the unique-id that the server lists for this message and others too, so that it can't serve as a name.
    pub fn repeated_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| self.is_repeated)
    }

    /// Returns its octets as LIST reports them, where the plan [asks for them](super::Fetch::with_octets) or has no unique-ids;
    /// `None` where the server doesn't say. Some servers count wrongly: treat it as a hint.
    #[doc(alias = "size")]
    pub fn octets(&self) -> Option<u64> {
        self.octets.known()
    }
}

impl fmt::Debug for ListedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedMessage({}", self.message)?;
        if let Some(id) = &self.id {
            write!(f, ", {}{}", if self.is_repeated { "repeated " } else { "" }, id.escape_ascii())?;
        }
        if let Some(octets) = self.octets() {
            write!(f, ", {octets} octets")?;
        }
        f.write_str(")")
    }
}
