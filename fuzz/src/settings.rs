//! What the fuzzer decides for the configuration, and for what the host says of the connection.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use pop3_proto::Security;
use pop3_proto::server::{ClientIdentity, Config, ConfigError, GreetingRefusal, Utf8};
use pop3_proto::wire::{Deviation, Expire, LoginDelay, Mechanism, Opening, Properties};

use crate::languages::{self, ENGLISH, FIRST, SECOND, Spoken, THIRD};

#[derive(Arbitrary, Debug)]
pub struct Settings {
    security: u8,
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
    /// Whether the client's stream ends after what it sends.
    pub hang_up: bool,
    /// Small messages beside the others.
    pub small_messages: u8,
    /// Whether the index vouches for its unique-ids, rightly or not.
    pub vouches: bool,
    switches: u8,
    /// A bit for each mechanism; that of PLAIN takes it away.
    mechanisms: u8,
    utf8: u8,
    languages: u8,
    /// A bit for each of 8 messages, and the next 8, that is for UTF-8 mode only.
    need_utf8: u8,
    /// Whether a read may go beyond STLS.
    pub reads_beyond_stls: bool,
    /// How long the runs are that a client sends, in 50 octets.
    pub run: u8,
}

/// A SASL mechanism, and what its documents say of it, or the host does.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub name: &'static str,
    pub opening: Opening,
    pub cleartext: bool,
}

const OFFERS: [Offer; 8] = [
    Offer { name: "PLAIN", opening: Opening::Client, cleartext: true },
    Offer { name: "LOGIN", opening: Opening::Either, cleartext: true },
    Offer { name: "CRAM-MD5", opening: Opening::Server, cleartext: false },
    Offer { name: "EXTERNAL", opening: Opening::Client, cleartext: false },
    Offer { name: "XOAUTH2", opening: Opening::Client, cleartext: true },
    Offer { name: "X-CLIENT", opening: Opening::Client, cleartext: false },
    Offer { name: "X-SERVER_1", opening: Opening::Server, cleartext: true },
    Offer { name: "X-EITHER", opening: Opening::Either, cleartext: false },
];

/// The most octets of a line of an exchange: as few as are allowed.
pub const SASL_LINE: u32 = 12_288;

/// The limits that the model needs; the configuration doesn't show them.
pub struct Limits {
    pub line: u32,
    pub sasl_line: u32,
    pub output: u32,
    pub failed_logins: u32,
    pub bad_before_login: u32,
    pub bad_after_login: u32,
    pub before_login: u32,
    pub login_deadline: Duration,
    pub autologout: Duration,
}

impl Settings {
    pub fn security(&self) -> Security {
        [Security::TrustedLocal, Security::Cleartext, Security::Tls, Security::TlsProxy][usize::from(self.security % 4)]
    }

    pub fn stls(&self) -> bool {
        self.switches & 1 != 0
    }

    pub fn discards_residue(&self) -> bool {
        self.switches & 2 != 0
    }

    pub fn passwords_as_logins(&self) -> bool {
        self.switches & 4 == 0
    }

    pub fn listed_by_auth(&self) -> bool {
        self.switches & 8 == 0
    }

    pub fn pass_directly_after_user(&self) -> bool {
        self.switches & 16 != 0
    }

    pub fn identity(&self) -> ClientIdentity {
        if self.switches & 32 == 0 { ClientIdentity::Unknown } else { ClientIdentity::Verified }
    }

    pub fn utf8(&self) -> Option<Utf8> {
        [None, Some(Utf8::Messages), Some(Utf8::MessagesAndNames)][usize::from(self.utf8 % 3)]
    }

    /// Whether the message with this index is for UTF-8 mode only.
    pub fn needs_utf8(&self, index: usize) -> bool {
        self.need_utf8 >> (index % 8) & 1 != 0
    }

    /// Whether the octets of the message with this index are known from the start.
    pub fn is_measured(&self, index: usize) -> bool {
        self.switches >> (6 + index % 2) & 1 == 0
    }

    /// The languages, the one that is spoken first before the others.
    pub fn languages(&self) -> Vec<Spoken> {
        let first = if self.languages & 4 == 0 { ENGLISH } else { FIRST };
        [first, SECOND, THIRD].into_iter().take(1 + usize::from(self.languages % 4)).collect()
    }

    /// The mechanisms, whether or not they are allowed on a connection.
    pub fn offers(&self) -> Vec<Offer> {
        let bits = self.mechanisms ^ 1;
        OFFERS.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 != 0).map(|(_, offer)| offer).collect()
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
        Deviation::ALL
            .iter()
            .any(|known| known.name() == deviation && u16::from(self.rejected) & 1 << *known as u16 != 0)
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
            sasl_line: SASL_LINE,
            line: 255 + u32::from(self.line),
            output: 1024 + u32::from(self.output) * 16,
            failed_logins: limit(1, 3),
            bad_before_login: limit(1, 10),
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
                .sasl_line_limit(limits.sasl_line)?
                .output_limit(limits.output)?
                .failed_logins(limits.failed_logins)?
                .bad_commands(limits.bad_before_login, limits.bad_after_login)?
                .commands_before_login(limits.before_login)?
                .login_deadline(limits.login_deadline)
                .autologout_shorter_than_rfc1939_allows(limits.autologout)
                .cleartext_logins(self.cleartext_logins)
                .pass_directly_after_user(self.pass_directly_after_user())
                .stls(self.stls())
                .discard_octets_after_stls(self.discards_residue())
                .sasl_passwords_as_logins(self.passwords_as_logins())
                .list_mechanisms_by_auth(self.listed_by_auth())
                .remove_retrieved(self.remove_retrieved)
                .accepted(Deviation::ALL.into_iter().filter(|deviation| !self.rejects(deviation.name())).collect())
                .last(self.last);
            for line in self.private_capabilities() {
                config = config.private_capability(&line)?;
            }
            if let Some(announced) = self.login_delay() {
                config = config.login_delay(announced);
            }
            if let Some(announced) = self.expire() {
                config = config.expire(announced)?;
            }
            if let Some(utf8) = self.utf8() {
                config = config.utf8(utf8);
            }
            self.speaking(self.offering(config)?)
        };
        Arc::new(build().expect("a configuration within its bounds"))
    }

    fn offering(&self, config: Config) -> Result<Config, ConfigError> {
        let config = if self.mechanisms & 1 == 0 { config } else { config.no_mechanisms() };
        self.offers().into_iter().try_fold(config, |config, Offer { name, opening, cleartext }| {
            let mechanism = Mechanism::new(name).expect("a mechanism");
            match mechanism.properties() {
                Some(_) => config.mechanism(mechanism),
                None => config.mechanism_with(mechanism, Properties { opening, cleartext }),
            }
        })
    }

    fn speaking(&self, config: Config) -> Result<Config, ConfigError> {
        let [first, others @ ..] = languages::catalogues();
        let config = if self.languages & 4 == 0 { config } else { config.default_language(first.clone())? };
        let others = others.iter().take(self.languages().len() - 1);
        others.cloned().try_fold(config, Config::language)
    }
}
