//! Messages as the server lists them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{Fate, Group, Message};
use crate::message::MessageNumber;
use crate::wire::DropListing;

/// What to do with a message that is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Fetch it.
    Fetch,
    /// Fetch it after all others: an earlier session broke off at it, and the others shouldn't have to wait for it.
    Last,
    /// Don't fetch it now: it stays on the server, stored or not.
    Keep,
    /// It is stored already, and stays on the server. Where its unique-id is listed for another message too, it isn't known
    /// which of them is stored, and both are fetched.
    Stored,
    /// Delete it without fetching it. It is stored already: an earlier session has left it on the server, or its QUIT was
    /// lost.
    ///
    /// A unique-id is unique within one maildrop only, and only while its message is there: choose this for what was
    /// stored out of the same account and isn't [forgotten](super::Progress::Removed), or mail that was never fetched is
    /// deleted.
    Delete,
}

/// A message to be fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    pub(super) message: MessageNumber,
    pub(super) id: Option<Arc<[u8]>>,
    pub(super) is_repeated: bool,
}

impl Wanted {
    /// Its number in this session.
    pub fn message(&self) -> MessageNumber {
        self.message
    }

    /// Its unique-id, if it can serve as a name to store it by: `None` where the server has none, and where it is
    /// listed for another message too.
    ///
    /// It is unique within its maildrop while the message is there, and it is what the server sent: octets of any kind,
    /// `/`, `..` and spaces among them, and upper and lower case differ. Odd ones have up to
    /// [`line_limit`](crate::client::Config::line_limit) octets. Encode it, or its digest, where it is to name a file.
    pub fn unique_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| !self.is_repeated)
    }

    /// The unique-id that the server lists for this message and others too, so that it can't serve as a name.
    pub fn repeated_id(&self) -> Option<&[u8]> {
        self.id.as_deref().filter(|_| self.is_repeated)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({}", self.message)?;
        if let Some(id) = &self.id {
            write!(f, ", {}{}", if self.is_repeated { "repeated " } else { "" }, id.escape_ascii())?;
        }
        f.write_str(")")
    }
}

/// A line of the list, and what to do with its message.
#[derive(Debug)]
struct Entry {
    message: MessageNumber,
    id: Option<Arc<[u8]>>,
    choice: Choice,
}

/// The list, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Entry>,
    /// The memory that all entries take, including the parts of a plan that are made of them.
    octets: usize,
    /// Whether there was a line that can't be read, or one entry too many: then there may be other messages.
    has_gaps: bool,
}

/// What follows from the whole list.
pub(super) struct Plan {
    pub(super) messages: BTreeMap<MessageNumber, Message>,
    pub(super) groups: BTreeMap<u32, Group>,
    /// What is listed of a message after its first line.
    pub(super) more_lines: Vec<(MessageNumber, Option<Arc<[u8]>>)>,
    pub(super) to_fetch: VecDeque<MessageNumber>,
    pub(super) to_delete: VecDeque<MessageNumber>,
    pub(super) is_complete: bool,
    /// How many messages STAT counts that aren't listed, where each line can be read.
    pub(super) unlisted: u32,
}

impl Listing {
    const MOST_OCTETS: usize = 64 << 20;

