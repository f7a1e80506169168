//! What a host decides for a maildrop: what is permitted, how unique-ids are made, and whether its octets are true.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Buf;
use pop3_proto::message::UniqueIdBuffer;
use pop3_proto::server::{
    Action, BrokenMaildrop, CloseReason, Config, Index, Io, Maildrop, MessageNumber, Removal, Security, Session,
    UniqueId, WireSize,
};
use pop3_proto::wire::{LineEnds, Verb};
use proptest::prelude::*;

use crate::common::{Server, Store, normalise};

const DENIED: &str = "-ERR [SYS/PERM] command not permitted here\r\n";

/// Three messages of a store that computes what it is asked.
#[derive(Default)]
struct Numbered {
    /// What isn't permitted, on these messages or at all.
    forbidden: Vec<(Verb, Option<u32>)>,
    asked: RefCell<Vec<(Verb, Option<u32>)>>,
    /// Whether the last two have the same number.
    repeats: bool,
}

impl Maildrop for Numbered {
    type Reader = ();

    fn count(&self) -> u32 {
        3
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(3)
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        None
    }

    fn compute_unique_id<'a>(&'a self, message: MessageNumber, buffer: &'a mut UniqueIdBuffer) -> Option<UniqueId<'a>> {
        let uid = if self.repeats { message.get().min(2) } else { message.get() };
        buffer.write(format_args!("{:08x}{uid:08x}", 0xCAFE)).ok()
    }

    fn permits(&self, verb: Verb, message: Option<MessageNumber>) -> bool {
        let message = message.map(MessageNumber::get);
        self.asked.borrow_mut().push((verb, message));
        !self.forbidden.contains(&(verb, message)) && !self.forbidden.contains(&(verb, None))
    }
}

/// What a client that sends these lines after its login is answered, and what becomes of the login.
fn answers<M: Maildrop>(config: Config, maildrop: M, lines: &str) -> (String, Result<(), BrokenMaildrop>) {
    let mut session = Session::new(Arc::new(crate::common::patient(config)), Security::Tls);
    let input = format!("USER mrose\r\nPASS tanstaaf\r\n{lines}");
    let (mut input, mut output, mut maildrop) = (input.as_bytes(), Vec::new(), Some(maildrop));
    let (mut accepted, mut start) = (Ok(()), 0);
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(_)) if input.is_empty() => break,
            Action::Io(Io::Read(mut read)) => {
                let octets = input.len().min(read.space().len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                output.extend_from_slice(&write.copy_to_bytes(octets));
            }
            Action::Login(login) => {
                accepted = login.accept(maildrop.take().unwrap());
                start = output.len();
            }
            Action::Retrieve(retrieve) => retrieve.send("x"),
            Action::Update(update) => update.finish(Removal::All),
            Action::Close(CloseReason::Quit) => break,
            other => panic!("{other:?}"),
        }
    }
    let text = String::from_utf8(output[start..].to_vec()).unwrap();
    // The responses to USER and PASS.
    let rest = text.splitn(3, "\r\n").nth(2).unwrap_or_default().to_owned();
    (rest, accepted)
}

fn forbidding(forbidden: &[(Verb, Option<u32>)]) -> Numbered {
    Numbered { forbidden: forbidden.to_vec(), ..Numbered::default() }
}

#[test]
fn what_is_not_permitted_is_refused_for_good_and_changes_nothing() {
    let maildrop = forbidding(&[(Verb::Dele, None), (Verb::Top, Some(2))]);
    let lines = "DELE 1\r\nTOP 2 0\r\nTOP 1 0\r\nSTAT\r\nDELE 3\r\nQUIT\r\n";
    let expected = format!("{DENIED}{DENIED}+OK message follows\r\nx\r\n.\r\n+OK 3 9\r\n{DENIED}+OK bye\r\n");
    assert_eq!(answers(Config::new(), maildrop, lines).0, expected);
}

