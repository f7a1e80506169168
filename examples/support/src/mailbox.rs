//! A maildrop as a session sees it, whatever the store.

use std::sync::Arc;

use adapter::Opened;
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Maildrop, Refusal};
use pop3_proto::wire::WireSize;

use super::reading::Reading;
use super::report::report;
use super::trouble::Trouble;

/// The messages of a maildrop when it was opened, and the right to be its only user until this is dropped.
pub struct Mailbox {
    account: Arc<str>,
    unique_ids: UniqueIds,
    /// The octets of each message on the wire, where they are known.
    octets: Vec<Option<u64>>,
    store: Box<dyn Store + Send>,
}

/// Where the messages are. They are counted from 0, in the order in which the store named them.
pub trait Store {
    /// Opens a message; `None` when somebody else has removed it.
    fn open(&mut self, index: usize) -> Result<Option<Opened<Reading>>, Trouble>;

    /// The octets of a message as it is stored, for one that can't be read.
    fn stored_octets(&self, index: usize) -> Option<u64>;

    /// Removes a message for good; that it's gone already is fine.
    fn remove(&mut self, index: usize) -> Result<(), Trouble>;
}

impl Mailbox {
    /// An account's maildrop out of each message's unique-id, its wire size where that's known without reading the message, and
    /// the place to get it from.
    pub fn new(
        account: Arc<str>,
        unique_ids: UniqueIds,
        octets: Vec<Option<u64>>,
        store: impl Store + Send + 'static,
    ) -> Self {
        Self { account, unique_ids, octets, store: Box::new(store) }
    }

    /// Whose maildrop it is.
    pub fn account(&self) -> Arc<str> {
        Arc::clone(&self.account)
    }

    /// Opens a message to be sent, and reads its first chunk.
    pub fn read(&mut self, message: MessageNumber) -> Result<Opened<Reading>, Refusal> {
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

    /// Reads a message that isn't known to count its octets as the client will receive them. This takes long where it is large, so
    /// it ends early when nobody waits for it any more. What fails for a reason that may pass can be tried again.
    pub fn measure(&mut self, message: MessageNumber, is_awaited: impl FnMut() -> bool) -> Result<(), Refusal> {
        let octets = match self.count(message, is_awaited) {
            Ok(octets) => octets?,
            Err(trouble) => match (trouble.refuse(), self.store.stored_octets(message.index())) {
                // One message that nobody can read must not keep the others from being listed, so this one counts with
                // its octets on the disk.
                (Refusal::Permanent, Some(octets)) => octets,
                (refusal, _) => return Err(refusal),
            },
        };
        self.octets[message.index()] = Some(octets);
        Ok(())
    }

    fn count(
        &mut self,
        message: MessageNumber,
        mut is_awaited: impl FnMut() -> bool,
    ) -> Result<Result<u64, Refusal>, Trouble> {
        let mut size = WireSize::new();
        match self.store.open(message.index())? {
            None => return Ok(Err(Refusal::Gone)),
            Some(Opened::Whole(octets)) => size.add(&octets),
            Some(Opened::Reader(mut reading)) => loop {
                if !is_awaited() {
                    return Ok(Err(Refusal::Temporary));
                }
                match reading.next_chunk()? {
                    Some(chunk) => size.add(&chunk),
                    None => break,
                }
            },
        }
        Ok(Ok(size.octets()))
    }
}

impl Maildrop for Mailbox {
    type Reader = Reading;

    fn count(&self) -> u32 {
        u32::try_from(self.unique_ids.len()).unwrap_or(u32::MAX)
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.octets[message.index()]
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}
