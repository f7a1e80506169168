//! A program that fetches mail as `src/manual/fetch_minimal.rs` does, with a mind of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Choice, Closed, Config, Error, Fetch, ListedMessage, Progress, SendError, Session};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Name, Password};
use pop3_proto::{Io, Read, Security};

use super::case::{End, Visit};
use super::list::List;
use super::server::{self, Retrieved, Server};
use super::store::{Store, Stored};

#[derive(Debug)]
pub enum Ended {
    /// The program has died.
    Died,
    Over(Result<Closed, Error>),
}

pub struct Caller<'a, 's> {
    pub visit: &'a Visit,
    store: &'s mut Store,
    pub server: Server<'a>,
    session: Session,
    pub fetch: Fetch,
    /// A part of a line that isn't written to its end.
    unfinished: Vec<u8>,
    time: Duration,
    /// What has come of messages that aren't complete, in the order in which they have begun.
    begun: Vec<(u32, Vec<u8>)>,
    /// What is complete and isn't stored, and what isn't decided on.
    unsaved: VecDeque<(ListedMessage, Vec<u8>)>,
    undecided: BTreeSet<u32>,
    /// The messages that it was asked about, in that order.
    pub listed: Vec<u32>,
    /// What is listed where only what is new is looked for.
    pub partial: Option<List>,
    /// What was chosen for each unique-id.
    pub choices: BTreeMap<Vec<u8>, Choice>,
    /// The unique-ids that are listed more than once.
    repeated: BTreeSet<Vec<u8>>,
    /// What was told, with the octets of what is complete.
    pub told: Vec<(Progress, Vec<u8>)>,
    /// Messages of which something is stored that isn't all.
    pub tainted: BTreeSet<u32>,
    /// The unique-ids that they are stored by.
    pub tainted_ids: BTreeSet<Vec<u8>>,
    /// The most RETR that may be written.
    pub most_retrieved: usize,
}

impl<'a, 's> Caller<'a, 's> {
    pub fn new(visit: &'a Visit, store: &'s mut Store, server: Server<'a>) -> Self {
        let whims = &visit.whims;
        let fetch = match () {
            () if whims.without_unique_ids => Fetch::without_unique_ids(),
            () => Fetch::new().nothing_stored(store.is_new()),
        };
        let fetch = whims.ahead().into_iter().fold(fetch, Fetch::ahead);
        let fetch = whims.most().into_iter().fold(fetch, Fetch::at_most);
        let fetch = if whims.is_newest_first() { fetch.newest_first() } else { fetch };
        let fetch = if whims.looks_for_new() { fetch.after_known(store.ids()) } else { fetch };
        let fetch = if whims.with_octets() { fetch.with_octets() } else { fetch };
        let config = Config::new();
        let small = |config: Config| config.queue(510).and_then(|config| config.window(512));
        let config = if whims.is_small { small(config).expect("a configuration") } else { config };
        let mut session = Session::new(config.into(), Security::TrustedLocal);
        session.send(&Command::Capa).expect("a command");
        session.send(&Command::User { name: Name::new("mrose").expect("a name") }).expect("a command");
        session.send(&Command::Pass { password: Password::new("tanstaaf").expect("a password") }).expect("a command");
        Self {
            visit,
            store,
            server,
            session,
            fetch,
            unfinished: Vec::new(),
            time: Duration::ZERO,
            begun: Vec::new(),
            unsaved: VecDeque::new(),
            undecided: BTreeSet::new(),
            listed: Vec::new(),
            partial: None,
            choices: BTreeMap::new(),
            repeated: BTreeSet::new(),
            told: Vec::new(),
            tainted: BTreeSet::new(),
            tainted_ids: BTreeSet::new(),
            most_retrieved: usize::MAX,
        }
    }

    pub fn run(&mut self, pace: &mut dyn Iterator<Item = u8>) -> Ended {
        let how = loop {
            match self.drive(pace) {
                None => {}
                Some(Ended::Died) => return Ended::Died,
                Some(Ended::Over(how)) => break how,
            }
        };
        self.fetch.end(&how);
        self.take();
        self.save(0);
        Ended::Over(how)
    }

