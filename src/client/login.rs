//! Which way of logging in to choose, and how to carry it out.

use core::fmt;

use super::capabilities::{Feature, Support};
use super::challenge::Challenge;
use super::error::SendError;
use super::event::{Event, EventKind};
use super::knowledge::Knowledge;
use super::queue::Ticket;
use super::retry::Retry;
use super::session::Session;
use super::state::{Authorization, Life};
use crate::auth::apop;
use crate::auth::sasl::{
    AuthorizationIdentity, BearerToken, CramMd5, InvalidMessage, LoginPrompt, Mechanism, OAuthBearer, Plain, XOAuth2,
};
use crate::wire::{Command, Name, Password};

/// A way of logging in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Method {
    /// AUTH SCRAM-SHA-256 (RFC 7677): neither side learns what it could use elsewhere. It needs a SASL library:
    /// [`Session::authenticate_with`] begins it. `+OK` that comes before the server's own proof ends the session; whether
    /// the proof is right is for the library to say: [cancel](Challenge::cancel) if not.
    ScramSha256,
    /// AUTH OAUTHBEARER (RFC 7628): a token in the place of a password.
    OAuthBearer,
    /// AUTH XOAUTH2: the same, in the way of one vendor.
    XOAuth2,
    /// AUTH CRAM-MD5 (RFC 2195): the password isn't sent, but an eavesdropper can try passwords. It stands before PLAIN
    /// since a false server doesn't get the password. A server may offer it without having the password in the form
    /// that it needs: where it's refused as [`AskUser`](Retry::AskUser), the next method may be tried before the user
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

    /// Its mechanism, if it is one of AUTH.
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

    /// Whether it sends a password or token in a form that an eavesdropper could log in with.
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

/// What a user proves an identity with.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A password, for all methods but the two for tokens.
    Password(Password<'a>),
    /// A token, for OAUTHBEARER and XOAUTH2.
    Token(BearerToken<'a>),
}

/// A login, from its first command to its outcome.
///
/// [`begin`](Self::begin) it, show it each event by [`observe`](Self::observe), and have it
/// [`answer`](Self::answer) each challenge.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    method: Method,
    name: Name<'a>,
    proof: Proof<'a>,
    /// How many challenges of LOGIN were answered.
    step: usize,
    /// The commands whose answers tell the outcome: USER, if that was sent, and the last one.
    sent: Option<(Option<Ticket>, Ticket)>,
    /// Whether the server has said that it doesn't accept the token.
    token_failed: bool,
}

/// Why a login can't begin. Nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A command can't be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The message can't be made.
    #[error(transparent)]
    Message(#[from] InvalidMessage),
    /// The method takes the other kind of proof, or needs a SASL library.
    #[error("the method takes another kind of proof, or needs a SASL library")]
    Method,
}

impl<'a> Login<'a> {
    /// A login by this method.
    pub const fn new(method: Method, name: Name<'a>, proof: Proof<'a>) -> Self {
        Self { method, name, proof, step: 0, sent: None, token_failed: false }
    }

    /// Sends the login's first commands.
    ///
    /// # Errors
    /// [`LoginError`]; nothing was sent then.
    pub fn begin(&mut self, session: &mut Session) -> Result<(), LoginError> {
        let name = self.name;
        let mut user = None;
        let last = match (self.method, self.proof) {
            (Method::User, Proof::Password(password)) => {
                let octets = session.check_command(&Command::User { name })?;
                if !session.has_room_for(octets + session.check_command(&Command::Pass { password })?) {
                    return Err(SendError::QueueFull.into());
                }
                user = Some(session.send(&Command::User { name })?);
                session.send(&Command::Pass { password })?
            }
            (Method::Apop, Proof::Password(password)) => {
                let timestamp = session.timestamp().ok_or(SendError::NoTimestamp)?;
                let digest = apop::digest(timestamp, password.expose());
                session.send(&Command::Apop { name, digest })?
            }
            (Method::Plain, Proof::Password(password)) => {
                session.authenticate_with(Mechanism::PLAIN, &Plain { authorization: None, name, password })?
            }
            (Method::Login, Proof::Password(_)) => session.authenticate(Mechanism::LOGIN)?,
            (Method::CramMd5, Proof::Password(_)) => session.authenticate(Mechanism::CRAM_MD5)?,
            (Method::XOAuth2, Proof::Token(token)) => {
                session.authenticate_with(Mechanism::XOAUTH2, &XOAuth2 { name, token })?
            }
            (Method::OAuthBearer, Proof::Token(token)) => {
                let authorization = Some(AuthorizationIdentity::from(name));
                let message = OAuthBearer { authorization, host: None, port: None, token: Some(token) };
                session.authenticate_with(Mechanism::OAUTHBEARER, &message)?
            }
            _ => return Err(LoginError::Method),
        };
        self.sent = Some((user, last));
        self.token_failed = false;
        self.step = 0;
        Ok(())
    }

    /// The outcome of the login, if this event brings it: `Err` tells what to do now that the server has refused it.
    /// The event itself has the server's text.
    pub fn observe(&mut self, event: &Event<'_>) -> Option<Result<(), Retry>> {
        let (user, last) = self.sent?;
        let ticket = event.ticket();
        let outcome = match event.kind() {
            EventKind::Ok(_) if ticket == Some(last) => Ok(()),
            EventKind::Failed(response) if ticket == Some(last) || (ticket.is_some() && ticket == user) => {
                Err(match Retry::from(response.code()) {
                    Retry::Unknown | Retry::AskUser if self.token_failed => Retry::NewToken,
                    retry => retry,
                })
            }
            EventKind::BearerFailure(_) if ticket == Some(last) => {
                self.token_failed = true;
                return None;
            }
            _ => return None,
        };
        self.sent = None;
        Some(outcome)
    }

    /// Answers a challenge of the login.
    pub fn answer(&mut self, challenge: Challenge<'_>) {
        let prompt = LoginPrompt::of_step(self.step);
        self.step += 1;
        match (self.method, self.proof, prompt) {
            (Method::CramMd5, Proof::Password(password), Some(LoginPrompt::Name)) => {
                let response = CramMd5::new(self.name, challenge.as_bytes(), password.expose());
                challenge.respond(&response);
            }
            (Method::Login, _, Some(LoginPrompt::Name)) => challenge.respond(&self.name),
            (Method::Login, Proof::Password(password), Some(LoginPrompt::Password)) => challenge.respond(&password),
            _ => challenge.cancel(),
        }
    }
}
