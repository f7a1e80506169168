//! Whom a login is for, and what proves it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU16;

use crate::auth::apop;
use crate::auth::sasl::{
    AuthorizationIdentity, BearerToken, CramMd5, External, Host, Mechanism, OAuthBearer, Plain, XOAuth2,
};
use crate::client::challenge::Challenge;
use crate::client::error::SendError;
use crate::client::method::Method;
use crate::client::queue::Ticket;
use crate::client::session::Session;
use crate::secret::Secret;
use crate::wire::{Command, Digest, Name, Password};

/// An account on a server. Names are kept as secrets are, since a log may hold neither.
#[derive(Debug, Default)]
pub(super) struct Account {
    name: Option<Secret>,
    credential: Option<Credential>,
    /// Whom to act for.
    pub(super) authorization: Option<Secret>,
    /// What the client meant to reach.
    pub(super) host: Option<(Box<str>, Option<NonZeroU16>)>,
    /// The first messages of the library's mechanisms.
    pub(super) firsts: Vec<(Mechanism, Secret)>,
}

/// What proves an identity.
#[derive(Debug)]
enum Credential {
    Password(Secret),
    Token(Secret),
}

impl Account {
    pub(super) fn of_password(name: Name<'_>, password: Password<'_>) -> Self {
        let credential = Some(Credential::Password(password.expose().into()));
        Self { name: Some(name.as_bytes().into()), credential, ..Self::default() }
    }

    pub(super) fn of_token(name: Name<'_>, token: BearerToken<'_>) -> Self {
        let credential = Some(Credential::Token(token.expose().into()));
        Self { name: Some(name.as_bytes().into()), credential, ..Self::default() }
    }

    pub(super) fn set_token(&mut self, token: BearerToken<'_>) {
        self.credential = Some(Credential::Token(token.expose().into()));
    }

    /// Whether it is known whose account it is.
    pub(super) fn is_known(&self) -> bool {
        self.name.is_some()
    }

    /// Forgets the password or token.
    pub(super) fn forget_secret(&mut self) {
        self.credential = None;
        self.firsts = Vec::new();
    }

    /// The password or token, which nothing may show; empty where there is none.
    pub(super) fn secret(&self) -> &[u8] {
        match &self.credential {
            Some(Credential::Password(secret) | Credential::Token(secret)) => secret.expose(),
            None => &[],
        }
    }

    fn name(&self) -> Option<Name<'_>> {
        self.name.as_ref().map(|name| Name::new_unchecked(name.expose()))
    }

    fn password(&self) -> Option<Password<'_>> {
        match &self.credential {
            Some(Credential::Password(password)) => Some(Password::new_unchecked(password.expose())),
            _ => None,
        }
    }

    fn token(&self) -> Option<BearerToken<'_>> {
        match &self.credential {
            Some(Credential::Token(token)) => BearerToken::new(token.expose()).ok(),
            _ => None,
        }
    }

    fn authorization(&self) -> Option<Name<'_>> {
        self.authorization.as_ref().map(|name| Name::new_unchecked(name.expose()))
    }

    /// Whether a method can be carried out with what there is.
    pub(super) fn suits(&self, method: Method) -> bool {
        let suits = match method {
            Method::Library(_) | Method::External => true,
            Method::OAuthBearer | Method::XOAuth2 => self.token().is_some(),
            _ => self.password().is_some(),
        };
        // The others would act for the user.
        suits && (self.authorization.is_none() || method.carries_authorization())
    }

    /// Sends the first commands of a login by a method that [suits](Self::suits): USER, if that is sent, and the last one.
    pub(super) fn begin(&self, method: Method, session: &mut Session) -> Result<(Option<Ticket>, Ticket), SendError> {
        let (name, password, token) = (self.name(), self.password(), self.token());
        let authorization = self.authorization();
        let last = match (method, name, password, token) {
            (Method::User, Some(name), Some(password), _) => {
                let user = session.send(&Command::User { name })?;
                let pass = session.send(&Command::Pass { password }).inspect_err(|_| {
                    let is_back = session.withdraw(user);
                    debug_assert!(is_back, "nothing is written between two commands");
                })?;
                return Ok((Some(user), pass));
            }
            (Method::Apop, Some(name), Some(password), _) => {
                let digest = session.timestamp().map(|timestamp| apop::digest(timestamp, password.expose()));
                // Without a timestamp the command is refused, whatever digest it has.
                let digest = digest.unwrap_or(Digest::new([0; 16]));
                session.send(&Command::Apop { name, digest })
            }
            (Method::Plain, Some(name), Some(password), _) => {
                session.authenticate_with(Mechanism::PLAIN, &Plain { authorization, name, password })
            }
            (Method::XOAuth2, Some(name), _, Some(token)) => {
                session.authenticate_with(Mechanism::XOAUTH2, &XOAuth2 { name, token })
            }
            (Method::OAuthBearer, Some(name), _, token @ Some(_)) => {
                let host = self.host.as_ref().map(|(host, _)| Host::new_unchecked(host));
                let port = self.host.as_ref().and_then(|(_, port)| *port);
                let authorization = Some(AuthorizationIdentity::from(authorization.unwrap_or(name)));
                session.authenticate_with(Mechanism::OAUTHBEARER, &OAuthBearer { authorization, host, port, token })
            }
            (Method::External, ..) => session.authenticate_with(Mechanism::EXTERNAL, &External { authorization }),
            (Method::Login, ..) => session.authenticate(Mechanism::LOGIN),
            (Method::CramMd5, ..) => session.authenticate(Mechanism::CRAM_MD5),
            (Method::Library(mechanism), ..) => match self.firsts.iter().find(|(of, _)| *of == mechanism) {
                Some((_, first)) => session.authenticate_with(mechanism, first.expose()),
                None => session.authenticate(mechanism),
            },
            _ => {
                debug_assert!(false, "a method that doesn't suit");
                Err(SendError::WrongState)
            }
        };
        Ok((None, last?))
    }

    /// Answers a challenge of a method's, the one after so many others.
    pub(super) fn answer(&self, method: Method, step: usize, challenge: Challenge<'_>) {
        match (method, step, self.name(), self.password()) {
            (Method::CramMd5, 0, Some(name), Some(password)) => {
                let response = CramMd5::new(name, challenge.as_bytes(), password.expose());
                challenge.respond(&response);
            }
            (Method::Login, 0, Some(name), _) => challenge.respond(name.as_bytes()),
            (Method::Login, 1, _, Some(password)) => challenge.respond(password.expose()),
            _ => challenge.cancel(),
        }
    }
}
