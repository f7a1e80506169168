//! A maildrop as a session sees it, whatever the store.

use std::time::{Duration, Instant};

use adapter::Opened;
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Maildrop, Refusal};
use pop3_proto::wire::WireSize;

use super::reading::Reading;
use super::report::report;
use super::trouble::Trouble;

/// For how long messages are measured that nobody has asked for yet, but most likely will.
const MOMENT: Duration = Duration::from_millis(20);

/// The messages of a maildrop when it was opened, and the right to be its only user until this is dropped. By default there are
/// none, which stands for a maildrop that is in use elsewhere in the program for a while.
pub struct Mailbox {
    unique_ids: UniqueIds,
    /// The octets of each message on the wire, where they are known.
    octets: Vec<Option<u64>>,
    store: Box<dyn Store + Send>,
}

/// Where the messages are. They are counted from 0, in the order in which the store named them.
pub trait Store {
    /// Opens a message where it was last; `None` when it isn't there.
    fn open_at_once(&mut self, index: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble>;

    /// Opens a message wherever it is now; `None` when somebody else has removed it.
    fn open(&mut self, index: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble> {
        self.open_at_once(index)
    }

    /// The octets of a message as it is stored, for one that can't be read.
    fn stored_octets(&self, index: usize) -> Option<u64>;

    /// Removes a message for good; that it's gone already is fine.
    fn remove(&mut self, index: usize) -> Result<(), Trouble>;
}

/// A store without messages.
struct Nothing;

impl Store for Nothing {
    fn open_at_once(&mut self, _: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble> {
        Ok(None)
    }

    fn stored_octets(&self, _: usize) -> Option<u64> {
        None
    }

    fn remove(&mut self, _: usize) -> Result<(), Trouble> {
        Ok(())
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new(UniqueIds::default(), Vec::new(), Nothing)
    }
}

impl Mailbox {
    /// A maildrop out of each message's unique-id, its wire size where that's known without reading the message, and the place
    /// to get it from.
    pub fn new(unique_ids: UniqueIds, octets: Vec<Option<u64>>, store: impl Store + Send + 'static) -> Self {
        Self { unique_ids, octets, store: Box::new(store) }
    }

    /// Opens a message to be sent, and reads its first chunk. That takes long where other programs have moved it.
    pub fn read(&mut self, message: MessageNumber) -> Result<Opened<Box<Reading>>, Refusal> {
        begin(self.store.open(message.index())).unwrap_or(Err(Refusal::Gone))
    }

    /// The same, if the message is where it was last; `None` where it has to be looked for.
    pub fn read_at_once(&mut self, message: MessageNumber) -> Option<Result<Opened<Box<Reading>>, Refusal>> {
        begin(self.store.open_at_once(message.index()))
    }

    /// Removes what the session deleted, as far as that goes.
    pub fn expunge(&mut self, deletions: impl Iterator<Item = MessageNumber>) -> Removal {
        deletions.map(|message| self.store.remove(message.index()).map_err(report)).collect()
    }

    /// Reads a message that isn't known to count its octets as the client will receive them, and then those after it as long as
    /// that takes next to no time. A large message takes long, so this ends early when nobody waits for it any more. What fails
    /// for a reason that may pass can be tried again.
    pub fn measure(&mut self, message: MessageNumber, mut is_awaited: impl FnMut() -> bool) -> Result<(), Refusal> {
        let start = Instant::now();
        let octets = match self.count(message.index(), &mut is_awaited) {
            Ok(octets) => octets?,
            Err(trouble) => match (trouble.refuse(), self.store.stored_octets(message.index())) {
                // One message that nobody can read must not keep the others from being listed, so this one counts with
                // its octets on the disk.
                (Refusal::Permanent, Some(octets)) => octets,
                (refusal, _) => return Err(refusal),
            },
        };
        self.octets[message.index()] = Some(octets);
        for index in message.index() + 1..self.octets.len() {
            if self.octets[index].is_none() {
                if start.elapsed() > MOMENT {
                    break;
                }
                // What fails now is told when it is asked for.
                let Ok(Ok(octets)) = self.count(index, &mut is_awaited) else { break };
                self.octets[index] = Some(octets);
            }
        }
        Ok(())
    }

    fn count(&mut self, index: usize, is_awaited: &mut impl FnMut() -> bool) -> Result<Result<u64, Refusal>, Trouble> {
        let mut size = WireSize::new();
        match self.store.open(index)? {
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

/// Reads the first chunk of a message that was opened, if it was there.
fn begin(opened: Result<Option<Opened<Box<Reading>>>, Trouble>) -> Option<Result<Opened<Box<Reading>>, Refusal>> {
    let begun = opened.and_then(|opened| match opened {
        Some(Opened::Reader(reading)) => reading.begin().map(Some),
        opened => Ok(opened),
    });
    begun.map_err(|trouble| trouble.refuse()).transpose()
}

impl Maildrop for Mailbox {
    type Reader = Box<Reading>;

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
