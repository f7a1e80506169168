//! A store in memory that notes what it is asked.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal, UniqueId};
use pop3_proto::server::{BrokenMaildrop, ClientIdentity, Maildrop, Refusal, Rejection, Residue};
use pop3_proto::wire::{Expire, LineEnds, LoginDelay, Mechanism, Verb};

use super::normalise;

/// What the host was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Password(Vec<u8>, Vec<u8>),
    Apop(Vec<u8>),
    /// A step of a SASL exchange, and the response if there was one.
    Step(Mechanism, Option<Vec<u8>>),
    /// What the host remembered of an exchange was dropped.
    ExchangeDropped,
    StartTls(Residue),
    Measure(u32),
    Retrieve(u32),
    Top(u32, u64),
    Update(Vec<u32>),
    /// The maildrop was dropped, and its lock with it.
    Dropped,
}

/// A message of the store.
#[derive(Clone, Debug)]
pub struct Message {
    pub unique_id: String,
    pub octets: Bytes,
    /// What LIST says of it: its size on the wire, unless a test lies.
    pub announced: u64,
}

/// The store and what the host answers.
#[derive(Debug)]
pub struct Store {
    pub messages: Vec<Message>,
    pub calls: RefCell<Vec<Call>>,
    pub locked: Cell<bool>,
    /// The messages whose octets can't be known now.
    pub unknown: RefCell<Vec<u32>>,
    /// The messages whose octets are known when they are measured.
    pub unmeasured: RefCell<Vec<u32>>,
    /// Why the messages of `unknown` can't be measured; `None` claims that they are.
    pub unmeasurable: Cell<Option<Refusal>>,
    /// How often an octet count was asked for.
    pub octets_asked: Cell<u32>,
    pub rejection: Cell<Option<Rejection>>,
    /// A code of the host's own that logins are turned down with.
    pub refused_with: Cell<Option<&'static str>>,
    pub refusal: Cell<Option<Refusal>>,
    pub commit: Cell<Removal>,
    /// Octets of a chunk; 0 sends messages whole.
    pub chunk: Cell<usize>,
    /// After how many chunks reading fails.
    pub fail_after: Cell<Option<usize>>,
    pub line_ends: Cell<LineEnds>,
    pub login_delay: Cell<Option<LoginDelay>>,
    pub expire: Cell<Option<Expire>>,
    /// How many messages have arrived so far; all, if it isn't said.
    pub arrived: Cell<Option<u32>>,
    /// Whether the maildrop vouches for its unique-ids.
    pub unique_ids_are_checked: Cell<bool>,
    /// What was wrong with the maildrop that a login was answered with.
    pub broken: Cell<Option<BrokenMaildrop>>,
    /// How many challenges a mechanism of no RFC has.
    pub steps: Cell<u32>,
    pub challenge_was_too_long: Cell<bool>,
    /// Whether a bad token is challenged and rejected in one.
    pub rejects_with_challenge: Cell<bool>,
    /// What comes of a TLS handshake, and who the client is then; `None` if it fails.
    pub tls: Cell<Option<ClientIdentity>>,
    /// The first messages, as many as this, are for UTF-8 mode only.
    pub need_utf8: Cell<u32>,
    /// A command that isn't permitted.
    pub forbidden: Cell<Option<Verb>>,
}

impl Store {
    pub fn new<T: AsRef<[u8]>>(messages: impl IntoIterator<Item = T>) -> Rc<Self> {
        let messages = messages.into_iter().enumerate().map(|(i, octets)| Message {
            unique_id: format!("uid-{}", i + 1),
            octets: Bytes::copy_from_slice(octets.as_ref()),
            announced: normalise(octets.as_ref()).len() as u64,
        });
        Self::of(messages.collect())
    }

    pub fn of(messages: Vec<Message>) -> Rc<Self> {
        Rc::new(Self {
            messages,
            calls: RefCell::default(),
            locked: Cell::new(false),
            unknown: RefCell::default(),
            unmeasured: RefCell::default(),
            unmeasurable: Cell::new(Some(Refusal::Temporary)),
            octets_asked: Cell::new(0),
            rejection: Cell::new(None),
            refused_with: Cell::new(None),
            refusal: Cell::new(None),
            commit: Cell::new(Removal::All),
            chunk: Cell::new(0),
            fail_after: Cell::new(None),
            line_ends: Cell::new(LineEnds::Unknown),
            login_delay: Cell::new(None),
            expire: Cell::new(None),
            arrived: Cell::new(None),
            unique_ids_are_checked: Cell::new(false),
            broken: Cell::new(None),
            steps: Cell::new(1),
            challenge_was_too_long: Cell::new(false),
            rejects_with_challenge: Cell::new(false),
            tls: Cell::new(Some(ClientIdentity::Unknown)),
            need_utf8: Cell::new(0),
            forbidden: Cell::new(None),
        })
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    pub fn updates(&self) -> usize {
        self.calls().iter().filter(|call| matches!(call, Call::Update(_))).count()
    }

    pub fn log(&self, call: Call) {
        self.calls.borrow_mut().push(call);
    }
}

/// The maildrop of one session. It holds the lock until it is dropped.
#[derive(Debug)]
pub struct TestDrop {
    store: Rc<Store>,
}

impl TestDrop {
    pub fn new(store: &Rc<Store>) -> Self {
        Self { store: Rc::clone(store) }
    }

    pub fn store(&self) -> Rc<Store> {
        Rc::clone(&self.store)
    }
}

impl Drop for TestDrop {
    fn drop(&mut self) {
        self.store.locked.set(false);
        self.store.log(Call::Dropped);
    }
}

impl Maildrop for TestDrop {
    type Reader = (VecDeque<Bytes>, Option<usize>);

    fn count(&self) -> u32 {
        self.store.arrived.get().unwrap_or(u32::try_from(self.store.messages.len()).unwrap())
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.store.octets_asked.set(self.store.octets_asked.get() + 1);
        let is_among = |messages: &RefCell<Vec<u32>>| messages.borrow().contains(&message.get());
        let is_known = !is_among(&self.store.unknown) && !is_among(&self.store.unmeasured);
        is_known.then(|| self.store.messages[message.index()].announced)
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        UniqueId::new(&self.store.messages[message.index()].unique_id).ok()
    }

    fn unique_ids_are_checked(&self) -> bool {
        self.store.unique_ids_are_checked.get()
    }

    fn line_ends(&self, _: MessageNumber) -> LineEnds {
        self.store.line_ends.get()
    }

    fn needs_utf8(&self, message: MessageNumber) -> bool {
        message.get() <= self.store.need_utf8.get()
    }

    fn permits(&self, verb: Verb, _: Option<MessageNumber>) -> bool {
        self.store.forbidden.get() != Some(verb)
    }

    fn login_delay(&self) -> Option<LoginDelay> {
        self.store.login_delay.get()
    }

    fn expire(&self) -> Option<Expire> {
        self.store.expire.get()
    }
}
