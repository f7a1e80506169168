//! The crate's incremental parts, fed with chunks.

use pop3_proto::wire::{LineEnds, Stuffer, TopLimit, Unstuffer, WireSize};

pub fn stuff(chunks: &[&[u8]], line_ends: LineEnds) -> Vec<u8> {
    let mut stuffer = Stuffer::new(line_ends);
    let mut wire = Vec::new();
    for mut chunk in chunks.iter().copied() {
        while !chunk.is_empty() {
            let piece = stuffer.next(chunk);
            assert!(piece.consumed() + piece.insert.len() > 0, "a piece that gets nowhere");
            wire.extend_from_slice(piece.insert);
            wire.extend_from_slice(&chunk[piece.skip..piece.skip + piece.run]);
            chunk = &chunk[piece.consumed()..];
        }
    }
    wire.extend_from_slice(stuffer.end());
    wire
}

/// The content, and how many octets of the chunks belong to the response if it has ended.
pub fn unstuff(chunks: &[&[u8]]) -> (Vec<u8>, Option<usize>) {
    let mut unstuffer = Unstuffer::new();
    let mut content = Vec::new();
    let mut taken = 0;
    for mut chunk in chunks.iter().copied() {
        while !chunk.is_empty() {
            let part = unstuffer.next(chunk);
            assert!(part.consumed + part.content.len() > 0, "a part that gets nowhere");
            content.extend_from_slice(part.content);
            taken += part.consumed;
            if part.ended {
                return (content, Some(taken));
            }
            chunk = &chunk[part.consumed..];
        }
    }
    (content, None)
}

pub fn size(chunks: &[&[u8]]) -> u64 {
    let mut size = WireSize::new();
    chunks.iter().for_each(|chunk| size.add(chunk));
    size.octets()
}

/// What TOP shows, and whether the limit was reached.
pub fn top(chunks: &[&[u8]], lines: u64) -> (Vec<u8>, bool) {
    let mut limit = TopLimit::new(lines);
    let mut shown = Vec::new();
    for chunk in chunks {
        let reached = limit.is_reached();
        let kept = limit.keep(chunk);
        assert!(!reached || kept == 0, "nothing is shown after the limit");
        shown.extend_from_slice(&chunk[..kept]);
    }
    (shown, limit.is_reached())
}
