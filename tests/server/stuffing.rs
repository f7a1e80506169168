//! Byte-stuffing and line ends on the way out (RFC 1939 §3, §5, §11), compared with a naive model.

use pop3_proto::wire::{LineEnds, Stuffer, WireSize};
use proptest::prelude::*;

use crate::common::{Server, Store, normalise, strings, stuff, tricky_messages, unstuff};

/// The octets that matter, and one that doesn't.
const ALPHABET: &[u8] = b".\r\na\0";

/// The content of a response, put together from the pieces of `chunks`.
fn pieces<'a>(line_ends: LineEnds, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stuffer = Stuffer::new(line_ends);
    let mut out = Vec::new();
    for mut chunk in chunks {
        while !chunk.is_empty() {
            let piece = stuffer.next(chunk);
            assert!(piece.consumed() > 0 || !piece.insert.is_empty(), "a piece without progress");
            out.extend_from_slice(piece.insert);
            out.extend_from_slice(&chunk[piece.skip..piece.skip + piece.run]);
            chunk = &chunk[piece.consumed()..];
        }
    }
    out.extend_from_slice(stuffer.end());
    out
}

/// Cuts `text` after each octet whose bit is set.
fn cut(text: &[u8], cuts: u32) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for end in 1..=text.len() {
        if end == text.len() || cuts & (1 << (end - 1)) != 0 {
            chunks.push(&text[start..end]);
            start = end;
        }
    }
    chunks
}

#[test]
fn any_short_message_in_any_chunks_is_normalised_and_stuffed() {
    // R-1939-07, R-1939-23, R-GEN-01
    for message in strings(ALPHABET, 6) {
        let expected = stuff(&normalise(&message));
        for cuts in 0..1 << message.len().saturating_sub(1) {
            let chunks = cut(&message, cuts);
            assert_eq!(pieces(LineEnds::Unknown, chunks.iter().copied()), expected, "{chunks:?}");
        }
    }
}

#[test]
fn a_store_that_vouches_for_crlf_rightly_gets_the_same_octets() {
    // R-1939-07
    for message in strings(ALPHABET, 6).iter().map(|message| normalise(message)) {
        let expected = stuff(&message);
        for cuts in 0..1 << message.len().saturating_sub(1).min(7) {
            assert_eq!(pieces(LineEnds::Crlf, cut(&message, cuts)), expected, "{}", message.escape_ascii());
        }
    }
}

#[test]
fn a_store_that_vouches_for_crlf_wrongly_still_gets_one_end_line_at_the_end() {
    // R-1939-07, R-1939-08: framing must hold
    for message in strings(ALPHABET, 6) {
        let whole = pieces(LineEnds::Crlf, [message.as_slice()]);
        for cuts in 0..1 << message.len().saturating_sub(1) {
            assert_eq!(pieces(LineEnds::Crlf, cut(&message, cuts)), whole, "{}", message.escape_ascii());
        }
        let mut rest = whole.as_slice();
        let content = unstuff(&mut rest).expect("an end line");
        assert!(rest.is_empty(), "an end line before the end: {}", whole.escape_ascii());
        let lenient = whole.windows(3).filter(|octets| *octets == b"\n.\n" || *octets == b"\n.\r").count();
        assert_eq!(lenient, usize::from(!message.is_empty()), "even for who takes LF for a line end");
        let expected = if message.ends_with(b"\r\n") || message.is_empty() { 0 } else { 2 };
        let stuffed_after_lf = message
            .windows(2)
            .enumerate()
            .filter(|(at, pair)| *pair == b"\n." && message.get(at.wrapping_sub(1)) != Some(&b'\r'));
        assert_eq!(content.len(), message.len() + expected + stuffed_after_lf.count(), "{}", message.escape_ascii());
    }
}

#[test]
fn the_wire_size_is_the_length_of_the_normalised_message() {
    // R-1939-22
    let count = |chunks: Vec<&[u8]>| {
        let mut size = WireSize::new();
        for chunk in chunks {
            size.add(chunk);
        }
        size.octets()
    };
    for message in strings(ALPHABET, 6) {
        let expected = normalise(&message).len() as u64;
        for cuts in 0..1 << message.len().saturating_sub(1) {
            assert_eq!(count(cut(&message, cuts)), expected, "{}", message.escape_ascii());
        }
    }
    for message in tricky_messages() {
        let expected = normalise(&message).len() as u64;
        for chunk in [1, 2, 3, 191, 192, 193, 10_000] {
            assert_eq!(count(message.chunks(chunk).collect()), expected, "{}", message.escape_ascii());
        }
    }
}

