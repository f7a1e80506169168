//! Plans to fetch, carried out by a client over a socket, for stores that work and for some that don't; by either client.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use adapter::blocking::{Fetched, Store};
use adapter::{BoxError, Error};
use pop3_proto::client::{Choice, Fetch, ListedMessage, Login, SendError};
use pop3_proto::wire::{Name, Password};

use crate::carry_out;

/// How the client logs in.
pub(crate) fn login() -> Login {
    Login::new(Name::new("mrose").unwrap(), Password::new("tanstaaf").unwrap())
}

/// A server that answers each command as a list says, and `-ERR` to all others; what it hears.
struct Server {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn new(answers: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let mut socket = BufReader::new(listener.accept().unwrap().0);
            let mut heard = Vec::new();
            let mut answer = "+OK hello\r\n";
            loop {
                let mut line = String::new();
                if socket.get_mut().write_all(answer.as_bytes()).is_err() || answer.ends_with("cut") {
                    return heard;
                }
                if socket.read_line(&mut line).unwrap_or(0) == 0 || heard.last().is_some_and(|last| last == "QUIT") {
                    return heard;
                }
                let line = line.trim_end();
                let own = answers.iter().find(|(command, _)| *command == line).map(|(_, answer)| *answer);
                answer = match &line[..4] {
                    "USER" | "PASS" | "QUIT" | "DELE" => own.unwrap_or("+OK\r\n"),
                    _ => own.unwrap_or("-ERR what?\r\n"),
                };
                heard.push(line.to_owned());
            }
        });
        Self { address, thread }
    }

    fn fetch(&self, plan: Fetch, store: &mut Memory) -> Result<Fetched, Error> {
        carry_out(self.address, Some(login()), plan, store)
    }

    /// What it has heard after the login.
    fn heard(self) -> Vec<String> {
        let heard = self.thread.join().unwrap();
        let login = heard.iter().position(|line| line.starts_with("PASS")).unwrap();
        heard[login + 1..].iter().filter(|line| *line != "STAT").cloned().collect()
    }
}

/// A server that has many messages of so many octets, and may take commands ahead.
fn many(messages: usize, octets: usize, pipelining: bool) -> Server {
    let text = |text: String| &*text.leak();
    let body = text(format!("+OK\r\n{}\r\n.\r\n", "x".repeat(octets - 2)));
    let list: Vec<_> = (1..=messages).map(|number| format!("{number} {octets}\r\n")).collect();
    let mut answers = vec![
        ("STAT", text(format!("+OK {messages} {}\r\n", messages * octets))),
        ("LIST", text(format!("+OK\r\n{}.\r\n", list.concat()))),
    ];
    answers.extend((1..=messages).map(|number| (text(format!("RETR {number}")), body)));
    answers.extend(pipelining.then_some(CAPA));
    Server::new(answers.leak())
}

const CAPA: (&str, &str) = ("CAPA", "+OK\r\nUSER\r\nPIPELINING\r\n.\r\n");

const THREE: &[(&str, &str)] = &[
    ("STAT", "+OK 3 30\r\n"),
    ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n"),
    ("LIST", "+OK\r\n1 5\r\n2 20\r\n3 5\r\n.\r\n"),
    ("RETR 1", "+OK\r\none\r\n.\r\n"),
    ("RETR 2", "+OK\r\ntwo\r\n.\r\n"),
    ("RETR 3", "+OK\r\nthree\r\n.\r\n"),
    ("TOP 2 0", "+OK\r\nSubject: 2\r\n\r\n.\r\n"),
];

/// Messages in memory, and what goes wrong with them.
#[derive(Default)]
pub(crate) struct Memory {
    named: BTreeMap<Vec<u8>, Vec<u8>>,
    others: Vec<Vec<u8>>,
    headers: Vec<Vec<u8>>,
    leaves: bool,
    most: Option<u64>,
    /// The message that can't be saved, and what can't be done at all.
    unsavable: &'static [u8],
    broken: &'static str,
    /// How many messages were saved at each sync.
    synced: Vec<usize>,
}

/// A message that has begun, which may have no room.
#[derive(Debug)]
pub(crate) struct Partial {
    octets: Vec<u8>,
    is_full: bool,
}

impl Write for Partial {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.is_full { Err(ErrorKind::StorageFull.into()) } else { self.octets.write(octets) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn check(&self, what: &str) -> Result<(), BoxError> {
        if self.broken == what { Err(format!("can't {what}").into()) } else { Ok(()) }
    }

