//! A plan to fetch, carried out for a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use pop3_proto::client::{Action, Choice, Closed, Event, Fetch, ListedMessage, Progress, SendError};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::wire::State;

use super::client::Client;
use super::transfer::Stream;
use crate::Error;

/// The messages of one account, which are stored by unique-id. Another account may have the same unique-ids, for other messages; an
/// account is a name at a host, by whatever port it is reached.
pub trait Store {
    /// A message that has begun, with CRLF line ends. To drop it is to throw away what there is of it.
    type Message: Write;

    /// Returns whether a message is stored by a unique-id: one that was [saved](Self::save) by it, and neither forgotten nor
    /// discarded since, in any session. If that can't be found out, a message that is fetched again loses nothing.
    fn has(&self, unique_id: &[u8]) -> bool;

    /// Returns whether messages are deleted on the server once they are stored. If not, they are fetched once all the same, as
    /// long as they are [there](Self::has).
    fn deletes(&self) -> bool {
        true
    }

    /// Chooses what to do with a message, before the first is fetched. This is the place to look at its octets.
    ///
    /// A message at which every session breaks off keeps those after it from being fetched. A store that remembers which message
    /// [had begun](Self::begin) when a session broke off chooses [`Choice::Last`] for it in the next one.
    fn choose(&mut self, message: &ListedMessage) -> Choice {
        match message.unique_id().is_some_and(|unique_id| self.has(unique_id)) {
            true if self.deletes() => Choice::Delete,
            true => Choice::Stored,
            false => Choice::Fetch,
        }
    }

    /// Begins a message.
    ///
    /// # Errors
    /// Those of the store. No more messages are asked for then.
    fn begin(&mut self) -> io::Result<Self::Message>;

    /// Stores a message, which is complete. It has a unique-id if that can serve as a name. None with that name is there; never
    /// replace one by another. Nothing is deleted on the server before [`sync`](Self::sync), but a crash may come before it, so
    /// store by a unique-id only what is whole on the disk.
    ///
    /// # Errors
    /// Those of the store. The message stays on the server then.
    fn save(&mut self, message: Self::Message, unique_id: Option<&[u8]>) -> io::Result<()>;

    /// Waits until no crash may lose what is [saved](Self::save), also what a session before has saved: messages are deleted on
    /// the server after this. That is done for many messages at once, since a disk takes as long for one: at the latest after
    /// 128, or 4 MiB of them, and at the end. A store that waits in `save` has nothing to do here.
    ///
    /// # Errors
    /// Those of the store. What was saved since the last call stays on the server, and no more messages are asked for. Before the
    /// first message is fetched they end the session without QUIT.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Takes the header of a message, where [`Choice::Header`] was chosen. It never counts as stored.
    ///
    /// # Errors
    /// Those of the store.
    fn save_header(&mut self, header: Self::Message, message: &ListedMessage) -> io::Result<()> {
        let _ = (header, message);
        Ok(())
    }

    /// Forgets all unique-ids that `is_meant` is true for, and no message: the server may give them to other messages from now
    /// on. The stored ones get other names.
    ///
    /// # Errors
    /// Those of the store. They end the session without QUIT.
    fn forget(&mut self, is_meant: &dyn Fn(&[u8]) -> bool) -> io::Result<()>;

    /// Throws away what was saved by a unique-id in this session, if anything was: it may not be the whole message.
    ///
    /// # Errors
    /// Those of the store. They end the session without QUIT.
    fn discard(&mut self, unique_id: &[u8]) -> io::Result<()>;
}

/// How many messages are saved before they are made safe, and how many octets.
const MOST_SAVED: usize = 128;
const MOST_OCTETS: usize = 4 << 20;

/// What has come of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// How many messages are stored that weren't.
    pub stored: usize,
    /// How many are gone from the server.
    pub removed: usize,
    /// How many are left for another session: see [`Fetch::unfetched`].
    pub unfetched: usize,
}

impl<S: Stream> Client<S> {
    /// Carries a plan out, once the client is logged in, and quits. What is complete is stored before it is deleted, and a
    /// connection that breaks loses nothing: the next session goes on.
    ///
    /// # Errors
    /// [`Error::Unfinished`] where some messages can't be had, stored or deleted; the others are. [`Error::Sink`] where the store
    /// can't forget or discard, or make safe what an earlier session has saved. Others where the session ends early; what is stored by then is deleted in the next one.
    pub fn fetch<T: Store>(mut self, plan: Fetch, store: &mut T) -> Result<Fetched, Error> {
        if self.session.state() != Some(State::Transaction) {
            return Err(SendError::WrongState.into());
        }
        let mut work = Work::new(plan, store);
        let (how, error) = loop {
            if let Err(error) = work.plan.advance(&mut self.session) {
                return Err(work.failures.or(error.into()));
            }
            let lost = self.next().err();
            match self.session.poll(self.start.elapsed()) {
                Ok(Action::Event(event)) => {
                    work.observe(&event);
                    event.done();
                }
                Ok(Action::Body(body)) => {
                    work.write(body.as_bytes());
                    body.done();
                }
                // The plan waits to be told about these.
                Ok(Action::Idle(_)) if !work.saved.is_empty() => work.sync(),
                Ok(Action::Closed(closed)) => break (Ok(closed), Error::Closed(closed)),
                Ok(other) => other.decline(),
                Err(error) => break (Err(error), lost.unwrap_or(error.into())),
            }
            work.take().map_err(Error::Sink)?;
        };
        work.plan.end(&how);
        work.take().map_err(Error::Sink)?;
        work.sync();
        if how != Ok(Closed::Quit(Removal::All)) {
            return Err(work.failures.or(error));
        }
        let _ = self.stream.shut_down(); // the server may be gone
        work.failures.check()?;
        Ok(Fetched { stored: work.stored, removed: work.plan.deletions(), unfetched: work.plan.unfetched() })
    }
}

