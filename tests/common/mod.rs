//! A host for tests: a store in memory, and a loop that drives a session the way a test wants it.

pub mod line_ends;
mod sasl;
pub mod store;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::message::MessageNumber;
use pop3_proto::server::{Action, CloseReason, Config, Credentials, Login, Measure, Rejection, Retrieve, Session};
use pop3_proto::wire::ResponseCode;
use pop3_proto::{Io, Security};

pub use line_ends::normalise;
pub use sasl::TestExchange;
pub use store::{Call, Store, TestDrop};

/// The example user of RFC 1939.
pub const LOGIN: &str = "USER mrose\r\nPASS tanstaaf\r\n";

/// The timestamp of RFC 1939's example.
pub const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

/// Values that come one after the other, and then again.
pub struct Cycle<T> {
    values: Vec<T>,
    at: usize,
}

impl<T: Copy> Cycle<T> {
    pub fn next(&mut self) -> T {
        self.at += 1;
        self.values[(self.at - 1) % self.values.len()]
    }
}

impl<T> From<T> for Cycle<T> {
    fn from(value: T) -> Self {
        Self { values: vec![value], at: 0 }
    }
}

impl<T> From<Vec<T>> for Cycle<T> {
    fn from(values: Vec<T>) -> Self {
        Self { values, at: 0 }
    }
}

/// A session, its host, and everything that it has written.
pub struct Server {
    pub store: Rc<Store>,
    pub session: Session<TestDrop, TestExchange>,
    pub output: Vec<u8>,
    /// How many octets each write had.
    pub writes: Vec<usize>,
    pub now: Duration,
    pub closed: Option<CloseReason>,
    /// The most octets taken by a write; 0 takes none.
    pub window: Cycle<usize>,
    /// The most octets given to a read.
    pub reads: Cycle<usize>,
    /// Whether a poll's token is dropped unanswered.
    pub drops: Cycle<bool>,
    pub max_polls: usize,
}

impl Server {
    /// A server of `store` that may let users in.
    pub fn new(store: &Rc<Store>) -> Self {
        Self::with(store, Config::new(), Security::TrustedLocal)
    }

    pub fn with(store: &Rc<Store>, config: Config, security: Security) -> Self {
        Self::of(store, Session::with_exchange(Arc::new(config), security))
    }

