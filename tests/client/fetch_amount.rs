//! What the caller of a plan sees of the messages before it chooses, and how much the plan does in one session.

use std::collections::BTreeSet;

use pop3_proto::client::{Choice, Config, Fetch, ListedMessage, Progress, Retry};
use proptest::prelude::*;

use crate::common::fetch::*;
use crate::common::{Script, Store};

/// What a judge is shown.
type Shown = (u32, Option<String>, Option<u64>);

fn show(message: &ListedMessage) -> Shown {
    let id = message.unique_id().or(message.repeated_id());
    (message.message().get(), id.map(|id| String::from_utf8(id.to_vec()).unwrap()), message.octets())
}

fn shown(number: u32, id: &str, octets: Option<u64>) -> Shown {
    (number, Some(id.to_owned()).filter(|id| !id.is_empty()), octets)
}

/// A plan on a server with or without pipelining, that has sent STAT and heard the answer.
fn counted(fetch: Fetch, stat: &str, pipelining: bool) -> Plan {
    let mut plan = Plan::with(Script::logged_in(Config::new()), fetch);
    plan.script.asks("CAPA", if pipelining { "+OK\r\nPIPELINING\r\n.\r\n" } else { "-ERR\r\n" });
    assert_eq!(plan.writes(), "STAT\r\n");
    stat.clone_into(&mut plan.stat);
    assert_eq!(plan.fetches(stat.as_bytes()), []);
    plan
}

/// Has a plan hear octets; what its judge is shown, and what it tells.
fn asked(plan: &mut Plan, octets: &str) -> (Vec<Shown>, Vec<Progress>) {
    let mut all = Vec::new();
    let told = plan.judges(octets.as_bytes(), |message| {
        all.push(show(message));
        Choice::Keep
    });
    (all, told)
}

#[test]
fn octets_are_asked_for_beside_unique_ids_and_ahead_where_that_is_possible() {
    let (uidl, list) = ("+OK\r\n1 a\r\n2 b\r\n.\r\n", "+OK\r\n2 20\r\n1 10\r\n.\r\n");
    let all = [shown(1, "a", Some(10)), shown(2, "b", Some(20))];
    let listed = [Progress::Listed { to_fetch: 0, to_delete: 0, is_complete: true }];
    let mut plan = counted(Fetch::new().with_octets(), "+OK 2 30\r\n", true);
    assert_eq!(plan.writes(), "UIDL\r\nLIST\r\n");
    assert_eq!(asked(&mut plan, uidl), (vec![], vec![]), "nothing is asked before both lists have ended");
    assert_eq!(asked(&mut plan, list), (all.to_vec(), listed.to_vec()));
    let mut plan = counted(Fetch::new().with_octets(), "+OK 2 30\r\n", false);
    assert_eq!(plan.writes(), "UIDL\r\n");
    assert_eq!(asked(&mut plan, uidl), (vec![], vec![]));
    assert_eq!(plan.writes(), "LIST\r\n");
    assert_eq!(asked(&mut plan, list), (all.to_vec(), listed.to_vec()));
}

#[test]
fn octets_that_can_not_be_had_change_nothing_else() {
    for (list, first) in [
        ("-ERR [SYS/TEMP] busy\r\n", None),
        ("+OK\r\n1 many\r\n.\r\n", None),
        ("+OK\r\nx\r\n3 5\r\n.\r\n", None),
        // The largest counts.
        ("+OK\r\n1 7\r\n1 9\r\n1 8\r\n.\r\n", Some(9)),
    ] {
        let mut plan = counted(Fetch::new().with_octets(), "+OK 2 30\r\n", false);
        plan.writes();
        plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n.\r\n");
        assert_eq!(plan.writes(), "LIST\r\n");
        let (all, told) = asked(&mut plan, list);
        assert_eq!(all, [shown(1, "a", first), shown(2, "b", None)], "{list}");
        assert_eq!(told, [Progress::Listed { to_fetch: 0, to_delete: 0, is_complete: true }]);
    }
}

#[test]
fn a_server_without_unique_ids_is_asked_for_octets_once() {
    for pipelining in [false, true] {
        let mut plan = counted(Fetch::new().nothing_stored(true).with_octets(), "+OK 1 10\r\n", pipelining);
        let mut written = plan.writes();
        plan.fetches(b"-ERR what?\r\n");
        written += &plan.writes();
        assert_eq!(written, "UIDL\r\nLIST\r\n");
        let (all, told) = asked(&mut plan, "+OK\r\n1 10\r\n.\r\n");
        assert_eq!(all, [shown(1, "", Some(10))]);
        assert_eq!(told, [Progress::Listed { to_fetch: 0, to_delete: 0, is_complete: false }]);
    }
}

