//! Whether what a plan has told is true.

use std::collections::{BTreeMap, BTreeSet};

use pop3_proto::client::{Choice, Closed, ListedMessage, Progress, Retry};
use pop3_proto::message::Removal;

use super::caller::{Caller, Ended};
use super::case::Cut;
use super::list::List;
use super::server::{Retrieved, Server, Stat};

/// What was told of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Begun,
    Complete,
    Unproven,
    /// Nothing more can be told, but that it is gone, or isn't.
    Done,
}

/// What the later answers to STAT show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shown {
    Nothing,
    /// There are fewer octets than before, so the maildrop isn't what it was.
    Fewer,
    OutOfStep,
}

fn shown(server: &Server<'_>) -> Shown {
    let mut shown = Shown::Nothing;
    let mut before = None;
    for stat in &server.stats {
        match (before, stat) {
            (Some(_), Stat::Unreadable) => return Shown::OutOfStep,
            (Some((messages, _)), Stat::Numbers(later, _)) if *later < messages => return Shown::OutOfStep,
            (Some((_, octets)), Stat::Numbers(_, later)) if *later < octets => shown = Shown::Fewer,
            _ => {}
        }
        if let Stat::Numbers(messages, octets) = stat {
            before = Some((*messages, *octets));
        }
    }
    shown
}

/// How many messages STAT has counted, at the beginning.
pub fn counted(server: &Server<'_>) -> Option<u64> {
    match server.stats.first() {
        Some(Stat::Numbers(messages, _)) => Some(*messages),
        _ => None,
    }
}

/// Whether STAT counts no more messages than are listed.
pub fn has_all(server: &Server<'_>, list: &List) -> bool {
    list.unreadable().is_empty() && counted(server).is_none_or(|counted| counted <= list.messages().len() as u64)
}

