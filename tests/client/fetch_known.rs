//! The plan that looks only at what is newer than a message that its caller knows.

use std::collections::BTreeSet;

use pop3_proto::client::{Choice, Config, Fetch, ListedMessage, Progress, Retry};
use proptest::prelude::*;

use crate::common::fetch::*;
use crate::common::{Script, Store};

/// A plan that knows these, on a server that counts so many messages; it has sent STAT and heard the answer.
fn counted(known: &[&str], messages: u32, pipelining: bool, with: impl Fn(Fetch) -> Fetch) -> Plan {
    let mut plan = Plan::with(Script::logged_in(Config::new()), with(Fetch::new().after_known(known)));
    plan.script.asks("CAPA", if pipelining { "+OK\r\nPIPELINING\r\n.\r\n" } else { "-ERR\r\n" });
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.stat = format!("+OK {messages} 99\r\n");
    assert_eq!(plan.fetches(plan.stat.clone().as_bytes()), []);
    plan
}

fn listed(to_fetch: usize) -> Progress {
    Progress::Listed { to_fetch, to_delete: 0, is_complete: false }
}

#[test]
fn unique_ids_are_asked_for_one_by_one_from_the_end_until_a_known_one_comes() {
    let mut plan = counted(&["c", "b"], 100_000, false, |plan| plan);
    let mut asked = Vec::new();
    for (number, id) in [(100_000, "e"), (99_999, "d")] {
        assert_eq!(plan.writes(), format!("UIDL {number}\r\n"));
        assert_eq!(plan.judges(format!("+OK {number} {id}\r\n").as_bytes(), |_| panic!("it isn't known yet")), []);
    }
    assert_eq!(plan.writes(), "UIDL 99998\r\n");
    let told = plan.judges(b"+OK 99998 c\r\n", |message| {
        asked.push((message.message().get(), message.unique_id().map(<[u8]>::to_vec), message.octets()));
        Choice::Fetch
    });
    // In the order in which they are fetched, as always.
    assert_eq!(asked, [(99_999, Some(b"d".to_vec()), None), (100_000, Some(b"e".to_vec()), None)]);
    assert_eq!((told, plan.writes().as_str()), (vec![listed(2)], "RETR 99999\r\n"));
}

#[test]
fn where_nothing_is_new_one_answer_is_enough() {
    let mut plan = counted(&["a"], 3, false, |plan| plan);
    assert_eq!(plan.writes(), "UIDL 3\r\n");
    assert_eq!((plan.fetches(b"+OK 3 a\r\n"), plan.writes().as_str()), (vec![listed(0)], "QUIT\r\n"));
}

#[test]
fn some_are_asked_for_ahead_and_their_answers_do_not_count_once_a_known_one_has_come() {
    let mut plan = counted(&["d"], 9, true, |plan| plan.ahead(4).newest_first());
    assert_eq!(plan.writes(), "UIDL 9\r\nUIDL 8\r\nUIDL 7\r\nUIDL 6\r\n");
    assert_eq!(plan.fetches(b"+OK 9 f\r\n+OK 8 e\r\n+OK 7 d\r\n"), [listed(2)]);
    assert_eq!(plan.writes(), "RETR 9\r\nSTAT\r\n");
    assert_eq!(plan.fetches(b"+OK 6 c\r\n"), []);
    assert_eq!(plan.fetches(format!("+OK\r\n.\r\n{}", plan.stat).as_bytes()).len(), 2);
}

#[test]
fn octets_are_asked_for_with_each() {
    let mut octets = Vec::new();
    let mut plan = counted(&["a"], 3, true, |plan| plan.ahead(2).with_octets());
    assert_eq!(plan.writes(), "UIDL 3\r\nLIST 3\r\nUIDL 2\r\nLIST 2\r\n");
    plan.fetches(b"+OK 3 c\r\n+OK 3 30\r\n+OK 2 b\r\n-ERR no\r\n");
    assert_eq!(plan.writes(), "UIDL 1\r\nLIST 1\r\n");
    plan.judges(b"+OK 1 a\r\n+OK 1 10\r\n", |message: &ListedMessage| {
        octets.push((message.message().get(), message.octets()));
        Choice::Keep
    });
    assert_eq!(octets, [(2, None), (3, Some(30))]);
}

#[test]
fn whatever_is_odd_has_all_messages_listed() {
    // R-1939-27: among it the form of the answer, which may be another one than UIDL has without a number.
    for odd in ["-ERR no such message", "+OK", "+OK b", "+OK 2 b", "+OK 3", "+OK x b", "+OK 4 a"] {
        let mut plan = counted(&["a"], 4, false, |plan| plan);
        assert_eq!(plan.writes(), "UIDL 4\r\n");
        plan.fetches(b"+OK 4 d\r\n");
        assert_eq!(plan.writes(), "UIDL 3\r\n");
        assert_eq!(plan.fetches(format!("{odd}\r\n").as_bytes()), [], "{odd}");
        assert_eq!(plan.writes(), "UIDL\r\n", "{odd}");
        let told = plan.hears(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n.\r\n", |id| match id {
            b"a" => Choice::Delete,
            _ => Choice::Keep,
        });
        assert_eq!(told, [Progress::Listed { to_fetch: 0, to_delete: 1, is_complete: true }], "{odd}");
    }
    // STAT is refused, or nothing is known.
    let mut plan = Plan::with(Script::logged_in(Config::new()), Fetch::new().after_known(["a"]));
    plan.writes();
    plan.fetches(b"-ERR\r\n");
    assert_eq!(plan.writes(), "UIDL\r\n");
    assert_eq!(counted(&[], 4, false, |plan| plan).writes(), "UIDL\r\n");
}

