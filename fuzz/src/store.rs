//! The host's store: messages, and a count of the maildrops that are open.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, UniqueId};
use pop3_proto::server::Maildrop;
use pop3_proto::wire::LineEnds;

use crate::case::{Answer, Message};
use crate::content;

/// What the unique-ids of a maildrop are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ids {
    Distinct,
    /// All are the same.
    Same,
    /// The last message has none.
    Missing,
}

impl Ids {
    /// The unique-id of the message with this number, of a maildrop of `count`.
    pub fn of(self, number: usize, count: usize) -> Option<String> {
        match self {
            Self::Distinct => Some(format!("{number}-uid")),
            Self::Same => Some("the-uid".to_owned()),
            Self::Missing => (number < count).then(|| format!("{number}-uid")),
        }
    }
}

/// The store, and how many maildrops of it were opened and dropped, and exchanges remembered.
pub struct Store {
    messages: Vec<Message>,
    /// Whether the index vouches for its unique-ids, rightly or not.
    vouches: bool,
    opened: Cell<u32>,
    dropped: Cell<u32>,
    /// How many exchanges are remembered.
    exchanges: Cell<u32>,
}

impl Store {
    pub fn new(messages: Vec<Message>, vouches: bool) -> Rc<Self> {
        Rc::new(Self { messages, vouches, opened: Cell::new(0), dropped: Cell::new(0), exchanges: Cell::new(0) })
    }

    /// A maildrop with such unique-ids, and whether a session should take it.
    pub fn open(self: &Rc<Self>, ids: Ids) -> (Mailbox, bool) {
        self.opened.set(self.opened.get() + 1);
        let count = self.messages.len();
        let unique_ids = (1..=count).map(|number| ids.of(number, count)).collect();
        let fine = ids == Ids::Distinct || (ids == Ids::Same && count < 2) || self.vouches;
        let measured = self.messages.iter().map(|message| message.is_measured).collect();
        (Mailbox { store: Rc::clone(self), unique_ids, measured }, fine)
    }

    /// How many maildrops are open.
    pub fn open_now(&self) -> u32 {
        self.opened.get() - self.dropped.get()
    }

    /// Remembers a new exchange.
    pub fn remember(self: &Rc<Self>) -> Exchange {
        self.exchanges.set(self.exchanges.get() + 1);
        Exchange { store: Rc::clone(self), steps: 0 }
    }

    /// How many exchanges are remembered.
    pub fn remembered(&self) -> u32 {
        self.exchanges.get()
    }
}

/// What is remembered of an exchange.
pub struct Exchange {
    store: Rc<Store>,
    pub steps: u32,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.store.exchanges.set(self.store.exchanges.get() - 1);
    }
}

/// The maildrop of a session.
pub struct Mailbox {
    store: Rc<Store>,
    unique_ids: Vec<Option<String>>,
    /// The messages whose octets are known.
    measured: Vec<bool>,
}

/// A message can't be read any further.
pub struct Failed;

/// A message that is being read.
pub struct Reader {
    chunks: VecDeque<Bytes>,
    fail_after: Option<u8>,
    /// Whether each chunk has an empty one before it.
    empty_chunks: bool,
    empty_next: bool,
}

impl Mailbox {
    pub fn message(&self, message: MessageNumber) -> &[u8] {
        &self.store.messages[message.index()].octets
    }

    /// Knows the octets of a message from now on.
    pub fn measure(&mut self, message: MessageNumber) {
        self.measured[message.index()] = true;
    }
}

impl Reader {
    pub fn new(message: &[u8], answer: Answer, fails: bool) -> Self {
        let chunk = 1 + usize::from(answer.chunk) * usize::from(answer.chunk) / 16;
        Self {
            chunks: message.chunks(chunk).map(Bytes::copy_from_slice).collect(),
            fail_after: fails.then_some(answer.chunks),
            empty_chunks: answer.empty_chunks,
            empty_next: answer.empty_chunks,
        }
    }

    /// The next chunk, if there is one, or a failure.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, Failed> {
        if self.fail_after == Some(0) {
            return Err(Failed);
        }
        self.fail_after = self.fail_after.map(|left| left - 1);
        let empty = self.empty_next;
        self.empty_next = self.empty_chunks && !empty;
        Ok(if empty { Some(Bytes::new()) } else { self.chunks.pop_front() })
    }
}

impl Maildrop for Mailbox {
    type Reader = Reader;

    fn count(&self) -> u32 {
        self.store.messages.len().try_into().expect("a count")
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.measured[message.index()].then(|| content::normalise(self.message(message)).len() as u64)
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids[message.index()].as_ref().map(|id| UniqueId::new(id).expect("a unique-id"))
    }

    fn unique_ids_are_checked(&self) -> bool {
        self.store.vouches
    }

    fn line_ends(&self, message: MessageNumber) -> LineEnds {
        self.store.messages[message.index()].line_ends
    }

    fn needs_utf8(&self, message: MessageNumber) -> bool {
        self.store.messages[message.index()].needs_utf8
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.store.dropped.set(self.store.dropped.get() + 1);
    }
}
