//! Which commands are sent, and when (RFC 2449 §6.6).

use alloc::vec::Vec;

use super::error::SendError;
use super::inbox::Front;
use super::outbox::Sent;
use super::{Feature, Session, State, Support, Ticket};
use crate::Security;
use crate::wire::{self, Command, Verb};

/// The most octets of a command line, CRLF included (RFC 2449 §4).
pub(super) const MAX_COMMAND_LINE: usize = 255;

impl Session {
    /// Queues a command. It is sent when its turn comes: at once, or after the responses to earlier commands, depending
    /// on whether the server takes commands ahead of its responses.
    ///
    /// The events that answer it carry the ticket.
    ///
    /// # Errors
    /// [`SendError`] when the command can't be sent, whatever the server would answer. Nothing is queued then.
    pub fn send(&mut self, command: &Command<'_>) -> Result<Ticket, SendError> {
        let octets = self.check_command(command)?;
        self.push(command.verb(), command.has_argument(), octets, |lines| command.encode(lines))
    }

    /// Takes a command back that was sent, as long as no octet of its line is written; nothing answers it then. Returns
    /// whether it was taken back: what is written, in part or whole, is answered as if nothing had been tried. AUTH with a
    /// mechanism is never taken back; cancel it at its first challenge.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        if matches!(self.front, Some(Front::NotSent(_))) {
            return false;
        }
        let withdrawn = self.outbox.withdraw(ticket);
        if withdrawn == Some(Verb::Quit) {
            self.quit_is_sent = false;
        }
        withdrawn.is_some()
    }

    /// Whether a command can be sent at all; its octets.
    pub(super) fn check_command(&self, command: &Command<'_>) -> Result<usize, SendError> {
        let credential = match command {
            Command::User { name } | Command::Apop { name, .. } => name.as_bytes(),
            Command::Pass { password } => password.expose(),
            Command::Auth { arguments: Some(_) } => return Err(SendError::Exchange),
            _ => b"",
        };
        if !credential.is_ascii() && self.support(Feature::Utf8User) != Support::Yes {
            return Err(SendError::NotAscii);
        }
        if matches!(command, Command::Pass { .. }) && !self.may_send_secrets() {
            return Err(SendError::Cleartext);
        }
        if matches!(command, Command::Apop { .. }) && self.state != State::Greeting && self.timestamp.is_none() {
            return Err(SendError::NoTimestamp);
        }
        let octets = command.encoded_len();
        if octets > MAX_COMMAND_LINE { Err(SendError::TooLong) } else { Ok(octets) }
    }

    /// Whether so many octets find room in the queue.
    pub(super) fn has_room_for(&self, octets: usize) -> bool {
        self.outbox.queued() == 0 || self.outbox.queued() + octets <= self.config.queue as usize
    }

    /// Puts a line of these octets into the queue.
    pub(super) fn push(
        &mut self,
        verb: Verb,
        has_argument: bool,
        octets: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Ticket, SendError> {
        if self.closed.is_some() || self.farewell || self.quit_is_sent {
            return Err(SendError::Over);
        }
        if !self.has_room_for(octets) {
            return Err(SendError::QueueFull);
        }
        let logs_in = matches!(verb, Verb::User | Verb::Pass | Verb::Apop | Verb::Auth);
        let only_asks = verb == Verb::Auth && !has_argument;
        if logs_in && !only_asks && !self.may_log_in() {
            return Err(SendError::NeedsTls);
        }
        let has_place = match self.state {
            State::Transaction => verb.is_valid_in(wire::State::Transaction),
            // It waits for a login that waits too.
            _ => verb.is_valid_in(wire::State::Authorization) || self.outbox.holds_login(),
        };
        // What is known now of how to log in doesn't hold after STLS.
        let is_untimely = logs_in && self.outbox.holds(Verb::Stls);
        // There is at most one TLS (RFC 2595 §4), and none after UTF8 (RFC 6856 §2.1).
        let is_late =
            verb == Verb::Stls && (self.security == Security::Tls || self.utf8 || self.outbox.holds(Verb::Stls));
        if !has_place || is_untimely || is_late {
            return Err(SendError::WrongState);
        }
        self.quit_is_sent = verb == Verb::Quit;
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.outbox.push(ticket, verb, has_argument, octets, write);
        Ok(ticket)
    }

    /// Lets those commands go whose turn has come.
    pub(super) fn release(&mut self) {
        if self.state == State::Greeting || self.farewell {
            return;
        }
        while let Some(next) = self.outbox.next_queued() {
            let is_futile = self.is_futile(next.verb);
            if self.outbox.outstanding() > 0 {
                if is_futile {
                    return;
                }
            } else if !self.input.octets().is_empty() {
                // Half a line that no command has asked for: this command must not be taken to have asked for it.
                return;
            } else if is_futile {
                self.front = Some(Front::NotSent(next));
                return;
            }
            let may_go = self.outbox.last_outstanding().is_none_or(|last| self.may_follow(last, next));
            if !may_go {
                return;
            }
            self.outbox.release();
        }
    }

    /// Whether commands are sent ahead of responses at all.
    pub(super) fn sends_ahead(&self) -> bool {
        self.config.pipelining && self.support(Feature::Pipelining) == Support::Yes
    }

    /// Whether a command has lost its place: by the answers to those before it, since it was queued.
    fn is_futile(&self, verb: Verb) -> bool {
        match self.state {
            State::Authorization => {
                !verb.is_valid_in(wire::State::Authorization)
                    || (verb == Verb::Pass && self.name_refused)
                    || (verb == Verb::Stls && self.utf8)
            }
            _ => !verb.is_valid_in(wire::State::Transaction),
        }
    }

    /// Whether a command may go ahead of the response to the one before it.
    fn may_follow(&self, last: Sent, next: Sent) -> bool {
        let behind = match last.verb {
            // The answer to these decides whether anything after them makes sense.
            Verb::Stls | Verb::Auth | Verb::Quit | Verb::Pass | Verb::Apop => false,
            // A server that refuses a name in the clear doesn't want the password.
            _ => next.verb != Verb::Pass || self.security.is_secure() || !self.outbox.is_outstanding(Verb::User),
        };
        behind
            && self.sends_ahead()
            && self.outbox.outstanding() < self.config.pipelined_commands
            && self.outbox.fits(next, self.config.pipelined_octets)
    }
}
