//! The messages that aren't here yet, from the server into a directory. All stay on the server.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pop3_proto::client::{Choice, Event, Fetch, Progress, SendError, Session, Wanted, What};
use pop3_proto::wire::Verb;

use super::Result;
use super::failure::{Failures, excerpt, said};
use super::note::Account;
use super::store::{Store, StoreError};

pub(crate) struct Download {
    plan: Fetch,
    store: Store,
    current: Option<Current>,
    /// The message that was answered last, for error messages.
    last: Option<String>,
    /// Shown only where stderr is a terminal.
    bar: ProgressBar,
}

/// The message that has begun.
struct Current {
    name: String,
    /// Whether it can't be stored; what still comes of it is dropped.
    is_broken: bool,
}

impl Download {
    pub(crate) fn new(directory: &Path, account: Account) -> Result<Self> {
        let store = Store::open(directory, account)?;
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} messages, {elapsed}")?);
        Ok(Self { plan: Fetch::first(), store, current: None, last: None, bar })
    }

    /// Asks for what can be asked for now. `false` when all is done.
    pub(crate) fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        self.plan.advance(session)
    }

    /// Takes note of what the server has said. An error ends the program: the others would meet with it too.
    pub(crate) fn observe(&mut self, event: &Event<'_>, failures: &mut Failures) -> Result<()> {
        let store = &self.store;
        let judge = |id: &[u8]| if store.has(id) { Choice::Keep } else { Choice::Fetch };
        self.plan.observe(event, judge);
        while let Some(progress) = self.plan.progress() {
            self.take(progress, event, failures)?;
        }
        Ok(())
    }

    fn take(&mut self, progress: Progress, event: &Event<'_>, failures: &mut Failures) -> Result<()> {
        match progress {
            Progress::Listed { to_fetch, .. } => {
                self.store.claim()?;
                self.bar.set_length(to_fetch as u64);
            }
            Progress::Begins(wanted) => {
                self.current = Some(Current { name: name_of(&wanted), is_broken: false });
                let begun = self.store.begin();
                self.check(begun, failures)?;
            }
            Progress::Complete(wanted) => {
                if !self.is_broken() {
                    let kept = self.keep(&wanted);
                    self.check(kept, failures)?;
                }
                self.plan.keep(wanted.message());
                self.bar.inc(1);
                self.last = self.current.take().map(|current| current.name);
            }
            Progress::Refused(wanted, _) => {
                failures.add_message(name_of(&wanted), &why(event));
                self.last = Some(name_of(&wanted));
            }
            Progress::ListRefused(_) => {
                let verb = event.verb().unwrap_or(Verb::Uidl);
                failures.add(format!("no list of messages: {verb}: {}", why(event)));
            }
            Progress::LeftOut(message) => failures.add(format!("message {message} and more: the list is too long")),
            // It is what the event says, and the job has looked at that.
            _ => {}
        }
        Ok(())
    }

    /// Stores the message that is complete.
    fn keep(&mut self, wanted: &Wanted) -> Result<(), StoreError> {
        match (wanted.unique_id(), wanted.repeated_id()) {
            (Some(id), _) => self.store.keep(id),
            // It is fetched in each session, since only its octets tell which of them it is.
            (None, Some(id)) => self.store.keep_nameless(id, true),
            // Without unique-ids the number has to do.
            (None, None) => self.store.keep_nameless(wanted.message().to_string().as_bytes(), false),
        }
    }

    /// Takes a part of the message that has begun.
    pub(crate) fn body(&mut self, octets: &[u8], failures: &mut Failures) -> Result<()> {
        if self.is_broken() {
            return Ok(());
        }
        let written = self.store.write(octets);
        self.check(written, failures)
    }

    fn is_broken(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.is_broken)
    }

    /// Takes note of an error that concerns one message; returns one that concerns all of them.
    fn check(&mut self, stored: Result<(), StoreError>, failures: &mut Failures) -> Result<()> {
        let (Err(error), Some(current)) = (stored, &mut self.current) else { return Ok(()) };
        if error.concerns_all() {
            return Err(format!("message {}: {error}", current.name).into());
        }
        current.is_broken = true;
        failures.add_message(current.name.clone(), &error);
        self.store.abandon();
        Ok(())
    }

    /// Where it is when an answer to RETR fails to come.
    pub(crate) fn place(&self) -> String {
        match (&self.current, &self.last) {
            (Some(current), _) => format!("message {}: RETR", current.name),
            (None, Some(last)) => format!("RETR after message {last}"),
            (None, None) => "RETR".to_owned(),
        }
    }

    /// The message that was answered last.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// The session is over.
    pub(crate) fn end(&self) -> Result<()> {
        self.bar.finish_and_clear();
        Ok(self.store.end()?)
    }
}

/// A message for people: its number, and its unique-id if it has one.
fn name_of(wanted: &Wanted) -> String {
    match wanted.unique_id().or(wanted.repeated_id()) {
        Some(id) => format!("{} ({})", wanted.message(), excerpt(id)),
        None => wanted.message().to_string(),
    }
}

fn why(event: &Event<'_>) -> String {
    if let What::Failed(response) = event.what() { said(&response) } else { String::new() }
}
