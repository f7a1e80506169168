//! Framing: where a line ends, whatever it holds.

use super::word;

/// Finds the lines in a window of input, without looking at an octet twice.
///
/// A line ends at its first LF; a CR right before that LF belongs to the line end. Whether the line makes sense is not
/// asked here, so nonsense can't shift where the next line begins. A line of more octets than the limit, line end
/// included, is reported once, and its octets are to be dropped up to its LF.
///
/// ```
/// use pop3_proto::wire::{Framed, LineScanner};
///
/// let mut scanner = LineScanner::new(255);
/// assert_eq!(scanner.scan(b"NO"), Framed::Partial);
/// let line = scanner.scan(b"NOOP\r\nQUIT\r\n");
/// assert_eq!(line, Framed::Line { octets: 6, content: 4, bare_lf: false, stray: false });
/// ```
#[derive(Clone, Debug)]
pub struct LineScanner {
    limit: usize,
    scanned: usize,
    stray: bool,
    discarding: bool,
}

/// What is at the front of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framed {
    /// No whole line yet: scan again when more octets follow the same ones.
    Partial,
    /// A line, to be dropped from the window before the next scan.
    Line {
        /// How long it is with its line end.
        octets: usize,
        /// How long it is without its line end.
        content: usize,
        /// Whether it ends with LF instead of CRLF.
        bare_lf: bool,
        /// Whether a NUL, or a CR that isn't part of the line end, is in it.
        stray: bool,
    },
    /// The front of a line that is longer than the limit, to be dropped. Reported once for a line.
    TooLong {
        /// How many octets to drop.
        octets: usize,
    },
    /// More of the line that was too long, to be dropped.
    Rest {
        /// How many octets to drop.
        octets: usize,
    },
}

impl LineScanner {
    /// Creates a scanner for lines of at most `limit` octets, line end included; 0 counts as 1.
    pub const fn new(limit: usize) -> Self {
        let limit = if limit == 0 { 1 } else { limit };
        Self { limit, scanned: 0, stray: false, discarding: false }
    }

    /// Whether nothing of the line at the front was looked at.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.scanned == 0 && !self.discarding
    }

    /// The most octets of a line.
    #[inline]
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Sets another limit for the line at the front and those after it.
    #[inline]
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Returns what is at the front of `window`.
    ///
    /// After [`Framed::Partial`] the next window must begin with the same octets; after anything else, with those
    /// after what was to be dropped.
    #[inline]
    pub fn scan(&mut self, window: &[u8]) -> Framed {
        if self.discarding {
            return self.scan_rest(window);
        }
        let reach = window.get(..self.limit).unwrap_or(window);
        while let Some(at) = find_special(reach, self.scanned) {
            match (reach.get(at), reach.get(at + 1)) {
                (Some(b'\n'), _) => return self.line(at + 1, at, true),
                (Some(b'\r'), Some(b'\n')) => return self.line(at + 2, at, false),
                (Some(b'\r'), None) => {
                    self.scanned = at;
                    return self.unended(window);
                }
                (Some(b'\r' | 0), _) => self.stray = true,
                _ => {}
            }
            self.scanned = at + 1;
        }
        self.scanned = reach.len();
        self.unended(window)
    }

    /// Forgets what was scanned: the next window begins a new line.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.limit);
    }

    fn line(&mut self, octets: usize, content: usize, bare_lf: bool) -> Framed {
        let stray = self.stray;
        self.reset();
        Framed::Line { octets, content, bare_lf, stray }
    }

    #[cold]
    fn unended(&mut self, window: &[u8]) -> Framed {
        if window.len() < self.limit {
            return Framed::Partial;
        }
        self.reset();
        self.discarding = true;
        match self.scan_rest(window) {
            Framed::Rest { octets } => Framed::TooLong { octets },
            other => other,
        }
    }

    fn scan_rest(&mut self, window: &[u8]) -> Framed {
        if window.is_empty() {
            return Framed::Partial;
        }
        match memchr::memchr(b'\n', window) {
            Some(at) => {
                self.discarding = false;
                Framed::Rest { octets: at + 1 }
            }
            None => Framed::Rest { octets: window.len() },
        }
    }
}

/// Returns where the first octet at or after `from` is that may be an LF, CR or NUL: one up to 0x0D.
///
/// Most lines have eight octets or so, and are done before a call of a search that is made for long texts.
#[inline]
fn find_special(text: &[u8], from: usize) -> Option<usize> {
    const LIMIT: u8 = b'\r' + 1;
    let mut at = from;
    while let Some(word) = word::load(text.get(at..)?) {
        if let Some(found) = word::first_below(word, LIMIT) {
            return Some(at + found);
        }
        at += 8;
    }
    let rest = text.get(at..)?.iter().position(|&octet| octet < LIMIT)?;
    Some(at + rest)
}
