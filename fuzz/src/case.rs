//! What the fuzzer decides for a session: its configuration, its mail, its client, and whatever the host does.
//!
//! All zeros make an everyday session, so a seed is a few zeros with a client's octets behind them.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use pop3_proto::server::{Config, GreetingRefusal, Rejection, Security};
use pop3_proto::wire::{Deviation, Expire, LineEnds, LoginDelay};

#[derive(Arbitrary, Debug)]
pub struct Case<'a> {
    pub settings: Settings,
    /// One for each message of the maildrop; none stands for a few that are worth a look.
    pub mail: Vec<Mail>,
    /// One for each thing that the host is asked; the ordinary answer when there are no more.
    pub answers: Vec<Answer>,
    /// One for each poll; when there are no more, everything is done at once.
    pub steps: Vec<Step>,
    /// What the client sends.
    pub client: &'a [u8],
}

#[derive(Arbitrary, Debug)]
pub struct Settings {
    pub cleartext: bool,
    pub cleartext_logins: bool,
    pub timestamp: bool,
    /// Refuses in the greeting, unless it is a multiple of 8.
    refuse: u8,
    pub remove_retrieved: bool,
    pub last: bool,
    /// Octets of a command line beyond 255.
    line: u8,
    /// Octets of output beyond 1,024.
    output: u8,
    /// A bit for each deviation that is rejected.
    rejected: u8,
    /// Seconds, or 0 for the default.
    login_deadline: u8,
    /// Seconds, or 0 for the default.
    autologout: u8,
    /// Beyond the least, for all limits of commands; 0 for the defaults.
    limits: u8,
    announced: u8,
    /// Whether the client's stream ends behind what it sends.
    pub hang_up: bool,
    /// Small messages beside the others.
    pub small_messages: u8,
    /// Whether the index vouches for its unique-ids, rightly or not.
    pub vouches: bool,
}

#[derive(Arbitrary, Debug)]
pub struct Mail {
    crlf: bool,
    parts: Vec<Part>,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Text(u8),
    Lf,
    CrLf,
    Cr,
    Dot,
    Blank,
    Octet(u8),
    /// Many lines of one dot.
    Dots(u8),
    /// Many lines that need nothing.
    Lines(u8),
    /// More than is copied.
    Long(u8),
}

/// What the host answers: which of the possible answers it is, and how a message goes out.
#[derive(Arbitrary, Clone, Copy, Default, Debug)]
pub struct Answer {
    pub choice: u8,
    /// Octets of a chunk.
    pub chunk: u8,
    /// After how many chunks it fails.
    pub chunks: u8,
    /// Whether there is an empty chunk before each.
    pub empty_chunks: bool,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Whether the token is dropped.
    pub drop: bool,
    /// How much is read or written.
    pub octets: u8,
    /// Seconds that pass, or go back if below 0; none unless a multiple of 4.
    time: i8,
}

/// A step that does all there is to do.
pub const GREEDY: Step = Step { drop: false, octets: u8::MAX, time: 0 };

/// A step at which the host stops instead of reading.
pub const STOP: Step = Step { drop: false, octets: 77, time: 0 };

/// A message of the store.
pub struct Message {
    pub octets: Vec<u8>,
    pub line_ends: LineEnds,
}

/// The limits that the model needs; the configuration doesn't show them.
pub struct Limits {
    pub line: u32,
    pub output: u32,
    pub failed_logins: u32,
    pub bad_before_login: u32,
    pub bad_after_login: u32,
    pub before_login: u32,
    pub login_deadline: Duration,
    pub autologout: Duration,
}

impl Case<'_> {
    pub fn messages(&self) -> Vec<Message> {
        let mut messages: Vec<_> = self.mail.iter().take(100).map(Mail::message).collect();
        if messages.is_empty() {
            let octets = b"Subject: hi\r\n\r\n.one\r\ntwo\r\n\r\n...\r\nno end".to_vec();
            messages.push(Message { octets, line_ends: LineEnds::Unknown });
            messages.push(Message { octets: Vec::new(), line_ends: LineEnds::Crlf });
            let octets = b"From: me\nTo: you\n\n.\n\n".to_vec();
            messages.push(Message { octets, line_ends: LineEnds::Unknown });
        }
        let small = (0..self.settings.small_messages).map(|n| format!("small {n}\n").into_bytes());
        messages.extend(small.map(|octets| Message { octets, line_ends: LineEnds::Unknown }));
        messages
    }
}

impl Settings {
    pub fn security(&self) -> Security {
        if self.cleartext { Security::Cleartext } else { Security::TrustedLocal }
    }

    pub fn may_log_in(&self) -> bool {
        !self.cleartext || self.cleartext_logins
    }

