//! The plan to fetch what isn't there yet, where the server or the caller is odd, and how it ends.

use std::time::Duration;

use allocation_counter::measure;
use pop3_proto::client::{Action, Choice, Closed, Config, Fetch, Progress, Retry, SendError};
use pop3_proto::message::{MessageNumber, Removal};

use crate::common::fetch::*;
use crate::common::{Script, Store};

#[test]
fn a_judge_that_changes_its_mind_about_a_unique_id_loses_nothing() {
    // As one does that takes what it knows out of a list when it is asked, or looks at the time.
    for (first, second, writes) in [
        (Choice::Keep, Choice::Delete, "RETR 2\r\n"),
        (Choice::Delete, Choice::Keep, "RETR 1\r\n"),
        (Choice::Keep, Choice::Fetch, "RETR 2\r\n"),
        (Choice::Delete, Choice::Fetch, "RETR 1\r\n"),
        (Choice::Keep, Choice::Keep, "QUIT\r\n"),
    ] {
        let mut plan = Plan::listing("-ERR\r\n");
        let mut choices = [first, second].into_iter();
        plan.hears(b"+OK\r\n1 same\r\n2 same\r\n.\r\n", |_| choices.next().unwrap());
        assert_eq!(plan.writes(), writes);
        for progress in plan.fetches(b"+OK\r\n.\r\n") {
            let Progress::Begins(wanted) = progress else { panic!("{progress:?}") };
            assert_eq!((wanted.unique_id(), wanted.repeated_id()), (None, Some(&b"same"[..])));
        }
    }
}

#[test]
fn messages_of_one_unique_id_are_deleted_together_or_not_at_all() {
    // If one alone were left, the next session would take it for what is stored.
    let uidl = ("UIDL", "+OK\r\n1 same\r\n2 other\r\n3 same\r\n.\r\n");
    let (one, two, three) = (("RETR 1", "+OK\r\n.\r\n"), ("RETR 2", "+OK\r\n.\r\n"), ("RETR 3", "+OK\r\n.\r\n"));
    let (dele, quit) = (("DELE 2", "+OK\r\n"), ("QUIT", "+OK\r\n"));
    let had = || Caller::choosing([("same", Choice::Delete)]);
    let refused = run(lines([uidl, one, two, ("RETR 3", "-ERR [SYS/TEMP] later\r\n"), dele, quit]), &had());
    assert_eq!((refused.refused, refused.deletions), (vec![(3, Retry::Later)], 1));
    let full = Caller { deletes: |number| number != 1, ..had() };
    assert_eq!(run(lines([uidl, one, two, three, dele, quit]), &full).deletions, 1);
    let ids: Vec<String> = (0..20).map(|number| format!("id-{}", number % 19)).collect();
    let store = fill(Store::identified(ids.iter().map(String::as_str)), ids.iter().map(|_| b"a".to_vec()));
    let stopped = run(server(&store), &Caller { enough: 1, ..Caller::default() });
    assert_eq!((numbers(&stopped)[0], stopped.complete[0].repeated_id.as_deref()), (1, Some("id-0")));
    assert_eq!(store.removed(), numbers(&stopped)[1..]);
}

#[test]
fn a_message_number_that_is_listed_twice_is_fetched_once_and_deletes_nothing_unseen() {
    for choices in [
        [Choice::Delete, Choice::Fetch],
        [Choice::Fetch, Choice::Delete],
        [Choice::Delete, Choice::Keep],
        [Choice::Keep, Choice::Delete],
    ] {
        let mut plan = Plan::listing("-ERR\r\n");
        let mut choices = choices.into_iter();
        let listed = plan.hears(b"+OK\r\n1 a\r\n1 b\r\n.\r\n", |_| choices.next().unwrap());
        assert_eq!(listed, [Progress::Listed { to_fetch: 1, to_delete: 0, is_complete: false }]);
        let [_, Progress::Complete(wanted)] = &plan.gets(1)[..] else { panic!() };
        assert_eq!((wanted.message(), wanted.unique_id()), (MessageNumber::FIRST, None));
        plan.fetch.delete(wanted.message());
        assert_eq!(plan.writes(), "DELE 1\r\n");
    }
}

