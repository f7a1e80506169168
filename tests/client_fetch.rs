//! The plan to fetch what isn't there yet.

mod common;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Buf;
use common::{Chance, Script, Server, Store, normalise};
use pop3_proto::client::{
    Action, Choice, Closed, Config, Event, Fetch, Progress, Removal, Retry, Security, SendError, Session, Wanted,
};
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
    /// The commands of the plan.
    sent: Vec<String>,
    complete: Vec<Message>,
    /// Those that are stored, in that order.
    stored: Vec<Message>,
    refused: Vec<(u32, Retry)>,
    not_deleted: Vec<(u32, Retry)>,
    /// How many entries of the list made no sense.
    unreadable: u32,
    /// How many messages are to be fetched, and to be deleted without.
    listed: Option<(usize, usize)>,
    list_refused: Option<Retry>,
    deletions: u32,
    closed: Option<Closed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    number: u32,
    unique_id: Option<String>,
    repeated_id: Option<String>,
    octets: Vec<u8>,
}

impl Message {
    fn of(wanted: &Wanted, octets: Vec<u8>) -> Self {
        let text = |id: Option<&[u8]>| id.map(|id| String::from_utf8(id.to_vec()).unwrap());
        let (unique_id, repeated_id) = (text(wanted.unique_id()), text(wanted.repeated_id()));
        Self { number: wanted.message().get(), unique_id, repeated_id, octets }
    }
}

struct Caller {
    /// What isn't here is fetched.
    choices: BTreeMap<String, Choice>,
    /// How many messages are stored at once.
    batch: usize,
    /// Whether a message can be stored, and is deleted then.
    deletes: fn(u32) -> bool,
    /// How many messages are complete when the user has had enough.
    enough: usize,
    config: Config,
    capa: bool,
    seed: u64,
    /// After how many steps the program dies.
    dies: usize,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            choices: BTreeMap::new(),
            batch: 1,
            deletes: |_| true,
            enough: usize::MAX,
            config: Config::new(),
            capa: false,
            seed: 0,
            dies: usize::MAX,
        }
    }
}

impl Caller {
    fn choosing<'a>(choices: impl IntoIterator<Item = (&'a str, Choice)>) -> Self {
        let choices = choices.into_iter().map(|(id, choice)| (id.to_owned(), choice)).collect();
        Self { choices, ..Self::default() }
    }

    fn judge(&self, unique_id: &[u8]) -> Choice {
        self.choices.get(std::str::from_utf8(unique_id).unwrap()).copied().unwrap_or(Choice::Fetch)
    }
}

