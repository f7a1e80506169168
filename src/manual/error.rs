//! Why a call of a client fails.

use std::io;

use pop3_proto::client::{self, Closed, EventKind, LoginError, Retry, SendError};
use pop3_proto::message::MessageNumber;
use pop3_proto::server::BoxError;
use pop3_proto::wire::{Status, Verb};

/// Why a call of a client fails. The client goes on after [`Refused`](Self::Refused), [`Unreadable`](Self::Unreadable),
/// [`Unproven`](Self::Unproven), [`Sink`](Self::Sink), [`Login`](Self::Login), [`PlanOver`](Self::PlanOver) and
/// [`Send`](Self::Send); after the others it can only be dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server has answered `-ERR`.
    #[error("{}: {text}", verb.map_or("the server", Verb::as_str))]
    Refused {
        /// What it has refused; `None` where it ends the connection of its own accord, in its greeting for example.
        verb: Option<Verb>,
        /// Its response code, if it has one.
        code: Option<String>,
        /// What to do about it, by the code.
        retry: Retry,
        /// Its text, with what can't be printed escaped.
        text: String,
    },
    /// A line of the answer can't be understood; it is escaped.
    #[error("the server answers {0}")]
    Unreadable(String),
    /// The answer isn't one to the command.
    #[error("the server doesn't answer what it was asked")]
    NoAnswer,
    /// The message may not be whole: keep it on the server.
    #[error("message {0} may not be whole")]
    Unproven(MessageNumber),
    /// What the caller keeps messages in has failed.
    #[error("messages can't be kept: {0}")]
    Sink(BoxError),
    /// The command has no place here. Nothing was sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The plan to log in has sent STLS, and nobody does the handshake.
    #[error("TLS was begun by a call that does no handshake")]
    NoHandshake,
    /// The plan to log in is over, and sends nothing more.
    #[error("the plan to log in is over")]
    PlanOver,
    /// Nobody is logged in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The connection has failed.
    #[error(transparent)]
    Transport(io::Error),
    /// The session can't go on. The command whose response was due is named, if one was.
    #[error("{during}{0}", during = during(*.1))]
    Session(client::Error, Option<Verb>),
    /// Something stays on the server that was to be fetched or deleted. It is one line, at the end of which stands why the session
    /// has ended early, if it has.
    #[error("{0}")]
    Unfinished(String),
    /// The session has ended early.
    #[error("{0}")]
    Closed(Closed),
}

fn during(verb: Option<Verb>) -> String {
    verb.map_or(String::new(), |verb| format!("{verb}: "))
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Self::Session(error, None)
    }
}

impl Error {
    /// Returns the error that an event reports, if it reports one.
    pub(crate) fn from_event(event: &client::Event<'_>) -> Option<Self> {
        match event.kind() {
            EventKind::Failed(response) | EventKind::Farewell(response) | EventKind::Greeting(response)
                if response.status() == Status::Err =>
            {
                Some(Self::Refused {
                    verb: event.verb(),
                    code: response.code().map(|code| code.as_str().to_owned()),
                    retry: response.code().into(),
                    text: response.text().escape_ascii().to_string(),
                })
            }
            EventKind::Unreadable { line, .. } => Some(Self::Unreadable(line.escape_ascii().to_string())),
            _ => None,
        }
    }
}
