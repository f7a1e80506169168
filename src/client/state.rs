//! A client's life: its states, what each of them owns, and what leads from one to the next.
//! The diagram is in the documentation of [`client`](super).
//!
//! What belongs to one state dies with it. Beside the life, a [session](super::session) has the commands that aren't
//! answered, in the [queue](super::queue) and in the output, and what of the front command's response was read and isn't
//! dealt with, [`Front`](super::front::Front). The files of a client point one way; each uses those above it:
//!
//! ```text
//!   queue, exchange          the commands that aren't answered, and the exchange that one of them begins
//!   state, knowledge         the life, and what is known of the server in it
//!   front, list, line_feeds  what was read, and what is still to come
//!   session                  the data of one connection
//!   send, sasl               commands and the client's part of exchanges: into the queue and the output
//!   read                     octets of the input: into a front
//!   settle                   a front that is dealt with: into the state and the queue
//!   event, body, …           tokens, which lend the session
//!   action                   which token
//!   method, login, fetch     what callers do with tokens
//!   mod                      poll
//! ```

use core::mem;

use super::closed::Closed;
use super::error::{Error, ProtocolError};
use super::knowledge::Knowledge;
use super::queue::Sent;
use crate::buffer::End;
use crate::message::Removal;
use crate::wire::{Status, Timestamp, Verb};

/// A client's life.
#[derive(Debug)]
pub(super) enum Life {
    /// The greeting hasn't come.
    Greeting,
    /// Nobody is logged in (RFC 1939 §4).
    Authorization(Authorization),
    /// The maildrop is open (RFC 1939 §5).
    Transaction(Knowledge),
    /// The session is over.
    Over(Over),
}

/// What matters until somebody is logged in.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    pub(super) knowledge: Knowledge,
    /// The greeting's.
    pub(super) timestamp: Option<Timestamp>,
    /// Whether TLS came by STLS, after the greeting.
    pub(super) is_upgraded: bool,
    /// What was turned down, and nothing of the kind has succeeded since.
    refused: Option<Refused>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refused {
    Login,
    /// The last USER, so that the password after it isn't sent.
    Name,
}

/// How a session has ended.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) how: Result<Closed, Error>,
    /// The command whose response was due then.
    pub(super) at: Option<Verb>,
}

impl Life {
    /// What is known of the server.
    pub(super) fn knowledge(&self) -> Option<&Knowledge> {
        match self {
            Self::Authorization(authorization) => Some(&authorization.knowledge),
            Self::Transaction(knowledge) => Some(knowledge),
            Self::Greeting | Self::Over(_) => None,
        }
    }

    pub(super) fn knowledge_mut(&mut self) -> Option<&mut Knowledge> {
        match self {
            Self::Authorization(authorization) => Some(&mut authorization.knowledge),
            Self::Transaction(knowledge) => Some(knowledge),
            Self::Greeting | Self::Over(_) => None,
        }
    }

    /// Whether the name that the next password is for was turned down.
    pub(super) fn has_refused_name(&self) -> bool {
        matches!(self, Self::Authorization(Authorization { refused: Some(Refused::Name), .. }))
    }

    /// The server has greeted.
    pub(super) fn greeted(&mut self, timestamp: Option<Timestamp>) {
        debug_assert!(matches!(self, Self::Greeting), "a server greets once");
        *self = Self::Authorization(Authorization { timestamp, ..Authorization::default() });
    }

    /// TLS is established by STLS, and what was learnt in the clear is forgotten; but not the timestamp.
    pub(super) fn secured(&mut self) {
        if let Self::Authorization(Authorization { timestamp, .. }) = self {
            let timestamp = timestamp.take();
            *self = Self::Authorization(Authorization { timestamp, is_upgraded: true, ..Authorization::default() });
        } else {
            debug_assert!(false, "STLS after login");
        }
    }

    /// A command is answered by a status alone. Returns how the session ends, if it does.
    pub(super) fn answered(&mut self, sent: Sent, status: Status, has_code: bool) -> Option<Closed> {
        if sent.verb == Verb::Quit {
            return Some(Closed::Quit(if status == Status::Ok { Removal::All } else { Removal::NotAll }));
        }
        if let Self::Authorization(authorization) = self {
            match (sent.verb, status) {
                (Verb::User, Status::Ok) => authorization.refused = None,
                (Verb::User, Status::Err) => authorization.refused = Some(Refused::Name),
                (_, Status::Ok) if sent.logs_in() => {
                    *self = Self::Transaction(mem::take(&mut authorization.knowledge));
                    return None;
                }
                (_, Status::Err) if sent.logs_in() => {
                    authorization.refused.get_or_insert(Refused::Login);
                }
                _ => {}
            }
        }
        if let Some(knowledge) = self.knowledge_mut() {
            knowledge.answered(sent, status, has_code);
        }
        None
    }

    /// How a session ends whose stream has ended between two responses, where `due` is the command whose response comes
    /// next.
    pub(super) fn conclude(&self, end: End, due: Option<Sent>, is_due_written: bool) -> Result<Closed, Error> {
        match (due.map(|sent| sent.verb), end, self) {
            // Before login nothing can have been marked (R-1939-20).
            (Some(Verb::Quit), _, Self::Authorization(_)) => Ok(Closed::Quit(Removal::All)),
            // A transport that has failed may have sent more than it has reported.
            (Some(Verb::Quit), End::Failed, _) => Ok(Closed::Quit(Removal::Unknown)),
            (Some(Verb::Quit), End::Clean, _) if is_due_written => Ok(Closed::Quit(Removal::Unknown)),
            (None, _, Self::Authorization(Authorization { refused: Some(_), .. })) => Ok(Closed::AfterFailedLogin),
            (_, End::Failed, _) => Err(Error::TransportFailed),
            (None, End::Clean, Self::Authorization(_) | Self::Transaction(_)) => Ok(Closed::WhileIdle),
            (_, End::Clean, _) => Err(Error::Disconnected),
        }
    }
}

impl Over {
    /// Whether the line at the front of the input is the one that the server broke the protocol with, and may be shown.
    pub(super) fn shows_line(&self) -> bool {
        // A line of an exchange may hold a part of a secret, and that of STLS is in order.
        let is_shown = |error| error != ProtocolError::AfterStls && self.at != Some(Verb::Auth);
        matches!(self.how, Err(Error::Protocol(error)) if is_shown(error))
    }
}