#[test]
fn the_session_sends_every_short_message_as_the_model_has_it() {
    // R-1939-07, R-1939-23
    let messages = strings(ALPHABET, 5);
    let store = Store::new(&messages);
    let mut server = Server::logged_in(&store);
    for chunk in [0, 1, 2, 3] {
        store.chunk.set(chunk);
        for (number, message) in (1..).zip(&messages) {
            let output = server.receive(format!("RETR {number}\r\n"));
            let expected = [b"+OK message follows\r\n".as_slice(), &stuff(&normalise(message))].concat();
            assert_eq!(output, expected, "{} in chunks of {chunk}", message.escape_ascii());
        }
    }
}

#[test]
fn the_session_sends_every_tricky_message_as_the_model_has_it_whatever_its_chunks_and_windows() {
    // R-1939-07, R-1939-23, R-GEN-01
    let messages = tricky_messages();
    let store = Store::new(&messages);
    for (chunk, window) in
        [(0, usize::MAX), (0, 1), (1, usize::MAX), (7, 3), (64, 100), (255, 256), (256, 255), (257, 1)]
    {
        store.chunk.set(chunk);
        let mut server = Server::logged_in(&store);
        server.window = window.into();
        for (number, message) in (1..).zip(&messages) {
            let output = server.receive(format!("RETR {number}\r\n"));
            let content = output.strip_prefix(b"+OK message follows\r\n").unwrap();
            assert_eq!(content, stuff(&normalise(message)), "{} in chunks of {chunk}", message.escape_ascii());
        }
    }
}

#[test]
fn a_crlf_store_never_gets_cr_cr_lf() {
    // R-1939-23
    for chunk in [0, 1, 2, 5, 7] {
        let message = "line\r\n.dot\r\n\r\nend\r\n".repeat(300);
        let store = Store::new([&message]);
        store.chunk.set(chunk);
        let output = Server::logged_in(&store).send("RETR 1\r\n");
        assert!(!output.contains("\r\r\n") && output.len() == 21 + message.len() + 300 + 3, "{}", output.len());
    }
}

#[test]
fn a_vouched_store_is_taken_at_its_word_by_the_session() {
    // R-1939-07
    let store = Store::new(["a\nb\n.c\r\n.\r\nd"]);
    store.line_ends.set(LineEnds::Crlf);
    for chunk in [0, 1, 2] {
        store.chunk.set(chunk);
        let output = Server::logged_in(&store).send("RETR 1\r\nNOOP\r\n");
        assert_eq!(output, "+OK message follows\r\na\nb\n..c\r\n..\r\nd\r\n.\r\n+OK\r\n");
    }
}

/// Lines whose lengths lie where blocks, copies and searches begin or end.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let length =
        prop_oneof![0_usize..20, 60_usize..68, 124_usize..132, 188_usize..196, 252_usize..260, 1020_usize..1030];
    let end = prop::sample::select(vec!["\n", "\r\n", "\r", "\n.", "\r\n.", "\n.\n", ".", "\0", "\r\r\n", "\r\n.\r\n"]);
    // Some lines come often enough to go past the stretches that are copied.
    let times = prop_oneof![9 => Just(1_usize), 1 => 1_usize..3000];
    prop::collection::vec((length, end, times), 0..12).prop_map(|lines| {
        let line = |(length, end, times): (usize, &str, usize)| {
            let times = if length < 20 { times } else { 1 };
            [vec![b'x'; length], end.as_bytes().to_vec()].concat().repeat(times)
        };
        lines.into_iter().flat_map(line).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_long_message_in_any_chunks_is_sent_as_the_model_has_it(
        message in message(), chunk in 0_usize..600, windows in prop::collection::vec(1_usize..700, 1..5), vouched: bool
    ) {
        let message = if vouched { normalise(&message) } else { message };
        let line_ends = if vouched { LineEnds::Crlf } else { LineEnds::Unknown };
        let expected = stuff(&normalise(&message));
        prop_assert_eq!(&pieces(line_ends, message.chunks(chunk.max(1))), &expected);
        let store = Store::new([&message]);
        store.chunk.set(chunk);
        store.line_ends.set(line_ends);
        let mut server = Server::logged_in(&store);
        server.window = windows.into();
        let output = server.receive("RETR 1\r\n");
        prop_assert_eq!(output.strip_prefix(b"+OK message follows\r\n").unwrap(), expected);
    }
}
