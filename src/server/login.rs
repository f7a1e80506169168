//! The token for a login: credentials that came whole, or a step of a SASL exchange.

use alloc::boxed::Box;
use core::fmt;

use super::authorization::{Authorization, Expected, Step, Whole};
use super::close::CloseReason;
use super::maildrop::Maildrop;
use super::open_maildrop::{BrokenMaildrop, OpenMaildrop};
use super::refusals::{BoxError, Rejection, told};
use super::reply::Reply;
use super::terms::Terms;
use crate::auth::apop;
use crate::buffer::{Pipe, Place};
use crate::secret::Secret;
use crate::wire::{Name, Password, ResponseCode, State, Timestamp};

/// A client wants to log in.
///
/// It has [`credentials`](Login::credentials), and is answered by [`accept`](Login::accept), [`reject`](Login::reject) and the
/// like. [`Authenticate`](super::Authenticate) is the same type for a step of a SASL exchange, which has a mechanism, a response
/// and challenges in the place of credentials. `A` tells both apart; a host never writes its values, `Whole` and `SaslStep`. `E` is
/// what the host [remembers](super::Session::with_exchange) of an exchange.
#[must_use = "the session waits for the login to be answered"]
pub struct Login<'a, M: Maildrop, E = (), A = Whole> {
    pub(super) pipe: &'a mut Pipe,
    pub(super) terms: &'a mut Terms,
    pub(super) authorization: &'a mut Authorization<M, E>,
    /// The line that the credentials or the response stand in.
    pub(super) line: Place,
    /// What the host is asked.
    pub(super) asked: A,
}

/// What a client sends in order to log in.
///
/// `Debug` shows the name and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Credentials<'a> {
    /// USER and PASS (RFC 1939 §7), or the mechanisms PLAIN and LOGIN, unless
    /// [`Config::sasl_passwords_as_logins`](super::Config::sasl_passwords_as_logins) says otherwise.
    Password {
        /// Whose maildrop is wanted.
        name: Name<'a>,
        /// The password.
        password: Password<'a>,
    },
    /// APOP (RFC 1939 §7).
    Apop {
        /// Whose maildrop is wanted.
        name: Name<'a>,
        /// The proof that the client knows the shared secret.
        proof: apop::Proof<'a>,
    },
}

impl Credentials<'_> {
    /// Returns whose maildrop is wanted.
    pub const fn name(&self) -> &[u8] {
        match self {
            Self::Password { name, .. } | Self::Apop { name, .. } => name.as_bytes(),
        }
    }

    /// Checks that the client knows the secret of the [named](Self::name) user, `None` where there is no such user. It is compared
    /// in constant time. A host that keeps only hashes of passwords takes [`Credentials::Password`] instead, and verifies what its
    /// password [exposes](Password::expose).
    ///
    /// # Errors
    /// [`Rejection::BadCredentials`]: the login is to be rejected.
    pub fn verify(&self, secret: Option<impl AsRef<[u8]>>) -> Result<(), Rejection> {
        let verified = secret.is_some_and(|secret| match self {
            Self::Password { password, .. } => password.matches(secret.as_ref()),
            Self::Apop { proof, .. } => proof.verify(secret.as_ref()),
        });
        if verified { Ok(()) } else { Err(Rejection::BadCredentials) }
    }
}

impl<M: Maildrop, E> Login<'_, M, E> {
    /// Returns what the client sent in order to log in.
    pub fn credentials(&self) -> Credentials<'_> {
        let line = self.pipe.input.unread();
        let secret = self.asked.secret.slice(line);
        let Authorization { name, timestamp, .. } = &*self.authorization;
        debug_assert!(if self.asked.apop_name.is_some() { timestamp.is_some() } else { name.is_some() });
        match self.asked.apop_name {
            None => Credentials::Password {
                name: Name::new_unchecked(name.as_ref().map_or(&[], Secret::expose)),
                password: Password::new_unchecked(secret),
            },
            Some(name) => Credentials::Apop {
                name: Name::new_unchecked(name.slice(line)),
                proof: apop::Proof::new(timestamp.as_ref().map_or("", Timestamp::as_str), secret),
            },
        }
    }
}

impl<M: Maildrop, E> fmt::Debug for Login<'_, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("credentials", &self.credentials()).finish_non_exhaustive()
    }
}