impl Caller<'_, '_> {
    /// Checks all that was told in a visit.
    pub fn check(&self, ended: &Ended) {
        let server = &self.server;
        assert!(server.retrieved.len() <= self.most_retrieved, "RETR after the end");
        if server.fooled.is_some() {
            return;
        }
        let mut told = BTreeMap::new();
        let (mut unreadable, mut removed, mut is_listed) = (Vec::new(), BTreeSet::new(), false);
        for (progress, octets) in &self.told {
            match progress {
                Progress::Unreadable(message) => unreadable.push(message.map(|message| message.get())),
                Progress::Listed { to_fetch, to_delete, is_complete } => {
                    assert!(!is_listed);
                    is_listed = true;
                    assert_eq!((*to_fetch, *to_delete, *is_complete), self.expected());
                }
                Progress::Unlisted(messages) => {
                    let list = server.list.as_ref().expect("a list");
                    let listed = list.messages().len() as u64;
                    assert_eq!(counted(server), Some(listed + u64::from(*messages)));
                    assert!(list.unreadable().is_empty());
                }
                Progress::ListRefused(retry) => {
                    assert!(server.list_refused.contains(retry) || self.has_strayed(*retry), "{retry}");
                }
                Progress::OutOfStep => {
                    assert!(shown(server) != Shown::Nothing, "{:?}", server.stats);
                }
                Progress::Begins(wanted)
                | Progress::Header(wanted)
                | Progress::Complete(wanted)
                | Progress::Unproven(wanted)
                | Progress::Refused(wanted, _)
                | Progress::NotDeleted(wanted, _)
                | Progress::Removed(wanted) => {
                    let number = wanted.message().get();
                    self.check_name(wanted);
                    let now = self.check_message(number, progress, octets);
                    let before = told.insert(number, now);
                    let fits = match now {
                        Told::Begun => before.is_none(),
                        Told::Complete => before == Some(Told::Begun),
                        Told::Unproven => matches!(before, None | Some(Told::Begun)),
                        // Once for each line.
                        Told::Done if removed.contains(&number) => true,
                        Told::Done => matches!(before, None | Some(Told::Complete)),
                    };
                    assert!(fits, "{progress:?} after {before:?}");
                    if let Progress::Removed(_) = progress {
                        removed.insert(number);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let mut expected = self.list().map(List::unreadable).unwrap_or_default();
        if server.has_strayed && !is_listed {
            // `-ERR` in the list.
            let stray = self.visit.cut.map_or(&b""[..], Cut::stray).iter().filter(|octet| **octet == b'\n').count();
            let stray = unreadable.iter().rev().take(stray).take_while(|line| line.is_none()).count();
            expected.truncate(unreadable.len() - stray);
            expected.extend(vec![None; stray]);
        }
        assert!(expected.starts_with(&unreadable) && (!is_listed || expected == unreadable), "{unreadable:?}");
        assert!(shown(server) == Shown::Nothing || server.deleted.is_empty(), "DELE without a proof");
        self.check_end(ended, &removed);
        self.check_order();
        assert!(self.partial.is_none() || server.deleted.is_empty(), "DELE where not all was listed");
        if let (Some(_), Some(list)) = (server.quit, self.list()) {
            let is_deleted = |number: &u32| server.deleted.contains_key(number);
            let of = |id: &[u8]| -> Vec<u32> {
                list.messages().into_iter().filter(|number| list.ids_of(*number).contains(&id)).collect()
            };
            let groups = self.choices.keys().map(|id| of(id)).filter(|equals| equals.len() > 1);
            for equals in groups {
                let deleted = equals.iter().filter(|number| is_deleted(number)).count();
                assert!(deleted == 0 || deleted == equals.len(), "some of {equals:?} are deleted alone");
            }
        }
        let unproven = told.values().filter(|told| **told == Told::Begun).count();
        assert!(matches!(ended, Ended::Died) || unproven == 0, "a message has no end");
    }

    /// Messages are asked about, and asked for, in order, and no more of them than there may be.
    fn check_order(&self) {
        let (server, whims) = (&self.server, &self.visit.whims);
        let Some(list) = self.list() else { return };
        let in_turn = |messages: &[u32]| {
            let is_in_turn =
                |pair: &[u32]| if whims.is_newest_first() { pair[0] >= pair[1] } else { pair[0] <= pair[1] };
            assert!(messages.windows(2).all(is_in_turn), "{messages:?}");
        };
        in_turn(&self.listed);
        let mut asked = server.asked.clone();
        let is_last = |message: u32| list.ids_of(message).iter().any(|id| self.choices.get(*id) == Some(&Choice::Last));
        asked.retain(|message| !is_last(*message) && (whims.most().is_none() || !list.is_repeated(*message)));
        in_turn(&asked);
        let complete = self.told.iter().filter_map(|(progress, _)| match progress {
            Progress::Complete(wanted) if !list.is_repeated(wanted.message().get()) => Some(wanted),
            _ => None,
        });
        assert!(whims.most().is_none_or(|most| complete.count() <= most), "more than may be");
        let to_fetch = self.told.iter().find_map(|(progress, _)| match progress {
            Progress::Listed { to_fetch, .. } => Some(*to_fetch),
            _ => None,
        });
        if server.quit.is_some() {
            assert_eq!(self.fetch.unfetched(), to_fetch.unwrap_or(0).saturating_sub(server.asked.len()));
        }
    }

    /// What happens to a message, as far as it is true.
    fn check_message(&self, number: u32, progress: &Progress, octets: &[u8]) -> Told {
        let server = &self.server;
        let answer = server.retrieved.get(&number);
        let deleted = server.deleted.get(&number);
        let (is_true, told) = match progress {
            Progress::Begins(_) => (matches!(answer, Some(Retrieved::Sent(_))) || server.is_unended, Told::Begun),
            Progress::Complete(_) | Progress::Header(_) => {
                let is_header = matches!(progress, Progress::Header(_));
                let is_whole = answer == Some(&Retrieved::Sent(Some(octets.to_vec())));
                (is_whole && server.headers.contains(&number) == is_header, Told::Complete)
            }
            Progress::Unproven(_) => {
                // Where one is cut, others may not be proved either.
                let is_cut = server.retrieved.values().any(|answer| *answer == Retrieved::Sent(None));
                (is_cut || self.has_cut() || shown(server) == Shown::OutOfStep, Told::Unproven)
            }
            Progress::Refused(_, retry) => {
                let is_own = answer == Some(&Retrieved::Refused(*retry));
                (is_own || self.has_strayed(*retry) || server.is_unended, Told::Done)
            }
            Progress::NotDeleted(_, Some(retry)) => {
                (deleted == Some(&Err(*retry)) || self.has_strayed(*retry), Told::Done)
            }
            Progress::NotDeleted(_, None) => (deleted.is_none(), Told::Done),
            Progress::Removed(_) => (deleted == Some(&Ok(())) && server.quit == Some(true), Told::Done),
            _ => (false, Told::Done),
        };
        assert!(is_true, "{progress:?}, but {answer:?}, {deleted:?}");
        told
    }

    /// What was listed, if anything was.
    fn list(&self) -> Option<&List> {
        self.server.list.as_ref().or(self.partial.as_ref())
    }

    /// Whether the server has left something out.
    fn has_cut(&self) -> bool {
        self.visit.cut.is_some() || self.server.is_unended
    }

    /// A stray `-ERR` passes for an answer.
    fn has_strayed(&self, retry: Retry) -> bool {
        self.server.has_strayed && retry == Retry::Unknown
    }

    fn check_name(&self, wanted: &ListedMessage) {
        let list = self.list().expect("a list");
        let number = wanted.message().get();
        assert_eq!(wanted.unique_id(), list.name(number));
        let ids = list.ids_of(number);
        match wanted.repeated_id() {
            None => assert!(wanted.unique_id().is_some() || ids.is_empty() || list.has_nameless_line(number)),
            Some(id) => assert!(list.is_repeated(number) && ids.contains(&id)),
        }
    }

    /// How many messages are to be fetched, how many to be deleted, and whether the list is complete.
    fn expected(&self) -> (usize, usize, bool) {
        let server = &self.server;
        if counted(server) == Some(0) {
            return (0, 0, !self.visit.whims.without_unique_ids);
        }
        let list = self.list().expect("a list");
        let (mut to_fetch, mut to_delete) = (0, 0);
        for number in list.messages() {
            let choices = list.lines_of(number).map(|id| id.map_or(Choice::Fetch, |id| self.choices[id]));
            let choices: Vec<_> = choices.collect();
            let is_repeated = list.is_repeated(number);
            let is_wanted = |choice: &Choice| match choice {
                Choice::Fetch | Choice::Last | Choice::Header => true,
                Choice::Delete | Choice::Stored => is_repeated,
                _ => false,
            };
            if choices.iter().any(is_wanted) {
                to_fetch += 1;
            } else if choices.contains(&Choice::Delete) && self.partial.is_none() && has_all(server, list) {
                to_delete += 1;
            }
        }
        let count = list.messages().len() as u64;
        let is_complete = server.by_id && list.is_clear() && counted(server).is_none_or(|counted| counted == count);
        (to_fetch, to_delete, is_complete)
    }

    fn check_end(&self, ended: &Ended, removed: &BTreeSet<u32>) {
        let server = &self.server;
        let marked: BTreeSet<u32> =
            server.deleted.iter().filter(|(_, answer)| answer.is_ok()).map(|(number, _)| *number).collect();
        match ended {
            Ended::Over(Ok(Closed::Quit(Removal::All))) => {
                assert_eq!((server.quit, removed), (Some(true), &marked));
            }
            Ended::Over(Ok(Closed::Quit(Removal::NotAll))) => {
                assert!(server.quit == Some(false) || server.has_strayed);
                assert!(removed.is_empty());
            }
            Ended::Over(_) => {
                assert!(removed.is_empty());
                let has_broken = server.retrieved.values().any(|answer| *answer == Retrieved::Sent(None));
                let has_lied = self.has_cut() || has_broken || shown(server) == Shown::OutOfStep;
                assert!(has_lied, "{ended:?}, but nobody lies");
            }
            Ended::Died => {}
        }
    }
}
