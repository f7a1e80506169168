//! The commands that aren't answered, and what their responses are for.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::exchange::Exchange;
use crate::wire::Verb;

/// Identifies a command that was sent, in the events that answer it: exactly one event
/// [completes](super::Event::completes) it, unless the session ends first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u32);

/// A command: what is needed to read its response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ticket: Ticket,
    pub(super) verb: Verb,
    pub(super) has_argument: bool,
    pub(super) octets: u32,
}

impl Sent {
    /// Whether it begins an exchange.
    pub(super) fn begins_exchange(self) -> bool {
        self.verb == Verb::Auth && self.has_argument
    }

    /// Whether its success opens the maildrop.
    pub(super) fn logs_in(self) -> bool {
        matches!(self.verb, Verb::Pass | Verb::Apop) || self.begins_exchange()
    }
}

/// The commands that aren't answered, in the order in which they were sent. Their lines are in the output, unless they
/// are written.
///
/// It has its memory only while something is in it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    commands: VecDeque<Sent>,
    /// How many of the commands, from the front, are released: their lines may be written, or are.
    released: u32,
    released_octets: u32,
    next_ticket: u32,
    /// The exchange of that command which [begins](Sent::begins_exchange) one: there is one at the most. It is apart,
    /// since most of the time there is none.
    pub(super) exchange: Option<Box<Exchange>>,
    /// Whether the server has announced that it is about to close: then no more commands go out.
    pub(super) is_shut: bool,
}

impl Queue {
    /// The command whose response comes next, if one is due.
    #[inline]
    pub(super) fn front(&self) -> Option<Sent> {
        if self.released == 0 { None } else { self.commands.front().copied() }
    }

    /// The command that is to be released next.
    pub(super) fn next(&self) -> Option<Sent> {
        self.commands.get(self.released as usize).copied()
    }

    /// The commands that are released, in order.
    pub(super) fn released(&self) -> impl DoubleEndedIterator<Item = Sent> + ExactSizeIterator {
        self.commands.iter().copied().take(self.released as usize)
    }

    /// All commands, in order.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = Sent> {
        self.commands.iter().copied()
    }

    /// Finds where a command stands, and how many octets its line has, and the lines after it.
    pub(super) fn find(&self, ticket: Ticket) -> Option<(usize, usize, usize)> {
        let place = self.commands.iter().rposition(|sent| sent.ticket == ticket)?;
        let mut octets = self.commands.iter().skip(place).map(|sent| sent.octets as usize);
        Some((place, octets.next()?, octets.sum()))
    }

    pub(super) fn holds(&self, verb: Verb) -> bool {
        self.all().any(|sent| sent.verb == verb)
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_over(&self) -> bool {
        // Nothing is sent after QUIT.
        self.is_shut || self.commands.back().is_some_and(|last| last.verb == Verb::Quit)
    }

    /// Whether another command keeps the released ones within a number of octets.
    pub(super) fn fits(&self, next: Sent, octets: u32) -> bool {
        self.released_octets.saturating_add(next.octets) <= octets
    }

    /// Whether the command at the front is written to its end, and what answers its challenges, where `unwritten` octets
    /// may be written.
    pub(super) fn front_is_written(&self, unwritten: usize) -> bool {
        let front = self.commands.front().map_or(0, |sent| sent.octets);
        unwritten <= self.released_octets.saturating_sub(front) as usize
    }

    /// Whether some of the command at the front is written.
    pub(super) fn front_is_begun(&self, unwritten: usize) -> bool {
        let goes_on = self.exchange.as_ref().is_some_and(|exchange| exchange.has_answered());
        self.released > 0 && (goes_on || unwritten < self.released_octets as usize)
    }

    /// Appends a command with its exchange, if it begins one.
    pub(super) fn push(&mut self, verb: Verb, has_argument: bool, octets: u32, exchange: Option<Exchange>) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        let sent = Sent { ticket, verb, has_argument, octets };
        debug_assert_eq!(sent.begins_exchange(), exchange.is_some(), "an exchange belongs to its command");
        debug_assert!(exchange.is_none() || self.exchange.is_none(), "one exchange at a time");
        self.commands.push_back(sent);
        if let Some(exchange) = exchange {
            self.exchange = Some(Box::new(exchange));
        }
        ticket
    }

    /// Releases the next command.
    pub(super) fn release(&mut self, next: Sent) {
        self.released += 1;
        self.released_octets = self.released_octets.saturating_add(next.octets);
    }

    /// Removes a command: it is answered, or isn't to be.
    pub(super) fn remove(&mut self, place: usize) -> Option<Sent> {
        let sent = self.commands.remove(place)?;
        if place < self.released as usize {
            self.released -= 1;
            self.released_octets = self.released_octets.saturating_sub(sent.octets);
        }
        if sent.begins_exchange() {
            self.exchange = None;
        }
        Some(sent)
    }

    /// Gives the memory back if nothing is in it.
    pub(super) fn give_back(&mut self) {
        if self.commands.is_empty() {
            self.commands = VecDeque::new();
        }
    }
}
