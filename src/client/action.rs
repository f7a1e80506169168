//! What a session wants next.

use super::body::Body;
use super::challenge::Challenge;
use super::closed::Closed;
use super::event::Event;
use super::idle::Idle;
use super::session::Session;
use super::start_tls::StartTls;
use crate::io::Io;

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
/// | [`Body`] | the session ends with [`Error::BodyDeclined`](super::Error::BodyDeclined): a part of a message is never dropped in silence |
/// | [`StartTls`] | [failed](StartTls::failed): the session ends |
/// | [`Challenge`] | [cancelled](Challenge::cancel): the login fails |
/// | [`Idle`] | QUIT is sent |
#[derive(Debug)]
#[must_use = "the session goes on when its action is answered"]
pub enum Action<'a> {
    /// Octets are to be moved between the session and the server.
    Io(Io<'a>),
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
    /// `Io` and `Closed` ask nothing, so they are only dropped, and come again.
    pub fn decline(self) {
        match self {
            Self::Event(event) => event.done(),
            Self::Body(body) => body.decline(),
            Self::StartTls(start) => start.failed(),
            Self::Challenge(challenge) => challenge.cancel(),
            Self::Idle(idle) => idle.decline(),
            Self::Io(_) | Self::Closed(_) => {}
        }
    }
}

/// What must happen next, before the token for it is made.
#[derive(Clone, Copy)]
pub(super) enum Next {
    Read,
    Write,
    Event,
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
            Next::Read => Action::Io(Io::read(&mut self.pipe)),
            Next::Write => Action::Io(Io::write(&mut self.pipe)),
            Next::Event => Action::Event(Event { session: self, plain: None }),
            Next::Body => Action::Body(Body { session: self }),
            Next::StartTls => Action::StartTls(StartTls { session: self }),
            Next::Challenge => Action::Challenge(Challenge { session: self }),
            Next::Idle => Action::Idle(Idle { session: self }),
            Next::Closed(closed) => Action::Closed(closed),
        }
    }
}
