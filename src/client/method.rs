//! Which way of logging in to choose.

use core::fmt;

use super::capabilities::{Feature, Support};
use super::knowledge::Knowledge;
use super::session::Session;
use super::state::{Authorization, Life};
use crate::auth::sasl::Mechanism;

/// A way of logging in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Method {
    /// AUTH SCRAM-SHA-256 (RFC 7677): neither side learns what it could use elsewhere. It needs a SASL library:
    /// [`Session::authenticate_with`] begins it. `+OK` that comes before the server's own proof ends the session; whether
    /// the proof is right is for the library to say: [cancel](super::Challenge::cancel) if not.
    ScramSha256,
    /// AUTH OAUTHBEARER (RFC 7628): a token in the place of a password.
    OAuthBearer,
    /// AUTH XOAUTH2: a bearer token, in the form of one vendor.
    XOAuth2,
    /// AUTH CRAM-MD5 (RFC 2195): the password isn't sent, but an eavesdropper can try passwords. It stands before PLAIN
    /// since a false server doesn't get the password. A server may offer it without having the password in the form
    /// that it needs: where it's refused as [`AskUser`](super::Retry::AskUser), the next method may be tried before the user
    /// is asked.
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
    /// All methods, the best first.
    pub const ALL: [Self; 8] = [
        Self::ScramSha256,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
        Self::User,
        Self::Apop,
    ];

    /// The methods for a password, the best first, as they suit most callers: no APOP, and nothing that needs a
    /// library.
    pub const PASSWORD: [Self; 4] = [Self::CramMd5, Self::Plain, Self::Login, Self::User];

    /// The methods for a bearer token, the best first.
    pub const TOKEN: [Self; 2] = [Self::OAuthBearer, Self::XOAuth2];

    /// Returns its mechanism, if it is one of AUTH.
    pub const fn mechanism(self) -> Option<Mechanism> {
        match self {
            Self::ScramSha256 => Some(Mechanism::SCRAM_SHA_256),
            Self::OAuthBearer => Some(Mechanism::OAUTHBEARER),
            Self::XOAuth2 => Some(Mechanism::XOAUTH2),
            Self::CramMd5 => Some(Mechanism::CRAM_MD5),
            Self::Plain => Some(Mechanism::PLAIN),
            Self::Login => Some(Mechanism::LOGIN),
            Self::User | Self::Apop => None,
        }
    }

    /// Returns whether it sends a password or token in a form that an eavesdropper could log in with.
    pub const fn sends_secret(self) -> bool {
        matches!(self, Self::OAuthBearer | Self::XOAuth2 | Self::Plain | Self::Login | Self::User)
    }

    /// Returns the first of the `allowed` methods that the server offers and that sends no secret where others may listen.
    /// It depends on what is known now: so send CAPA first, and STLS before that if the connection has no TLS.
    ///
    /// Where others may listen and the server offers STLS, there is no method at all until TLS is there, unless
    /// [`Config::cleartext_secrets`](super::Config::cleartext_secrets) allows it; nor is there where
    /// [`Config::require_tls`](super::Config::require_tls) says so. After STLS, APOP comes after all other methods, wherever
    /// it stands among the allowed ones: its timestamp came in the clear.
    ///
    /// A server that doesn't know CAPA is taken to have USER.
    ///
    /// # Errors
    /// [`NoMethod`]: better no login than a weak one (RFC 5034 §4).
    pub fn choose(session: &Session, allowed: &[Self]) -> Result<Self, NoMethod> {
        if !session.life.knowledge().is_some_and(Knowledge::is_complete) {
            return Err(NoMethod::CapabilitiesUnknown);
        }
        let is_offered = |method: &&Self| match method.mechanism() {
            Some(mechanism) => {
                session.capabilities().is_some_and(|listed| listed.mechanisms().any(|listed| listed == mechanism))
            }
            None if **method == Self::Apop => session.timestamp().is_some(),
            None => session.support(Feature::User) != Support::No,
        };
        // A proof in the clear is one that can be guessed from, and the server may offer more once there is TLS.
        let offers_tls = !session.may_send_secrets() && session.support(Feature::Stls) == Support::Yes;
        if offers_tls || !session.may_log_in() {
            return Err(NoMethod::NeedsTls);
        }
        let is_upgraded = matches!(session.life, Life::Authorization(Authorization { is_upgraded: true, .. }));
        let is_last = |method: &&Self| is_upgraded && **method == Self::Apop;
        let offered = || allowed.iter().filter(is_offered);
        let mut why = NoMethod::NotOffered;
        for method in offered().filter(|method| !is_last(method)).chain(offered().filter(is_last)) {
            if !method.sends_secret() || session.may_send_secrets() {
                return Ok(*method);
            }
            why = NoMethod::NeedsTls;
        }
        Err(why)
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

/// Why there is no method to log in by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoMethod {
    /// The server wasn't asked with CAPA what it offers, or hasn't answered.
    #[error("the server was not asked what it offers")]
    CapabilitiesUnknown,
    /// TLS is needed: the server offers STLS where others may listen, or the configuration requires TLS, or those allowed
    /// methods that the server offers would send a secret where others may listen.
    #[error("there is no way to log in that is safe without TLS")]
    NeedsTls,
    /// The server offers none of the allowed methods.
    #[error("the server offers none of the allowed ways to log in")]
    NotOffered,
}
