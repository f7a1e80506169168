//! Commands that are being sent, and those that wait for their response.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::Buf;
use zeroize::Zeroize;

use super::Ticket;
use crate::wire::Verb;

/// The lines that wait to be written, in order, and for each command that isn't answered what its response is for.
///
/// Any line may hold a secret, so all are wiped when they are written. It has its memory only while something is in it.
pub(super) struct Outbox {
    lines: Vec<u8>,
    written: usize,
    /// How far the lines may be written: what comes after waits for responses.
    released: usize,
    commands: VecDeque<Sent>,
    /// How many of the commands, from the front, are released.
    outstanding: u32,
    outstanding_octets: u32,
    /// Whether what isn't written answers a challenge.
    is_response: bool,
}

/// A command: what is needed to read its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ticket: Ticket,
    pub(super) verb: Verb,
    pub(super) has_argument: bool,
    octets: u32,
}

impl Sent {
    /// Whether it begins an exchange.
    pub(super) fn logs_in_by_auth(self) -> bool {
        self.verb == Verb::Auth && self.has_argument
    }

    /// Whether its success opens the maildrop.
    pub(super) fn logs_in(self) -> bool {
        matches!(self.verb, Verb::Pass | Verb::Apop) || self.logs_in_by_auth()
    }
}

impl Outbox {
    pub(super) const fn new() -> Self {
        Self {
            lines: Vec::new(),
            written: 0,
            released: 0,
            commands: VecDeque::new(),
            outstanding: 0,
            outstanding_octets: 0,
            is_response: false,
        }
    }

    /// The octets that aren't written, released or not.
    pub(super) fn queued(&self) -> usize {
        self.lines.len() - self.written
    }

    /// The command whose response comes next, if one is due.
    #[inline]
    pub(super) fn front(&self) -> Option<Sent> {
        if self.outstanding == 0 { None } else { self.commands.front().copied() }
    }

    /// The last command that was released and isn't answered.
    pub(super) fn last_outstanding(&self) -> Option<Sent> {
        self.commands.get((self.outstanding as usize).checked_sub(1)?).copied()
    }

    /// The command that is to be released next.
    pub(super) fn next_queued(&self) -> Option<Sent> {
        self.commands.get(self.outstanding as usize).copied()
    }

    /// Whether a command of this kind isn't answered.
    pub(super) fn is_outstanding(&self, verb: Verb) -> bool {
        self.commands.iter().take(self.outstanding as usize).any(|sent| sent.verb == verb)
    }

    /// Whether a command of this kind isn't answered, sent or not.
    pub(super) fn holds(&self, verb: Verb) -> bool {
        self.commands.iter().any(|sent| sent.verb == verb)
    }

    /// Whether something that logs in isn't answered, sent or not.
    pub(super) fn holds_login(&self) -> bool {
        self.commands.iter().any(|sent| sent.logs_in())
    }

    pub(super) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Whether a command of these octets keeps the outstanding ones within a limit.
    pub(super) fn fits(&self, next: Sent, octets: u32) -> bool {
        self.outstanding_octets.saturating_add(next.octets) <= octets
    }

    /// Whether the command at the front, and what answers its challenges, is written to its end.
    pub(super) fn front_is_written(&self) -> bool {
        let front = self.commands.front().map_or(0, |sent| sent.octets);
        self.released - self.written <= (self.outstanding_octets - front.min(self.outstanding_octets)) as usize
    }

    /// Whether some of the command at the front is written.
    pub(super) fn front_is_begun(&self) -> bool {
        let unwritten = self.released - self.written;
        self.outstanding > 0 && (self.is_response || unwritten < self.outstanding_octets as usize)
    }