impl<M: Maildrop, E, A> Login<'_, M, E, A> {
    /// Returns whether the client has sent UTF8, and takes messages as they are (RFC 6856 §2).
    pub fn is_utf8_mode(&self) -> bool {
        self.terms.utf8
    }

    /// Reports what has come of the login: [`accept`](Self::accept) or [`reject`](Self::reject).
    ///
    /// # Errors
    /// The error of `opened` if it is no [`Rejection`], for a log: the client is turned down as [`Rejection::Temporary`] says. Or
    /// [`BrokenMaildrop`], as `accept` returns it.
    pub fn answer(self, opened: Result<M, BoxError>) -> Result<(), BoxError> {
        match opened {
            Ok(maildrop) => Ok(self.accept(maildrop)?),
            Err(error) => {
                let (reason, untold) = told(error, Rejection::Temporary);
                self.reject(reason);
                untold
            }
        }
    }

    /// Lets the client in. The session owns the maildrop from now on, and drops it when the session ends.
    ///
    /// # Errors
    /// [`BrokenMaildrop`] when the maildrop can't be served. It is dropped, the client is sent `-ERR`, and the session
    /// goes on without it; so the error is only for a log. It can't happen where the maildrop vouches for its
    /// unique-ids.
    pub fn accept(mut self, maildrop: M) -> Result<(), BrokenMaildrop> {
        self.end();
        match OpenMaildrop::new(maildrop) {
            Ok(open) => {
                self.terms.good(&mut self.pipe.output, Reply::LoggedIn);
                self.authorization.opened = Some(Box::new(open));
                Ok(())
            }
            Err(broken) => {
                let reply = match broken {
                    BrokenMaildrop::NoUniqueId { .. } => Reply::Temporary,
                    BrokenMaildrop::SameUniqueId { .. } => Reply::Permanent,
                };
                self.terms.reply(&mut self.pipe.output, reply);
                Err(broken)
            }
        }
    }

    /// Turns the client down. It may try again, within the limits of the configuration.
    pub fn reject(mut self, reason: Rejection) {
        self.end();
        let instead = self.authorization.rejected(reason, self.terms);
        if let Err(reason) = self.terms.settle(&mut self.pipe.output, State::Authorization, instead) {
            self.authorization.step = Step::Over(reason);
        }
    }

    /// Gives the safe answer of a host that can't tell: the client is turned down as [`Rejection::Temporary`] says.
    pub fn decline(self) {
        self.reject(Rejection::Temporary);
    }

    /// Turns the client down for a reason that has a code of its own, `REFERRAL/…` for example. It doesn't count as a
    /// failed login.
    pub fn reject_with_code(mut self, code: ResponseCode<'_>) {
        self.end();
        self.terms.respond(&mut self.pipe.output, |terms, text| terms.catalogue().put_refusal(code, text));
    }

    /// Lets the client in, to be served by another server from here: the host has logged in for it there, say, and is
    /// about to splice both connections.
    ///
    /// The client is sent `+OK`, and then comes [`Action::Close`](super::Action::Close) with
    /// [`CloseReason::HandedOver`], after which the connection stays open. Nothing is read meanwhile, and nothing that
    /// came after the login is looked at: [`Session::into_unread`](super::Session::into_unread) has it, for the server that
    /// goes on. If the client doesn't take its `+OK` in time, the reason is [`CloseReason::LoginDeadline`] instead, and the
    /// session isn't handed over.
    ///
    /// What the client was told before must hold afterwards, since it need not ask again: what CAPA announced, what
    /// UTF8 switched on and which language LANG chose. So a host that hands over should offer no UTF8 and no LANG, and announce
    /// only what all the servers that it hands over to have in common:
    /// [`Config::announce_pipelining`](super::Config::announce_pipelining) and its siblings leave out what they don't.
    pub fn hand_over(mut self) {
        self.end();
        self.terms.good(&mut self.pipe.output, Reply::LoggedIn);
        self.authorization.step = Step::Over(CloseReason::HandedOver);
    }

    /// Forgets what belongs to the attempt to log in, and its line.
    pub(super) fn end(&mut self) {
        self.authorization.name = None;
        self.authorization.exchange = None;
        self.authorization.step = Step::Read(Expected::Command);
        self.pipe.input.wipe(self.line.range().end);
    }
}
