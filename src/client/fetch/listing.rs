//! The messages as a server lists them.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::choice::Choice;
use super::listed::{ListedMessage, Octets};
use super::order::Order;
use super::plan::{Fate, Group, Message, Plan};
use crate::message::MessageNumber;
use crate::wire::{DropListing, ScanListing};

/// The lists, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Entry>,
    /// What LIST says.
    sizes: Vec<ScanListing>,
    /// The memory that all entries take, including the parts of a plan that are made of them.
    octets: usize,
    /// Whether there was a line that can't be read, or one entry too many: then there may be other messages.
    has_gaps: bool,
    /// Whether there are others for sure.
    is_partial: bool,
}

/// A line of the list.
#[derive(Debug)]
struct Entry {
    message: MessageNumber,
    id: Option<Arc<[u8]>>,
    /// Known when the list has ended: see [`groups`].
    group: Option<Group>,
}

/// What follows from the whole list.
pub(super) struct Listed {
    pub(super) plan: Plan,
    pub(super) is_complete: bool,
    /// How many messages STAT counts that aren't listed, where each line can be read.
    pub(super) unlisted: u32,
}

impl Listing {
    const MOST_OCTETS: usize = 64 << 20;

    /// The memory that an entry takes beside its unique-id, by estimate.
    const ENTRY: usize = 160;

    /// A line can't be read.
    pub(super) fn is_unreadable(&mut self) {
        self.has_gaps = true;
    }

    /// There are messages that aren't listed on purpose.
    pub(super) fn is_partial(&mut self) {
        (self.has_gaps, self.is_partial) = (true, true);
    }

    /// Takes an entry; `false` if it is one too many.
    pub(super) fn add(&mut self, message: MessageNumber, id: Option<&[u8]>) -> bool {
        if self.octets >= Self::MOST_OCTETS {
            self.has_gaps = true;
            return false;
        }
        self.octets += Self::ENTRY + id.map_or(0, <[u8]>::len);
        self.entries.push(Entry { message, id: id.map(Arc::from), group: None });
        true
    }

    /// Takes the octets of a message, if there is room for them.
    pub(super) fn add_octets(&mut self, listing: ScanListing) {
        if self.octets < Self::MOST_OCTETS {
            // A vector that grows holds two of itself for a moment.
            self.octets += 3 * size_of::<ScanListing>();
            self.sizes.push(listing);
        }
    }

    /// The lists have come to their ends, after STAT has told how many messages there are. Asks about each line in the order
    /// of the plan.
    pub(super) fn end(
        mut self,
        stat: Option<DropListing>,
        order: Order,
        mut judge: impl FnMut(&ListedMessage) -> Choice,
    ) -> Listed {
        self.entries.sort_by_key(|entry| entry.message);
        // Of several lines about one message the largest counts.
        self.sizes.sort_by_key(|listing| (listing.message, listing.octets));
        let groups = groups(&self.entries);
        for (entry, group) in self.entries.iter_mut().zip(groups) {
            entry.group = group;
        }
        let runs = || self.entries.chunk_by(|one, next| one.message == next.message);
        let listed = u32::try_from(runs().count()).unwrap_or(u32::MAX);
        let counted = stat.map_or(listed, |stat| stat.messages);
        let has_all = !self.has_gaps && listed >= counted;
        let has_each_once = listed as usize == self.entries.len();
        let is_complete = has_all && has_each_once && listed == counted;
        let unlisted = if self.has_gaps { 0 } else { counted.saturating_sub(listed) };
        let mut plan = Plan::default();
        plan.is_partial = self.is_partial;
        let (mut repeated, mut last) = (VecDeque::new(), VecDeque::new());
        let mut runs = runs();
        while let Some(run) = if order.is_newest_first { runs.next_back() } else { runs.next() } {
            let Some((first, more)) = run.split_first() else { continue };
            let group = first.group;
            if let Some(group) = group {
                plan.add_to_group(group);
            }
            let is_repeated = group.is_some();
            let message = |entry: &Entry| ListedMessage {
                message: entry.message,
                id: entry.id.clone(),
                is_repeated,
                octets: self.octets_of(entry.message),
            };
            let first = message(first);
            let mut choice = choose(judge(&first), is_repeated);
            for more in more.iter().map(message) {
                choice = choice.max(choose(judge(&more), is_repeated));
                plan.more_lines.push(more);
            }
            let fate = match choice {
                Chosen::Header | Chosen::Fetch | Chosen::Last => {
                    let queue = match choice {
                        _ if order.most.is_some() && is_repeated => &mut repeated,
                        Chosen::Last => &mut last,
                        _ => &mut plan.to_fetch,
                    };
                    queue.push_back(first.message);
                    Fate::ToFetch
                }
                Chosen::Delete if has_all => {
                    plan.to_delete.push_back(first.message);
                    Fate::ToDelete
                }
                Chosen::Delete | Chosen::Nothing => continue,
            };
            plan.add(Message { listed: first, group, fate, is_header: choice == Chosen::Header });
        }
        plan.last = last.len();
        plan.to_fetch.append(&mut repeated);
        plan.to_fetch.append(&mut last);
        Listed { plan, is_complete, unlisted }
    }

