//! A maildrop as a session sees it.

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, UniqueId, UniqueIdBuffer};
use pop3_proto::server::Maildrop;

use crate::front_end::Held;
use crate::store::Entry;

/// The index of a maildrop and its lock.
pub(crate) struct Mailbox {
    entries: Box<[Entry]>,
    /// Released when the session drops this.
    pub(crate) held: Held,
}

impl Mailbox {
    pub(crate) fn new(entries: Box<[Entry]>, held: Held) -> Self {
        Self { entries, held }
    }

    /// By what the store knows a message.
    pub(crate) fn message(&self, number: MessageNumber) -> i64 {
        self.entries[number.index()].message
    }
}

/// A message that is being read.
pub(crate) struct Reading {
    pub(crate) message: i64,
    /// The chunk that was read when the message was opened.
    pub(crate) first: Option<Bytes>,
    /// The number of the next chunk that the store is asked for.
    pub(crate) next: i64,
    /// How many octets the store still has to give.
    pub(crate) left: u64,
}

impl Maildrop for Mailbox {
    type Reader = Reading;

    fn count(&self) -> u32 {
        // A maildrop of more isn't listed to its end.
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        Some(self.entries[message.index()].size)
    }

    fn octets_are_exact(&self) -> bool {
        true
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        None // they are computed
    }

    fn compute_unique_id<'a>(&'a self, message: MessageNumber, buffer: &'a mut UniqueIdBuffer) -> Option<UniqueId<'a>> {
        buffer.write(self.entries[message.index()].unique_id).ok()
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}
