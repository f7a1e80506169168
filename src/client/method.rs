//! The ways of logging in.

use core::fmt;

use crate::auth::sasl::Mechanism;

/// A way of logging in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Method {
    /// AUTH with a mechanism that the caller's SASL library carries out, such as SCRAM (RFC 7677) or GSSAPI:
    /// [`Login::library`](super::Login::library) allows one.
    Library(Mechanism),
    /// AUTH EXTERNAL (RFC 4422 appendix A): what the connection has already proved, such as a certificate of TLS.
    External,
    /// AUTH OAUTHBEARER (RFC 7628): a token in the place of a password.
    OAuthBearer,
    /// AUTH XOAUTH2: a bearer token, in the form of one vendor.
    XOAuth2,
    /// AUTH CRAM-MD5 (RFC 2195): the password isn't sent, but an eavesdropper can try passwords. It stands before PLAIN
    /// since a false server doesn't get the password. A server may offer it without having the password in the form
    /// that it needs, and then it refuses it without a reason.
    CramMd5,
    /// AUTH PLAIN (RFC 4616).
    Plain,
    /// AUTH LOGIN, PLAIN in two steps.
    Login,
    /// USER and PASS (RFC 1939 §7).
    User,
    /// APOP (RFC 1939 §7), with MD5. A hostile server that chooses its timestamps learns about the password (an attack
    /// newer than RFC 1939 §13), so this stands last: allow it only where it is needed.
    Apop,
}

impl Method {
    /// The methods for a password, the best first, as they suit most callers: no APOP, and nothing that needs a
    /// library.
    pub const PASSWORD: [Self; 4] = [Self::CramMd5, Self::Plain, Self::Login, Self::User];

    /// The methods for a bearer token, the best first.
    pub const TOKEN: [Self; 2] = [Self::OAuthBearer, Self::XOAuth2];

    /// Returns its mechanism, if it is one of AUTH.
    pub const fn mechanism(self) -> Option<Mechanism> {
        match self {
            Self::Library(mechanism) => Some(mechanism),
            Self::External => Some(Mechanism::EXTERNAL),
            Self::OAuthBearer => Some(Mechanism::OAUTHBEARER),
            Self::XOAuth2 => Some(Mechanism::XOAUTH2),
            Self::CramMd5 => Some(Mechanism::CRAM_MD5),
            Self::Plain => Some(Mechanism::PLAIN),
            Self::Login => Some(Mechanism::LOGIN),
            Self::User | Self::Apop => None,
        }
    }

    /// Returns whether it sends a password or token in a form that an eavesdropper could log in with. For a mechanism that
    /// this crate doesn't know the worst is assumed.
    pub fn sends_secret(self) -> bool {
        match self.mechanism() {
            Some(mechanism) => mechanism.properties().is_none_or(|properties| properties.cleartext),
            None => self == Self::User,
        }
    }

    /// The method that a mechanism is by.
    pub(super) fn of(mechanism: Mechanism) -> Self {
        let own = [Self::External, Self::OAuthBearer, Self::XOAuth2, Self::CramMd5, Self::Plain, Self::Login];
        own.into_iter().find(|method| method.mechanism() == Some(mechanism)).unwrap_or(Self::Library(mechanism))
    }

    /// How many messages the client sends up to the one that the secret, or a proof of it, is in; `None` for a method that
    /// sends neither.
    pub(super) fn messages_to_secret(self) -> Option<u8> {
        match self {
            Self::External => None,
            // The name goes before it.
            Self::Login
            | Self::Library(
                Mechanism::SCRAM_SHA_1
                | Mechanism::SCRAM_SHA_1_PLUS
                | Mechanism::SCRAM_SHA_256
                | Mechanism::SCRAM_SHA_256_PLUS,
            ) => Some(2),
            _ => Some(1),
        }
    }

    /// Whether it can act for somebody else than the user whose secret it is.
    pub(super) fn carries_authorization(self) -> bool {
        matches!(self, Self::Library(_) | Self::External | Self::OAuthBearer | Self::Plain)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.mechanism(), self) {
            (Some(mechanism), _) => f.write_str(mechanism.as_str()),
            (None, Self::Apop) => f.write_str("APOP"),
            (None, _) => f.write_str("USER"),
        }
    }
}
