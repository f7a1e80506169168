//! RFC 1939 §5 and §7: TRANSACTION.

use pop3_proto::Security;
use pop3_proto::server::{CloseReason, Config, Refusal};

use crate::common::{Call, LOGIN, Server, Store, normalise, read_replies};

const NO_SUCH: &str = "-ERR no such message\r\n";
const DELETED: &str = "-ERR message is marked as deleted\r\n";
const RANGE: &str = "-ERR a number is out of range\r\n";

#[test]
fn stat_says_two_numbers_and_nothing_else() {
    // R-1939-21
    assert_eq!(Server::logged_in(&Store::example()).send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(Server::logged_in(&Store::empty()).send("STAT\r\n"), "+OK 0 0\r\n");
}

#[test]
fn stat_is_exact_beyond_4_gib() {
    // R-1939-21
    let store = Store::announcing([u64::from(u32::MAX), u64::from(u32::MAX), 7_000_000_000_000]);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 3 7008589934590\r\n");
    assert_eq!(server.send("DELE 3\r\nSTAT\r\n"), "+OK message marked as deleted\r\n+OK 2 8589934590\r\n");
    assert_eq!(server.send("LIST 1\r\n"), "+OK 1 4294967295\r\n");
}

#[test]
fn stat_survives_sizes_that_add_up_to_more_than_64_bits() {
    // R-1939-21
    let mut server = Server::logged_in(&Store::announcing([u64::MAX, u64::MAX]));
    assert_eq!(server.send("STAT\r\n"), format!("+OK 2 {}\r\n", u64::MAX));
    assert!(server.send("DELE 1\r\nSTAT\r\nRSET\r\nSTAT\r\n").ends_with(&format!("+OK 2 {}\r\n", u64::MAX)));
}

#[test]
fn list_with_a_number_says_number_and_size_on_one_line() {
    // R-1939-22
    let mut server = Server::logged_in(&Store::example());
    assert_eq!(server.send("LIST 2\r\n"), "+OK 2 200\r\n");
    assert_eq!(server.send("LIST 002\r\n"), "+OK 2 200\r\n", "leading zeros are fine (R-1939-19)");
}

#[test]
fn uidl_says_number_and_unique_id() {
    // R-1939-27
    let mut server = Server::logged_in(&Store::identified(["QhdPYR:00WBw1Ph7x7", "~!{}"]));
    assert_eq!(server.send("UIDL\r\n"), "+OK unique-id listing follows\r\n1 QhdPYR:00WBw1Ph7x7\r\n2 ~!{}\r\n.\r\n");
    assert_eq!(server.send("UIDL 2\r\n"), "+OK 2 ~!{}\r\n");
}

#[test]
fn no_invalid_unique_id_ever_leaves_the_server() {
    // R-1939-27, where the maildrop vouches for what isn't so
    let store = Store::identified(["a", "b c", "d"]);
    store.unique_ids_are_checked.set(true);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("UIDL\r\n"), "+OK unique-id listing follows\r\n1 a\r\n3 d\r\n.\r\n");
    assert_eq!(server.send("UIDL 2\r\n"), "-ERR [SYS/TEMP] temporary failure, try again later\r\n");
}

