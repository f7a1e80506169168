//! The data of one connection, and what is known of it.

use alloc::sync::Arc;
use core::fmt;

use bytes::Buf;

use super::capabilities::{Capabilities, Feature, Support};
use super::closed::Closed;
use super::config::Config;
use super::error::Error;
use super::front::{Front, Reading};
use super::queue::Queue;
use super::state::{Life, Over};
use crate::Security;
use crate::buffer::{Input, Output, Pipe};
use crate::part::part;
use crate::totals::{Counts, Totals};
use crate::trace::{Trace, Tracer};
use crate::wire::{DeviationCounts, Response, State, Status, Text, Timestamp, Verb};

/// One connection of a client, from the greeting to the end.
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) security: Security,
    pub(super) pipe: Pipe,
    pub(super) queue: Queue,
    pub(super) life: Life,
    pub(super) reading: Reading,
    /// What stands at the front of the input, until it is dealt with.
    pub(super) front: Option<Front>,
    pub(super) deviations: DeviationCounts,
    pub(super) counts: Counts,
    pub(super) trace: Tracer,
}

impl Session {
    /// Creates a session on a connection that was just made; `security` tells who may listen to it.
    pub fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            pipe: Pipe::new(Input::new(config.window, config.line_limit), Output::of_lines()),
            config,
            security,
            queue: Queue::default(),
            life: Life::Greeting,
            reading: Reading::Status,
            front: None,
            deviations: DeviationCounts::default(),
            counts: Counts::default(),
            trace: Tracer::default(),
        }
    }

    /// Has `trace` called with each command that is sent and each response that has come, for a log: see [`Trace`]. It is called
    /// from [`poll`](Self::poll) and from the answers to tokens, so it must not wait for anything.
    ///
    /// A command is shown when its turn comes, and one that is [withdrawn](Self::withdraw) after that was shown all the same.
    #[must_use]
    pub fn with_trace(mut self, trace: impl FnMut(Trace<'_>) + Send + 'static) -> Self {
        self.trace = Tracer::new(trace);
        self
    }

    /// Returns the state that the session is in, as far as the server has answered; `None` until the greeting has come, and
    /// once the session is over.
    pub fn state(&self) -> Option<State> {
        match self.life {
            Life::Authorization(_) => Some(State::Authorization),
            Life::Transaction(_) => Some(State::Transaction),
            Life::Greeting | Life::Over(_) => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.life, Life::Over(_))
    }

    /// Returns who may listen to the connection: [`Security::Tls`], once STLS has established it.
    pub fn security(&self) -> Security {
        self.security
    }

    /// Returns what CAPA has listed; `None` before CAPA is answered, where the server doesn't know it, and once the session
    /// is over. A list holds from its end line on: until then, what was listed before it does. What was listed before login
    /// is taken to hold after it unless CAPA is sent again; what was listed before STLS is forgotten.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.life.knowledge()?.listed.as_ref()
    }

    /// Returns whether the server has a feature, as far as that is known.
    ///
    /// Where CAPA has no answer, a feature that is refused turns from [`Unknown`](Support::Unknown) to
    /// [`No`](Support::No): UIDL, STLS, UTF8, LANG and TOP, where the refusal has no response code. TOP is taken for missing
    /// even if it is the message that is, unless TOP has succeeded before.
    pub fn support(&self, feature: Feature) -> Support {
        self.life.knowledge().map_or(Support::Unknown, |knowledge| knowledge.support(feature))
    }

    /// Returns the timestamp of the greeting, which offers APOP, until somebody is logged in. It holds after STLS too: where
    /// somebody has changed it on the way, the digest goes through TLS to the right server, which refuses it.
    pub fn timestamp(&self) -> Option<&Timestamp> {
        match &self.life {
            Life::Authorization(authorization) => authorization.timestamp.as_ref(),
            _ => None,
        }
    }

    /// Returns whether the server has answered UTF8 with `+OK`, while the session lasts.
    pub fn is_utf8_mode(&self) -> bool {
        self.life.knowledge().is_some_and(|knowledge| knowledge.utf8_mode)
    }

    /// Returns how often the server has broken a rule and was understood all the same.
    pub fn deviations(&self) -> &DeviationCounts {
        &self.deviations
    }

    /// Returns what was done so far, for a log: it holds until the session is dropped. [`Totals::failed_logins`] are all logins
    /// that the server has refused.
    pub fn totals(&self) -> Totals {
        self.pipe.totals(self.counts)
    }

    /// Returns the keyword of the command whose response comes next: of the first, where several are due. When the session
    /// has ended it is the command whose response was due then, so it tells where an [`Error`] happened. `None` where no
    /// command waits for a response, and while the greeting is due.
    pub fn unanswered(&self) -> Option<Verb> {
        match &self.life {
            Life::Over(over) => over.at,
            _ => self.queue.front().map(|sent| sent.verb),
        }
    }

    /// Returns the line that the server broke the protocol with, without its line end, once the session has ended with
    /// [`Error::Protocol`]: at most as much of it as [`Config::line_limit`] allows. It is what a stranger sent, so escape
    /// it where it is shown. `None` after any other end; after a failure of AUTH, since the line may hold a part of the
    /// exchange; and for [`ProtocolError::AfterStls`](super::ProtocolError::AfterStls), where the line itself is in order.
    pub fn offending_line(&self) -> Option<&[u8]> {
        match &self.life {
            Life::Over(over) if over.shows_line() => {
                let octets = self.pipe.input.unread();
                let octets = octets.get(..self.config.line_limit as usize).unwrap_or(octets);
                let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
                Some(line.strip_suffix(b"\r").unwrap_or(line))
            }
            _ => None,
        }
    }

    /// Whether something that logs in may be sent now, as far as TLS is required.
    pub(super) fn may_log_in(&self) -> bool {
        self.security.is_tls() || !self.config.require_tls
    }

    /// Whether a secret may be sent now.
    pub(super) fn may_send_secrets(&self) -> bool {
        self.security.is_secure() || self.config.cleartext_secrets
    }

    /// Whether the command at the front is written to its end, and what answers its challenges.
    pub(super) fn front_is_written(&self) -> bool {
        self.queue.front_is_written(self.pipe.output.remaining())
    }

    /// Whether some of the command at the front is written.
    pub(super) fn front_is_begun(&self) -> bool {
        self.queue.front_is_begun(self.pipe.output.remaining())
    }

    /// The response that the front begins with.
    pub(super) fn response(&self, front: Front) -> Response<'_> {
        let line = part(self.pipe.input.unread(), ..front.content);
        let response = Response::parse(line, self.config.accepted);
        debug_assert!(response.is_ok(), "a line that was read as a response");
        response.map_or(Response::new(Status::Err, None, Text::EMPTY), |parsed| parsed.value)
    }

    /// Ends the session with an error.
    #[cold]
    pub(super) fn fail(&mut self, error: impl Into<Error>) -> Error {
        let error = error.into();
        self.close(Err(error));
        error
    }

    /// Ends the session.
    pub(super) fn close(&mut self, how: Result<Closed, Error>) {
        let over = Over { how, at: self.queue.front().map(|sent| sent.verb) };
        if !over.shows_line() {
            // It may hold half a challenge.
            self.pipe.input.wipe(usize::MAX);
        }
        self.life = Life::Over(over);
        self.reading = Reading::Status;
        self.front = None;
        self.queue = Queue::default();
        self.pipe.output.discard();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state())
            .field("security", &self.security)
            .field("pipe", &self.pipe)
            .finish_non_exhaustive()
    }
}
