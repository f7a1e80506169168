//! What is to become of the messages that a server has listed.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU32;

use super::listed::ListedMessage;
use crate::message::MessageNumber;

/// The messages to be fetched or deleted, and how far each of them has got.
#[derive(Debug, Default)]
pub(super) struct Plan {
    messages: BTreeMap<MessageNumber, Message>,
    groups: BTreeMap<Group, Equals>,
    /// What is listed of a message after its first line.
    pub(super) more_lines: Vec<ListedMessage>,
    /// Those that no RETR or TOP was sent for, in the order in which they are to be fetched.
    pub(super) to_fetch: VecDeque<MessageNumber>,
    /// How many at the end of these are to be fetched after all others.
    pub(super) last: usize,
    /// Those that no DELE was sent for.
    pub(super) to_delete: VecDeque<MessageNumber>,
    /// How many are complete, and wait for the caller's decision.
    pub(super) undecided: usize,
    /// Whether there are messages that aren't listed on purpose, so that nothing is deleted.
    pub(super) is_partial: bool,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) listed: ListedMessage,
    /// Where its number or its unique-id is listed more than once, the group that it is deleted with.
    pub(super) group: Option<Group>,
    pub(super) fate: Fate,
    /// Whether its header alone is fetched.
    pub(super) is_header: bool,
}

/// What has become of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    ToFetch,
    /// The caller has it, and is to decide.
    Complete,
    /// It is stored, or the caller doesn't want it deleted.
    Kept,
    /// It was complete in this session, and is to be deleted.
    Stored,
    /// It is to be deleted without having been fetched.
    ToDelete,
    /// DELE was answered `+OK`.
    Marked,
    /// Nothing is to be done with it any more.
    Left,
}

/// Names messages that are deleted together, since they can't be told apart.
pub(super) type Group = NonZeroU32;

/// Those messages.
#[derive(Default, Debug)]
struct Equals {
    messages: usize,
    /// Those of them that the caller has stored.
    stored: Vec<MessageNumber>,
}

impl Plan {
    /// Takes note that one more message is in a group.
    pub(super) fn add_to_group(&mut self, group: Group) {
        self.groups.entry(group).or_default().messages += 1;
    }

    pub(super) fn add(&mut self, message: Message) {
        self.messages.insert(message.listed.message, message);
    }

    /// Whether its header alone is fetched.
    pub(super) fn is_header(&self, message: MessageNumber) -> bool {
        self.messages.get(&message).is_some_and(|message| message.is_header)
    }

    /// Whether a message counts among those of which there is a number to be fetched: it is fetched whole, and is deleted
    /// alone.
    pub(super) fn counts(&self, message: MessageNumber) -> bool {
        self.messages.get(&message).is_some_and(|message| !message.is_header && message.group.is_none())
    }

    pub(super) fn fate(&self, message: MessageNumber) -> Option<Fate> {
        self.messages.get(&message).map(|message| message.fate)
    }

    pub(super) fn listed(&self, message: MessageNumber) -> Option<ListedMessage> {
        self.messages.get(&message).map(|message| message.listed.clone())
    }

    /// The messages with a fate, in order.
    pub(super) fn with(&self, fate: Fate) -> impl Iterator<Item = &ListedMessage> {
        self.messages.values().filter(move |message| message.fate == fate).map(|message| &message.listed)
    }

    pub(super) fn set(&mut self, message: MessageNumber, fate: Fate) {
        if let Some(message) = self.messages.get_mut(&message) {
            self.undecided -= usize::from(message.fate == Fate::Complete);
            self.undecided += usize::from(fate == Fate::Complete);
            message.fate = fate;
        }
    }

    /// Takes the caller's decision on a message, if that is still to be made. One that is stored is to be deleted, with its
    /// whole group.
    pub(super) fn decide(&mut self, message: MessageNumber, fate: Fate) {
        let Some(&Message { group, fate: Fate::Complete, .. }) = self.messages.get(&message) else { return };
        self.set(message, fate);
        if fate != Fate::Stored {
            return;
        }
        match group.and_then(|group| self.groups.get_mut(&group)) {
            None => self.to_delete.push_back(message),
            Some(group) => {
                group.stored.push(message);
                if group.stored.len() >= group.messages {
                    self.to_delete.extend(group.stored.drain(..));
                }
            }
        }
    }

    /// Gives up the groups that aren't stored as a whole; the messages of them that are.
    pub(super) fn give_groups_up(&mut self) -> impl Iterator<Item = MessageNumber> + use<> {
        mem::take(&mut self.groups).into_values().flat_map(|group| group.stored)
    }
}
