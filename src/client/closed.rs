//! How a session ends in good order.

use core::fmt;

use crate::message::Removal;

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
    /// The server turned a command down before the client had written all of it, and [`Failed`](super::EventKind::Failed) has
    /// the reason. It isn't known what the server would take the rest for, so nothing more is sent. No message was
    /// removed.
    AnsweredEarly,
    /// The server ended its stream while it owed no response: autologout, most likely. No message was removed. What was
    /// [complete](super::EventKind::Ends) before that is shown to be whole, unless [`Farewell`](super::EventKind::Farewell) came.
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
    /// Returns whether both sides knew that it is over: then a TLS session is ended with its alert (RFC 8314 §3.4).
    pub const fn is_orderly(self) -> bool {
        matches!(self, Self::Quit(Removal::All | Removal::NotAll) | Self::Refused)
    }
}
