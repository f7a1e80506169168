//! Deadlines, computed from the only time there is: what the host passes to each poll.

use core::mem;
use core::time::Duration;

/// A limit as long as this is none: 2^32 seconds, some 136 years. So a deadline can be added to an instant of any clock.
const NO_LIMIT: Duration = Duration::from_secs(1 << 32);

/// The deadline of the state that the session is in.
#[derive(Debug)]
pub(super) struct Clock {
    now: Duration,
    is_running: bool,
    /// Nothing where there is no limit.
    deadline: Option<Duration>,
    /// Whether the deadline is to be set anew: commands come in bursts, and setting it once for each burst is enough.
    restart: bool,
    /// Whether the host had something to answer at the last poll: then the time since doesn't count against the client.
    host_asked: bool,
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { now: Duration::ZERO, is_running: false, deadline: None, restart: false, host_asked: false }
    }

    /// Takes the host's time; a time before the last one counts as the last one. The first call starts the clock.
    ///
    /// Tells whether the host was asked something at the last call.
    pub(super) fn tick(&mut self, now: Duration, login_deadline: Duration) -> bool {
        let now = now.max(self.now);
        let elapsed = now.saturating_sub(self.now);
        self.now = now;
        if !mem::replace(&mut self.is_running, true) {
            self.deadline = after(now, login_deadline);
        } else if self.host_asked {
            self.deadline = self.deadline.map(|deadline| deadline.saturating_add(elapsed));
        }
        mem::take(&mut self.host_asked)
    }

    /// The host is asked something at this poll.
    pub(super) fn ask_host(&mut self) {
        self.host_asked = true;
    }

    /// The client has done something that starts the deadline of its state anew.
    #[inline]
    pub(super) fn restart_later(&mut self) {
        self.restart = true;
    }

    /// Sets the deadline to some time from now, if something has started it anew.
    pub(super) fn settle(&mut self, limit: Duration) {
        if mem::take(&mut self.restart) {
            self.deadline = after(self.now, limit);
        }
    }

    /// The deadline, or `None` if there is no limit.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.now >= deadline)
    }
}

/// When a limit that begins now is over, if ever.
fn after(now: Duration, limit: Duration) -> Option<Duration> {
    if limit < NO_LIMIT { now.checked_add(limit) } else { None }
}
