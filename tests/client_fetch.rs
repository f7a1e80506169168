//! The plan to fetch what isn't there yet.

mod common;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use common::{Chance, Server, Store, normalise};
use pop3_proto::client::{Action, Closed, Config, Fetch, Progress, Removal, Retry, Security, SendError, Session, What};
use pop3_proto::message::MessageNumber;
use pop3_proto::server::Refusal;
use pop3_proto::wire::{Command, Name, Password};
use proptest::prelude::*;

/// Where the answers come from.
enum Peer {
    Server(Box<Server>),
    /// Lines to wait for, and what they are answered.
    Lines(Vec<(&'static str, &'static str)>),
}

impl Peer {
    fn answer(&mut self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Server(server) => server.receive(octets),
            Self::Lines(lines) => {
                let mut answers = Vec::new();
                for line in octets.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::trim_ascii_end) {
                    let at = lines.iter().position(|(command, _)| command.as_bytes() == line);
                    let at = at.unwrap_or_else(|| panic!("unexpected: {}", line.escape_ascii()));
                    answers.extend_from_slice(lines.remove(at).1.as_bytes());
                }
                answers
            }
        }
    }
}

/// What became of a plan.
#[derive(Default, Debug, PartialEq, Eq)]
struct Outcome {
    /// The commands of the plan, behind the login.
    sent: Vec<String>,
    /// Number, unique-id, whether it is repeated, and the message.
    complete: Vec<(u32, String, bool, Vec<u8>)>,
    refused: Vec<(u32, Retry)>,
    /// How many entries of the list made no sense.
    unreadable: u32,
    new: Option<usize>,
    list_refused: Option<Retry>,
    deletions: u32,
    closed: Option<Closed>,
}

struct Caller {
    has: BTreeSet<String>,
    /// How many messages are stored at once.
    batch: usize,
    can_store: fn(u32) -> bool,
    config: Config,
    capa: bool,
    seed: u64,
}

impl Default for Caller {
    fn default() -> Self {
        Self { has: BTreeSet::new(), batch: 1, can_store: |_| true, config: Config::new(), capa: false, seed: 0 }
    }
}

/// Carries a plan out, behind a login.
fn run(mut peer: Peer, mut fetch: Fetch, caller: &Caller) -> Outcome {
    let mut chance = Chance::new(caller.seed);
    let mut outcome = Outcome::default();
    let mut session = Session::new(caller.config.clone().into(), Security::TrustedLocal);
    if caller.capa {
        session.send(&Command::Capa).unwrap();
    }
    session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    let (mut waiting, mut body, mut logged_in) = (Vec::new(), Vec::new(), false);
    let mut unstored: Vec<MessageNumber> = Vec::new();
    let mut down = match &mut peer {
        Peer::Server(server) => server.receive(""),
        Peer::Lines(_) => b"+OK\r\n".to_vec(),
    };
    for _ in 0..1_000_000 {
        if logged_in {
            let goes_on = fetch.advance(&mut session).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
            assert_eq!(fetch.advance(&mut session), Ok(goes_on), "an advance more changes something");
        }
        match session.poll(Duration::ZERO).unwrap() {
            Action::Read(mut read) => {
                let octets = down.len().min(read.space().len()).min(1 + chance.below(30));
                assert!(octets > 0, "nobody says anything: {outcome:?}");
                read.space()[..octets].copy_from_slice(&down[..octets]);
                down.drain(..octets);
                read.filled(octets);
            }
            Action::Write(mut write) => {
                let octets = write.remaining().min(1 + chance.below(30));
                waiting.extend(write.copy_to_bytes(octets));
                let whole = waiting.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
                let lines: Vec<u8> = waiting.drain(..whole).collect();
                if logged_in {
                    outcome.sent.extend(String::from_utf8(lines.clone()).unwrap().lines().map(String::from));
                }
                down.extend(peer.answer(&lines));
            }
            Action::Event(event) => {
                logged_in |=
                    matches!(event.what(), What::Ok(_)) && event.verb().is_some_and(|it| it.as_str() == "PASS");
                match fetch.observe(&event, |id| caller.has.contains(std::str::from_utf8(id).unwrap())) {
                    Progress::None => {}
                    Progress::Unreadable => outcome.unreadable += 1,
                    Progress::Listed { new } => assert_eq!(outcome.new.replace(new), None),
                    Progress::Begins(_) => assert!(body.is_empty()),
                    Progress::Complete(wanted) => {
                        let id = String::from_utf8(wanted.unique_id.to_vec()).unwrap();
                        let message = std::mem::take(&mut body);
                        outcome.complete.push((wanted.message.get(), id, wanted.repeated, message));
                        unstored.push(wanted.message);
                    }
                    Progress::Refused(wanted, retry) => outcome.refused.push((wanted.message.get(), retry)),
                    Progress::ListRefused(retry) => outcome.list_refused = Some(retry),
                }
                event.done();
            }
            Action::Body(part) => {
                body.extend_from_slice(part.octets());
                part.done();
            }
            Action::Closed(closed) => {
                outcome.closed = Some(closed);
                outcome.deletions = fetch.deletions();
                return outcome;
            }
            Action::Idle(_) => assert!(!unstored.is_empty() || !logged_in, "idle for good: {outcome:?}"),
            other => panic!("{other:?}"),
        }
        let waits_for_the_caller = matches!(session.poll(Duration::ZERO), Ok(Action::Idle(_)));
        if unstored.len() >= caller.batch || waits_for_the_caller {
            for message in unstored.drain(..) {
                if (caller.can_store)(message.get()) { fetch.stored(message) } else { fetch.not_stored() }
            }
        }
    }
    panic!("the plan doesn't end: {outcome:?}");
}

