//! What a session wants next, and the tokens for the two things that every state wants.

use core::fmt;
use core::time::Duration;

use bytes::Buf;

use super::authorization::Login;
use super::connection::Connection;
use super::exchange::Authenticate;
use super::maildrop::Maildrop;
use super::retrieve::{Body, Retrieve};
use super::starttls::{Residue, StartTls};
use super::update::Update;
use crate::buffer::Input;

/// The one thing that must happen next, as [`Session::poll`](super::Session::poll) tells it.
///
/// Each but `Close` is a token: answer it by consuming it, or drop it, and the next poll hands out the same again.
///
/// So a token that is never answered comes back for ever, and a client can cause that: in
/// `if is_allowed { login.accept(maildrop) }` without an `else`, a wrong password keeps the host busy until it is
/// stopped, as no deadline runs while the host is asked. Answer on each path. Every token that asks the host something has a
/// `decline`, which is the safe answer; and [`Action::decline`] gives it for all that a host doesn't support:
///
/// | token | declined |
/// |---|---|
/// | [`Login`], [`Authenticate`] | rejected as [temporary](super::Rejection::Temporary): `-ERR [SYS/TEMP]`, and no failed login |
/// | [`StartTls`] | [failed](StartTls::failed): the session closes |
/// | [`Retrieve`] | refused as [temporary](super::Refusal::Temporary): `-ERR [SYS/TEMP]`, for this message |
/// | [`Body`] | [failed](Body::fail): the session closes without the end of the message |
/// | [`Update`] | [nothing removed](super::Commit::None): `-ERR [SYS/TEMP]` if a message was marked |
#[must_use = "the session goes on when its action is answered"]
pub enum Action<'a, M: Maildrop> {
    /// Octets from the client are wanted.
    Read(Read<'a>),
    /// Octets for the client are ready.
    Write(Write<'a>),
    /// A client wants TLS, and has been told to begin. Only where [`Config::stls`](super::Config::stls) offers it.
    StartTls(StartTls<'a>),
    /// A client wants to log in.
    Login(Login<'a, M>),
    /// A client has taken a step in a SASL exchange. Only of mechanisms that
    /// [`Config::mechanism`](super::Config::mechanism) offers, and not of PLAIN and LOGIN by default.
    Authenticate(Authenticate<'a, M>),
    /// A message is wanted, by RETR or TOP.
    Retrieve(Retrieve<'a, M>),
    /// The next chunk of that message is wanted.
    Body(Body<'a, M>),
    /// The client has sent QUIT: the marked messages are to be removed.
    Update(Update<'a, M>),
    /// The session is over, and its maildrop has been dropped: close the connection, unless the login was
    /// [handed over](CloseReason::HandedOver).
    ///
    /// Over TCP, first shut the writing side down and read what the client still sends, for a second or so: closing a
    /// socket with octets unread resets the connection, and the client may lose the last response.
    Close(CloseReason),
}

impl<M: Maildrop> Action<'_, M> {
    /// Gives the safe answer to what the host was asked: the last arm of a loop that doesn't support everything.
    ///
    /// `Read`, `Write` and `Close` ask nothing, so they are only dropped, and come again. A host that declines a read or
    /// a write instead of waiting for its transport is busy until the deadline.
    pub fn decline(self) {
        match self {
            Self::Login(login) => login.decline(),
            Self::Authenticate(step) => step.decline(),
            Self::StartTls(start) => start.decline(),
            Self::Retrieve(retrieve) => retrieve.decline(),
            Self::Body(body) => body.decline(),
            Self::Update(update) => update.decline(),
            Self::Read(_) | Self::Write(_) | Self::Close(_) => {}
        }
    }
}

impl<M: Maildrop> fmt::Debug for Action<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(read) => read.fmt(f),
            Self::Write(write) => write.fmt(f),
            Self::StartTls(start) => start.fmt(f),
            Self::Login(login) => login.fmt(f),
            Self::Authenticate(step) => step.fmt(f),
            Self::Retrieve(retrieve) => retrieve.fmt(f),
            Self::Body(body) => body.fmt(f),
            Self::Update(update) => update.fmt(f),
            Self::Close(reason) => f.debug_tuple("Close").field(reason).finish(),
        }
    }
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client sent QUIT and has its answer.
    #[error("the client quit")]
    Quit,
    /// The host refused to serve; the greeting was `-ERR`.
    #[error("the connection was refused in the greeting")]
    Refused,
    /// The client's stream ended without QUIT. No message was removed.
    #[error("the client's stream ended without QUIT")]
    EndOfStream,
    /// The host wanted to stop. No message was removed.
    #[error("the server is stopping")]
    Stopped,
    /// The client was silent, or took no output, for too long after login. No message was removed.
    #[error("autologout: the client was silent for too long")]
    Autologout,
    /// The client didn't log in in time.
    #[error("the client did not log in in time")]
    LoginDeadline,
    /// The client sent too many bad commands in a row. No message was removed.
    #[error("the client sent too many bad commands in a row")]
    TooManyBadCommands,
    /// The client, which hasn't logged in, has begun an HTTP request (RFC 9112 §3): a browser that some web page has led
    /// here, perhaps to have it send commands. Nothing after that line was looked at.
    #[error("the client speaks HTTP")]
    HttpRequest,
    /// The client failed to log in too often.
    #[error("the client failed to log in too often")]
    TooManyFailedLogins,
    /// The client sent too many commands without logging in.
    #[error("the client sent too many commands before login")]
    TooManyCommandsBeforeLogin,
    /// The client sent octets after STLS, before TLS could begin: an attack, or a defect. They were not acted on.
    #[error("octets came after STLS: {} lines and {} octets", .0.lines, .0.octets)]
    ResidueBehindStls(Residue),
    /// The host said that the transport has [failed](Read::failed): the connection was reset, say. The client may not
    /// have everything that was written. No message was removed, unless the host had answered QUIT before.
    #[error("the transport failed")]
    TransportFailed,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    TlsFailed,
    /// The host couldn't go on with a message that it had begun, and cutting the connection is the only way to tell the
    /// client. No message was removed.
    #[error("a message could not be read to its end")]
    MessageFailed,
    /// The host has [handed the login over](Login::hand_over), and the client has its `+OK`. The connection stays open,
    /// for whoever serves it from here; [`Session::into_unread`](super::Session::into_unread) has what was already
    /// read.
    #[error("the login was handed over")]
    HandedOver,
}

impl CloseReason {
    /// Whether the client knows that it is over: then a TLS session is ended with its alert (RFC 8314 §3.4). A login
    /// that was handed over isn't the end for the client, nor for its TLS.
    pub const fn is_orderly(self) -> bool {
        !matches!(
            self,
            Self::EndOfStream | Self::TransportFailed | Self::TlsFailed | Self::MessageFailed | Self::HandedOver
        )
    }
}

/// Octets from the client are wanted.
///
/// There is nothing left to write then, and the client may wait for what was written. So a transport that buffers what it is
/// given, as many a TLS stream does, is flushed before anybody waits to read from it: otherwise both sides wait for ever.
#[must_use = "the session waits for octets from the client"]
pub struct Read<'a> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    /// How much space this token has handed out: no octet of an earlier read may count as one of this one.
    space: usize,
    answered: bool,
}

impl<'a> Read<'a> {
    pub(super) fn new(input: &'a mut Input, connection: &'a mut Connection) -> Self {
        Self { input, connection, space: 0, answered: false }
    }
}

impl Read<'_> {
    /// Where to read into, never empty. The session has memory for it from this call until the token is dropped with
    /// nothing read, so a host of many idle connections waits until the socket is readable first, and holds no token
    /// meanwhile.
    pub fn space(&mut self) -> &mut [u8] {
        let space = self.input.space();
        self.space = space.len();
        space
    }

    /// The first `octets` of the space were read; 0 means that the stream has ended. No more than the space is taken,
    /// and nothing where this token wasn't asked for space.
    pub fn filled(mut self, octets: usize) {
        self.answered = true;
        if octets == 0 {
            self.connection.end_of_stream = true;
        }
        self.input.filled(octets.min(self.space));
    }

    /// The transport is gone, both ways: reading failed with an error that won't pass. That isn't the end of the
    /// client's stream, after which output may still go, so the session ends at once, with
    /// [`CloseReason::TransportFailed`]. No message is removed.
    pub fn failed(self) {
        self.connection.transport_failed();
    }

    /// Ends the session because the host wants to stop. The client sees the end of the stream, as it isn't waiting for
    /// any response. No message is removed. At any other action a host that can't wait drops the session.
    pub fn stop(self) {
        self.connection.close(CloseReason::Stopped);
    }

    /// When to poll again though nothing was read, on the clock that `now` comes from; `None` where the configuration
    /// sets no limit.
    pub fn deadline(&self) -> Option<Duration> {
        self.connection.clock.deadline()
    }
}

/// Gives the memory of an empty window back, so that a session that waits for its client has none. Apart from
/// memory, a token that wasn't answered leaves everything as it was.
impl Drop for Read<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.input.release();
            self.connection.output.release();
        }
    }
}

