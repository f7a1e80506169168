//! What a client has gathered of a maildrop.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use pop3_proto::client::{Choice, Event, EventKind, Fetch, ListedMessage, Progress, Ticket};
use pop3_proto::wire::{Command, Verb};

use super::Settings;
use crate::case::Message;
use crate::content;

pub struct Gathered {
    pub fetch: Fetch,
    deletes: bool,
    listed: bool,
    new: Vec<bool>,
    /// What was sent for a message, where there is a list.
    sent: BTreeMap<Ticket, u32>,
    /// The message that has begun last where there is a plan, what comes in, and what is there.
    begun: u32,
    message: Vec<u8>,
    messages: BTreeMap<u32, Vec<u8>>,
    total: Option<(u32, u64)>,
    sizes: BTreeMap<u32, u64>,
    unique_ids: BTreeMap<u32, Vec<u8>>,
    removed: BTreeSet<u32>,
}

impl Gathered {
    pub fn new(settings: &Settings) -> Self {
        Self {
            fetch: Fetch::new(),
            deletes: settings.switch,
            listed: settings.listed,
            new: (0..100).map(|number| settings.bit(number)).collect(),
            sent: BTreeMap::new(),
            begun: 0,
            message: Vec::new(),
            messages: BTreeMap::new(),
            total: None,
            sizes: BTreeMap::new(),
            unique_ids: BTreeMap::new(),
            removed: BTreeSet::new(),
        }
    }

    /// The messages that are gone, as far as the client knows.
    pub fn removed(&self) -> &BTreeSet<u32> {
        &self.removed
    }

    /// A command of the list was sent.
    pub fn sent(&mut self, ticket: Ticket, command: &Command<'_>) {
        let message = match command {
            Command::Retr { message } | Command::Dele { message } | Command::Top { message, .. } => *message,
            _ => return,
        };
        self.sent.insert(ticket, message.get());
    }

    /// A part of a message.
    pub fn part(&mut self, octets: &[u8]) {
        assert!(!octets.is_empty());
        self.message.extend_from_slice(octets);
    }

    pub fn take(&mut self, event: &Event<'_>) {
        if !self.listed {
            self.plan(event);
        }
        let number = event.ticket().and_then(|ticket| self.sent.get(&ticket).copied());
        match (event.verb(), event.kind()) {
            (_, EventKind::Stat(listing)) => self.total = Some((listing.messages, listing.octets)),
            (_, EventKind::Scan(listing)) => _ = self.sizes.insert(listing.message.get(), listing.octets),
            (_, EventKind::UniqueId { message, unique_id }) => {
                self.unique_ids.insert(message.get(), unique_id.to_vec());
            }
            (Some(Verb::Retr | Verb::Top), EventKind::Ends) => {
                self.end(if self.listed { number.expect("a number") } else { self.begun })
            }
            (Some(Verb::Dele), EventKind::Ok(_)) if self.listed => self.removed.extend(number),
            (Some(Verb::Rset), EventKind::Ok(_)) => self.removed.clear(),
            (_, EventKind::Farewell(_) | EventKind::NotSent | EventKind::Unreadable { .. }) => panic!("{event:?}"),
            _ => {}
        }
    }

    /// What the event means for the plan.
    fn plan(&mut self, event: &Event<'_>) {
        let number = |message: &ListedMessage| -> usize {
            let text = std::str::from_utf8(message.unique_id().expect("a unique-id")).expect("a text");
            text.strip_suffix("-uid").and_then(|number| number.parse().ok()).expect("a number")
        };
        let new = &self.new;
        self.fetch.observe(event, |message| if new[number(message)] { Choice::Fetch } else { Choice::Keep });
        while let Some(progress) = self.fetch.progress() {
            match progress {
                Progress::Begins(wanted) => {
                    assert!(self.message.is_empty());
                    self.begun = wanted.message().get();
                }
                Progress::Complete(wanted) => {
                    let message = wanted.message();
                    assert!(self.new[message.index() + 1] && wanted.unique_id().is_some());
                    assert!(self.messages.contains_key(&message.get()), "it has no end");
                    if self.deletes {
                        self.fetch.delete(message);
                        self.removed.insert(message.get());
                    } else {
                        self.fetch.keep(message);
                    }
                }
                Progress::Listed { is_complete, .. } => assert!(is_complete),
                Progress::Removed(wanted) => assert!(self.removed.contains(&wanted.message().get())),
                _ => panic!("{progress:?}"),
            }
        }
    }

    fn end(&mut self, number: u32) {
        assert!(self.messages.insert(number, mem::take(&mut self.message)).is_none(), "a message comes twice");
    }

    /// Everything is there, as it is in the store.
    pub fn check(&self, store: &[Message]) {
        let numbered = || (1_u32..).zip(store);
        let normal = |message: &Message| content::normalise(&message.octets);
        let size = |message: &Message| normal(message).len() as u64;
        let is_got = |number: u32| self.listed || self.new[number as usize];
        let got = numbered().filter(|(number, _)| is_got(*number)).map(|(number, message)| (number, normal(message)));
        assert!(self.messages == got.collect(), "what arrives isn't what was sent");
        let ids = numbered().map(|(number, _)| (number, format!("{number}-uid").into_bytes()));
        assert_eq!(self.unique_ids, ids.collect());
        if self.listed {
            let count = u32::try_from(store.len()).expect("a small number");
            assert_eq!(self.total, Some((count, store.iter().map(size).sum())));
            assert_eq!(self.sizes, numbered().map(|(number, message)| (number, size(message))).collect());
        } else if self.deletes {
            assert_eq!(self.fetch.deletions(), self.removed.len());
        }
    }
}
