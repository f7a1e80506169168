//! Names in GS2 headers, where `,` and `=` are escaped (RFC 5801 §4).

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use super::InvalidMessage;
use crate::wire::{InvalidCredential, Name};

/// Whom a client wants to act for, in OAUTHBEARER (RFC 7628 §3.1, `saslname` of RFC 5801 §4).
///
/// It is a [`Name`], and borrowed unless a `,` or `=` in it was escaped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationIdentity<'a>(Cow<'a, [u8]>);

impl<'a> AuthorizationIdentity<'a> {
    /// Creates an authorization identity from `octets`.
    ///
    /// # Errors
    /// [`InvalidCredential`] when they aren't a [`Name`].
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidCredential> {
        Name::new(octets).map(Self::from)
    }

    /// Returns the identity as a name, with nothing escaped.
    pub fn as_name(&self) -> Name<'_> {
        Name::new_unchecked(&self.0)
    }

    /// Reads the escaped form: `=2C` for `,` and `=3D` for `=`.
    pub(super) fn parse(escaped: &'a [u8]) -> Result<Self, InvalidMessage> {
        let mut pieces = escaped.split(|octet| *octet == b'=');
        let first = pieces.next().unwrap_or_default();
        if first.len() == escaped.len() {
            return Ok(Self::new(escaped)?);
        }
        let mut octets = Vec::with_capacity(escaped.len());
        octets.extend_from_slice(first);
        for piece in pieces {
            let (octet, rest) = match piece {
                [b'2', b'C' | b'c', rest @ ..] => (b',', rest),
                [b'3', b'D' | b'd', rest @ ..] => (b'=', rest),
                _ => return Err(InvalidMessage::Form),
            };
            octets.push(octet);
            octets.extend_from_slice(rest);
        }
        Name::new(&octets)?;
        Ok(Self(Cow::Owned(octets)))
    }

    pub(super) fn put_escaped(&self, put: &mut dyn FnMut(&[u8])) {
        for piece in self.0.split_inclusive(|octet| matches!(octet, b',' | b'=')) {
            match piece {
                [plain @ .., b','] => {
                    put(plain);
                    put(b"=2C");
                }
                [plain @ .., b'='] => {
                    put(plain);
                    put(b"=3D");
                }
                plain => put(plain),
            }
        }
    }
}

impl<'a> From<Name<'a>> for AuthorizationIdentity<'a> {
    fn from(name: Name<'a>) -> Self {
        Self(Cow::Borrowed(name.as_bytes()))
    }
}

impl fmt::Debug for AuthorizationIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorizationIdentity(\"{}\")", self.0.escape_ascii())
    }
}