    pub fn refusal(&self) -> Option<GreetingRefusal> {
        match self.refuse % 8 {
            1 => Some(GreetingRefusal::Temporary),
            2 => Some(GreetingRefusal::Permanent),
            3 => Some(GreetingRefusal::Unwelcome),
            _ => None,
        }
    }

    pub fn rejects(&self, deviation: &str) -> bool {
        Deviation::ALL.iter().any(|known| known.name() == deviation && self.rejected & 1 << *known as u8 != 0)
    }

    /// The capabilities that depend on the configuration.
    pub fn login_delay(&self) -> Option<LoginDelay> {
        let announced = LoginDelay { seconds: self.announced.into(), per_user: self.announced & 8 != 0 };
        (self.announced & 1 != 0).then_some(announced)
    }

    pub fn expire(&self) -> Option<Expire> {
        let days = (self.announced & 4 != 0).then_some(self.announced.into());
        (self.announced & 2 != 0).then_some(Expire { days, per_user: self.announced & 8 != 0 })
    }

    /// Long private capabilities, so that even CAPA doesn't fit the output.
    pub fn private_capabilities(&self) -> Vec<String> {
        (0..self.announced >> 5).map(|n| format!("X-{n} {}", "x".repeat(505))).collect()
    }

    pub fn limits(&self) -> Limits {
        let more = u32::from(self.limits);
        let seconds = |value: u8, default| Duration::from_secs(if value == 0 { default } else { value.into() });
        let limit = |least, default| if more == 0 { default } else { least + (more - 1) % 16 };
        Limits {
            line: 255 + u32::from(self.line),
            output: 1024 + u32::from(self.output) * 16,
            failed_logins: limit(1, 3),
            bad_before_login: limit(1, 3),
            bad_after_login: limit(2, 20),
            before_login: limit(10, 50),
            login_deadline: seconds(self.login_deadline, 120),
            autologout: seconds(self.autologout, 600),
        }
    }

    pub fn config(&self) -> Arc<Config> {
        let limits = self.limits();
        let build = || {
            let mut config = Config::new()
                .command_line_limit(limits.line)?
                .output_limit(limits.output)?
                .failed_logins(limits.failed_logins)?
                .bad_commands(limits.bad_before_login, limits.bad_after_login)?
                .commands_before_login(limits.before_login)?
                .login_deadline(limits.login_deadline)
                .autologout_shorter_than_rfc1939_allows(limits.autologout)
                .cleartext_logins(self.cleartext_logins)
                .remove_retrieved(self.remove_retrieved)
                .last(self.last);
            for deviation in Deviation::ALL.into_iter().filter(|deviation| self.rejects(deviation.name())) {
                config = config.reject(deviation);
            }
            for line in self.private_capabilities() {
                config = config.private_capability(&line)?;
            }
            if let Some(announced) = self.login_delay() {
                config = config.login_delay(announced);
            }
            if let Some(announced) = self.expire() {
                config = config.expire(announced)?;
            }
            Ok::<_, pop3_proto::server::ConfigError>(config)
        };
        Arc::new(build().expect("a configuration within its bounds"))
    }
}

impl Mail {
    fn message(&self) -> Message {
        let mut octets = Vec::new();
        for part in &self.parts {
            match *part {
                Part::Text(length) => octets.extend(vec![b'x'; length.into()]),
                Part::Lf => octets.push(b'\n'),
                Part::CrLf => octets.extend_from_slice(b"\r\n"),
                Part::Cr => octets.push(b'\r'),
                Part::Dot => octets.push(b'.'),
                Part::Blank => octets.extend_from_slice(b"\r\n\r\n"),
                Part::Octet(octet) => octets.push(octet),
                Part::Dots(lines) => octets.extend(b".\n".repeat(lines.into())),
                Part::Lines(lines) => octets.extend(b"a line\r\n".repeat(lines.into())),
                Part::Long(length) => octets.extend(vec![b'y'; 256 + usize::from(length)]),
            }
        }
        octets.truncate(6_000);
        Message { octets, line_ends: if self.crlf { LineEnds::Crlf } else { LineEnds::Unknown } }
    }
}

impl Step {
    /// The time after this step.
    pub fn tick(self, now: Duration) -> Duration {
        let seconds = if self.time % 4 == 0 { self.time.unsigned_abs() } else { 0 };
        let seconds = Duration::from_secs(u64::from(seconds) * 2);
        if self.time < 0 { now.saturating_sub(seconds) } else { now + seconds }
    }
}

/// The reason that a number stands for, if it stands for one.
pub fn rejection(choice: u8) -> Option<Rejection> {
    match choice % 8 {
        1 => Some(Rejection::BadCredentials),
        2 => Some(Rejection::InUse),
        3 => Some(Rejection::LoginDelay { seconds: None }),
        4 => Some(Rejection::Temporary),
        5 => Some(Rejection::Permanent),
        _ => None,
    }
}
