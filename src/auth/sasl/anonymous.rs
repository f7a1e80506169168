//! ANONYMOUS: nobody in particular (RFC 4505).

use super::{InvalidMessage, Message};
use crate::wire::checked_text;

checked_text!(Trace);

/// The message of ANONYMOUS: a trace, or nothing (RFC 4505 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Anonymous<'a> {
    /// What the client leaves about itself, if anything.
    pub trace: Option<Trace<'a>>,
}

/// What an anonymous client leaves for a log, such as an address to write to. It proves nothing.
///
/// 1 to 255 characters of UTF-8, none of them a control character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Trace<'a>(&'a str);

impl<'a> Trace<'a> {
    /// The most characters that a trace may have (RFC 4505 §2).
    pub const MAX_CHARACTERS: usize = 255;

    /// Creates a trace from `text`.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it doesn't have the form described at [`Trace`].
    pub fn new(text: &'a str) -> Result<Self, InvalidMessage> {
        let too_long = text.chars().nth(Self::MAX_CHARACTERS).is_some();
        if text.is_empty() || too_long || text.chars().any(char::is_control) {
            return Err(InvalidMessage::Text);
        }
        Ok(Self(text))
    }
}

impl<'a> Anonymous<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it is neither empty nor a trace.
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        let text = core::str::from_utf8(message).map_err(|_| InvalidMessage::Text)?;
        let trace = if text.is_empty() { None } else { Some(Trace::new(text)?) };
        Ok(Self { trace })
    }
}

impl Message for Anonymous<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.trace.map_or("", Trace::as_str).as_bytes());
    }
}
