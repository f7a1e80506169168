//! Where TOP cuts a message.

use crate::part::part;

/// Finds how much of a stored message TOP shows: the header, the blank line, and the first lines of the body (RFC 1939
/// §7). Lines end at LF, with or without a CR before it; a message without a blank line is all header.
///
/// ```
/// use pop3_proto::wire::TopLimit;
///
/// let mut limit = TopLimit::new(1);
/// assert_eq!(limit.keep(b"Subject: hi\n\none"), 16);
/// assert_eq!(limit.keep(b" more\ntwo\n"), 6);
/// assert!(limit.is_reached());
/// ```
#[derive(Clone, Debug)]
pub struct TopLimit {
    /// Lines of the body that are still to be shown.
    lines: u64,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// In the header, at the start of a line.
    LineStart,
    /// In the header, after a CR at the start of a line.
    Cr,
    /// In the header, in a line that isn't blank.
    Inside,
    Body,
}

impl TopLimit {
    /// Creates a limit of `lines` lines of the body.
    pub const fn new(lines: u64) -> Self {
        Self { lines, at: At::LineStart }
    }

    /// Returns how many octets at the front of the next chunk are shown.
    pub fn keep(&mut self, chunk: &[u8]) -> usize {
        let header = if self.at == At::Body { 0 } else { self.keep_header(chunk) };
        let body = part(chunk, header..);
        let mut ends = memchr::memchr_iter(b'\n', body);
        if (body.len() as u64) < self.lines {
            // The limit can't be in this chunk, and counting is quicker than looking.
            self.lines -= ends.count() as u64;
            return chunk.len();
        }
        let mut shown = 0;
        while self.lines > 0 {
            let Some(lf) = ends.next() else { return chunk.len() };
            self.lines -= 1;
            shown = lf + 1;
        }
        header + shown
    }

    /// Whether nothing more is shown.
    pub fn is_reached(&self) -> bool {
        self.at == At::Body && self.lines == 0
    }

    /// The same for a chunk that begins in the header, up to the blank line.
    fn keep_header(&mut self, chunk: &[u8]) -> usize {
        let mut start = 0;
        for lf in memchr::memchr_iter(b'\n', chunk) {
            let blank =
                matches!((self.at, chunk.get(start..lf)), (At::LineStart, Some([] | [b'\r'])) | (At::Cr, Some([])));
            start = lf + 1;
            if blank {
                self.at = At::Body;
                return start;
            }
            self.at = At::LineStart;
        }
        self.at = match (self.at, part(chunk, start..)) {
            (at, []) => at,
            (At::LineStart, [b'\r']) => At::Cr,
            _ => At::Inside,
        };
        chunk.len()
    }
}