    /// Whether all is written that may be.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.released
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.lines.is_empty()
    }

    /// Queues a command after the others; `write` writes its line, of these octets.
    pub(super) fn push(
        &mut self,
        ticket: Ticket,
        verb: Verb,
        has_argument: bool,
        octets: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.reserve(octets);
        write(&mut self.lines);
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        self.commands.push_back(Sent { ticket, verb, has_argument, octets });
    }

    /// Releases the next command.
    pub(super) fn release(&mut self) {
        if let Some(next) = self.next_queued() {
            self.outstanding += 1;
            self.outstanding_octets = self.outstanding_octets.saturating_add(next.octets);
            self.released = self.released.saturating_add(next.octets as usize).min(self.lines.len());
        }
    }

    /// Drops the next command, where nothing is outstanding.
    pub(super) fn drop_next(&mut self) {
        if let Some(next) = self.commands.pop_front() {
            self.released = self.released.saturating_add(next.octets as usize).min(self.lines.len());
            self.advance(next.octets as usize);
        }
    }

    /// Takes a command back, if no octet of its line is written, and returns its keyword; `None` if it isn't there, or not
    /// as a whole, or begins an exchange.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<Verb> {
        let mut start = self.lines.len();
        for (place, sent) in self.commands.iter().enumerate().rev() {
            let end = start;
            start = end.checked_sub(sent.octets as usize).filter(|begin| *begin >= self.written)?;
            if sent.ticket == ticket {
                if sent.logs_in_by_auth() {
                    return None;
                }
                let (verb, octets) = (sent.verb, sent.octets);
                self.lines.copy_within(end.., start);
                let rest = self.lines.len() - (end - start);
                if let Some(moved) = self.lines.get_mut(rest..) {
                    moved.zeroize();
                }
                self.lines.truncate(rest);
                if place < self.outstanding as usize {
                    self.outstanding -= 1;
                    self.outstanding_octets = self.outstanding_octets.saturating_sub(octets);
                    self.released -= octets as usize;
                }
                self.commands.remove(place);
                return Some(verb);
            }
        }
        None
    }

    /// Puts the response to a challenge in front of everything that isn't released.
    pub(super) fn respond(&mut self, octets: usize, write: impl FnOnce(&mut Vec<u8>)) {
        // Nothing is released after AUTH, so what is released is written, and the rest stands behind it.
        let mut lines = Vec::with_capacity(octets + self.lines.len() - self.released);
        write(&mut lines);
        let released = lines.len();
        lines.extend_from_slice(self.lines.get(self.released..).unwrap_or_default());
        self.lines.zeroize();
        self.lines = lines;
        self.written = 0;
        self.released = released;
        self.is_response = true;
    }

    /// The command at the front is answered.
    #[inline]
    pub(super) fn answered(&mut self) {
        if let Some(sent) = self.commands.pop_front() {
            self.is_response = false;
            self.outstanding = self.outstanding.saturating_sub(1);
            self.outstanding_octets = self.outstanding_octets.saturating_sub(sent.octets);
        }
    }

    /// Makes room without leaving a copy of what was there.
    fn reserve(&mut self, octets: usize) {
        const LEAST: usize = 256;
        if self.lines.capacity() - self.lines.len() >= octets {
            return;
        }
        let rest = self.lines.get(self.written..).unwrap_or_default();
        let mut lines = Vec::with_capacity((2 * (rest.len() + octets)).max(LEAST));
        lines.extend_from_slice(rest);
        self.lines.zeroize();
        self.lines = lines;
        self.released -= self.written;
        self.written = 0;
    }

    /// Gives the memory back if nothing is in it.
    pub(super) fn give_back(&mut self) {
        if self.is_empty() {
            self.lines = Vec::new();
            self.commands = VecDeque::new();
        }
    }
}

/// What may be written now.
impl Buf for Outbox {
    fn remaining(&self) -> usize {
        self.released - self.written
    }

    fn chunk(&self) -> &[u8] {
        self.lines.get(self.written..self.released).unwrap_or_default()
    }

    fn advance(&mut self, octets: usize) {
        let end = self.written.saturating_add(octets).min(self.released);
        if let Some(written) = self.lines.get_mut(self.written..end) {
            written.zeroize();
        }
        self.written = end;
        if self.written == self.lines.len() {
            self.lines.clear();
            self.written = 0;
            self.released = 0;
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("octets", &self.queued())
            .field("outstanding", &self.outstanding)
            .finish_non_exhaustive()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.lines.zeroize();
    }
}
