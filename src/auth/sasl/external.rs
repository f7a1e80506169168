//! EXTERNAL: what the connection has already proved (RFC 4422 appendix A).

use super::{InvalidMessage, Message};
use crate::wire::Name;

/// The message of EXTERNAL: an authorization identity, or nothing (RFC 4422 appendix A.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct External<'a> {
    /// Whom the client wants to act for. Without it, that follows from what the connection has proved.
    pub authorization: Option<Name<'a>>,
}

impl<'a> External<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// [`InvalidMessage::Credential`] when it holds a control octet.
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        let authorization = if message.is_empty() { None } else { Some(Name::new(message)?) };
        Ok(Self { authorization })
    }
}

impl Message for External<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.authorization.map_or(&[], Name::as_bytes));
    }
}
