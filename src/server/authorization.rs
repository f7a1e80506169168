//! AUTHORIZATION: from the greeting to an open maildrop (RFC 1939 §4).

use core::fmt;

use super::Phase;
use super::connection::{Connection, PendingLogin, Task};
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::reply::Reply;
use super::state::State;
use super::transaction::{BrokenMaildrop, Transaction};
use crate::auth::apop;
use crate::buffer::{Input, Line};
use crate::secret::Secret;
use crate::wire::{Command, Name, Password, Timestamp};

/// A client wants to log in.
#[must_use = "the session waits for the login to be answered"]
pub struct Login<'a, M: Maildrop> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    pub(super) phase: &'a mut Phase<M>,
    pub(super) pending: PendingLogin,
}

/// What a client says to be let in.
///
/// `Debug` shows the name and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Credentials<'a> {
    /// USER and PASS (RFC 1939 §7).
    Password {
        /// What USER said.
        name: Name<'a>,
        /// What PASS said.
        password: Password<'a>,
    },
    /// APOP (RFC 1939 §7).
    Apop {
        /// Whose maildrop is wanted.
        name: Name<'a>,
        /// What shows that the client knows the shared secret.
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

/// Why a login is turned down. The response says it with a code, and never whether the name exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The name, the password, or what policy says of them: `[AUTH]`. Counts as a failed login.
    BadCredentials,
    /// The credentials are right, and another session has the maildrop: `[IN-USE]`.
    InUse,
    /// The last login was too short a time ago: `[LOGIN-DELAY]`.
    LoginDelay {
        /// After how many seconds the client may try again; said in the text.
        seconds: Option<u32>,
    },
    /// Something is wrong here that is likely to pass: `[SYS/TEMP]`.
    Temporary,
    /// Something is wrong here that somebody must see to: `[SYS/PERM]`.
    Permanent,
}

impl Rejection {
    pub(super) fn reply(self) -> Reply {
        match self {
            Self::BadCredentials => Reply::BadCredentials,
            Self::InUse => Reply::InUse,
            Self::LoginDelay { seconds } => Reply::LoginDelay { seconds },
            Self::Temporary => Reply::Temporary,
            Self::Permanent => Reply::Permanent,
        }
    }
}

impl<M: Maildrop> Login<'_, M> {
    /// What the client says to be let in.
    pub fn credentials(&self) -> Credentials<'_> {
        // Both lines begin with a keyword of four letters and a space.
        const ARGUMENTS: usize = 5;
        let line = self.input.octets();
        match self.pending {
            PendingLogin::Password { content, .. } => Credentials::Password {
                name: Name::known(self.connection.name.as_ref().map_or(&[], Secret::expose)),
                password: Password::known(line.get(ARGUMENTS..content).unwrap_or_default()),
            },
            PendingLogin::Apop { name_octets, digest, .. } => Credentials::Apop {
                name: Name::known(line.get(ARGUMENTS..ARGUMENTS + name_octets).unwrap_or_default()),
                proof: apop::Proof::new(self.connection.timestamp.as_ref().map_or("", Timestamp::as_str), digest),
            },
        }
    }

    /// Lets the client in. The session owns the maildrop from now on, and drops it when it is over.
    ///
    /// # Errors
    /// [`BrokenMaildrop`] when the maildrop can't be served. It is dropped, the client is told `-ERR`, and the session
    /// goes on without it; so the error is for a log. It can't happen where the maildrop vouches for its unique-ids.
    pub fn accept(self, maildrop: M) -> Result<(), BrokenMaildrop> {
        self.connection.end_login(self.input);
        match Transaction::open(maildrop) {
            Ok(transaction) => {
                self.connection.good(Reply::LoggedIn);
                self.connection.timestamp = None;
                *self.phase = Phase::Transaction(transaction);
                Ok(())
            }
            Err(broken) => {
                self.connection.reply(match broken {
                    BrokenMaildrop::NoUniqueId { .. } => Reply::Temporary,
                    BrokenMaildrop::SameUniqueId { .. } => Reply::Permanent,
                });
                Err(broken)
            }
        }
    }

    /// Turns the client down. It may try again, within the limits of the configuration.
    pub fn reject(self, reason: Rejection) {
        self.connection.end_login(self.input);
        match reason {
            Rejection::BadCredentials => self.connection.failed_login(reason.reply()),
            _ => self.connection.reply(reason.reply()),
        }
    }
}

impl<M: Maildrop> fmt::Debug for Login<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("credentials", &self.credentials()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Answers a command that doesn't leave the state.
    pub(super) fn answer(&mut self, command: &Command<'_>) {
        match *command {
            // Whoever it is, the answer is the same (R-1939-36).
            Command::User { name } => {
                self.name = self.may_log_in().then(|| Secret::from(name.as_bytes()));
                match self.name {
                    Some(_) => self.good(Reply::SendPassword),
                    None => self.reply(Reply::CleartextLogin),
                }
            }
            Command::Capa => self.list(Reply::Capabilities, Listing::CAPABILITIES),
            _ => self.bad(State::Authorization, Reply::WrongState),
        }
    }

    /// PASS and APOP: the host is to be asked, and the line stays in the window until it has answered.
    pub(super) fn ask_for_login(&mut self, command: &Command<'_>, line: Line) {
        let pending = match *command {
            _ if !self.may_log_in() => Err(Reply::CleartextLogin),
            Command::Pass { .. } if self.name.is_none() => Err(Reply::NoName),
            Command::Pass { .. } => Ok(PendingLogin::Password { line: line.octets, content: line.content }),
            Command::Apop { name, digest } if self.timestamp.is_some() => {
                Ok(PendingLogin::Apop { line: line.octets, name_octets: name.as_bytes().len(), digest })
            }
            _ => Err(Reply::Unavailable),
        };
        match pending {
            Ok(pending) => self.task = Task::Login(pending),
            Err(reply) => {
                // Whatever comes of PASS and APOP, the name is forgotten (R-1939-15).
                self.name = None;
                match reply {
                    Reply::CleartextLogin => self.reply(reply),
                    _ => self.bad(State::Authorization, reply),
                }
            }
        }
    }
}