/// Carries a plan out, behind a login.
fn run(mut peer: Peer, caller: &Caller) -> Outcome {
    let mut chance = Chance::new(caller.seed);
    let mut fetch = Fetch::new();
    let mut outcome = Outcome::default();
    let mut session = Session::new(caller.config.clone().into(), Security::TrustedLocal);
    if caller.capa {
        session.send(&Command::Capa).unwrap();
    }
    session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    let (mut waiting, mut body) = (Vec::new(), Vec::new());
    let (mut unstored, mut to_store, mut to_judge) = (Vec::<Message>::new(), Vec::<Message>::new(), Vec::new());
    let mut down = match &mut peer {
        Peer::Server(server) => server.receive(""),
        Peer::Lines(_) => b"+OK\r\n".to_vec(),
    };
    for step in 0..1_000_000 {
        if step == caller.dies {
            return outcome;
        }
        let goes_on = fetch.advance(&mut session).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        assert_eq!(fetch.advance(&mut session), Ok(goes_on), "an advance more changes something");
        let is_idle = matches!(session.poll(Duration::ZERO), Ok(Action::Idle(_)));
        if unstored.len() >= caller.batch || is_idle {
            to_store.append(&mut unstored);
        }
        if !to_store.is_empty() {
            let message = to_store.swap_remove(chance.below(to_store.len()));
            to_judge.push(message.number);
            if (caller.deletes)(message.number) {
                outcome.stored.push(message);
            }
            continue;
        }
        if !to_judge.is_empty() {
            let number = to_judge.swap_remove(chance.below(to_judge.len()));
            let message = MessageNumber::new(number).unwrap();
            let say = if (caller.deletes)(number) { Fetch::delete } else { Fetch::keep };
            say(&mut fetch, message);
            continue;
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
                outcome.sent.extend(String::from_utf8(lines.clone()).unwrap().lines().map(String::from));
                outcome.sent.retain(|line| !["CAPA", "USER", "PASS"].contains(&&line[..4]));
                down.extend(peer.answer(&lines));
            }
            Action::Event(event) => {
                match fetch.observe(&event, |id| caller.judge(id)) {
                    Progress::None => {}
                    Progress::Unreadable => outcome.unreadable += 1,
                    Progress::Listed { to_fetch, to_delete } => {
                        assert_eq!(outcome.listed.replace((to_fetch, to_delete)), None);
                    }
                    Progress::Begins(_) => assert!(body.is_empty()),
                    Progress::Complete(wanted) => {
                        unstored.push(Message::of(&wanted, std::mem::take(&mut body)));
                        outcome.complete.extend(unstored.last().cloned());
                        if outcome.complete.len() == caller.enough {
                            fetch.finish();
                        }
                    }
                    Progress::Refused(wanted, retry) => outcome.refused.push((wanted.message().get(), retry)),
                    Progress::NotDeleted(message, retry) => outcome.not_deleted.push((message.get(), retry)),
                    Progress::ListRefused(retry) => outcome.list_refused = Some(retry),
                    other => panic!("{other:?}"),
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
            other => panic!("{other:?}: {outcome:?}"),
        }
    }
    panic!("the plan doesn't end: {outcome:?}");
}

fn server(store: &Rc<Store>) -> Peer {
    Peer::Server(Box::new(Server::patient(store)))
}

/// A server that lets the client in, and then answers these lines.
fn lines(lines: impl AsRef<[(&'static str, &'static str)]>) -> Peer {
    Peer::Lines([&[("USER mrose", "+OK\r\n"), ("PASS tanstaaf", "+OK\r\n")], lines.as_ref()].concat())
}

fn numbers(outcome: &Outcome) -> Vec<u32> {
    outcome.complete.iter().map(|message| message.number).collect()
}

/// What each complete message may be stored by.
fn names(outcome: &Outcome) -> Vec<Option<&str>> {
    outcome.complete.iter().map(|message| message.unique_id.as_deref()).collect()
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

const ALL: Option<Closed> = Some(Closed::Quit(Removal::All));

const CHOICES: [Choice; 3] = [Choice::Fetch, Choice::Keep, Choice::Delete];

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
        let queue = if small { 255 } else { 8_192 };
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
        prop_assert_eq!(outcome.listed, Some((chosen(Choice::Fetch).len(), chosen(Choice::Delete).len())));
        prop_assert_eq!(numbers(&outcome), chosen(Choice::Fetch));
        for message in &outcome.complete {
            prop_assert_eq!(&message.unique_id, &Some(format!("uid-{}", message.number)));
            prop_assert_eq!(&message.repeated_id, &None);
            prop_assert_eq!(&message.octets, &normalise(messages[message.number as usize - 1].0.as_bytes()));
        }
        let mut deleted = chosen(Choice::Fetch);
        deleted.retain(|number| number % 5 != 0);
        deleted.extend(chosen(Choice::Delete));
        deleted.sort_unstable();
        prop_assert_eq!(outcome.deletions as usize, deleted.len());
        prop_assert_eq!(store.removed(), deleted);
        prop_assert_eq!(outcome.closed, ALL);
    }

    #[test]
    fn wherever_programs_die_no_message_is_lost_and_none_is_left_behind(
        ids in prop::collection::vec(0_u8..12, 1..12),
        deaths in prop::collection::vec((1_usize..250, 1_usize..5, any::<u32>(), 0_u8..12), 0..8),
    ) {
        // R-1939-27, R-1939-29: each content is there once, and a unique-id may be given to a message that arrives while
        // another one has it.
        let message = |number, id| (format!("id-{id}"), format!("{number}\r\n").into_bytes());
        let mut maildrop: Vec<(String, Vec<u8>)> = (0..).zip(ids).map(|(number, id)| message(number, id)).collect();
        let mut all = maildrop.clone();
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let last = (usize::MAX, 3, 0, 0);
        for (dies, batch, seed, arrives) in deaths.into_iter().chain([last]) {
            let arriving = message(all.len(), arrives);
            let is_gone = |id| all.iter().any(|(had, _)| had == id) && !maildrop.iter().any(|(has, _)| has == id);
            if !is_gone(&arriving.0) {
                all.push(arriving.clone());
                maildrop.push(arriving);
            }
            let store = Store::identified(maildrop.iter().map(|(id, _)| id.as_str()));
            let store = fill(store, maildrop.iter().map(|(_, octets)| octets.clone()));
            let choices = files.keys().map(|name| (name.clone(), Choice::Delete)).collect();
            let is_last = dies == usize::MAX;
            let deletes = if is_last || batch > 2 { |_| true } else { |number| number % 3 != 0 };
            let enough = if !is_last && batch == 4 { 2 } else { usize::MAX };
            let caller = Caller { choices, batch, deletes, enough, dies, seed: seed.into(), ..Caller::default() };
            let outcome = run(server(&store), &caller);
            for message in outcome.stored {
                let new_name = format!("file-{}", files.len());
                files.insert(message.unique_id.unwrap_or(new_name), message.octets);
            }
            for (turn, removed) in store.removed().into_iter().enumerate().rev() {
                let (_, octets) = &maildrop[removed as usize - 1];
                prop_assert!(files.values().any(|file| file == octets), "{octets:?} is lost");
                // A server may fail to remove some.
                if is_last || turn % 2 == seed as usize % 2 {
                    maildrop.remove(removed as usize - 1);
                }
            }
        }
        prop_assert_eq!(maildrop, [], "something is left behind");
        for (id, octets) in all {
            let has_it = |name: &str| files.get(name) == Some(&octets);
            prop_assert!(has_it(&id) || files.keys().any(|name| name.starts_with("file-") && has_it(name)));
        }
    }
}

