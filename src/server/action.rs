//! What a session wants next.

use core::fmt;

use super::authenticate::Authenticate;
use super::body::Body;
use super::close::CloseReason;
use super::login::Login;
use super::maildrop::Maildrop;
use super::measure::Measure;
use super::retrieve::Retrieve;
use super::starttls::StartTls;
use super::update::Update;
use crate::Io;

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
/// | [`Measure`] | refused as [temporary](super::Refusal::Temporary): `-ERR [SYS/TEMP]`, for this STAT or LIST |
/// | [`Retrieve`] | refused as [temporary](super::Refusal::Temporary): `-ERR [SYS/TEMP]`, for this message |
/// | [`Body`] | [failed](Body::fail): the session closes without the end of the message |
/// | [`Update`] | [nothing removed](super::Update::decline): `-ERR [SYS/TEMP]` if a message was marked |
#[must_use = "the session goes on when its action is answered"]
pub enum Action<'a, M: Maildrop, E = ()> {
    /// Octets are to be moved.
    Io(Io<'a>),
    /// A TLS handshake is due: the client has been told to begin, or TLS comes first. Only where [`Config::stls`](super::Config::stls)
    /// or [`Session::with_implicit_tls`](super::Session::with_implicit_tls) says so.
    StartTls(StartTls<'a>),
    /// A client wants to log in.
    Login(Login<'a, M, E>),
    /// A client has taken a step in a SASL exchange. Only of mechanisms that
    /// [`Config::mechanism`](super::Config::mechanism) offers, and not of PLAIN and LOGIN by default.
    Authenticate(Authenticate<'a, M, E>),
    /// The octets of a message are wanted by STAT or LIST. Only if [`Maildrop::octets`] is `None`.
    Measure(Measure<'a, M>),
    /// A message is wanted, by RETR or TOP.
    Retrieve(Retrieve<'a, M>),
    /// The next chunk is wanted of the message that [`Retrieve::begin`] has begun.
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

impl<M: Maildrop, E> Action<'_, M, E> {
    /// Gives the safe answer to what the host was asked: the last arm of a loop that doesn't support everything.
    ///
    /// `Io` and `Close` ask nothing, so they are only dropped, and come again. A host that declines a read or a write
    /// instead of waiting for its transport is busy until the deadline.
    pub fn decline(self) {
        match self {
            Self::Login(login) => login.decline(),
            Self::Authenticate(step) => step.decline(),
            Self::StartTls(start) => start.decline(),
            Self::Measure(measure) => measure.decline(),
            Self::Retrieve(retrieve) => retrieve.decline(),
            Self::Body(body) => body.decline(),
            Self::Update(update) => update.decline(),
            Self::Io(_) | Self::Close(_) => {}
        }
    }
}

impl<M: Maildrop, E> fmt::Debug for Action<'_, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(io) => io.fmt(f),
            Self::StartTls(start) => start.fmt(f),
            Self::Login(login) => login.fmt(f),
            Self::Authenticate(step) => step.fmt(f),
            Self::Measure(measure) => measure.fmt(f),
            Self::Retrieve(retrieve) => retrieve.fmt(f),
            Self::Body(body) => body.fmt(f),
            Self::Update(update) => update.fmt(f),
            Self::Close(reason) => f.debug_tuple("Close").field(reason).finish(),
        }
    }
}
