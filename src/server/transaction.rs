//! TRANSACTION: an open maildrop and what is done with it (RFC 1939 §5).

use alloc::vec::Vec;

use md5::{Digest, Md5};

use super::connection::{Connection, Task};
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::marks::Marks;
use super::reply::Reply;
use super::retrieve::Request;
use crate::message::MessageNumber;
use crate::wire::{Command, DropListing, ScanListing, State, UniqueIdListing, number};

/// The maildrop, and what this session does to it.
pub(super) struct Transaction<M: Maildrop> {
    pub(super) maildrop: M,
    /// How many messages there were at login: mail that comes later isn't seen (R-1939-19).
    count: u32,
    pub(super) deleted: Marks,
    /// Messages that were retrieved, to be removed at QUIT if the configuration says so (R-1939-35).
    retrieved: Marks,
    /// The octets of all messages that aren't marked as deleted, once they were asked for; `None` if they don't fit, or
    /// aren't known.
    octets: Option<u64>,
    /// The highest number that RETR or DELE has named, for LAST.
    last: u32,
    /// The message that is being read, unless it came in one piece.
    pub(super) reader: Option<M::Reader>,
    /// Messages that were gone when they were asked for (R-1939-28).
    gone: Marks,
}

/// A maildrop that can't be served, found out at login.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenMaildrop {
    /// A message has no valid unique-id. The client is sent `-ERR [SYS/TEMP]`.
    #[error("message {message} has no valid unique-id")]
    NoUniqueId {
        /// The first such message.
        message: MessageNumber,
    },
    /// Two messages have the same unique-id, so clients would lose mail (RFC 1939 §7, UIDL). The client is sent
    /// `-ERR [SYS/PERM]`. [`UniqueIds`](crate::message::UniqueIds) renames one of them.
    #[error("messages {first} and {second} have the same unique-id")]
    SameUniqueId {
        /// The one with the lower number.
        first: MessageNumber,
        /// The other one.
        second: MessageNumber,
    },
}

impl<M: Maildrop> Transaction<M> {
    /// Takes a snapshot of the maildrop's count, and checks that its unique-ids are distinct.
    pub(super) fn open(maildrop: M) -> Result<Self, BrokenMaildrop> {
        let count = maildrop.count();
        if !maildrop.unique_ids_are_checked() {
            check_unique_ids(&maildrop, count)?;
        }
        Ok(Self {
            maildrop,
            count,
            deleted: Marks::default(),
            retrieved: Marks::default(),
            octets: None,
            last: 0,
            reader: None,
            gone: Marks::default(),
        })
    }

    /// Answers a command that needs no host and doesn't leave the state.
    pub(super) fn answer(&mut self, connection: &mut Connection, command: &Command<'_>) {
        match *command {
            Command::Stat => match self.total_octets() {
                Some(octets) => {
                    let listing = DropListing { messages: self.count - self.deleted.count(), octets };
                    connection.good_line(|text| listing.encode(text));
                }
                None => connection.reply(Reply::Temporary),
            },
            // Nothing can be taken back once lines go out, so the octets of all messages are asked for first.
            Command::List { message: None } => match self.total_octets() {
                Some(_) => connection.list(Reply::ScanListing, Listing::OCTETS),
                None => connection.reply(Reply::Temporary),
            },
            Command::List { message: Some(message) } => {
                if self.is_accessible(connection, message) && self.can_be_sent(connection, message) {
                    match self.maildrop.octets(message) {
                        Some(octets) => connection.good_line(|text| ScanListing { message, octets }.encode(text)),
                        None => connection.reply(Reply::Temporary),
                    }
                }
            }
            Command::Dele { message } => {
                if self.is_accessible(connection, message) {
                    self.delete(message);
                    connection.good(Reply::Marked);
                }
            }
            Command::Noop => connection.good(Reply::Noop),
            Command::Rset => {
                self.reset();
                connection.good(Reply::Unmarked);
            }
            Command::Uidl { message: None } => connection.list(Reply::UniqueIdListing, Listing::UNIQUE_IDS),
            Command::Uidl { message: Some(message) } => {
                if self.is_accessible(connection, message) {
                    match self.maildrop.unique_id(message) {
                        Some(unique_id) => {
                            connection.good_line(|text| UniqueIdListing { message, unique_id }.encode(text));
                        }
                        None => connection.reply(Reply::Temporary),
                    }
                }
            }
            Command::Capa => connection.list(Reply::Capabilities, Listing::CAPABILITIES),
            Command::Lang { language } if connection.config.has_languages() => connection.answer_lang(language),
            Command::Last if connection.config.last => {
                connection.good_line(|text| number::put(text, self.last.into()));
            }
            _ => connection.bad(State::Transaction, Reply::Unavailable),
        }
    }

