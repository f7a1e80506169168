//! What a user proves an identity with, as commands and messages of SASL carry it.

use core::fmt;

use crate::secret::{borrowed_secret, hidden};

/// The name of a maildrop or user, as USER and APOP carry it (RFC 1939 §7).
///
/// One octet or more, none of them a control octet. Case, spaces and octets beyond ASCII stay as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Creates a name from `octets`.
    ///
    /// # Errors
    /// [`InvalidCredential`] when there are none, or a control octet (CR, LF, NUL and TAB among them). The error
    /// doesn't show the octets.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidCredential> {
        let octets = octets.as_ref();
        if octets.is_empty() {
            return Err(InvalidCredential::Empty);
        }
        if octets.iter().any(u8::is_ascii_control) {
            return Err(InvalidCredential::ForbiddenOctet);
        }
        Ok(Self(octets))
    }

    /// Creates it from what [`new`](Self::new) has taken before.
    pub(crate) fn new_unchecked(octets: &'a [u8]) -> Self {
        debug_assert!(Self::new(octets).is_ok());
        Self(octets)
    }

    /// Returns the octets of the name.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name(\"{}\")", self.0.escape_ascii())
    }
}

/// A password, as PASS, PLAIN and LOGIN carry it (RFC 1939 §7, RFC 4616 §2).
///
/// One octet or more, none of them CR, LF or NUL. `Debug` doesn't show it.
#[derive(Clone, Copy)]
pub struct Password<'a>(&'a [u8]);

impl<'a> Password<'a> {
    /// Creates a password from `octets`.
    ///
    /// # Errors
    /// [`InvalidCredential`] when there are none, or a CR, LF or NUL. The error doesn't show the octets.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidCredential> {
        let octets = octets.as_ref();
        if octets.is_empty() {
            return Err(InvalidCredential::Empty);
        }
        match memchr::memchr3(b'\r', b'\n', 0, octets) {
            None => Ok(Self(octets)),
            Some(_) if octets.contains(&0) => Err(InvalidCredential::ForbiddenOctet),
            Some(_) => Err(InvalidCredential::LineEnd),
        }
    }

    /// Creates it from what [`new`](Self::new) has taken before.
    pub(crate) fn new_unchecked(octets: &'a [u8]) -> Self {
        debug_assert!(Self::new(octets).is_ok());
        Self(octets)
    }
}

borrowed_secret!(Password);

/// Why octets aren't a name or a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredential {
    /// There is no octet.
    #[error("a name or password has at least one octet")]
    Empty,
    /// There is a NUL, or another control octet in a name.
    #[error("a name holds no control octet, and a password no NUL")]
    ForbiddenOctet,
    /// There is a CR or LF in a password. Base64 carries it, but nobody has such a password.
    #[error("a password holds no CR or LF")]
    LineEnd,
}

/// The 16 octets that APOP carries as 32 hexadecimal digits (RFC 1939 §7).
///
/// Whoever has seen it can try passwords against it, so `Debug` doesn't show it.
#[derive(Clone, Copy)]
pub struct Digest([u8; 16]);

impl Digest {
    pub(crate) const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Reads 32 hexadecimal digits of either case; `None` for anything else.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        let mut octets = [0; 16];
        hex::decode_to_slice(digits, &mut octets).ok()?;
        Some(Self(octets))
    }

    /// Returns the 32 lower-case hexadecimal digits that go on the wire.
    pub fn to_hex(self) -> [u8; 32] {
        let mut digits = [0; 32];
        // 16 octets make 32 digits: this can't fail.
        let _ = hex::encode_to_slice(self.0, &mut digits);
        digits
    }
}

hidden!(Digest);