fn server(store: &Rc<Store>) -> Peer {
    Peer::Server(Box::new(Server::patient(store)))
}

fn numbers(outcome: &Outcome) -> Vec<u32> {
    outcome.complete.iter().map(|complete| complete.0).collect()
}

const ALL: Option<Closed> = Some(Closed::Quit(Removal::All));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn only_what_is_new_is_fetched_and_only_what_is_stored_is_deleted(
        messages in prop::collection::vec("[a.\r\n]{0,30}", 0..30),
        has in prop::collection::btree_set(1_u32..30, 0..20),
        delete in any::<bool>(),
        batch in 1_usize..9,
        capa in any::<bool>(),
        small in any::<bool>(),
        seed in any::<u32>(),
    ) {
        // R-GEN-13, R-1939-24
        let store = Store::new(&messages);
        let queue = if small { 255 } else { 8_192 };
        let caller = Caller {
            has: has.iter().map(|number| format!("uid-{number}")).collect(),
            batch,
            can_store: |number| number % 5 != 0,
            config: Config::new().queue(queue).unwrap(),
            capa,
            seed: seed.into(),
        };
        let outcome = run(server(&store), Fetch::new().deleting(delete), &caller);
        let wanted: Vec<u32> = (1..).take(messages.len()).filter(|number| !has.contains(number)).collect();
        prop_assert_eq!(outcome.new, Some(wanted.len()));
        prop_assert_eq!(numbers(&outcome), wanted.clone());
        for (number, id, repeated, body) in &outcome.complete {
            prop_assert_eq!(id, &format!("uid-{number}"));
            prop_assert_eq!(body, &normalise(messages[*number as usize - 1].as_bytes()));
            prop_assert!(!repeated);
        }
        let deleted: Vec<u32> = wanted.into_iter().filter(|number| delete && number % 5 != 0).collect();
        prop_assert_eq!(outcome.deletions as usize, deleted.len());
        prop_assert_eq!(store.removed(), deleted);
        prop_assert_eq!(outcome.closed, ALL);
    }
}

#[test]
fn a_maildrop_without_anything_new_is_left_at_once() {
    let store = Store::new(["a", "b"]);
    let caller = Caller { has: ["uid-1", "uid-2"].map(String::from).into(), ..Caller::default() };
    let outcome = run(server(&store), Fetch::new().deleting(true), &caller);
    assert_eq!(outcome.sent, ["UIDL", "QUIT"]);
    assert_eq!((outcome.new, outcome.closed), (Some(0), ALL));
    let outcome = run(server(&Store::empty()), Fetch::new(), &Caller::default());
    assert_eq!(outcome.sent, ["UIDL", "QUIT"]);
}

#[test]
fn a_message_that_has_vanished_does_not_stop_the_others() {
    // R-1939-28; failure case 46
    for (refusal, retry) in [(Refusal::Gone, Retry::Unknown), (Refusal::Temporary, Retry::Later)] {
        let store = Store::new(["a", "b"]);
        store.refusal.set(Some(refusal));
        let outcome = run(server(&store), Fetch::new().deleting(true), &Caller::default());
        assert_eq!(outcome.refused, [(1, retry), (2, retry)]);
        assert_eq!((outcome.deletions, outcome.closed), (0, ALL));
    }
    let lines = vec![
        ("USER mrose", "+OK\r\n"),
        ("PASS tanstaaf", "+OK\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"),
        ("RETR 1", "+OK\r\none\r\n.\r\n"),
        ("RETR 2", "-ERR [UTF8] no\r\n"),
        ("RETR 3", "+OK\r\nthree\r\n.\r\n"),
        ("DELE 1", "-ERR\r\n"),
        ("DELE 3", "+OK\r\n"),
        ("QUIT", "-ERR\r\n"),
    ];
    let outcome = run(Peer::Lines(lines), Fetch::new().deleting(true), &Caller::default());
    assert_eq!((numbers(&outcome), outcome.refused), (vec![1, 3], vec![(2, Retry::Utf8Mode)]));
    assert_eq!((outcome.deletions, outcome.closed), (2, Some(Closed::Quit(Removal::NotAll))));
}

