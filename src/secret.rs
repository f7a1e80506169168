//! Octets that are never shown, are wiped when dropped, and are compared in constant time.

use alloc::boxed::Box;
use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A password, a shared secret, or anything else that no log may hold: what a host may keep in its table of users.
///
/// `Debug` prints a placeholder, dropping overwrites the octets, and [`Secret::matches`] takes as long for a guess that
/// is almost right as for one that is not (the length of both may show).
///
/// ```
/// use pop3_proto::Secret;
///
/// let secret = Secret::from(b"tanstaaf".as_slice());
/// assert!(secret.matches(b"tanstaaf"));
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Returns the octets themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `guess` is the same octets, compared in constant time.
    pub fn matches(&self, guess: &[u8]) -> bool {
        equal(&self.0, guess)
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self(octets.into())
    }
}

/// Copies the octets and wipes the vector: what takes a vector with room to spare over may leave a copy where it was.
impl From<Vec<u8>> for Secret {
    fn from(mut octets: Vec<u8>) -> Self {
        let secret = Self::from(octets.as_slice());
        octets.zeroize();
        secret
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What all octets have in common that no log may hold.
macro_rules! hidden {
    ($Name:ident $(<$lifetime:lifetime>)?) => {
        /// Compared in constant time (the length may show).
        impl PartialEq for $Name $(<$lifetime>)? {
            fn eq(&self, other: &Self) -> bool {
                $crate::secret::equal(self.0.as_ref(), other.0.as_ref())
            }
        }

        impl Eq for $Name $(<$lifetime>)? {}

        impl core::fmt::Debug for $Name $(<$lifetime>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($Name), "(..)"))
            }
        }
    };
}

hidden!(Secret);

/// What such octets have in common if somebody else owns them.
macro_rules! borrowed_secret {
    ($Name:ident) => {
        $crate::secret::hidden!($Name<'_>);

        impl<'a> $Name<'a> {
            /// Returns the octets themselves.
            pub const fn expose(self) -> &'a [u8] {
                self.0
            }

            /// Whether it is the same octets as `secret`, compared in constant time (the length may show).
            pub fn matches(self, secret: &[u8]) -> bool {
                $crate::secret::equal(self.0, secret)
            }
        }
    };
}

pub(crate) use {borrowed_secret, hidden};

/// Compares in constant time; the lengths may show.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
