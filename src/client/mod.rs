//! The client's half of a connection, as a state machine that the caller drives.
//!
//! # Where to begin
//! The repository's package [`adapter`](crate::manual::adapters) has a client that is called, `Client`, over blocking streams or over
//! tokio: each call sends its command and returns when that is answered. This program, `cargo run --example client`, prints the
//! subjects of all messages; over tokio it differs by `.await`:
#![doc = "```no_run"]
#![doc = include_str!("../manual/client.rs")]
#![doc = "```"]
//! A [`Login`] plans the beginning of a session: STLS, CAPA, the best way to log in, and the next one where that is right.
//!
//! A program that keeps mail, whether it leaves it on the server or deletes it there, takes a [`Fetch`], and `Client::fetch`, which carries
//! it out for a store. `Client` alone knows nothing of unique-ids that are repeated, of messages that are to come last since they break
//! a session, or of what was stored before. [`Fetch`] begins with such a program, and there is
//! [one with a database](crate::manual::adapters#an-import-into-sqlite).
//!
//! `examples/std/client_std.rs` and `examples/tokio/client_tokio.rs` are complete programs.
//!
//! # With a loop of your own
//! [`Session::send`] queues commands, and [`Session::poll`] returns the one thing that must happen next: octets to read or
//! to write, what the server has sent, a part of a message, a step of TLS or SASL. This logs in as a [`Login`] plans it, and returns the
//! first message; `transfer` is `adapter`'s.
#![doc = "```no_run"]
#![doc = include_str!("first_message.rs")]
#![doc = "```"]
//! The session may be used in any arm, once its token is answered or dropped. A dropped token comes again: an event or a
//! part of a message with the same octets until [`done`](Event::done) is called.
//!
//! # What a session returns
//! | action | what to do | if you don't support it |
//! |---|---|---|
//! | [`Action::Io`] | move octets: [`Read::filled`], `advance` of [`Write`]; `failed` for both | |
//! | [`Action::Event`] | look at its [`kind`](Event::kind), then [`done`](Event::done) | `decline` is `done` |
//! | [`Action::Body`] | store [its octets](Body::as_bytes), then [`done`](Body::done) | send no RETR and no TOP; `decline` ends the session |
//! | [`Action::Challenge`] | [`Login::answer`], or [`respond`](Challenge::respond) with a SASL library's message | `decline` cancels the login |
//! | [`Action::StartTls`] | the TLS handshake, then [`established`](StartTls::established) or [`failed`](StartTls::failed) | send no STLS |
//! | [`Action::Idle`] | [`send`](Session::send) more, QUIT at last | `decline` sends QUIT |
//! | [`Action::Closed`] | close the connection | |
//!
//! # What answers a command
//! These events carry the command's [`Ticket`]. The last one named [completes](Event::completes) the command, and so does
//! [`Failed`](EventKind::Failed), which may come in the place of the first. One event completes each command, unless the session
//! ends before.
//!
//! | command | events |
//! |---|---|
//! | USER, PASS, APOP, DELE, NOOP, RSET, UTF8, LAST, LANG with a language | [`Ok`](EventKind::Ok) |
//! | AUTH with a mechanism | `Action::Challenge` if the mechanism has any, [`BearerFailure`](EventKind::BearerFailure) before the failure of a token; `Ok` |
//! | STLS | `Action::StartTls`, then `Ok` |
//! | STAT | [`Stat`](EventKind::Stat) |
//! | LIST with a message, UIDL with a message | [`Scan`](EventKind::Scan), [`UniqueId`](EventKind::UniqueId) |
//! | LIST, UIDL | [`Begins`](EventKind::Begins); `Scan` or `UniqueId` for each message; [`Ends`](EventKind::Ends) |
//! | RETR, TOP | `Begins`; `Action::Body`, not at all for a message without octets; `Ends` |
//! | CAPA, AUTH without a mechanism, LANG without a language | `Begins`; [`Line`](EventKind::Line) for each line; `Ends` |
//! | QUIT | `Ok`; then `Action::Closed`, which has [what became of the deletions](Closed::Quit) |
//!
//! A line that can't be read is [`Unreadable`](EventKind::Unreadable) in the place of `Stat`, `Scan` or `UniqueId`. A command that has
//! lost its place before its turn is [`NotSent`](EventKind::NotSent), and completed by that. Two events have no ticket:
//! [`Greeting`](EventKind::Greeting), and [`Farewell`](EventKind::Farewell), after which nothing can be sent and `Closed` follows. A
//! greeting with `-ERR` is followed by [`Closed::Refused`].
//!
//! A session ends with [`Action::Closed`], or with an [`Error`] if something went wrong; then the connection is closed. To end it
//! early, [stop](Session::stop) it and go on polling, or drop it: messages marked as deleted then stay.
//!
//! # The states
//! ```text
//!               greeting                   USER and PASS, APOP, AUTH: +OK
//!   Greeting ─────────────▶ Authorization ────────────────────────────────▶ Transaction
//!      │                      │    ▲   │                                       │
//!      │                      └────┘   │ QUIT is answered; the stream ends,    │
//!      │                 STLS: all     │ or breaks the protocol                │
//!      │               is learnt anew  ▼                                       │
//!      └──────────────────────────▶  Over  ◀───────────────────────────────────┘
//! ```
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
//! On port 995 TLS comes first: do the handshake, then call [`Session::new`] with [`Security::Tls`]. On port 110 send
//! STLS first of all, as a [`Login`] does [where it is told to](Login::stls): [`Action::StartTls`] follows, and when the handshake
//! is done [`established`](StartTls::established) completes the command. Then send CAPA, as nothing that was received before
//! counts. Where STLS [fails](EventKind::Failed), quit. With [`Security::Cleartext`] no password leaves in any case, but a proof
//! of one may, such as CRAM-MD5's, and so may the mail: where TLS is a must, [`Config::require_tls`] has the session refuse
//! every login without it.
//!
//! A caller that reads ahead into a buffer of its own gives what is in it to the handshake, never to the session. A
//! [`Write`] is advanced by what the TLS layer has taken, before that is flushed to the socket; otherwise a timeout of
//! the flush sends the same octets twice. Flush it before you wait to read. When the connection ends without TLS's closing alert, it has
//! [failed](crate::Read::failed). Whether to send that alert yourself is told by [`Closed::is_orderly`].
//!
//! # When the transport fails
//! Report it with [`Io::failed`](crate::Io::failed), and go on polling: after a write that failed the session still reads,
//! as the server may have said why; in the end it returns what is known. After
//! QUIT that is [`Closed::Quit`] with [`Removal::Unknown`], which an error of the socket alone doesn't tell. A server that
//! ends its stream, `filled(0)`, has sent all that it wanted to send; a transport that fails may have lost anything.
//!
//! # Over `.await`
//! A token may be held while something is awaited; it is `Send`. A future that is dropped with it loses nothing: the next poll hands
//! it out again. But a [`Login`] or a [`Fetch`] is shown an event once: so call [`done`](Event::done) before you await
//! anything after that.

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
pub use self::fetch::{Choice, Fetch, ListedMessage, Progress};
pub use self::idle::Idle;
pub use self::login::{Login, LoginError, LoginFailure};
pub use self::method::Method;
pub use self::queue::Ticket;
pub use self::retry::Retry;
pub use self::session::Session;
pub use self::start_tls::StartTls;

/// What most clients need beside this module.
#[doc(no_inline)]
pub use crate::{
    Io, Read, Security, Write,
    message::{MessageNumber, Removal, UniqueId},
    wire::{Command, DropListing, Name, Password, Response, ScanListing, Status, Verb},
};

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
        if self.pipe.is_unwritable {
            // What the server has sent before may say why.
            self.wait(Next::Read)
        } else if self.pipe.output.has_remaining() {
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
