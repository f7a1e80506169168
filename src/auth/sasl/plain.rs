//! PLAIN: a name and a password in one message (RFC 4616).

use super::{InvalidMessage, Message};
use crate::wire::{Name, Password};

/// The message of PLAIN: `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plain<'a> {
    /// Whom the client wants to act for. Without it, that follows from the name.
    pub authorization: Option<Name<'a>>,
    /// Whose password it is.
    pub name: Name<'a>,
    /// The password.
    pub password: Password<'a>,
}

impl<'a> Plain<'a> {
    /// Parses a message.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it isn't three parts with a NUL between each two, the name or the password is empty, a
    /// name holds a control octet, or the password CR or LF.
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        let mut parts = message.split(|octet| *octet == 0);
        let (Some(authorization), Some(name), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidMessage::Form);
        };
        let authorization = if authorization.is_empty() { None } else { Some(Name::new(authorization)?) };
        Ok(Self { authorization, name: Name::new(name)?, password: Password::new(password)? })
    }

    /// Returns whom the client wants to act for, if that isn't the user it logs in as. Whether it may is the host's
    /// decision; acting for oneself is always fine, and some clients state it.
    pub fn other_identity(&self) -> Option<Name<'a>> {
        self.authorization.filter(|identity| *identity != self.name)
    }
}

impl Message for Plain<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.authorization.map_or(&[], Name::as_bytes));
        put(&[0]);
        put(self.name.as_bytes());
        put(&[0]);
        put(self.password.expose());
    }
}
