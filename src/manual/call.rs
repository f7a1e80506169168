//! What a call of a client waits for.

use pop3_proto::client::{Event, EventKind, SendError, Session, Ticket};
use pop3_proto::wire::Command;

use crate::Error;

/// Commands that were sent, until the last of them is answered to its end, so that the next call finds its own answer.
pub(crate) struct Call {
    tickets: Vec<Ticket>,
    is_own: bool,
    /// The first thing that has gone wrong.
    pub(crate) result: Result<(), Error>,
}

impl Call {
    pub(crate) fn new(session: &mut Session, commands: &[Command<'_>]) -> Result<Self, SendError> {
        let mut tickets = Vec::new();
        for command in commands {
            tickets.push(session.send(command)?);
        }
        Ok(Self { tickets, is_own: false, result: Ok(()) })
    }

    /// Takes note of an event, and shows it to `each` if the call has asked for it. Returns whether the call is over.
    pub(crate) fn observe(&mut self, event: Event<'_>, mut each: impl FnMut(EventKind<'_>)) -> bool {
        // A call that was dropped has left its answer to come.
        self.is_own = event.ticket().is_none_or(|ticket| self.tickets.contains(&ticket));
        if self.is_own {
            each(event.kind());
            if let (Ok(()), Some(error)) = (&self.result, Error::from_event(&event)) {
                self.result = Err(error);
            }
        }
        let is_over = event.completes() && event.ticket() == self.tickets.last().copied();
        event.done();
        is_over
    }

    /// Whether the body that comes is the call's, and is to be kept.
    pub(crate) fn takes_body(&self) -> bool {
        self.is_own && self.result.is_ok()
    }
}
