//! The messages that aren't here yet, from the server into a directory.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pop3_proto::client::{Event, Fetch, Progress, SendError, Session, Wanted, What};

use super::store::{Store, file_name};
use super::{Result, said};

pub(crate) struct Download {
    plan: Fetch,
    store: Store,
    /// Shown only where stderr is a terminal.
    bar: ProgressBar,
}

impl Download {
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let store = Store::open(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let bar = ProgressBar::no_length();
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} messages, {elapsed}")?);
        Ok(Self { plan: Fetch::new(), store, bar })
    }

    /// Asks for what can be asked for now. `false` when all is done.
    pub(crate) fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        self.plan.advance(session)
    }

    /// Takes note of what the server has said. Gives what to tell about a message or list that can't be had.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Result<Option<String>> {
        let store = &self.store;
        match self.plan.observe(event, |unique_id| store.has(&file_name(unique_id))) {
            Progress::Listed { new } => self.bar.set_length(new as u64),
            Progress::Begins(_) => self.store.begin()?,
            Progress::Complete(wanted) => {
                self.store.keep(&name_of(&wanted), wanted.repeated)?;
                self.plan.stored(wanted.message);
                self.bar.inc(1);
            }
            Progress::Refused(wanted, _) => return Ok(Some(format!("message {}: {}", wanted.message, why(event)))),
            Progress::ListRefused(_) => return Ok(Some(format!("no list of messages: {}", why(event)))),
            // It is what the event says, and the job has looked at that.
            Progress::None | Progress::Unreadable => {}
        }
        Ok(None)
    }

    /// Takes a part of the message that has begun.
    pub(crate) fn body(&mut self, octets: &[u8]) -> Result<()> {
        Ok(self.store.write(octets)?)
    }

    /// All is done, as far as it could be.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn name_of(wanted: &Wanted) -> String {
    if wanted.unique_id.is_empty() { wanted.message.to_string() } else { file_name(&wanted.unique_id) }
}

fn why(event: &Event<'_>) -> String {
    if let What::Failed(response) = event.what() { said(&response) } else { String::new() }
}
