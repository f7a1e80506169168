//! Where something stands in a window.

use core::fmt;
use core::ops::Range;

use super::position;
use crate::part::part;

/// A range within a window or line, none of which is longer than a `u32` can express.
///
/// `Debug` shows nothing of it: it would show the length of a password or a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self { start: position(start), end: position(end) }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The octets that stand there.
    pub(crate) fn slice(self, octets: &[u8]) -> &[u8] {
        part(octets, self.range())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}
