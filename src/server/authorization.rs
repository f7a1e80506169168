//! AUTHORIZATION: from the greeting to an open maildrop (RFC 1939 §4).

use core::fmt;

use super::Phase;
use super::connection::{Connection, PendingLogin, Task};
use super::exchange::Place;
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::reply::Reply;
use super::transaction::{BrokenMaildrop, Transaction};
use crate::auth::apop;
use crate::buffer::{Input, Line, position};
use crate::secret::Secret;
use crate::wire::{Command, Language, Name, Password, ResponseCode, State, Timestamp};

/// A client wants to log in.
#[must_use = "the session waits for the login to be answered"]
pub struct Login<'a, M: Maildrop> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    pub(super) phase: &'a mut Phase<M>,
    pub(super) pending: PendingLogin,
}

/// What a client sends in order to log in.
///
/// `Debug` shows the name and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Credentials<'a> {
    /// USER and PASS (RFC 1939 §7), or the mechanisms PLAIN and LOGIN if the configuration
    /// [asks for that](super::Config::sasl_passwords_as_logins).
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
    /// Whose maildrop is wanted.
    pub const fn name(&self) -> &[u8] {
        match self {
            Self::Password { name, .. } | Self::Apop { name, .. } => name.as_bytes(),
        }
    }

    /// Whether the client has proved that it knows `secret`, found out in constant time. A host that keeps only hashes
    /// of passwords takes the password out of [`Credentials::Password`] instead.
    pub fn verify(&self, secret: &[u8]) -> bool {
        match self {
            Self::Password { password, .. } => password.matches(secret),
            Self::Apop { proof, .. } => proof.verify(secret),
        }
    }
}

/// Why a login is turned down. The response gives the reason as a code, and never reveals whether the name exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The name or the password is wrong, or policy refuses them: `[AUTH]`. Counts as a failed login.
    BadCredentials,
    /// The credentials are right, and another session has the maildrop: `[IN-USE]`.
    InUse,
    /// The last login is too recent: `[LOGIN-DELAY]`.
    LoginDelay {
        /// After how many seconds the client may try again; the response's text gives it.
        seconds: Option<u32>,
    },
    /// A problem on this side that is likely to pass: `[SYS/TEMP]`.
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
    Permanent,
}

impl<M: Maildrop> Login<'_, M> {
    /// What the client sent in order to log in.
    pub fn credentials(&self) -> Credentials<'_> {
        let line = self.input.octets();
        match self.pending {
            PendingLogin::Password { password, .. } => Credentials::Password {
                name: Name::new_unchecked(self.connection.name.as_ref().map_or(&[], Secret::expose)),
                password: Password::new_unchecked(password.of(line)),
            },
            PendingLogin::Apop { name, digest, .. } => Credentials::Apop {
                name: Name::new_unchecked(name.of(line)),
                proof: apop::Proof::new(
                    self.connection.timestamp.as_ref().map_or("", Timestamp::as_str),
                    digest.of(line),
                ),
            },
        }
    }

    /// Whether the client has sent UTF8, and takes messages as they are (RFC 6856 §2).
    pub fn is_utf8_mode(&self) -> bool {
        self.connection.utf8
    }

    /// Lets the client in. The session owns the maildrop from now on, and drops it when the session ends.
    ///
    /// # Errors
    /// [`BrokenMaildrop`] when the maildrop can't be served. It is dropped, the client is sent `-ERR`, and the session
    /// goes on without it; so the error is only for a log. It can't happen where the maildrop vouches for its
    /// unique-ids.
    pub fn accept(self, maildrop: M) -> Result<(), BrokenMaildrop> {
        self.connection.end_login(self.input);
        self.connection.log_in(self.phase, maildrop)
    }

    /// Turns the client down. It may try again, within the limits of the configuration.
    pub fn reject(self, reason: Rejection) {
        self.connection.end_login(self.input);
        self.connection.turn_down(reason);
    }

    /// The safe answer of a host that can't tell: the client is turned down as [`Rejection::Temporary`] says.
    pub fn decline(self) {
        self.reject(Rejection::Temporary);
    }

    /// Turns the client down for a reason that has a code of its own, `REFERRAL/…` for example. It doesn't count as a
    /// failed login.
    pub fn reject_with_code(self, code: ResponseCode<'_>) {
        self.connection.end_login(self.input);
        self.connection.refuse_login(code);
    }
}

