//! Deadlines, computed from the only time there is: what the host passes to each poll.

use core::mem;
use core::time::Duration;

/// The deadline of the state that the session is in.
#[derive(Debug)]
pub(super) struct Clock {
    now: Duration,
    deadline: Option<Duration>,
    /// Whether the deadline is to be set anew: commands come in bursts, and setting it once for each burst is enough.
    restart: bool,
    /// Whether the host had something to answer at the last poll: then the time since doesn't count against the client.
    host_asked: bool,
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { now: Duration::ZERO, deadline: None, restart: false, host_asked: false }
    }

    /// Takes the host's time; a time before the last one counts as the last one. The first call starts the clock.
    ///
    /// Tells whether the host was asked something at the last call.
    pub(super) fn tick(&mut self, now: Duration, login_deadline: Duration) -> bool {
        let now = now.max(self.now);
        let elapsed = now.saturating_sub(self.now);
        self.now = now;
        match &mut self.deadline {
            None => self.deadline = Some(now.saturating_add(login_deadline)),
            Some(deadline) if self.host_asked => *deadline = deadline.saturating_add(elapsed),
            Some(_) => {}
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
    pub(super) fn settle(&mut self, after: Duration) {
        if mem::take(&mut self.restart) {
            self.deadline = Some(self.now.saturating_add(after));
        }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(Duration::MAX)
    }

    pub(super) fn is_expired(&self) -> bool {
        self.now >= self.deadline()
    }
}
