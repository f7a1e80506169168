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

    /// The first message at or after `message` that isn't marked. Sixty-four marks are looked at in one go.
    #[inline]
    pub(super) fn next_unmarked(&self, message: MessageNumber) -> Option<MessageNumber> {
        if self.marked == 0 {
            return Some(message);
        }
        let (mut word, bit) = place(message);
        // What is before the message counts as marked.
        let mut before = bit - 1;
        while let Some(marks) = self.words.get(word) {
            let unmarked = !(marks | before);
            if unmarked != 0 {
                let index = u32::try_from(word).ok()?.checked_mul(64)?.checked_add(unmarked.trailing_zeros())?;
                return MessageNumber::new(index.checked_add(1)?);
            }
            before = 0;
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
        let mut words = self.words.iter();
        let word = words.next().copied().unwrap_or(0);
        Deletions { words, word, before: 0, left: self.marked }
    }
}

fn place(message: MessageNumber) -> (usize, u64) {
    (message.index() / 64, 1 << (message.index() % 64))
}

/// The messages to be removed, in rising order.
#[derive(Clone, Debug)]
pub struct Deletions<'a> {
    words: core::slice::Iter<'a, u64>,
    word: u64,
    before: u32,
    left: u32,
}

impl Iterator for Deletions<'_> {
    type Item = MessageNumber;

    fn next(&mut self) -> Option<MessageNumber> {
        while self.word == 0 {
            self.word = *self.words.next()?;
            self.before += 64;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        self.left = self.left.saturating_sub(1);
        MessageNumber::new(self.before + bit + 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Deletions<'_> {}
