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
//! [`Error`] if something went wrong; then the connection is closed. To end it early, [stop](Session::stop) it and go on
//! polling, or drop it: messages marked as deleted then stay.
//!
//! [`EventKind::Farewell`] means that the server is about to close, for autologout or because it is stopping: nothing can be
//! sent any more, and `Closed` follows. A greeting with `-ERR` is [`EventKind::Greeting`] with that status, followed by
//! [`Closed::Refused`].
//!
//! # When a message is complete
//! [`EventKind::Ends`] means that the line of one dot has come that ends a message. Some servers send such a line inside a message
//! as it is, and then it ends there too early; what follows it is taken for responses. So a message that is to be kept, and
//! more so one that is to be deleted, is complete only when the session is shown to be in step after it. The first event of the
//! next command shows it, unless the message has a line that looks like a response; STAT, sent after RETR and answered as at
//! the beginning, shows it better. So does a clean end of the stream without an octet in between ([`Closed::WhileIdle`],
//! [`Error::Disconnected`]). Any other end, and [`EventKind::Farewell`], show nothing. Send QUIT when each DELE is answered,
//! or an answer that belongs to something else may be taken for DELE's, and mail is deleted. [`Fetch`] does all this.
//!
//! # TLS
//! On port 995 TLS comes first: do the handshake, then call [`Session::new`] with [`Security::Tls`](crate::Security::Tls). On port 110 send
//! STLS first of all: [`Action::StartTls`] follows, and when the handshake is done
//! [`established`](StartTls::established) completes the command. Then send CAPA, as nothing that was received before
//! counts. Where STLS [fails](EventKind::Failed), quit. With [`Security::Cleartext`](crate::Security::Cleartext) no password leaves in any case, but a proof
//! of one may, such as CRAM-MD5's, and so may the mail: where TLS is a must, [`Config::require_tls`] has the session refuse
//! every login without it.
//!
//! A caller that reads ahead into a buffer of its own gives what is in it to the handshake, never to the session. A
//! [`Write`](crate::Write) is advanced by what the TLS layer has taken, before that is flushed to the socket; otherwise a timeout of
//! the flush sends the same octets twice. Flush it before you wait to read. When the connection ends without TLS's closing alert, it has
//! [failed](crate::Read::failed). Whether to send that alert yourself is told by [`Closed::is_orderly`].
//!
//! # When the transport fails
//! Report it with [`Io::failed`](crate::Io::failed), and go on polling: the session returns what is known then. After
//! QUIT that is [`Closed::Quit`] with [`Removal::Unknown`](crate::message::Removal::Unknown), which an error of the socket alone doesn't tell. A server that
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
//! use pop3_proto::Io;
//! use pop3_proto::client::{Action, Session};
//! use tokio::io::Interest;
//! use tokio::net::TcpStream;
//! use tokio::time::{Instant, timeout_at};
//!
//! /// Reads and writes until the session has something else to say. The next poll returns that.
//! async fn exchange(socket: &TcpStream, session: &mut Session, start: Instant) -> Result<(), Box<dyn Error>> {
//!     loop {
//!         let (interest, deadline) = match session.poll(start.elapsed())? {
//!             Action::Io(Io::Read(mut read)) => match socket.try_read(read.space()) {
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
//!             Action::Io(Io::Write(mut write)) => match socket.try_write(write.chunk()) {
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
mod body;
mod capabilities;
mod challenge;
mod closed;
mod config;
mod error;
mod event;
mod exchange;
mod fetch;
mod front;
mod idle;
mod knowledge;
mod line_feeds;
mod list;
mod login;
mod method;
mod queue;
mod read;
mod retry;
mod sasl;
mod send;
mod session;
mod settle;
mod start_tls;
mod state;

use core::time::Duration;

use bytes::Buf;

