//! The server's half of a connection, as a state machine that the host drives.
//!
//! [`Session::poll`] returns the one thing that must happen next; the host does it and answers the token. See the
//! [crate's documentation](crate) for the rules, and [`Config`] for limits and memory.
//!
//! # Over a transport that buffers
//! TLS streams and buffered writers keep what they are given until they are flushed. When the session wants to read it has
//! nothing left to write, and the client may be waiting for the last response: so that is the time to flush.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::time::Instant;
//!
//! use bytes::Buf;
//! use pop3_proto::server::{Action, CloseReason, Maildrop, Session};
//!
//! /// Serves a client over any stream that waits; `answer` does all that isn't I/O.
//! fn serve<M: Maildrop>(
//!     mut session: Session<M>,
//!     stream: &mut (impl Read + Write),
//!     mut answer: impl FnMut(Action<'_, M>),
//! ) -> CloseReason {
//!     let start = Instant::now();
//!     loop {
//!         match session.poll(start.elapsed()) {
//!             Action::Read(mut read) => match stream.flush().and_then(|()| stream.read(read.space())) {
//!                 Ok(octets) => read.filled(octets),
//!                 Err(error) if is_passing(&error) => {} // the action comes again
//!                 Err(_) => read.failed(),
//!             },
//!             Action::Write(mut write) => match stream.write(write.chunk()) {
//!                 Ok(0) => write.failed(),
//!                 Ok(octets) => write.advance(octets),
//!                 Err(error) if is_passing(&error) => {}
//!                 Err(_) => write.failed(),
//!             },
//!             Action::Close(reason) => {
//!                 let _ = stream.flush(); // a client that is gone misses nothing
//!                 return reason;
//!             }
//!             // Where STLS is offered, the stream is flushed here too: the `+OK` must leave before the handshake.
//!             other => answer(other),
//!         }
//!     }
//! }
//!
//! fn is_passing(error: &io::Error) -> bool {
//!     use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
//!     matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
//! }
//! #
//! # struct Buffered(io::BufWriter<std::net::TcpStream>);
//! # impl Read for Buffered {
//! #     fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
//! #         self.0.get_mut().read(space)
//! #     }
//! # }
//! # impl Write for Buffered {
//! #     fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
//! #         self.0.write(octets)
//! #     }
//! #     fn flush(&mut self) -> io::Result<()> {
//! #         self.0.flush()
//! #     }
//! # }
//! # use std::{convert::Infallible, io::{BufRead, BufReader}, net::{TcpListener, TcpStream}, thread, time::Duration};
//! # use pop3_proto::Security;
//! # use pop3_proto::server::Config;
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let mut client = BufReader::new(TcpStream::connect(listener.local_addr()?)?);
//! # client.get_ref().set_read_timeout(Some(Duration::from_secs(20)))?;
//! # let mut stream = Buffered(io::BufWriter::new(listener.accept()?.0));
//! # let server = thread::spawn(move || {
//! #     let session = Session::<Infallible>::new(Config::new().into(), Security::TrustedLocal);
//! #     serve(session, &mut stream, |action| action.decline())
//! # });
//! # for (reply, next) in [
//! #     ("+OK POP3 server ready\r\n", "USER mrose\r\n"),
//! #     ("+OK send PASS\r\n", "PASS tanstaaf\r\n"),
//! #     ("-ERR [SYS/TEMP] temporary failure, try again later\r\n", "QUIT\r\n"),
//! #     ("+OK bye\r\n", ""),
//! # ] {
//! #     let mut line = String::new();
//! #     client.read_line(&mut line)?;
//! #     assert_eq!(line, reply);
//! #     client.get_mut().write_all(next.as_bytes())?;
//! # }
//! # assert_eq!(server.join().unwrap(), CloseReason::Quit);
//! # io::Result::Ok(())
//! ```

mod action;
mod authorization;
mod catalogue;
mod clock;
mod config;
mod connection;
mod exchange;
mod hand_over;
mod http;
mod listing;
mod maildrop;
mod marks;
mod offers;
mod reply;
mod retrieve;
mod starttls;
mod state;
mod tap;
mod transaction;
mod update;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

pub use self::action::{Action, CloseReason, Read, Write};
pub use self::authorization::{Credentials, Login, Rejection};
pub use self::catalogue::{Catalogue, CatalogueError};
pub use self::config::{Config, ConfigError, Utf8};
pub use self::exchange::{Authenticate, ChallengeTooLong};
pub use self::maildrop::Maildrop;
pub use self::marks::Deletions;
pub use self::offers::ClientIdentity;
pub use self::reply::Reply;
pub use self::retrieve::{Body, Refusal, Retrieve};
pub use self::starttls::{Residue, StartTls};
pub use self::tap::Span;
pub use self::transaction::BrokenMaildrop;
pub use self::update::{Commit, Update};

