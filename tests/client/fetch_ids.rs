//! The plan to fetch what isn't there yet, and the unique-ids: those that are missing, odd, repeated, and those that come
//! back.

use pop3_proto::client::{Choice, Config, Fetch, Progress, Retry};

use crate::common::fetch::*;

/// What is listed where nothing is odd.
fn listed(to_fetch: usize, to_delete: usize, is_complete: bool) -> Progress {
    Progress::Listed { to_fetch, to_delete, is_complete }
}

/// A plan for an account of which nothing is stored.
fn first() -> Fetch {
    Fetch::new().nothing_stored(true)
}

const BY_NUMBER: [(&str, &str); 6] = [
    ("LIST", "+OK\r\n1 5\r\n2 5\r\n.\r\n"),
    ("RETR 1", "+OK\r\n1\r\n.\r\n"),
    ("RETR 2", "+OK\r\n2\r\n.\r\n"),
    ("DELE 1", "+OK\r\n"),
    ("DELE 2", "+OK\r\n"),
    ("QUIT", "+OK\r\n"),
];

#[test]
fn the_first_plan_of_an_account_lists_by_number_where_uidl_is_unknown() {
    // R-1939-27, R-2449-15: whether CAPA failed, wasn't sent, or leaves UIDL out.
    for (capa, listed) in [(false, ""), (true, "-ERR\r\n"), (true, "+OK\r\nUSER\r\n.\r\n")] {
        let peer = lines([&[("CAPA", listed), ("UIDL", "-ERR what?\r\n")], &BY_NUMBER[..]].concat());
        let outcome = run(peer, &Caller { plan: first, capa, ..Caller::default() });
        assert_eq!(outcome.sent[..3], ["STAT", "UIDL", "LIST"]);
        assert_eq!((names(&outcome), outcome.is_complete, outcome.closed), (vec![None, None], false, ALL));
        assert!(outcome.complete.iter().all(|message| message.repeated_id.is_none()));
    }
}

#[test]
fn a_uidl_that_fails_is_not_taken_for_missing_where_there_is_reason_to_think_otherwise() {
    // R-1939-27, R-3206-01: nothing is fetched twice because the unique-ids can't be had now.
    let announced = "+OK\r\nUIDL\r\n.\r\n";
    for (plan, capa, refusal, retry) in [
        (Fetch::new as fn() -> Fetch, "-ERR\r\n", "-ERR what?\r\n", Retry::Unknown),
        (first, announced, "-ERR index is busy\r\n", Retry::Unknown),
        (first, "-ERR\r\n", "-ERR [SYS/TEMP] busy\r\n", Retry::Later),
        (first, "-ERR\r\n", "-ERR [X-OTHER] busy\r\n", Retry::Unknown),
        (Fetch::new, announced, "-ERR [SYS/PERM]\r\n", Retry::Stop),
    ] {
        let peer = lines([("CAPA", capa), ("UIDL", refusal), ("QUIT", "+OK\r\n")]);
        let outcome = run(peer, &Caller { plan, capa: true, ..Caller::default() });
        assert_eq!((outcome.list_refused, outcome.listed, outcome.closed), (Some(retry), None, ALL), "{refusal}");
    }
}

