//! How to carry a login out.

use super::challenge::Challenge;
use super::error::SendError;
use super::event::{Event, EventKind};
use super::method::Method;
use super::queue::Ticket;
use super::retry::Retry;
use super::session::Session;
use crate::auth::apop;
use crate::auth::sasl::{AuthorizationIdentity, BearerToken, CramMd5, Mechanism, OAuthBearer, Plain, XOAuth2};
use crate::wire::{Command, Digest, Name, Password};

/// What a user proves an identity with.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
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
    credential: Credential<'a>,
    /// How many challenges were answered.
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
    /// The method takes a token where a password was given, or a password where a token was, or it needs a SASL library.
    #[error("the method takes another kind of credential, or needs a SASL library")]
    Method,
}

impl<'a> Login<'a> {
    /// Creates a login by this method.
    pub const fn new(method: Method, name: Name<'a>, credential: Credential<'a>) -> Self {
        Self { method, name, credential, step: 0, sent: None, token_failed: false }
    }

    /// Sends the login's first commands.
    ///
    /// # Errors
    /// [`LoginError`]; nothing was sent then.
    pub fn begin(&mut self, session: &mut Session) -> Result<(), LoginError> {
        let name = self.name;
        let mut user = None;
        let last = match (self.method, self.credential) {
            (Method::User, Credential::Password(password)) => {
                let first = session.send(&Command::User { name })?;
                user = Some(first);
                session.send(&Command::Pass { password }).inspect_err(|_| {
                    let is_back = session.withdraw(first);
                    debug_assert!(is_back, "nothing is written between two commands");
                })?
            }
            (Method::Apop, Credential::Password(password)) => {
                let digest = session.timestamp().map(|timestamp| apop::digest(timestamp, password.expose()));
                // Without a timestamp the command is refused, whatever digest it has.
                let digest = digest.unwrap_or(Digest::new([0; 16]));
                session.send(&Command::Apop { name, digest })?
            }
            (Method::Plain, Credential::Password(password)) => {
                session.authenticate_with(Mechanism::PLAIN, &Plain { authorization: None, name, password })?
            }
            (Method::Login, Credential::Password(_)) => session.authenticate(Mechanism::LOGIN)?,
            (Method::CramMd5, Credential::Password(_)) => session.authenticate(Mechanism::CRAM_MD5)?,
            (Method::XOAuth2, Credential::Token(token)) => {
                session.authenticate_with(Mechanism::XOAUTH2, &XOAuth2 { name, token })?
            }
            (Method::OAuthBearer, Credential::Token(token)) => {
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

    /// Returns the outcome of the login, if this event brings it: `Err` tells what to do now that the server has refused it.
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
        let step = self.step;
        self.step += 1;
        match (self.method, self.credential, step) {
            (Method::CramMd5, Credential::Password(password), 0) => {
                let response = CramMd5::new(self.name, challenge.as_bytes(), password.expose());
                challenge.respond(&response);
            }
            (Method::Login, _, 0) => challenge.respond(self.name.as_bytes()),
            (Method::Login, Credential::Password(password), 1) => challenge.respond(password.expose()),
            _ => challenge.cancel(),
        }
    }
}