/// A plan on its way.
struct Work<'a, T: Store> {
    plan: Fetch,
    store: &'a mut T,
    /// The message that has begun; `None` where it can't be stored.
    message: Option<T::Message>,
    /// The unique-ids that the server lists, and whether it does so more than once.
    listed: BTreeMap<Vec<u8>, bool>,
    /// The messages that a crash may lose, and the octets that were written since the others are safe.
    saved: Vec<MessageNumber>,
    octets: usize,
    stored: usize,
    failures: Failures,
}

impl<'a, T: Store> Work<'a, T> {
    fn new(plan: Fetch, store: &'a mut T) -> Self {
        let (listed, failures) = (BTreeMap::new(), Failures::default());
        Self { plan, store, message: None, listed, saved: Vec::new(), octets: 0, stored: 0, failures }
    }

    fn observe(&mut self, event: &Event<'_>) {
        let (store, listed) = (&mut *self.store, &mut self.listed);
        self.plan.observe(event, |message| {
            let unique_id = message.unique_id().or(message.repeated_id());
            listed.extend(unique_id.map(|id| (id.to_vec(), message.repeated_id().is_some())));
            store.choose(message)
        });
    }

    fn write(&mut self, octets: &[u8]) {
        self.octets += octets.len();
        let written = self.message.as_mut().map_or(Ok(()), |message| message.write_all(octets));
        self.check(written);
    }

    /// Takes note of an error that the next message would meet with too: no more are asked for.
    fn check<R>(&mut self, result: io::Result<R>) -> Option<R> {
        result
            .map_err(|error| {
                self.failures.add(&error);
                self.message = None;
                self.plan.finish();
            })
            .ok()
    }

    /// Takes what has come of the plan.
    fn take(&mut self) -> io::Result<()> {
        let (mut removed, mut any) = (BTreeSet::new(), false);
        while let Some(progress) = self.plan.progress() {
            match progress {
                Progress::Begins(_) => {
                    let begun = self.store.begin();
                    self.message = self.check(begun);
                }
                Progress::Complete(it) => self.save(&it),
                Progress::Header(it) => {
                    let header = self.message.take().map_or(Ok(()), |header| self.store.save_header(header, &it));
                    self.check(header);
                }
                Progress::Listed { is_complete, to_delete, .. } => {
                    if to_delete > 0 {
                        // A session before may have ended too soon.
                        self.store.sync()?;
                    }
                    let listed = std::mem::take(&mut self.listed);
                    self.store.forget(&|unique_id| *listed.get(unique_id).unwrap_or(&is_complete))?;
                }
                Progress::Removed(it) => match it.unique_id().or(it.repeated_id()) {
                    Some(unique_id) => _ = removed.insert(unique_id.to_vec()),
                    None => any = true, // any may be its own
                },
                Progress::Unproven(it) => {
                    self.message = None;
                    self.failures.add(&Progress::Unproven(it.clone()));
                    it.unique_id().map_or(Ok(()), |unique_id| self.store.discard(unique_id))?;
                }
                other => self.failures.add(&other),
            }
        }
        if any || !removed.is_empty() {
            self.store.forget(&|unique_id| any || removed.contains(unique_id))
        } else {
            Ok(())
        }
    }

    fn save(&mut self, it: &ListedMessage) {
        let Some(message) = self.message.take() else { return self.plan.keep(it.message()) };
        match self.store.save(message, it.unique_id()) {
            Ok(()) => self.saved.push(it.message()),
            Err(error) => {
                self.failures.add(&format_args!("message {}: {error}", it.message()));
                self.plan.keep(it.message());
            }
        }
        if self.saved.len() >= MOST_SAVED || self.octets >= MOST_OCTETS {
            self.sync();
        }
    }

    /// Has what is saved made safe, and decides on it.
    fn sync(&mut self) {
        let saved = std::mem::take(&mut self.saved);
        self.octets = 0;
        if saved.is_empty() {
            return;
        }
        let synced = self.store.sync();
        let is_safe = self.check(synced).is_some();
        self.stored += if is_safe { saved.len() } else { 0 };
        let deletes = is_safe && self.store.deletes();
        for message in saved {
            if deletes { self.plan.delete(message) } else { self.plan.keep(message) }
        }
    }
}

/// What went wrong without ending the session, in one line.
#[derive(Default)]
struct Failures {
    line: String,
    count: usize,
}

impl Failures {
    /// How many are shown.
    const MOST: usize = 10;

    fn add(&mut self, failure: &dyn Display) {
        self.count += 1;
        if self.count <= Self::MOST {
            let comma = if self.count > 1 { "; " } else { "" };
            let _ = write!(self.line, "{comma}{failure}");
        }
    }

    fn check(mut self) -> Result<(), Error> {
        if self.count > Self::MOST {
            let _ = write!(self.line, "; and {} more", self.count - Self::MOST);
        }
        if self.count > 0 { Err(Error::Unfinished(self.line)) } else { Ok(()) }
    }

    /// These, if there are any, and how the session has ended.
    fn or(mut self, error: Error) -> Error {
        if self.count == 0 {
            return error;
        }
        self.add(&error);
        self.check().err().unwrap_or(error)
    }
}