#[test]
fn what_is_stored_when_all_is_fetched_is_still_deleted() {
    let store = Store::new(["a"; 100]);
    let config = Config::new().queue(510).unwrap();
    let outcome = run(server(&store), &Caller { batch: 100, capa: true, config, ..Caller::default() });
    assert_eq!((outcome.deletions, outcome.closed), (100, ALL));
    assert_eq!(store.removed(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn there_is_no_quit_until_the_fate_of_each_message_is_decided() {
    let mut plan = Plan::listing("+OK 3 9\r\n");
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    plan.retrieves(1);
    assert_eq!(plan.writes(), "STAT\r\n");
    // Nobody can decide on what hasn't come, isn't known to be complete, or isn't there.
    for unknown in [1, 2, 3, 4, u32::MAX] {
        plan.fetch.delete(number(unknown));
        plan.fetch.keep(number(unknown));
    }
    plan.fetches(b"+OK 3 9\r\n");
    plan.gets(2);
    plan.gets(3);
    assert_eq!(plan.writes(), "");
    assert!(matches!(plan.script.client.session.poll(Duration::ZERO), Ok(Action::Idle(_))));
    // In any order, and the first word counts.
    plan.fetch.delete(number(3));
    plan.fetch.keep(number(3));
    assert_eq!(plan.writes(), "DELE 3\r\n");
    plan.fetches(b"+OK\r\n");
    plan.fetch.delete(number(3));
    plan.fetch.keep(number(1));
    plan.fetch.delete(number(1));
    assert_eq!(plan.writes(), "");
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(true));
    plan.fetch.keep(number(2));
    assert_eq!(plan.writes(), "QUIT\r\n");
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(false));
    assert_eq!(plan.fetch.deletions(), 1);
}

#[test]
fn a_plan_that_is_finished_early_deletes_what_is_stored_and_quits() {
    let store = Store::new(["a"; 100]);
    let caller = Caller { enough: 3, ..Caller::choosing([("uid-90", Choice::Delete)]) };
    let outcome = run(server(&store), &caller);
    let retrieved = outcome.sent.iter().filter(|line| line.starts_with("RETR")).count();
    assert!((3..=11).contains(&retrieved), "{retrieved}");
    assert_eq!(outcome.complete.len(), retrieved);
    let mut removed = numbers(&outcome);
    removed.push(90);
    assert_eq!((store.removed(), outcome.closed), (removed, ALL));
}

#[test]
fn a_plan_that_is_finished_before_anything_is_fetched_deletes_what_it_was_told_to() {
    let mut plan = Plan::logged_in();
    plan.fetch.finish();
    assert_eq!(plan.writes(), "QUIT\r\n");
    let mut plan = Plan::listing("+OK 2 6\r\n");
    plan.fetch.finish();
    assert_eq!(plan.writes(), "");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n.\r\n", |id| if id == b"b" { Choice::Delete } else { Choice::Fetch });
    assert_eq!(plan.writes(), "DELE 2\r\n");
    plan.fetches(b"+OK\r\n");
    assert_eq!((plan.writes().as_str(), plan.fetch.deletions()), ("QUIT\r\n", 1));
}

#[test]
fn a_plan_waits_for_the_login_and_leaves_a_failed_one_to_the_caller() {
    let mut plan = Plan::with(Script::new(Config::new()), Fetch::new());
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(true));
    plan.script.says("+OK\r\n");
    assert_eq!(plan.writes(), "");
    plan.script.client.say("USER mrose\r\nPASS wrong");
    assert_eq!(plan.writes(), "USER mrose\r\n");
    plan.script.says("+OK\r\n");
    assert_eq!(plan.writes(), "PASS wrong\r\n");
    assert_eq!(plan.script.says("-ERR [AUTH]\r\n"), ["PASS -ERR (AUTH)"]);
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(true));
    assert_eq!(plan.writes(), "");
    plan.script.let_in();
    assert_eq!(plan.writes(), "STAT\r\n");
}

#[test]
fn a_plan_lets_the_session_tell_how_it_ends() {
    // Before login, and amid the plan.
    let mut plan = Plan::with(Script::new(Config::new()), Fetch::new());
    plan.script.says("+OK\r\n");
    plan.script.client.say("QUIT");
    assert_eq!(plan.writes(), "QUIT\r\n");
    plan.script.says("+OK\r\n");
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(false));
    assert_eq!(plan.script.closed(), Ok(Closed::Quit(Removal::All)));
    let mut plan = Plan::logged_in();
    plan.writes();
    assert!(plan.script.hangs_up().is_err());
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(false));
}

#[test]
fn a_plan_that_can_not_be_carried_out_says_so() {
    let mut plan = Plan::logged_in();
    plan.script.client.say("QUIT");
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Err(SendError::Over));
    let mut plan = Plan::logged_in();
    assert_eq!(plan.script.says("-ERR idle for too long\r\n"), ["farewell -ERR idle for too long"]);
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Err(SendError::Over));
}

#[test]
fn a_plan_says_nothing_to_another_session_where_its_numbers_mean_other_messages() {
    let mut plan = Plan::listing("+OK 2 6\r\n");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n.\r\n", |_| Choice::Delete);
    plan.script = Script::new(Config::new());
    assert_eq!(plan.writes(), "");
    plan.script.log_in();
    assert_eq!(plan.fetch.advance(&mut plan.script.client.session), Ok(false));
    assert_eq!(plan.writes(), "");
}