    /// RETR and TOP: the host is to be asked for the message.
    pub(super) fn retrieve(&mut self, connection: &mut Connection, command: &Command<'_>) {
        let request = match *command {
            Command::Retr { message } => Request { message, lines: None },
            Command::Top { message, lines } => Request { message, lines: Some(lines) },
            _ => return connection.bad(State::Transaction, Reply::WrongState),
        };
        if self.is_accessible(connection, request.message) && self.can_be_sent(connection, request.message) {
            connection.task = Task::Retrieve(request);
        }
    }

    /// QUIT: the host is to remove what is marked.
    pub(super) fn enter_update(&mut self, connection: &mut Connection) {
        self.deleted.merge(core::mem::take(&mut self.retrieved));
        connection.task = Task::Update;
    }

    /// The RETR of a message was written to its end.
    pub(super) fn mark_retrieved(&mut self, message: MessageNumber) {
        self.retrieved.insert(message, self.count);
    }

    /// Message number `number` of this maildrop, marked or not.
    #[inline]
    pub(super) fn number(&self, number: u32) -> Option<MessageNumber> {
        MessageNumber::new(number).filter(|_| number <= self.count)
    }

    /// The first message from `message` on that isn't marked as deleted.
    #[inline]
    pub(super) fn next_undeleted(&self, message: MessageNumber) -> Option<MessageNumber> {
        self.deleted.next_unmarked(message).filter(|next| next.get() <= self.count)
    }

    /// Whether a message is there and isn't marked as deleted; the client gets `-ERR` if not.
    fn is_accessible(&self, connection: &mut Connection, message: MessageNumber) -> bool {
        if self.number(message.get()).is_none() {
            connection.reply(Reply::NoSuchMessage);
            return false;
        }
        if self.deleted.contains(message) {
            connection.reply(Reply::Deleted);
            return false;
        }
        true
    }

    /// Whether the client takes a message as it is; it is told if not (R-6856-03).
    fn can_be_sent(&self, connection: &mut Connection, message: MessageNumber) -> bool {
        let can = connection.utf8 || !self.maildrop.needs_utf8(message);
        if !can {
            connection.reply(Reply::NeedsUtf8);
        }
        can
    }

    /// RETR or DELE has named a message.
    pub(super) fn access(&mut self, message: MessageNumber) {
        self.last = self.last.max(message.get());
    }

    /// Notes that a message was gone when it was asked for; whether it was gone before.
    pub(super) fn mark_gone(&mut self, message: MessageNumber) -> bool {
        let before = self.gone.contains(message);
        self.gone.insert(message, self.count);
        before
    }

    fn delete(&mut self, message: MessageNumber) {
        self.deleted.insert(message, self.count);
        self.access(message);
        if let Some(all) = self.octets {
            let octets = self.maildrop.octets(message);
            self.octets = octets.map(|octets| all.saturating_sub(octets));
        }
    }

    /// RSET undoes everything that the client has done (R-1939-25).
    fn reset(&mut self) {
        let mut unmarked = self.deleted.iter().map(|message| self.maildrop.octets(message));
        self.octets = self.octets.and_then(|all| unmarked.try_fold(all, |sum, octets| sum.checked_add(octets?)));
        self.deleted.clear();
        self.retrieved.clear();
        self.last = 0;
    }

    /// The octets of all messages that aren't marked as deleted; `u64::MAX` if there are more, and `None` if those of one
    /// message aren't known.
    fn total_octets(&mut self) -> Option<u64> {
        if self.octets.is_none() {
            let messages = (1..=self.count).filter_map(MessageNumber::new).filter(|&n| !self.deleted.contains(n));
            // A sum that doesn't fit isn't kept: nothing could be subtracted from it.
            let mut sum = Some(0_u64);
            for message in messages {
                let octets = self.maildrop.octets(message)?;
                sum = sum.and_then(|sum| sum.checked_add(octets));
            }
            self.octets = sum;
        }
        Some(self.octets.unwrap_or(u64::MAX))
    }
}

/// Looks for a message without a unique-id, and for two with the same one (R-1939-27).
fn check_unique_ids<M: Maildrop>(maildrop: &M, count: u32) -> Result<(), BrokenMaildrop> {
    // Keys of our own are sorted, so that look-ups whose answers change each time can't confuse the sort.
    let mut keys = Vec::with_capacity(count as usize);
    for message in (1..=count).filter_map(MessageNumber::new) {
        let unique_id = maildrop.unique_id(message).ok_or(BrokenMaildrop::NoUniqueId { message })?;
        keys.push((<[u8; 16]>::from(Md5::digest(unique_id.as_bytes())), message));
    }
    keys.sort_unstable();
    let pairs = keys.iter().zip(keys.iter().skip(1));
    let same = pairs.filter(|((key, first), (other, second))| {
        key == other && maildrop.unique_id(*first) == maildrop.unique_id(*second)
    });
    match same.map(|((_, first), (_, second))| (*second, *first)).min() {
        Some((second, first)) => Err(BrokenMaildrop::SameUniqueId { first, second }),
        None => Ok(()),
    }
}
