//! What all messages have in common: how they are written, and why octets are none.

use bytes::BufMut;

use crate::wire::InvalidCredential;

/// Something that a challenge or a response carries, before base64.
///
/// Octets are a message too, so what a SASL library has made goes out the same way, and a message that is no more than a
/// name, a password or a timestamp.
///
/// ```
/// use pop3_proto::auth::sasl::{Message as _, Name, Password, Plain};
///
/// let plain = Plain {
///     authorization: None,
///     name: Name::new("tim").unwrap(),
///     password: Password::new("tanstaaftanstaaf").unwrap(),
/// };
/// let mut out = Vec::with_capacity(plain.encoded_len());
/// plain.encode(&mut out);
/// assert_eq!(out, b"\0tim\0tanstaaftanstaaf");
/// ```
pub trait Message {
    /// Gives the octets to `put`, piece by piece and in order. They are the same each time.
    fn pieces(&self, put: &mut dyn FnMut(&[u8]));

    /// Returns how many octets the message has.
    fn encoded_len(&self) -> usize {
        let mut octets = 0_usize;
        self.pieces(&mut |piece| octets = octets.saturating_add(piece.len()));
        octets
    }

    /// Writes the octets as they are. A buffer for a secret should have room for all
    /// [of them](Message::encoded_len) from the start: a vector that grows leaves a copy where it was.
    /// [`base64::encode`](super::base64::encode) and the functions in [`line`](mod@super::line) need no such buffer.
    ///
    /// # Panics
    /// If `out` has no room for the message. A `Vec` makes room.
    fn encode(&self, out: &mut impl BufMut)
    where
        Self: Sized,
    {
        self.pieces(&mut |piece| out.put_slice(piece));
    }
}

impl<T: AsRef<[u8]> + ?Sized> Message for T {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.as_ref());
    }
}

/// Why octets aren't a message of a mechanism, or can't be a part of one. It holds none of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// There is a part too few or too many, or something else where a part should be, such as channel binding.
    #[error("the message doesn't have the form that its mechanism asks for")]
    Form,
    /// A name, an authorization identity or a password can't be one.
    #[error(transparent)]
    Credential(#[from] InvalidCredential),
    /// It isn't `Bearer` followed by a token of visible ASCII.
    #[error("a bearer token is visible ASCII after the word Bearer")]
    Token,
    /// A [`Host`](super::Host), an [`Anonymous`](super::Anonymous) or a text of a [`BearerFailure`](super::BearerFailure) can't
    /// be one.
    #[error("a text is empty or too long, or holds a character that its mechanism doesn't allow there")]
    Text,
}
