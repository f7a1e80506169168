//! What a session wants next.

use core::fmt;
use core::time::Duration;

use bytes::Buf;

use super::capabilities::Knowledge;
use super::error::Error;
use super::event::Event;
use super::exchange::Challenge;
use super::inbox::Front;
use super::list::Plain;
use super::{End, Session, Ticket};
use crate::Security;
use crate::wire::Command;

/// The one thing that must happen next, as [`Session::poll`] tells it.
///
/// Each but `Closed` is a token: answer it by consuming it, or drop it, and the next poll hands out the same again.
///
/// So a token that is never answered comes back for ever, and a server can cause that: in `if is_wanted { body.done() }`
/// without an `else`, a message that nobody asked for keeps the caller busy. Answer on each path, or
/// [decline](Self::decline) what you don't support:
///
/// | token | declined |
/// |---|---|
/// | [`Event`] | [done](Event::done) |
/// | [`Body`] | the session ends with [`Error::BodyDeclined`]: a part of a message is never dropped in silence |
/// | [`StartTls`] | [failed](StartTls::failed): the session ends |
/// | [`Challenge`] | [cancelled](Challenge::cancel): the login fails |
/// | [`Idle`] | QUIT is sent |
#[derive(Debug)]
#[must_use = "the session goes on when its action is answered"]
pub enum Action<'a> {
    /// Octets from the server are wanted.
    Read(Read<'a>),
    /// Octets for the server are ready.
    Write(Write<'a>),
    /// The server has sent something to report.
    Event(Event<'a>),
    /// A part of a message has come.
    Body(Body<'a>),
    /// The server is ready for TLS.
    StartTls(StartTls<'a>),
    /// The server challenges the client, in an exchange of SASL.
    Challenge(Challenge<'a>),
    /// All commands are answered: [`send`](Session::send) more, or wait for the server to close the connection; or go
    /// on without the session, since [nothing is buffered](Idle).
    Idle(Idle<'a>),
    /// The session is over: close the connection.
    Closed(Closed),
}

impl Action<'_> {
    /// Gives the safe answer: the last arm of a loop that doesn't support everything.
    ///
    /// `Read`, `Write` and `Closed` ask nothing, so they are only dropped, and come again.
    pub fn decline(self) {
        match self {
            Self::Event(event) => event.done(),
            Self::Body(body) => body.decline(),
            Self::StartTls(start) => start.failed(),
            Self::Challenge(challenge) => challenge.cancel(),
            Self::Idle(idle) => idle.decline(),
            Self::Read(_) | Self::Write(_) | Self::Closed(_) => {}
        }
    }
}

/// What must happen next, before the token for it is made.
#[derive(Clone, Copy)]
pub(super) enum Next {
    Read,
    Write,
    Event(Option<Plain>),
    Body,
    StartTls,
    Challenge,
    Idle,
    Closed(Closed),
}

impl Session {
    #[inline]
    pub(super) fn action(&mut self, next: Next) -> Action<'_> {
        match next {
            Next::Read => Action::Read(Read::new(self)),
            Next::Write => Action::Write(Write::new(self)),
            Next::Event(plain) => Action::Event(Event::new(self, plain)),
            Next::Body => Action::Body(Body::new(self)),
            Next::StartTls => Action::StartTls(StartTls::new(self)),
            Next::Challenge => Action::Challenge(Challenge::new(self)),
            Next::Idle => Action::Idle(Idle::new(self)),
            Next::Closed(closed) => Action::Closed(closed),
        }
    }
}

/// How a session has ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// QUIT was sent, and this is what became of the messages that were marked as deleted.
    Quit(Removal),
    /// The greeting was `-ERR`: the server doesn't want to serve.
    Refused,
    /// The server closed the connection after a login that it turned down.
    AfterFailedLogin,
    /// The server turned a command down before the client had written all of it, and [`Failed`](super::What::Failed) has
    /// the reason. It isn't known what the server would take the rest for, so nothing more is sent. No message was
    /// removed.
    AnsweredEarly,
    /// The server ended its stream while it owed no response: autologout, most likely. No message was removed. What was
    /// [complete](super::What::Ends) before that is shown to be whole, unless [`Farewell`](super::What::Farewell) came.
    WhileIdle,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quit(Removal::All) => "the session is over",
            Self::Quit(Removal::NotAll) => "the session is over, and the server has not removed all deleted messages",
            Self::Quit(Removal::Unknown) => "the server closed without saying whether deleted messages are removed",
            Self::Refused => "the server does not want to serve",
            Self::AfterFailedLogin => "the server closed after a failed login",
            Self::AnsweredEarly => "the server turned a command down before it had the whole of it",
            Self::WhileIdle => "the server closed while nothing was asked of it",
        })
    }
}

