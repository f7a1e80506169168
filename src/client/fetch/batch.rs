//! How many messages are asked for in one go.

/// The messages that are asked for until the next time that no answer is missing.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// How many they are at most.
    pub(super) size: usize,
    /// How many of them are still to be asked for.
    pub(super) left: usize,
    /// The octets of all messages before them.
    octets: u64,
    /// Whether some batch had a message that is complete.
    pub(super) is_proven: bool,
}

impl Batch {
    /// More octets are too many for one batch.
    const MOST_OCTETS: u64 = 4 << 20;

    /// Begins the next batch, of at most so many messages; `octets` are those of all messages so far.
    ///
    /// It has twice as many as the one before; or half as many, if that was large: where the connection breaks, all of it has come in
    /// vain.
    pub(super) fn begin(&mut self, most: usize, octets: u64) {
        let is_large = octets.saturating_sub(self.octets) > Self::MOST_OCTETS;
        let size = if is_large { self.size / 2 } else { self.size.saturating_mul(2) };
        self.size = size.clamp(1, most);
        (self.left, self.octets) = (self.size, octets);
    }
}
