//! RFC 1939 §3: command lines and responses as lines.

use pop3_proto::server::CloseReason;
use pop3_proto::wire::{Framed, LineScanner};

use crate::common::{GREETING, LOGIN, Server, Store, read_replies};

const BAD: &str = "-ERR unknown command\r\n";
const STRAY: &str = "-ERR line holds a forbidden octet\r\n";

#[test]
fn the_greeting_is_one_line_and_comes_before_anything_is_read() {
    // R-1939-01
    let mut server = Server::new(&Store::example());
    assert_eq!(server.send(""), GREETING);
    assert_eq!(server.send(""), "", "it comes once");
}

#[test]
fn what_a_client_sends_before_the_greeting_is_answered_after_it_in_order() {
    // R-1939-01
    let mut server = Server::new(&Store::example());
    let output = server.send("USER mrose\r\nCAPA now\r\n");
    assert_eq!(output, format!("{GREETING}+OK send PASS\r\n-ERR too many arguments\r\n"));
}

#[test]
fn a_keyword_is_known_in_any_case() {
    // R-1939-02
    let mut server = Server::logged_in(&Store::example());
    for command in ["STAT", "stat", "Stat", "sTaT"] {
        assert_eq!(server.send(format!("{command}\r\n")), "+OK 2 320\r\n");
    }
}

#[test]
fn a_space_before_the_keyword_and_a_tab_after_it_are_refused() {
    // R-1939-02
    let mut server = Server::logged_in(&Store::example());
    for line in [" NOOP", "\tNOOP", "LIST\t1", "NOOP\t", "STAT\t1"] {
        assert_eq!(server.send(format!("{line}\r\n")), BAD, "{line:?}");
    }
    assert_eq!(server.send("LIST 1\t\r\n"), "-ERR an argument is not a number\r\n");
}

#[test]
fn an_unknown_command_is_refused_and_changes_nothing() {
    // R-1939-03, R-1939-10, R-OBS-03, R-OBS-04, C9
    let store = Store::example();
    let mut server = Server::patient(&store);
    server.log_in();
    for line in
        ["", "NOPE", "NOO", "NOOPS", "QUITT", "XTND", "RPOP mrose", "XCLIENT a=b", "AUTHENTICATION-X", "STLS", "LAST"]
    {
        let reply = server.send(format!("{line}\r\n"));
        assert!(reply.starts_with("-ERR ") && reply.len() <= 512, "{line:?}: {reply}");
    }
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(server.closed, None);
}

#[test]
fn a_line_end_may_be_a_bare_line_feed() {
    // R-GEN-03
    let mut server = Server::logged_in(&Store::example());
    assert_eq!(server.send("STAT\nLIST 1\nNOOP\r\n"), "+OK 2 320\r\n+OK 1 120\r\n+OK\r\n");
}

#[test]
fn an_odd_octet_costs_its_line_and_never_the_next_one() {
    // R-1939-04, R-GEN-03
    let mut server = Server::patient(&Store::example());
    server.log_in();
    let lines: [(&[u8], &str); 8] = [
        (b"NOOP\0", STRAY),
        (b"\0", STRAY),
        (b"LIST\r1", STRAY),
        (b"NOOP\r", STRAY),
        (b"\r", STRAY),
        (b"RETR \xff", "-ERR an argument is not a number\r\n"),
        (b"\xff\xfe\xfd\xfc", BAD),
        (b"R\xc5TR 1", BAD),
    ];
    for (line, reply) in lines {
        let output = server.send([line, b"\r\nSTAT\r\n"].concat());
        assert_eq!(output, format!("{reply}+OK 2 320\r\n"), "{}", line.escape_ascii());
    }
}

#[test]
fn a_lone_cr_ends_no_line() {
    // R-GEN-03
    let mut server = Server::logged_in(&Store::example());
    assert_eq!(server.send("NOOP\rNOOP\r"), "");
    assert_eq!(server.send("\n"), STRAY, "one line, so one reply");
}

#[test]
fn cr_and_lf_may_come_apart() {
    // R-GEN-01
    let mut server = Server::logged_in(&Store::example());
    assert_eq!(server.send("NOOP\r"), "");
    assert_eq!(server.send("\nNOOP"), "+OK\r\n");
    assert_eq!(server.send("\r\n"), "+OK\r\n");
}

