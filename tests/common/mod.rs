//! A host for tests: a store in memory, and a loop that drives a session the way a test wants it.

#![allow(dead_code, unreachable_pub, clippy::cast_possible_truncation)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use pop3_proto::message::{MessageNumber, UniqueId};
use pop3_proto::server::{
    Action, CloseReason, Commit, Config, Credentials, Maildrop, Refusal, Rejection, Security, Session,
};
use pop3_proto::wire::{LineEnds, Timestamp, WireSize};

/// The example user of RFC 1939.
pub const LOGIN: &str = "USER mrose\r\nPASS tanstaaf\r\n";

/// What the host was asked, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Login(Vec<u8>),
    Retrieve(u32),
    Update(Vec<u32>),
    Dropped,
}

/// A message of the store.
#[derive(Clone, Debug)]
pub struct Message {
    pub unique_id: String,
    pub octets: Bytes,
}

/// The store and what the host answers.
#[derive(Debug)]
pub struct Store {
    pub messages: Vec<Message>,
    pub calls: RefCell<Vec<Call>>,
    pub locked: Cell<bool>,
    /// Whether an octet count was asked for.
    pub octets_asked: Cell<u32>,
    pub rejection: Cell<Option<Rejection>>,
    pub refusal: Cell<Option<Refusal>>,
    pub commit: Cell<Commit>,
    /// Octets of a chunk; 0 sends messages whole.
    pub chunk: Cell<usize>,
    /// After how many chunks reading fails.
    pub fail_after: Cell<Option<usize>>,
    pub line_ends: Cell<LineEnds>,
}

impl Store {
    pub fn new<T: AsRef<[u8]>>(messages: impl IntoIterator<Item = T>) -> Rc<Self> {
        let messages = messages
            .into_iter()
            .enumerate()
            .map(|(i, octets)| Message {
                unique_id: format!("uid-{}", i + 1),
                octets: Bytes::copy_from_slice(octets.as_ref()),
            })
            .collect();
        Rc::new(Self {
            messages,
            calls: RefCell::default(),
            locked: Cell::new(false),
            octets_asked: Cell::new(0),
            rejection: Cell::new(None),
            refusal: Cell::new(None),
            commit: Cell::new(Commit::All),
            chunk: Cell::new(0),
            fail_after: Cell::new(None),
            line_ends: Cell::new(LineEnds::Unknown),
        })
    }

    /// The maildrop of RFC 1939's examples: two messages, of 120 and 200 octets.
    pub fn example() -> Rc<Self> {
        let message = |octets: usize| {
            let mut text = b"Subject: hi\r\n\r\n".to_vec();
            text.resize(octets - 2, b'x');
            text.extend_from_slice(b"\r\n");
            text
        };
        Self::new([message(120), message(200)])
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// The messages that an Update asked to remove.
    pub fn removed(&self) -> Vec<u32> {
        self.calls()
            .into_iter()
            .filter_map(|call| if let Call::Update(removed) = call { Some(removed) } else { None })
            .flatten()
            .collect()
    }

    pub fn updates(&self) -> usize {
        self.calls().iter().filter(|call| matches!(call, Call::Update(_))).count()
    }

    fn log(&self, call: Call) {
        self.calls.borrow_mut().push(call);
    }
}

/// The maildrop of one session. It holds the lock until it is dropped.
#[derive(Debug)]
pub struct TestDrop {
    store: Rc<Store>,
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
        self.store.messages.len() as u32
    }

    fn octets(&self, message: MessageNumber) -> u64 {
        self.store.octets_asked.set(self.store.octets_asked.get() + 1);
        let mut size = WireSize::new();
        size.add(&self.store.messages[message.index()].octets);
        size.octets()
    }

    fn unique_id(&self, message: MessageNumber) -> UniqueId<'_> {
        UniqueId::new(&self.store.messages[message.index()].unique_id).unwrap()
    }

    fn line_ends(&self, _: MessageNumber) -> LineEnds {
        self.store.line_ends.get()
    }
}

/// A session, its host, and everything that it has written.
pub struct Server {
    pub store: Rc<Store>,
    pub session: Session<TestDrop>,
    pub output: Vec<u8>,
    pub now: Duration,
    pub closed: Option<CloseReason>,
    /// The most octets taken by one write; 0 takes none.
    pub window: usize,
    /// The most octets given to one read.
    pub reads: usize,
    /// Says at each poll whether its token is dropped unanswered.
    pub drops: Box<dyn FnMut() -> bool>,
    pub max_polls: usize,
}

impl Server {
    /// A server of `store` that may let users in.
    pub fn new(store: &Rc<Store>) -> Self {
        Self::with(store, Config::new(), Security::TrustedLocal)
    }

