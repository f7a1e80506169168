//! What the server has announced (RFC 2449 §5).

use alloc::vec::Vec;

use crate::wire::{Capability, Expire, LoginDelay, Mechanism};

/// A feature that a server may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Feature {
    /// The command TOP.
    Top,
    /// The commands USER and PASS.
    User,
    /// Response codes.
    RespCodes,
    /// Commands ahead of their responses.
    Pipelining,
    /// The command UIDL.
    Uidl,
    /// `[AUTH]` in every failure that the credentials cause.
    AuthRespCode,
    /// The command STLS.
    Stls,
    /// The command UTF8.
    Utf8,
    /// Names and passwords in UTF-8.
    Utf8User,
    /// The command LANG.
    Lang,
    /// The command AUTH.
    Sasl,
}

/// Whether a server has a feature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Support {
    /// The server announces it.
    Yes,
    /// The server announces what it has, and this isn't among it; or it has refused this, and CAPA too.
    No,
    /// The server doesn't tell, or hasn't been asked: find out by trying (RFC 2449 §5).
    Unknown,
}

/// The mechanisms that this crate has a name for.
const KNOWN: [Mechanism; 12] = [
    Mechanism::PLAIN,
    Mechanism::LOGIN,
    Mechanism::CRAM_MD5,
    Mechanism::XOAUTH2,
    Mechanism::OAUTHBEARER,
    Mechanism::EXTERNAL,
    Mechanism::ANONYMOUS,
    Mechanism::SCRAM_SHA_1,
    Mechanism::SCRAM_SHA_1_PLUS,
    Mechanism::SCRAM_SHA_256,
    Mechanism::SCRAM_SHA_256_PLUS,
    Mechanism::GSSAPI,
];

/// What CAPA has listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    features: u16,
    /// Those of [`KNOWN`], a bit each, since a list of names takes more than the rest of an idle session.
    mechanisms: u16,
    other_mechanisms: Vec<Mechanism>,
    login_delay: Option<LoginDelay>,
    expire: Option<Expire>,
}

impl Capabilities {
    /// The most mechanisms that this crate doesn't know and that are kept: more don't fit into a line that keeps to the
    /// rules.
    const MAX_OTHER_MECHANISMS: usize = 24;

    /// Takes a line of the list.
    pub(super) fn add(&mut self, capability: &Capability<'_>) {
        self.features |= match capability {
            Capability::Top => bit(Feature::Top),
            Capability::User => bit(Feature::User),
            Capability::RespCodes => bit(Feature::RespCodes),
            Capability::Pipelining => bit(Feature::Pipelining),
            Capability::Uidl => bit(Feature::Uidl),
            Capability::AuthRespCode => bit(Feature::AuthRespCode),
            Capability::Stls => bit(Feature::Stls),
            Capability::Utf8 { user: false } => bit(Feature::Utf8),
            Capability::Utf8 { user: true } => bit(Feature::Utf8) | bit(Feature::Utf8User),
            Capability::Lang => bit(Feature::Lang),
            Capability::Sasl(mechanisms) => {
                for mechanism in mechanisms.iter() {
                    match KNOWN.iter().position(|known| *known == mechanism) {
                        Some(at) => self.mechanisms |= 1 << at,
                        None if self.other_mechanisms.len() < Self::MAX_OTHER_MECHANISMS => {
                            self.other_mechanisms.push(mechanism);
                        }
                        None => {}
                    }
                }
                bit(Feature::Sasl)
            }
            Capability::LoginDelay(delay) => {
                self.login_delay = Some(*delay);
                0
            }
            Capability::Expire(expire) => {
                self.expire = Some(*expire);
                0
            }
            _ => 0,
        };
    }

    /// Returns whether a feature is listed.
    pub fn has(&self, feature: Feature) -> bool {
        self.features & bit(feature) != 0
    }

    /// Returns the SASL mechanisms that AUTH takes, in no particular order.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let known = KNOWN.iter().enumerate().filter(|(at, _)| self.mechanisms & 1 << at != 0);
        known.map(|(_, mechanism)| *mechanism).chain(self.other_mechanisms.iter().copied())
    }

    /// Returns how soon the next login may come: the least interval for polling (RFC 2449 §6.5).
    pub fn login_delay(&self) -> Option<LoginDelay> {
        self.login_delay
    }

    /// Returns how long messages are kept (RFC 2449 §6.7). Some servers announce 0 days and keep them all the same.
    pub fn expire(&self) -> Option<Expire> {
        self.expire
    }
}

/// The bit of a feature in a set of them.
pub(super) const fn bit(feature: Feature) -> u16 {
    1 << feature as u16
}
