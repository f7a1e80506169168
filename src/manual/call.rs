//! What a call of a client waits for.

use pop3_proto::client::{Event, EventKind, SendError, Session, Ticket};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, DropListing, ScanListing};

use crate::Error;

/// Commands that were sent, until the last of them is answered to its end, so that the next call finds its own answer.
pub(crate) struct Call<T> {
    tickets: Vec<Ticket>,
    /// What an event has of that which is asked for.
    of: fn(EventKind<'_>) -> Option<T>,
    is_own: bool,
    /// All that was asked for, or the first thing that has gone wrong.
    pub(crate) result: Result<Vec<T>, Error>,
}

impl<T> Call<T> {
    pub(crate) fn new(
        session: &mut Session,
        commands: &[Command<'_>],
        of: fn(EventKind<'_>) -> Option<T>,
    ) -> Result<Self, SendError> {
        let tickets = commands.iter().map(|command| session.send(command)).collect::<Result<_, _>>()?;
        Ok(Self { tickets, of, is_own: false, result: Ok(Vec::new()) })
    }

    /// Takes note of an event. Returns whether the call is over.
    pub(crate) fn observe(&mut self, event: Event<'_>) -> bool {
        // A call that was dropped has left its answer to come.
        self.is_own = event.ticket().is_none_or(|ticket| self.tickets.contains(&ticket));
        if let (true, Ok(found)) = (self.is_own, &mut self.result) {
            found.extend((self.of)(event.kind()));
            if let Some(error) = Error::from_event(&event) {
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

pub(crate) fn nothing(_: EventKind<'_>) -> Option<()> {
    None
}

pub(crate) fn drop_listing(kind: EventKind<'_>) -> Option<DropListing> {
    if let EventKind::Stat(listing) = kind { Some(listing) } else { None }
}

pub(crate) fn scan_listing(kind: EventKind<'_>) -> Option<ScanListing> {
    if let EventKind::Scan(listing) = kind { Some(listing) } else { None }
}

pub(crate) fn unique_id(kind: EventKind<'_>) -> Option<(MessageNumber, Vec<u8>)> {
    if let EventKind::UniqueId { message, unique_id } = kind { Some((message, unique_id.to_vec())) } else { None }
}
