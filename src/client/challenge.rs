//! The server's part of a SASL exchange (RFC 5034 §4).

use super::front::{CHALLENGE, Front};
use super::session::Session;
use crate::auth::sasl::Message;
use crate::part::part;
use crate::wire::Mechanism;

/// The server challenges the client.
///
/// An empty challenge that asks for a first message which [`Session::authenticate`] was given never comes here, nor does
/// the failure of a bearer token: the session answers both.
#[derive(Debug)]
#[must_use = "the session waits for the response"]
pub struct Challenge<'a> {
    pub(super) session: &'a mut Session,
}

impl Challenge<'_> {
    /// Returns the mechanism of the exchange.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.session.queue.exchange.as_ref().map(|exchange| exchange.mechanism)
    }

    /// Returns what the server has sent, decoded; may be empty.
    #[doc(alias = "octets")]
    pub fn as_bytes(&self) -> &[u8] {
        match self.session.front {
            Some(Front { content, .. }) => part(self.session.pipe.input.unread(), CHALLENGE..content),
            None => &[],
        }
    }

    /// Answers the challenge. If the server's final data has proved what it should, the answer is empty, and `+OK` follows.
    ///
    /// `+OK` is a login only where the mechanism has done its part, else it is
    /// [`ProtocolError::UnexpectedLogin`](super::ProtocolError::UnexpectedLogin): after one message or more, two for LOGIN, three for SCRAM, whose third answers
    /// the server's proof. A library that expects more than that says so by
    /// [`respond_expecting_more`](Self::respond_expecting_more).
    pub fn respond(self, response: &(impl Message + ?Sized)) {
        self.session.settle();
        self.session.respond(response, false);
    }

    /// Answers the challenge, where the server has still to prove or to ask something: `+OK` before the next challenge is
    /// [`ProtocolError::UnexpectedLogin`](super::ProtocolError::UnexpectedLogin), and ends the session (RFC 5034 §4).
    pub fn respond_expecting_more(self, response: &(impl Message + ?Sized)) {
        self.session.settle();
        self.session.respond(response, true);
    }

    /// Ends the exchange; the failure of the command follows.
    pub fn cancel(self) {
        self.session.settle();
        self.session.cancel();
    }
}
