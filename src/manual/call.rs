//! What a call of a client waits for.

use std::io;

use pop3_proto::client::{Action, Body, Closed, Event, EventKind, Login, SendError, Session, Ticket};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::wire::{Command, DropListing, ScanListing};

use crate::Error;

/// Commands that were sent, until the last of them is answered to its end, so that the next call finds its own answer.
pub(crate) struct Call<T> {
    tickets: Vec<Ticket>,
    /// What an event has of that which is asked for.
    of: fn(EventKind<'_>) -> Option<T>,
    is_own: bool,
    pub(crate) is_over: bool,
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
        Ok(Self { tickets, of, is_own: false, is_over: false, result: Ok(Vec::new()) })
    }

    /// Takes what comes beside the octets of messages.
    pub(crate) fn take(&mut self, action: Action<'_>) {
        match action {
            Action::Event(event) => self.observe(event),
            Action::Closed(closed) => {
                self.fail(Error::Closed(closed));
                self.is_over = true;
            }
            other => other.decline(),
        }
    }

    fn observe(&mut self, event: Event<'_>) {
        // A call that was dropped has left its answer to come.
        self.is_own = event.ticket().is_none_or(|ticket| self.tickets.contains(&ticket));
        if let (true, Ok(found)) = (self.is_own, &mut self.result) {
            found.extend((self.of)(event.kind()));
            if let Some(error) = Error::from_event(&event) {
                self.fail(error);
            }
        }
        self.is_over = event.completes() && event.ticket() == self.tickets.last().copied();
        event.done();
    }

    fn fail(&mut self, error: Error) {
        if self.result.is_ok() {
            self.result = Err(error);
        }
    }

    /// Returns what is to be kept of a part of a message, which may be another call's.
    pub(crate) fn kept<'a>(&self, body: &'a Body<'_>) -> &'a [u8] {
        if self.is_own && self.result.is_ok() { body.as_bytes() } else { &[] }
    }

    /// Takes note of what has come of keeping it.
    pub(crate) fn written(&mut self, body: Body<'_>, written: io::Result<()>) {
        body.done();
        if let Err(error) = written {
            self.fail(Error::Sink(error.into()));
        }
    }
}

/// Has a plan to log in take what comes.
pub(crate) fn log_in(login: &mut Login, action: Action<'_>) -> Result<(), Error> {
    match action {
        Action::Event(event) => {
            login.observe(&event);
            event.done();
        }
        Action::Challenge(challenge) => login.answer(challenge),
        Action::StartTls(_) => return Err(Error::NoHandshake),
        Action::Idle(_) => return Err(Error::PlanOver),
        Action::Closed(closed) => return Err(Error::Closed(closed)),
        other => other.decline(),
    }
    Ok(())
}

/// Returns why nobody is logged in, which the plan may know better.
pub(crate) fn login_error(error: Error, login: &mut Login, session: &Session) -> Error {
    match error {
        Error::NoHandshake | Error::PlanOver => error, // the session goes on
        ended => login.end(session).map_or(ended, Error::Login),
    }
}

/// Returns what has become of the deletions.
pub(crate) fn removal(closed: Closed) -> Result<Removal, Error> {
    if let Closed::Quit(removal) = closed { Ok(removal) } else { Err(Error::Closed(closed)) }
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
