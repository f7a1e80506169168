//! Which messages are marked.

use alloc::boxed::Box;
use alloc::vec;

use crate::message::MessageNumber;

/// A bit for each message; no memory until the first is marked.
#[derive(Debug, Default)]
pub(super) struct Marks {
    words: Box<[u64]>,
    marked: u32,
}

impl Marks {
    /// How many are marked.
    pub(super) fn count(&self) -> u32 {
        self.marked
    }

    #[inline]
    pub(super) fn contains(&self, message: MessageNumber) -> bool {
        let (word, bit) = place(message);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The first message at or after `message` that isn't marked.
    #[inline]
    pub(super) fn next_unmarked(&self, message: MessageNumber) -> Option<MessageNumber> {
        if self.marked == 0 { Some(message) } else { self.find(message, false) }
    }

    /// The first message at or after `message` that is marked, or the first that isn't. Sixty-four are looked at in one go.
    #[inline]
    fn find(&self, message: MessageNumber, is_marked: bool) -> Option<MessageNumber> {
        let (mut word, bit) = place(message);
        let inverted = if is_marked { 0 } else { u64::MAX };
        // What is before the message doesn't count.
        let mut counting = !(bit - 1);
        while let Some(marks) = self.words.get(word) {
            let found = (marks ^ inverted) & counting;
            if found != 0 {
                let index = u32::try_from(word).ok()?.checked_mul(64)?.checked_add(found.trailing_zeros())?;
                return MessageNumber::new(index.checked_add(1)?);
            }
            counting = u64::MAX;
            word += 1;
        }
        None
    }

    /// Marks a message of a maildrop of `count`.
    pub(super) fn insert(&mut self, message: MessageNumber, count: u32) {
        if self.words.is_empty() {
            self.words = vec![0; count.div_ceil(64) as usize].into_boxed_slice();
        }
        let (word, bit) = place(message);
        if let Some(word) = self.words.get_mut(word) {
            self.marked += u32::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Unmarks all; the memory stays.
    pub(super) fn clear(&mut self) {
        if self.marked > 0 {
            self.words.fill(0);
            self.marked = 0;
        }
    }

    pub(super) fn iter(&self) -> Deletions<'_> {
        Deletions { marks: self, next: Some(MessageNumber::FIRST), left: self.marked }
    }
}

fn place(message: MessageNumber) -> (usize, u64) {
    (message.index() / 64, 1 << (message.index() % 64))
}

/// The messages to be removed, in rising order.
#[derive(Clone, Debug)]
pub struct Deletions<'a> {
    marks: &'a Marks,
    /// Where to look for the next one.
    next: Option<MessageNumber>,
    left: u32,
}

impl Iterator for Deletions<'_> {
    type Item = MessageNumber;

    #[inline]
    fn next(&mut self) -> Option<MessageNumber> {
        // Nothing is looked for after the last one.
        self.left = self.left.checked_sub(1)?;
        let message = self.marks.find(self.next?, true)?;
        // No number follows the last that there can be.
        self.next = MessageNumber::new(message.get().wrapping_add(1));
        Some(message)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Deletions<'_> {}
