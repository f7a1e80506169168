//! The SASL mechanisms that a server offers.

use alloc::string::String;
use alloc::vec::Vec;

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
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) mechanism: Mechanism,
    pub(super) properties: Properties,
}

impl Offer {
    /// Whether the mechanism may be used: in the clear by some only (R-8314-02), without a proof of identity by all but
    /// EXTERNAL.
    pub(super) fn is_allowed(self, secure: bool, identity: ClientIdentity) -> bool {
        (secure || !self.properties.cleartext)
            && (self.mechanism != Mechanism::EXTERNAL || identity == ClientIdentity::Verified)
    }
}

impl Default for Offers {
    /// PLAIN, which every server must have (RFC 5034 §4).
    fn default() -> Self {
        let plain = Properties { opening: Opening::Client, cleartext: true };
        let mut offers = Self { all: Vec::new(), names: [const { String::new() }; 4] };
        offers.add(Offer { mechanism: Mechanism::PLAIN, properties: plain });
        offers
    }
}

impl Offers {
    /// The most names that fit into a line.
    const MAX: usize = (MAX_RESPONSE_LINE - "SASL\r\n".len()) / (Mechanism::MAX_OCTETS + 1);

    /// Offers a mechanism, in its old place if it was offered before; `false` when there are too many.
    pub(super) fn add(&mut self, offer: Offer) -> bool {
        let is_full = self.all.len() >= Self::MAX;
        match self.all.iter_mut().find(|other| other.mechanism == offer.mechanism) {
            Some(other) => *other = offer,
            None if is_full => return false,
            None => self.all.push(offer),
        }
        self.write_names();
        true
    }

    /// Offers nothing.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.write_names();
    }

    fn write_names(&mut self) {
        use ClientIdentity::{Unknown, Verified};
        self.names =
            [(false, Unknown), (false, Verified), (true, Unknown), (true, Verified)].map(|(secure, identity)| {
                let allowed = self.all.iter().filter(|offer| offer.is_allowed(secure, identity));
                allowed.map(|offer| offer.mechanism.as_str()).collect::<Vec<_>>().join(" ")
            });
    }

    /// The offer of a mechanism, if it is there at all.
    pub(super) fn find(&self, mechanism: Mechanism) -> Option<Offer> {
        self.all.iter().copied().find(|offer| offer.mechanism == mechanism)
    }

    /// The mechanisms that are allowed now, if there is any.
    pub(super) fn allowed(&self, secure: bool, identity: ClientIdentity) -> Option<Mechanisms<'_>> {
        let at = usize::from(secure) * 2 + usize::from(identity == ClientIdentity::Verified);
        let names = self.names.get(at).filter(|names| !names.is_empty())?;
        Some(Mechanisms::new_unchecked(names))
    }
}