#[test]
fn nothing_is_fetched_where_uidl_is_refused_whatever_list_says() {
    let mut plan = counted(Fetch::new().with_octets(), "+OK 1 10\r\n", true);
    assert_eq!(plan.writes(), "UIDL\r\nLIST\r\n");
    assert_eq!(asked(&mut plan, "-ERR busy\r\n"), (vec![], vec![Progress::ListRefused(Retry::Unknown)]));
    assert_eq!(asked(&mut plan, "+OK\r\n1 10\r\n.\r\n"), (vec![], vec![]));
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn the_caller_is_asked_about_each_message_whatever_its_unique_id_is_like() {
    // R-1939-27
    let mut plan = counted(Fetch::new(), "-ERR\r\n", false);
    plan.writes();
    let uidl = "+OK\r\n3 same\r\n1 own\r\n2 \r\n4 same\r\n5 x\r\n5 y\r\n.\r\n";
    let mut all = Vec::new();
    plan.judges(uidl.as_bytes(), |message| {
        all.push((show(message), message.unique_id().is_some()));
        Choice::Last
    });
    let expected = [
        (shown(1, "own", None), true),
        (shown(2, "", None), false),
        (shown(3, "same", None), false),
        (shown(4, "same", None), false),
        // Once for each line.
        (shown(5, "x", None), false),
        (shown(5, "y", None), false),
    ];
    assert_eq!(all, expected);
    assert_eq!(plan.writes(), "RETR 1\r\n");
    let mut plan = counted(Fetch::without_unique_ids(), "-ERR\r\n", false);
    plan.writes();
    assert_eq!(asked(&mut plan, "+OK\r\n1 5\r\n2 x\r\n.\r\n").0, [shown(1, "", Some(5)), shown(2, "", None)]);
}

#[test]
fn a_message_without_a_unique_id_can_be_left_alone_or_come_last() {
    // R-GEN-14
    let mut plan = counted(Fetch::without_unique_ids(), "+OK 3 15\r\n", true);
    plan.writes();
    let choose = |message: &ListedMessage| match message.message().get() {
        1 => Choice::Last,
        2 => Choice::Keep,
        _ => Choice::Fetch,
    };
    plan.judges(b"+OK\r\n1 5\r\n2 5\r\n3 5\r\n.\r\n", choose);
    assert_eq!(plan.writes(), "RETR 3\r\nSTAT\r\n");
    plan.fetches(b"+OK\r\n.\r\n+OK 3 15\r\n");
    assert_eq!(plan.writes(), "RETR 1\r\nSTAT\r\n");
}

#[test]
fn the_newest_come_first_and_the_caller_is_asked_in_that_order() {
    let mut plan = counted(Fetch::new().newest_first(), "+OK 4 40\r\n", true);
    plan.writes();
    let mut all = Vec::new();
    plan.judges(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n.\r\n", |message| {
        all.push(message.message().get());
        if all.len() == 1 { Choice::Last } else { Choice::Fetch }
    });
    assert_eq!(all, [4, 3, 2, 1]);
    let mut order = Vec::new();
    while order.len() < 4 {
        let written = plan.writes();
        for command in written.lines().filter(|line| *line != "STAT") {
            plan.fetches(b"+OK\r\n.\r\n+OK 4 40\r\n");
            order.push(command.to_owned());
        }
    }
    assert_eq!(order, ["RETR 3", "RETR 2", "RETR 1", "RETR 4"]);
}

#[test]
fn a_header_is_never_complete_and_never_deleted() {
    let mut plan = Plan::listing("+OK 2 20\r\n");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n.\r\n", |id| if id == b"a" { Choice::Header } else { Choice::Keep });
    assert_eq!(plan.writes(), "TOP 1 0\r\n");
    let [Progress::Begins(_)] = plan.fetches(b"+OK\r\nSubject: 1\r\n\r\n.\r\n")[..] else { panic!() };
    assert_eq!(plan.writes(), "STAT\r\n");
    let [Progress::Header(message)] = &plan.fetches(b"+OK 2 20\r\n")[..] else { panic!() };
    plan.fetch.delete(message.message());
    plan.fetch.keep(message.message());
    assert_eq!(plan.writes(), "QUIT\r\n");
    assert_eq!((plan.fetch.deletions(), plan.fetch.unfetched()), (0, 0));
}

#[test]
fn a_header_with_a_dot_of_its_own_is_not_taken_for_a_whole_one() {
    // R-GEN-14
    let mut plan = Plan::listing("+OK 1 20\r\n");
    plan.hears(b"+OK\r\n1 a\r\n.\r\n", |_| Choice::Header);
    assert_eq!(plan.writes(), "TOP 1 0\r\n");
    plan.fetches(b"+OK\r\nSubject: 1\r\n.\r\n");
    assert_eq!(plan.writes(), "STAT\r\n");
    let how = end(&mut plan.script.client.session, b"X-Next: 2\r\n\r\n.\r\n", |event| {
        plan.fetch.observe(event, |_| Choice::Keep);
    });
    plan.fetch.end(&how);
    let Some(Progress::Unproven(_)) = plan.fetch.progress() else { panic!("{how:?}") };
}