#[test]
fn a_uidl_that_is_refused_after_that_ends_the_plan() {
    let mut plan = counted(&["a"], 4, false, |plan| plan);
    plan.writes();
    plan.fetches(b"-ERR\r\n");
    assert_eq!(plan.writes(), "UIDL\r\n");
    assert_eq!(plan.fetches(b"-ERR\r\n"), [Progress::ListRefused(Retry::Unknown)]);
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn all_are_listed_where_no_known_message_comes_soon() {
    for messages in [3, 200] {
        let mut plan = counted(&["gone"], messages, true, |plan| plan.ahead(32));
        let mut asked = 0;
        loop {
            let written = plan.writes();
            if written == "UIDL\r\n" {
                break;
            }
            for line in written.lines() {
                let number = line.strip_prefix("UIDL ").unwrap();
                assert_eq!(plan.fetches(format!("+OK {number} id-{number}\r\n").as_bytes()), []);
                asked += 1;
            }
        }
        assert_eq!(asked, messages.min(128));
        let lines: Vec<String> = (1..=messages).map(|number| format!("{number} id-{number}\r\n")).collect();
        let told = plan.hears(format!("+OK\r\n{}.\r\n", lines.concat()).as_bytes(), |_| Choice::Keep);
        assert_eq!(told, [Progress::Listed { to_fetch: 0, to_delete: 0, is_complete: true }]);
    }
}

#[test]
fn nothing_is_deleted_and_nothing_forgotten_where_only_what_is_new_was_listed() {
    // R-1939-27, R-GEN-16: a message that isn't listed may have the unique-id of one that is.
    let mut plan = counted(&["a"], 4, false, |plan| plan);
    for (number, id) in [(4, "d"), (3, "c"), (2, "a")] {
        assert_eq!(plan.writes(), format!("UIDL {number}\r\n"));
        let told = plan.hears(format!("+OK {number} {id}\r\n").as_bytes(), |id| match id {
            b"d" => Choice::Delete,
            _ => Choice::Fetch,
        });
        assert_eq!(told, if number == 2 { vec![listed(1)] } else { vec![] });
    }
    plan.gets(3);
    plan.fetch.delete(number(3));
    let Some(Progress::NotDeleted(message, None)) = plan.fetch.progress() else { panic!() };
    assert_eq!((message.message(), plan.fetch.progress()), (number(3), None));
    plan.fetch.delete(number(3));
    assert_eq!((plan.writes().as_str(), plan.fetch.progress(), plan.fetch.deletions()), ("QUIT\r\n", None, 0));
}

#[test]
fn equals_among_the_new_ones_have_no_name() {
    let mut plan = counted(&["a"], 3, false, |plan| plan);
    for number in [3, 2] {
        plan.writes();
        plan.fetches(format!("+OK {number} same\r\n").as_bytes());
    }
    plan.writes();
    let mut names = Vec::new();
    plan.judges(b"+OK 1 a\r\n", |message| {
        names.push((message.unique_id().is_some(), message.repeated_id().is_some()));
        Choice::Stored
    });
    assert_eq!((names, plan.writes().as_str()), (vec![(false, true); 2], "RETR 2\r\n"));
}

#[test]
fn a_plan_that_is_finished_while_it_looks_asks_for_nothing_more() {
    let mut plan = counted(&["a"], 3, false, |plan| plan);
    assert_eq!(plan.writes(), "UIDL 3\r\n");
    plan.fetch.finish();
    plan.fetches(b"+OK 3 c\r\n");
    assert_eq!(plan.writes(), "QUIT\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mail_that_stays_on_the_server_is_fetched_once_wherever_programs_die(
        arrivals in prop::collection::vec((0_usize..5, 1_usize..90, any::<u32>(), any::<bool>()), 1..8),
        capa in any::<bool>(),
    ) {
        // R-1939-27
        let mut count = 3_usize;
        let (mut files, mut known) = (Vec::<Vec<u8>>::new(), BTreeSet::<String>::new());
        let last = (0, usize::MAX, 0, true);
        for (arrived, dies, seed, newest_first) in arrivals.into_iter().chain([last, last]) {
            count += arrived;
            let store = Store::new((0..count).map(|number| format!("{number}\r\n")));
                        let caller = Caller {
                choices: known.iter().map(|id| (id.clone(), Choice::Stored)).collect(),
                // Those up to which all are there.
                known: (1..=count).map(|number| format!("uid-{number}")).take_while(|id| known.contains(id)).collect(),
                plan: if newest_first { || Fetch::new().newest_first() } else { Fetch::new },
                deletes: |_| false,
                capa,
                dies,
                seed: seed.into(),
                ..Caller::default()
            };
            let outcome = run(server(&store), &caller);
            prop_assert!(store.removed().is_empty());
            // What is stored counts, whether the program lives on or not.
            for message in outcome.complete {
                prop_assert!(!files.contains(&message.octets), "{:?} is fetched twice", message);
                known.insert(message.unique_id.unwrap());
                files.push(message.octets);
            }
        }
        prop_assert_eq!(files.len(), count);
    }
}
