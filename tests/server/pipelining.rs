//! RFC 2449 §6.6: commands ahead of the replies, and exactly one reply to each line.

use pop3_proto::server::CloseReason;
use proptest::prelude::*;

use crate::common::{GREETING, LOGGED_IN, LOGIN, Server, Store, read_replies, read_reply};

#[test]
fn a_whole_session_in_one_write_is_answered_in_order() {
    // R-1939-11, R-2449-16
    let store = Store::example();
    let mut server = Server::new(&store);
    let output = server.send(format!("{LOGIN}STAT\r\nLIST\r\nDELE 1\r\nUIDL\r\nNOOP\r\nQUIT\r\n"));
    let expected = [
        GREETING,
        LOGGED_IN,
        "+OK 2 320\r\n",
        "+OK scan listing follows\r\n1 120\r\n2 200\r\n.\r\n",
        "+OK message marked as deleted\r\n",
        "+OK unique-id listing follows\r\n2 uid-2\r\n.\r\n",
        "+OK\r\n",
        "+OK marked messages removed, bye\r\n",
    ];
    assert_eq!(output, expected.concat());
    assert_eq!(store.removed(), [1]);
}

#[test]
fn the_replies_to_a_burst_leave_in_one_write() {
    // design: replies of a pipelined burst leave in one write
    let mut server = Server::logged_in(&Store::example());
    server.run("NOOP\r\nSTAT\r\nLIST 1\r\nUIDL\r\nLIST\r\nCAPA\r\nDELE 1\r\n".repeat(10).as_bytes(), false);
    assert_eq!(server.writes.len(), 1, "{:?}", server.writes);
}

#[test]
fn no_octet_of_a_reply_comes_before_the_end_line_of_the_one_before() {
    // R-2449-16
    let store = Store::new(["one\n".repeat(3000), ".\n".repeat(5000), "three".to_owned()]);
    store.chunk.set(1000);
    for window in [1, 7, 4096] {
        let mut server = Server::logged_in(&store);
        server.window = window.into();
        let output = server.receive("RETR 1\r\nRETR 2\r\nRETR 3\r\nRETR 4\r\nNOOP\r\n");
        let commands = ["RETR 1", "RETR 2", "RETR 3", "RETR 4", "NOOP"].map(str::as_bytes);
        let replies = read_replies(&output, commands);
        let octets: Vec<_> = replies.iter().map(|reply| reply.content.as_ref().map(Vec::len)).collect();
        assert_eq!(octets, [Some(15_000), Some(15_000), Some(7), None, None]);
    }
}

#[test]
fn what_comes_after_a_login_is_kept_until_the_host_has_answered() {
    // R-2449-16: nothing is dropped, and nothing is read too early
    let store = Store::example();
    let mut server = Server::new(&store);
    server.drops = vec![true, true, false].into();
    let output = server.send(format!("USER mrose\r\nPASS wrong\r\n{LOGIN}STAT\r\n"));
    assert_eq!(
        output,
        format!("{GREETING}+OK send PASS\r\n-ERR [AUTH] wrong name or password\r\n{LOGGED_IN}+OK 2 320\r\n")
    );
}

#[test]
fn a_first_line_leaves_whole_and_the_end_line_with_the_line_end_before_it() {
    // "Some clients treat one read as one answer": what `Write` promises
    let messages = crate::common::tricky_messages();
    let store = Store::new(&messages);
    for chunk in [0, 1, 2, 64, 255, 256] {
        store.chunk.set(chunk);
        let mut server = Server::logged_in(&store);
        for number in 1..=messages.len() {
            server.run(format!("RETR {number}\r\n").as_bytes(), false);
            let edges: Vec<_> =
                server.writes.iter().scan(0, |at, octets| Some(std::mem::replace(at, *at + octets))).collect();
            assert!(edges[1..].iter().all(|&edge| edge >= 21), "the first line is cut: {edges:?}");
            let end = server.output.len() - 5;
            assert!(edges.iter().all(|&edge| edge <= end), "the end line is cut off: {edges:?}, {end}");
            server.take();
        }
    }
}

#[test]
fn the_end_line_of_a_listing_leaves_with_the_line_end_before_it() {
    // "Some clients treat one read as one answer", also where the output is nearly full when the last line is written
    let store = Store::announcing(vec![1; 2300]);
    for listed in 2050..2200 {
        let mut server = Server::logged_in(&store);
        let deletions: Vec<_> = (listed + 1..=2300).map(|number| format!("DELE {number}\r\n")).collect();
        server.send(deletions.concat());
        server.run(b"LIST\r\n", false);
        assert!(server.output.ends_with(b"\r\n.\r\n"));
        assert!(*server.writes.last().unwrap() >= 5, "{listed} messages: {:?}", server.writes);
    }
}

/// Lines of all kinds, some of them commands.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "(STAT|list|LIST 1|List 2|RETR 1|RETR 2|RETR 3|DELE 1|DELE 2|NOOP|RSET|TOP 1 1|top 2 0|UIDL|UIDL 2|CAPA|capa)"
            .prop_map(String::into_bytes),
        2 => "(USER|PASS|APOP|LAST|LIST|RETR|TOP|STAT|CAPA|UIDL|NOOP)[ 0-9a]{0,6}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>().prop_filter("one line", |&octet| octet != b'\n'), 0..12),
        1 => (250_usize..260).prop_map(|octets| vec![b'x'; octets]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_line_gets_exactly_one_reply_in_order(
        lines in prop::collection::vec((line(), any::<bool>()), 0..40), logged_in: bool, window in 1_usize..900
    ) {
        // R-1939-11
        let config = || crate::common::patient(pop3_proto::server::Config::new()).command_line_limit(255).unwrap();
        let new = || {
            let store = Store::new(["a\n\n.\n.b", "H: 1\r\n\r\none\r\ntwo\r\n"]);
            let mut server = Server::with(&store, config(), pop3_proto::Security::Tls);
            server.send(if logged_in { LOGIN } else { "" });
            server
        };
        let ended: Vec<_> = lines.iter().map(|(line, lf)| [line.as_slice(), if *lf { b"\n" } else { b"\r\n" }].concat()).collect();
        let mut pipelined = new();
        pipelined.window = window.into();
        let output = pipelined.receive(ended.concat());
        let commands = ended.iter().map(|line| line.strip_suffix(b"\n").unwrap());
        let commands = commands.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        prop_assert_eq!(read_replies(&output, commands).len(), lines.len());
        let mut one_by_one = new();
        let answers: Vec<_> = ended.iter().flat_map(|line| one_by_one.receive(line)).collect();
        prop_assert_eq!(answers, output);
        prop_assert_eq!(pipelined.closed, None);
    }
}

#[test]
fn a_session_over_pipes_of_any_size_comes_to_its_end() {
    // R-2449-16
    let store = Store::new(["one\n".repeat(50), ".\n".repeat(50)]);
    for size in [1, 2, 3, 5, 64] {
        let mut server = Server::new(&store);
        server.window = size.into();
        server.reads = size.into();
        let output = server.receive(format!("{LOGIN}STAT\r\nLIST\r\nRETR 1\r\nRETR 2\r\nTOP 2 1\r\nQUIT\r\n"));
        assert_eq!(server.closed, Some(CloseReason::Quit));
        let mut rest = output.as_slice();
        read_reply(&mut rest, false).unwrap();
        let commands = ["USER", "PASS", "STAT", "LIST", "RETR 1", "RETR 2", "TOP 2 1", "QUIT"];
        assert!(read_replies(rest, commands.map(str::as_bytes)).iter().all(|reply| reply.ok));
    }
}
