//! XOAUTH2: a bearer token, in the form of the vendor that had it first. It is in no RFC; OAUTHBEARER came from it.

use super::bearer::{self, BearerToken};
use super::{InvalidMessage, Message};
use crate::wire::Name;

/// The message of XOAUTH2: `user=name ^A auth=Bearer token ^A ^A`, without the spaces around each 0x01.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XOAuth2<'a> {
    /// Whose maildrop the client asks for.
    pub name: Name<'a>,
    /// The token.
    pub token: BearerToken<'a>,
}

impl<'a> XOAuth2<'a> {
    /// What a client answers to a [`BearerFailure`](super::BearerFailure), before `-ERR` comes: nothing, an empty line.
    pub const FAILURE_ANSWER: &'static [u8] = b"";

    /// Parses a message. `Bearer` may be in any case, and keys other than these two are ignored.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it isn't a list of keys and values, one of the two isn't there or is there twice, or
    /// isn't a name or a token.
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        let [Some(name), Some(authorization)] = bearer::values(message, ["user", "auth"])? else {
            return Err(InvalidMessage::Form);
        };
        Ok(Self { name: Name::new(name)?, token: BearerToken::parse_authorization(authorization)? })
    }
}

impl Message for XOAuth2<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(b"user=");
        put(self.name.as_bytes());
        put(&[bearer::SEPARATOR]);
        put(b"auth=");
        self.token.put_authorization(put);
        put(bearer::END);
    }
}
