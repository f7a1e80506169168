//! What the server has sent, one thing at a time.

use core::fmt;

use super::front::{CHALLENGE, Found, Reading};
use super::list::{Entry, Plain};
use super::queue::{Sent, Ticket};
use super::session::Session;
use crate::message::MessageNumber;
use crate::part::part;
use crate::wire::{DropListing, Response, ScanListing, Status, Text, Verb};

/// The server has sent something. The event comes again until it is [done](Event::done).
#[must_use = "the session waits for the event to be dealt with"]
pub struct Event<'a> {
    pub(super) session: &'a mut Session,
    /// The entry that it tells, if that is [plain](super::list::Plain); anything else stands at the session's front.
    pub(super) plain: Option<Plain>,
}

/// What the server has sent. Octets lie in the input window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The greeting. With `-ERR` the server doesn't want to serve, and the session is over after it.
    Greeting(Response<'a>),
    /// The command has succeeded, and no more lines follow.
    Ok(Response<'a>),
    /// The command has failed, and no more lines follow. A [`Retry`](super::Retry) of the code tells what to
    /// do. Where the server says so before it has the whole command, the session is over after it:
    /// [`Closed::AnsweredEarly`](super::Closed::AnsweredEarly).
    Failed(Response<'a>),
    /// The command has succeeded, and more follows: entries of a list, or parts of a message.
    Begins(Response<'a>),
    /// The answer to STAT.
    Stat(DropListing),
    /// The answer to LIST with a message number, or an entry of the scan listing. Treat the octets as a hint.
    Scan(ScanListing),
    /// The answer to UIDL with a message number, or an entry of the unique-id listing.
    UniqueId {
        /// The message.
        message: MessageNumber,
        /// Its unique-id: the rest of the line, without spaces around it. [`UniqueId`](crate::message::UniqueId) tells
        /// whether it is valid; others, with spaces in them for example, can still be compared, as a whole. Some servers
        /// answer UIDL with a message number in another form than without: compare what comes from one of the two forms
        /// only with what comes from that form.
        unique_id: &'a [u8],
    },
    /// An entry of the answer to CAPA, or to AUTH or LANG without an argument: the line, without a stuffed dot and, where
    /// those are overlooked, without superfluous spaces. A [`Capability`](crate::wire::Capability::parse), a
    /// [`Mechanism`](crate::wire::Mechanism::new) or a [`LanguageListing`](crate::wire::LanguageListing::parse) is made of it,
    /// where it has the form of one.
    Line(&'a [u8]),
    /// In the place of [`Stat`](Self::Stat), [`Scan`](Self::Scan) or [`UniqueId`](Self::UniqueId): the line holds
    /// something else.
    Unreadable {
        /// The line as it came.
        line: &'a [u8],
        /// The message that it is about, where the line begins with a readable number: then that message is there.
        message: Option<MessageNumber>,
    },
    /// The end line of the list, or of the message, has come. Whether the message is
    /// [complete](super#when-a-message-is-complete) is shown by what comes next.
    Ends,
    /// The command wasn't sent, since it had no place any more when its turn came: it needs a login, and the one that it
    /// waited for has failed; or it has its place before login, and the one before it has succeeded; or it is a PASS, and the
    /// name before it was refused; or STLS, and UTF8 has succeeded.
    NotSent,
    /// OAUTHBEARER or XOAUTH2 has failed, and this is why, in JSON. The session answers it by itself, and the failure
    /// of the command follows (RFC 7628 §3.2.3).
    BearerFailure(&'a [u8]),
    /// The server sent `-ERR` though no command asked for it: it is about to close the connection, for autologout or
    /// because it is stopping. Nothing can be sent any more, and [`Closed`](super::Closed) follows.
    Farewell(Response<'a>),
}

impl Event<'_> {
    /// Returns the command that it answers; `None` for the greeting, and for what no command asked for.
    pub fn ticket(&self) -> Option<Ticket> {
        self.answers().map(|sent| sent.ticket)
    }

    /// Returns the keyword of the command that it answers.
    pub fn verb(&self) -> Option<Verb> {
        self.answers().map(|sent| sent.verb)
    }

    fn answers(&self) -> Option<Sent> {
        match self.found() {
            Some(Found::Greeting | Found::Farewell) => None,
            Some(Found::NotSent(sent)) => Some(sent),
            _ => self.session.queue.front(),
        }
    }

    fn found(&self) -> Option<Found> {
        self.session.front.map(|front| front.found)
    }

    /// Returns whether the command is answered with this event.
    pub fn completes(&self) -> bool {
        match self.found() {
            Some(Found::Status { multi_line, .. }) => !multi_line,
            Some(Found::Answer(_) | Found::Ends | Found::Secured | Found::NotSent(_)) => true,
            _ => false,
        }
    }

    /// Whether it turns a command down that isn't written to its end.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.found(), Some(Found::Status { .. })) && !self.session.front_is_written()
    }

    /// Whether the server has sent more after it already.
    pub(super) fn is_followed(&self) -> bool {
        self.session.front.is_some_and(|front| self.session.pipe.input.unread().len() > front.octets)
    }

    /// Returns what the server has sent.
    #[inline]
    pub fn kind(&self) -> EventKind<'_> {
        match self.plain {
            Some(Plain { entry: Entry::Scan(listing), .. }) => EventKind::Scan(listing),
            Some(Plain { content, entry: Entry::UniqueId { message, octets } }) => {
                match self.session.pipe.input.range(content.wrapping_sub(octets), content) {
                    Some(unique_id) => EventKind::UniqueId { message, unique_id },
                    None => EventKind::Ends,
                }
            }
            _ => self.session.kind(),
        }
    }

    /// Reports that the event is dealt with, so that the session goes on.
    #[inline]
    pub fn done(self) {
        let Some(plain) = self.plain else { return self.session.settle() };
        self.session.pipe.input.consume(plain.content + 2);
        if let Reading::List { left, .. } = &mut self.session.reading {
            // One is left, or it wouldn't be handed out.
            *left = left.wrapping_sub(1);
        }
    }
}

impl Session {
    /// What stands at the front.
    fn kind(&self) -> EventKind<'_> {
        let Some(front) = self.front else {
            debug_assert!(false, "an event for nothing");
            return EventKind::Ends;
        };
        let octets = self.pipe.input.unread();
        let text = |start: usize, end: usize| part(octets, start..end);
        let line = text(0, front.content);
        let last = |octets: usize| text(front.content.wrapping_sub(octets), front.content);
        match front.found {
            Found::Greeting => EventKind::Greeting(self.response(front)),
            Found::Farewell => EventKind::Farewell(self.response(front)),
            Found::Status { status: Status::Err, .. } => EventKind::Failed(self.response(front)),
            Found::Status { multi_line: false, .. } => EventKind::Ok(self.response(front)),
            Found::Status { .. } => EventKind::Begins(self.response(front)),
            Found::Answer(entry) | Found::Entry(entry) => match entry {
                Entry::Drop(listing) => EventKind::Stat(listing),
                Entry::Scan(listing) => EventKind::Scan(listing),
                Entry::UniqueId { message, octets } => EventKind::UniqueId { message, unique_id: last(octets) },
                Entry::Unreadable { message } => EventKind::Unreadable { line, message },
                Entry::Text { octets } => EventKind::Line(last(octets)),
            },
            Found::Secured => EventKind::Ok(Response::new(Status::Ok, None, Text::EMPTY)),
            Found::NotSent(_) => EventKind::NotSent,
            Found::BearerFailure => EventKind::BearerFailure(text(CHALLENGE, front.content)),
            Found::Ends | Found::Body { .. } | Found::CarriageReturn | Found::StartTls | Found::Challenge => {
                EventKind::Ends
            }
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("ticket", &self.ticket()).field("kind", &self.kind()).finish_non_exhaustive()
    }
}
