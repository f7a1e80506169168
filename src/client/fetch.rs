//! What every user of a client does: fetch everything that isn't there yet.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};

use super::error::SendError;
use super::event::{Event, What};
use super::reply::Retry;
use super::{Feature, Session, Support, Ticket};
use crate::message::MessageNumber;
use crate::wire::{Command, Verb};

/// A plan to fetch the messages that the caller doesn't have, by their unique-ids, and perhaps to delete those that it has
/// stored.
///
/// Call [`advance`](Self::advance) before each poll, once the client is logged in; show each event to
/// [`observe`](Self::observe); say [`stored`](Self::stored) when a message is safe. It sends UIDL, a RETR for each message
/// that is new, a DELE for each that is stored if it is [to delete](Self::deleting), and QUIT when all is done. Parts of
/// messages come as [`Action::Body`](super::Action::Body), in between.
///
/// Nothing is deleted that the caller hasn't stored, and nothing is gone before QUIT is answered `+OK`. It holds the
/// unique-ids of new messages, and nothing for others.
#[derive(Debug, Default)]
pub struct Fetch {
    stage: Stage,
    delete: bool,
    /// New messages that no RETR was sent for.
    wanted: VecDeque<Wanted>,
    /// Those whose answer is due.
    retrieving: VecDeque<(Ticket, Wanted)>,
    /// Messages to delete.
    to_delete: VecDeque<MessageNumber>,
    listing: Option<Ticket>,
    /// Messages that were given out whole and aren't stored.
    unstored: u32,
    deletions: u32,
    uidl_is_refused: bool,
    /// The unique-ids of new messages, while they are listed.
    listed: BTreeSet<Box<[u8]>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    #[default]
    Begin,
    Listing,
    Retrieving,
    Quit,
}

/// A message, and its unique-id where the server has one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Its number in this session.
    pub message: MessageNumber,
    /// Its unique-id; empty where the server has none.
    pub unique_id: Box<[u8]>,
    /// Whether another new message has the same unique-id and a lower number: then that isn't a name to store it by.
    pub repeated: bool,
}

/// What an event means for the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Nothing: it answers something else, or is of no interest.
    None,
    /// The list is complete: so many messages are new.
    Listed {
        /// How many.
        new: usize,
    },
    /// A line of the list can't be read, so there may be a message that this plan doesn't know of.
    Unreadable,
    /// The parts of this message follow.
    Begins(Wanted),
    /// This message is complete: store it, and say [`Fetch::stored`].
    Complete(Wanted),
    /// This message can't be had; the rest can.
    Refused(Wanted, Retry),
    /// The list can't be had, so the plan ends here.
    ListRefused(Retry),
}

impl Fetch {
    /// How many RETR are sent ahead of their messages.
    const AHEAD: usize = 8;

    /// A plan that deletes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to delete messages that are stored.
    #[must_use]
    pub fn deleting(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Sends what can be sent now. `false` when there is nothing left to do but to wait for QUIT's answer.
    ///
    /// # Errors
    /// [`SendError`] when the session is over.
    pub fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        match self.stage {
            Stage::Begin => {
                let command = if self.uidl_is_refused || session.support(Feature::Uidl) == Support::No {
                    Command::List { message: None }
                } else {
                    Command::Uidl { message: None }
                };
                match session.send(&command) {
                    Ok(ticket) => {
                        self.listing = Some(ticket);
                        self.stage = Stage::Listing;
                    }
                    Err(SendError::QueueFull) => {}
                    Err(error) => return Err(error),
                }
            }
            Stage::Listing | Stage::Quit => {}
            Stage::Retrieving => {
                while let Some(&message) = self.to_delete.front() {
                    match session.send(&Command::Dele { message }) {
                        Err(SendError::QueueFull) => return Ok(true),
                        sent => sent?,
                    };
                    self.to_delete.pop_front();
                    self.deletions += 1;
                }
                while self.retrieving.len() < Self::AHEAD {
                    let Some(wanted) = self.wanted.pop_front() else { break };
                    match session.send(&Command::Retr { message: wanted.message }) {
                        Ok(ticket) => self.retrieving.push_back((ticket, wanted)),
                        Err(error) => {
                            self.wanted.push_front(wanted);
                            return if error == SendError::QueueFull { Ok(true) } else { Err(error) };
                        }
                    }
                }
                if self.retrieving.is_empty() && (self.unstored == 0 || !self.delete) {
                    match session.send(&Command::Quit) {
                        Ok(_) => self.stage = Stage::Quit,
                        Err(SendError::QueueFull) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(self.stage != Stage::Quit)
    }

    /// Takes note of an event; `has` says whether the caller has the message with a unique-id. Where the server has no
    /// unique-ids, all messages are new.
    pub fn observe(&mut self, event: &Event<'_>, has: impl FnOnce(&[u8]) -> bool) -> Progress {
        let ticket = event.ticket();
        if ticket.is_some() && ticket == self.listing {
            return self.observe_listing(event, has);
        }
        let Some((_, wanted)) = self.retrieving.front().filter(|(retrieving, _)| Some(*retrieving) == ticket) else {
            return Progress::None;
        };
        let wanted = wanted.clone();
        match event.what() {
            What::Begins(_) => Progress::Begins(wanted),
            What::Ends => {
                self.retrieving.pop_front();
                self.unstored += 1;
                Progress::Complete(wanted)
            }
            What::Failed(response) => {
                self.retrieving.pop_front();
                Progress::Refused(wanted, Retry::of(response.code()))
            }
            _ => Progress::None,
        }
    }

    /// A message that was [`Complete`](Progress::Complete) is stored, so that it may be deleted.
    pub fn stored(&mut self, message: MessageNumber) {
        self.unstored = self.unstored.saturating_sub(1);
        if self.delete {
            self.to_delete.push_back(message);
        }
    }

    /// A message that was [`Complete`](Progress::Complete) can't be stored, so it isn't deleted.
    pub fn not_stored(&mut self) {
        self.unstored = self.unstored.saturating_sub(1);
    }

    /// How many messages DELE was sent for.
    pub fn deletions(&self) -> u32 {
        self.deletions
    }

    fn observe_listing(&mut self, event: &Event<'_>, has: impl FnOnce(&[u8]) -> bool) -> Progress {
        let mut want = |message, unique_id: &[u8]| {
            let repeated = !unique_id.is_empty() && !self.listed.insert(unique_id.into());
            self.wanted.push_back(Wanted { message, unique_id: unique_id.into(), repeated });
        };
        match event.what() {
            What::UniqueId { message, unique_id } if !has(unique_id) => want(message, unique_id),
            What::Scan(listing) => want(listing.message, b""),
            What::Failed(response) => {
                // A server without UIDL has LIST.
                self.listing = None;
                if event.verb() == Some(Verb::Uidl) && Retry::of(response.code()) == Retry::Unknown {
                    self.stage = Stage::Begin;
                    self.uidl_is_refused = true;
                    return Progress::None;
                }
                self.stage = Stage::Retrieving;
                return Progress::ListRefused(Retry::of(response.code()));
            }
            What::Unreadable { .. } => return Progress::Unreadable,
            What::NotSent => {
                self.listing = None;
                self.stage = Stage::Retrieving;
                return Progress::ListRefused(Retry::Unknown);
            }
            What::Ends => {
                self.listing = None;
                self.listed = BTreeSet::new();
                self.stage = Stage::Retrieving;
                return Progress::Listed { new: self.wanted.len() };
            }
            _ => {}
        }
        Progress::None
    }
}
