//! The messages as a server lists them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::choice::Choice;
use super::plan::{Fate, Plan};
use super::wanted::Wanted;
use crate::message::MessageNumber;
use crate::wire::DropListing;

/// The list, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Entry>,
    /// The memory that all entries take, including the parts of a plan that are made of them.
    octets: usize,
    /// Whether there was a line that can't be read, or one entry too many: then there may be other messages.
    has_gaps: bool,
}

/// A line of the list, and what to do with its message.
#[derive(Debug)]
struct Entry {
    message: MessageNumber,
    id: Option<Arc<[u8]>>,
    choice: Choice,
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
    pub(super) fn end(mut self, stat: Option<DropListing>) -> Listed {
        self.entries.sort_by_key(|entry| entry.message);
        let mut groups = groups(&self.entries).into_iter();
        let runs = || self.entries.chunk_by(|one, next| one.message == next.message);
        let listed = u32::try_from(runs().count()).unwrap_or(u32::MAX);
        let counted = stat.map_or(listed, |stat| stat.messages);
        let has_all = !self.has_gaps && listed >= counted;
        let has_each_once = listed as usize == self.entries.len();
        let is_complete = has_all && has_each_once && listed == counted;
        let unlisted = if self.has_gaps { 0 } else { counted.saturating_sub(listed) };
        let (mut plan, mut last) = (Plan::default(), Vec::new());
        for run in runs() {
            let group = groups.next().flatten();
            groups.by_ref().take(run.len() - 1).for_each(drop);
            if let Some(group) = group {
                plan.add_to_group(group);
            }
            let wanted = |entry: &Entry| {
                let is_repeated = group.is_some();
                Wanted { message: entry.message, id: entry.id.clone(), is_repeated }
            };
            let Some((first, more)) = run.split_first() else { continue };
            plan.more_lines.extend(more.iter().map(wanted));
            let is_chosen = |choice| run.iter().any(|entry| entry.choice == choice);
            let is_doubtful = group.is_some() && (is_chosen(Choice::Delete) || is_chosen(Choice::Stored));
            let fate = if is_chosen(Choice::Last) {
                last.push(first.message);
                Fate::ToFetch
            } else if is_chosen(Choice::Fetch) || is_doubtful {
                plan.to_fetch.push_back(first.message);
                Fate::ToFetch
            } else if is_chosen(Choice::Delete) && has_all {
                plan.to_delete.push_back(first.message);
                Fate::ToDelete
            } else {
                continue;
            };
            plan.add(wanted(first), group, fate);
        }
        plan.to_fetch.extend(last);
        Listed { plan, is_complete, unlisted }
    }
}

/// For each entry the group of those that have a message number or a unique-id in common, with one another or by way of
/// others; `None` where it shares neither. The entries are in the order of their numbers.
fn groups(entries: &[Entry]) -> Vec<Option<u32>> {
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
    (0..count).zip(is_shared).map(|(place, is_shared)| is_shared.then(|| root(&mut roots, place))).collect()
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
