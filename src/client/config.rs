//! What a caller decides once for its connections.

use alloc::boxed::Box;
use core::time::Duration;

use crate::BelowMinimum;
use crate::setting::{at_least, limits, setters};
use crate::wire::DeviationSet;

/// Limits and policies of a client, shared by its connections in an `Arc`.
///
/// # Memory
/// With the defaults a connection has at most
///
/// | what | octets | while |
/// |---|---|---|
/// | `Session` itself | under 450 | it exists |
/// | input window | 65,536 ([`window`](Self::window)) | something is in it or is read into it |
/// | commands that aren't answered | 8,192 ([`queue`](Self::queue)), and 16 for each command | they aren't answered |
/// | an initial response that waits for its challenge, or a response | its own | it isn't sent |
/// | names of mechanisms that this crate doesn't know | 20 for each, 24 at the most | CAPA's answer holds |
/// | the timestamp of the greeting | at most 255 | the session exists |
///
/// and nothing per line of a listing or octet of a message.
///
/// # Deviations
/// What servers do against the rules is accepted where it can't be mistaken for something else, and
/// [counted](super::Session::deviations):
///
/// | deviation | default |
/// |---|---|
/// | [`BareLineFeed`](crate::wire::Deviation::BareLineFeed) in responses and listings, and in messages | accepted |
/// | [`ExtraSpaces`](crate::wire::Deviation::ExtraSpaces) in listings and capabilities | accepted |
/// | [`LongLine`](crate::wire::Deviation::LongLine): a response line over 512 octets | accepted |
/// | [`OddUniqueId`](crate::wire::Deviation::OddUniqueId): over 70 octets, or others than 0x21 to 0x7E | accepted |
/// | [`BareChallenge`](crate::wire::Deviation::BareChallenge): `+` without a space | accepted |
/// | [`LowerCaseStatus`](crate::wire::Deviation::LowerCaseStatus): `+ok` | rejected |
/// | [`LateCode`](crate::wire::Deviation::LateCode): text before the response code | rejected: it is text |
///
/// In a message nothing is overlooked: it ends at CRLF `.` CRLF, and everything else is content, bare line feeds included.
/// Those among its first 4,096 octets are counted; looking for more would cost as much as the rest of a download.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) window: u32,
    pub(super) line_limit: u32,
    pub(super) sasl_line_limit: u32,
    pub(super) listing_entries: u32,
    pub(super) queue: u32,
    pub(super) pipelined_commands: u32,
    pub(super) pipelined_octets: u32,
    pub(super) reply_deadline: Duration,
    pub(super) cleartext_secrets: bool,
    pub(super) require_tls: bool,
    pub(super) pipelining: bool,
    pub(super) initial_response: InitialResponsePolicy,
    pub(super) accepted: DeviationSet,
    pub(super) server_name: Option<Box<str>>,
}

/// When the first message of a mechanism goes with AUTH (RFC 5034 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum InitialResponsePolicy {
    /// Where the mechanism allows it and the line keeps within 255 octets.
    #[default]
    Auto,
    /// Never: it answers the server's empty challenge. Some servers understand nothing else.
    Never,
    /// Where the mechanism allows it, however long the line is. Some servers understand nothing else.
    Always,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// Creates a configuration of the defaults.
    pub fn new() -> Self {
        Self {
            window: 65_536,
            line_limit: 8_192,
            sasl_line_limit: 65_536,
            listing_entries: 1 << 24,
            queue: 8_192,
            pipelined_commands: 64,
            pipelined_octets: 1_024,
            reply_deadline: Duration::from_secs(120),
            cleartext_secrets: false,
            require_tls: false,
            pipelining: true,
            initial_response: InitialResponsePolicy::Auto,
            accepted: DeviationSet::DEFAULT,
            server_name: None,
        }
    }

    limits! {
        /// Sets the size of the input window: 65,536 octets by default, at least 512. Parts of a message are no
        /// larger.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 512.
        window >= 512,

        /// Sets the most octets of a response line or a line of a listing, CRLF included: 8,192 by default, at least 512. A
        /// longer one ends the session. The window grows for one that doesn't fit.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 512.
        line_limit >= 512,

        /// Sets the most octets of a challenge, CRLF included: 65,536 by default, at least 12,288 (RFC 5034 §4).
        ///
        /// # Errors
        /// [`BelowMinimum`] under 12,288.
        sasl_line_limit >= 12_288,

        /// Sets the most entries of a list, such as LIST's, UIDL's or CAPA's: 16,777,216 by default, at least 1. One more ends the
        /// session with [`ProtocolError::TooManyEntries`](super::ProtocolError::TooManyEntries). The session keeps no entry, but
        /// a caller may, and a list that never ends would keep it busy for ever.
        ///
        /// # Errors
        /// [`BelowMinimum`] for 0.
        listing_entries >= 1,

        /// Sets the most octets of commands that wait to be written: 8,192 by default, at least 510, so that USER and PASS always
        /// find room together. [`send`](super::Session::send) refuses more, but for QUIT. A SASL response may be longer.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 510.
        queue >= 510,
    }

    /// Sets how far commands go ahead of their responses where the server announces PIPELINING: 64 commands and 1,024 octets
    /// by default, at least one command (RFC 2449 §6.6). Both ends' buffers hold that, so neither can block the other.
    ///
    /// # Errors
    /// [`BelowMinimum`] for no command.
    pub fn pipelined(mut self, commands: u32, octets: u32) -> Result<Self, BelowMinimum> {
        self.pipelined_commands = at_least(commands, 1)?;
        self.pipelined_octets = octets;
        Ok(self)
    }

    setters! {
        /// Sets whether commands may go ahead of their responses at all: yes by default. Some servers announce PIPELINING and
        /// can't do it.
        pipelining: bool,

        /// Sets how long the server may neither take octets that are sent to it nor send octets that it owes: 120 seconds by
        /// default.
        reply_deadline: Duration,

        /// Sets whether passwords and tokens may be sent over a connection that others can listen to: no by default (RFC 8314
        /// §4).
        cleartext_secrets: bool,

        /// Sets whether TLS is required for a login: no by default. With it, USER, PASS, APOP and AUTH are refused with
        /// [`SendError::NeedsTls`](super::SendError::NeedsTls) until there is TLS, whatever they would disclose, and
        /// a [`Login`](super::Login) fails with [`LoginFailure::NeedsTls`](super::LoginFailure::NeedsTls): a server, or
        /// somebody on the way, that doesn't offer STLS can't make the client do without it (RFC 2595 §2). That goes for
        /// [`TrustedLocal`](crate::Security::TrustedLocal) too, and before [`cleartext_secrets`](Self::cleartext_secrets).
        require_tls: bool,

        /// Sets when the first message of a mechanism goes with AUTH: [`InitialResponsePolicy::Auto`] by default.
        initial_response: InitialResponsePolicy,

        /// Sets which deviations are accepted: [`DeviationSet::DEFAULT`] by default. Any other ends the session with a protocol
        /// error, or the line is taken literally.
        accepted: DeviationSet,
    }

    /// Sets the name that the server's certificate must be for, handed out with [`StartTls`](super::StartTls) (RFC 7817).
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        self.server_name = Some(name.into());
        self
    }
}
