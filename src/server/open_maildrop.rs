//! An open maildrop: what the host has, and what this session has done to it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use md5::{Digest, Md5};

use super::maildrop::Maildrop;
use super::marks::Marks;
use super::reply::Reply;
use super::terms::Instead;
use crate::message::{MessageNumber, UniqueIdBuffer};
use crate::wire::{Command, Verb};

/// The maildrop as it was at login, and its marks.
pub(super) struct OpenMaildrop<M> {
    pub(super) maildrop: M,
    /// How many messages there were at login: mail that comes later isn't seen (R-1939-19).
    count: u32,
    pub(super) deleted: Marks,
    /// Messages that were retrieved, to be removed at QUIT if the configuration says so (R-1939-35).
    retrieved: Marks,
    /// Few maildrops have any, so they take no room in a session that has none.
    gone: Option<Box<Gone>>,
    /// The octets of all messages that aren't marked as deleted, once they were asked for; `None` if they don't fit, or
    /// aren't known.
    total: Option<u64>,
    /// The highest number that RETR or DELE has named, for LAST.
    pub(super) last: u32,
}

/// Messages that were gone when they were needed (R-1939-28).
#[derive(Default)]
struct Gone {
    /// The client has asked for them, and was told.
    told: Marks,
    /// They were to be measured: they keep their places, without octets.
    kept_places: Marks,
}

/// The octets of the first messages, those that are marked as deleted not among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// `u64::MAX` if there are more.
    octets: u64,
    /// The message after them; the sum may have come to the first one whose octets aren't known.
    pub(super) next: MessageNumber,
}

impl Sum {
    pub(super) const NOTHING: Self = Self { octets: 0, next: MessageNumber::FIRST };
}

/// A maildrop that can't be served, as its login has shown.
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

impl<M: Maildrop> OpenMaildrop<M> {
    /// Takes a snapshot of the maildrop's count, and checks that its unique-ids are distinct.
    pub(super) fn new(maildrop: M) -> Result<Self, BrokenMaildrop> {
        let count = maildrop.count();
        if !maildrop.unique_ids_are_checked() {
            check_unique_ids(&maildrop, count)?;
        }
        let (deleted, retrieved) = Default::default();
        Ok(Self { maildrop, count, deleted, retrieved, gone: None, total: None, last: 0 })
    }

    /// How many messages aren't marked as deleted.
    pub(super) fn messages(&self) -> u32 {
        self.count - self.deleted.count()
    }

    /// The messages that aren't marked as deleted, from number `next` on.
    #[inline]
    pub(super) fn undeleted(&self, mut next: u32) -> impl Iterator<Item = MessageNumber> {
        core::iter::from_fn(move || {
            let message = self.deleted.next_unmarked(MessageNumber::new(next)?)?;
            // No number follows the last that there can be.
            next = message.get().wrapping_add(1);
            (message.get() <= self.count).then_some(message)
        })
    }

    /// Checks that a message is there and isn't marked as deleted.
    #[inline]
    fn check(&self, message: MessageNumber) -> Result<(), Reply> {
        if message.get() > self.count {
            Err(Reply::NoSuchMessage)
        } else if self.deleted.contains(message) {
            Err(Reply::Deleted)
        } else {
            Ok(())
        }
    }

    /// Checks that the host permits a command, and that the message that it names is there and isn't marked as deleted.
    #[inline]
    pub(super) fn check_permitted(&self, command: &Command<'_>) -> Result<(), Reply> {
        let message = match *command {
            Command::Stat | Command::Rset | Command::Last => None,
            Command::List { message } | Command::Uidl { message } => message,
            Command::Retr { message } | Command::Dele { message } | Command::Top { message, .. } => Some(message),
            _ => return Ok(()),
        };
        message.map_or(Ok(()), |message| self.check(message))?;
        if self.maildrop.permits(command.verb(), message) { Ok(()) } else { Err(Reply::NotPermitted) }
    }

    /// Checks that a message may be sent as it is (R-6856-03).
    #[inline]
    pub(super) fn check_sendable(&self, message: MessageNumber, utf8: bool) -> Result<(), Reply> {
        if utf8 || !self.maildrop.needs_utf8(message) { Ok(()) } else { Err(Reply::NeedsUtf8) }
    }

    /// The octets of a message, if they are known; none of one that is gone (R-1939-28).
    #[inline]
    pub(super) fn octets(&self, message: MessageNumber) -> Option<u64> {
        if self.is_kept_place(message) { Some(0) } else { self.maildrop.octets(message) }
    }

    /// The octets of all messages that aren't marked as deleted, or `u64::MAX` if there are more. `sum` is what is added up
    /// already; it comes back as far as the octets are known.
    #[inline]
    pub(super) fn add_up(&mut self, sum: Sum) -> Result<u64, Sum> {
        self.total.map_or_else(|| self.add_up_anew(sum), Ok)
    }

