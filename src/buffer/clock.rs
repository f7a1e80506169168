//! Deadlines, computed from the only time there is: what the caller passes to each poll.

use core::mem;
use core::time::Duration;

/// A limit as long as this is none: 2^32 seconds, some 136 years. So a deadline can be added to an instant of any clock.
const NO_LIMIT: Duration = Duration::from_secs(1 << 32);

/// The time of the last poll, and the deadline of what a session waits for.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: Duration,
    is_running: bool,
    /// `None` where there is no limit.
    deadline: Option<Duration>,
    /// Whether the wait was found to be too long before.
    is_overdue: bool,
}

impl Clock {
    /// Takes the caller's time; a time before the last one counts as the last one. Returns the time since then.
    #[inline]
    pub(crate) fn tick(&mut self, now: Duration) -> Duration {
        let before = self.now;
        self.now = now.max(before);
        self.now.saturating_sub(before)
    }

    /// Begins a wait of at most `limit`, whether or not one was under way.
    pub(crate) fn start(&mut self, limit: Duration) {
        self.is_running = true;
        self.is_overdue = false;
        self.deadline = if limit < NO_LIMIT { self.now.checked_add(limit) } else { None };
    }

    /// Ends the wait.
    pub(crate) fn stop(&mut self) {
        self.is_running = false;
        self.deadline = None;
    }

    /// Whether a wait is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Leaves time out of the wait.
    pub(crate) fn postpone(&mut self, time: Duration) {
        self.deadline = self.deadline.map(|deadline| deadline.saturating_add(time));
    }

    /// When the wait is too long; `None` if it has no limit, or there is no wait.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether the wait is too long.
    pub(crate) fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.now >= deadline)
    }

    /// Whether the wait is too long, and was so when this was asked before: so the caller may look once more.
    pub(crate) fn is_overdue(&mut self) -> bool {
        self.is_expired() && mem::replace(&mut self.is_overdue, true)
    }
}