impl Closed {
    /// Whether both sides knew that it is over: then a TLS session is ended with its alert (RFC 8314 §3.4).
    pub const fn is_orderly(self) -> bool {
        matches!(self, Self::Quit(Removal::All | Removal::NotAll) | Self::Refused)
    }
}

/// What became of the messages that were marked as deleted (RFC 1939 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Removal {
    /// All that the server has marked are removed: QUIT was answered `+OK`. Messages whose DELE was refused aren't
    /// among them. Before login there are none, and so no answer is needed.
    All,
    /// Some or all are still there: QUIT was answered `-ERR`.
    NotAll,
    /// It isn't known: QUIT wasn't answered.
    Unknown,
}

/// Octets from the server are wanted.
#[must_use = "the session waits for octets from the server"]
pub struct Read<'a> {
    session: &'a mut Session,
    /// How many octets of space were given out.
    space: usize,
}

impl<'a> Read<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session, space: 0 }
    }

    /// Where to read into, never empty. The session has memory for it from the first call of this until it is
    /// [idle](Action::Idle), or told that there is [nothing yet](Self::nothing_yet). A caller that waits for many
    /// servers calls it once there is something to read.
    pub fn space(&mut self) -> &mut [u8] {
        let space = self.session.input.space();
        self.space = space.len();
        space
    }

    /// The first `octets` of the space were read; 0 means that the server has ended its stream. No more than the space
    /// is taken, and nothing where no space was asked for.
    ///
    /// Over TLS, only the closing alert ends the stream. A connection that ends without it has
    /// [failed](Self::failed): anybody on the way can cut it.
    pub fn filled(self, octets: usize) {
        if octets == 0 {
            self.session.end = Some(End::Clean);
        }
        self.session.input.filled(octets.min(self.space));
        self.session.since = None;
    }

    /// The transport has failed, in both directions: a reset, a route that is gone, an end of the connection without
    /// TLS's closing alert.
    ///
    /// That isn't the same as `filled(0)`: a server that ends its stream has sent all that it wanted to send, and so the
    /// last message is complete. A transport that fails may have lost anything. The next poll returns
    /// [`Error::TransportFailed`], unless more is known: [`Error::Truncated`] inside a response,
    /// [`Closed::Quit`] where QUIT was sent, [`Closed::AfterFailedLogin`].
    pub fn failed(self) {
        self.session.end = Some(End::Failed);
    }

    /// There is nothing to read at the moment: the session gives the memory of the space back. Otherwise this is the
    /// same as dropping the token.
    pub fn nothing_yet(self) {
        self.session.give_memory_back();
    }

    /// When to poll again though nothing was read, on the clock that `now` comes from; `None` where the server owes
    /// no response, so that the wait has no limit.
    ///
    /// A poll after it returns a token once more, so that octets which have come meanwhile are found: try to read them
    /// before the next poll, which fails with [`Error::TimedOut`] if none were read or written. So a caller that was
    /// busy for a long time loses nothing.
    ///
    /// As a socket's timeout, `deadline - now` may be 0, which most sockets treat as no timeout at all: read without
    /// waiting then, or with the shortest timeout there is.
    pub fn deadline(&self) -> Option<Duration> {
        self.session.deadline()
    }
}

impl fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

/// Octets for the server are ready: write what [`Buf`] gives, all of it or a part, in this order.
///
/// A token that comes again begins with the same octets, though there may be more of them. Advance it by what the next
/// layer has taken, be that the socket or TLS.
#[must_use = "the session waits for the server to take its octets"]
pub struct Write<'a> {
    session: &'a mut Session,
}

impl<'a> Write<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session }
    }

    /// The transport has failed, in both directions, as with [`Read::failed`].
    ///
    /// What the server sent before that may still be there, and it may say why: first read it,
    /// by [`into_read`](Self::into_read), until the stream ends or a read fails too.
    pub fn failed(self) {
        self.session.end = Some(End::Failed);
    }

    /// When to poll again though nothing was written, on the clock that `now` comes from. See [`Read::deadline`] for
    /// polls after it.
    pub fn deadline(&self) -> Option<Duration> {
        self.session.deadline()
    }

    /// Reads instead. Where the transport takes nothing at the moment, the server may be waiting for its own octets to
    /// be taken: a caller that can wait for both waits for both, so neither side ever blocks the other for good.
    ///
    /// A caller that can't doesn't need to: what is written ahead of responses keeps within
    /// [`Config::pipelined`](super::Config::pipelined), which fits into the buffers of any socket.
    pub fn into_read(self) -> Read<'a> {
        Read::new(self.session)
    }
}

impl Buf for Write<'_> {
    fn remaining(&self) -> usize {
        self.session.outbox.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.session.outbox.chunk()
    }

    fn advance(&mut self, octets: usize) {
        if octets > 0 {
            self.session.since = None;
        }
        self.session.outbox.advance(octets);
    }
}

