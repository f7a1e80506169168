//! The messages that aren't here yet, from the server into a directory. All stay on the server.

use std::collections::BTreeMap;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pop3_proto::client::{Choice, Event, Fetch, Progress, SendError, Session, Wanted, What};

use super::store::{Store, file_name};
use super::{Result, said};

pub(crate) struct Download {
    plan: Fetch,
    store: Store,
    /// The messages whose unique-id isn't theirs alone: the name that stands for all of them, and one of their files.
    repeated: BTreeMap<String, String>,
    /// Shown only where stderr is a terminal.
    bar: ProgressBar,
}

impl Download {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let store = Store::open(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} messages, {elapsed}")?);
        Ok(Self { plan: Fetch::first(), store, repeated: BTreeMap::new(), bar })
    }

    /// Asks for what can be asked for now. `false` when all is done.
    pub(crate) fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        self.plan.advance(session)
    }

    /// Takes note of what the server has said. Gives what to tell about messages or a list that can't be had.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Result<Option<String>> {
        let store = &self.store;
        let judge = |id: &[u8]| if store.has(&file_name(id)) { Choice::Keep } else { Choice::Fetch };
        self.plan.observe(event, judge);
        let mut failure = None;
        while let Some(progress) = self.plan.progress() {
            failure = failure.or(self.take(progress, event)?);
        }
        Ok(failure)
    }

    fn take(&mut self, progress: Progress, event: &Event<'_>) -> Result<Option<String>> {
        match progress {
            Progress::Listed { to_fetch, .. } => self.bar.set_length(to_fetch as u64),
            Progress::Begins(_) => self.store.begin()?,
            Progress::Complete(wanted) => {
                self.keep(&wanted)?;
                self.plan.keep(wanted.message());
                self.bar.inc(1);
            }
            Progress::Refused(wanted, _) => return Ok(Some(format!("message {}: {}", wanted.message(), why(event)))),
            Progress::ListRefused(_) => return Ok(Some(format!("no list of messages: {}", why(event)))),
            Progress::LeftOut(message) => return Ok(Some(format!("message {message} and more: the list is too long"))),
            // It is what the event says, and the job has looked at that.
            _ => {}
        }
        Ok(None)
    }

    /// Stores the message that is complete.
    fn keep(&mut self, wanted: &Wanted) -> Result<()> {
        if let Some(id) = wanted.repeated_id() {
            let name = file_name(id);
            let file = self.store.keep(&name, true)?;
            self.repeated.insert(name, file);
        } else {
            // Without unique-ids the number has to do.
            let name = wanted.unique_id().map_or_else(|| wanted.message().to_string(), file_name);
            self.store.keep(&name, false)?;
        }
        Ok(())
    }

    /// Takes a part of the message that has begun.
    pub(crate) fn body(&mut self, octets: &[u8]) -> Result<()> {
        Ok(self.store.write(octets)?)
    }

    /// The session is over; `has_all` says whether all that was wanted is here. Then one of the messages with the same
    /// unique-id gets that for its name, so that they aren't fetched again.
    pub(crate) fn end(&self, has_all: bool) -> Result<()> {
        self.bar.finish_and_clear();
        for (name, file) in self.repeated.iter().filter(|_| has_all) {
            self.store.rename(file, name)?;
        }
        Ok(())
    }
}

fn why(event: &Event<'_>) -> String {
    if let What::Failed(response) = event.what() { said(&response) } else { String::new() }
}