    /// Goes on until the session ends, for a number of steps that has a bound.
    fn drive(&mut self, pace: &mut dyn Iterator<Item = u8>) -> Option<Ended> {
        let whims = self.visit.whims;
        for step in 1_u32..100_000 {
            if step == whims.dies.into() {
                return Some(Ended::Died);
            }
            if step == whims.finishes.into() {
                self.fetch.finish();
                // One may be written in part.
                self.most_retrieved = self.server.retrieved.len() + usize::from(!self.unfinished.is_empty());
            }
            if whims.meddles {
                self.meddle(1 + step % 9);
            }
            self.save(whims.batch.into());
            match self.fetch.advance(&mut self.session) {
                Ok(goes_on) => assert_eq!(self.fetch.advance(&mut self.session), Ok(goes_on)),
                Err(error) => {
                    assert_eq!(error, SendError::Over);
                    // It closes the connection.
                    return Some(if whims.is_brittle { Ended::Died } else { Ended::Over(Err(Error::TransportFailed)) });
                }
            }
            self.take();
            if let Some(ended) = self.step(pace.next()) {
                return Some(ended);
            }
            self.take();
        }
        panic!("no end: {:?}", self.told);
    }

    /// Says something about a message that isn't to be decided on.
    fn meddle(&mut self, number: u32) {
        let Some(message) = MessageNumber::new(number).filter(|_| !self.undecided.contains(&number)) else { return };
        self.fetch.keep(message);
        self.fetch.delete(message);
    }

    fn step(&mut self, pace: Option<u8>) -> Option<Ended> {
        let whims = self.visit.whims;
        let pace = pace.unwrap_or(u8::MAX);
        let (most, reads_first, drops) = match pace {
            u8::MAX => (usize::MAX, false, false),
            pace => (usize::from(pace % 64), pace & 64 != 0, pace & 128 != 0),
        };
        let action = match self.session.poll(self.time) {
            Ok(action) => action,
            Err(error) => return Some(Ended::Over(Err(error))),
        };
        match action {
            Action::Closed(closed) => return Some(Ended::Over(Ok(closed))),
            _ if drops => {}
            Action::Io(Io::Write(write)) if reads_first && !self.server.output.is_empty() => {
                fill(write.into_read().expect("room for octets"), &mut self.server.output, most);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining().min(most);
                self.unfinished.extend(write.copy_to_bytes(octets));
                while let Some(end) = self.unfinished.iter().position(|octet| *octet == b'\n') {
                    let line: Vec<u8> = self.unfinished.drain(..=end).collect();
                    let line = std::str::from_utf8(&line).expect("a command").trim_end();
                    if self.server.fooled.is_none() && self.server.end.is_none() {
                        let waits = line == "QUIT" && !self.server.deleted.is_empty()
                            || line.starts_with("DELE") && self.server.deleted.is_empty();
                        assert!(!waits || self.server.output.is_empty(), "{line} comes before an answer");
                    }
                    self.server.receive(line);
                }
            }
            Action::Idle(_) if !self.unsaved.is_empty() && (!reads_first || self.server.end.is_none()) => self.save(0),
            Action::Idle(idle) => {
                assert!(self.server.end.is_some(), "there is nothing to wait for");
                return read(idle.into_read(), &mut self.server, most, whims.is_brittle, &mut self.time);
            }
            Action::Io(Io::Read(token)) => {
                return read(token, &mut self.server, most, whims.is_brittle, &mut self.time);
            }
            Action::Body(body) => {
                let (_, begun) = self.begun.last_mut().expect("a message that has begun");
                begun.extend_from_slice(body.as_bytes());
                body.done();
            }
            Action::Event(event) => {
                let (store, choices, repeated) = (&self.store, &mut self.choices, &mut self.repeated);
                let (server, listed) = (&self.server, &mut self.listed);
                self.fetch.observe(&event, |message| {
                    listed.push(message.message().get());
                    check_octets(server, message);
                    let Some(id) = message.unique_id().or(message.repeated_id()) else { return Choice::Fetch };
                    let sum = id.iter().map(|octet| u32::from(*octet)).sum();
                    let choice = match () {
                        () if store.has(id) && Visit::bit(whims.keeps, sum) => {
                            [Choice::Keep, Choice::Stored][id.len() % 2]
                        }
                        () if store.has(id) => Choice::Delete,
                        () => whims.choice(sum),
                    };
                    choices.insert(id.to_vec(), choice);
                    repeated.extend(message.repeated_id().map(Vec::from));
                    choice
                });
                event.done();
            }
            action => panic!("{action:?}"),
        }
        None
    }

