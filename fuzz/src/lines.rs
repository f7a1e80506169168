//! Framing: what lines an input has, by splitting it at each LF.

use pop3_proto::wire::{Framed, LineScanner};

/// A line, or the front of one that is too long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// What stands before its line end, or the front that is known of a line that is too long.
    pub content: Vec<u8>,
    pub bare_lf: bool,
    /// Whether there is a NUL in it, or a CR outside the line end.
    pub stray: bool,
    pub too_long: bool,
    /// How many octets must have come for it to be known.
    pub known_at: usize,
    /// Where the next line begins, if there is one.
    pub end: usize,
}

/// The line that begins at `start` of `input`, if it is known to have at most `limit` octets, or more.
pub fn first(input: &[u8], start: usize, limit: usize) -> Option<Line> {
    let whole = input[start..].split_inclusive(|&octet| octet == b'\n').next()?;
    let end = start + whole.len();
    if whole.len() > limit || (whole.len() == limit && !whole.ends_with(b"\n")) {
        let (content, known_at) = (whole[..limit].to_vec(), start + limit);
        return Some(Line { content, bare_lf: false, stray: false, too_long: true, known_at, end });
    }
    let content = whole.strip_suffix(b"\n")?;
    let bare_lf = !content.ends_with(b"\r");
    let content = content.strip_suffix(b"\r").unwrap_or(content).to_vec();
    let stray = content.iter().any(|octet| matches!(octet, 0 | b'\r'));
    Some(Line { content, bare_lf, stray, too_long: false, known_at: end, end })
}

/// The lines of at most `limit` octets in `input`, and those that are longer.
pub fn split(input: &[u8], limit: usize) -> Vec<Line> {
    let next = |line: &Line| first(input, line.end, limit);
    std::iter::successors(first(input, 0, limit), next).collect()
}

/// Checks that the scanner finds the same lines, with `input` arriving in these pieces.
pub fn check_scanner(input: &[u8], limit: usize, sizes: &[u8]) {
    let mut scanner = LineScanner::new(limit);
    let mut expected = split(input, limit).into_iter();
    let mut window = Vec::new();
    for piece in pieces(input, sizes) {
        window.extend_from_slice(piece);
        loop {
            let dropped = match scanner.scan(&window) {
                Framed::Partial => break,
                Framed::Line { octets, content, bare_lf, stray } => {
                    let line = expected.next().expect("no line is made up");
                    assert!(!line.too_long && octets == content + 2 - usize::from(bare_lf));
                    assert_eq!((&window[..content], bare_lf, stray), (&line.content[..], line.bare_lf, line.stray));
                    octets
                }
                Framed::TooLong { octets } => {
                    assert!(expected.next().is_some_and(|line| line.too_long));
                    octets
                }
                Framed::Rest { octets } => octets,
            };
            assert!(dropped > 0, "a scan that gets nowhere");
            window.drain(..dropped);
        }
        assert!(window.len() < limit, "a window of the limit's size is enough");
    }
    assert_eq!(expected.next(), None);
}

/// `input` cut into pieces of these sizes, over and over; a size of 0 is an empty piece.
pub fn pieces<'a>(input: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = input;
    if sizes.iter().any(|&size| size > 0) {
        for &size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at(usize::from(size).min(rest.len()));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    } else {
        pieces.push(rest);
    }
    pieces
}
