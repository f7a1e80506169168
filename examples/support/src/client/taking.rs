//! Which messages `fetch` takes, and what it does with them on the server.

use clap::Args;
use pop3_proto::client::{Choice, Fetch, ListedMessage};
use pop3_proto::message::MessageNumber;

use super::Result;
use super::store::Store;

/// The switches of `fetch`.
#[derive(Args, Clone, Default)]
pub(crate) struct Taking {
    /// With fetch: leave messages of more octets than this on the server
    #[arg(long, value_name = "N", global = true)]
    max_size: Option<u64>,

    /// With fetch: take the newest N messages of the server only, the newest first
    #[arg(long, value_name = "N", global = true)]
    newest: Option<u32>,

    /// With fetch: take headers only, as files that don't count as stored
    #[arg(long, global = true)]
    pub(crate) headers: bool,

    /// With fetch: delete on the server what is stored whole
    #[arg(long, global = true)]
    pub(crate) delete: bool,
}

impl Taking {
    /// Checks that the switches make sense together, and with what is to be done.
    pub(crate) fn check(&self, is_fetch: bool) -> Result<()> {
        let switches = [
            ("--max-size", self.max_size.is_some()),
            ("--newest", self.newest.is_some()),
            ("--headers", self.headers),
            ("--delete", self.delete),
        ];
        match switches.into_iter().find(|(_, is_given)| *is_given) {
            Some((switch, _)) if !is_fetch => Err(format!("{switch} goes with fetch only").into()),
            _ if self.headers && self.delete => Err("--headers goes with no --delete".into()),
            _ => Ok(()),
        }
    }

    /// Adds to a plan what is needed to choose.
    pub(crate) fn plan(&self, plan: Fetch) -> Fetch {
        let plan = if self.max_size.is_some() { plan.with_octets() } else { plan };
        if self.newest.is_some() { plan.newest_first() } else { plan }
    }
}

/// Chooses for each message that is listed, one after the other.
pub(crate) struct Chooser {
    taking: Taking,
    /// The message that was asked about last, and how many there were.
    last: Option<MessageNumber>,
    messages: u32,
    /// How many messages stay where they are since nobody knows how large they are.
    pub(crate) unknown: u32,
}

impl Chooser {
    pub(crate) fn new(taking: Taking) -> Self {
        Self { taking, last: None, messages: 0, unknown: 0 }
    }

    pub(crate) fn choose(&mut self, message: &ListedMessage, store: &mut Store) -> Choice {
        // One may be listed twice.
        if self.last.replace(message.message()) != Some(message.message()) {
            self.messages = self.messages.saturating_add(1);
        }
        let id = message.unique_id().or(message.repeated_id());
        // The store takes note of each unique-id that is listed.
        let choice = id.map_or(Choice::Fetch, |id| store.choose(id));
        if choice == Choice::Stored {
            return if self.taking.delete { Choice::Delete } else { Choice::Stored };
        }
        if self.taking.newest.is_some_and(|newest| self.messages > newest) {
            return Choice::Keep;
        }
        match (self.taking.max_size, message.octets()) {
            (Some(most), Some(octets)) if octets > most => Choice::Keep,
            (Some(_), None) => {
                self.unknown = self.unknown.saturating_add(1);
                Choice::Keep
            }
            _ if self.taking.headers => Choice::Header,
            _ => choice,
        }
    }
}
