//! The client's half of a connection, as a state machine that the caller drives.
//!
//! [`Session::send`] queues commands, and [`Session::poll`] tells the one thing that must happen next: octets to read or
//! to write, what the server has sent, a part of a message, a step of TLS or SASL.
//!
//! # A client over blocking sockets
//! It asks what the server offers, logs in by the best way on offer, and returns the first message.
#![doc = "```no_run"]
#![doc = include_str!("first_message.rs")]
#![doc = "```"]
//!
//! The session may be used in any arm, once its token is answered or dropped. A dropped token comes again: an event or a
//! part of a message with the same octets until [`done`](Event::done) is called. To fetch everything new, and to delete
//! what is stored, let a [`Fetch`] do the planning.
//!
//! # What is answered
//! Each command has a [`Ticket`], which the events that answer it carry, and exactly one of them
//! [completes](Event::completes) it, unless the session ends first. A session ends with [`Action::Closed`], or with an
//! [`Error`] if something went wrong; then the connection is closed. To end it early, send QUIT and go on polling, or
//! drop it: messages marked as deleted then stay.
//!
//! [`What::Farewell`] means that the server is about to close, for autologout or because it is stopping: nothing can be
//! sent any more, and `Closed` follows. A greeting with `-ERR` is [`What::Greeting`] with that status, followed by
//! [`Closed::Refused`].
//!
//! # When a message is complete
//! [`What::Ends`] means that the line of one dot has come that ends a message. Some servers send such a line inside a message
//! as it is, and then it ends there too early; what follows it is taken for responses. So a message that is to be kept, and
//! more so one that is to be deleted, is complete only when the session is shown to be in step after it. The first event of the
//! next command shows it, unless the message has a line that looks like a response; STAT, sent after RETR and answered as at
//! the beginning, shows it better. So does a clean end of the stream without an octet in between ([`Closed::WhileIdle`],
//! [`Error::Disconnected`]). Any other end, and [`What::Farewell`], show nothing. Send QUIT when each DELE is answered, or
//! deletions may be carried out that an answer out of step has passed for. [`Fetch`] does all this.
//!
//! # TLS
//! On port 995 TLS comes first: do the handshake, then call [`Session::new`] with [`Security::Tls`]. On port 110 send
//! STLS first of all: [`Action::StartTls`] follows, and when the handshake is done
//! [`established`](StartTls::established) completes the command. Then send CAPA, as nothing that was received before
//! counts. Where STLS [fails](What::Failed), quit. With [`Security::Cleartext`] no password leaves in any case, but a proof
//! of one may, such as CRAM-MD5's, and so may the mail: where TLS is a must, [`Config::require_tls`] has the session refuse
//! every login without it.
//!
//! A caller that reads ahead into a buffer of its own gives what is in it to the handshake, never to the session. A
//! [`Write`] is advanced by what the TLS layer has taken, before that is flushed to the socket; otherwise a timeout of
//! the flush sends the same octets twice. Flush it before you wait to read. When the connection ends without TLS's closing alert, it has
//! [failed](Read::failed). Whether to send that alert yourself is told by [`Closed::is_orderly`].
//!
//! # When the transport fails
//! Report it with [`Read::failed`] or [`Write::failed`], and go on polling: the session returns what is known then. After
//! QUIT that is [`Closed::Quit`] with [`Removal::Unknown`], which an error of the socket alone doesn't tell. A server that
//! ends its stream, `filled(0)`, has sent all that it wanted to send; a transport that fails may have lost anything.
//!
//! # Without blocking
//! A task waits between two polls, when it holds no token, and loses nothing if it is cancelled there:
//!
//! ```no_run
//! use std::error::Error;
//! use std::io::ErrorKind;
//!
//! use bytes::Buf;
//! use pop3_proto::client::{Action, Session};
//! use tokio::io::Interest;
//! use tokio::net::TcpStream;
//! use tokio::time::{Instant, timeout_at};
//!
//! /// Reads and writes until the session has something else to say. The next poll returns that.
//! async fn exchange(socket: &TcpStream, session: &mut Session, start: Instant) -> Result<(), Box<dyn Error>> {
//!     loop {
//!         let (interest, deadline) = match session.poll(start.elapsed())? {
//!             Action::Read(mut read) => match socket.try_read(read.space()) {
//!                 Ok(octets) => {
//!                     read.filled(octets);
//!                     continue;
//!                 }
//!                 Err(error) if error.kind() == ErrorKind::WouldBlock => (Interest::READABLE, read.deadline()),
//!                 Err(_) => {
//!                     read.failed();
//!                     continue;
//!                 }
//!             },
//!             Action::Write(mut write) => match socket.try_write(write.chunk()) {
//!                 Ok(octets) => {
//!                     write.advance(octets);
//!                     continue;
//!                 }
//!                 Err(error) if error.kind() == ErrorKind::WouldBlock => (Interest::WRITABLE, write.deadline()),
//!                 Err(_) => {
//!                     write.failed();
//!                     continue;
//!                 }
//!             },
//!             _ => return Ok(()),
//!         };
//!         match deadline {
//!             // When the deadline has passed, the next poll reports it.
//!             Some(deadline) => drop(timeout_at(start + deadline, socket.ready(interest)).await),
//!             None => drop(socket.ready(interest).await?),
//!         }
//!     }
//! }
//! ```
//!
//! The caller polls again after it, and answers what comes as in the first example. It shows an event to a [`Login`] or a
//! [`Fetch`] once: so it calls [`done`](Event::done) before it awaits anything, or a cancelled task sees the event again.
//!
//! `examples/tokio/client_tokio.rs` in the repository is a complete program, with TLS.

