//! The server's half of a connection, as a state machine that the host drives.
//!
//! [`Session::poll`] tells the one thing that must happen next; the host does it and answers the token. See the
//! [crate's documentation](crate) for the rules, and [`Config`] for limits and memory.

mod action;
mod authorization;
mod clock;
mod config;
mod connection;
mod listing;
mod maildrop;
mod marks;
mod reply;
mod retrieve;
mod state;
mod transaction;
mod update;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

pub use self::action::{Action, CloseReason, Read, Write};
pub use self::authorization::{Credentials, Login, Rejection};
pub use self::config::{Config, ConfigError, Security};
pub use self::maildrop::Maildrop;
pub use self::marks::Deletions;
pub use self::retrieve::{Body, Refusal, Retrieve};
pub use self::state::State;
pub use self::transaction::BrokenMaildrop;
pub use self::update::{Commit, Update};

use self::connection::{Connection, PendingLogin, Task};
use self::reply::Reply;
use self::retrieve::Request;
use self::state::{Verdict, verdict};
use self::transaction::Transaction;
use crate::buffer::{Input, Line};
use crate::wire::{Command, DeviationCounts, Timestamp, Verb};

/// One connection of a server, from the greeting to the end.
///
/// It owns the maildrop `M` while the client is logged in, and drops it when the session is over or is dropped itself.
pub struct Session<M: Maildrop> {
    input: Input,
    connection: Connection,
    phase: Phase<M>,
}

/// Why a server doesn't serve a connection at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GreetingRefusal {
    /// There is too much to do, or something is wrong here that is likely to pass: `[SYS/TEMP]`.
    Temporary,
    /// Something is wrong here that somebody must see to: `[SYS/PERM]`.
    Permanent,
    /// The peer isn't welcome; there is no code for that.
    Unwelcome,
}

enum Phase<M: Maildrop> {
    Authorization,
    Transaction(Transaction<M>),
    Over,
}

/// What must happen next, before the token for it is made.
enum Next {
    Read,
    Write,
    Login(PendingLogin),
    Retrieve(Request),
    Body,
    Update,
    Close(CloseReason),
}

