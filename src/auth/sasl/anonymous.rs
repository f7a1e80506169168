//! ANONYMOUS: nobody in particular (RFC 4505).

use super::{InvalidMessage, Message};
use crate::wire::checked_text;

checked_text!(Anonymous);

/// The message of ANONYMOUS: what the client leaves for a log, such as an address to write to, or nothing (RFC 4505 §2).
/// It proves nothing.
///
/// At most 255 characters of UTF-8, none of them a control character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Anonymous<'a>(&'a str);

impl<'a> Anonymous<'a> {
    /// The most characters that a message may have (RFC 4505 §2).
    pub const MAX_CHARACTERS: usize = 255;

    /// Creates a message from `text`.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it doesn't have the form described at [`Anonymous`].
    pub fn new(text: &'a str) -> Result<Self, InvalidMessage> {
        let too_long = text.chars().nth(Self::MAX_CHARACTERS).is_some();
        if too_long || text.chars().any(char::is_control) { Err(InvalidMessage::Text) } else { Ok(Self(text)) }
    }

    /// Parses a message.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it doesn't have the form described at [`Anonymous`].
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        core::str::from_utf8(message).map_err(|_| InvalidMessage::Text).and_then(Self::new)
    }
}

impl Message for Anonymous<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.0.as_bytes());
    }
}
