//! A client's lines in its output: any of them may hold a secret, and some wait for responses.

use alloc::vec::Vec;

use bytes::Buf;
use zeroize::Zeroize;

use super::Output;
use crate::part::{part, part_mut};

/// The least memory for lines, which holds one of 255 octets.
const LEAST: usize = 256;

impl Output {
    /// Output of lines: each is wiped when it is written, and none leaves a copy where the memory grows.
    pub(crate) fn of_lines() -> Self {
        let mut output = Self::new(usize::MAX);
        output.wipes = true;
        output
    }

    /// Counts the octets that aren't written, those that may not leave yet among them.
    pub(crate) fn unwritten(&self) -> usize {
        self.remaining() + self.waiting
    }

    /// Appends a line of `octets`, which `write` writes. It may not leave until it is [released](Self::release_line).
    pub(crate) fn push_line(&mut self, octets: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.text.capacity() - self.text.len() < octets {
            let capacity = 2 * (self.unwritten() + octets);
            self.rebuild(capacity.max(LEAST), 0, |_| {});
        }
        let before = self.text.len();
        write(&mut self.text);
        debug_assert_eq!(self.text.len(), before + octets, "a line is as long as was said");
        self.waiting += octets;
    }

    /// Lets the first line leave that may not leave yet.
    pub(crate) fn release_line(&mut self, octets: usize) {
        debug_assert!(octets <= self.waiting, "a line that waits");
        self.waiting = self.waiting.saturating_sub(octets);
    }

    /// The line of `octets` that was released last.
    pub(crate) fn released(&self, octets: usize) -> &[u8] {
        let end = self.text.len() - self.waiting;
        part(&self.text, end - octets..end)
    }

    /// Puts a line of `octets` before all that may not leave yet.
    pub(crate) fn insert_line(&mut self, octets: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.rebuild(self.unwritten() + octets, self.waiting, write);
    }

    /// Takes a line of `octets` out that `after` octets follow; `false` if some of it is written.
    pub(crate) fn take_line_back(&mut self, octets: usize, after: usize) -> bool {
        let start = self.text.len().checked_sub(after + octets);
        let Some(start) = start.filter(|start| *start >= self.written) else { return false };
        self.text.copy_within(start + octets.., start);
        let rest = self.text.len() - octets;
        part_mut(&mut self.text, rest..).zeroize();
        self.text.truncate(rest);
        if after < self.waiting {
            self.waiting -= octets;
        }
        // What is written is forgotten where nothing follows it.
        self.advance(0);
        true
    }

    /// Moves what isn't written to new memory, and writes something before the last `after` octets of it.
    fn rebuild(&mut self, capacity: usize, after: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let middle = self.text.len() - after;
        let mut text = Vec::with_capacity(capacity);
        text.extend_from_slice(part(&self.text, self.written..middle));
        write(&mut text);
        text.extend_from_slice(part(&self.text, middle..));
        debug_assert!(text.len() <= capacity, "memory that grows again leaves a copy");
        self.wipe();
        self.text = text;
        self.written = 0;
    }
}
