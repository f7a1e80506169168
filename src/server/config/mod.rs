//! What a host decides once for all its connections.

mod announcements;
mod limits;
mod policies;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::catalogue::Catalogue;
use super::offers::Offers;
use crate::BelowMinimum;
use crate::wire::{DeviationSet, Expire, InvalidCapability, InvalidText, LoginDelay};

/// Limits, announcements and policies of a server, shared by its connections in an `Arc`.
///
/// # Memory
/// With the defaults a connection has at most
///
/// | what | octets | while |
/// |---|---|---|
/// | `Session` itself | under 460, and the maildrop | it exists |
/// | input window | 512; from the first read on that fills it, 2,048 ([`command_line_limit`](Self::command_line_limit)) | something is in it or is read into it |
/// | output text | 16,384 ([`output_limit`](Self::output_limit)) | something is to be written |
/// | output text with a long chunk of short runs: one whose lines end with LF, or many of whose lines begin with a dot | an eighth more than the chunk, and at most 74,752; 16,384 beside it for the moment in which it grows | the message isn't written to its end |
/// | one chunk of a message | what the host hands over | until it is written |
/// | the window while a SASL line comes in | up to 65,536 ([`sasl_line_limit`](Self::sasl_line_limit)); half as much beside it for the moment in which it grows | the line isn't answered |
/// | a challenge | at most 65,536 in base64 ([`sasl_line_limit`](Self::sasl_line_limit)), twice that while it is appended to other output | until it is written |
/// | what the host [remembers of an exchange](crate::server::Session::with_exchange) | up to the host | the exchange lasts |
/// | the name of USER, PLAIN or LOGIN | at most 2,048 ([`command_line_limit`](Self::command_line_limit)) | from there to the end of the login |
/// | the APOP timestamp | at most 255 | until the login |
/// | deletion marks | a bit for each message | from the first DELE on |
/// | marks of messages that were gone when they were asked for, or when they were measured, or that are retrieved and to be removed | a bit each for each message | from the first such message on |
///
/// and nothing per command, per line of a listing, or per pipelined request.
///
/// # Work
/// [`Session::poll`](crate::server::Session::poll) takes time linear in the octets read since the last call and in the output
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
    pub(in crate::server) greeting: Box<str>,
    pub(in crate::server) command_line_limit: u32,
    pub(in crate::server) output_limit: u32,
    pub(in crate::server) autologout: Duration,
    pub(in crate::server) login_deadline: Duration,
    pub(in crate::server) failed_logins: u32,
    pub(in crate::server) bad_commands_before_login: u32,
    pub(in crate::server) bad_commands_after_login: u32,
    pub(in crate::server) commands_before_login: u32,
    pub(in crate::server) cleartext_logins: bool,
    pub(in crate::server) pass_directly_after_user: bool,
    pub(in crate::server) accepted: DeviationSet,
    pub(in crate::server) login_delay: Option<LoginDelay>,
    pub(in crate::server) expire: Option<Expire>,
    pub(in crate::server) remove_retrieved: bool,
    pub(in crate::server) implementation: Option<Box<str>>,
    pub(in crate::server) private_capabilities: Vec<String>,
    pub(in crate::server) announce_top: bool,
    pub(in crate::server) announce_uidl: bool,
    pub(in crate::server) announce_pipelining: bool,
    pub(in crate::server) announce_response_codes: bool,
    pub(in crate::server) last: bool,
    pub(in crate::server) stls: bool,
    pub(in crate::server) discard_octets_after_stls: bool,
    pub(in crate::server) offers: Offers,
    pub(in crate::server) sasl_line_limit: u32,
    pub(in crate::server) sasl_passwords_as_logins: bool,
    pub(in crate::server) list_mechanisms_by_auth: bool,
    pub(in crate::server) utf8: Option<Utf8>,
    /// What is used until LANG chooses another.
    pub(in crate::server) default_language: Catalogue,
    /// What else LANG can choose from.
    pub(in crate::server) languages: Vec<Catalogue>,
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
    #[error(transparent)]
    BelowMinimum(#[from] BelowMinimum),
    /// A text can't stand in a response.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// The text of the greeting holds `<`, so it could be taken for an APOP timestamp, or something beyond ASCII.
    #[error("the text of the greeting is ASCII without `<`")]
    Greeting,
    /// A capability line isn't one.
    #[error(transparent)]
    Capability(#[from] InvalidCapability),
    /// The session announces a capability with this tag by itself where it holds, or one was added before.
    #[error("the session announces this capability by itself, or it was added before")]
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
    /// Creates the default configuration.
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
            accepted: DeviationSet::DEFAULT,
            login_delay: None,
            expire: None,
            remove_retrieved: false,
            implementation: None,
            private_capabilities: Vec::new(),
            announce_top: true,
            announce_uidl: true,
            announce_pipelining: true,
            announce_response_codes: true,
            last: false,
            stls: false,
            discard_octets_after_stls: false,
            offers: Offers::default(),
            sasl_line_limit: 65_536,
            sasl_passwords_as_logins: true,
            list_mechanisms_by_auth: true,
            utf8: None,
            default_language: Catalogue::english(),
            languages: Vec::new(),
        }
    }
}

impl Config {
    /// The most octets of a line of an exchange.
    pub(in crate::server) fn response_line_limit(&self) -> u32 {
        self.sasl_line_limit.max(self.command_line_limit)
    }

    /// All languages, the default one first.
    pub(in crate::server) fn all_languages(&self) -> impl Iterator<Item = &Catalogue> {
        core::iter::once(&self.default_language).chain(&self.languages)
    }
}
