//! What the fuzzer decides for a client: its configuration, what it says, and what the server sends.
//!
//! All zeros make an everyday client, which says a whole session by itself.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use pop3_proto::Security;
use pop3_proto::client::{Config, InitialResponsePolicy};
use pop3_proto::wire::Deviation;

use crate::case::Step;

#[derive(Arbitrary, Debug)]
pub struct Case<'a> {
    pub settings: Settings,
    /// What the client says, in this order; an everyday session if there is nothing.
    say: Vec<Say>,
    /// One for each poll; when there are no more, everything is done at once.
    pub steps: Vec<Step>,
    /// What the server sends. What stands after an ESC comes when the client waits, and a SUB is a long run.
    server: &'a [u8],
}

#[derive(Arbitrary, Debug)]
pub struct Settings {
    security: u8,
    pub cleartext_secrets: bool,
    /// Whether commands must wait for each other whatever the server announces.
    pub one_by_one: bool,
    policy: u8,
    /// A bit for each deviation whose switch isn't where it is by default.
    switched: u16,
    /// Octets beyond the least, in 4; 0 for the default.
    window: u8,
    line: u8,
    queue: u8,
    /// How many commands are pipelined, or 0 for the default.
    commands: u8,
    /// Octets that are pipelined, or 0 for the default.
    octets: u8,
    /// Seconds, or 0 for the default.
    deadline: u8,
    /// A bit for each challenge, the first eight of them, that the client answers by cancelling.
    pub cancels: u8,
    /// Whether TLS fails.
    pub tls_fails: bool,
    /// Whether the server's stream ends after what it sends.
    pub hang_up: bool,
    /// How long a run is, in 60 octets.
    run: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Say {
    /// Which command.
    pub what: u8,
    pub number: u8,
    /// After how many more events it is said, modulo 4; earlier if there is nothing else to do.
    pub wait: u8,
}

pub const SASL_LINE: usize = 12_288;

impl Settings {
    pub fn security(&self) -> Security {
        [Security::Tls, Security::Cleartext, Security::TrustedLocal, Security::TlsProxy][usize::from(self.security % 4)]
    }

    pub fn requires_tls(&self) -> bool {
        self.security / 4 % 4 == 3
    }

    /// The most entries of a list.
    pub fn entries(&self) -> usize {
        if self.policy < 128 { 1 << 24 } else { usize::from(self.policy) - 127 }
    }

    pub fn policy(&self) -> InitialResponsePolicy {
        use InitialResponsePolicy::{Always, Auto, Never};
        [Auto, Never, Always][usize::from(self.policy % 3)]
    }

    pub fn accepts(&self, deviation: Deviation) -> bool {
        let off = matches!(deviation, Deviation::LowerCaseStatus | Deviation::LateCode);
        off == (self.switched >> deviation as u8 & 1 != 0)
    }

    pub fn window(&self) -> usize {
        if self.window == 0 { 65_536 } else { 512 + 4 * (usize::from(self.window) - 1) }
    }

    pub fn line(&self) -> usize {
        if self.line == 0 { 8_192 } else { 512 + 4 * (usize::from(self.line) - 1) }
    }

    pub fn queue(&self) -> usize {
        if self.queue == 0 { 8_192 } else { 510 + 4 * (usize::from(self.queue) - 1) }
    }

    pub fn commands(&self) -> usize {
        if self.commands == 0 { 32 } else { self.commands.into() }
    }

    pub fn octets(&self) -> usize {
        if self.octets == 0 { 1_024 } else { self.octets.into() }
    }

    pub fn deadline(&self) -> Duration {
        Duration::from_secs(if self.deadline == 0 { 120 } else { self.deadline.into() })
    }

    pub fn config(&self) -> Arc<Config> {
        let number = |value: usize| u32::try_from(value).expect("a small number");
        let build = || {
            Config::new()
                .window(number(self.window()))?
                .line_limit(number(self.line()))?
                .sasl_line_limit(number(SASL_LINE))?
                .queue(number(self.queue()))?
                .listing_entries(number(self.entries()))?
                .pipelined(number(self.commands()), number(self.octets()))
        };
        let config = build().expect("a configuration within its bounds");
        config
            .reply_deadline(self.deadline())
            .cleartext_secrets(self.cleartext_secrets)
            .require_tls(self.requires_tls())
            .pipelining(!self.one_by_one)
            .initial_response(self.policy())
            .accepted(Deviation::ALL.into_iter().filter(|deviation| self.accepts(*deviation)).collect())
            .into()
    }
}

impl Case<'_> {
    /// What is said.
    pub fn say(&self) -> Vec<Say> {
        if self.say.is_empty() {
            // CAPA, USER, PASS, CAPA, STAT, LIST, UIDL, RETR, TOP, DELE, QUIT
            let everyday = [13, 0, 1, 13, 2, 3, 7, 5, 6, 9, 12];
            return everyday.map(|what| Say { what, number: 0, wait: 0 }).to_vec();
        }
        self.say.iter().copied().take(60).collect()
    }

    /// What the server sends, in the parts that come when the client waits.
    pub fn server(&self) -> Vec<Vec<u8>> {
        const ESC: u8 = 0x1B;
        const SUB: u8 = 0x1A;
        let run = vec![b'A'; usize::from(self.settings.run) * 60];
        let mut left = 40_000;
        let mut parts = Vec::new();
        for part in self.server.split(|&octet| octet == ESC) {
            let mut part = part.split(|&octet| octet == SUB).collect::<Vec<_>>().join(&run[..]);
            part.truncate(left);
            left -= part.len();
            parts.push(part);
        }
        parts
    }
}
