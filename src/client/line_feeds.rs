//! Line ends of messages that lack their CR.

/// Counts bare line feeds at the beginning of a message.
///
/// Looking at all of a long message would cost as much as finding its end, and a server that sends some line ends bare
/// does so in the header already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BareLineFeeds {
    seen: u16,
    is_after_cr: bool,
}

impl BareLineFeeds {
    /// How many octets of a message are looked at.
    const MOST: u16 = 4_096;

    /// How many there are in the next part of the message.
    #[inline]
    pub(super) fn count(&mut self, part: &[u8]) -> usize {
        if self.seen == Self::MOST { 0 } else { self.count_at_the_beginning(part) }
    }

    #[cold]
    fn count_at_the_beginning(&mut self, part: &[u8]) -> usize {
        let part = part.get(..usize::from(Self::MOST - self.seen)).unwrap_or(part);
        let is_bare = |at: &usize| match at.checked_sub(1) {
            Some(before) => part.get(before) != Some(&b'\r'),
            None => !self.is_after_cr,
        };
        let bare = memchr::memchr_iter(b'\n', part).filter(is_bare).count();
        self.seen = u16::try_from(part.len()).map_or(Self::MOST, |octets| self.seen + octets);
        self.is_after_cr = part.last().map_or(self.is_after_cr, |&last| last == b'\r');
        bare
    }
}