impl<M: Maildrop> fmt::Debug for Login<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("credentials", &self.credentials()).finish_non_exhaustive()
    }
}

/// The keyword of PASS and APOP, and a space.
const KEYWORD: usize = 5;

impl Connection {
    /// Lets the client in, if its maildrop can be served.
    pub(super) fn log_in<M: Maildrop>(&mut self, phase: &mut Phase<M>, maildrop: M) -> Result<(), BrokenMaildrop> {
        match Transaction::open(maildrop) {
            Ok(transaction) => {
                self.good(Reply::LoggedIn);
                self.timestamp = None;
                *phase = Phase::Transaction(transaction);
                Ok(())
            }
            Err(broken) => {
                self.reply(match broken {
                    BrokenMaildrop::NoUniqueId { .. } => Reply::Temporary,
                    BrokenMaildrop::SameUniqueId { .. } => Reply::Permanent,
                });
                Err(broken)
            }
        }
    }

    /// Turns the client down.
    pub(super) fn turn_down(&mut self, reason: Rejection) {
        match reason {
            Rejection::BadCredentials => self.failed_login(),
            Rejection::InUse => self.reply(Reply::InUse),
            Rejection::LoginDelay { seconds } => self.login_delay(seconds),
            Rejection::Temporary => self.reply(Reply::Temporary),
            Rejection::Permanent => self.reply(Reply::Permanent),
        }
    }

    /// Answers a command that doesn't leave the state.
    pub(super) fn answer(&mut self, command: &Command<'_>) {
        match *command {
            // Whatever the name is, the answer is the same (R-1939-36).
            Command::User { name } => {
                self.name = self.may_log_in().then(|| Secret::from(name.as_bytes()));
                match self.name {
                    Some(_) => self.good(Reply::SendPassword),
                    None => self.reply(Reply::CleartextLogin),
                }
            }
            Command::Capa => self.list(Reply::Capabilities, Listing::CAPABILITIES),
            // Sending it again changes nothing.
            Command::Utf8 if self.config.utf8.is_some() => {
                self.utf8 = true;
                self.good(Reply::Utf8Mode);
            }
            Command::Lang { language } if self.config.has_languages() => self.answer_lang(language),
            Command::Utf8 | Command::Lang { .. } => self.bad(State::Authorization, Reply::Unavailable),
            _ => self.bad(State::Authorization, Reply::WrongState),
        }
    }

    /// LANG in either state, where it is offered.
    pub(super) fn answer_lang(&mut self, language: Option<Language<'_>>) {
        match language {
            Some(language) => self.speak(language),
            None => self.list(Reply::Languages, Listing::LANGUAGES),
        }
    }

    /// PASS and APOP: the host is to be asked, and the line stays in the window until it has answered.
    pub(super) fn ask_for_login(&mut self, command: &Command<'_>, line: Line) {
        let pending = match *command {
            _ if !self.may_log_in() => Err(Reply::CleartextLogin),
            Command::Pass { .. } if self.name.is_none() => Err(Reply::NoName),
            Command::Pass { .. } => {
                let password = Place::new(KEYWORD, line.content);
                Ok(PendingLogin::Password { line: position(line.octets), password })
            }
            Command::Apop { name, .. } if self.timestamp.is_some() => {
                let end = KEYWORD + name.as_bytes().len();
                let (name, digest) = (Place::new(KEYWORD, end), Place::new(end + 1, line.content));
                Ok(PendingLogin::Apop { line: position(line.octets), name, digest })
            }
            _ => Err(Reply::Unavailable),
        };
        match pending {
            Ok(pending) => self.task = Task::Login(pending),
            Err(reply) => {
                // Whatever the outcome of PASS and APOP, the name is forgotten (R-1939-15).
                self.name = None;
                match reply {
                    Reply::CleartextLogin => self.reply(reply),
                    _ => self.bad(State::Authorization, reply),
                }
            }
        }
    }
}
