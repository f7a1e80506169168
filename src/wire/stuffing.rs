//! Byte-stuffing and the normalising of line ends, as one pass (RFC 1939 §3).

use alloc::vec::Vec;

use super::word;
use crate::part::part;

/// What is known of the line ends of a stored message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum LineEnds {
    /// Lines may end with CRLF or LF: each LF without a CR gets one.
    #[default]
    Unknown,
    /// The store vouches that each LF follows a CR, so line ends aren't looked at. Where that isn't true the LF goes
    /// out as it is; the response still ends where it should.
    Crlf,
}

/// Turns a stored message, chunk by chunk, into the content of a multi-line response.
///
/// Each bare LF becomes CRLF; a CR elsewhere stays what it is; a line that begins with a dot gets one more; a last line
/// without an end gets one; every other octet passes unchanged, NUL and those beyond ASCII included. Where the chunks
/// are cut makes no difference.
///
/// Nothing is copied: [`Stuffer::next`] returns which octets of the chunk go out as they are, and what goes before
/// them. A line end at the end of a chunk is held back until it is known what follows, so that the last one is sent
/// together with the line that ends the response.
///
/// ```
/// use pop3_proto::wire::{LineEnds, Stuffer};
///
/// let mut stuffer = Stuffer::new(LineEnds::Unknown);
/// let mut out = Vec::new();
/// for mut chunk in [b"one\n.tw".as_slice(), b"o\r\nthree"] {
///     while !chunk.is_empty() {
///         let piece = stuffer.next(chunk);
///         out.extend_from_slice(piece.insert);
///         out.extend_from_slice(&chunk[piece.skip..piece.skip + piece.run]);
///         chunk = &chunk[piece.consumed()..];
///     }
/// }
/// out.extend_from_slice(stuffer.end());
/// assert_eq!(out, b"one\r\n..two\r\nthree\r\n.\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct Stuffer {
    line_ends: LineEnds,
    at: At,
    /// How many dots were added; it begins anew after the last number.
    dots: u32,
}

/// Where in a line the octets taken so far end, and which of them are held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// At the start of a line; nothing is held back.
    LineStart,
    /// Inside a line; nothing is held back.
    Inside,
    /// After a CR, which is held back.
    Cr,
    /// After a line end, which is held back and goes out as CRLF.
    CrLf,
    /// After an LF that goes out alone, since line ends aren't looked at; it is held back.
    Lf,
}

/// A part of the content: `insert`, then `run` octets of the chunk after `skip` ones that are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// What goes out first: a line end, a dot, both, or nothing.
    pub insert: &'static [u8],
    /// How many octets of the chunk to leave out then.
    pub skip: usize,
    /// How many octets after them go out as they are.
    pub run: usize,
    /// How many octets after those to leave out.
    pub held: usize,
}

impl Piece {
    const NOTHING: Self = Self { insert: b"", skip: 0, run: 0, held: 0 };

    /// Returns how many octets of the chunk are dealt with.
    pub const fn consumed(&self) -> usize {
        self.skip + self.run + self.held
    }
}

impl Stuffer {
    /// How much room [`Stuffer::copy`] needs after what it writes.
    pub(crate) const COPY_SLACK: usize = word::BLOCK;

