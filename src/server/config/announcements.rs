//! What clients are told and offered: the greeting, capabilities, mechanisms, languages.

use alloc::string::String;

use super::{Config, ConfigError, Utf8};
use crate::server::catalogue::Catalogue;
use crate::server::offers::Offer;
use crate::setting::setters;
use crate::wire::{Capability, Expire, Implementation, LoginDelay, Mechanism, PrivateCapability, Properties, Text};

impl Config {
    /// Sets the text of the greeting, `POP3 server ready` by default.
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

    /// Announces LOGIN-DELAY: the fewest seconds between two logins, the largest of all users (RFC 2449 §6.5). After
    /// login the same is announced without `USER`. The host enforces it, with
    /// [`Rejection::LoginDelay`](crate::server::Rejection).
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

    /// Announces IMPLEMENTATION with this text, for the logs of clients (RFC 2449 §6.9). Off by default.
    ///
    /// # Errors
    /// [`ConfigError::Capability`] when it isn't words of printable ASCII with single spaces between, or is too long
    /// for a line of 512 octets.
    pub fn implementation(mut self, text: &str) -> Result<Self, ConfigError> {
        self.implementation = Some(Implementation::new(text)?.as_str().into());
        Ok(self)
    }

    setters! {
        /// Sets whether CAPA announces TOP: yes by default. A host that [hands logins over](crate::server::Login::hand_over)
        /// announces nothing that one of its backends may not have; the command itself works either way.
        announce_top: bool,

        /// Sets whether CAPA announces UIDL, as [`announce_top`](Self::announce_top) does for TOP.
        announce_uidl: bool,

        /// Sets whether CAPA announces PIPELINING (RFC 2449 §6.6), as [`announce_top`](Self::announce_top) does for TOP. What a client
        /// sends ahead all the same is answered in order.
        announce_pipelining: bool,

        /// Sets whether CAPA announces RESP-CODES and AUTH-RESP-CODE (RFC 2449 §6.4, RFC 3206 §6), as
        /// [`announce_top`](Self::announce_top) does for TOP. Responses have their codes either way.
        announce_response_codes: bool,
    }

    /// Adds a capability line of the host's own, such as `X-EXAMPLE 1` (RFC 2449 §7).
    ///
    /// # Errors
    /// [`ConfigError::Capability`] when it isn't a capability line, [`ConfigError::RepeatedCapability`] when its tag is one that
    /// the session announces by itself, or was added before.
    pub fn private_capability(mut self, line: &str) -> Result<Self, ConfigError> {
        let line = PrivateCapability::new(line)?;
        let same = |other: &String| other.split(' ').next().is_some_and(|tag| tag.eq_ignore_ascii_case(line.tag()));
        if Capability::is_standard(line.tag()) || self.private_capabilities.iter().any(same) {
            return Err(ConfigError::RepeatedCapability);
        }
        self.private_capabilities.push(line.as_str().into());
        Ok(self)
    }

    /// Offers a SASL mechanism (RFC 5034), announced after those that were offered before. PLAIN is offered by
    /// default; one that is offered already stays as it is.
    ///
    /// PLAIN and LOGIN arrive as [`Action::Login`](crate::server::Action::Login), like USER and PASS, unless
    /// [`sasl_passwords_as_logins`](Self::sasl_passwords_as_logins) says otherwise; all others arrive, step by step, as
    /// [`Action::Authenticate`](crate::server::Action::Authenticate). PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER are offered only
    /// where USER is, EXTERNAL only where the connection has proved who the client is
    /// ([`ClientIdentity::Verified`](crate::server::ClientIdentity::Verified)).
    ///
    /// # Errors
    /// [`ConfigError::UnknownMechanism`] for one that this crate doesn't know:
    /// [`mechanism_with`](Self::mechanism_with) offers it. [`ConfigError::TooManyMechanisms`] when there are 24 already.
    pub fn mechanism(self, mechanism: Mechanism) -> Result<Self, ConfigError> {
        if self.offers.find(mechanism).is_some() {
            return Ok(self);
        }
        let properties = mechanism.properties().ok_or(ConfigError::UnknownMechanism)?;
        self.mechanism_with(mechanism, properties)
    }

    /// Offers a SASL mechanism whose properties the host states, or states differently from this crate: with
    /// `cleartext: true` any mechanism is offered only where USER is.
    ///
    /// # Errors
    /// [`ConfigError::TooManyMechanisms`] when there are 24 already.
    pub fn mechanism_with(mut self, mechanism: Mechanism, properties: Properties) -> Result<Self, ConfigError> {
        if self.offers.add(Offer { mechanism, properties }) { Ok(self) } else { Err(ConfigError::TooManyMechanisms) }
    }

    /// Offers no SASL mechanism, not even PLAIN; AUTH is answered `-ERR`. Mechanisms added after this call are offered.
    #[must_use]
    pub fn no_mechanisms(mut self) -> Self {
        self.offers.clear();
        self
    }

    /// Offers UTF8 (RFC 6856). By default it isn't.
    ///
    /// With [`Utf8::MessagesAndNames`] a name or password that isn't valid UTF-8 is answered `-ERR` and never reaches
    /// the host as a [`Login`](crate::server::Login). Preparing both (RFC 4013, RFC 8265) is up to the host.
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
        if self.languages.iter().any(|other| other.tag() == texts.tag()) {
            return Err(ConfigError::RepeatedLanguage);
        }
        self.default_language = texts;
        Ok(self)
    }

    /// Lets clients choose this language too, which offers LANG (RFC 6856 §3).
    ///
    /// # Errors
    /// [`ConfigError::RepeatedLanguage`] when there is a language with this tag, [`ConfigError::TooManyLanguages`] when
    /// there are 256.
    pub fn language(mut self, texts: Catalogue) -> Result<Self, ConfigError> {
        if self.all_languages().any(|other| other.tag() == texts.tag()) {
            return Err(ConfigError::RepeatedLanguage);
        }
        if self.languages.len() >= usize::from(u8::MAX) {
            return Err(ConfigError::TooManyLanguages);
        }
        self.languages.push(texts);
        Ok(self)
    }
}