    fn names(&self) -> Vec<&str> {
        self.named.keys().map(|id| std::str::from_utf8(id).unwrap()).collect()
    }
}

impl Store for Memory {
    type Message = Partial;

    fn unique_ids(&mut self) -> Result<Vec<Vec<u8>>, BoxError> {
        self.check("list")?;
        Ok(self.named.keys().cloned().collect())
    }

    fn deletes(&self) -> bool {
        !self.leaves
    }

    fn choose(&mut self, message: &ListedMessage, is_stored: bool) -> Choice {
        match is_stored {
            true if self.leaves => Choice::Stored,
            true => Choice::Delete,
            false if self.most.is_some_and(|most| message.octets() > Some(most)) => Choice::Header,
            false => Choice::Fetch,
        }
    }

    fn begin(&mut self, _: &ListedMessage) -> Result<Partial, BoxError> {
        self.check("begin").map(|()| Partial { octets: Vec::new(), is_full: self.broken == "write" })
    }

    fn save(&mut self, message: Partial, listed: &ListedMessage) -> Result<(), BoxError> {
        if message.octets.starts_with(self.unsavable) && !self.unsavable.is_empty() {
            return Err("can't save".into());
        }
        match listed.unique_id() {
            Some(id) => assert!(self.named.insert(id.to_vec(), message.octets).is_none(), "it replaces another"),
            None => self.others.push(message.octets),
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), BoxError> {
        self.synced.push(self.named.len() + self.others.len());
        self.check("sync")
    }

    fn save_header(&mut self, header: Partial, listed: &ListedMessage) -> Result<(), BoxError> {
        assert_eq!(listed.unique_id(), Some(&b"b"[..]));
        self.headers.push(header.octets);
        Ok(())
    }

    fn forget(&mut self, unique_ids: &[Vec<u8>]) -> Result<(), BoxError> {
        self.check("forget")?;
        self.others.extend(unique_ids.iter().map(|id| self.named.remove(id).expect("one that is stored")));
        Ok(())
    }
}

#[test]
fn what_is_stored_is_deleted_and_forgotten() {
    let server = Server::new(THREE);
    let mut store = Memory::default();
    store.named.insert(b"b".to_vec(), b"two\r\n".to_vec());
    store.named.insert(b"gone".to_vec(), b"four\r\n".to_vec());
    let fetched = server.fetch(Fetch::new(), &mut store).unwrap();
    assert_eq!(fetched, Fetched { stored: 2, removed: 3, unfetched: 0 });
    assert_eq!(server.heard(), ["UIDL", "RETR 1", "RETR 3", "DELE 2", "DELE 1", "DELE 3", "QUIT"]);
    assert_eq!(store.names(), [""; 0]);
    store.others.sort();
    assert_eq!(store.others, [&b"four\r\n"[..], b"one\r\n", b"three\r\n", b"two\r\n"]);
}

#[test]
fn what_stays_on_the_server_is_fetched_once() {
    let mut store = Memory { leaves: true, ..Memory::default() };
    for (stored, asked) in [(3, &["UIDL", "RETR 1", "RETR 2", "RETR 3", "QUIT"][..]), (0, &["UIDL", "QUIT"])] {
        let server = Server::new(THREE);
        let fetched = server.fetch(Fetch::new(), &mut store).unwrap();
        assert_eq!(
            (fetched, server.heard()),
            (Fetched { stored, removed: 0, unfetched: 0 }, asked.iter().map(ToString::to_string).collect())
        );
    }
    assert_eq!(store.names(), ["a", "b", "c"]);
}

#[test]
fn a_store_may_take_the_header_of_what_is_large_and_so_many_messages_a_session() {
    let mut store = Memory { most: Some(10), ..Memory::default() };
    let server = Server::new(THREE);
    let plan = Fetch::new().with_octets().newest_first().at_most(1);
    let fetched = server.fetch(plan, &mut store).unwrap();
    assert_eq!(fetched, Fetched { stored: 1, removed: 1, unfetched: 1 });
    assert_eq!(server.heard(), ["UIDL", "LIST", "RETR 3", "TOP 2 0", "DELE 3", "QUIT"]);
    assert_eq!(
        (store.headers.as_slice(), store.others.as_slice()),
        (&[b"Subject: 2\r\n\r\n".to_vec()][..], &[b"three\r\n".to_vec()][..])
    );
}

#[test]
fn a_store_is_synced_once_for_many_messages_and_before_any_is_deleted() {
    let server = Server::new(THREE);
    let mut store = Memory { leaves: true, ..Memory::default() };
    server.fetch(Fetch::new(), &mut store).unwrap();
    assert_eq!(store.synced, [3]);
    // What was saved before may not be safe by now.
    store.leaves = false;
    Server::new(THREE).fetch(Fetch::new(), &mut store).unwrap();
    assert_eq!(store.synced, [3, 3]);
}

#[test]
fn a_store_is_synced_at_the_latest_after_128_messages_or_4_mib() {
    for pipelining in [false, true] {
        for (octets, syncs) in [(5, &[128, 256, 300][..]), (100_000, &[42, 84, 126, 128][..])] {
            let messages = *syncs.last().unwrap();
            let server = many(messages, octets, pipelining);
            let mut store = Memory { leaves: true, ..Memory::default() };
            assert_eq!(server.fetch(Fetch::without_unique_ids(), &mut store).unwrap().stored, messages);
            assert_eq!(store.synced, syncs, "{octets} octets each");
        }
    }
}

#[test]
fn what_can_not_be_synced_stays_on_the_server() {
    let server = Server::new(THREE);
    let mut store = Memory { broken: "sync", ..Memory::default() };
    let Err(Error::Unfinished(line)) = server.fetch(Fetch::new(), &mut store) else { panic!() };
    assert_eq!(line, "can't sync");
    assert_eq!(server.heard(), ["UIDL", "RETR 1", "RETR 2", "RETR 3", "QUIT"]);
    // Nor is it deleted in the next session.
    let server = Server::new(THREE);
    assert!(matches!(server.fetch(Fetch::new(), &mut store), Err(Error::Sink(_))));
    assert_eq!(server.heard(), ["UIDL"]);
}

#[test]
fn a_message_that_can_not_be_saved_stays_and_the_others_go() {
    let server = Server::new(THREE);
    let mut store = Memory { unsavable: b"two", ..Memory::default() };
    let Err(Error::Unfinished(line)) = server.fetch(Fetch::new(), &mut store) else { panic!() };
    assert_eq!(line, "message 2: can't save");
    assert_eq!(server.heard(), ["UIDL", "RETR 1", "RETR 2", "RETR 3", "DELE 1", "DELE 3", "QUIT"]);
}

#[test]
fn a_store_without_room_ends_the_plan_and_nothing_is_deleted() {
    for broken in ["begin", "write"] {
        let server = Server::new(THREE);
        let mut store = Memory { broken, ..Memory::default() };
        assert!(matches!(server.fetch(Fetch::new(), &mut store), Err(Error::Unfinished(_))));
        assert_eq!(server.heard(), ["UIDL", "RETR 1", "QUIT"], "{broken}");
        assert!(store.named.is_empty() && store.others.is_empty());
    }
}

#[test]
fn a_store_that_can_not_forget_ends_the_session_before_anything_is_deleted() {
    // R-1939-27
    let server = Server::new(THREE);
    let mut store = Memory { broken: "forget", ..Memory::default() };
    store.named.insert(b"gone".to_vec(), b"four\r\n".to_vec());
    assert!(matches!(server.fetch(Fetch::new(), &mut store), Err(Error::Sink(_))));
    assert_eq!(server.heard(), ["UIDL"]);
}

#[test]
fn a_store_that_does_not_know_what_it_has_fetches_nothing() {
    let server = Server::new(THREE);
    let mut store = Memory { broken: "list", ..Memory::default() };
    let error = server.fetch(Fetch::new(), &mut store).unwrap_err();
    assert_eq!((error.to_string().as_str(), server.heard()), ("messages can't be kept: can't list", vec![]));
}

#[test]
fn what_may_not_be_whole_is_not_stored_and_the_error_says_so() {
    // R-GEN-14
    const ANSWERS: &[(&str, &str)] = &[
        ("STAT", "-ERR no\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n"),
        ("RETR 1", "+OK\r\none\r\n.\r\n"),
        ("RETR 2", "+OK\r\n1. two\r\n.\r\nand three\r\n.\r\n"),
    ];
    let server = Server::new(ANSWERS);
    let mut store = Memory::default();
    let Err(Error::Unfinished(line)) = server.fetch(Fetch::new(), &mut store) else { panic!() };
    assert!(line.contains("message 2 may not be whole; ") && !line.contains("message 1"), "{line}");
    assert_eq!((server.heard(), store.names()), (["UIDL", "RETR 1", "RETR 2"].map(String::from).to_vec(), vec!["a"]));
}

#[test]
fn a_connection_that_is_cut_deletes_nothing_and_keeps_what_is_whole() {
    const ANSWERS: &[(&str, &str)] = &[
        ("STAT", "+OK 2 20\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n"),
        ("RETR 1", "+OK\r\none\r\n.\r\n"),
        ("RETR 2", "+OK\r\ncut"),
    ];
    let server = Server::new(ANSWERS);
    let mut store = Memory::default();
    let error = server.fetch(Fetch::new(), &mut store).unwrap_err();
    assert!(error.to_string().starts_with("message 2 may not be whole; "), "{error}");
    assert_eq!((store.names(), server.heard().last().map(String::as_str)), (vec!["a"], Some("RETR 2")));
}

#[test]
fn messages_that_are_asked_for_in_one_go_are_stored_when_all_of_them_are_there() {
    const ALL: &[(&str, &str)] = &[CAPA, THREE[0], THREE[1], THREE[3], THREE[4], THREE[5]];
    const CUT: &[(&str, &str)] = &[CAPA, THREE[0], THREE[1], THREE[3], THREE[4], ("RETR 3", "+OK\r\ncut")];
    let mut store = Memory { leaves: true, ..Memory::default() };
    assert_eq!(Server::new(ALL).fetch(Fetch::new(), &mut store).unwrap().stored, 3);
    let stored: Vec<_> = store.named.values().map(Vec::as_slice).collect();
    assert_eq!(stored, [&b"one\r\n"[..], b"two\r\n", b"three\r\n"]);
    // The first has gone alone.
    let mut store = Memory::default();
    let error = Server::new(CUT).fetch(Fetch::new(), &mut store).unwrap_err().to_string();
    assert!(error.starts_with("message 3 may not be whole, nor may 1 before it; "), "{error}");
    assert_eq!(store.names(), ["a"]);
}

#[test]
fn a_deletion_that_is_refused_is_an_error() {
    const ANSWERS: &[(&str, &str)] = &[
        ("STAT", "+OK 1 5\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n.\r\n"),
        ("RETR 1", "+OK\r\none\r\n.\r\n"),
        ("DELE 1", "-ERR [SYS/TEMP] busy\r\n"),
    ];
    const REFUSED: &[(&str, &str)] = &[ANSWERS[0], ANSWERS[1], ("QUIT", "-ERR some are left\r\n")];
    let mut store = Memory::default();
    let server = Server::new(ANSWERS);
    let error = server.fetch(Fetch::new(), &mut store).unwrap_err();
    assert_eq!(error.to_string(), "message 1: not deleted: the server has a problem that is likely to pass");
    assert_eq!(store.names(), ["a"]);
    let error = Server::new(REFUSED).fetch(Fetch::new(), &mut store).unwrap_err();
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    assert_eq!(store.names(), ["a"], "it is forgotten when it is gone");
}

#[test]
fn a_line_of_failures_has_an_end() {
    const ANSWERS: &[(&str, &str)] = &[
        ("STAT", "-ERR\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n2 b\r\n3 c\r\n4 d\r\n5 e\r\n6 f\r\n7 g\r\n8 h\r\n9 i\r\n10 j\r\n11 k\r\n12 l\r\n.\r\n"),
    ];
    const CUT: &[(&str, &str)] = &[ANSWERS[0], ANSWERS[1], ("RETR 12", "+OK\r\ncut")];
    let error = Server::new(ANSWERS).fetch(Fetch::new(), &mut Memory::default()).unwrap_err().to_string();
    assert!(error.contains("message 10: not fetched") && error.ends_with("; and 2 more"), "{error}");
    // Why the session has ended is never left out.
    let error = Server::new(CUT).fetch(Fetch::new(), &mut Memory::default()).unwrap_err().to_string();
    let end = "; and 1 more; message 12 may not be whole; RETR: the connection ended inside a response";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn a_client_that_is_not_logged_in_fetches_nothing() {
    let server = Server::new(THREE);
    let error = carry_out(server.address, None, Fetch::new(), &mut Memory::default()).unwrap_err();
    assert!(matches!(error, Error::Send(SendError::WrongState)), "{error:?}");
}
