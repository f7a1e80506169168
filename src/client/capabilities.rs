//! What the server has announced (RFC 2449 §5).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::wire::{Capability, Expire, Implementation, LoginDelay, Mechanism, PrivateCapability};

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
    login_delay: Option<LoginDelay>,
    expire: Option<Expire>,
    /// What few servers list. It is apart, since an idle session is to be small.
    rare: Option<Box<Rare>>,
}

/// What few servers list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Rare {
    mechanisms: Vec<Mechanism>,
    /// The lines of `IMPLEMENTATION` and of tags that aren't of the standards, each with LF.
    lines: String,
}

impl Capabilities {
    /// The most mechanisms that this crate doesn't know and that are kept: more don't fit into a line that keeps to the
    /// rules.
    const MAX_OTHER_MECHANISMS: usize = 24;

    /// The most octets of lines that are kept as they came, two lines of the largest size among them.
    const MAX_LINES: usize = 1_024;

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
                    if let Some(at) = KNOWN.iter().position(|known| *known == mechanism) {
                        self.mechanisms |= 1 << at;
                        continue;
                    }
                    let others = &mut self.rare.get_or_insert_default().mechanisms;
                    if others.len() < Self::MAX_OTHER_MECHANISMS {
                        others.push(mechanism);
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
            Capability::Implementation(text) => self.keep([capability.tag(), " ", text.as_str()]),
            Capability::Private(line) => self.keep(["", "", line.as_str()]),
        };
    }

    /// Keeps a line, if there is room for it.
    fn keep(&mut self, parts: [&str; 3]) -> u16 {
        let lines = &mut self.rare.get_or_insert_default().lines;
        if lines.len() + parts.iter().map(|part| part.len()).sum::<usize>() < Self::MAX_LINES {
            lines.extend(parts);
            lines.push('\n');
        }
        0
    }

    /// The list has ended. Gives back what it hasn't needed.
    pub(super) fn ended(mut self) -> Self {
        if let Some(rare) = &mut self.rare {
            rare.lines.shrink_to_fit();
        }
        self
    }

    fn rare_lines(&self) -> impl Iterator<Item = Capability<'_>> {
        let lines = self.rare.iter().flat_map(|rare| rare.lines.lines());
        lines.filter_map(|line| Capability::parse(line.as_bytes()).ok())
    }

    /// Returns whether a feature is listed.
    pub fn has(&self, feature: Feature) -> bool {
        self.features & bit(feature) != 0
    }

    /// Returns the SASL mechanisms that AUTH takes, in no particular order.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let known = KNOWN.iter().enumerate().filter(|(at, _)| self.mechanisms & 1 << at != 0);
        let others = self.rare.iter().flat_map(|rare| &rare.mechanisms);
        known.map(|(_, mechanism)| *mechanism).chain(others.copied())
    }

    /// Returns which program the server says it is, for logs only (RFC 2449 §6.9).
    pub fn implementation(&self) -> Option<Implementation<'_>> {
        self.rare_lines().find_map(|line| if let Capability::Implementation(text) = line { Some(text) } else { None })
    }

    /// Returns the lines with other tags than those of the standards, and those with parameters that make no sense, in the
    /// order of the list. Of lines that have more than 1,024 octets together, `IMPLEMENTATION` included, those that fit are kept;
    /// [`EventKind::Line`](super::EventKind::Line) shows each of them as it comes.
    pub fn private(&self) -> impl Iterator<Item = PrivateCapability<'_>> {
        self.rare_lines().filter_map(|line| if let Capability::Private(line) = line { Some(line) } else { None })
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
