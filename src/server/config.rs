//! What a host decides once for all its connections.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::catalogue::Catalogue;
use super::offers::Offers;
use crate::Security;
use crate::buffer::Output;
use crate::wire::{
    Capability, Deviation, DeviationSet, Expire, Implementation, InvalidCapability, InvalidText, LoginDelay,
    PrivateCapability, Text,
};

/// Limits, announcements and policies of a server, shared by its connections in an `Arc`.
///
/// # Memory
/// With the defaults a connection has at most
///
/// | what | octets | while |
/// |---|---|---|
/// | `Session` itself | under 490, and the maildrop | it exists |
/// | input window | 2,048 ([`command_line_limit`](Self::command_line_limit)) | something is in it or is read into it |
/// | output text | 16,384 ([`output_limit`](Self::output_limit)) | something is to be written |
/// | one chunk of a message | what the host hands over | until it is written |
/// | the window while a SASL line comes in | up to 65,536 ([`sasl_line_limit`](Self::sasl_line_limit)); half as much beside it for the moment in which it grows | the line isn't answered |
/// | a challenge | at most 65,536 in base64 ([`sasl_line_limit`](Self::sasl_line_limit)), twice that while it is appended to other output | until it is written |
/// | the host's [`Exchange`](super::Maildrop::Exchange) | up to the host | the exchange lasts |
/// | the name of USER, PLAIN or LOGIN | at most 2,048 ([`command_line_limit`](Self::command_line_limit)) | from there to the end of the login |
/// | the APOP timestamp | at most 255 | until the login |
/// | deletion marks | a bit for each message | from the first DELE on |
/// | marks of messages that are gone, or retrieved and to be removed | a bit each for each message | from the first such message on |
///
/// and nothing per command, per line of a listing, or per pipelined request.
///
/// # Work
/// [`Session::poll`](super::Session::poll) takes time linear in the octets read since the last call and in the output
/// that it makes, which its limit bounds. Beside that, listings, RSET and QUIT look at a word of marks for 64 messages once some are
/// marked. Exceptions ask the maildrop something for each message: the login that has
/// to check that unique-ids are distinct, and the first STAT or LIST.
///
/// ```
/// use std::time::Duration;
/// use pop3_proto::server::Config;
///
/// let config = Config::new().implementation("example 1.0")?.autologout(Duration::from_secs(900))?;
/// # Ok::<(), pop3_proto::server::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    pub(super) greeting: Box<str>,
    pub(super) command_line_limit: u32,
    pub(super) output_limit: u32,
    pub(super) autologout: Duration,
    pub(super) login_deadline: Duration,
    pub(super) failed_logins: u32,
    pub(super) bad_commands_before_login: u32,
    pub(super) bad_commands_after_login: u32,
    pub(super) commands_before_login: u32,
    pub(super) cleartext_logins: bool,
    pub(super) pass_directly_after_user: bool,
    pub(super) accepted: DeviationSet,
    pub(super) login_delay: Option<LoginDelay>,
    pub(super) expire: Option<Expire>,
    pub(super) remove_retrieved: bool,
    pub(super) implementation: Option<Box<str>>,
    pub(super) private_capabilities: Vec<String>,
    pub(super) last: bool,
    pub(super) stls: bool,
    pub(super) discard_residue: bool,
    pub(super) offers: Offers,
    pub(super) utf8: Option<Utf8>,
    /// What LANG can choose from; the first is used until it does.
    pub(super) languages: Vec<Catalogue>,
}

/// How much of UTF8 a server offers (RFC 6856 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Utf8 {
    /// The command, after which messages in UTF-8 may be sent.
    Messages,
    /// The command, and names and passwords in UTF-8, whether or not the command was given: `UTF8 USER`.
    MessagesAndNames,
}

