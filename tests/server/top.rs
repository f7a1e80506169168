//! TOP (RFC 1939 §7), compared with a naive model.

use pop3_proto::wire::TopLimit;
use proptest::prelude::*;

use crate::common::{Server, Store, lines, normalise, strings, stuff, tricky_messages};

const FIRST: &[u8] = b"+OK message follows\r\n";

/// The header of a normalised message, the blank line, and `count` lines more.
fn top(normalised: &[u8], count: usize) -> Vec<u8> {
    let header = lines(normalised).take_while(|line| *line != b"\r\n").count();
    lines(normalised).take(header.saturating_add(1).saturating_add(count)).flatten().copied().collect()
}

fn number(lines: usize) -> String {
    if lines == usize::MAX { u64::MAX.to_string() } else { lines.to_string() }
}

/// What the session sends for `TOP 1 lines`.
fn sent(message: &[u8], chunk: usize, lines: usize) -> Vec<u8> {
    let store = Store::new([message]);
    store.chunk.set(chunk);
    let mut server = Server::logged_in(&store);
    let output = server.receive(format!("TOP 1 {}\r\n", number(lines)));
    output.strip_prefix(FIRST).unwrap().to_vec()
}

#[test]
fn top_sends_the_header_the_blank_line_and_the_lines_asked_for() {
    // R-1939-26
    let message = b"A: 1\nB: 2\n\none\n.two\n\nfour";
    assert_eq!(sent(message, 0, 0), b"A: 1\r\nB: 2\r\n\r\n.\r\n");
    assert_eq!(sent(message, 0, 1), b"A: 1\r\nB: 2\r\n\r\none\r\n.\r\n");
    assert_eq!(sent(message, 0, 2), b"A: 1\r\nB: 2\r\n\r\none\r\n..two\r\n.\r\n");
    assert_eq!(sent(message, 0, 3), b"A: 1\r\nB: 2\r\n\r\none\r\n..two\r\n\r\n.\r\n");
    for beyond in [4, 5, 99_999_999, usize::MAX] {
        assert_eq!(sent(message, 0, beyond), b"A: 1\r\nB: 2\r\n\r\none\r\n..two\r\n\r\nfour\r\n.\r\n");
    }
}

#[test]
fn a_message_without_a_blank_line_is_all_header() {
    // R-1939-26
    for message in ["A: 1", "A: 1\n", "A: 1\r\nB: 2\r\n", "A: 1\r\n\r"] {
        for chunk in [0, 1] {
            assert_eq!(sent(message.as_bytes(), chunk, 0), stuff(&normalise(message.as_bytes())), "{message:?}");
        }
    }
}

#[test]
fn a_blank_line_is_nothing_but_its_end() {
    // R-1939-26
    for (message, header) in [
        ("\nbody\n", "\r\n"),
        ("\r\nbody\r\n", "\r\n"),
        ("A\r\n \r\n\r\nbody", "A\r\n \r\n\r\n"),
        ("A\n\r\r\n\nbody", "A\r\n\r\r\n\r\n"),
        ("A\n.\n\nbody", "A\r\n.\r\n\r\n"),
    ] {
        for chunk in [0, 1, 2] {
            assert_eq!(sent(message.as_bytes(), chunk, 0), stuff(header.as_bytes()), "{message:?}");
        }
    }
}

#[test]
fn any_short_message_in_any_chunks_is_cut_as_the_model_has_it() {
    // R-1939-26, R-GEN-01
    for message in strings(b"\r\na.", 6) {
        for lines in [0, 1, 2, 3] {
            let expected = top(&normalise(&message), lines);
            for chunk in 1..=message.len() {
                let mut limit = TopLimit::new(lines as u64);
                let kept = message.chunks(chunk).flat_map(|chunk| &chunk[..limit.keep(chunk)]).copied();
                let kept = kept.collect::<Vec<_>>();
                assert_eq!(normalise(&kept), expected, "{} by {chunk}, {lines}", message.escape_ascii());
                let whole = kept.len() == message.len();
                assert!(whole || limit.is_reached(), "{} by {chunk}, {lines}", message.escape_ascii());
            }
        }
    }
}

#[test]
fn top_sends_tricky_messages_as_the_model_has_them() {
    // R-1939-26
    for message in tricky_messages() {
        for lines in [0, 1, 2, usize::MAX] {
            let expected = stuff(&top(&normalise(&message), lines));
            for chunk in [0, 1, 64] {
                assert_eq!(sent(&message, chunk, lines), expected, "{} by {chunk}, {lines}", message.escape_ascii());
            }
        }
    }
}

#[test]
fn top_of_the_whole_message_is_what_retr_sends() {
    // R-1939-26
    for message in tricky_messages() {
        let store = Store::new([&message]);
        let mut server = Server::logged_in(&store);
        assert_eq!(server.receive("TOP 1 99999999\r\n"), server.receive("RETR 1\r\n"), "{}", message.escape_ascii());
    }
}

#[test]
fn top_reads_no_more_chunks_than_it_needs() {
    // design: output is produced only as far as it is wanted
    let message = "A: 1\r\n\r\n".to_owned() + &"body\r\n".repeat(1000);
    let store = Store::new([&message]);
    store.chunk.set(8);
    store.fail_after.set(Some(1));
    let mut server = Server::logged_in(&store);
    assert_eq!(server.send("TOP 1 0\r\n"), "+OK message follows\r\nA: 1\r\n\r\n.\r\n");
    assert_eq!(server.closed, None, "the second chunk would have failed");
}

#[test]
fn top_needs_both_arguments() {
    // R-1939-26
    let mut server = Server::logged_in(&Store::example());
    for line in ["TOP", "TOP 1"] {
        assert_eq!(server.send(format!("{line}\r\n")), "-ERR an argument is missing\r\n");
    }
    assert_eq!(server.send("TOP 0 0\r\n"), "-ERR a number is out of range\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn top_of_any_message_is_cut_as_the_model_has_it(
        header in prop::collection::vec("[ -~]{1,80}(\r\n|\n)", 0..4),
        body in prop::collection::vec("[.x]{0,3}[ -~]{0,300}(\r\n|\n|\r)", 0..10),
        lines in 0_usize..12,
        chunk in 0_usize..400,
    ) {
        let message = (header.concat() + "\n" + &body.concat()).into_bytes();
        prop_assert_eq!(sent(&message, chunk, lines), stuff(&top(&normalise(&message), lines)));
    }
}