    /// Takes what has come of the plan.
    fn take(&mut self) {
        while let Some(progress) = self.fetch.progress() {
            let mut octets = Vec::new();
            match &progress {
                Progress::Begins(wanted) => self.begun.push((wanted.message().get(), Vec::new())),
                Progress::Complete(wanted) => {
                    octets = self.begun(wanted);
                    self.undecided.insert(wanted.message().get());
                    self.unsaved.push_back((wanted.clone(), octets.clone()));
                }
                Progress::Header(wanted) => octets = self.begun(wanted),
                Progress::Unproven(wanted) => self.begun.retain(|(begun, _)| *begun != wanted.message().get()),
                Progress::Listed { is_complete, .. } => {
                    if self.server.list.is_none() && self.visit.whims.looks_for_new() {
                        self.partial = Some(List::of_new(self.server.mail, &self.listed));
                    }
                    if *is_complete {
                        self.store.forget_others(&self.choices.keys().cloned().collect());
                    }
                    self.repeated.iter().for_each(|id| self.store.forget(id));
                }
                Progress::Removed(wanted) => match wanted.unique_id().or(wanted.repeated_id()) {
                    Some(id) => self.store.forget(id),
                    None => self.store.forget_others(&BTreeSet::new()),
                },
                _ => {}
            }
            self.told.push((progress, octets));
        }
    }

    /// Gives what has come of a message.
    fn begun(&mut self, wanted: &ListedMessage) -> Vec<u8> {
        let number = wanted.message().get();
        let place = self.begun.iter().position(|(begun, _)| *begun == number).expect("a message that has begun");
        self.begun.remove(place).1
    }

    /// Stores all that is complete, if it is more than this.
    fn save(&mut self, most: usize) {
        if self.unsaved.len() <= most {
            return;
        }
        let whims = self.visit.whims;
        let backwards = whims.batch % 2 == 1;
        while let Some((wanted, octets)) = if backwards { self.unsaved.pop_back() } else { self.unsaved.pop_front() } {
            let number = wanted.message().get();
            self.undecided.remove(&number);
            if Visit::bit(whims.unstorable, number) {
                self.fetch.keep(wanted.message());
                continue;
            }
            let key = self.server.key(number);
            let is_whole = self.server.retrieved.get(&number) == Some(&Retrieved::Sent(Some(octets)));
            self.store.save(wanted.unique_id(), Stored { key: key.filter(|_| is_whole) });
            if !is_whole {
                self.tainted.extend(key);
                self.tainted_ids.extend(wanted.unique_id().map(Vec::from));
            }
            if Visit::bit(whims.keeps, number) {
                self.fetch.keep(wanted.message());
            } else {
                self.fetch.delete(wanted.message());
            }
        }
    }
}

/// The octets of a message are true where LIST was answered beside UIDL.
fn check_octets(server: &Server<'_>, message: &ListedMessage) {
    if server.by_id && server.fooled.is_none() && !server.has_strayed {
        let mail = server.mail.get(message.message().index()).filter(|_| server.has_octets);
        assert_eq!(message.octets(), mail.map(server::octets));
    }
}

/// Has a session read some octets.
fn fill(mut read: Read<'_>, octets: &mut Vec<u8>, most: usize) {
    let space = read.space();
    let length = octets.len().min(space.len()).min(most);
    space.iter_mut().zip(octets.drain(..length)).for_each(|(place, octet)| *place = octet);
    if length > 0 {
        read.filled(length);
    }
}

/// Has a session read what the server has said, or that it says nothing more.
fn read(
    mut read: Read<'_>,
    server: &mut Server<'_>,
    most: usize,
    is_brittle: bool,
    now: &mut Duration,
) -> Option<Ended> {
    match server.end {
        _ if !server.output.is_empty() => fill(read, &mut server.output, most),
        Some(End::Clean | End::Stray) => {
            read.space();
            read.filled(0);
        }
        Some(End::Reset) if is_brittle => return Some(Ended::Died),
        Some(End::Reset) => read.failed(),
        _ => {
            assert!(server.is_over() || server.fooled.is_some(), "both wait");
            *now += Duration::from_secs(86_400);
        }
    }
    None
}
