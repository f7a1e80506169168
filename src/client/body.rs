//! Messages, part by part.

use super::error::Error;
use super::front::{Found, Front};
use super::queue::Ticket;
use super::session::Session;
use crate::part::part;

/// A part of a message, or of the beginning of one that TOP returns. It comes again until it is [done](Self::done).
#[derive(Debug)]
#[must_use = "the session waits for this part to be taken"]
pub struct Body<'a> {
    pub(super) session: &'a mut Session,
}

impl Body<'_> {
    /// Returns the command that the message answers, RETR or TOP.
    pub fn ticket(&self) -> Option<Ticket> {
        self.session.queue.front().map(|sent| sent.ticket)
    }

    /// Returns the octets of the message, dots undone, CRLF kept: one or more, and at most as many as the window holds. They
    /// lie in the window, where lines are moved together that are short and begin with a dot. The total isn't known in advance: the message ends with
    /// [`EventKind::Ends`](super::EventKind::Ends).
    #[doc(alias = "octets")]
    pub fn as_bytes(&self) -> &[u8] {
        match self.session.front {
            Some(Front { content, found: Found::Body { start }, .. }) => {
                part(self.session.pipe.input.unread(), start..start + content)
            }
            _ => b"\r",
        }
    }

    /// Reports that the octets are dealt with.
    pub fn done(self) {
        // Nothing else follows from it.
        if let Some(front) = self.session.front.take() {
            self.session.pipe.output.message_octets += front.content as u64;
            self.session.pipe.input.consume(front.octets);
        }
    }

    /// Reports that the caller has no use for the message: the session ends with [`Error::BodyDeclined`], and the rest of the message
    /// isn't read.
    pub fn decline(self) {
        self.session.fail(Error::BodyDeclined);
    }
}