#[test]
fn a_number_that_names_no_message_reaches_neither_message_nor_host() {
    // R-1939-19
    let store = Store::example();
    let mut server = Server::patient(&store);
    server.log_in();
    let number = "-ERR an argument is not a number\r\n";
    let cases = [
        ("0", RANGE),
        ("00", RANGE),
        ("3", NO_SUCH),
        ("4294967295", NO_SUCH),
        ("4294967296", RANGE),
        ("4294967297", RANGE),
        ("99999999999999999999", RANGE),
        ("-1", number),
        ("+1", number),
        ("1.", number),
        ("0x1", number),
        ("1,2", number),
        ("one", number),
        ("\u{661}", number),
    ];
    for (argument, reply) in cases {
        for command in ["LIST", "RETR", "DELE", "UIDL", "TOP"] {
            let lines = if command == "TOP" { " 0" } else { "" };
            assert_eq!(server.send(format!("{command} {argument}{lines}\r\n")), reply, "{command} {argument}");
        }
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(store.calls().len(), 1, "the login alone: {:?}", store.calls());
}

#[test]
fn a_command_with_a_surplus_argument_has_no_effect() {
    // R-1939-02
    let store = Store::example();
    let mut server = Server::patient(&store);
    server.log_in();
    server.send("DELE 1\r\n");
    for command in
        ["STAT 1", "LIST 1 2", "RETR 2 x", "DELE 2 2", "NOOP x", "RSET x", "QUIT x", "TOP 2 1 1", "UIDL 2 x", "CAPA x"]
    {
        assert_eq!(server.send(format!("{command}\r\n")), "-ERR too many arguments\r\n", "{command}");
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 1 200\r\n");
    assert_eq!(store.calls().len(), 1);
}

#[test]
fn a_command_without_its_argument_is_refused() {
    // R-1939-10, R-1939-26
    let mut server = Server::patient(&Store::example());
    server.log_in();
    for command in ["RETR", "DELE", "TOP", "TOP 1", "RETR ", "DELE ", "TOP 1 "] {
        assert_eq!(server.send(format!("{command}\r\n")), "-ERR an argument is missing\r\n", "{command}");
    }
}

#[test]
fn a_mark_counts_everywhere_until_rset_takes_it_back() {
    // R-1939-21, R-1939-22, R-1939-24, R-1939-25, R-1939-27
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("DELE 1\r\n"), "+OK message marked as deleted\r\n");
    for command in ["DELE 1", "LIST 1", "UIDL 1", "RETR 1", "TOP 1 0"] {
        assert_eq!(server.send(format!("{command}\r\n")), DELETED, "{command}");
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 1 200\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n2 200\r\n.\r\n");
    assert_eq!(server.send("UIDL\r\n"), "+OK unique-id listing follows\r\n2 uid-2\r\n.\r\n");
    assert_eq!(server.send("RSET\r\n"), "+OK no message is marked as deleted\r\n");
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(server.send("LIST 1\r\n"), "+OK 1 120\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 120\r\n2 200\r\n.\r\n");
    assert_eq!(server.send("DELE 1\r\n"), "+OK message marked as deleted\r\n");
}

#[test]
fn stat_follows_every_mark_in_a_maildrop_of_many_messages() {
    // R-1939-21, R-1939-24
    let octets: Vec<u64> = (1..=200).map(|n| n * n).collect();
    let mut server = Server::logged_in(&Store::announcing(octets.iter().copied()));
    let mut left = octets.iter().sum::<u64>();
    assert_eq!(server.send("STAT\r\n"), format!("+OK 200 {left}\r\n"));
    for (deleted, number) in [1, 63, 64, 65, 128, 129, 200, 2].into_iter().enumerate() {
        server.send(format!("DELE {number}\r\n"));
        left -= octets[number - 1];
        assert_eq!(server.send("STAT\r\n"), format!("+OK {} {left}\r\n", 199 - deleted), "{number}");
    }
    let listing = server.send("LIST\r\n");
    assert_eq!(listing.lines().count(), 192 + 2);
    assert!(!listing.contains("\r\n64 ") && listing.contains("\r\n66 4356\r\n"), "{listing}");
}

#[test]
fn mail_that_arrives_after_login_is_not_seen() {
    // R-1939-19
    let store = Store::example();
    store.arrived.set(Some(1));
    let mut server = Server::logged_in(&store);
    store.arrived.set(None);
    assert_eq!(server.send("STAT\r\n"), "+OK 1 120\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 120\r\n.\r\n");
    assert_eq!(server.send("RETR 2\r\n"), NO_SUCH);
    server.send("QUIT\r\n");
    assert_eq!(Server::logged_in(&store).send("STAT\r\n"), "+OK 2 320\r\n", "the next session sees it");
}

#[test]
fn octet_counts_are_asked_for_only_by_a_command_that_needs_them() {
    // design: an octet count is asked for only by a command that needs it
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.send("NOOP\r\nUIDL\r\nRETR 1\r\nDELE 1\r\nRSET\r\nUIDL 1\r\nCAPA\r\nTOP 1 0\r\n");
    assert_eq!(store.octets_asked.get(), 0);
    server.send("STAT\r\nSTAT\r\nSTAT\r\n");
    assert_eq!(store.octets_asked.get(), 2, "once for each message");
}

#[test]
fn octets_that_are_not_known_are_a_temporary_error_and_asked_for_again() {
    // R-GEN-17
    const TEMPORARY: &str = "-ERR [SYS/TEMP] temporary failure, try again later\r\n";
    let store = Store::announcing([5, 70, 900]);
    let mut server = Server::logged_in(&store);
    store.unknown.replace(vec![2]);
    for command in ["STAT\r\n", "LIST\r\n", "LIST 2\r\n"] {
        assert_eq!(server.send(command), TEMPORARY, "{command}");
    }
    assert_eq!(server.send("LIST 3\r\n"), "+OK 3 900\r\n", "the others are known");
    assert!(server.send("UIDL 2\r\nRETR 2\r\n").starts_with("+OK 2 uid-2\r\n+OK"), "the message is there");
    store.unknown.replace(Vec::new());
    assert_eq!(server.send("STAT\r\n"), "+OK 3 975\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 5\r\n2 70\r\n3 900\r\n.\r\n");
}

#[test]
fn a_message_that_is_marked_need_not_be_known() {
    // R-GEN-17
    let store = Store::announcing([5, 70, 900]);
    let mut server = Server::logged_in(&store);
    store.unknown.replace(vec![2]);
    assert_eq!(server.send("DELE 2\r\nSTAT\r\n").lines().last(), Some("+OK 2 905"));
    assert!(server.send("RSET\r\nSTAT\r\n").contains("-ERR [SYS/TEMP]"), "RSET brings it back");
    store.unknown.replace(Vec::new());
    assert_eq!(server.send("STAT\r\n"), "+OK 3 975\r\n");
}

#[test]
fn a_total_that_a_look_up_cannot_lower_is_asked_for_again() {
    // R-GEN-17: the trait forbids it, but no total may come out wrong
    let store = Store::announcing([5, 70, 900]);
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("STAT\r\n"), "+OK 3 975\r\n");
    store.unknown.replace(vec![2]);
    assert_eq!(server.send("DELE 2\r\nSTAT\r\n").lines().last(), Some("+OK 2 905"));
}

#[test]
fn noop_does_nothing() {
    // R-1939-25
    assert_eq!(Server::logged_in(&Store::example()).send("NOOP\r\n"), "+OK\r\n");
}

#[test]
fn list_announces_what_a_client_receives() {
    // R-1939-22, C7
    let messages = crate::common::tricky_messages();
    let mut server = Server::logged_in(&Store::new(&messages));
    for (number, message) in (1..).zip(&messages) {
        let commands = [format!("LIST {number}"), format!("RETR {number}")];
        let output = server.receive(commands.join("\r\n") + "\r\n");
        let replies = read_replies(&output, commands.iter().map(String::as_bytes));
        let content = replies[1].content.as_ref().unwrap();
        assert_eq!(replies[0].line, format!("+OK {number} {}", content.len()), "{}", message.escape_ascii());
        assert_eq!(*content, normalise(message));
    }
}

#[test]
fn a_message_that_is_announced_with_a_wrong_size_arrives_complete() {
    // R-1939-22
    for wrong in [0, 1, 1_000_000] {
        let mut store = Store::new(["one\ntwo\n"]);
        std::rc::Rc::get_mut(&mut store).unwrap().messages[0].announced = wrong;
        let mut server = Server::logged_in(&store);
        assert_eq!(server.send("LIST 1\r\n"), format!("+OK 1 {wrong}\r\n"));
        assert_eq!(server.send("RETR 1\r\nNOOP\r\n"), "+OK message follows\r\none\r\ntwo\r\n.\r\n+OK\r\n");
    }
}

#[test]
fn a_message_that_has_vanished_costs_that_command_alone() {
    // R-1939-28
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    store.refusal.set(Some(Refusal::Gone));
    assert_eq!(server.send("RETR 1\r\n"), "-ERR message is gone\r\n");
    store.refusal.set(None);
    assert!(server.send("RETR 2\r\n").starts_with("+OK message follows\r\n"));
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
}

#[test]
fn a_client_that_asks_for_a_vanished_message_again_and_again_comes_to_an_end() {
    // R-1939-28
    for commands in ["RETR 1\r\n", "TOP 1 0\r\n"] {
        let store = Store::example();
        store.refusal.set(Some(Refusal::Gone));
        let mut server = Server::logged_in(&store);
        server.send(commands.repeat(100));
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
        assert_eq!(store.updates(), 0);
    }
}

#[test]
fn a_client_that_asks_for_several_vanished_messages_in_turn_comes_to_an_end_too() {
    // R-1939-28: "repeats on the same message count as bad commands so that a looping client ends"
    let store = Store::example();
    store.refusal.set(Some(Refusal::Gone));
    let mut server = Server::logged_in(&store);
    server.send("RETR 1\r\nRETR 2\r\n".repeat(100));
    assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
}

#[test]
fn a_read_error_after_ok_closes_without_the_end_line() {
    // R-GEN-10
    let message = b"one\n.two\n".repeat(200);
    let whole = crate::common::stuff(&normalise(&message));
    for chunk in [1, 2, 3, 5, 7, 500] {
        let store = Store::new([&message]);
        store.chunk.set(chunk);
        store.fail_after.set(Some(3));
        let mut server = Server::logged_in(&store);
        let output = server.send("DELE 1\r\nRSET\r\nRETR 1\r\nNOOP\r\nQUIT\r\n");
        let (_, content) = output.split_once("+OK message follows\r\n").unwrap();
        assert!(whole.starts_with(content.as_bytes()) && content.len() < whole.len() - 5, "{content}");
        assert_eq!(server.closed, Some(CloseReason::MessageFailed));
        assert_eq!(store.updates(), 0);
    }
}

#[test]
fn last_is_off_unless_configured_and_rset_resets_it() {
    // R-OBS-02, R-1939-25
    let store = Store::example();
    assert_eq!(Server::logged_in(&store).send("LAST\r\n"), "-ERR command not available\r\n");
    let mut server = Server::with(&Store::example(), Config::new().last(true), Security::Tls);
    server.send(LOGIN);
    assert_eq!(server.send("LAST\r\n"), "+OK 0\r\n");
    server.send("RETR 1\r\nLIST 2\r\nTOP 2 0\r\nUIDL 2\r\n");
    assert_eq!(server.send("LAST\r\n"), "+OK 1\r\n", "TOP has no side effect (R-1939-26)");
    server.send("DELE 2\r\nRETR 1\r\n");
    assert_eq!(server.send("LAST\r\n"), "+OK 2\r\n", "the highest, not the latest");
    assert_eq!(server.send("RSET\r\nLAST\r\n"), "+OK no message is marked as deleted\r\n+OK 0\r\n");
}

#[test]
fn retr_asks_the_host_for_that_message_alone() {
    // R-1939-23
    let store = Store::example();
    Server::logged_in(&store).send("RETR 2\r\nTOP 1 5\r\n");
    assert_eq!(store.calls()[1..], [Call::Retrieve(2), Call::Top(1, 5), Call::Dropped]);
}

#[test]
fn a_command_out_of_place_is_refused_for_that_whatever_its_arguments() {
    // R-1939-10, R-3206-02: no `[AUTH]` where nobody logs in
    let mut server = Server::logged_in(&Store::example());
    for line in ["PASS", "PASS ", "PASS x", "USER", "APOP a b"] {
        assert_eq!(server.send(format!("{line}\r\n")), "-ERR command not valid in this state\r\n", "{line:?}");
    }
}

#[test]
fn what_is_left_of_a_maildrop_is_listed_wherever_the_marks_are() {
    // R-1939-22, R-1939-24
    let store = Store::announcing(vec![7; 200]);
    for kept in [vec![], vec![1], vec![64], vec![65], vec![200], vec![1, 63, 64, 65, 128, 129, 200]] {
        let mut server = Server::logged_in(&store);
        let deleted = (1..=200).filter(|number| !kept.contains(number));
        for number in deleted {
            server.send(format!("DELE {number}\r\n"));
        }
        let lines: Vec<_> = kept.iter().map(|number| format!("{number} 7\r\n")).collect();
        assert_eq!(server.send("LIST\r\n"), format!("+OK scan listing follows\r\n{}.\r\n", lines.concat()));
    }
}