mod action;
mod capabilities;
mod config;
mod error;
mod event;
mod exchange;
mod fetch;
mod inbox;
mod line_feeds;
mod list;
mod login;
mod outbox;
mod pipeline;
mod reply;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use core::{fmt, mem};

pub use self::action::{Action, Body, Closed, Idle, Read, Removal, StartTls, Write};
pub use self::capabilities::{Capabilities, Feature, Support};
pub use self::config::{Config, ConfigError, InitialResponsePolicy};
pub use self::error::{Error, ProtocolError, SendError};
pub use self::event::{Event, What};
pub use self::exchange::Challenge;
pub use self::fetch::{Choice, Fetch, Progress, Wanted};
pub use self::login::{Login, LoginError, Method, NoMethod, Proof};
pub use self::reply::Retry;

use self::action::Next;
use self::capabilities::Knowledge;
use self::exchange::Exchange;
use self::inbox::{Front, UnderWay};
use self::outbox::Outbox;
use crate::Security;
use crate::buffer::Input;
use crate::wire::{DeviationCounts, Timestamp, Verb};

/// One connection of a client, from the greeting to the end.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Session {
    config: Arc<Config>,
    security: Security,
    input: Input,
    outbox: Outbox,
    state: State,
    /// What of a response is still to come.
    under_way: UnderWay,
    /// How many entries the list under way may still have.
    entries_left: u32,
    /// What stands at the front of the input, until it is dealt with.
    front: Option<Front>,
    /// Apart from the rest, since most of the time there is none.
    exchange: Option<Box<Exchange>>,
    /// Whether the last login was turned down.
    login_failed: bool,
    /// Whether the last USER was turned down, so that the password after it isn't sent.
    name_refused: bool,
    knowledge: Knowledge,
    timestamp: Option<Timestamp>,
    /// Whether TLS came by STLS, after the greeting.
    is_upgraded: bool,
    utf8: bool,
    deviations: DeviationCounts,
    next_ticket: u32,
    now: Duration,
    /// When the server last did something, while it owes something.
    since: Option<Duration>,
    /// Whether that is too long ago, and the caller may look once more.
    is_overdue: bool,
    end: Option<End>,
    closed: Option<Result<Closed, Error>>,
    /// The command whose response was due when the session ended.
    ended_at: Option<Verb>,
    quit_is_sent: bool,
    /// Whether the server has announced that it is about to close.
    farewell: bool,
}

/// How the server's octets have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The server has ended its stream.
    Clean,
    /// The transport has failed.
    Failed,
}

/// The states of a session, as the client knows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The greeting hasn't come.
    Greeting,
    /// Nobody is logged in (RFC 1939 §4).
    Authorization,
    /// The maildrop is open (RFC 1939 §5).
    Transaction,
    /// The session is over.
    Over,
}