    pub fn of(store: &Rc<Store>, session: Session<TestDrop, TestExchange>) -> Self {
        Self {
            store: Rc::clone(store),
            session,
            output: Vec::new(),
            writes: Vec::new(),
            now: Duration::ZERO,
            closed: None,
            window: usize::MAX.into(),
            reads: usize::MAX.into(),
            drops: false.into(),
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

    pub fn take(&mut self) -> String {
        let text = self.text();
        self.output.clear();
        self.writes.clear();
        text
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Drives the session until it wants octets that aren't there, or is over.
    pub fn run(&mut self, mut input: &[u8], hang_up: bool) {
        for _ in 0..self.max_polls {
            let action = self.session.poll(self.now);
            if let Action::Close(reason) = action {
                self.closed = Some(reason);
                return;
            }
            if self.drops.next() {
                touch(action);
                continue;
            }
            match action {
                Action::Io(Io::Read(mut read)) => {
                    if input.is_empty() && !hang_up {
                        return;
                    }
                    let space = read.space();
                    assert!(!space.is_empty(), "a read without space");
                    let octets = space.len().min(input.len()).min(self.reads.next());
                    space[..octets].copy_from_slice(&input[..octets]);
                    input = &input[octets..];
                    read.filled(octets);
                }
                Action::Io(Io::Write(mut write)) => {
                    assert!(write.has_remaining(), "a write without octets");
                    let octets = write.remaining().min(self.window.next());
                    if octets == 0 {
                        return;
                    }
                    let start = self.output.len();
                    self.output.resize(start + octets, 0);
                    write.copy_to_slice(&mut self.output[start..]);
                    self.writes.push(octets);
                }
                Action::Login(login) => answer_login(&self.store, login),
                Action::StartTls(start) => {
                    self.store.log(Call::StartTls(start.residue()));
                    match self.store.tls.get() {
                        Some(identity) => start.established(identity),
                        None => start.failed(),
                    }
                }
                Action::Authenticate(step) => sasl::answer(&self.store, step),
                Action::Measure(measure) => answer_measure(&self.store, measure),
                Action::Retrieve(retrieve) => answer_retrieve(&self.store, retrieve),
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
                    let (_, deletions) = update.maildrop_and_deletions();
                    self.store.log(Call::Update(deletions.map(MessageNumber::get).collect()));
                    update.finish(self.store.commit.get());
                }
                Action::Close(_) => unreachable!(),
            }
        }
        panic!("the session doesn't come to rest");
    }
}

/// The configuration without a limit that a test of something else would run into.
pub fn patient(config: Config) -> Config {
    let config = config.bad_commands(u32::MAX, u32::MAX).unwrap().failed_logins(u32::MAX).unwrap();
    config.commands_before_login(u32::MAX).unwrap()
}

/// Makes use of a token as far as that goes without answering it.
fn touch(action: Action<'_, TestDrop, TestExchange>) {
    match action {
        Action::Io(Io::Read(mut read)) => read.space().fill(b'!'),
        Action::Io(Io::Write(write)) => assert!(!write.chunk().is_empty()),
        Action::Login(login) => assert!(!login.credentials().name().is_empty()),
        Action::StartTls(start) => drop(start.residue()),
        Action::Authenticate(mut step) => drop(step.exchange_and_response().1.map(<[u8]>::len)),
        Action::Measure(mut measure) => drop(measure.maildrop().store()),
        Action::Retrieve(mut retrieve) => drop(retrieve.maildrop().store()),
        Action::Body(mut body) => drop(body.reader().0.front().cloned()),
        Action::Update(mut update) => {
            assert_eq!(update.maildrop_and_deletions().1.len(), update.maildrop_and_deletions().1.count());
        }
        Action::Close(_) => {}
    }
}

fn answer_login(store: &Rc<Store>, login: Login<'_, TestDrop, TestExchange>) {
    let credentials = login.credentials();
    let name = credentials.name().to_vec();
    store.log(match &credentials {
        Credentials::Password { password, .. } => Call::Password(name, password.expose().to_vec()),
        _ => Call::Apop(name),
    });
    let verified = credentials.verify((credentials.name() == b"mrose").then_some("tanstaaf"));
    if let Some(code) = store.refused_with.get() {
        login.reject_with_code(ResponseCode::new(code).unwrap());
    } else if let Some(rejection) = store.rejection.get() {
        login.reject(rejection);
    } else if let Err(rejection) = verified {
        login.reject(rejection);
    } else if store.locked.replace(true) {
        login.reject(Rejection::InUse);
    } else {
        store.broken.set(login.accept(TestDrop::new(store)).err());
    }
}

fn answer_measure(store: &Rc<Store>, mut measure: Measure<'_, TestDrop>) {
    let (maildrop, message) = measure.maildrop_and_message();
    maildrop.store().log(Call::Measure(message.get()));
    if !store.unknown.borrow().contains(&message.get()) {
        store.unmeasured.borrow_mut().retain(|unmeasured| *unmeasured != message.get());
        return measure.done();
    }
    match store.unmeasurable.get() {
        Some(refusal) => measure.refuse(refusal),
        None => measure.done(),
    }
}

fn answer_retrieve(store: &Rc<Store>, mut retrieve: Retrieve<'_, TestDrop>) {
    let message = retrieve.message();
    store.log(match retrieve.lines() {
        None => Call::Retrieve(message.get()),
        Some(lines) => Call::Top(message.get(), lines),
    });
    let octets = retrieve.maildrop().store().messages[message.index()].octets.clone();
    match (store.refusal.get(), store.chunk.get()) {
        (Some(refusal), _) => retrieve.refuse(refusal),
        (None, 0) => retrieve.send(octets),
        (None, chunk) => {
            let chunks = (0..octets.len()).step_by(chunk);
            let chunks = chunks.map(|at| octets.slice(at..octets.len().min(at + chunk))).collect();
            retrieve.begin((chunks, store.fail_after.get()));
        }
    }
}
