//! What the server has sent, one thing at a time.

use core::fmt;

use super::inbox::{CHALLENGE, Front, Place};
use super::list::{Entry, Plain};
use super::outbox::Sent;
use super::{Session, Ticket};
use crate::message::MessageNumber;
use crate::wire::{
    Capability, DropListing, LanguageListing, ListingError, Mechanism, Response, ScanListing, Status, Text, Verb,
};

/// The server has sent something. The event comes again until it is [done](Event::done).
#[must_use = "the session waits for the event to be dealt with"]
pub struct Event<'a> {
    session: &'a mut Session,
    /// The entry that it tells, if that is [plain](super::list::List::plain); anything else stands at the session's front.
    plain: Option<Plain>,
}

/// What the server has sent. Octets lie in the input window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What<'a> {
    /// The greeting. With `-ERR` the server doesn't want to serve, and the session is over after it.
    Greeting(Response<'a>),
    /// The command has succeeded, and no more lines follow.
    Ok(Response<'a>),
    /// The command has failed, and no more lines follow. [`Retry::of`](super::Retry::of) the code tells what to
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
    /// An entry of the answer to CAPA.
    Capability {
        /// The line, without a stuffed dot and, where those are overlooked, without superfluous spaces.
        line: &'a [u8],
        /// What it means; `None` if it doesn't have the form of a capability.
        capability: Option<Capability<'a>>,
    },
    /// An entry of the answer to AUTH without an argument.
    Mechanism {
        /// The line, as above.
        line: &'a [u8],
        /// The mechanism; `None` if it isn't a name of one.
        mechanism: Option<Mechanism>,
    },
    /// An entry of the answer to LANG without an argument.
    Language {
        /// The line, as above.
        line: &'a [u8],
        /// What it means; `None` if it doesn't have the form of an entry.
        language: Option<LanguageListing<'a>>,
    },
    /// In the place of [`Stat`](Self::Stat), [`Scan`](Self::Scan) or [`UniqueId`](Self::UniqueId): the line holds
    /// something else.
    Unreadable {
        /// The line as it came.
        line: &'a [u8],
        /// The message that it is about, where the line begins with a readable number: then that message is there.
        message: Option<MessageNumber>,
        /// What is wrong with it.
        error: ListingError,
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

impl<'a> Event<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session, plain: Option<Plain>) -> Self {
        Self { session, plain }
    }

    /// The command that it answers; `None` for the greeting, and for what no command asked for.
    pub fn ticket(&self) -> Option<Ticket> {
        self.session.answers().map(|sent| sent.ticket)
    }

    /// The keyword of that command.
    pub fn verb(&self) -> Option<Verb> {
        self.session.answers().map(|sent| sent.verb)
    }

    /// Whether the command is answered with this.
    pub fn completes(&self) -> bool {
        match self.session.front {
            Some(Front::Status { multi_line, .. }) => !multi_line,
            Some(
                Front::Stat { .. } | Front::Answer { .. } | Front::Ends { .. } | Front::Secured | Front::NotSent(_),
            ) => true,
            _ => false,
        }
    }

    /// Whether it turns a command down that isn't written to its end.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.session.front, Some(Front::Status { .. })) && !self.session.outbox.front_is_written()
    }

    /// What the server has sent.
    #[inline]
    pub fn what(&self) -> What<'_> {
        match self.plain {
            Some(plain) => plain.what(&self.session.input),
            None => self.session.what(),
        }
    }

    /// The event is dealt with, and the session goes on.
    #[inline]
    pub fn done(self) {
        match self.plain {
            Some(plain) => {
                self.session.input.consume(plain.octets);
                // One is left, or it wouldn't be handed out.
                self.session.entries_left = self.session.entries_left.wrapping_sub(1);
            }
            None => self.session.take_front(),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("ticket", &self.ticket()).field("what", &self.what()).finish_non_exhaustive()
    }
}

impl Session {
    /// The command that what stands at the front answers.
    fn answers(&self) -> Option<Sent> {
        match self.front {
            Some(Front::Greeting(_) | Front::Farewell(_)) => None,
            Some(Front::NotSent(sent)) => Some(sent),
            _ => self.outbox.front(),
        }
    }

    /// What stands at the front.
    fn what(&self) -> What<'_> {
        let octets = self.input.octets();
        let text = |start: u32, end: u32| octets.get(start as usize..end as usize).unwrap_or_default();
        let response = |place: Place| {
            let parsed = Response::parse(text(0, place.content), self.config.accepted);
            parsed.map_or(Response::new(Status::Err, None, Text::EMPTY), |parsed| parsed.value)
        };
        match self.front {
            Some(Front::Greeting(place)) => What::Greeting(response(place)),
            Some(Front::Farewell(place)) => What::Farewell(response(place)),
            Some(Front::Status { place, status: Status::Err, .. }) => What::Failed(response(place)),
            Some(Front::Status { place, multi_line: false, .. }) => What::Ok(response(place)),
            Some(Front::Status { place, .. }) => What::Begins(response(place)),
            Some(Front::Stat { listing: Ok(listing), .. }) => What::Stat(listing),
            Some(Front::Stat { place, listing: Err(error) }) => {
                What::Unreadable { line: text(0, place.content), message: None, error }
            }
            Some(Front::Answer { place, entry } | Front::Entry { place, entry }) => match entry {
                Entry::Scan(listing) => What::Scan(listing),
                Entry::UniqueId { message, start, end } => What::UniqueId { message, unique_id: text(start, end) },
                Entry::Unreadable { message, error } => {
                    What::Unreadable { line: text(0, place.content), message, error }
                }
                Entry::Text { start, end } => {
                    let line = text(start, end);
                    match self.answers().map(|sent| sent.verb) {
                        Some(Verb::Capa) => What::Capability { line, capability: Capability::parse(line).ok() },
                        Some(Verb::Auth) => What::Mechanism { line, mechanism: Mechanism::new(line).ok() },
                        _ => What::Language { line, language: LanguageListing::parse(line).ok() },
                    }
                }
            },
            Some(Front::Secured) => What::Ok(Response::new(Status::Ok, None, Text::EMPTY)),
            Some(Front::NotSent(_)) => What::NotSent,
            Some(Front::BearerFailure { decoded, .. }) => What::BearerFailure(text(CHALLENGE, CHALLENGE + decoded)),
            _ => What::Ends,
        }
    }
}