/// Gives the messages of a store their contents.
fn fill(mut store: Rc<Store>, contents: impl Iterator<Item = Vec<u8>>) -> Rc<Store> {
    let filled = Rc::get_mut(&mut store).unwrap();
    filled.unique_ids_are_checked.set(true);
    for (message, content) in filled.messages.iter_mut().zip(contents) {
        message.octets = content.into();
    }
    store
}

#[test]
fn a_maildrop_without_anything_new_is_left_at_once() {
    let store = Store::new(["a", "b"]);
    let outcome = run(server(&store), &Caller::choosing([("uid-1", Choice::Keep), ("uid-2", Choice::Keep)]));
    assert_eq!(outcome.sent, ["UIDL", "QUIT"]);
    assert_eq!((outcome.listed, outcome.closed), (Some((0, 0)), ALL));
    let outcome = run(server(&Store::empty()), &Caller::default());
    assert_eq!(outcome.sent, ["UIDL", "QUIT"]);
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
    // R-1939-28; failure case 46
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
    assert_eq!((outcome.deletions, outcome.closed), (2, Some(Closed::Quit(Removal::NotAll))));
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
    assert_eq!(outcome.not_deleted, [(1, Retry::Later), (2, Retry::Unknown)]);
    assert_eq!((outcome.deletions, outcome.closed), (1, ALL));
}

