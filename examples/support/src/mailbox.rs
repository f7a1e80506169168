//! A maildrop as a session sees it, whatever the store.

use std::cell::OnceCell;
use std::time::Duration;

use adapter::Opened;
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Maildrop, Refusal};
use pop3_proto::wire::WireSize;

use super::reading::Reading;
use super::report::report;
use super::trouble::Trouble;

/// The messages of a maildrop when it was opened, and the right to be its only user until this is dropped.
pub struct Mailbox {
    unique_ids: UniqueIds,
    octets: Vec<OnceCell<u64>>,
    store: Box<dyn Store + Send>,
}

/// Where the messages are. They are counted from 0, in the order in which the store named them.
pub trait Store {
    /// Opens a message; `None` when somebody else has removed it.
    fn open(&self, index: usize) -> Result<Option<Opened<Reading>>, Trouble>;

    /// The octets of a message as it is stored, for one that can't be read.
    fn stored_octets(&self, index: usize) -> Option<u64>;

    /// Removes a message for good; that it's gone already is fine.
    fn remove(&mut self, index: usize) -> Result<(), Trouble>;
}

impl Mailbox {
    /// A maildrop out of each message's unique-id, its wire size where that's known without reading the message, and
    /// the place to get it from.
    pub fn new(unique_ids: UniqueIds, octets: Vec<Option<u64>>, store: impl Store + Send + 'static) -> Self {
        let octets = octets.into_iter().map(|known| known.map_or_else(OnceCell::new, OnceCell::from)).collect();
        Self { unique_ids, octets, store: Box::new(store) }
    }

    /// Opens a message to be sent, and reads its first chunk.
    pub fn read(&self, message: MessageNumber) -> Result<Opened<Reading>, Refusal> {
        match self.store.open(message.index()) {
            Ok(Some(Opened::Reader(mut reading))) => match reading.read_ahead() {
                Ok(()) => Ok(Opened::Reader(reading)),
                Err(trouble) => Err(trouble.refuse()),
            },
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Refusal::Gone),
            Err(trouble) => Err(trouble.refuse()),
        }
    }

    /// Removes what the session deleted, as far as that goes.
    pub fn expunge(&mut self, deletions: impl Iterator<Item = MessageNumber>) -> Removal {
        deletions.map(|message| self.store.remove(message.index()).map_err(report)).collect()
    }

    /// The wire size of a message, if it's known without reading the message.
    fn known_octets(&self, message: MessageNumber) -> Option<u64> {
        self.octets[message.index()].get().copied()
    }

    /// Reads the whole message to count its octets as the client will receive them. `None` when that fails for a reason
    /// that may pass, or when nobody waits for the answer any more; the next time it's tried again.
    fn measure(&self, message: MessageNumber, is_awaited: impl Fn() -> bool) -> Option<u64> {
        let octets = match self.count(message, is_awaited) {
            Ok(octets) => octets?,
            Err(trouble) => {
                report(&trouble);
                // One message that nobody can read must not keep the others from being listed, so this one counts with
                // its octets on the disk.
                if trouble.may_pass() { None } else { self.store.stored_octets(message.index()) }?
            }
        };
        Some(*self.octets[message.index()].get_or_init(|| octets))
    }

    fn count(&self, message: MessageNumber, is_awaited: impl Fn() -> bool) -> Result<Option<u64>, Trouble> {
        let mut size = WireSize::new();
        match self.store.open(message.index())? {
            None => {}
            Some(Opened::Whole(octets)) => size.add(&octets),
            Some(Opened::Reader(mut reading)) => loop {
                if !is_awaited() {
                    return Ok(None);
                }
                match reading.next_chunk()? {
                    Some(chunk) => size.add(&chunk),
                    None => break,
                }
            },
        }
        Ok(Some(size.octets()))
    }
}

/// A maildrop whose client may leave while messages are read for it.
pub struct Attended<C> {
    /// The messages.
    pub mailbox: Mailbox,
    client: C,
}

/// How long messages are still measured for a client whose stream has ended: a script may have said all it has to say,
/// and still read.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// The client of a session, and the program that serves it.
pub trait Client {
    /// Whether somebody still waits for an answer that takes long.
    fn is_waiting(&self) -> bool;

    /// Does what may take long.
    fn blocking<T>(&self, work: impl FnOnce() -> T) -> T;
}

impl Mailbox {
    /// The maildrop for this client.
    pub fn attended_by<C: Client>(self, client: C) -> Attended<C> {
        Attended { mailbox: self, client }
    }
}

impl<C: Client> Maildrop for Attended<C> {
    type Reader = Reading;

    fn count(&self) -> u32 {
        u32::try_from(self.mailbox.unique_ids.len()).unwrap_or(u32::MAX)
    }

    /// STAT may have to read all messages, which takes minutes where they are many and large. A client that leaves
    /// meanwhile must not keep its maildrop locked, nor the server from ending.
    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.mailbox
            .known_octets(message)
            .or_else(|| self.client.blocking(|| self.mailbox.measure(message, || self.client.is_waiting())))
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.mailbox.unique_ids.get(message)
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}