use self::connection::{Connection, PendingLogin, Task};
use self::exchange::PendingResponse;
use self::retrieve::Request;
use self::state::{Verdict, verdict};
use self::tap::Tap;
use self::transaction::Transaction;
use crate::Security;
use crate::buffer::{Defect, Input, Line};
use crate::wire::{DeviationCounts, State, Timestamp, Verb};

/// One connection of a server, from the greeting to the end.
///
/// It owns the maildrop `M` while the client is logged in, and drops it when the session is over or is dropped itself.
pub struct Session<M: Maildrop> {
    input: Input,
    connection: Connection,
    phase: Phase<M>,
    /// What the host remembers of the SASL exchange in progress.
    exchange: Option<M::Exchange>,
}

/// Why a server doesn't serve a connection at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GreetingRefusal {
    /// There is too much load, or a problem on this side that is likely to pass: `[SYS/TEMP]`.
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
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
    StartTls(Residue),
    Login(PendingLogin),
    Authenticate(PendingResponse),
    Retrieve(Request),
    Body,
    Update,
    Close(CloseReason),
}

impl<M: Maildrop> Session<M> {
    /// A session for a connection that has just come in; `security` tells who may listen to it.
    pub fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            input: Input::new(config.command_line_limit),
            connection: Connection::new(config, security),
            phase: Phase::Authorization,
            exchange: None,
        }
    }

    /// Offers APOP with this timestamp, which must be a new one for each connection (RFC 1939 §7); `None` offers none.
    /// Nor is it offered where logging in isn't allowed, or once the session was polled. One that was in the greeting
    /// stays good after STLS.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use pop3_proto::Security;
    /// # use pop3_proto::server::{Config, Maildrop, Session};
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

    /// Sets whether the connection has proved who the client is, which offers EXTERNAL (RFC 4422 appendix A). For TLS
    /// that STLS begins, [`StartTls::established`] takes this.
    #[must_use]
    pub fn with_client_identity(mut self, identity: ClientIdentity) -> Self {
        self.connection.identity = identity;
        self
    }

    /// A session that greets with `-ERR` and closes: because of load, or for a peer that isn't welcome (RFC 1939 §3).
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

    /// How many logins failed for their credentials on this connection, before STLS and after it: for a host that counts
    /// guesses.
    ///
    /// These are the ones that the host has turned down as [`Rejection::BadCredentials`] (one with a last
    /// [challenge](Authenticate::challenge_and_reject) when the client has answered that), and the ones that the session
    /// turns down by itself, so that the host never sees them: a PLAIN that names another identity to act for, and a PLAIN or LOGIN whose
    /// password holds CR or LF. A response without a password, or one that isn't what the mechanism asks for, is a bad
    /// command and no guess.
    pub fn failed_logins(&self) -> u32 {
        self.connection.failed_logins
    }

    /// Returns the one thing that must happen next.
    ///
    /// `now` is the time since any fixed moment, the same one at each call. It never fails: a client that misbehaves
    /// gets `-ERR` or is left with [`Action::Close`]. Dropping the action changes nothing, and the next call hands it
    /// out again; so does a call after `Close`.
    ///
    /// The time that a call takes is linear in the octets read since the last one and in the output that it makes, up
    /// to [`Config::output_limit`]; the first STAT or LIST asks the maildrop for the octets of each message.
    pub fn poll(&mut self, now: Duration) -> Action<'_, M> {
        self.advance(now, None)
    }

    /// Does what [`poll`](Self::poll) does, and shows what the client has sent while that is dealt with: each line once
    /// and in order, in parts, each marked as a secret or not. Together with what [`Write`] gives out, which is never
    /// a secret of the client's, that makes a transcript for a log.
    ///
    /// Of a line over the limit only the beginning is shown, as a secret.
    ///
    /// ```
    /// use std::time::Duration;
    /// use pop3_proto::server::{Action, Maildrop, Session, Span};
    ///
    /// fn poll_and_log<M: Maildrop>(session: &mut Session<M>, now: Duration) -> Action<'_, M> {
    ///     session.poll_tapped(now, &mut |span| match span {
    ///         Span::Open(octets) => eprint!("{}", octets.escape_ascii()),
    ///         Span::Secret(_) => eprint!("[secret]"),
    ///     })
    /// }
    /// ```
    pub fn poll_tapped(&mut self, now: Duration, tap: &mut dyn FnMut(Span<'_>)) -> Action<'_, M> {
        self.advance(now, Some(tap))
    }

    fn advance(&mut self, now: Duration, tap: Tap<'_>) -> Action<'_, M> {
        let Self { connection, phase, .. } = self;
        let host_has_answered = connection.clock.tick(now, connection.config.login_deadline);
        let written = connection.output.take_progress();
        if matches!(phase, Phase::Transaction(_)) && (host_has_answered || written) {
            connection.clock.restart_later();
        }
        connection.greet();
        let next = self.next(tap);
        self.action(next)
    }

    /// Goes on until the host is needed.
    fn next(&mut self, mut tap: Tap<'_>) -> Next {
        loop {
            if let Some(reason) = self.connection.closing {
                self.end(reason);
                return if self.connection.output.is_empty() { Next::Close(reason) } else { self.wait(Next::Write) };
            }
            if !matches!(self.connection.task, Task::None | Task::Exchange(_)) {
                match self.unfinished() {
                    Some(next) => return self.wait(next),
                    // One task may lead to another.
                    None => continue,
                }
            }
            if !self.connection.output.has_room() {
                return self.wait(Next::Write);
            }
            if matches!(self.phase, Phase::Authorization) {
                self.input.set_limit(self.line_limit());
            }
            match self.input.line() {
                Some(line) => self.line(line, &mut tap),
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
        let Connection { task, output, .. } = &mut *connection;
        match (&mut *task, transaction) {
            (Task::Login(pending), _) => return Some(Next::Login(*pending)),
            (Task::Authenticate(pending), _) => return Some(Next::Authenticate(*pending)),
            // What comes after `+OK` is TLS (R-2595-01).
            (Task::StartTls(_) | Task::Written(_), _) if !output.is_empty() => return Some(Next::Write),
            (Task::StartTls(residue), _) => return Some(Next::StartTls(*residue)),
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
            (Task::Written(message), Some(transaction)) => {
                transaction.mark_retrieved(*message);
                *task = Task::None;
            }
            (Task::List(listing), transaction) => {
                let (mut listing, offered) = (*listing, connection.offered());
                let Connection { output, config, .. } = connection;
                if !listing.proceed(output, config, offered, transaction.as_deref()) {
                    connection.task = Task::List(listing);
                    return Some(Next::Write);
                }
                connection.task = Task::None;
            }
            (task, _) => *task = Task::None,
        }
        None
    }

    /// How long the line at the front of the input may become before login: more in an exchange, and where AUTH begins one with a
    /// response (R-5034-05, R-5034-06).
    #[inline]
    fn line_limit(&self) -> u32 {
        let config = &self.connection.config;
        let begins_exchange = |line: &[u8]| {
            line.len() >= config.command_line_limit as usize
                && line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "))
                && self.connection.takes_auth()
        };
        match &self.connection.task {
            Task::Exchange(_) => config.response_line_limit(),
            _ if begins_exchange(self.input.octets()) => config.response_line_limit(),
            _ => config.command_line_limit,
        }
    }

    /// Deals with a line at the front of the input.
    fn line(&mut self, line: Line, tap: &mut Tap<'_>) {
        match self.phase {
            Phase::Authorization => self.line_before_login(line, tap),
            Phase::Transaction(_) => {
                self.command_line(State::Transaction, line, tap);
                // A line that is out of place here may be a password.
                if self.connection.is_in_bad_row() {
                    self.input.wipe(line.octets);
                } else {
                    self.input.consume(line.octets);
                }
                self.connection.clock.restart_later();
            }
            Phase::Over => {}
        }
    }

    /// Deals with a command or a response, any of which may hold a secret, a mistyped one too.
    fn line_before_login(&mut self, line: Line, tap: &mut Tap<'_>) {
        let initial = if let Task::Exchange(exchange) = self.connection.task {
            let octets = self.input.octets();
            tap::show(tap, octets.get(..line.octets).unwrap_or_default(), line.content, 0);
            self.connection.response_line(exchange, octets.get(..line.content).unwrap_or_default(), line);
            false
        } else {
            if !self.connection.may_go_on_before_login() {
                // The line wasn't parsed.
                let octets = self.input.octets();
                tap::show(tap, octets.get(..line.octets).unwrap_or_default(), line.content, 0);
                return;
            }
            self.command_line(State::Authorization, line, tap);
            true
        };
        if let Task::Response(pending) = self.connection.task {
            self.connection.take_response(&mut self.input, pending, initial);
        }
        match self.connection.task {
            // The host is to see the line first. Before a login there is no exchange of the host's.
            Task::Login(_) | Task::Authenticate(_) => {}
            Task::Exchange(_) => self.input.wipe(line.octets),
            // What came after STLS is never looked at (R-2595-02).
            Task::StartTls(_) => self.input.wipe(usize::MAX),
            _ => {
                self.exchange = None;
                self.input.wipe(line.octets);
            }
        }
    }

    /// Answers a command line, or notes what is still to be done about it.
    fn command_line(&mut self, state: State, line: Line, tap: &mut Tap<'_>) {
        let Self { input, connection, phase, .. } = self;
        let (front, behind) = input.octets().split_at_checked(line.octets).unwrap_or_default();
        let octets = front.get(..line.content).unwrap_or_default();
        let command = connection.parse(octets, line);
        if tap.is_some() {
            tap::show(tap, front, line.content, tap::open_octets(octets, command.as_ref().ok()));
        }
        match command {
            Ok(command) => {
                if state == State::Authorization {
                    connection.forget_name_unless(command.verb());
                }
                match (verdict(state, command.verb()), phase) {
                    (Verdict::Stay, Phase::Transaction(transaction)) => transaction.answer(connection, &command),
                    (Verdict::Stay, _) => connection.answer(&command),
                    (Verdict::Login, _) => connection.ask_for_login(&command, line),
                    (Verdict::Authenticate, _) => connection.authenticate(&command, octets, line),
                    (Verdict::StartTls, _) => connection.start_tls(behind),
                    (Verdict::Retrieve, Phase::Transaction(transaction)) => transaction.retrieve(connection, &command),
                    (Verdict::Update, Phase::Transaction(transaction)) => transaction.enter_update(connection),
                    (Verdict::Close, _) => {
                        connection.good(Reply::Bye);
                        connection.close(CloseReason::Quit);
                    }
                    (Verdict::Refuse | Verdict::Retrieve | Verdict::Update, _) => {
                        connection.bad(state, Reply::WrongState);
                    }
                }
            }
            Err(reply) => {
                connection.name = None;
                match Verb::from_line(octets) {
                    // Somebody in a terminal, or something that wants to keep the connection alive.
                    None if octets.is_empty() => connection.reply(reply),
                    None if state == State::Authorization
                        && http::begins_request(octets, line.defect != Some(Defect::TooLong)) =>
                    {
                        connection.reply(Reply::NotHttp);
                        connection.close(CloseReason::HttpRequest);
                    }
                    // Where a command has no place, what is wrong with it doesn't matter.
                    Some(verb) if !verb.is_valid_in(state) => connection.bad(state, Reply::WrongState),
                    _ => connection.bad(state, reply),
                }
            }
        }
    }

    /// What is to happen, unless the client has kept us waiting for too long.
    fn wait(&mut self, next: Next) -> Next {
        self.connection.clock.settle(self.connection.config.autologout);
        match next {
            Next::Read | Next::Write | Next::StartTls(_) if self.connection.clock.is_expired() => {
                let reason = match (self.connection.closing, &self.phase) {
                    // Without its `+OK` a client that was handed over isn't logged in.
                    (Some(CloseReason::HandedOver), _) | (None, Phase::Authorization) => CloseReason::LoginDeadline,
                    (Some(reason), _) => reason,
                    (None, _) => CloseReason::Autologout,
                };
                self.connection.close(reason);
                self.connection.output.discard();
                self.end(reason);
                Next::Close(reason)
            }
            Next::Read | Next::Write | Next::StartTls(_) | Next::Close(_) => next,
            Next::Login(_) | Next::Authenticate(_) | Next::Retrieve(_) | Next::Body | Next::Update => {
                self.connection.clock.ask_host();
                next
            }
        }
    }

    /// Drops the maildrop, and the host's lock with it, before the last response leaves; and what may be a secret.
    fn end(&mut self, reason: CloseReason) {
        self.phase = Phase::Over;
        self.exchange = None;
        self.connection.name = None;
        if reason != CloseReason::HandedOver {
            self.input.wipe(usize::MAX);
        }
    }

    /// Makes the token.
    fn action(&mut self, next: Next) -> Action<'_, M> {
        let Self { input, connection, phase, exchange } = self;
        match (next, phase) {
            (Next::Write, _) => Action::Write(Write { connection }),
            (Next::Login(pending), phase) => Action::Login(Login { input, connection, phase, pending }),
            (Next::Authenticate(pending), phase) => {
                Action::Authenticate(Authenticate { input, connection, phase, pending, exchange })
            }
            (Next::StartTls(residue), _) => Action::StartTls(StartTls { input, connection, residue }),
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