#[test]
fn an_equal_unique_id_is_no_name_and_each_message_that_has_it_is_fetched() {
    // R-1939-27; failure case 17
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

/// A session that has logged in, and its plan.
struct Plan {
    script: Script,
    fetch: Fetch,
}

impl Plan {
    fn logged_in() -> Self {
        Self { script: Script::logged_in(Config::new()), fetch: Fetch::new() }
    }

    /// What the client writes next.
    fn writes(&mut self) -> String {
        self.fetch.advance(&mut self.script.client.session).unwrap();
        self.script.wrote()
    }

    /// Has the server send octets; what each event means that means something.
    fn hears(&mut self, octets: &[u8], mut judge: impl FnMut(&[u8]) -> Choice) -> Vec<Progress> {
        let mut heard = Vec::new();
        feed(&mut self.script.client.session, octets, |event| heard.push(self.fetch.observe(event, &mut judge)));
        heard.retain(|progress| *progress != Progress::None);
        heard
    }

    fn fetches(&mut self, octets: &[u8]) -> Vec<Progress> {
        self.hears(octets, |_| Choice::Fetch)
    }
}

/// Has a session read octets, until it wants more than there are.
fn feed(session: &mut Session, mut octets: &[u8], mut observe: impl FnMut(&Event<'_>)) {
    loop {
        match session.poll(Duration::ZERO).unwrap() {
            Action::Read(mut read) if !octets.is_empty() => {
                let length = octets.len().min(read.space().len());
                read.space()[..length].copy_from_slice(&octets[..length]);
                octets = &octets[length..];
                read.filled(length);
            }
            Action::Event(event) => {
                observe(&event);
                event.done();
            }
            Action::Body(body) => body.done(),
            _ => return,
        }
    }
}

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
        let mut plan = Plan::logged_in();
        assert_eq!(plan.writes(), "UIDL\r\n");
        let mut choices = [first, second].into_iter();
        plan.hears(b"+OK\r\n1 same\r\n2 same\r\n.\r\n", |_| choices.next().unwrap());
        assert_eq!(plan.writes(), writes);
        for progress in plan.fetches(b"+OK\r\n.\r\n") {
            if let Progress::Complete(wanted) = progress {
                assert_eq!((wanted.unique_id(), wanted.repeated_id()), (None, Some(&b"same"[..])));
            }
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
        let mut plan = Plan::logged_in();
        assert_eq!(plan.writes(), "UIDL\r\n");
        let mut choices = choices.into_iter();
        let listed = plan.hears(b"+OK\r\n1 a\r\n1 b\r\n.\r\n", |_| choices.next().unwrap());
        assert_eq!(listed, [Progress::Listed { to_fetch: 1, to_delete: 0 }]);
        assert_eq!(plan.writes(), "RETR 1\r\n");
        let [Progress::Begins(_), Progress::Complete(wanted)] = &plan.fetches(b"+OK\r\n.\r\n")[..] else { panic!() };
        assert_eq!((wanted.message(), wanted.unique_id()), (MessageNumber::FIRST, None));
        plan.fetch.delete(wanted.message());
        assert_eq!(plan.writes(), "DELE 1\r\n");
    }
}

#[test]
fn a_server_without_unique_ids_has_its_messages_listed() {
    // R-2449-15; failure case 18
    let peer = |uidl: &'static [(&str, &str)]| {
        let list = [
            ("LIST", "+OK\r\n1 5\r\n2 x\r\n3 5\r\n.\r\n"),
            ("RETR 1", "+OK\r\n1\r\n.\r\n"),
            ("RETR 3", "+OK\r\n3\r\n.\r\n"),
            ("DELE 1", "+OK\r\n"),
            ("DELE 3", "+OK\r\n"),
            ("QUIT", "+OK\r\n"),
        ];
        lines([uidl, &list].concat())
    };
    let asked = run(peer(&[("UIDL", "-ERR what?\r\n")]), &Caller::default());
    assert_eq!(asked.sent[..2], ["UIDL", "LIST"]);
    assert_eq!((numbers(&asked), asked.listed, asked.closed), (vec![1, 3], Some((2, 0)), ALL));
    assert_eq!(asked.unreadable, 1);
    assert_eq!(names(&asked), [None, None]);
    assert!(asked.complete.iter().all(|message| message.repeated_id.is_none()));
    // One that says so isn't asked.
    let caller = Caller { capa: true, ..Caller::default() };
    let told = run(peer(&[("CAPA", "+OK\r\nUSER\r\n.\r\n")]), &caller);
    assert_eq!(told.sent[0], "LIST");
    assert_eq!(numbers(&told), [1, 3]);
}

#[test]
fn a_list_that_can_not_be_had_ends_the_plan() {
    // R-3206-01: nothing is fetched twice because the unique-ids can't be had now.
    for (code, retry) in [("SYS/TEMP", Retry::Later), ("SYS/PERM", Retry::Stop)] {
        let refusal: &'static str = Box::leak(format!("-ERR [{code}]\r\n").into_boxed_str());
        let outcome = run(lines([("UIDL", refusal), ("QUIT", "+OK\r\n")]), &Caller::default());
        assert_eq!((outcome.list_refused, outcome.listed, outcome.closed), (Some(retry), None, ALL));
    }
    let outcome = run(lines([("UIDL", "-ERR\r\n"), ("LIST", "-ERR\r\n"), ("QUIT", "+OK\r\n")]), &Caller::default());
    assert_eq!((outcome.list_refused, outcome.closed), (Some(Retry::Unknown), ALL));
}