#[test]
fn a_list_without_end_takes_no_more_than_64_mib_and_what_is_left_out_is_told() {
    // R-GEN-04
    for (octets, choice) in [(1, Choice::Fetch), (1, Choice::Keep), (400, Choice::Delete)] {
        let mut plan = Plan::listing("-ERR\r\n");
        let (mut entries, mut left_out) = (0, 0);
        let used = measure(|| {
            feed(&mut plan.script.client.session, b"+OK\r\n", |_| {});
            while left_out == 0 {
                let lines: Vec<_> =
                    (1..100).map(|more| entries + more).map(|n| format!("{n} {n:0octets$}\r\n")).collect();
                feed(&mut plan.script.client.session, lines.concat().as_bytes(), |event| {
                    entries += 1;
                    plan.fetch.observe(event, |_| panic!("the list has no end"));
                    let progress = plan.fetch.progress();
                    left_out += usize::from(progress == Some(Progress::LeftOut(number(entries))));
                    assert!(progress.is_none() && left_out == 0 || left_out > 0, "{progress:?}");
                    assert!(entries < 1_000_000, "nothing is left out");
                });
            }
            let end = plan.hears(b".\r\n", |_| choice);
            let to_fetch = if choice == Choice::Fetch { entries as usize - left_out } else { 0 };
            // What is left out may have the unique-id of any of the others.
            assert_eq!(end, [Progress::Listed { to_fetch, to_delete: 0, is_complete: false }]);
        });
        assert!(used.bytes_max < 65 << 20, "{octets} {choice:?}: {used:?}");
        assert!(entries > if octets > 1 { 100_000 } else { 400_000 }, "{entries}");
    }
}

#[test]
fn octets_without_end_take_no_more_either() {
    // R-GEN-04: LIST names the messages, or comes beside UIDL.
    for (fetch, lists) in [(Fetch::without_unique_ids(), "LIST\r\n"), (Fetch::new().with_octets(), "UIDL\r\n")] {
        let mut plan = Plan::with(Script::logged_in(Config::new()), fetch);
        assert_eq!(plan.writes(), "STAT\r\n");
        plan.fetches(b"-ERR\r\n");
        assert_eq!(plan.writes(), lists);
        let by_number = lists == "LIST\r\n";
        if !by_number {
            plan.fetches(b"+OK\r\n1 a\r\n.\r\n");
            assert_eq!(plan.writes(), "LIST\r\n");
        }
        let used = measure(|| {
            feed(&mut plan.script.client.session, b"+OK\r\n", |_| {});
            for thousand in 0..1_500 {
                let lines =
                    (1..=1_000).map(|more| format!("{} 5\r\n", thousand * 1_000 + more)).collect::<Vec<_>>().concat();
                feed(&mut plan.script.client.session, lines.as_bytes(), |event| {
                    plan.fetch.observe(event, |_| panic!("the list has no end"));
                    while plan.fetch.progress().is_some() {}
                });
            }
            let told = plan.judges(b".\r\n", |message| {
                assert_eq!(message.octets(), Some(5));
                Choice::Fetch
            });
            let [Progress::Listed { to_fetch, is_complete, .. }] = told[..] else { panic!() };
            assert!(
                if by_number { to_fetch > 300_000 } else { to_fetch == 1 } && is_complete != by_number,
                "{to_fetch}"
            );
        });
        assert!(used.bytes_max < 65 << 20, "{lists}: {used:?}");
    }
}

#[test]
fn what_a_plan_tells_is_text_for_a_log_without_what_the_server_has_made_up() {
    let mut plan = Plan::listing("+OK 4 40\r\n");
    let mut told = plan.hears(b"+OK\r\n1 secret\r\n2 \r\nx\r\n3 secret\r\n.\r\n", |_| Choice::Fetch);
    told.extend(plan.gets(1));
    assert_eq!(plan.writes(), "RETR 2\r\n");
    told.extend(plan.fetches(b"-ERR [SYS/TEMP] secret\r\n"));
    assert_eq!(plan.writes(), "STAT\r\n");
    told.extend(plan.fetches(b"+OK 4 40\r\n"));
    assert_eq!(plan.writes(), "RETR 3\r\n");
    told.extend(plan.fetches(b"-ERR secret\r\n"));
    assert_eq!(plan.writes(), "STAT\r\n");
    told.extend(plan.fetches(b"+OK 4 40\r\n"));
    plan.fetch.delete(number(1));
    assert_eq!(plan.writes(), "QUIT\r\n");
    told.extend(std::iter::from_fn(|| plan.fetch.progress()));
    let text: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "message 2: its line of the list can't be read",
            "a line of the list can't be read",
            "messages to fetch: 3, to delete: 0",
            "message 1: it begins",
            "message 1: it is complete",
            "message 2: not fetched: the server has a problem that is likely to pass",
            "message 3: not fetched: the server gives no reason",
            "message 1: not deleted: others have its unique-id, or may have it",
        ]
    );
}