/// Why a setting is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number or duration is below the least that is allowed.
    #[error("the value is below its minimum of {minimum}")]
    BelowMinimum {
        /// The least that is allowed, in the unit of the setting.
        minimum: u64,
    },
    /// A text can't stand in a response.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// The text of the greeting holds `<`, so it could be taken for an APOP timestamp, or something beyond ASCII.
    #[error("the text of the greeting is ASCII without `<`")]
    Greeting,
    /// A capability line isn't one.
    #[error(transparent)]
    Capability(#[from] InvalidCapability),
    /// The session announces a capability by itself where it holds.
    #[error("the session announces this capability by itself")]
    AnnouncedBySession,
    /// A capability with this tag was added before.
    #[error("a capability with this tag was added before")]
    RepeatedCapability,
    /// This crate doesn't know the properties of the mechanism.
    #[error("the properties of this mechanism are not known here")]
    UnknownMechanism,
    /// The names of the mechanisms don't fit into a line.
    #[error("there are more mechanisms than fit into a line")]
    TooManyMechanisms,
    /// A text that is used before LANG was given isn't ASCII.
    #[error("the texts that are spoken first are ASCII")]
    NotAscii,
    /// A catalogue with this tag was added before.
    #[error("a catalogue with this tag was added before")]
    RepeatedLanguage,
    /// There are 256 languages.
    #[error("there are 256 languages at the most")]
    TooManyLanguages,
    /// `EXPIRE 0` and removing what was retrieved go together.
    #[error("EXPIRE 0 is announced by remove_retrieved alone")]
    ExpireZero,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            greeting: "POP3 server ready".into(),
            command_line_limit: 2_048,
            output_limit: 16_384,
            autologout: Duration::from_secs(600),
            login_deadline: Duration::from_secs(120),
            failed_logins: 3,
            bad_commands_before_login: 10,
            bad_commands_after_login: 20,
            commands_before_login: 50,
            cleartext_logins: false,
            pass_directly_after_user: false,
            accepted: DeviationSet::ALL,
            login_delay: None,
            expire: None,
            remove_retrieved: false,
            implementation: None,
            private_capabilities: Vec::new(),
            last: false,
            stls: false,
            discard_residue: false,
            offers: Offers::default(),
            utf8: None,
            languages: vec![Catalogue::english()],
        }
    }

    /// The text of the greeting, `POP3 server ready` by default.
    ///
    /// # Errors
    /// [`ConfigError::Text`] when it can't stand in a response, [`ConfigError::Greeting`] when it holds `<` or isn't
    /// ASCII.
    pub fn greeting(mut self, text: &str) -> Result<Self, ConfigError> {
        let text = Text::new(text)?.as_str();
        if !text.is_ascii() || text.contains('<') {
            return Err(ConfigError::Greeting);
        }
        self.greeting = text.into();
        Ok(self)
    }

    /// The most octets of a command line with CRLF, and so the size of the input window: 2,048 by default, at least 255
    /// (RFC 2449 §4). A longer line is answered `-ERR` as soon as that is known, and skipped without being stored.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] under 255.
    pub fn command_line_limit(mut self, octets: u32) -> Result<Self, ConfigError> {
        self.command_line_limit = at_least(octets, 255)?;
        Ok(self)
    }

    /// The most octets of responses and listings that wait to be written: 16,384 by default, at least 1,024. While they
    /// wait, no further command is read. A larger limit means fewer, larger writes.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] under 1,024.
    pub fn output_limit(mut self, octets: u32) -> Result<Self, ConfigError> {
        self.output_limit = at_least(octets, Output::MIN_SIZE)?;
        Ok(self)
    }

    /// How long a client that has logged in may be silent: 10 minutes by default, and at least that (RFC 1939 §3). Each
    /// command starts it anew, and so does each octet of output that the client takes. What was read before a poll counts, however
    /// late that poll comes. 2^32 seconds or more (136 years) are no limit.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] under 600 seconds.
    pub fn autologout(self, after: Duration) -> Result<Self, ConfigError> {
        const MINIMUM: Duration = Duration::from_secs(600);
        if after < MINIMUM {
            return Err(ConfigError::BelowMinimum { minimum: MINIMUM.as_secs() });
        }
        Ok(self.autologout_shorter_than_rfc1939_allows(after))
    }

    /// Like [`autologout`](Self::autologout), without the minimum that RFC 1939 §3 sets. Clients may lose their
    /// deletions.
    #[must_use]
    pub fn autologout_shorter_than_rfc1939_allows(mut self, after: Duration) -> Self {
        self.autologout = after;
        self
    }

    /// How long a connection may take from the first [`poll`](super::Session::poll) to the end of the login, whatever
    /// it sends meanwhile: 120 seconds by default. RFC 1939 §3 knows one timer for all states; this one deviates on
    /// purpose, since half-open logins cost a server a lot and are of use to no one. 2^32 seconds or more (136 years)
    /// are no limit.
    #[must_use]
    pub fn login_deadline(mut self, after: Duration) -> Self {
        self.login_deadline = after;
        self
    }

    /// How many logins may fail for their credentials: the connection closes at this one. 3 by default, at least 1.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] for 0.
    pub fn failed_logins(mut self, at_most: u32) -> Result<Self, ConfigError> {
        self.failed_logins = at_least(at_most, 1)?;
        Ok(self)
    }

    /// How many commands in a row may be malformed, unknown or out of place: the connection closes at this one. 10
    /// before login and 20 after by default, each at least 1. Empty lines are answered `-ERR` and don't count. A line that
    /// begins an HTTP request closes the connection at once, before login.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] for 0.
    pub fn bad_commands(mut self, before_login: u32, after_login: u32) -> Result<Self, ConfigError> {
        self.bad_commands_before_login = at_least(before_login, 1)?;
        self.bad_commands_after_login = at_least(after_login, 1)?;
        Ok(self)
    }

    /// How many commands, good and bad, are read before login: the connection closes at the next. 50 by default, at
    /// least 10.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] under 10.
    pub fn commands_before_login(mut self, at_most: u32) -> Result<Self, ConfigError> {
        self.commands_before_login = at_least(at_most, 10)?;
        Ok(self)
    }

    /// Whether USER, PASS, APOP and the mechanisms that send a password or token are allowed, and announced, on
    /// [`Security::Cleartext`]: no by default (RFC 8314 §4).
    #[must_use]
    pub fn cleartext_logins(mut self, allowed: bool) -> Self {
        self.cleartext_logins = allowed;
        self
    }

    /// Whether PASS must come directly after USER, as the letter of RFC 1939 §7 has it. By default CAPA and LANG may stand between;
    /// after anything else the name is forgotten.
    #[must_use]
    pub fn pass_directly_after_user(mut self, strict: bool) -> Self {
        self.pass_directly_after_user = strict;
        self
    }

    /// Rejects a deviation with `-ERR`. By default all are accepted, and counted in
    /// [`Session::deviations`](super::Session::deviations). What base64 has carried is no deviation: PLAIN and LOGIN may
    /// carry any octets.
    #[must_use]
    pub fn reject(mut self, deviation: Deviation) -> Self {
        self.accepted = self.accepted.without(deviation);
        self
    }

    /// Accepts a deviation that was rejected.
    #[must_use]
    pub fn accept(mut self, deviation: Deviation) -> Self {
        self.accepted = self.accepted.with(deviation);
        self
    }

    /// Announces LOGIN-DELAY: the fewest seconds between two logins, the largest of all users (RFC 2449 §6.5). After
    /// login the same is announced without `USER`. The host enforces it, with
    /// [`Rejection::LoginDelay`](super::Rejection).
    #[must_use]
    pub fn login_delay(mut self, announced: LoginDelay) -> Self {
        self.login_delay = Some(announced);
        self
    }

    /// Announces EXPIRE: the fewest days that messages are kept, the smallest of all users (RFC 2449 §6.7). After
    /// login the same is announced without `USER`.
    ///
    /// # Errors
    /// [`ConfigError::ExpireZero`] for 0 days, which [`remove_retrieved`](Self::remove_retrieved) announces.
    pub fn expire(mut self, announced: Expire) -> Result<Self, ConfigError> {
        if announced.days == Some(0) {
            return Err(ConfigError::ExpireZero);
        }
        self.expire = Some(announced);
        Ok(self)
    }

    /// Has messages that were retrieved removed at QUIT, as if DELE had marked them, and announces `EXPIRE 0` (RFC
    /// 1939 §8, RFC 2449 §6.7). Off by default.
    ///
    /// A message counts as retrieved when its RETR was written to the last octet; until QUIT it stays as visible as
    /// before. TOP doesn't count, and RSET undoes it. The next command is read only when the message is written.
    #[must_use]
    pub fn remove_retrieved(mut self, remove: bool) -> Self {
        self.remove_retrieved = remove;
        self
    }

    /// Announces IMPLEMENTATION with this text, for the logs of clients (RFC 2449 §6.9). Off by default.
    ///
    /// # Errors
    /// [`ConfigError::Capability`] when it isn't words of printable ASCII with single spaces between, or is too long
    /// for a line of 512 octets.
    pub fn implementation(mut self, text: &str) -> Result<Self, ConfigError> {
        self.implementation = Some(Implementation::new(text)?.as_str().into());
        Ok(self)
    }

    /// Adds a capability line of the host's own, such as `X-EXAMPLE 1` (RFC 2449 §7).
    ///
    /// # Errors
    /// [`ConfigError::RepeatedCapability`] when its tag was added before, [`ConfigError::Capability`] when it isn't a capability
    /// line, [`ConfigError::AnnouncedBySession`] when its tag
    /// is one that the session knows.
    pub fn private_capability(mut self, line: &str) -> Result<Self, ConfigError> {
        let line = PrivateCapability::new(line)?;
        if Capability::is_standard(line.tag()) {
            return Err(ConfigError::AnnouncedBySession);
        }
        let same = |other: &String| other.split(' ').next().is_some_and(|tag| tag.eq_ignore_ascii_case(line.tag()));
        if self.private_capabilities.iter().any(same) {
            return Err(ConfigError::RepeatedCapability);
        }
        self.private_capabilities.push(line.as_str().into());
        Ok(self)
    }

    /// Whether STLS is offered on connections without TLS (RFC 2595 §4): no by default, since the host must be ready
    /// for [`Action::StartTls`](super::Action::StartTls).
    #[must_use]
    pub fn stls(mut self, offered: bool) -> Self {
        self.stls = offered;
        self
    }

    /// Whether octets that came after STLS, before TLS could begin, are dropped. By default they close the connection:
    /// no honest client sends any, and an attacker who puts them there wants them to be taken for what came through
    /// TLS. Either way they are never acted on.
    #[must_use]
    pub fn discard_octets_behind_stls(mut self, discard: bool) -> Self {
        self.discard_residue = discard;
        self
    }

    /// Offers UTF8 (RFC 6856). By default it isn't.
    ///
    /// With [`Utf8::MessagesAndNames`] a name or password that isn't valid UTF-8 is answered `-ERR` and never reaches
    /// the host as a [`Login`](super::Login). Preparing both (RFC 4013, RFC 8265) is up to the host.
    #[must_use]
    pub fn utf8(mut self, offered: Utf8) -> Self {
        self.utf8 = Some(offered);
        self
    }

    /// Uses this language until LANG chooses another, and for `LANG *`: [English](Catalogue::english) by default.
    ///
    /// # Errors
    /// [`ConfigError::NotAscii`] when a text isn't ASCII: clients that don't know LANG expect nothing else.
    /// [`ConfigError::RepeatedLanguage`] when another language has this tag.
    pub fn default_language(mut self, texts: Catalogue) -> Result<Self, ConfigError> {
        if !texts.is_ascii() {
            return Err(ConfigError::NotAscii);
        }
        let mut others = self.languages.split_off(1);
        if others.iter().any(|other| other.tag() == texts.tag()) {
            return Err(ConfigError::RepeatedLanguage);
        }
        self.languages.clear();
        self.languages.push(texts);
        self.languages.append(&mut others);
        Ok(self)
    }

    /// Lets clients choose this language too, which offers LANG (RFC 6856 §3).
    ///
    /// # Errors
    /// [`ConfigError::RepeatedLanguage`] when there is a language with this tag, [`ConfigError::TooManyLanguages`] when
    /// there are 256.
    pub fn language(mut self, texts: Catalogue) -> Result<Self, ConfigError> {
        if self.languages.iter().any(|other| other.tag() == texts.tag()) {
            return Err(ConfigError::RepeatedLanguage);
        }
        if self.languages.len() > usize::from(u8::MAX) {
            return Err(ConfigError::TooManyLanguages);
        }
        self.languages.push(texts);
        Ok(self)
    }

    /// Whether LAST is answered (RFC 1460, dropped by RFC 1725). Off by default.
    #[must_use]
    pub fn last(mut self, answered: bool) -> Self {
        self.last = answered;
        self
    }
}

impl Config {
    /// The most octets of a line of an exchange.
    pub(super) fn response_line_limit(&self) -> u32 {
        self.offers.line_limit.max(self.command_line_limit)
    }

    /// Whether LANG is offered.
    pub(super) fn has_languages(&self) -> bool {
        self.languages.len() > 1
    }

    /// Whether USER, PASS and APOP are allowed on a connection (R-8314-02).
    pub(super) fn allows_login(&self, security: Security) -> bool {
        security.is_secure() || self.cleartext_logins
    }
}

pub(super) fn at_least(value: u32, minimum: u32) -> Result<u32, ConfigError> {
    if value < minimum { Err(ConfigError::BelowMinimum { minimum: minimum.into() }) } else { Ok(value) }
}