#[test]
fn what_is_stored_when_all_is_fetched_is_still_deleted() {
    let store = Store::new(["a"; 100]);
    let config = Config::new().queue(255).unwrap();
    let outcome = run(server(&store), &Caller { batch: 100, capa: true, config, ..Caller::default() });
    assert_eq!((outcome.deletions, outcome.closed), (100, ALL));
    assert_eq!(store.removed(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn there_is_no_quit_until_the_fate_of_each_message_is_said() {
    let mut plan = Plan::logged_in();
    plan.writes();
    plan.fetches(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    assert_eq!(plan.writes(), "RETR 1\r\n");
    plan.fetches(b"+OK\r\n.\r\n");
    // Nobody can say anything of what hasn't come, or isn't there.
    for unknown in [2, 3, 4, u32::MAX] {
        plan.fetch.delete(number(unknown));
        plan.fetch.keep(number(unknown));
    }
    assert_eq!(plan.writes(), "RETR 2\r\n");
    plan.fetches(b"+OK\r\n.\r\n");
    assert_eq!(plan.writes(), "RETR 3\r\n");
    plan.fetches(b"+OK\r\n.\r\n");
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
    let mut plan = Plan::logged_in();
    assert_eq!(plan.writes(), "UIDL\r\n");
    plan.fetch.finish();
    assert_eq!(plan.writes(), "");
    plan.hears(b"+OK\r\n1 a\r\n2 b\r\n.\r\n", |id| if id == b"b" { Choice::Delete } else { Choice::Fetch });
    assert_eq!(plan.writes(), "DELE 2\r\n");
    plan.fetches(b"+OK\r\n");
    assert_eq!((plan.writes().as_str(), plan.fetch.deletions()), ("QUIT\r\n", 1));
}

#[test]
fn a_plan_waits_for_the_login_and_leaves_a_failed_one_to_the_caller() {
    let mut plan = Plan { script: Script::new(Config::new()), fetch: Fetch::new() };
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
    assert_eq!(plan.writes(), "UIDL\r\n");
}

#[test]
fn a_plan_lets_the_session_tell_how_it_ends() {
    // Before login, and amid the plan.
    let mut plan = Plan { script: Script::new(Config::new()), fetch: Fetch::new() };
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
    let mut plan = Plan::logged_in();
    plan.writes();
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
        let mut plan = Plan::logged_in();
        assert_eq!(plan.writes(), "UIDL\r\n");
        let (mut entries, mut left_out) = (0, 0);
        let used = measure(|| {
            feed(&mut plan.script.client.session, b"+OK\r\n", |_| {});
            while left_out == 0 {
                let lines: Vec<_> =
                    (1..100).map(|more| entries + more).map(|n| format!("{n} {n:0octets$}\r\n")).collect();
                feed(&mut plan.script.client.session, lines.concat().as_bytes(), |event| {
                    entries += 1;
                    let progress = plan.fetch.observe(event, |_| choice);
                    left_out += usize::from(progress == Progress::LeftOut(number(entries)));
                    assert!(progress == Progress::None && left_out == 0 || left_out > 0, "{progress:?}");
                    assert!(entries < 1_000_000, "nothing is left out");
                });
            }
        });
        assert!(used.bytes_max < 65 << 20, "{octets} {choice:?}: {used:?}");
        assert!(entries > if octets > 1 { 100_000 } else { 400_000 }, "{entries}");
        // The first unique-id again: what is left out counts for that.
        let again = format!("{} {:0octets$}\r\n.\r\n", entries + 1, 1);
        let listed = plan.hears(again.as_bytes(), |_| choice);
        let all = entries as usize - left_out;
        let (to_fetch, to_delete) = match choice {
            Choice::Fetch => (all, 0),
            Choice::Keep => (0, 0),
            Choice::Delete => (1, all - 1),
        };
        assert_eq!(listed, [Progress::LeftOut(number(entries + 1)), Progress::Listed { to_fetch, to_delete }]);
    }
}
