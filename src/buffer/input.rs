//! The window that a peer's octets are read into.

use alloc::boxed::Box;
use alloc::vec;

use zeroize::Zeroize;

use crate::part::{part, part_mut};
use crate::wire::{Framed, LineScanner};

/// A window that takes a peer's octets and gives out lines.
///
/// It has its memory only while there is something in it, or while somebody reads into it. It is as large as its size,
/// and larger only where a longer line is allowed and comes. A window of commands is small until one read fills it:
/// most of them come alone, and each new window is cleared.
pub(crate) struct Input {
    window: Box<[u8]>,
    start: usize,
    end: usize,
    size: u32,
    /// The size once a read has filled the window.
    full_size: u32,
    scanner: LineScanner,
}

/// A line at the front of the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Its octets with the line end.
    pub(crate) octets: usize,
    /// Its octets without the line end; all there are of a line that is too long.
    pub(crate) content: usize,
    /// Whether it ends with LF instead of CRLF.
    pub(crate) bare_lf: bool,
    /// Whether it holds a NUL or a CR outside its line end, or is longer than the limit.
    pub(crate) defect: Option<Defect>,
}

/// What makes a line useless whatever it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Defect {
    TooLong,
    Stray,
}

impl Input {
    /// A window of `size` octets that takes lines of at most `limit`, line end included.
    pub(crate) fn new(size: u32, limit: u32) -> Self {
        let scanner = LineScanner::new(limit as usize);
        Self { window: Box::default(), start: 0, end: 0, size, full_size: size, scanner }
    }

    /// A window for commands of at most `limit` octets.
    pub(crate) fn of_commands(limit: u32) -> Self {
        // Two commands as long as every server takes them (RFC 2449 §4).
        const SMALL: u32 = 512;
        let mut input = Self::new(limit, limit);
        input.size = limit.min(SMALL);
        input
    }

    /// Room for more octets, never empty while a line isn't complete.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let size = self.size as usize;
        if self.window.is_empty() {
            self.window = vec![0; size].into_boxed_slice();
        } else if self.window.len() < size
            || (self.window.len() > size && self.scanner.limit() <= size && self.end - self.start < size)
        {
            // A read has filled the window, or the long line is dealt with.
            self.resize(size);
        }
        if self.start > 0 {
            // What is left is the front of one line, so an octet is moved at most once.
            self.window.copy_within(self.start..self.end, 0);
            let left = self.end - self.start;
            part_mut(&mut self.window, left.max(self.start)..self.end).zeroize();
            self.start = 0;
            self.end = left;
        }
        let limit = self.scanner.limit();
        if self.end == self.window.len() && self.end < limit {
            self.resize((2 * self.window.len()).min(limit));
        }
        part_mut(&mut self.window, self.end..)
    }

    /// Whether there is room for more octets.
    pub(crate) fn has_space(&self) -> bool {
        self.end - self.start < self.scanner.limit().max(self.full_size as usize)
    }

    /// Moves what is in the window to one of another size, and leaves no copy.
    #[cold]
    fn resize(&mut self, size: usize) {
        let mut window = vec![0; size].into_boxed_slice();
        part_mut(&mut window, ..self.end - self.start).copy_from_slice(self.unread());
        self.end -= self.start;
        self.start = 0;
        self.window.zeroize();
        self.window = window;
    }

    /// Allows lines of at most `limit` octets, line end included, from the one at the front on.
    #[inline]
    pub(crate) fn set_limit(&mut self, limit: u32) {
        self.scanner.set_limit(limit as usize);
    }

    /// Takes the first `octets` of the space as read.
    pub(crate) fn filled(&mut self, octets: usize) {
        self.end = self.end.saturating_add(octets).min(self.window.len());
        if octets > 0 && self.end == self.window.len() {
            self.size = self.full_size;
        }
    }

    /// The line at the front, if it is complete. Its octets stay until they are consumed, and must be before the next
    /// call.
    #[inline]
    pub(crate) fn line(&mut self) -> Option<Line> {
        loop {
            let unread = part(&self.window, self.start..self.end);
            let line = match self.scanner.scan(unread) {
                Framed::Partial => return None,
                Framed::Line { octets, content, bare_lf, stray } => {
                    Line { octets, content, bare_lf, defect: stray.then_some(Defect::Stray) }
                }
                Framed::TooLong { octets } => {
                    Line { octets, content: octets, bare_lf: false, defect: Some(Defect::TooLong) }
                }
                Framed::Rest { octets } => {
                    self.wipe(octets);
                    continue;
                }
            };
            return Some(line);
        }
    }

    /// The line at the front without its line end.
    #[inline]
    pub(crate) fn text(&self, line: Line) -> &[u8] {
        part(&self.window, self.start..self.start.wrapping_add(line.content))
    }

    /// Whether what wasn't consumed is the front of a line that wasn't looked at.
    #[inline]
    pub(crate) fn is_at_line_start(&self) -> bool {
        self.scanner.is_fresh()
    }

    /// What was read and isn't consumed.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        part(&self.window, self.start..self.end)
    }

    /// The same. It is never `None`, but the fast paths are faster if they don't make an empty slice of that.
    #[inline]
    pub(crate) fn try_unread(&self) -> Option<&[u8]> {
        self.window.get(self.start..self.end)
    }

    /// What was read and isn't consumed, to be changed where it is.
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        part_mut(&mut self.window, self.start..self.end)
    }

    /// What stands between two positions after what was consumed.
    #[inline]
    pub(crate) fn range(&self, start: usize, end: usize) -> Option<&[u8]> {
        self.window.get(self.start.wrapping_add(start)..self.start.wrapping_add(end))
    }

    /// Drops octets from the front.
    #[inline]
    pub(crate) fn consume(&mut self, octets: usize) {
        if octets < self.end - self.start {
            self.start += octets;
        } else {
            self.start = 0;
            self.end = 0;
            if self.window.len() > self.size as usize {
                // The long line that it was for is dealt with, and wiped if it may hold a secret.
                self.window = Box::default();
            }
        }
    }

    /// Drops octets from the front and overwrites them.
    pub(crate) fn wipe(&mut self, octets: usize) {
        let end = self.start.saturating_add(octets).min(self.end);
        part_mut(&mut self.window, self.start..end).zeroize();
        self.consume(octets);
    }

    /// Gives the memory back if nothing is in it.
    pub(crate) fn release(&mut self) {
        if self.start == self.end {
            self.window = Box::default();
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // Half a line may be half a password.
        self.window.zeroize();
    }
}