impl fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("octets", &self.remaining())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

/// A part of a message, or of the beginning of one that TOP returns. It comes again until it is [done](Self::done).
#[must_use = "the session waits for this part to be taken"]
pub struct Body<'a> {
    session: &'a mut Session,
}

impl<'a> Body<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session }
    }

    /// The command that it answers.
    pub fn ticket(&self) -> Ticket {
        self.session.outbox.front().map_or(Ticket(0), |sent| sent.ticket)
    }

    /// The octets of the message, dots undone, CRLF kept: one or more, and at most as many as the window holds. They
    /// lie in the window. The total isn't known in advance: the message ends with [`What::Ends`](super::What::Ends).
    pub fn octets(&self) -> &[u8] {
        match self.session.front {
            Some(Front::Body { start, consumed }) => {
                self.session.input.octets().get(start as usize..consumed as usize).unwrap_or_default()
            }
            Some(Front::CarriageReturn { .. }) => b"\r",
            _ => &[],
        }
    }

    /// The octets are dealt with.
    pub fn done(self) {
        self.session.take_front();
    }

    /// The caller has no use for the message: the session ends with [`Error::BodyDeclined`], and the rest of the message
    /// isn't read.
    pub fn decline(self) {
        self.session.fail(Error::BodyDeclined);
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("octets", &self.octets().len()).finish_non_exhaustive()
    }
}

/// The server is ready for TLS: what comes next on the transport is the handshake.
///
/// No octet came after its `+OK`; one would have ended the session (RFC 2595 §4). The certificate must be for
/// [`server_name`](StartTls::server_name), and TLS of version 1.2 at least (RFC 7817, RFC 8314 §4).
#[must_use = "the session waits for TLS"]
pub struct StartTls<'a> {
    session: &'a mut Session,
}

impl<'a> StartTls<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session }
    }

    /// The name that the certificate must be for, if the configuration has one.
    pub fn server_name(&self) -> Option<&str> {
        self.session.config.server_name.as_deref()
    }

    /// When to give the handshake up, on the clock that `now` comes from: it is one deadline for all of it. A poll after
    /// it returns the token once more.
    pub fn deadline(&self) -> Option<Duration> {
        self.session.deadline()
    }

    /// The command STLS that it answers.
    pub fn ticket(&self) -> Option<Ticket> {
        self.session.outbox.front().map(|sent| sent.ticket)
    }

    /// TLS is established. What was learnt in the clear is forgotten: capabilities and the mode (RFC 2595 §4); the
    /// greeting's timestamp isn't. An event reports that STLS has succeeded, without the text of its response.
    pub fn established(self) {
        self.session.take_front();
        self.session.security = Security::Tls;
        self.session.knowledge = Knowledge::default();
        self.session.is_upgraded = true;
        self.session.utf8 = false;
        self.session.login_failed = false;
        self.session.since = None;
    }

    /// The handshake failed. The session ends with [`Error::TlsFailed`].
    pub fn failed(self) {
        self.session.fail(Error::TlsFailed);
    }
}

impl fmt::Debug for StartTls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartTls").field("server_name", &self.server_name()).finish_non_exhaustive()
    }
}

/// All commands are answered, and nothing is buffered in either direction: every command is written to its last octet,
/// and each octet that was read is dealt with.
///
/// The next poll returns it again: [`send`](Session::send) something first, or wait. A program that sends QUIT when it
/// has nothing more to ask sees this only where it waits for something else, such as a [plan](super::Fetch) that hasn't
/// been told what to do with its messages.
///
/// The transport may also be taken away from the session as it is, for a proxy that has logged in and now splices it to
/// another one, say. The session is dropped then, and neither QUIT nor anything else is sent. What the server sends
/// without being asked comes before this, if it is read before.
#[must_use = "poll again when a command was sent, or read"]
pub struct Idle<'a> {
    session: &'a mut Session,
}

impl<'a> Idle<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session }
    }

    /// Waits for the server to close the connection, which is all that it can do without being asked. To send a command
    /// after all, drop this.
    pub fn into_read(self) -> Read<'a> {
        Read::new(self.session)
    }

    /// The caller has nothing more to ask: QUIT is sent.
    pub fn decline(self) {
        // It can't be refused where nothing waits; and where the session is over, it is over anyway.
        let _ = self.session.send(&Command::Quit);
    }
}

impl fmt::Debug for Idle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").finish_non_exhaustive()
    }
}

impl Session {
    /// When the server will have been silent for too long.
    fn deadline(&self) -> Option<Duration> {
        // The longest duration means no deadline.
        self.since?.checked_add(self.config.reply_deadline).filter(|deadline| *deadline < Duration::MAX)
    }

    /// Gives the memory of empty buffers back.
    pub(super) fn give_memory_back(&mut self) {
        self.input.release();
        self.outbox.give_back();
    }
}
