//! Taking a message out of a multi-line response (RFC 1939 §3), compared with a naive model.

use pop3_proto::wire::Unstuffer;
use proptest::prelude::*;

use crate::common::{normalise, strings, stuff, tricky_messages, unstuff};

/// What an unstuffer makes of `input`, given in reads of `size` octets: content, octets taken, whether it ended.
fn unstuffed(input: &[u8], size: usize) -> (Vec<u8>, usize, bool) {
    let mut unstuffer = Unstuffer::new();
    let mut content = Vec::new();
    let mut taken = 0;
    for read in input.chunks(size) {
        let mut rest = read;
        while !rest.is_empty() {
            let part = unstuffer.next(rest);
            assert!(part.consumed > 0 || !part.content.is_empty(), "a part without progress");
            content.extend_from_slice(part.content);
            taken += part.consumed;
            if part.ended {
                return (content, taken, true);
            }
            rest = &rest[part.consumed..];
        }
    }
    (content, taken, false)
}

#[test]
fn unstuffing_undoes_stuffing() {
    // R-1939-07
    for message in strings(b".\r\na\0", 5).into_iter().chain(tricky_messages()) {
        let message = normalise(&message);
        let wire = stuff(&message);
        let followed = [wire.as_slice(), b"+OK\r\n.\r\n"].concat();
        for size in [1, 2, 3, 63, 64, 65, followed.len()] {
            assert_eq!(unstuffed(&followed, size), (message.clone(), wire.len(), true), "{}", message.escape_ascii());
        }
    }
}

#[test]
fn any_short_input_is_unstuffed_as_the_model_does_it_wherever_it_is_cut() {
    // R-GEN-01
    for input in strings(b".\r\na", 8) {
        let whole = unstuffed(&input, input.len().max(1));
        for size in 1..input.len() {
            assert_eq!(unstuffed(&input, size), whole, "{} by {size}", input.escape_ascii());
        }
        let mut rest = input.as_slice();
        let model = unstuff(&mut rest);
        assert_eq!(whole.2, model.is_some(), "{}", input.escape_ascii());
        if let Some(content) = model {
            assert_eq!(whole, (content, input.len() - rest.len(), true), "{}", input.escape_ascii());
        }
    }
}

#[test]
fn one_dot_is_taken_from_a_line_whatever_follows_it() {
    // R-1939-07
    assert_eq!(unstuffed(b".x\r\n..\r\n...\r\n.\r\n", 99), (b"x\r\n.\r\n..\r\n".to_vec(), 16, true));
}

#[test]
fn a_longer_line_that_starts_with_a_dot_is_not_the_end() {
    // R-1939-08
    for line in [". \r\n", ".\r\r\n", ".\t\r\n", ".+OK\r\n"] {
        let (content, _, ended) = unstuffed(line.as_bytes(), 1);
        assert_eq!((content.as_slice(), ended), (&line.as_bytes()[1..], false), "{line:?}");
    }
}

#[test]
fn content_may_be_empty() {
    // R-1939-08
    assert_eq!(unstuffed(b".\r\n+OK", 1), (vec![], 3, true));
}

#[test]
fn a_bare_line_feed_neither_ends_a_line_nor_the_response() {
    // R-GEN-03
    for body in ["a\n.\n+OK 1 message\r\n", "a\r\n.\n-ERR\r\n", "a\n.\r\n+OK\r\n", ".\n.\n\r\n"] {
        for size in [1, 99] {
            let (content, taken, ended) = unstuffed(body.as_bytes(), size);
            assert_eq!((taken, ended), (body.len(), false), "{body:?}");
            assert!(content.ends_with(b"\r\n"), "{body:?}");
        }
    }
}

#[test]
fn a_dot_line_at_the_edge_of_a_read_in_mid_line_is_content() {
    // R-GEN-01
    let mut unstuffer = Unstuffer::new();
    assert_eq!(unstuffer.next(b"abc").content, b"abc");
    let part = unstuffer.next(b".\r\n");
    assert_eq!((part.content, part.ended), (b".\r\n".as_slice(), false));
}

proptest! {
    #[test]
    fn reads_of_any_size_give_the_same_content(
        lines in prop::collection::vec("[.a\r\n]{0,3}[x]{0,70}(\r\n|\n|\r\n\\.)", 0..8), size in 1_usize..90
    ) {
        let input = lines.concat().into_bytes();
        prop_assert_eq!(unstuffed(&input, size), unstuffed(&input, input.len().max(1)));
        let mut rest = input.as_slice();
        if let Some(content) = unstuff(&mut rest) {
            prop_assert_eq!(unstuffed(&input, size), (content, input.len() - rest.len(), true));
        }
    }
}
