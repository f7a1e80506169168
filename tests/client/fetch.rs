//! The plan to fetch what isn't there yet: nothing is lost, and nothing is left behind.

use std::collections::BTreeSet;

use pop3_proto::client::{Choice, Closed, Config, Fetch, Retry};
use pop3_proto::message::Removal;
use pop3_proto::server::Refusal;
use proptest::prelude::*;

use crate::common::fetch::*;
use crate::common::{Store, normalise};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_message_is_fetched_kept_or_deleted_as_the_caller_has_it(
        messages in prop::collection::vec(("[a.\r\n]{0,30}", prop::sample::select(&CHOICES[..])), 0..30),
        batch in 1_usize..9,
        capa in any::<bool>(),
        small in any::<bool>(),
        seed in any::<u32>(),
    ) {
        // R-GEN-13, R-1939-24
        let store = Store::new(messages.iter().map(|(octets, _)| octets));
        let queue = if small { 510 } else { 8_192 };
        let chosen = |wanted: Choice| -> Vec<u32> {
            (1..).zip(&messages).filter(|(_, (_, choice))| *choice == wanted).map(|(number, _)| number).collect()
        };
        let caller = Caller {
            choices: (1..).zip(&messages).map(|(number, (_, choice))| (format!("uid-{number}"), *choice)).collect(),
            batch,
            deletes: |number| number % 5 != 0,
            config: Config::new().queue(queue).unwrap(),
            capa,
            seed: seed.into(),
            ..Caller::default()
        };
        let outcome = run(server(&store), &caller);
        let headers = chosen(Choice::Header);
        prop_assert_eq!(outcome.listed, Some((chosen(Choice::Fetch).len() + headers.len(), chosen(Choice::Delete).len())));
        prop_assert_eq!(numbers(&outcome), chosen(Choice::Fetch));
        prop_assert_eq!(outcome.headers.iter().map(|message| message.number).collect::<Vec<_>>(), headers);
        for message in &outcome.headers {
            let whole = normalise(messages[message.number as usize - 1].0.as_bytes());
            let head = whole.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(whole.len(), |end| end + 4);
            prop_assert_eq!(&*message.octets, if whole.starts_with(b"\r\n") { b"\r\n" } else { &whole[..head] });
        }
        for message in &outcome.complete {
            prop_assert_eq!(&message.unique_id, &Some(format!("uid-{}", message.number)));
            prop_assert_eq!(&message.repeated_id, &None);
            prop_assert_eq!(&message.octets, &normalise(messages[message.number as usize - 1].0.as_bytes()));
        }
        let mut deleted = chosen(Choice::Fetch);
        deleted.retain(|number| number % 5 != 0);
        deleted.extend(chosen(Choice::Delete));
        deleted.sort_unstable();
        prop_assert_eq!(outcome.deletions, deleted.len());
        prop_assert_eq!(store.removed(), deleted);
        prop_assert_eq!(outcome.closed, ALL);
    }

    #[test]
    fn wherever_programs_die_no_message_is_lost_and_none_is_left_behind(
        ids in prop::collection::vec(0_u8..12, 1..12),
        deaths in prop::collection::vec((1_usize..250, 1_usize..5, any::<u32>(), 0_u8..12), 0..8),
    ) {
        // R-1939-27, R-1939-29: each content is there once. A unique-id may be given to a message that arrives while
        // another one has it, and to one that arrives when the caller knows that it is gone.
        let message = |number, id| (format!("id-{id}"), format!("{number}\r\n").into_bytes());
        let mut maildrop: Vec<(String, Vec<u8>)> = (0..).zip(ids).map(|(number, id)| message(number, id)).collect();
        let mut all: Vec<Vec<u8>> = maildrop.iter().map(|(_, octets)| octets.clone()).collect();
        let mut files: Vec<Vec<u8>> = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        let last = (usize::MAX, 3, 0, 0);
        for (dies, batch, seed, arrives) in deaths.into_iter().chain([last]) {
            let arriving = message(all.len(), arrives);
            if !known.contains(&arriving.0) || maildrop.iter().any(|(has, _)| *has == arriving.0) {
                all.push(arriving.1.clone());
                maildrop.push(arriving);
            }
            let store = Store::identified(maildrop.iter().map(|(id, _)| id.as_str()));
            let store = fill(store, maildrop.iter().map(|(_, octets)| octets.clone()));
            let choices = known.iter().map(|id| (id.clone(), Choice::Delete)).collect();
            let is_last = dies == usize::MAX;
            let deletes = if is_last || batch > 2 { |_| true } else { |number| number % 3 != 0 };
            let enough = if !is_last && batch == 4 { 2 } else { usize::MAX };
            let plans: [fn() -> Fetch; 3] =
                [Fetch::new, || Fetch::new().newest_first(), || Fetch::new().with_octets().at_most(2)];
            let plan = if is_last { Fetch::new } else { plans[seed as usize % plans.len()] };
            let caller = Caller { choices, plan, batch, deletes, enough, dies, seed: seed.into(), ..Caller::default() };
            let outcome = run(server(&store), &caller);
            if outcome.is_complete {
                known.retain(|id| outcome.asked.contains(id));
            }
            for message in outcome.stored {
                known.extend(message.unique_id);
                files.push(message.octets);
            }
            for id in outcome.removed.into_iter().flatten() {
                known.remove(&id);
            }
            for (turn, removed) in store.removed().into_iter().enumerate().rev() {
                let (_, octets) = &maildrop[removed as usize - 1];
                prop_assert!(files.contains(octets), "{octets:?} is lost");
                // A server may fail to remove some, and then it doesn't answer as if it had.
                if is_last || outcome.closed == ALL || turn % 2 == seed as usize % 2 {
                    maildrop.remove(removed as usize - 1);
                }
            }
        }
        prop_assert_eq!(maildrop, [], "something is left behind");
        for octets in all {
            prop_assert!(files.contains(&octets));
        }
    }
}

