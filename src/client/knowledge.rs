//! What a client has learnt of its server.

use super::capabilities::{Capabilities, Feature, Support, bit};
use super::queue::Sent;
use crate::wire::{Status, Verb};

/// What is known of a server. It holds until it is learnt anew; STLS forgets it.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    /// What CAPA has listed last. What it has listed before login holds after it too, unless CAPA is sent again, and the
    /// two are never mixed (R-2449-02).
    pub(super) listed: Option<Capabilities>,
    /// What was refused though nothing was known of it: a bit for each feature.
    refused: u16,
    /// What has succeeded, of TOP and UIDL: where it is refused later, that has another reason.
    worked: u16,
    refused_capa: bool,
    /// Whether UTF8 has succeeded.
    pub(super) utf8_mode: bool,
}

impl Knowledge {
    pub(super) fn support(&self, feature: Feature) -> Support {
        match &self.listed {
            Some(listed) if listed.has(feature) => Support::Yes,
            Some(_) => Support::No,
            None if self.refused & bit(feature) != 0 => Support::No,
            None => Support::Unknown,
        }
    }

    /// Whether the server was asked what it has, and has answered.
    pub(super) fn is_complete(&self) -> bool {
        self.listed.is_some() || self.refused_capa
    }

    /// A list or a message has begun that answers a command.
    pub(super) fn begun(&mut self, sent: Sent) {
        if matches!(sent.verb, Verb::Top | Verb::Uidl) {
            self.worked |= feature(sent).map_or(0, bit);
        }
    }

    /// A command is answered by a status alone.
    pub(super) fn answered(&mut self, sent: Sent, status: Status, has_code: bool) {
        match (sent.verb, status) {
            (Verb::Utf8, Status::Ok) => self.utf8_mode = true,
            (Verb::Capa, Status::Err) => self.refused_capa = true,
            // A refusal turns an unknown feature into a missing one (R-2449-01), unless it was for a reason of its own.
            (_, Status::Err) if !has_code => self.refused |= feature(sent).map_or(0, bit) & !self.worked,
            _ => {}
        }
    }
}

/// The feature that the answer to a command says something of.
fn feature(sent: Sent) -> Option<Feature> {
    match sent.verb {
        Verb::Top => Some(Feature::Top),
        Verb::Stls => Some(Feature::Stls),
        Verb::Utf8 => Some(Feature::Utf8),
        Verb::Uidl if !sent.has_argument => Some(Feature::Uidl),
        Verb::Lang if !sent.has_argument => Some(Feature::Lang),
        _ => None,
    }
}