pub use self::action::Action;
pub use self::body::Body;
pub use self::capabilities::{Capabilities, Feature, Support};
pub use self::challenge::Challenge;
pub use self::closed::Closed;
pub use self::config::{Config, InitialResponsePolicy};
pub use self::error::{Error, ProtocolError, SendError};
pub use self::event::{Event, EventKind};
pub use self::fetch::{Choice, Fetch, Progress, Wanted};
pub use self::idle::Idle;
pub use self::login::{Credential, Login, LoginError};
pub use self::method::{Method, NoMethod};
pub use self::queue::Ticket;
pub use self::retry::Retry;
pub use self::session::Session;
pub use self::start_tls::StartTls;

use self::action::Next;
use self::front::{Found, Front, Reading};
use self::state::Life;
use crate::buffer::End;

impl Session {
    /// Returns the one thing that must happen next.
    ///
    /// `now` is the time since any fixed moment, the same one at each call. Dropping the action changes nothing, and
    /// the next call hands it out again; so does a call after [`Action::Closed`].
    ///
    /// # Errors
    /// [`Error`] when the session can't go on, at this call and all later ones.
    #[inline]
    pub fn poll(&mut self, now: Duration) -> Result<Action<'_>, Error> {
        self.pipe.clock.tick(now);
        if let Some(plain) = self.plain_entry() {
            return Ok(Action::Event(Event { session: self, plain: Some(plain) }));
        }
        let next = self.next()?;
        Ok(self.action(next))
    }

    /// What must happen next, before the token for it is made.
    fn next(&mut self) -> Result<Next, Error> {
        if self.pipe.take_read() | self.pipe.output.take_progress() {
            self.pipe.clock.stop();
        }
        if let Life::Over(over) = &self.life {
            return over.how.map(Next::Closed);
        }
        if self.front.is_none() {
            self.front = self.read()?;
        }
        if self.front.is_none() {
            if let Some(end) = self.pipe.end {
                return self.conclude(end).map(Next::Closed);
            }
            self.front = self.release().map(|sent| Front::empty(Found::NotSent(sent)));
        }
        if let Some(front) = &self.front {
            let next = match front.found {
                Found::Body { .. } | Found::CarriageReturn => Next::Body,
                Found::Challenge => Next::Challenge,
                // The server has its part in the handshake.
                Found::StartTls => return self.wait(Next::StartTls),
                _ => Next::Event,
            };
            // Until it is dealt with it isn't the server that is waited for.
            self.pipe.clock.stop();
            return Ok(next);
        }
        if self.pipe.output.has_remaining() {
            self.wait(Next::Write)
        } else if self.is_owed() {
            self.wait(Next::Read)
        } else {
            self.pipe.clock.stop();
            self.pipe.give_back();
            self.queue.give_back();
            Ok(Next::Idle)
        }
    }

    /// Waits for the server; fails when it has done nothing for too long, and the caller has looked for its octets after
    /// that.
    fn wait(&mut self, next: Next) -> Result<Next, Error> {
        let clock = &mut self.pipe.clock;
        if !clock.is_running() {
            clock.start(self.config.reply_deadline);
        }
        // At first it may be the caller that was busy, and the octets are there.
        if clock.is_overdue() { Err(self.fail(Error::TimedOut)) } else { Ok(next) }
    }

    /// Whether the server owes something: an answer, the end of its stream, or the rest of a line that no command has asked
    /// for.
    fn is_owed(&self) -> bool {
        let is_due = matches!(self.life, Life::Greeting) || self.queue.is_shut || self.queue.front().is_some();
        is_due || !self.pipe.input.unread().is_empty()
    }

    /// Ends the session when the server's octets have ended, and all that came is dealt with.
    fn conclude(&mut self, end: End) -> Result<Closed, Error> {
        let is_partial = !self.pipe.input.unread().is_empty() || !matches!(self.reading, Reading::Status);
        let how = if is_partial {
            Err(Error::Truncated)
        } else {
            self.life.conclude(end, self.queue.front(), self.front_is_written())
        };
        self.close(how);
        how
    }
}