#[test]
fn each_command_that_looks_at_the_maildrop_can_be_forbidden() {
    for (verb, line) in [
        (Verb::Stat, "STAT"),
        (Verb::List, "LIST"),
        (Verb::List, "LIST 2"),
        (Verb::Retr, "RETR 2"),
        (Verb::Dele, "DELE 2"),
        (Verb::Rset, "RSET"),
        (Verb::Top, "TOP 2 1"),
        (Verb::Uidl, "UIDL"),
        (Verb::Uidl, "UIDL 2"),
        (Verb::Last, "LAST"),
    ] {
        let config = || Config::new().last(true);
        let line = format!("{line}\r\n");
        assert_eq!(answers(config(), forbidding(&[(verb, None)]), &line).0, DENIED, "{line:?}");
        assert!(answers(config(), Numbered::default(), &line).0.starts_with("+OK"), "{line:?}");
        let other = forbidding(&[(verb, Some(1))]);
        assert!(answers(config(), other, &line).0.starts_with("+OK"), "{line:?} on another message");
    }
}

#[test]
fn the_host_is_not_asked_about_messages_that_are_not_there() {
    let maildrop = Numbered { forbidden: vec![(Verb::Retr, Some(4)), (Verb::Retr, Some(1))], ..Numbered::default() };
    let (answers, _) = answers(Config::new(), maildrop, "RETR 4\r\nDELE 1\r\nRETR 1\r\n");
    assert_eq!(
        answers,
        "-ERR no such message\r\n+OK message marked as deleted\r\n-ERR message is marked as deleted\r\n"
    );
}

#[test]
fn what_may_not_be_deleted_is_not_deleted_by_being_retrieved() {
    // R-1939-35
    for (forbidden, end) in
        [(vec![], "+OK marked messages removed, bye\r\n"), (vec![(Verb::Dele, None)], "+OK bye\r\n")]
    {
        let maildrop = forbidding(&forbidden);
        let said = answers(Config::new().remove_retrieved(true), maildrop, "RETR 1\r\nQUIT\r\n").0;
        assert!(said.ends_with(end), "{said:?}");
    }
}

#[test]
fn unique_ids_may_be_computed() {
    let (answers, _) = answers(Config::new(), Numbered::default(), "UIDL\r\nUIDL 3\r\n");
    let ids = "1 0000cafe00000001\r\n2 0000cafe00000002\r\n3 0000cafe00000003\r\n";
    assert_eq!(answers, format!("+OK unique-id listing follows\r\n{ids}.\r\n+OK 3 0000cafe00000003\r\n"));
}

#[test]
fn computed_unique_ids_that_are_the_same_are_found_at_the_login() {
    // R-1939-27
    let maildrop = Numbered { repeats: true, ..Numbered::default() };
    let number = |number| MessageNumber::new(number).unwrap();
    let broken = BrokenMaildrop::SameUniqueId { first: number(2), second: number(3) };
    assert_eq!(answers(Config::new(), maildrop, "").1, Err(broken));
}

#[test]
fn a_buffer_makes_unique_ids_of_what_fits() {
    let mut buffer = UniqueIdBuffer::default();
    assert_eq!(buffer.write(u64::MAX).unwrap().as_str(), "18446744073709551615");
    assert_eq!(buffer.write("x".repeat(70)).unwrap().as_bytes(), [b'x'; 70]);
    for text in ["", "a b", "\u{e4}", "\r\n"] {
        assert!(buffer.write(text).is_err(), "{text:?}");
    }
    assert!(buffer.write("x".repeat(71)).is_err() && buffer.write(format_args!("{:>71}", 1)).is_err());
    assert_eq!(buffer.write(1).unwrap().as_str(), "1", "nothing is left of what was refused");
}

#[test]
fn an_index_is_a_maildrop() {
    let messages = [("b", Some(7)), ("a", Some(5)), ("no\nname", Some(1)), ("a", Some(2))];
    let index: Index<_> = Index::new(messages, "the lock");
    let (answers, accepted) = answers(Config::new(), index, "STAT\r\nLIST\r\nUIDL\r\n");
    assert_eq!(accepted, Ok(()));
    assert!(
        answers.starts_with("+OK 4 15\r\n+OK scan listing follows\r\n1 7\r\n2 5\r\n3 1\r\n4 2\r\n.\r\n"),
        "{answers}"
    );
    let ids: Vec<_> = answers.lines().skip_while(|line| !line.starts_with("+OK unique")).skip(1).take(4).collect();
    assert_eq!(ids[..2], ["1 b", "2 a"]);
    assert!(ids[2].len() == 34 && ids[3].len() == 34 && ids[2][2..] != ids[3][2..], "{ids:?}");
}

