//! The messages that aren't here yet, from the server into a directory. They stay on the server, unless what is stored whole is
//! to be deleted.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pop3_proto::client::{Closed, Error, Event, EventKind, Fetch, ListedMessage, Progress, Session};
use pop3_proto::wire::Verb;

use super::Result;
use super::failure::{Failures, excerpt, said};
use super::note::Account;
use super::store::{Kept, Store, StoreError};
use super::taking::{Chooser, Taking};

/// How many messages are asked for ahead of their answers: the server may be far away, and messages are small.
pub(crate) const AHEAD: u32 = 256;

pub(crate) struct Download {
    plan: Fetch,
    store: Store,
    chooser: Chooser,
    deletes: bool,
    /// The message that has begun and not ended.
    current: Option<ListedMessage>,
    /// The message that was answered last, for error messages.
    last: Option<String>,
    /// Shown only where stderr is a terminal.
    bar: ProgressBar,
}

impl Download {
    pub(crate) fn new(directory: &Path, account: Account, without_unique_ids: bool, taking: Taking) -> Result<Self> {
        let store = Store::open(directory, account)?;
        let plan = if without_unique_ids { Fetch::without_unique_ids() } else { Fetch::new() };
        let plan = plan.nothing_stored(store.has_no_unique_ids());
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} messages, {elapsed}")?);
        let (plan, deletes) = (taking.plan(plan).ahead(AHEAD as usize), taking.delete);
        let chooser = Chooser::new(taking);
        Ok(Self { plan, store, chooser, deletes, current: None, last: None, bar })
    }

    /// Stores what has waited for long enough, and asks for what can be asked for now. `false` when all is done.
    pub(crate) fn advance(&mut self, session: &mut Session, failures: &mut Failures) -> Result<bool> {
        self.store_if_due(failures)?;
        Ok(self.plan.advance(session)?)
    }

    /// Takes note of what the server has said. An error ends the program: the others would meet with it too.
    pub(crate) fn observe(&mut self, event: &Event<'_>, failures: &mut Failures) -> Result<()> {
        let (chooser, store) = (&mut self.chooser, &mut self.store);
        self.plan.observe(event, |message| chooser.choose(message, store));
        let ends = matches!(event.kind(), EventKind::Ends);
        if let Some(ended) = self.current.take_if(|_| ends) {
            let closed = self.store.end_message();
            self.check(closed, &ended, failures)?;
            self.last = Some(name_of(&ended));
            self.bar.inc(1);
        }
        while let Some(progress) = self.plan.progress() {
            self.take(progress, event, failures)?;
        }
        self.store_if_due(failures)
    }

    fn take(&mut self, progress: Progress, event: &Event<'_>, failures: &mut Failures) -> Result<()> {
        match progress {
            Progress::Listed { to_fetch, is_complete, .. } => {
                self.store.listed(is_complete)?;
                self.bar.set_length(to_fetch as u64);
                if self.chooser.unknown > 0 {
                    let (messages, plural) = (self.chooser.unknown, if self.chooser.unknown == 1 { "" } else { "s" });
                    failures.add(format!("LIST does not show how large {messages} message{plural} are: not fetched"));
                }
            }
            Progress::Begins(wanted) => {
                let begun = self.store.begin(wanted.message());
                self.check(begun, &wanted, failures)?;
                self.current = Some(wanted);
            }
            Progress::Complete(wanted) => self.complete(wanted),
            Progress::Header(wanted) => _ = self.store.keep_header(wanted),
            Progress::Removed(wanted) => self.store.removed(wanted.unique_id().or(wanted.repeated_id())),
            Progress::NotDeleted(wanted, refused) => {
                let why = refused.map_or_else(|| NOT_ALONE.to_owned(), |_| format!("DELE: {}", why(event)));
                failures.add_message(name_of(&wanted), &why);
            }
            Progress::OutOfStep if self.deletes => {
                failures.add("STAT is not answered as at the beginning: nothing is deleted".to_owned());
            }
            Progress::Unproven(wanted) => {
                self.store.abandon(wanted.message());
                if self.last() == Some(name_of(&wanted)) {
                    self.store.fetch_last(&wanted)?;
                }
                failures.add_message(name_of(&wanted), &UNPROVEN);
            }
            Progress::Refused(wanted, _) => {
                failures.add_message(name_of(&wanted), &why(event));
                self.last = Some(name_of(&wanted));
            }
            Progress::ListRefused(_) => {
                let verb = event.verb().unwrap_or(Verb::Uidl);
                let way_out = if verb == Verb::Uidl { "; --no-uidl fetches everything" } else { "" };
                failures.add(format!("{verb}: {}; nothing is fetched{way_out}", why(event)));
            }
            Progress::Unlisted(messages) => {
                let plural = if messages == 1 { "" } else { "s" };
                failures.add(format!(
                    "the server lists {messages} message{plural} less than STAT counts; the others are fetched"
                ));
            }
            Progress::LeftOut(message) => failures.add(format!("message {message} and more: the list is too long")),
            // It is what the event says, and the job has looked at that. Or the server counts less than it did, as some do
            // after RETR: nothing is lost by that where nothing is deleted.
            _ => {}
        }
        Ok(())
    }

    fn complete(&mut self, wanted: ListedMessage) {
        let message = wanted.message();
        if !self.store.keep(wanted) {
            self.plan.keep(message);
        }
    }

    /// Stores what is kept, and says to the plan what becomes of it on the server. Whether there was anything.
    pub(crate) fn store(&mut self, failures: &mut Failures) -> Result<bool> {
        let all = self.store.store()?;
        let is_any = !all.is_empty();
        for Kept { wanted, is_header, stored } in all {
            let message = wanted.message();
            let is_stored = stored.is_ok();
            self.check(stored, &wanted, failures)?;
            if is_stored && self.deletes && !is_header {
                self.plan.delete(message);
            } else {
                self.plan.keep(message);
            }
        }
        Ok(is_any)
    }

    fn store_if_due(&mut self, failures: &mut Failures) -> Result<()> {
        if self.store.is_due() { self.store(failures).map(drop) } else { Ok(()) }
    }

    /// Whether QUIT is to delete something.
    pub(crate) fn has_deletions(&self) -> bool {
        self.plan.deletions() > 0
    }

    /// Takes a part of the message that has begun.
    pub(crate) fn body(&mut self, octets: &[u8], failures: &mut Failures) -> Result<()> {
        let Err(error) = self.store.write(octets) else { return self.store_if_due(failures) };
        self.current.clone().map_or(Ok(()), |current| self.check(Err(error), &current, failures))
    }

    /// Takes note of an error that concerns one message; returns one that concerns all of them.
    fn check(&mut self, stored: Result<(), StoreError>, wanted: &ListedMessage, failures: &mut Failures) -> Result<()> {
        let Err(error) = stored else { return Ok(()) };
        if error.concerns_all() {
            return Err(format!("message {}: {error}", name_of(wanted)).into());
        }
        self.store.abandon(wanted.message());
        failures.add_message(name_of(wanted), &error);
        Ok(())
    }

    /// Where it is when an answer to RETR or TOP fails to come.
    pub(crate) fn place(&self, verb: Verb) -> String {
        match (&self.current, &self.last) {
            (Some(current), _) => format!("message {}: {verb}", name_of(current)),
            (None, Some(last)) => format!("{verb} after message {last}"),
            (None, None) => verb.to_string(),
        }
    }

    /// The message that was answered last.
    pub(crate) fn last(&self) -> Option<String> {
        self.current.as_ref().map(name_of).or_else(|| self.last.clone())
    }

    /// The session is over. Gives the messages that aren't known to be whole, but for the one that it broke at.
    pub(crate) fn end(&mut self, how: Option<&Result<Closed, Error>>, failures: &mut Failures) -> Result<Vec<String>> {
        self.bar.finish_and_clear();
        let mut unproven = Vec::new();
        if let Some(how) = how {
            self.plan.end(how);
        }
        while let Some(progress) = self.plan.progress() {
            match progress {
                Progress::Complete(wanted) => self.complete(wanted),
                Progress::Header(wanted) => _ = self.store.keep_header(wanted),
                Progress::NotDeleted(wanted, _) => failures.add_message(name_of(&wanted), &NOT_ALONE),
                Progress::Unproven(wanted) => {
                    self.store.abandon(wanted.message());
                    unproven.push(wanted);
                }
                _ => {}
            }
        }
        self.store(failures)?;
        if let Some(broken) = unproven.pop() {
            self.store.fetch_last(&broken)?;
            self.current = Some(broken);
        }
        self.store.end()?;
        Ok(unproven.iter().map(name_of).collect())
    }
}

/// Why a message isn't stored though all of it may have come.
pub(crate) const UNPROVEN: &str = "the server did not show that this is all of it";

/// Why a message that is stored isn't deleted.
const NOT_ALONE: &str = "another message has its unique-id, and is not stored";

/// A message for people: its number, and its unique-id if it has one.
fn name_of(wanted: &ListedMessage) -> String {
    match wanted.unique_id().or(wanted.repeated_id()) {
        Some(id) => format!("{} ({})", wanted.message(), excerpt(id)),
        None => wanted.message().to_string(),
    }
}

fn why(event: &Event<'_>) -> String {
    if let EventKind::Failed(response) = event.kind() { said(&response) } else { String::new() }
}