    /// The memory that an entry takes beside its unique-id, by estimate.
    const ENTRY: usize = 160;

    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), octets: 0, has_gaps: false }
    }

    /// A line can't be read.
    pub(super) fn is_unreadable(&mut self) {
        self.has_gaps = true;
    }

    /// Takes an entry; `false` if it is one too many.
    pub(super) fn add(&mut self, message: MessageNumber, id: Option<&[u8]>, choice: Choice) -> bool {
        if self.octets >= Self::MOST_OCTETS {
            self.has_gaps = true;
            return false;
        }
        self.octets += Self::ENTRY + id.map_or(0, <[u8]>::len);
        self.entries.push(Entry { message, id: id.map(Arc::from), choice });
        true
    }

    /// The list has come to its end, after STAT has told how many messages there are.
    pub(super) fn plan(mut self, stat: Option<DropListing>) -> Plan {
        self.entries.sort_by_key(|entry| entry.message);
        let groups_of = group(&self.entries);
        let runs = || self.entries.chunk_by(|one, next| one.message == next.message);
        let distinct = runs().count();
        let counted = stat.map(|stat| stat.messages as usize);
        let has_all = !self.has_gaps && counted.is_none_or(|counted| distinct >= counted);
        let mut plan = Plan {
            messages: BTreeMap::new(),
            groups: BTreeMap::new(),
            more_lines: Vec::new(),
            to_fetch: VecDeque::new(),
            to_delete: VecDeque::new(),
            unlisted: 0,
            is_complete: has_all && distinct == self.entries.len() && counted.is_none_or(|counted| distinct == counted),
        };
        if !self.has_gaps {
            let listed = u32::try_from(distinct).unwrap_or(u32::MAX);
            plan.unlisted = stat.map_or(0, |stat| stat.messages.saturating_sub(listed));
        }
        let (mut place, mut last) = (0, Vec::new());
        for run in runs() {
            let here = place;
            place += run.len();
            let group = groups_of.get(here).copied().filter(|group| *group != ALONE);
            if let Some(group) = group {
                plan.groups.entry(group).or_default().messages += 1;
            }
            let Some((Entry { message, id, .. }, more)) = run.split_first() else { continue };
            plan.more_lines.extend(more.iter().map(|entry| (entry.message, entry.id.clone())));
            let is_chosen = |choice| run.iter().any(|entry| entry.choice == choice);
            let fate = if is_chosen(Choice::Last) {
                last.push(*message);
                Fate::ToFetch
            } else if is_chosen(Choice::Fetch)
                || group.is_some() && (is_chosen(Choice::Delete) || is_chosen(Choice::Stored))
            {
                plan.to_fetch.push_back(*message);
                Fate::ToFetch
            } else if is_chosen(Choice::Delete) && has_all {
                plan.to_delete.push_back(*message);
                Fate::ToDelete
            } else {
                continue;
            };
            plan.messages.insert(*message, Message { id: id.clone(), group, fate });
        }
        plan.to_fetch.extend(last);
        plan
    }
}

/// The group of an entry that shares neither its message number nor its unique-id with another one.
const ALONE: u32 = u32::MAX;

/// For each entry the group of those that have a message number or a unique-id in common, with one another or by way of
/// others. The entries are in the order of their numbers.
fn group(entries: &[Entry]) -> Vec<u32> {
    let count = u32::try_from(entries.len()).unwrap_or(ALONE);
    let entry = |place: u32| entries.get(place as usize);
    let id = |place: u32| entry(place).and_then(|entry| entry.id.as_deref());
    let mut by_id: Vec<u32> = (0..count).filter(|place| id(*place).is_some()).collect();
    by_id.sort_unstable_by_key(|place| id(*place));
    let equal_numbers = (1..count)
        .map(|next| (next - 1, next))
        .filter(|(one, next)| entry(*one).map(|entry| entry.message) == entry(*next).map(|entry| entry.message));
    let equal_ids = by_id.windows(2).filter_map(|pair| match pair {
        [one, next] if id(*one) == id(*next) => Some((*one, *next)),
        _ => None,
    });
    let mut groups = alloc::vec![ALONE; entries.len()];
    for (one, next) in equal_numbers.chain(equal_ids) {
        let (one, next) = (root(&mut groups, one), root(&mut groups, next));
        for (place, group) in [(one, one), (next, one)] {
            if let Some(parent) = groups.get_mut(place as usize) {
                *parent = group;
            }
        }
    }
    for place in 0..count {
        if groups.get(place as usize).is_some_and(|group| *group != ALONE) {
            root(&mut groups, place);
        }
    }
    groups
}

/// The first of the group that an entry is in; the way there becomes shorter.
fn root(groups: &mut [u32], place: u32) -> u32 {
    let parent = |groups: &[u32], place: u32| groups.get(place as usize).copied().filter(|parent| *parent != ALONE);
    let mut root = place;
    while let Some(next) = parent(groups, root).filter(|next| *next != root) {
        root = next;
    }
    let mut at = place;
    while let Some(next) = parent(groups, at).filter(|next| *next != root) {
        if let Some(parent) = groups.get_mut(at as usize) {
            *parent = root;
        }
        at = next;
    }
    root
}
