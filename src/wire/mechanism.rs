//! Mechanisms by name, and what must be known about one before any of its messages is.

use core::fmt;

use crate::part::ascii;
use crate::secret::borrowed_secret;

/// The name of a mechanism: 1 to 20 of A–Z, 0–9, `-` and `_` (RFC 4422 §3.1).
///
/// It is read in any case and written in upper case.
///
/// ```
/// use pop3_proto::wire::{Mechanism, Opening};
///
/// let mechanism = Mechanism::new("cram-md5").unwrap();
/// assert_eq!(mechanism, Mechanism::CRAM_MD5);
/// assert_eq!(mechanism.to_string(), "CRAM-MD5");
/// assert_eq!(mechanism.properties().unwrap().opening, Opening::Server);
/// ```
// Spaces fill what the name leaves free.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mechanism([u8; Mechanism::MAX_OCTETS]);

impl Mechanism {
    /// The most octets that a name may have.
    pub const MAX_OCTETS: usize = 20;

    /// A name and a password in one message (RFC 4616).
    pub const PLAIN: Self = Self(*b"PLAIN               ");
    /// A name and a password in two messages (no RFC).
    pub const LOGIN: Self = Self(*b"LOGIN               ");
    /// HMAC-MD5 over a challenge (RFC 2195).
    pub const CRAM_MD5: Self = Self(*b"CRAM-MD5            ");
    /// A bearer token of OAuth 2.0, in the form of one vendor (no RFC).
    pub const XOAUTH2: Self = Self(*b"XOAUTH2             ");
    /// A bearer token of OAuth 2.0 (RFC 7628).
    pub const OAUTHBEARER: Self = Self(*b"OAUTHBEARER         ");
    /// What the connection has already proved, such as a certificate of TLS (RFC 4422 appendix A).
    pub const EXTERNAL: Self = Self(*b"EXTERNAL            ");
    /// Nobody in particular (RFC 4505).
    pub const ANONYMOUS: Self = Self(*b"ANONYMOUS           ");
    /// Salted challenge and response, with SHA-1 (RFC 5802).
    pub const SCRAM_SHA_1: Self = Self(*b"SCRAM-SHA-1         ");
    /// The same, bound to the channel of TLS (RFC 5802).
    pub const SCRAM_SHA_1_PLUS: Self = Self(*b"SCRAM-SHA-1-PLUS    ");
    /// Salted challenge and response, with SHA-256 (RFC 7677).
    pub const SCRAM_SHA_256: Self = Self(*b"SCRAM-SHA-256       ");
    /// The same, bound to the channel of TLS (RFC 7677).
    pub const SCRAM_SHA_256_PLUS: Self = Self(*b"SCRAM-SHA-256-PLUS  ");
    /// Kerberos 5 (RFC 4752).
    pub const GSSAPI: Self = Self(*b"GSSAPI              ");

    /// Creates the name of a mechanism from `name`, in any case.
    ///
    /// # Errors
    /// [`InvalidMechanism`] when it doesn't have the form described at [`Mechanism`].
    pub fn new<T: AsRef<[u8]> + ?Sized>(name: &T) -> Result<Self, InvalidMechanism> {
        let name = name.as_ref();
        let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        if name.is_empty() || !name.iter().all(allowed) {
            return Err(InvalidMechanism);
        }
        let mut octets = [b' '; Self::MAX_OCTETS];
        octets.get_mut(..name.len()).ok_or(InvalidMechanism)?.copy_from_slice(name);
        octets.make_ascii_uppercase();
        Ok(Self(octets))
    }

    /// Returns the name in upper case.
    pub fn as_str(&self) -> &str {
        ascii(self.0.trim_ascii_end())
    }

    /// Returns the mechanism's properties by its specification; `None` for one that this crate doesn't know: whoever
    /// offers it must state them.
    pub fn properties(self) -> Option<Properties> {
        let (opening, cleartext) = match self {
            Self::PLAIN | Self::XOAUTH2 | Self::OAUTHBEARER => (Opening::Client, true),
            Self::LOGIN => (Opening::Either, true),
            Self::CRAM_MD5 => (Opening::Server, false),
            Self::EXTERNAL | Self::ANONYMOUS | Self::GSSAPI => (Opening::Client, false),
            Self::SCRAM_SHA_1 | Self::SCRAM_SHA_1_PLUS | Self::SCRAM_SHA_256 | Self::SCRAM_SHA_256_PLUS => {
                (Opening::Client, false)
            }
            _ => return None,
        };
        Some(Properties { opening, cleartext })
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({self})")
    }
}

/// What must be known about a mechanism before any of its messages is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Properties {
    /// Who sends the first message.
    pub opening: Opening,
    /// Whether an eavesdropper gets something to log in with: a password or a token. The connection must be
    /// secure then (RFC 4616 §6, RFC 7628 §5, RFC 8314 §4).
    pub cleartext: bool,
}

/// Who sends the first message of a mechanism (RFC 4422 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Opening {
    /// The client. If it doesn't come with AUTH, the server asks for it with an empty challenge.
    Client,
    /// The client if it wants to; if nothing comes with AUTH, the server begins with a challenge that isn't empty.
    ///
    /// LOGIN is of this kind: some clients send the name with AUTH, and aren't asked for it then.
    Either,
    /// The server. A response that comes with AUTH is an error (RFC 5034 §4).
    Server,
}

impl Opening {
    /// Whether a response may come with AUTH.
    pub const fn takes_initial_response(self) -> bool {
        !matches!(self, Self::Server)
    }
}

/// A text isn't the name of a mechanism.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a mechanism's name is 1 to 20 letters, digits, hyphens and underscores")]
pub struct InvalidMechanism;

/// A response that comes with AUTH, as it is there: base64, or `=` for one that is empty (RFC 5034 §4).
///
/// One octet or more of visible ASCII; whether it is base64 shows when it is
/// [decoded](crate::auth::sasl::line::decode_initial_response). `Debug` doesn't show it.
#[derive(Clone, Copy)]
pub struct InitialResponse<'a>(&'a [u8]);

impl<'a> InitialResponse<'a> {
    /// Creates an initial response from `octets`.
    ///
    /// # Errors
    /// [`InvalidInitialResponse`] when there are none, or others than visible ASCII. The error doesn't show them.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidInitialResponse> {
        let octets = octets.as_ref();
        if octets.is_empty() || !octets.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidInitialResponse);
        }
        Ok(Self(octets))
    }
}

borrowed_secret!(InitialResponse);

/// Octets aren't an initial response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an initial response is one or more octets of visible ASCII")]
pub struct InvalidInitialResponse;
