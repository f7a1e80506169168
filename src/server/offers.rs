//! The SASL mechanisms that a server offers.

use alloc::string::String;
use alloc::vec::Vec;

use super::config::{Config, ConfigError, at_least};
use crate::wire::{MAX_RESPONSE_LINE, Mechanism, Mechanisms, Opening, Properties};

/// Whether the connection itself has proved who the client is: by a certificate that TLS has verified, or by the
/// credentials of a local socket's peer. Only then is EXTERNAL offered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ClientIdentity {
    /// Nothing is known of the client.
    #[default]
    Unknown,
    /// The host knows who the client is.
    Verified,
}

/// All mechanisms that a server may offer, in the order in which they are announced.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    all: Vec<Offer>,
    /// The names, by what the connection is: secure or not, with an identity or without.
    names: [String; 4],
    pub(super) passwords_as_logins: bool,
    pub(super) listed_by_auth: bool,
    pub(super) line_limit: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) mechanism: Mechanism,
    properties: Properties,
}

impl Offer {
    pub(super) fn opening(self) -> Opening {
        self.properties.opening
    }

    /// Whether it needs a connection that nobody else can listen to (R-8314-02).
    pub(super) fn is_cleartext(self) -> bool {
        self.properties.cleartext
    }

    pub(super) fn is_allowed(self, secure: bool, identity: ClientIdentity) -> bool {
        (secure || !self.is_cleartext())
            && (self.mechanism != Mechanism::EXTERNAL || identity == ClientIdentity::Verified)
    }
}

impl Default for Offers {
    /// PLAIN, which every server must have (RFC 5034 §4).
    fn default() -> Self {
        let offers = Self {
            all: Vec::new(),
            names: [const { String::new() }; 4],
            passwords_as_logins: true,
            listed_by_auth: true,
            line_limit: 65_536,
        };
        let plain = Properties { opening: Opening::Client, cleartext: true };
        offers.with(Offer { mechanism: Mechanism::PLAIN, properties: plain })
    }
}

impl Offers {
    /// The most names that fit into a line.
    const MAX: usize = (MAX_RESPONSE_LINE - "SASL\r\n".len()) / (Mechanism::MAX_OCTETS + 1);

    fn with(mut self, offer: Offer) -> Self {
        match self.all.iter_mut().find(|other| other.mechanism == offer.mechanism) {
            Some(other) => *other = offer,
            None => self.all.push(offer),
        }
        self.write_names();
        self
    }

    fn write_names(&mut self) {
        let mut names = self.names.iter_mut();
        for secure in [false, true] {
            for identity in [ClientIdentity::Unknown, ClientIdentity::Verified] {
                let allowed = self.all.iter().filter(|offer| offer.is_allowed(secure, identity));
                let allowed: Vec<&str> = allowed.map(|offer| offer.mechanism.as_str()).collect();
                if let Some(names) = names.next() {
                    *names = allowed.join(" ");
                }
            }
        }
    }

    /// Where a mechanism stands among the offers, and the offer, if it is there at all.
    pub(super) fn find(&self, mechanism: Mechanism) -> Option<(u8, Offer)> {
        let at = self.all.iter().position(|offer| offer.mechanism == mechanism)?;
        Some((u8::try_from(at).ok()?, *self.all.get(at)?))
    }

    pub(super) fn get(&self, at: u8) -> Option<Offer> {
        self.all.get(usize::from(at)).copied()
    }

    /// The mechanisms that are allowed now, if there is any.
    pub(super) fn allowed(&self, secure: bool, identity: ClientIdentity) -> Option<Mechanisms<'_>> {
        let at = usize::from(secure) * 2 + usize::from(identity == ClientIdentity::Verified);
        let names = self.names.get(at).filter(|names| !names.is_empty())?;
        Some(Mechanisms::new_unchecked(names))
    }
}

impl Config {
    /// Offers a SASL mechanism (RFC 5034), announced after those that were offered before. PLAIN is offered by
    /// default; one that is offered already stays as it is.
    ///
    /// PLAIN and LOGIN arrive as [`Action::Login`](super::Action::Login), like USER and PASS, unless
    /// [`sasl_passwords_as_logins`](Self::sasl_passwords_as_logins) says otherwise; all others arrive, step by step, as
    /// [`Action::Authenticate`](super::Action::Authenticate). PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER are offered only
    /// where USER is, EXTERNAL only to a client with a [`ClientIdentity`].
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
        if self.offers.all.len() >= Offers::MAX && self.offers.find(mechanism).is_none() {
            return Err(ConfigError::TooManyMechanisms);
        }
        self.offers = self.offers.with(Offer { mechanism, properties });
        Ok(self)
    }

    /// Offers no SASL mechanism, not even PLAIN; AUTH is answered `-ERR`. Mechanisms added after this call are offered.
    #[must_use]
    pub fn no_mechanisms(mut self) -> Self {
        self.offers.all.clear();
        self.offers.write_names();
        self
    }

    /// Whether PLAIN and LOGIN arrive as [`Action::Login`](super::Action::Login) with
    /// [`Credentials::Password`](super::Credentials): yes by default, so that a host that has a table of passwords
    /// need not know SASL.
    ///
    /// The host doesn't see whom the client wants to act for then, so a PLAIN that names somebody else is turned down;
    /// so is a password with CR or LF, which PASS couldn't have sent.
    #[must_use]
    pub fn sasl_passwords_as_logins(mut self, yes: bool) -> Self {
        self.offers.passwords_as_logins = yes;
        self
    }

    /// Whether AUTH without an argument lists the mechanisms: yes by default. It is in no RFC, but old clients ask so.
    #[must_use]
    pub fn list_mechanisms_by_auth(mut self, yes: bool) -> Self {
        self.offers.listed_by_auth = yes;
        self
    }

    /// The most octets of a line of a SASL exchange, CRLF included, and of an AUTH with an initial response: 65,536 by
    /// default, at least 12,288 (RFC 5034 §4), and no less than
    /// [`command_line_limit`](Self::command_line_limit). The input window grows up to that while such a line comes in. A
    /// longer line is answered `-ERR`, and the exchange is over.
    ///
    /// # Errors
    /// [`ConfigError::BelowMinimum`] under 12,288.
    pub fn sasl_line_limit(mut self, octets: u32) -> Result<Self, ConfigError> {
        self.offers.line_limit = at_least(octets, 12_288)?;
        Ok(self)
    }
}
