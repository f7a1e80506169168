//! What there is to remember while a plan to fetch is carried out. It has no I/O and no store: it hands out what the store is to do, and is
//! told what has come of that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::io;
use std::mem::take;

use pop3_proto::client::{self, Choice, Closed, Event, Fetch, ListedMessage, Progress};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::BoxError;

use crate::Error;

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

/// What the store is to do.
pub(crate) enum Task {
    Begin(ListedMessage),
    Save(ListedMessage),
    SaveHeader(ListedMessage),
    Sync,
    Forget(Vec<Vec<u8>>),
}

/// Which unique-ids are to be forgotten.
enum Meant {
    All,
    These(BTreeSet<Vec<u8>>),
    /// Those that the server lists more than once; and if its list is complete, those that it doesn't list.
    Unlisted {
        listed: BTreeMap<Vec<u8>, bool>,
        is_complete: bool,
    },
}

impl Meant {
    fn has(&self, unique_id: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::These(unique_ids) => unique_ids.contains(unique_id),
            Self::Unlisted { listed, is_complete } => *listed.get(unique_id).unwrap_or(is_complete),
        }
    }
}

struct Begun<M> {
    message: MessageNumber,
    octets: usize,
    /// `None` where it can't be stored.
    file: Option<M>,
}

/// A plan on its way.
pub(crate) struct Work<M> {
    pub(crate) plan: Fetch,
    /// The messages that have begun and aren't complete, in that order.
    begun: Vec<Begun<M>>,
    /// The unique-ids that messages are stored by.
    stored_ids: BTreeSet<Vec<u8>>,
    /// Those that the server lists, and whether it does so more than once.
    listed: BTreeMap<Vec<u8>, bool>,
    /// The unique-ids of messages that are gone; `All` where one of them isn't known.
    removed: Option<Meant>,
    /// The messages that a crash may lose, and their octets.
    saved: Vec<MessageNumber>,
    octets: usize,
    /// What is to be done before anything else.
    due: Option<Task>,
    stored: usize,
    failures: Failures,
}

impl<M> Work<M> {
    pub(crate) fn new(plan: Fetch, stored: Vec<Vec<u8>>) -> Self {
        let plan = plan.nothing_stored(stored.is_empty());
        let (listed, saved, failures) = (BTreeMap::new(), Vec::new(), Failures::default());
        let (begun, stored_ids) = (Vec::new(), stored.into_iter().collect());
        Self { plan, begun, stored_ids, listed, removed: None, saved, octets: 0, due: None, stored: 0, failures }
    }

    pub(crate) fn observe(&mut self, event: &Event<'_>, mut choose: impl FnMut(&ListedMessage, bool) -> Choice) {
        let (listed, stored) = (&mut self.listed, &self.stored_ids);
        self.plan.observe(event, |message| {
            let unique_id = message.unique_id().or(message.repeated_id());
            listed.extend(unique_id.map(|id| (id.to_vec(), message.repeated_id().is_some())));
            choose(message, message.unique_id().is_some_and(|id| stored.contains(id)))
        });
    }

    pub(crate) fn task(&mut self) -> Option<Task> {
        if self.due.is_some() {
            return self.due.take();
        }
        while let Some(progress) = self.plan.progress() {
            match progress {
                Progress::Begins(it) => return Some(Task::Begin(it)),
                Progress::Complete(it) => return Some(Task::Save(it)),
                Progress::Header(it) => return Some(Task::SaveHeader(it)),
                Progress::Listed { is_complete, to_delete, .. } => {
                    let meant = Meant::Unlisted { listed: take(&mut self.listed), is_complete };
                    self.due = self.forget(&meant);
                    if to_delete > 0 {
                        return Some(Task::Sync); // a session before may have ended too soon
                    }
                    if self.due.is_some() {
                        return self.due.take();
                    }
                }
                Progress::Removed(it) => self.removed(&it),
                Progress::Unproven(it) => {
                    drop(self.take(&it));
                    self.failures.add_unproven(it.message());
                }
                other => self.failures.add(&other),
            }
        }
        self.removed.take().and_then(|meant| self.forget(&meant))
    }

    fn forget(&mut self, meant: &Meant) -> Option<Task> {
        let (forgotten, stored): (BTreeSet<_>, _) =
            take(&mut self.stored_ids).into_iter().partition(|id| meant.has(id));
        self.stored_ids = stored;
        if forgotten.is_empty() { None } else { Some(Task::Forget(forgotten.into_iter().collect())) }
    }

    fn removed(&mut self, it: &ListedMessage) {
        let unique_id = it.unique_id().or(it.repeated_id());
        match (self.removed.get_or_insert(Meant::These(BTreeSet::new())), unique_id) {
            (Meant::These(unique_ids), Some(unique_id)) => _ = unique_ids.insert(unique_id.to_vec()),
            (removed, _) => *removed = Meant::All, // any may be its own
        }
    }

    /// Takes a message that has begun. An error is one that the next message would meet with too: no more are asked for.
    pub(crate) fn begun(&mut self, it: &ListedMessage, begun: Result<M, BoxError>) {
        let file = begun.map_err(|error| self.finish(Some(it.message()), &error)).ok();
        self.begun.push(Begun { message: it.message(), octets: 0, file });
    }

