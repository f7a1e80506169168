//! A message as a plan names it.

use alloc::sync::Arc;
use core::fmt;

use crate::message::MessageNumber;

/// A message to be fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    pub(super) message: MessageNumber,
    pub(super) id: Option<Arc<[u8]>>,
    pub(super) is_repeated: bool,
}

impl Wanted {
    /// Returns its number in this session.
    pub fn message(&self) -> MessageNumber {
        self.message
    }

    /// Returns its unique-id, if it can serve as a name to store it by: `None` where the server has none, and where it is
    /// listed for another message too.
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
