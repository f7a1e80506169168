//! A password that base64 has carried.

use core::fmt;

use super::Message;
use crate::secret;
use crate::wire::{InvalidCredential, Password};

/// A password, as PLAIN and LOGIN carry it (RFC 4616 §2).
///
/// One octet or more, none of them NUL. It may hold CR and LF, so it can't stand in a command: only what
/// [`Password::new`] takes can. `Debug` doesn't show it.
#[derive(Clone, Copy)]
pub struct CleartextPassword<'a>(&'a [u8]);

impl<'a> CleartextPassword<'a> {
    /// Creates a password from `octets`.
    ///
    /// # Errors
    /// [`InvalidCredential`] when there are none, or a NUL. The error doesn't show the octets.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidCredential> {
        let octets = octets.as_ref();
        if octets.is_empty() {
            return Err(InvalidCredential::Empty);
        }
        if memchr::memchr(0, octets).is_some() {
            return Err(InvalidCredential::ForbiddenOctet);
        }
        Ok(Self(octets))
    }

    /// The octets themselves.
    pub const fn expose(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is the same octets as `secret`, found out in constant time (the length may show).
    pub fn matches(self, secret: &[u8]) -> bool {
        secret::equal(self.0, secret)
    }
}

/// A password that can stand in a command can be carried by base64 too.
impl<'a> From<Password<'a>> for CleartextPassword<'a> {
    fn from(password: Password<'a>) -> Self {
        Self(password.expose())
    }
}

/// Compared in constant time.
impl PartialEq for CleartextPassword<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0)
    }
}

impl Eq for CleartextPassword<'_> {}

impl fmt::Debug for CleartextPassword<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CleartextPassword(..)")
    }
}

/// A response of LOGIN.
impl Message for CleartextPassword<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.0);
    }
}