    fn add_up_anew(&mut self, mut sum: Sum) -> Result<u64, Sum> {
        for message in self.undeleted(sum.next.get()) {
            let Some(octets) = self.octets(message) else { return Err(Sum { next: message, ..sum }) };
            sum.octets = sum.octets.saturating_add(octets);
        }
        // A sum that doesn't fit isn't kept: nothing could be subtracted from it.
        self.total = (sum.octets < u64::MAX).then_some(sum.octets);
        Ok(sum.octets)
    }

    /// Whether a message had as many octets as STAT or LIST has announced, if one of them was answered. One that was gone then, and
    /// is back, says nothing about how the store counts.
    pub(super) fn announced(&self, message: MessageNumber, octets: u64) -> bool {
        let is_announced = self.total.is_some() && !self.is_kept_place(message);
        let is_true = !is_announced || self.maildrop.octets(message).is_none_or(|announced| announced == octets);
        debug_assert!(is_true || !self.maildrop.octets_are_exact(), "message {message} has {octets} octets");
        is_true
    }

    /// Notes that RETR or DELE has named a message.
    pub(super) fn access(&mut self, message: MessageNumber) {
        self.last = self.last.max(message.get());
    }

    /// Marks a message as deleted.
    pub(super) fn delete(&mut self, message: MessageNumber) {
        self.deleted.insert(message, self.count);
        self.access(message);
        if let Some(total) = self.total {
            self.total = self.octets(message).map(|octets| total.saturating_sub(octets));
        }
    }

    /// Undoes everything that the client has done (R-1939-25).
    pub(super) fn reset(&mut self) {
        let mut unmarked = self.deleted.iter().map(|message| self.octets(message));
        self.total = self.total.and_then(|total| unmarked.try_fold(total, |sum, octets| sum.checked_add(octets?)));
        self.deleted.clear();
        self.retrieved.clear();
        self.last = 0;
    }

    /// Notes that the RETR of a message was written to its end.
    pub(super) fn mark_retrieved(&mut self, message: MessageNumber) {
        if self.maildrop.permits(Verb::Dele, Some(message)) {
            self.retrieved.insert(message, self.count);
        }
    }

    /// The answer to a command for a message that is gone. The second one counts as a bad command, so that a client that loops
    /// comes to an end (R-1939-28).
    pub(super) fn answer_gone(&mut self, message: MessageNumber) -> Instead {
        let told = &mut self.gone.get_or_insert_default().told;
        let is_repeated = told.contains(message);
        told.insert(message, self.count);
        if is_repeated { Instead::Bad(Reply::Gone) } else { Instead::Answer(Reply::Gone) }
    }

    /// Keeps the place of a message that is gone though its octets were never known.
    pub(super) fn keep_place(&mut self, message: MessageNumber) {
        self.gone.get_or_insert_default().kept_places.insert(message, self.count);
        self.total = None;
    }

    /// Whether only the place of a message is left.
    #[inline]
    pub(super) fn is_kept_place(&self, message: MessageNumber) -> bool {
        self.gone.as_ref().is_some_and(|gone| gone.kept_places.contains(message))
    }

    /// Marks what was retrieved as deleted, before the host is asked to remove what is marked.
    pub(super) fn delete_retrieved(&mut self) {
        for message in core::mem::take(&mut self.retrieved).iter() {
            self.deleted.insert(message, self.count);
        }
    }
}

/// Looks for a message without a unique-id, and for two with the same one (R-1939-27).
fn check_unique_ids<M: Maildrop>(maildrop: &M, count: u32) -> Result<(), BrokenMaildrop> {
    // Keys of our own are sorted, so that look-ups whose answers change each time can't confuse the sort.
    let mut keys = Vec::with_capacity(count as usize);
    let mut buffer = UniqueIdBuffer::default();
    for message in (1..=count).filter_map(MessageNumber::new) {
        let unique_id =
            maildrop.compute_unique_id(message, &mut buffer).ok_or(BrokenMaildrop::NoUniqueId { message })?;
        keys.push((<[u8; 16]>::from(Md5::digest(unique_id.as_bytes())), message));
    }
    keys.sort_unstable();
    let pairs = keys.iter().zip(keys.iter().skip(1));
    let same = pairs.filter(|((key, first), (other, second))| {
        let (mut one, mut another) = Default::default();
        key == other
            && maildrop.compute_unique_id(*first, &mut one) == maildrop.compute_unique_id(*second, &mut another)
    });
    match same.map(|((_, first), (_, second))| (*second, *first)).min() {
        Some((second, first)) => Err(BrokenMaildrop::SameUniqueId { first, second }),
        None => Ok(()),
    }
}