#[test]
fn equal_unique_ids_are_told_and_each_message_is_fetched() {
    // R-1939-27; failure case 17
    let lines = vec![
        ("USER mrose", "+OK\r\n"),
        ("PASS tanstaaf", "+OK\r\n"),
        ("UIDL", "+OK\r\n1 same\r\n2 other\r\n3 same\r\n4 same\r\n5 had\r\n6 had\r\n.\r\n"),
        ("RETR 1", "+OK\r\n1\r\n.\r\n"),
        ("RETR 2", "+OK\r\n2\r\n.\r\n"),
        ("RETR 3", "+OK\r\n3\r\n.\r\n"),
        ("RETR 4", "+OK\r\n.\r\n"),
        ("QUIT", "+OK\r\n"),
    ];
    let caller = Caller { has: ["had".into()].into(), ..Caller::default() };
    let outcome = run(Peer::Lines(lines), Fetch::new(), &caller);
    let repeated: Vec<_> = outcome.complete.iter().map(|(number, _, repeated, _)| (*number, *repeated)).collect();
    assert_eq!(repeated, [(1, false), (2, false), (3, true), (4, true)]);
    assert_eq!(outcome.closed, ALL);
}

#[test]
fn a_server_without_unique_ids_has_its_messages_listed() {
    // R-2449-15; failure case 18
    let lines = |uidl: &'static [(&str, &str)]| {
        let mut lines = vec![("USER mrose", "+OK\r\n"), ("PASS tanstaaf", "+OK\r\n")];
        lines.extend_from_slice(uidl);
        lines.extend([
            ("LIST", "+OK\r\n1 5\r\n2 x\r\n3 5\r\n.\r\n"),
            ("RETR 1", "+OK\r\n1\r\n.\r\n"),
            ("RETR 3", "+OK\r\n3\r\n.\r\n"),
            ("DELE 1", "+OK\r\n"),
            ("DELE 3", "+OK\r\n"),
            ("QUIT", "+OK\r\n"),
        ]);
        Peer::Lines(lines)
    };
    let asked = run(lines(&[("UIDL", "-ERR what?\r\n")]), Fetch::new().deleting(true), &Caller::default());
    assert_eq!(asked.sent[..2], ["UIDL", "LIST"]);
    assert_eq!((numbers(&asked), asked.new, asked.closed), (vec![1, 3], Some(2), ALL));
    assert_eq!(asked.unreadable, 1);
    assert!(asked.complete.iter().all(|(_, id, repeated, _)| id.is_empty() && !repeated));
    // One that says so isn't asked.
    let caller = Caller { capa: true, ..Caller::default() };
    let told = run(lines(&[("CAPA", "+OK\r\nUSER\r\n.\r\n")]), Fetch::new().deleting(true), &caller);
    assert_eq!(told.sent[0], "LIST");
    assert_eq!(numbers(&told), [1, 3]);
}

#[test]
fn a_list_that_can_not_be_had_ends_the_plan() {
    // R-3206-01: nothing is fetched twice because the unique-ids can't be had now.
    for (code, retry) in [("SYS/TEMP", Retry::Later), ("SYS/PERM", Retry::Stop)] {
        let refusal: &'static str = Box::leak(format!("-ERR [{code}]\r\n").into_boxed_str());
        let lines =
            vec![("USER mrose", "+OK\r\n"), ("PASS tanstaaf", "+OK\r\n"), ("UIDL", refusal), ("QUIT", "+OK\r\n")];
        let outcome = run(Peer::Lines(lines), Fetch::new().deleting(true), &Caller::default());
        assert_eq!((outcome.list_refused, outcome.new, outcome.closed), (Some(retry), None, ALL));
    }
}

#[test]
fn what_is_stored_when_all_is_fetched_is_still_deleted() {
    let store = Store::new(["a"; 100]);
    let config = Config::new().queue(255).unwrap();
    let caller = Caller { batch: 100, capa: true, config, ..Caller::default() };
    let outcome = run(server(&store), Fetch::new().deleting(true), &caller);
    assert_eq!((outcome.deletions, outcome.closed), (100, ALL));
    assert_eq!(store.removed(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_plan_on_a_session_that_is_over_says_so() {
    let mut session = Session::new(Config::new().into(), Security::TrustedLocal);
    session.send(&Command::Quit).unwrap();
    assert_eq!(Fetch::new().advance(&mut session), Err(SendError::Over));
}