    /// Creates a stuffer at the start of a message.
    pub const fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, at: At::LineStart, dots: 0 }
    }

    /// Returns the next piece of the content, out of the front of `chunk`. Deals with at least one octet or inserts
    /// one, and looks at no octet after the piece but the one that follows it directly.
    #[inline]
    pub fn next(&mut self, chunk: &[u8]) -> Piece {
        let Some(&first) = chunk.first() else { return Piece::NOTHING };
        let mut piece = self.front(first, chunk);
        if piece.consumed() < chunk.len() {
            self.run(chunk, &mut piece);
        }
        piece
    }

    /// Deals with what is held back and with the first octet of the chunk.
    fn front(&mut self, first: u8, chunk: &[u8]) -> Piece {
        let mut piece = Piece::NOTHING;
        let dot = first == b'.';
        let normalise = self.line_ends == LineEnds::Unknown;
        piece.insert = match self.at {
            At::Cr if first == b'\n' => return self.line_end(chunk, piece),
            At::LineStart | At::Inside if first == b'\n' && normalise => return self.line_end(chunk, piece),
            At::LineStart if dot => self.stuffed(b"."),
            At::LineStart | At::Inside => b"",
            At::Cr => b"\r",
            At::CrLf if dot => self.stuffed(b"\r\n."),
            At::CrLf => b"\r\n",
            At::Lf if dot => self.stuffed(b"\n."),
            At::Lf => b"\n",
        };
        self.at = At::Inside;
        piece
    }

    /// Treats an LF at the front of the chunk as a line end, together with the octet after it.
    fn line_end(&mut self, chunk: &[u8], mut piece: Piece) -> Piece {
        piece.skip = 1;
        (self.at, piece.insert) = match chunk.get(1) {
            None => (At::CrLf, b"".as_slice()),
            Some(b'.') => (At::Inside, self.stuffed(b"\r\n.")),
            Some(_) => (At::LineStart, b"\r\n".as_slice()),
        };
        piece
    }

    /// Counts a dot that is added.
    fn stuffed(&mut self, insert: &'static [u8]) -> &'static [u8] {
        self.dots = self.dots.wrapping_add(1);
        insert
    }

    /// Finds how far the chunk goes out as it is.
    fn run(&mut self, chunk: &[u8], piece: &mut Piece) {
        let rest = part(chunk, piece.skip..);
        let found = match self.line_ends {
            LineEnds::Unknown => find_break(rest),
            LineEnds::Crlf => word::find(rest, b"\n.").map(|lf| lf + 1),
        };
        if let Some(end) = found {
            piece.run = end;
            self.at = match end.checked_sub(1).and_then(|last| rest.get(last)) {
                Some(b'\n') => At::LineStart,
                Some(_) => At::Inside,
                None => self.at,
            };
            return;
        }
        (self.at, piece.held) = match rest {
            [.., b'\r', b'\n'] => (At::CrLf, 2),
            [.., b'\n'] => (At::Lf, 1),
            [.., b'\r'] => (At::Cr, 1),
            [..] => (At::Inside, 0),
        };
        piece.run = rest.len() - piece.held;
    }

    /// Appends the content of a chunk to `out`: cheaper than pieces where their runs are short. Each octet becomes
    /// two at the most, and two may have been held back before; [`Stuffer::COPY_SLACK`] more are needed meanwhile.
    pub(crate) fn copy(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let line_end = if self.line_ends == LineEnds::Unknown { At::CrLf } else { At::Lf };
        let mut rest = chunk;
        let (mut at, mut dots) = (self.at, self.dots);
        while let Some((&octet, after)) = rest.split_first() {
            if octet == b'.' && matches!(at, At::LineStart | At::CrLf | At::Lf) {
                dots = dots.wrapping_add(1);
                match at {
                    At::CrLf => out.extend_from_slice(b"\r\n.."),
                    At::Lf => out.extend_from_slice(b"\n.."),
                    _ => out.extend_from_slice(b".."),
                }
                rest = after;
            } else {
                match at {
                    At::LineStart | At::Inside => {}
                    At::CrLf => out.extend_from_slice(b"\r\n"),
                    At::Lf => out.push(b'\n'),
                    At::Cr if octet == b'\n' => {
                        at = At::CrLf;
                        rest = after;
                        continue;
                    }
                    At::Cr => out.push(b'\r'),
                }
            }
            at = loop {
                let (at, after) = match rest {
                    [] => break At::Inside,
                    [b'\n', after @ ..] => (line_end, after),
                    [b'\r', b'\n', after @ ..] => (At::CrLf, after),
                    [b'\r'] => (At::Cr, [].as_slice()),
                    _ => {
                        rest = copy_run(rest, out);
                        continue;
                    }
                };
                rest = after;
                break at;
            };
        }
        (self.at, self.dots) = (at, dots);
    }

    /// Returns how many dots were added so far, modulo 2^32.
    pub(crate) const fn dots(&self) -> u32 {
        self.dots
    }

    /// Returns what goes out after the last chunk: the end of the last line, and the line of one dot.
    pub const fn end(&self) -> &'static [u8] {
        match self.at {
            At::LineStart => b".\r\n",
            At::Inside | At::CrLf => b"\r\n.\r\n",
            At::Cr => b"\r\r\n.\r\n",
            At::Lf => b"\n\r\n.\r\n",
        }
    }
}

/// Copies up to the first line end, or up to a CR that is the last octet. Returns the rest. The first octet is no LF.
///
/// Blocks are copied before it is known whether a line ends in them: that is cheaper than a search and a copy of any
/// length. So `out` needs room for a block more than is written.
#[inline]
fn copy_run<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    let after = loop {
        let Some((block, after)) = rest.split_first_chunk() else {
            let end = rest.iter().position(|&octet| octet == b'\n').unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            out.extend_from_slice(run);
            break after;
        };
        out.extend_from_slice(block);
        if let Some(at) = word::find_in_block(block, b'\n') {
            out.truncate(out.len() - (word::BLOCK - at));
            break part(rest, at..);
        }
        rest = after;
    };
    // A CR before the line end belongs to it.
    if out.last() == Some(&b'\r') {
        out.pop();
        return part(text, text.len() - after.len() - 1..);
    }
    after
}

/// How many octets at the front of `text` go out as they are: up to an LF without a CR before it, or up to and with an
/// LF that a dot follows. An LF at the very front has no CR before it.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, and keeps this from becoming vector code"
)]
fn find_break(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    // Most texts have either a break in each line or none for long, so the first line end shows which scan pays.
    let first = memchr::memchr(b'\n', text)?;
    if let Some(end) = break_at(text, first) {
        return Some(end);
    }
    let mut at = first + 1;
    while let Some(window) = text.get(at - 1..at + BLOCK + 1) {
        // Three shifted views of one block, compared without a branch: this becomes vector code.
        let before = window.iter();
        let here = window.iter().skip(1);
        let after = window.iter().skip(2);
        let hit = before.zip(here).zip(after).fold(false, |hit, ((before, here), after)| {
            hit | ((*here == b'\n') & ((*before != b'\r') | (*after == b'.')))
        });
        if hit {
            break;
        }
        at += BLOCK;
    }
    let rest = text.get(at..)?;
    memchr::memchr_iter(b'\n', rest).find_map(|lf| break_at(text, at + lf))
}

/// Returns where a run ends because of the LF at `lf`, if it does.
fn break_at(text: &[u8], lf: usize) -> Option<usize> {
    let follows_cr = lf.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\r');
    if !follows_cr {
        Some(lf)
    } else if text.get(lf + 1) == Some(&b'.') {
        Some(lf + 1)
    } else {
        None
    }
}
