//! A maildrop as a session sees it, whatever the store behind it.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, UniqueId, UniqueIds};
use pop3_proto::server::{Commit, Maildrop, Refusal};
use pop3_proto::wire::WireSize;

use super::sasl::Exchange;

/// Enough for the disk and the socket to work in large pieces, little enough for thousands of downloads at once.
const CHUNK: usize = 64 * 1024;

/// The messages of a maildrop when it was opened, and the right to be its only user until this is dropped.
pub(crate) struct Mailbox {
    unique_ids: UniqueIds,
    octets: Vec<OnceCell<u64>>,
    store: Box<dyn Store + Send>,
}

/// Where the messages are. They are counted from 0, in the order in which the store named them.
pub(crate) trait Store {
    /// Opens a message; `None` when somebody else has removed it.
    fn open(&self, index: usize) -> io::Result<Option<Message>>;

    /// Removes a message for good; that it's gone already is fine.
    fn remove(&mut self, index: usize) -> io::Result<()>;
}

/// A message to be sent.
pub(crate) enum Message {
    Memory(Bytes),
    File(File),
}

impl Mailbox {
    /// A maildrop out of each message's unique-id, its wire size where that's known without reading the message, and
    /// the place to get it from.
    pub(crate) fn new(unique_ids: UniqueIds, octets: Vec<Option<u64>>, store: impl Store + Send + 'static) -> Self {
        let octets = octets.into_iter().map(|known| known.map_or_else(OnceCell::new, OnceCell::from)).collect();
        Self { unique_ids, octets, store: Box::new(store) }
    }

    /// Opens a message to be sent.
    pub(crate) fn read(&self, message: MessageNumber) -> Result<Message, Refusal> {
        self.store.open(message.index()).map_err(|_| Refusal::Temporary)?.ok_or(Refusal::Gone)
    }

    /// Removes what the session deleted, as far as that goes.
    pub(crate) fn expunge(&mut self, deletions: impl Iterator<Item = MessageNumber>) -> Commit {
        deletions.map(|message| self.store.remove(message.index())).collect()
    }

    /// The wire size of a message, if it's known without reading the message.
    pub(crate) fn known_octets(&self, message: MessageNumber) -> Option<u64> {
        self.octets[message.index()].get().copied()
    }

    /// Reads the whole message to count its octets as the client will receive them; `None` if that fails.
    fn measured_octets(&self, message: MessageNumber) -> Option<u64> {
        let octets = self.measure(message).ok()?;
        Some(*self.octets[message.index()].get_or_init(|| octets))
    }

    fn measure(&self, message: MessageNumber) -> io::Result<u64> {
        let mut size = WireSize::new();
        match self.store.open(message.index())? {
            None => {}
            Some(Message::Memory(octets)) => size.add(&octets),
            Some(Message::File(mut file)) => {
                while let Some(chunk) = next_chunk(&mut file)? {
                    size.add(&chunk);
                }
            }
        }
        Ok(size.octets())
    }
}

impl Maildrop for Mailbox {
    type Reader = File;
    type Exchange = Exchange;

    fn count(&self) -> u32 {
        u32::try_from(self.unique_ids.len()).unwrap_or(u32::MAX)
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.known_octets(message).or_else(|| self.measured_octets(message))
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}

/// The next octets of a message, or `None` at its end.
pub(crate) fn next_chunk(file: &mut File) -> io::Result<Option<Bytes>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    file.take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok((!chunk.is_empty()).then(|| chunk.into()))
}