impl fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

/// Octets for the client are ready: write what [`Buf`] gives, all of it or a part, in this order.
///
/// A transport that buffers them is flushed at the next [`Read`], at [`StartTls`] and at the end.
///
/// There may be more when these are written; a vectored write gets two slices at the most. The first line of a
/// response is never divided between two of these, nor are the last line end of a message and the line that ends the
/// response.
#[must_use = "the session waits for the client to take its octets"]
pub struct Write<'a> {
    pub(super) connection: &'a mut Connection,
}

impl Write<'_> {
    /// The transport is gone, both ways: writing failed with an error that won't pass. What wasn't written is thrown
    /// away, and the session ends at once, with [`CloseReason::TransportFailed`] even where it was about to end for
    /// another reason. No message is removed that wasn't removed before.
    pub fn failed(self) {
        self.connection.transport_failed();
    }

    /// When to poll again though nothing was written, on the clock that `now` comes from; `None` where the
    /// configuration sets no limit.
    pub fn deadline(&self) -> Option<Duration> {
        self.connection.clock.deadline()
    }
}

impl Buf for Write<'_> {
    fn remaining(&self) -> usize {
        self.connection.output.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.connection.output.chunk()
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        self.connection.output.chunks_vectored(slices)
    }

    fn advance(&mut self, octets: usize) {
        self.connection.output.advance(octets);
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