    pub fn with(store: &Rc<Store>, config: Config, security: Security) -> Self {
        Self::of(store, Session::new(Arc::new(config), security))
    }

    pub fn with_timestamp(store: &Rc<Store>, timestamp: &str) -> Self {
        let session = Session::new(Arc::new(Config::new()), Security::TrustedLocal);
        Self::of(store, session.with_timestamp(Timestamp::new(timestamp).unwrap()))
    }

    pub fn of(store: &Rc<Store>, session: Session<TestDrop>) -> Self {
        Self {
            store: Rc::clone(store),
            session,
            output: Vec::new(),
            now: Duration::ZERO,
            closed: None,
            window: usize::MAX,
            reads: usize::MAX,
            drops: Box::new(|| false),
            max_polls: 50_000_000,
        }
    }

    /// A server whose client has logged in; what was written so far is dropped.
    pub fn logged_in(store: &Rc<Store>) -> Self {
        let mut server = Self::new(store);
        server.log_in();
        server
    }

    pub fn log_in(&mut self) {
        let output = self.send(LOGIN);
        assert!(output.ends_with("+OK maildrop locked and ready\r\n"), "{output}");
    }

    /// Has the client send `octets`; returns what the server wrote since the last call.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.run(octets.as_ref(), false);
        self.take()
    }

    /// Ends the client's stream behind `octets`.
    pub fn send_and_hang_up(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.run(octets.as_ref(), true);
        self.take()
    }

    pub fn wait(&mut self, seconds: u64) -> String {
        self.now += Duration::from_secs(seconds);
        self.send("")
    }

    pub fn take(&mut self) -> String {
        let text = self.text();
        self.output.clear();
        text
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Drives the session until it wants octets that aren't there, or is over.
    pub fn run(&mut self, mut input: &[u8], hang_up: bool) {
        for _ in 0..self.max_polls {
            let dropped = (self.drops)();
            match self.session.poll(self.now) {
                Action::Close(reason) => {
                    self.closed = Some(reason);
                    return;
                }
                _ if dropped => {}
                Action::Read(mut read) => {
                    if input.is_empty() && !hang_up {
                        return;
                    }
                    let space = read.space();
                    assert!(!space.is_empty(), "a read without space");
                    let octets = space.len().min(input.len()).min(self.reads);
                    space[..octets].copy_from_slice(&input[..octets]);
                    input = &input[octets..];
                    read.filled(octets);
                }
                Action::Write(mut write) => {
                    assert!(write.has_remaining(), "a write without octets");
                    if self.window == 0 {
                        return;
                    }
                    let octets = write.chunk().len().min(self.window);
                    self.output.extend_from_slice(&write.chunk()[..octets]);
                    write.advance(octets);
                }
                Action::Login(login) => {
                    let credentials = login.credentials();
                    self.store.log(Call::Login(credentials.name().to_vec()));
                    let known = credentials.name() == b"mrose" && credentials.verify(b"tanstaaf");
                    if let Some(rejection) = self.store.rejection.get() {
                        login.reject(rejection);
                    } else if !known {
                        login.reject(Rejection::BadCredentials);
                    } else if self.store.locked.replace(true) {
                        login.reject(Rejection::InUse);
                    } else {
                        login.accept(TestDrop { store: Rc::clone(&self.store) }).unwrap();
                    }
                }
                Action::Retrieve(mut retrieve) => {
                    let message = retrieve.message();
                    self.store.log(Call::Retrieve(message.get()));
                    let octets = retrieve.maildrop().store.messages[message.index()].octets.clone();
                    match (self.store.refusal.get(), self.store.chunk.get()) {
                        (Some(refusal), _) => retrieve.refuse(refusal),
                        (None, 0) => retrieve.send(octets),
                        (None, chunk) => {
                            let chunks = (0..octets.len()).step_by(chunk);
                            let chunks = chunks.map(|at| octets.slice(at..octets.len().min(at + chunk))).collect();
                            retrieve.begin((chunks, self.store.fail_after.get()));
                        }
                    }
                }
                Action::Body(mut body) => match body.reader() {
                    (_, Some(0)) => body.fail(),
                    (chunks, left) => {
                        *left = left.map(|left| left - 1);
                        match chunks.pop_front() {
                            Some(chunk) => body.push(chunk),
                            None => body.end(),
                        }
                    }
                },
                Action::Update(mut update) => {
                    let (_, deletions) = update.parts();
                    self.store.log(Call::Update(deletions.map(MessageNumber::get).collect()));
                    update.finish(self.store.commit.get());
                }
            }
        }
        panic!("the session doesn't come to rest");
    }
}

/// The credentials that a test compares, without the borrow.
pub fn describe(credentials: &Credentials<'_>) -> String {
    format!("{credentials:?}")
}