#[test]
fn an_index_remembers_octets_and_holds_a_value() {
    let mut index: Index<_> = Index::new([("a", None), ("b", Some(3))], vec!["a"]);
    assert_eq!(index.octets(MessageNumber::FIRST), None);
    index.set_octets(MessageNumber::FIRST, 9);
    index.set_octets(MessageNumber::new(3).unwrap(), 9);
    assert_eq!((index.octets(MessageNumber::FIRST), index.count()), (Some(9), 2));
    index.value_mut().push("b");
    assert_eq!(index.value(), &["a", "b"]);
    let empty: Index<_> = Index::new([("", None); 0], ());
    assert_eq!(empty.count(), 0);
}

#[test]
fn an_index_keeps_a_key_for_each_message_and_allocates_no_more_for_it() {
    let rows = || (1..=1_000_i64).map(|id| ("name", Some(5), id));
    let (mut plain, mut keyed) = (None::<Index<_>>, None::<Index<_, i64>>);
    let without = measure(|| plain = Some(Index::new(rows().map(|(name, octets, _)| (name, octets)), ())));
    let with = measure(|| keyed = Some(Index::with_keys(rows(), ())));
    let (plain, mut keyed) = (plain.unwrap(), keyed.unwrap());
    assert_eq!((plain.count(), with.count_total), (1_000, without.count_total));
    let key = |number| keyed.key(MessageNumber::new(number).unwrap()).copied();
    assert_eq!([key(1), key(2), key(1_000), key(1_001)], [Some(1), Some(2), Some(1_000), None]);
    keyed.set_octets(MessageNumber::FIRST, 9);
    assert_eq!((keyed.octets(MessageNumber::FIRST), keyed.key(MessageNumber::FIRST)), (Some(9), Some(&1)));
}

#[test]
fn what_is_not_to_be_announced_is_not_and_works_all_the_same() {
    let config = Config::new()
        .announce_top(false)
        .announce_uidl(false)
        .announce_pipelining(false)
        .announce_response_codes(false);
    let (answers, _) = answers(config, Numbered::default(), "CAPA\r\nTOP 1 0\r\nUIDL 1\r\n");
    let (capabilities, rest) = answers.split_once(".\r\n").unwrap();
    assert_eq!(capabilities, "+OK capability list follows\r\nUSER\r\nSASL PLAIN\r\n");
    assert_eq!(rest.matches("+OK").count(), 2, "{rest}");
}

proptest! {
    #[test]
    fn octets_that_are_true_are_found_to_be_true(
        message in "(a|\\.|\r|\n|\r\n|\r\n\\.\r\n|x{300}){0,20}", chunk in 0_usize..40, crlf in any::<bool>(),
    ) {
        let message = if crlf { String::from_utf8(normalise(message.as_bytes())).unwrap() } else { message };
        let store = Store::new([&message]);
        store.chunk.set(chunk);
        if crlf {
            store.line_ends.set(LineEnds::Crlf);
        }
        let mut server = Server::logged_in(&store);
        let said = server.send("STAT\r\nRETR 1\r\nTOP 1 0\r\n");
        prop_assert_eq!((server.session.wrong_sizes(), said.matches("+OK").count()), (0, 3));
        let mut size = WireSize::new();
        size.add(message.as_bytes());
        // TOP's octets are among them.
        prop_assert!(server.session.totals().message_octets >= size.octets());
    }
}

#[test]
fn octets_that_are_not_true_are_counted() {
    let mut store = Store::new(["one\n", "two\n", "three\n"]);
    std::rc::Rc::get_mut(&mut store).unwrap().messages[1].announced = 4;
    let mut server = Server::logged_in(&store);
    server.send("RETR 2\r\n");
    assert_eq!(server.session.wrong_sizes(), 0, "nothing is announced yet");
    server.send("LIST\r\nRETR 1\r\nRETR 2\r\nTOP 2 9\r\nRETR 3\r\nRETR 2\r\n");
    assert_eq!(server.session.wrong_sizes(), 2);
    assert_eq!(server.session.totals().message_octets, 5 + 5 + 5 + 5 + 7 + 5);
}

/// A store that vouches for octets that it has not.
struct Sure;

impl Maildrop for Sure {
    type Reader = ();

    fn count(&self) -> u32 {
        1
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(7)
    }

    fn octets_are_exact(&self) -> bool {
        true
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        UniqueId::new("a").ok()
    }
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "message 1 has 3 octets")]
fn octets_that_are_vouched_for_and_not_true_are_loud_in_a_debug_build() {
    let _ = answers(Config::new(), Sure, "STAT\r\nRETR 1\r\n");
}
