//! Which commands are sent, and when (RFC 2449 §6.6).

use alloc::vec::Vec;

use super::capabilities::{Feature, Support};
use super::error::SendError;
use super::exchange::Exchange;
use super::queue::{Sent, Ticket};
use super::session::Session;
use crate::Security;
use crate::buffer::position;
use crate::wire::{Command, State, Verb};

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
    /// [`QueueFull`](SendError::QueueFull) passes: some hundreds of commands fit into the [queue](super::Config::queue), so a
    /// caller that has more keeps the rest, and sends the next one at each event that [completes](super::Event::completes)
    /// a command.
    pub fn send(&mut self, command: &Command<'_>) -> Result<Ticket, SendError> {
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
        let octets = command.encoded_len();
        if octets > MAX_COMMAND_LINE {
            return Err(SendError::TooLong);
        }
        self.push(command.verb(), command.has_argument(), octets, None, |lines| command.encode(lines))
    }

    /// Takes a command back that was sent, as long as no octet of its line is written; nothing answers it then. Returns
    /// whether it was taken back: what is written, in part or whole, is answered as if nothing had been tried.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        let Some((place, octets, after)) = self.queue.find(ticket) else { return false };
        let is_begun = place == 0 && self.front_is_begun();
        let is_withdrawn = !is_begun && self.pipe.output.take_line_back(octets, after);
        if is_withdrawn {
            self.queue.remove(place);
        }
        is_withdrawn
    }

    /// Ends the session where nothing is cut off: takes back all commands of which no octet is written, and
    /// sends QUIT after the others, unless QUIT was sent already. Where the session is over, or the server has announced
    /// that it will close the connection, nothing is sent.
    ///
    /// Go on polling until the session is over: what was asked for still comes. QUIT carries out each DELE that is written;
    /// a [plan](super::Fetch) is ended by its own [`finish`](super::Fetch::finish) instead, which looks at the answers to
    /// them before.
    pub fn stop(&mut self) {
        let last = |session: &Self| session.queue.all().rfind(|sent| sent.verb != Verb::Quit);
        while last(self).is_some_and(|last| self.withdraw(last.ticket)) {}
        // It is refused where it was sent already, and where nothing can be sent.
        let _ = self.send(&Command::Quit);
    }

    /// Puts a command into the queue, if it may be sent.
    pub(super) fn push(
        &mut self,
        verb: Verb,
        has_argument: bool,
        octets: usize,
        exchange: Option<Exchange>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Ticket, SendError> {
        if self.is_over() || self.queue.is_over() {
            return Err(SendError::Over);
        }
        let unwritten = self.pipe.output.unwritten();
        let has_room = unwritten == 0 || unwritten + octets <= self.config.queue as usize;
        // A client that can't say more may always quit.
        if verb != Verb::Quit && !has_room {
            return Err(SendError::QueueFull);
        }
        let logs_in = matches!(verb, Verb::User | Verb::Pass | Verb::Apop | Verb::Auth);
        let only_asks = verb == Verb::Auth && !has_argument;
        if logs_in && !only_asks && !self.may_log_in() {
            return Err(SendError::NeedsTls);
        }
        let state = self.state().unwrap_or(State::Authorization);
        // It may wait for a login that waits too.
        let waits = state == State::Authorization && self.queue.all().any(Sent::logs_in);
        // What is known now of how to log in doesn't hold after STLS.
        let is_untimely = logs_in && self.queue.holds(Verb::Stls);
        // There is at most one TLS (RFC 2595 §4), and none after UTF8 (RFC 6856 §2.1).
        let has_tls = || self.security == Security::Tls || self.queue.holds(Verb::Stls);
        let is_late = verb == Verb::Stls && (has_tls() || self.is_utf8_mode());
        if !(verb.is_valid_in(state) || waits) || is_untimely || is_late {
            return Err(SendError::WrongState);
        }
        if verb == Verb::Apop && self.timestamp().is_none() {
            return Err(SendError::NoTimestamp);
        }
        self.pipe.output.push_line(octets, write);
        Ok(self.queue.push(verb, has_argument, position(octets), exchange))
    }

    /// Lets those commands go whose turn has come. Returns one that isn't to be sent, since it has lost its place by the
    /// answers to those before it, and takes it out of the queue.
    pub(super) fn release(&mut self) -> Option<Sent> {
        let state = self.state().filter(|_| !self.queue.is_shut)?;
        while let Some(next) = self.queue.next() {
            let is_futile = self.is_futile(next.verb, state);
            let last = self.queue.released().next_back();
            match last {
                Some(last) if is_futile || !self.may_follow(last, next) => return None,
                // Half a line that no command has asked for: this command must not be taken to have asked for it.
                None if !self.pipe.input.unread().is_empty() => return None,
                None if is_futile => {
                    let is_back = self.withdraw(next.ticket);
                    debug_assert!(is_back, "no octet of a command leaves before its turn");
                    return Some(next);
                }
                _ => {}
            }
            self.pipe.output.release_line(next.octets as usize);
            if self.trace.is_on() {
                let line = self.pipe.output.released(next.octets as usize);
                let line = line.strip_suffix(b"\r\n").unwrap_or(line);
                self.trace.command(line, Command::parse(line).ok().map(|parsed| parsed.value).as_ref());
            }
            self.queue.release(next);
        }
        None
    }

    /// Whether commands are sent ahead of responses at all.
    pub(super) fn sends_ahead(&self) -> bool {
        self.config.pipelining && self.support(Feature::Pipelining) == Support::Yes
    }

    /// Whether a command has lost its place.
    fn is_futile(&self, verb: Verb, state: State) -> bool {
        !verb.is_valid_in(state)
            || (verb == Verb::Pass && self.life.has_refused_name())
            || (verb == Verb::Stls && self.is_utf8_mode())
    }

    /// Whether a command may go ahead of the response to the one before it.
    fn may_follow(&self, last: Sent, next: Sent) -> bool {
        let may_go_ahead = match last.verb {
            // The answer to these decides whether anything after them makes sense.
            Verb::Stls | Verb::Auth | Verb::Quit | Verb::Pass | Verb::Apop => false,
            // A server that refuses a name in the clear doesn't want the password.
            _ if next.verb == Verb::Pass && !self.security.is_secure() => {
                !self.queue.released().any(|sent| sent.verb == Verb::User)
            }
            _ => true,
        };
        may_go_ahead
            && self.sends_ahead()
            && self.queue.released().len() < self.config.pipelined_commands as usize
            && self.queue.fits(next, self.config.pipelined_octets)
    }
}