#[test]
fn a_header_that_is_refused_does_not_stop_the_others() {
    let mut plan = Plan::listing("+OK 2 20\r\n");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n.\r\n", |id| if id == b"a" { Choice::Header } else { Choice::Fetch });
    assert_eq!(plan.writes(), "TOP 1 0\r\n");
    let [Progress::Refused(_, Retry::Unknown)] = plan.fetches(b"-ERR no TOP\r\n")[..] else { panic!() };
    assert_eq!(plan.writes(), "STAT\r\n");
    plan.fetches(b"+OK 2 20\r\n");
    assert_eq!(plan.writes(), "RETR 2\r\n");
}

#[test]
fn of_equals_whose_header_alone_is_fetched_none_is_deleted() {
    let mut plan = Plan::listing("-ERR\r\n");
    let mut choices = [Choice::Header, Choice::Delete].into_iter();
    plan.hears(b"+OK\r\n1 same\r\n2 same\r\n.\r\n", |_| choices.next().unwrap());
    assert_eq!(plan.writes(), "TOP 1 0\r\n");
    plan.fetches(b"+OK\r\n\r\n.\r\n");
    for _ in 0..2 {
        assert_eq!(plan.writes(), "STAT\r\n");
        plan.fetches(b"-ERR\r\n");
    }
    plan.gets(2);
    plan.fetch.delete(number(2));
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn a_plan_that_may_fetch_so_many_ends_after_them_and_tells_how_many_are_left() {
    for (config, most) in [(Config::new(), 3), (Config::new().pipelining(false), 3), (Config::new(), 0)] {
        let store = Store::new(["a"; 20]);
        let caller = Caller { plan: || Fetch::new().at_most(3), capa: true, config, ..Caller::choosing([]) };
        let caller = if most == 0 { Caller { plan: || Fetch::new().at_most(0), ..caller } } else { caller };
        let outcome = run(server(&store), &caller);
        assert_eq!(outcome.sent.iter().filter(|line| line.starts_with("RETR")).count(), most);
        assert_eq!((outcome.unfetched, outcome.listed, outcome.closed), (20 - most, Some((20, 0)), ALL));
        assert_eq!(store.removed(), (1..=u32::try_from(most).unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_refused_does_not_count_and_neither_do_headers() {
    let peer = lines([
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n.\r\n"),
        ("TOP 1 0", "+OK\r\n\r\n.\r\n"),
        ("RETR 2", "-ERR gone\r\n"),
        ("RETR 3", "+OK\r\n.\r\n"),
        ("DELE 3", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let caller = Caller { plan: || Fetch::new().at_most(1), ..Caller::choosing([("a", Choice::Header)]) };
    let outcome = run(peer, &caller);
    assert_eq!((numbers(&outcome), outcome.unfetched, outcome.closed), (vec![3], 1, ALL));
}

#[test]
fn messages_that_a_finished_plan_has_taken_back_are_left_too() {
    let mut plan = counted(Fetch::new(), "+OK 3 30\r\n", true);
    plan.writes();
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    plan.writes();
    plan.fetches(b"+OK\r\n.\r\n+OK 3 30\r\n");
    plan.fetch.advance(&mut plan.script.client.session).unwrap();
    assert_eq!(plan.fetch.unfetched(), 0);
    plan.fetch.keep(number(1));
    plan.fetch.finish();
    assert_eq!(plan.writes(), "QUIT\r\n");
    assert_eq!(plan.fetch.unfetched(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plans_that_may_fetch_so_many_empty_a_maildrop_whatever_its_unique_ids_are_like(
        ids in prop::collection::vec(0_u8..9, 0..14),
        newest_first in any::<bool>(),
        capa in any::<bool>(),
        seed in any::<u32>(),
    ) {
        // R-1939-27: those that can only be deleted together never keep one another on the server.
        let mut maildrop: Vec<(String, Vec<u8>)> =
            (0..).zip(&ids).map(|(number, id)| (format!("id-{id}"), format!("{number}\r\n").into_bytes())).collect();
        let all: BTreeSet<Vec<u8>> = maildrop.iter().map(|(_, octets)| octets.clone()).collect();
        let mut files = BTreeSet::new();
        let plan = if newest_first { || Fetch::new().newest_first().at_most(2) } else { || Fetch::new().at_most(2) };
        for session in 0..=ids.len() / 2 + 1 {
            let store = Store::identified(maildrop.iter().map(|(id, _)| id.as_str()));
            let store = fill(store, maildrop.iter().map(|(_, octets)| octets.clone()));
            let outcome = run(server(&store), &Caller { plan, capa, seed: seed.into(), ..Caller::default() });
            prop_assert_eq!(&outcome.closed, &ALL);
            prop_assert!(outcome.complete.iter().filter(|message| message.repeated_id.is_none()).count() <= 2);
            files.extend(outcome.complete.into_iter().map(|message| message.octets));
            for removed in store.removed().into_iter().rev() {
                let (_, octets) = maildrop.remove(removed as usize - 1);
                prop_assert!(files.contains(&octets), "{:?} is lost", octets);
            }
            prop_assert_eq!(outcome.unfetched, maildrop.len(), "in session {}", session);
        }
        prop_assert_eq!((maildrop, files), (vec![], all));
    }
}