    /// The message that has begun last, if it can be stored.
    pub(crate) fn last(&mut self) -> Option<&mut M> {
        self.begun.last_mut()?.file.as_mut()
    }

    /// Takes note of octets of it that were written.
    pub(crate) fn written(&mut self, octets: usize, written: io::Result<()>) {
        let Some(begun) = self.begun.last_mut() else { return };
        begun.octets += octets;
        if let Err(error) = written {
            begun.file = None;
            let message = begun.message;
            self.finish(Some(message), &error);
        }
    }

    /// Gives a message that was begun, if it can be stored.
    pub(crate) fn take(&mut self, it: &ListedMessage) -> Option<M> {
        let place = self.begun.iter().position(|begun| begun.message == it.message())?;
        let begun = self.begun.remove(place);
        self.octets += begun.octets;
        begun.file
    }

    /// Takes note of what has come of saving a message; `None` where there was no room for it.
    pub(crate) fn saved(&mut self, it: &ListedMessage, saved: Option<Result<(), BoxError>>) {
        match saved {
            Some(Ok(())) => {
                self.saved.push(it.message());
                self.stored_ids.extend(it.unique_id().map(Vec::from));
            }
            None => self.plan.keep(it.message()),
            Some(Err(error)) => {
                self.failures.add(&format_args!("message {}: {error}", it.message()));
                self.plan.keep(it.message());
            }
        }
        if self.saved.len() >= MOST_SAVED || self.octets >= MOST_OCTETS {
            self.sync();
        }
    }

    /// Has what is saved made safe next, if anything is. Returns whether it is.
    pub(crate) fn sync(&mut self) -> bool {
        self.octets = 0;
        let is_due = !self.saved.is_empty();
        if is_due {
            self.due = Some(Task::Sync);
        }
        is_due
    }

    /// Decides on what is saved, now that it is safe or can't be made safe. What a session before has saved is no matter of this
    /// plan: its error is returned.
    pub(crate) fn synced(&mut self, synced: Result<(), BoxError>, deletes: bool) -> Result<(), BoxError> {
        if self.saved.is_empty() {
            return synced;
        }
        let saved = take(&mut self.saved);
        let is_safe = synced.map_err(|error| self.finish(None, &error)).is_ok();
        self.stored += if is_safe { saved.len() } else { 0 };
        for message in saved {
            if is_safe && deletes { self.plan.delete(message) } else { self.plan.keep(message) }
        }
        Ok(())
    }

    /// Takes note of an error of a header.
    pub(crate) fn header(&mut self, it: &ListedMessage, saved: Result<(), BoxError>) {
        if let Err(error) = saved {
            self.finish(Some(it.message()), &error);
        }
    }

    fn finish(&mut self, message: Option<MessageNumber>, error: &dyn Display) {
        match message {
            Some(message) => self.failures.add(&format_args!("message {message}: {error}")),
            None => self.failures.add(error),
        }
        self.plan.finish();
    }

    /// Returns what has come of the plan, or what has gone wrong.
    pub(crate) fn result(self, how: Result<Closed, client::Error>, error: Error) -> Result<Fetched, Error> {
        if how != Ok(Closed::Quit(Removal::All)) {
            return Err(self.failures.or(error));
        }
        self.failures.check(None)?;
        Ok(Fetched { stored: self.stored, removed: self.plan.deletions(), unfetched: self.plan.unfetched() })
    }

    /// These failures, if there are any, and why the session has ended.
    pub(crate) fn failed(self, error: impl Into<Error>) -> Error {
        self.failures.or(error.into())
    }
}

/// What went wrong, in one line.
#[derive(Default)]
struct Failures {
    line: String,
    count: usize,
    /// The message that may not be whole and was asked for last, and how many before it may not be either.
    unproven: Option<(MessageNumber, usize)>,
}

impl Failures {
    /// How many are shown.
    const MOST: usize = 10;

    fn add(&mut self, failure: &dyn Display) {
        self.count += 1;
        if self.count <= Self::MOST {
            self.append(failure);
        }
    }

    fn add_unproven(&mut self, message: MessageNumber) {
        self.unproven = Some((message, self.unproven.map_or(0, |(_, before)| before + 1)));
    }

    fn append(&mut self, failure: &dyn Display) {
        let semicolon = if self.line.is_empty() { "" } else { "; " };
        let _ = write!(self.line, "{semicolon}{failure}");
    }

    /// An error if there are any; `end` is why the session has ended early.
    fn check(mut self, end: Option<&Error>) -> Result<(), Error> {
        if self.count > Self::MOST {
            self.append(&format_args!("and {} more", self.count - Self::MOST));
        }
        if let Some((message, before)) = self.unproven {
            let others = if before > 0 { format!(", nor may {before} before it") } else { String::new() };
            self.append(&format_args!("message {message} may not be whole{others}"));
        }
        if self.line.is_empty() {
            return Ok(());
        }
        if let Some(end) = end {
            self.append(end);
        }
        Err(Error::Unfinished(self.line))
    }

    /// These, if there are any, and how the session has ended.
    fn or(self, error: Error) -> Error {
        self.check(Some(&error)).err().unwrap_or(error)
    }
}