/// Identifies a command that was sent, in the events that answer it: exactly one event
/// [completes](Event::completes) it, unless the session ends first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u32);

impl Session {
    /// A session on a connection that was just made; `security` tells who may listen to it.
    pub fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            input: Input::with_line_limit(config.window, config.line_limit),
            config,
            security,
            outbox: Outbox::new(),
            state: State::Greeting,
            under_way: UnderWay::Status,
            entries_left: 0,
            front: None,
            exchange: None,
            login_failed: false,
            name_refused: false,
            knowledge: Knowledge::default(),
            timestamp: None,
            is_upgraded: false,
            utf8: false,
            deviations: DeviationCounts::default(),
            next_ticket: 0,
            now: Duration::ZERO,
            since: None,
            is_overdue: false,
            end: None,
            closed: None,
            ended_at: None,
            quit_is_sent: false,
            farewell: false,
        }
    }

    /// The state, as far as the server has answered.
    pub fn state(&self) -> State {
        self.state
    }

    /// Who may listen to the connection: TLS, once STLS has established it.
    pub fn security(&self) -> Security {
        self.security
    }

    /// What CAPA has listed; `None` before CAPA is answered, and where the server doesn't know it. A list holds from its
    /// end line on: until then, what was listed before it does. What was listed before login is taken to hold after it unless CAPA is sent again; what was listed before STLS is forgotten.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.knowledge.capabilities(self.state == State::Transaction)
    }

    /// Whether the server has a feature, as far as that is known.
    ///
    /// Where CAPA has no answer, a feature that is refused turns from [`Unknown`](Support::Unknown) to
    /// [`No`](Support::No): UIDL, STLS, UTF8, LANG and TOP, where the refusal has no response code. TOP is taken for missing
    /// even if it is the message that is, unless TOP has succeeded before.
    pub fn support(&self, feature: Feature) -> Support {
        self.knowledge.support(self.state == State::Transaction, feature)
    }

    /// The timestamp of the greeting, which offers APOP. It holds after STLS too: where somebody has changed it on the way,
    /// the digest goes through TLS to the right server, which refuses it.
    pub fn timestamp(&self) -> Option<&Timestamp> {
        self.timestamp.as_ref()
    }

    /// Whether the server has answered UTF8 with `+OK`.
    pub fn is_utf8_mode(&self) -> bool {
        self.utf8
    }

    /// How often the server has broken a rule and was understood all the same.
    pub fn deviations(&self) -> &DeviationCounts {
        &self.deviations
    }

    /// The keyword of the command whose response comes next: of the first, where several are due. When the session has
    /// ended it is the command whose response was due then, so it tells where an [`Error`] happened. `None` where no
    /// command waits for a response, and while the greeting is due.
    pub fn unanswered(&self) -> Option<Verb> {
        if self.closed.is_some() { self.ended_at } else { self.outbox.front().map(|sent| sent.verb) }
    }

    /// The line that the server broke the protocol with, without its line end, once the session has ended with
    /// [`Error::Protocol`]: at most as much of it as [`Config::line_limit`] allows. It is what a stranger sent, so escape
    /// it where it is shown. `None` after any other end; after a failure of AUTH, since the line may hold a part of the
    /// exchange; and for [`ProtocolError::BehindStls`], where the line itself is in order.
    pub fn offending_line(&self) -> Option<&[u8]> {
        match self.closed {
            Some(Err(Error::Protocol(error)))
                if error != ProtocolError::BehindStls && self.ended_at != Some(Verb::Auth) =>
            {
                let octets = self.input.octets();
                let octets = octets.get(..self.config.line_limit as usize).unwrap_or(octets);
                let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
                Some(line.strip_suffix(b"\r").unwrap_or(line))
            }
            _ => None,
        }
    }

    /// Whether something that logs in may be sent now, as far as TLS is required.
    fn may_log_in(&self) -> bool {
        self.security.is_tls() || !self.config.require_tls
    }

    /// Whether a secret may be sent now.
    fn may_send_secrets(&self) -> bool {
        self.security.is_secure() || self.config.cleartext_secrets
    }

    /// Returns the one thing that must happen next.
    ///
    /// `now` is the time since any fixed moment, the same one at each call. Dropping the action changes nothing, and
    /// the next call hands it out again; so does a call after [`Action::Closed`].
    ///
    /// # Errors
    /// [`Error`] when the session can't go on, at this call and all later ones.
    #[inline]
    pub fn poll(&mut self, now: Duration) -> Result<Action<'_>, Error> {
        self.now = now.max(self.now);
        let next = match self.plain_entry() {
            Some(plain) => Next::Event(Some(plain)),
            None => self.next()?,
        };
        Ok(self.action(next))
    }

    /// What must happen next, before the token for it is made.
    fn next(&mut self) -> Result<Next, Error> {
        loop {
            match self.closed {
                Some(Ok(closed)) => return Ok(Next::Closed(closed)),
                Some(Err(error)) => return Err(error),
                None => {}
            }
            match self.front()? {
                // The server has its part in the handshake.
                Some(Next::StartTls) => {
                    self.check_deadline()?;
                    return Ok(Next::StartTls);
                }
                Some(next) => {
                    // Until it is dealt with it isn't the server that is waited for.
                    self.since = None;
                    return Ok(next);
                }
                None => {}
            }
            if let Some(end) = self.end {
                self.conclude(end);
                continue;
            }
            self.release();
            if self.front.is_some() {
                continue;
            }
            if self.outbox.is_written() && !self.is_owed() {
                self.since = None;
                self.give_memory_back();
                return Ok(Next::Idle);
            }
            self.check_deadline()?;
            return Ok(if self.outbox.is_written() { Next::Read } else { Next::Write });
        }
    }

    /// Fails when the server has done nothing for too long, and the caller has looked for its octets after that.
    fn check_deadline(&mut self) -> Result<(), Error> {
        let since = self.since.unwrap_or_else(|| {
            self.is_overdue = false;
            self.now
        });
        self.since = Some(since);
        if self.now < since.saturating_add(self.config.reply_deadline) {
            return Ok(());
        }
        // Perhaps it is the caller that was busy, and the octets are there.
        if !mem::replace(&mut self.is_overdue, true) {
            return Ok(());
        }
        Err(self.fail(Error::TimedOut))
    }

    /// Whether the server owes an answer.
    fn is_owed(&self) -> bool {
        self.state == State::Greeting
            || self.outbox.outstanding() > 0
            || self.farewell
            // Half a line that no command has asked for.
            || !self.input.octets().is_empty()
    }

    /// Ends the session with an error.
    #[cold]
    fn fail(&mut self, error: impl Into<Error>) -> Error {
        let error = error.into();
        self.close(Err(error));
        error
    }

    fn close(&mut self, how: Result<Closed, Error>) {
        self.closed = Some(how);
        self.ended_at = self.outbox.front().map(|sent| sent.verb);
        self.state = State::Over;
        self.under_way = UnderWay::Status;
        self.exchange = None;
        self.outbox = Outbox::new();
        if self.offending_line().is_none() {
            // It may hold half a challenge.
            self.input.wipe(usize::MAX);
        }
    }

    /// The stream has ended, and all that came is dealt with.
    fn conclude(&mut self, end: End) {
        let partial = !self.input.octets().is_empty() || !matches!(self.under_way, UnderWay::Status);
        let closed = match (self.outbox.front().map(|sent| sent.verb), end) {
            _ if partial => Err(Error::Truncated),
            // Before login nothing can have been marked (R-1939-20).
            (Some(Verb::Quit), _) if self.state == State::Authorization => Ok(Closed::Quit(Removal::All)),
            // A transport that has failed may have sent more than it has reported.
            (Some(Verb::Quit), End::Failed) => Ok(Closed::Quit(Removal::Unknown)),
            (Some(Verb::Quit), End::Clean) if self.outbox.front_is_written() => Ok(Closed::Quit(Removal::Unknown)),
            (None, _) if self.login_failed => Ok(Closed::AfterFailedLogin),
            (_, End::Failed) => Err(Error::TransportFailed),
            (None, End::Clean) if self.state != State::Greeting => Ok(Closed::WhileIdle),
            (_, End::Clean) => Err(Error::Disconnected),
        };
        self.close(closed);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("security", &self.security)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}
