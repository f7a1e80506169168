//! The deadlines that a session should tell, out of what happens to it.

use std::time::Duration;

use pop3_proto::server::CloseReason;
use pop3_proto::wire::State;

use crate::settings::Limits;

pub struct Timer {
    autologout: Duration,
    login_deadline: Duration,
    now: Duration,
    /// When the login must be done; nothing before the first poll.
    login: Option<Duration>,
    /// The last deadline that was told after login, or after the session was over.
    told: Option<Duration>,
    /// Whether the host was asked at the last poll.
    asked: bool,
    since: Since,
    /// What had happened at the last poll.
    at_poll: Since,
    /// How many octets of the client have come without an LF.
    partial: usize,
}

/// What has happened since the last poll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// Nothing that matters.
    Nothing,
    /// Octets came in that may hold a command.
    Input,
    /// Octets went out, or the host had something to do.
    Activity,
}

impl Timer {
    pub fn new(limits: &Limits) -> Self {
        let (autologout, login_deadline) = (limits.autologout, limits.login_deadline);
        Self {
            autologout,
            login_deadline,
            now: Duration::ZERO,
            login: None,
            told: None,
            asked: false,
            since: Since::Nothing,
            at_poll: Since::Nothing,
            partial: 0,
        }
    }

    /// A poll is about to come.
    pub fn tick(&mut self, now: Duration) {
        let before = self.now;
        self.now = self.now.max(now);
        let login = self.login.get_or_insert(self.now + self.login_deadline);
        if std::mem::take(&mut self.asked) {
            *login += self.now - before;
            self.since = Since::Activity;
        }
        self.at_poll = std::mem::replace(&mut self.since, Since::Nothing);
    }

    pub fn ask(&mut self) {
        self.asked = true;
    }

    pub fn active(&mut self) {
        self.since = Since::Activity;
    }

    pub fn read(&mut self, octets: &[u8]) {
        let partial = octets.iter().rev().take_while(|&&octet| octet != b'\n').count();
        let ended = partial < octets.len();
        self.partial = if ended { partial } else { self.partial + partial };
        // Nothing is known of a line until it ends or is too long, and 255 is never too long.
        if ended || self.partial >= 255 {
            self.since = Since::Input;
        }
    }

    /// Checks the deadline of a token.
    pub fn check(&mut self, state: Option<State>, deadline: Duration) {
        assert!(self.now < deadline, "a token whose time is over");
        match state {
            Some(State::Authorization) => assert_eq!(Some(deadline), self.login),
            Some(State::Transaction) => {
                let fresh = self.now + self.autologout;
                match (self.at_poll, self.told) {
                    (Since::Activity, _) | (_, None) => assert_eq!(deadline, fresh),
                    (Since::Nothing, Some(told)) => assert_eq!(deadline, told),
                    (Since::Input, Some(told)) => assert!(deadline == fresh || deadline == told),
                }
                self.told = Some(deadline);
            }
            None => self.told = Some(deadline),
        }
    }

    /// Checks that a deadline has passed if the reason says so. Whether one has passed that lets output be thrown away.
    pub fn check_close(&self, reason: CloseReason) -> bool {
        let login_over = self.login.is_some_and(|login| self.now >= login);
        let idle_too_long = self.told.is_some_and(|told| self.now >= told);
        match reason {
            // It may have been told after a login that was handed over, for the answer to it.
            CloseReason::LoginDeadline => {
                assert!(login_over && self.told.is_none_or(|told| Some(told) == self.login), "too soon");
            }
            CloseReason::Autologout => assert!(idle_too_long, "too soon"),
            _ => {}
        }
        if self.told.is_some() { idle_too_long } else { login_over }
    }
}