impl<M: Maildrop> Session<M> {
    /// A session for a connection that has just come in; `security` says who may listen to it.
    pub fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            input: Input::new(config.command_line_limit as usize),
            connection: Connection::new(config, security),
            phase: Phase::Authorization,
        }
    }

    /// Offers APOP with this timestamp, which must be a new one for each connection (RFC 1939 §7); `None` offers none.
    /// Nor is it offered where logging in isn't allowed, or once the session was polled.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use pop3_proto::server::{Config, Maildrop, Security, Session};
    /// use pop3_proto::wire::Timestamp;
    ///
    /// # fn session<M: Maildrop>(config: Arc<Config>, process: u32, counter: u64, random: u64) -> Session<M> {
    /// // The random number comes from a generator that nobody can predict.
    /// let timestamp = Timestamp::new(&format!("<{process}.{counter}.{random:x}@mail.example.org>"));
    /// Session::new(config, Security::Tls).with_timestamp(timestamp.ok())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: impl Into<Option<Timestamp>>) -> Self {
        self.connection.offer_apop(timestamp.into());
        self
    }

    /// A session that greets with `-ERR` and closes: too much load, a peer that isn't welcome (RFC 1939 §3).
    pub fn refuse(config: Arc<Config>, reason: GreetingRefusal) -> Self {
        let mut session = Self::new(config, Security::Cleartext);
        session.connection.refuse(match reason {
            GreetingRefusal::Temporary => Reply::Temporary,
            GreetingRefusal::Permanent => Reply::Permanent,
            GreetingRefusal::Unwelcome => Reply::Unwelcome,
        });
        session
    }

    /// The state, or `None` once the session is over.
    pub fn state(&self) -> Option<State> {
        match self.phase {
            Phase::Authorization => Some(State::Authorization),
            Phase::Transaction(_) => Some(State::Transaction),
            Phase::Over => None,
        }
    }

    /// How often the client has broken a rule and was understood all the same.
    pub fn deviations(&self) -> &DeviationCounts {
        &self.connection.deviations
    }

    /// Tells the one thing that must happen next.
    ///
    /// `now` is the time since any fixed moment, the same one at each call. It never fails: a client that misbehaves
    /// gets `-ERR` or is left with [`Action::Close`]. Dropping the action changes nothing, and the next call hands it
    /// out again; so does a call after `Close`.
    ///
    /// The time that a call takes is linear in the octets read since the last one and in the output that it makes, up
    /// to [`Config::output_limit`]; the first STAT asks the maildrop for the octets of each message.
    pub fn poll(&mut self, now: Duration) -> Action<'_, M> {
        let Self { connection, phase, .. } = self;
        let host_has_answered = connection.clock.tick(now, connection.config.login_deadline);
        let written = connection.output.take_progress();
        if matches!(phase, Phase::Transaction(_)) && (host_has_answered || written) {
            connection.clock.restart_later();
        }
        connection.greet();
        let next = self.next();
        self.action(next)
    }

    /// Goes on until the host is needed.
    fn next(&mut self) -> Next {
        loop {
            if let Some(reason) = self.connection.closing {
                // This drops the maildrop, and the host's lock with it, before the last response leaves.
                self.phase = Phase::Over;
                self.input.wipe(usize::MAX);
                return if self.connection.output.is_empty() { Next::Close(reason) } else { self.wait(Next::Write) };
            }
            if !matches!(self.connection.task, Task::None) {
                match self.unfinished() {
                    Some(next) => return self.wait(next),
                    // One task may lead to another.
                    None => continue,
                }
            }
            if !self.connection.output.has_room() {
                return self.wait(Next::Write);
            }
            match self.input.line() {
                Some(line) => self.command_line(line),
                None if !self.connection.output.is_empty() => return self.wait(Next::Write),
                None if self.connection.end_of_stream => self.connection.close(CloseReason::EndOfStream),
                None => return self.wait(Next::Read),
            }
        }
    }

    /// Goes on with what the last command still needs. What the host is to do about it, if it isn't done.
    fn unfinished(&mut self) -> Option<Next> {
        let Self { connection, phase, .. } = self;
        let transaction = if let Phase::Transaction(transaction) = phase { Some(transaction) } else { None };
        let Connection { task, output, config, .. } = connection;
        match (&mut *task, transaction) {
            (Task::Login(pending), _) => return Some(Next::Login(*pending)),
            (Task::Retrieve(request), _) => return Some(Next::Retrieve(*request)),
            (Task::Update, _) => return Some(Next::Update),
            (Task::Transfer(content), Some(transaction)) => {
                output.fill();
                let Some(next) = content.finish(output) else {
                    return Some(if content.wants_chunk(output) { Next::Body } else { Next::Write });
                };
                transaction.reader = None;
                *task = next;
            }
            (Task::Written(_), _) if !output.is_empty() => return Some(Next::Write),
            (Task::Written(message), Some(transaction)) => {
                transaction.mark_retrieved(*message);
                *task = Task::None;
            }
            (Task::List(listing), transaction) => {
                let may_log_in = config.allows_login(connection.security);
                if !listing.proceed(output, config, may_log_in, transaction.as_deref()) {
                    return Some(Next::Write);
                }
                *task = Task::None;
            }
            (Task::None | Task::Transfer(_) | Task::Written(_), _) => *task = Task::None,
        }
        None
    }

    /// Deals with a line at the front of the input.
    fn command_line(&mut self, line: Line) {
        let Self { input, connection, phase } = self;
        let state = match phase {
            Phase::Authorization => State::Authorization,
            Phase::Transaction(_) => State::Transaction,
            Phase::Over => return,
        };
        if state == State::Authorization && !connection.may_go_on_before_login() {
            return;
        }
        let octets = input.octets().get(..line.content).unwrap_or_default();
        match connection.parse(octets, line) {
            Ok(command) => {
                if state == State::Authorization {
                    connection.forget_name_unless(command.verb());
                }
                Self::command(connection, phase, state, &command, line);
            }
            Err(reply) => {
                connection.name = None;
                // Where a command has no place, what is wrong with it doesn't matter.
                let refused = Verb::of(octets).is_some_and(|verb| verdict(state, verb) == Verdict::Refuse);
                connection.bad(state, if refused { Reply::WrongState } else { reply });
            }
        }
        match state {
            // The host is to see the line first.
            State::Authorization if matches!(connection.task, Task::Login(_)) => {}
            // Before login any line may hold a secret, a mistyped one too; later, one that has no place there.
            State::Authorization => input.wipe(line.octets),
            State::Transaction if connection.is_in_bad_row() => input.wipe(line.octets),
            State::Transaction => input.consume(line.octets),
        }
        if state == State::Transaction {
            connection.clock.restart_later();
        }
    }

    /// Does what a command asks for, as the transition table has it.
    fn command(connection: &mut Connection, phase: &mut Phase<M>, state: State, command: &Command<'_>, line: Line) {
        match (verdict(state, command.verb()), phase) {
            (Verdict::Stay, Phase::Transaction(transaction)) => transaction.answer(connection, command),
            (Verdict::Stay, _) => connection.answer(command),
            (Verdict::Login, _) => connection.ask_for_login(command, line),
            (Verdict::Retrieve, Phase::Transaction(transaction)) => transaction.retrieve(connection, command),
            (Verdict::Update, Phase::Transaction(transaction)) => transaction.enter_update(connection),
            (Verdict::Close, _) => {
                connection.good(Reply::Bye);
                connection.close(CloseReason::Quit);
            }
            (Verdict::Refuse | Verdict::Retrieve | Verdict::Update, _) => connection.bad(state, Reply::WrongState),
        }
    }

    /// What is to happen, unless the client has kept us waiting for too long.
    fn wait(&mut self, next: Next) -> Next {
        self.connection.clock.settle(self.connection.config.autologout);
        match next {
            Next::Read | Next::Write if self.connection.clock.is_expired() => {
                let reason = match (self.connection.closing, &self.phase) {
                    (Some(reason), _) => reason,
                    (None, Phase::Authorization) => CloseReason::LoginDeadline,
                    (None, _) => CloseReason::Autologout,
                };
                self.connection.close(reason);
                self.connection.output.discard();
                self.phase = Phase::Over;
                Next::Close(reason)
            }
            Next::Read | Next::Write | Next::Close(_) => next,
            Next::Login(_) | Next::Retrieve(_) | Next::Body | Next::Update => {
                self.connection.clock.ask_host();
                next
            }
        }
    }

    /// Makes the token.
    fn action(&mut self, next: Next) -> Action<'_, M> {
        let Self { input, connection, phase } = self;
        match (next, phase) {
            (Next::Write, _) => Action::Write(Write { connection }),
            (Next::Login(pending), phase) => Action::Login(Login { input, connection, phase, pending }),
            (Next::Retrieve(request), Phase::Transaction(transaction)) => {
                Action::Retrieve(Retrieve { connection, transaction, request })
            }
            (Next::Update, Phase::Transaction(transaction)) => Action::Update(Update { connection, transaction }),
            (Next::Body, Phase::Transaction(Transaction { reader: Some(reader), .. })) => match connection {
                Connection { task: Task::Transfer(content), output, closing, .. } => {
                    Action::Body(Body { output, content, closing, reader })
                }
                _ => Action::Read(Read::new(input, connection)),
            },
            (Next::Close(reason), _) => Action::Close(reason),
            (Next::Read | Next::Retrieve(_) | Next::Update | Next::Body, _) => {
                Action::Read(Read::new(input, connection))
            }
        }
    }
}

impl<M: Maildrop> fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state())
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