    fn octets_of(&self, message: MessageNumber) -> Octets {
        let after = self.sizes.partition_point(|listing| listing.message <= message);
        let listing = after.checked_sub(1).and_then(|place| self.sizes.get(place));
        let listing = listing.filter(|listing| listing.message == message);
        listing.map_or(Octets::UNKNOWN, |listing| Octets::new(listing.octets))
    }
}

/// What is done with a message: of what is chosen for several lines about it, the most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Chosen {
    Nothing,
    Delete,
    Header,
    Fetch,
    Last,
}

fn choose(choice: Choice, is_repeated: bool) -> Chosen {
    match choice {
        // Which of several messages is stored isn't known.
        Choice::Stored | Choice::Delete if is_repeated => Chosen::Fetch,
        Choice::Keep | Choice::Stored => Chosen::Nothing,
        Choice::Delete => Chosen::Delete,
        Choice::Header => Chosen::Header,
        Choice::Fetch => Chosen::Fetch,
        Choice::Last => Chosen::Last,
    }
}

/// For each entry the group of those that have a message number or a unique-id in common, with one another or by way of
/// others; `None` where it shares neither. The entries are in the order of their numbers.
fn groups(entries: &[Entry]) -> Vec<Option<Group>> {
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let entry = |place: u32| entries.get(place as usize);
    let id = |place: u32| entry(place).and_then(|entry| entry.id.as_deref());
    let number = |place: u32| entry(place).map(|entry| entry.message);
    let mut by_id: Vec<u32> = (0..count).filter(|place| id(*place).is_some()).collect();
    by_id.sort_unstable_by_key(|place| id(*place));
    let neighbours = by_id.windows(2).filter_map(|pair| if let [one, next] = *pair { Some((one, next)) } else { None });
    let equal_ids = neighbours.filter(|(one, next)| id(*one) == id(*next));
    let equal_numbers = (1..count).map(|next| (next - 1, next)).filter(|(one, next)| number(*one) == number(*next));
    let mut roots: Vec<u32> = (0..count).collect();
    let mut is_shared = alloc::vec![false; entries.len()];
    for (one, next) in equal_numbers.chain(equal_ids) {
        for place in [one, next] {
            is_shared.get_mut(place as usize).into_iter().for_each(|it| *it = true);
        }
        let (one, next) = (root(&mut roots, one), root(&mut roots, next));
        roots.get_mut(next as usize).into_iter().for_each(|it| *it = one);
    }
    let mut group = |place| Group::MIN.saturating_add(root(&mut roots, place));
    (0..count).zip(is_shared).map(|(place, is_shared)| is_shared.then(|| group(place))).collect()
}

/// The root of the group that an entry is in; the way there becomes shorter.
fn root(roots: &mut [u32], mut place: u32) -> u32 {
    let above = |roots: &[u32], place: u32| roots.get(place as usize).copied().unwrap_or(place);
    while above(roots, place) != place {
        let next = above(roots, above(roots, place));
        roots.get_mut(place as usize).into_iter().for_each(|it| *it = next);
        place = next;
    }
    place
}