#[test]
fn a_maildrop_without_anything_new_is_left_at_once() {
    let store = Store::new(["a", "b"]);
    let outcome = run(server(&store), &Caller::choosing([("uid-1", Choice::Keep), ("uid-2", Choice::Keep)]));
    assert_eq!(outcome.sent, ["STAT", "UIDL", "QUIT"]);
    assert_eq!((outcome.listed, outcome.closed), (Some((0, 0)), ALL));
    let outcome = run(server(&Store::empty()), &Caller::default());
    assert_eq!(outcome.sent, ["STAT", "QUIT"]);
    assert_eq!((outcome.listed, outcome.is_complete), (Some((0, 0)), true));
}

#[test]
fn what_an_earlier_session_has_stored_is_deleted_without_fetching_it_again() {
    let store = Store::new(["a", "b", "c"]);
    let caller = Caller::choosing([("uid-1", Choice::Delete), ("uid-3", Choice::Delete)]);
    let outcome = run(server(&store), &caller);
    assert_eq!((outcome.listed, numbers(&outcome)), (Some((1, 2)), vec![2]));
    assert_eq!((store.removed(), outcome.deletions), (vec![1, 2, 3], 3));
}

#[test]
fn a_message_that_has_vanished_does_not_stop_the_others() {
    // R-1939-28
    for (refusal, retry) in [(Refusal::Gone, Retry::Unknown), (Refusal::Temporary, Retry::Later)] {
        let store = Store::new(["a", "b"]);
        store.refusal.set(Some(refusal));
        let outcome = run(server(&store), &Caller::default());
        assert_eq!(outcome.refused, [(1, retry), (2, retry)]);
        assert_eq!((outcome.deletions, outcome.closed), (0, ALL));
    }
    let peer = lines([
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"),
        ("RETR 1", "+OK\r\none\r\n.\r\n"),
        ("RETR 2", "-ERR [UTF8] no\r\n"),
        ("RETR 3", "+OK\r\nthree\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("DELE 3", "+OK\r\n"),
        ("QUIT", "-ERR\r\n"),
    ]);
    let outcome = run(peer, &Caller::default());
    assert_eq!((numbers(&outcome), outcome.refused), (vec![1, 3], vec![(2, Retry::Utf8Mode)]));
    assert_eq!((outcome.deletions, outcome.closed), (2, Some(Ok(Closed::Quit(Removal::NotAll)))));
}

#[test]
fn a_deletion_that_is_refused_is_told_and_not_counted() {
    let peer = lines([
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"),
        ("DELE 1", "-ERR [SYS/TEMP] busy\r\n"),
        ("RETR 2", "+OK\r\n.\r\n"),
        ("RETR 3", "+OK\r\n.\r\n"),
        ("DELE 2", "-ERR\r\n"),
        ("DELE 3", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let outcome = run(peer, &Caller::choosing([("a", Choice::Delete)]));
    assert_eq!(outcome.not_deleted, [(1, Some(Retry::Later)), (2, Some(Retry::Unknown))]);
    assert_eq!((outcome.deletions, outcome.closed), (1, ALL));
}

#[test]
fn an_equal_unique_id_is_no_name_and_each_message_that_has_it_is_fetched() {
    // R-1939-27
    let peer = lines([
        ("UIDL", "+OK\r\n1 same\r\n2 other\r\n3 same\r\n4 same\r\n5 kept\r\n6 kept\r\n.\r\n"),
        ("RETR 1", "+OK\r\n1\r\n.\r\n"),
        ("RETR 2", "+OK\r\n2\r\n.\r\n"),
        ("RETR 3", "+OK\r\n3\r\n.\r\n"),
        ("RETR 4", "+OK\r\n.\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let caller = Caller { deletes: |_| false, ..Caller::choosing([("kept", Choice::Keep)]) };
    let outcome = run(peer, &caller);
    assert_eq!(names(&outcome), [None, Some("other"), None, None]);
    let repeated: Vec<_> = outcome.complete.iter().map(|message| message.repeated_id.as_deref()).collect();
    assert_eq!(repeated, [Some("same"), None, Some("same"), Some("same")]);
    assert_eq!(outcome.closed, ALL);
}

#[test]
fn what_is_stored_by_an_equal_unique_id_deletes_no_message_unseen() {
    // The one that is stored may be either.
    let peer = lines([
        ("UIDL", "+OK\r\n1 same\r\n2 had\r\n3 same\r\n.\r\n"),
        ("DELE 2", "+OK\r\n"),
        ("RETR 1", "+OK\r\n.\r\n"),
        ("RETR 3", "+OK\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("DELE 3", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let outcome = run(peer, &Caller::choosing([("same", Choice::Delete), ("had", Choice::Delete)]));
    assert_eq!(outcome.listed, Some((2, 1)));
    assert_eq!((names(&outcome), outcome.deletions), (vec![None, None], 3));
}