#[test]
fn a_line_that_the_end_of_stream_cuts_is_dropped() {
    // R-GEN-09
    for line in ["NOOP", "NOOP\r", "QUIT", "QUIT\r"] {
        let mut server = Server::logged_in(&Store::example());
        assert_eq!(server.send_and_hang_up(line), "", "{line:?}");
        assert_eq!(server.closed, Some(CloseReason::EndOfStream));
    }
}

#[test]
fn lines_before_the_end_of_stream_are_answered() {
    // R-1939-11
    let mut server = Server::logged_in(&Store::example());
    assert_eq!(server.send_and_hang_up("STAT\r\nLIST 2\r\nNO"), "+OK 2 320\r\n+OK 2 200\r\n");
}

#[test]
fn an_empty_listing_or_message_is_its_status_line_and_the_end_line() {
    // R-1939-08
    let mut server = Server::logged_in(&Store::empty());
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n.\r\n");
    assert_eq!(server.send("UIDL\r\n"), "+OK unique-id listing follows\r\n.\r\n");
    let store = Store::new([""]);
    for chunk in [0, 1] {
        store.chunk.set(chunk);
        let mut server = Server::logged_in(&store);
        assert_eq!(server.send("RETR 1\r\n"), "+OK message follows\r\n.\r\n");
        assert_eq!(server.send("TOP 1 9\r\n"), "+OK message follows\r\n.\r\n");
    }
}

#[test]
fn every_response_line_has_an_indicator_and_at_most_512_octets() {
    // R-1939-05, R-1939-06
    let store = Store::example();
    let mut server = Server::patient(&store);
    let lines = "NOOP\nUSER\nPASS\nUSER mrose\nPASS tanstaaf\nSTAT x\nLIST 9\nRETR\nTOP 1\nDELE 0\nAPOP a b\n\n";
    let output = server.send(lines).into_bytes();
    let mut rest = output.as_slice();
    assert!(crate::common::read_reply(&mut rest, false).is_some_and(|greeting| greeting.ok));
    for reply in read_replies(rest, lines.split_terminator('\n').map(str::as_bytes)) {
        assert!(reply.line.len() <= 510 && (reply.ok || reply.line.starts_with("-ERR ")), "{reply:?}");
    }
}

#[test]
fn a_response_echoes_nothing_of_the_command() {
    // R-1939-05
    let mut server = Server::patient(&Store::example());
    server.send("");
    for line in ["ZEBRA", "USER zebra", "PASS zebra", "APOP zebra zebra", "LIST zebra", "NOOP zebra", "TOP zebra zebra"]
    {
        let output = server.send(format!("{line}\r\n"));
        assert!(!output.to_lowercase().contains("zebra"), "{output}");
    }
    assert!(!server.send(LOGIN).contains("mrose"));
}

#[test]
fn the_scanner_says_the_same_of_a_line_however_it_grows() {
    // R-GEN-01, R-GEN-02
    for line in [b"NOOP\r\n".as_slice(), b"NOOP\n", b"a\rb\r\n", b"a\0\n", b"\r\r\n", b"\n", b"\r\n"] {
        let whole = LineScanner::new(16).scan(line);
        let mut scanner = LineScanner::new(16);
        for end in 1..line.len() {
            assert_eq!(scanner.scan(&line[..end]), Framed::Partial, "{}", line.escape_ascii());
        }
        assert_eq!(scanner.scan(line), whole, "{}", line.escape_ascii());
        let content = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line)).unwrap();
        let bare_lf = !line.ends_with(b"\r\n");
        let stray = content.contains(&b'\r') || content.contains(&0);
        assert_eq!(whole, Framed::Line { octets: line.len(), content: content.len(), bare_lf, stray });
    }
}

#[test]
fn a_line_over_the_limit_is_said_once_and_the_next_one_is_whole() {
    // R-2449-05
    let mut scanner = LineScanner::new(8);
    assert_eq!(scanner.scan(b"1234567"), Framed::Partial);
    assert_eq!(scanner.scan(b"12345678"), Framed::TooLong { octets: 8 });
    assert_eq!(scanner.scan(b"more"), Framed::Rest { octets: 4 });
    assert_eq!(scanner.scan(b"end\nNOOP\r\n"), Framed::Rest { octets: 4 });
    assert_eq!(scanner.scan(b"NOOP\r\n"), Framed::Line { octets: 6, content: 4, bare_lf: false, stray: false });
    let exactly = Framed::Line { octets: 8, content: 6, bare_lf: false, stray: false };
    assert_eq!(scanner.scan(b"123456\r\n"), exactly);
}