#[test]
fn uidl_is_sent_though_capa_leaves_it_out() {
    // R-1939-27: some servers forget to list it, or list it only after login.
    let peer = lines([
        ("CAPA", "+OK\r\nTOP\r\n.\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n.\r\n"),
        ("RETR 1", "+OK\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let outcome = run(peer, &Caller { capa: true, ..Caller::default() });
    assert_eq!((names(&outcome), outcome.closed), (vec![Some("a")], ALL));
}

#[test]
fn a_plan_without_unique_ids_asks_for_none() {
    let caller = Caller { plan: Fetch::without_unique_ids, ..Caller::default() };
    let outcome = run(lines(BY_NUMBER), &caller);
    assert_eq!(outcome.sent[..2], ["STAT", "LIST"]);
    assert_eq!((names(&outcome), outcome.is_complete, outcome.closed), (vec![None, None], false, ALL));
    let outcome = run(lines([("LIST", "-ERR\r\n"), ("QUIT", "+OK\r\n")]), &caller);
    assert_eq!((outcome.list_refused, outcome.closed), (Some(Retry::Unknown), ALL));
}

#[test]
fn nothing_is_listed_where_there_are_no_messages() {
    // R-1939-27
    let mut plan = Plan::logged_in();
    assert_eq!(plan.writes(), "STAT\r\n");
    assert_eq!(plan.fetches(b"+OK 0 0\r\n"), [listed(0, 0, true)]);
    assert_eq!(plan.writes(), "QUIT\r\n");
}

#[test]
fn a_list_is_complete_when_each_line_is_readable_and_there_are_as_many_as_stat_said() {
    // R-1939-27, R-GEN-16
    for (stat, lines, expected) in [
        ("+OK 2 9\r\n", "1 a\r\n2 b\r\n", vec![listed(1, 1, true)]),
        ("-ERR\r\n", "1 a\r\n2 b\r\n", vec![listed(1, 1, true)]),
        ("+OK many\r\n", "1 a\r\n2 b\r\n", vec![listed(1, 1, true)]),
        // Mail may have come meanwhile. It isn't known to be all, but nothing is missing.
        ("+OK 1 9\r\n", "1 a\r\n2 b\r\n", vec![listed(1, 1, false)]),
        // A third message may have either of the unique-ids.
        ("+OK 3 9\r\n", "1 a\r\n2 b\r\n", vec![Progress::Unlisted(1), listed(1, 0, false)]),
        ("+OK 3 9\r\n", "1 a\r\n2 b\r\n2 c\r\n", vec![Progress::Unlisted(1), listed(1, 0, false)]),
        ("+OK 9 9\r\n", "", vec![Progress::Unlisted(9), listed(0, 0, false)]),
        ("+OK 3 9\r\n", "1 a\r\n2 b\r\nx c\r\n", vec![Progress::Unreadable(None), listed(1, 0, false)]),
        ("+OK 3 9\r\n", "1 a\r\n03x a\r\n2 b\r\n", vec![Progress::Unreadable(None), listed(1, 0, false)]),
    ] {
        let mut plan = Plan::listing(stat);
        let answer = format!("+OK\r\n{lines}.\r\n");
        let heard = plan.hears(answer.as_bytes(), |id| if id == b"a" { Choice::Delete } else { Choice::Fetch });
        assert_eq!(heard, expected, "{stat}{lines}");
    }
}

#[test]
fn a_message_whose_unique_id_can_not_be_read_is_fetched_without_one() {
    // R-1939-27, R-GEN-16: the message is there, and any other may have its unique-id.
    let mut plan = Plan::listing("+OK 3 9\r\n");
    let heard = plan.hears(b"+OK\r\n1 a\r\n2 \r\n3 c\r\n.\r\n", |_| Choice::Delete);
    assert_eq!(heard, [Progress::Unreadable(Some(number(2))), listed(1, 0, false)]);
    assert_eq!(plan.writes(), "RETR 2\r\n");
    // So is one whose octets can't be read.
    let peer = lines([
        ("LIST", "+OK\r\n1 5\r\n2 big\r\n.\r\n"),
        ("RETR 1", "+OK\r\n.\r\n"),
        ("RETR 2", "+OK\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("DELE 2", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let outcome = run(peer, &Caller { plan: Fetch::without_unique_ids, ..Caller::default() });
    assert_eq!((numbers(&outcome), outcome.unreadable), (vec![1, 2], vec![Some(2)]));
}

#[test]
fn unique_ids_with_spaces_are_different_messages() {
    // R-1939-27
    let peer = lines([
        ("UIDL", "+OK\r\n1 Mon 3 May 10:00\r\n2 Mon 3 May 12:30\r\n.\r\n"),
        ("RETR 2", "+OK\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("DELE 2", "+OK\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let outcome = run(peer, &Caller::choosing([("Mon 3 May 10:00", Choice::Delete)]));
    assert_eq!((names(&outcome), outcome.deletions), (vec![Some("Mon 3 May 12:30")], 2));
}

#[test]
fn what_quit_has_removed_is_reported_and_nothing_else() {
    // R-1939-27: a unique-id is forgotten at the answer to QUIT, for each message whose DELE was accepted.
    let peer = |quit| {
        lines([
            ("UIDL", "+OK\r\n1 had\r\n2 new\r\n3 kept\r\n4 busy\r\n5 same\r\n6 same\r\n.\r\n"),
            ("RETR 2", "+OK\r\n.\r\n"),
            ("RETR 3", "+OK\r\n.\r\n"),
            ("RETR 4", "+OK\r\n.\r\n"),
            ("RETR 5", "+OK\r\n.\r\n"),
            ("RETR 6", "+OK\r\n.\r\n"),
            ("DELE 1", "+OK\r\n"),
            ("DELE 2", "+OK\r\n"),
            ("DELE 4", "-ERR\r\n"),
            ("DELE 5", "+OK\r\n"),
            ("DELE 6", "+OK\r\n"),
            ("QUIT", quit),
        ])
    };
    let caller = Caller { deletes: |number| number != 3, ..Caller::choosing([("had", Choice::Delete)]) };
    let removed = run(peer("+OK\r\n"), &caller).removed;
    assert_eq!(removed.iter().map(Option::as_deref).collect::<Vec<_>>(), ["had", "new", "same", "same"].map(Some));
    assert_eq!(run(peer("-ERR\r\n"), &caller).removed, []);
}

#[test]
fn each_unique_id_that_a_removed_message_is_listed_by_is_reported() {
    // R-1939-27: any of them may be the one that an earlier session has stored it by, and none at all too.
    let peer = lines([
        ("UIDL", "+OK\r\n2 x\r\n1 a\r\n1 b\r\n1\r\n.\r\n"),
        ("RETR 1", "+OK\r\n.\r\n"),
        ("RETR 2", "+OK\r\n.\r\n"),
        ("DELE 1", "+OK\r\n"),
        ("DELE 2", "-ERR\r\n"),
        ("QUIT", "+OK\r\n"),
    ]);
    let removed = run(peer, &Caller::default()).removed;
    assert_eq!(removed, [Some("a".to_owned()), Some("b".to_owned()), None]);
}

#[test]
fn whole_unique_ids_are_compared_however_alike_they_are() {
    // Same length, same ends, one octet of difference; and one is the beginning of the other.
    let long = "x".repeat(69);
    let answer = format!("+OK\r\n1 {long}a\r\n2 {long}b\r\n3 {long}\r\n4 {long}a\r\n.\r\n");
    let mut plan = Plan::listing("+OK 4 9\r\n");
    assert_eq!(plan.hears(answer.as_bytes(), |_| Choice::Delete), [listed(2, 2, true)]);
    assert_eq!(plan.writes(), "RETR 1\r\n");
}

#[test]
fn what_is_stored_and_stays_is_fetched_again_only_where_its_unique_id_is_no_name_any_more() {
    let mut plan = Plan::listing("+OK 3 9\r\n");
    let heard = plan.hears(b"+OK\r\n1 had\r\n2 same\r\n3 same\r\n.\r\n", |_| Choice::Stored);
    assert_eq!(heard, [listed(2, 0, true)]);
    assert_eq!(plan.writes(), "RETR 2\r\n");
}

#[test]
fn messages_that_are_listed_twice_in_any_way_are_fetched_and_then_deleted() {
    // A number with the same unique-id twice; numbers and unique-ids that hang together in a chain.
    for (list, messages) in
        [("1 a\r\n1 a\r\n", 1), ("1 a\r\n1 b\r\n2 b\r\n3 c\r\n2 c\r\n", 3), ("1 a\r\n1 a\r\n2 a\r\n", 2)]
    {
        let mut plan = Plan::listing("-ERR\r\n");
        let mut heard = plan.hears(format!("+OK\r\n{list}.\r\n").as_bytes(), |_| Choice::Delete);
        assert_eq!(heard, [listed(messages, 0, false)]);
        for message in 1..=messages {
            heard.extend(plan.gets(u32::try_from(message).unwrap()));
        }
        assert_eq!(heard.iter().filter(|progress| matches!(progress, Progress::Complete(_))).count(), messages);
        for message in 1..=messages {
            assert_eq!(plan.writes(), "", "{list}");
            plan.fetch.delete(number(u32::try_from(message).unwrap()));
        }
        for message in 1..=messages {
            assert_eq!(plan.writes(), format!("DELE {message}\r\n"));
            plan.fetches(b"+OK\r\n");
        }
        assert_eq!(plan.writes(), "QUIT\r\n");
    }
}

#[test]
fn a_message_that_waits_for_its_equals_in_vain_is_reported() {
    let mut plan = Plan::listing("+OK 2 9\r\n");
    plan.fetches(b"+OK\r\n1 same\r\n2 same\r\n.\r\n");
    plan.gets(1);
    plan.gets(2);
    plan.fetch.delete(number(2));
    plan.fetch.keep(number(1));
    assert_eq!(plan.writes(), "QUIT\r\n");
    let Some(Progress::NotDeleted(wanted, None)) = plan.fetch.progress() else { panic!() };
    assert_eq!((wanted.message(), plan.fetch.progress()), (number(2), None));
}

#[test]
fn a_message_that_waits_for_its_equals_is_not_reported_again_where_nothing_is_deleted() {
    // R-GEN-14
    for answer in ["+OK 1 9\r\n", "+OK\r\n"] {
        let mut plan = Plan::listing("+OK 2 9\r\n");
        plan.fetches(b"+OK\r\n1 same\r\n2 same\r\n.\r\n");
        plan.gets(1);
        plan.retrieves(2);
        plan.fetch.delete(number(1));
        assert_eq!(plan.writes(), "STAT\r\n");
        // The session is out of step, and the message unproven.
        assert_eq!(plan.fetches(answer.as_bytes()).len(), 2, "{answer}");
        plan.gives_up();
        assert_eq!(plan.fetch.progress(), None, "{answer}");
    }
}

#[test]
fn a_plan_fetches_last_what_it_is_asked_to() {
    // R-GEN-14
    let store = crate::common::Store::new(["a", "b", "c", "d"]);
    let caller = Caller::choosing([("uid-1", Choice::Last), ("uid-3", Choice::Last)]);
    assert_eq!(numbers(&run(server(&store), &caller)), [2, 4, 1, 3]);
    let config = Config::new().pipelining(false);
    let caller = Caller { config, ..caller };
    assert_eq!(numbers(&run(server(&crate::common::Store::new(["a", "b", "c", "d"])), &caller)), [2, 4, 1, 3]);
}
