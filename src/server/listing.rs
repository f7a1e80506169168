//! Multi-line responses but messages, made line by line while there is room for them.

use alloc::vec::Vec;

use super::config::Utf8;
use super::maildrop::Maildrop;
use super::open_maildrop::OpenMaildrop;
use super::reply::Reply;
use super::terms::{Instead, Terms};
use crate::buffer::Output;
use crate::message::{MessageNumber, UniqueIdBuffer};
use crate::wire::{
    Capability, Expire, Implementation, Language, LanguageListing, LoginDelay, Mechanisms, PrivateCapability,
    ScanListing, UniqueIdListing,
};

/// A listing in progress of what doesn't come from the maildrop, and how many lines come before the next one, those that
/// aren't to be shown among them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Listing {
    Capabilities(u32),
    Mechanisms(u32),
    Languages(u32),
}

/// A listing of messages in progress, and the least number that the next one may have.
#[derive(Clone, Copy, Debug)]
pub(super) enum MessageListing {
    Octets(u32),
    UniqueIds(u32),
}

impl Listing {
    /// Answers CAPA.
    pub(super) fn capabilities(terms: &mut Terms, output: &mut Output) -> Self {
        terms.good(output, Reply::Capabilities);
        Self::Capabilities(0)
    }

    /// Answers AUTH without a mechanism.
    pub(super) fn mechanisms(terms: &mut Terms, output: &mut Output) -> Result<Self, Instead> {
        if !terms.config.list_mechanisms_by_auth || terms.mechanisms().is_none() {
            return Err(Instead::Bad(Reply::Unavailable));
        }
        terms.good(output, Reply::Mechanisms);
        Ok(Self::Mechanisms(0))
    }

    /// Answers LANG, in the language that it chooses if it names one (R-6856-07).
    pub(super) fn languages(
        terms: &mut Terms,
        output: &mut Output,
        language: Option<Language<'_>>,
    ) -> Result<Option<Self>, Instead> {
        if !terms.has_languages() {
            return Err(Instead::Bad(Reply::Unavailable));
        }
        if let Some(language) = language {
            terms.speak(language)?;
            terms.good(output, Reply::Language);
            return Ok(None);
        }
        terms.good(output, Reply::Languages);
        Ok(Some(Self::Languages(0)))
    }

    /// Appends lines to the output while there is room; whether that was the end of the listing. There is a maildrop
    /// once the client has logged in.
    pub(super) fn proceed<M: Maildrop>(&mut self, output: &mut Output, terms: &Terms, maildrop: Option<&M>) -> bool {
        match self {
            Self::Capabilities(next) => {
                let place = *next as usize;
                let own = capabilities(terms, maildrop);
                // There may be thousands of private ones, so the place is found without going through those before it.
                let private = terms.config.private_capabilities.get(place.saturating_sub(own.len())..);
                let private = private.unwrap_or_default().iter();
                let private = private.map(|line| Some(Capability::Private(PrivateCapability::new_unchecked(line))));
                let left = (*next..).zip(own.into_iter().skip(place).chain(private));
                let left = left.filter_map(|(place, capability)| Some((place, capability?)));
                lines(output, next, left, |capability, text| capability.encode(text))
            }
            Self::Mechanisms(next) => {
                // They fit into one line.
                let all = terms.mechanisms().into_iter().flat_map(Mechanisms::iter);
                lines(output, next, (0..).zip(all).skip(*next as usize), |mechanism, text| {
                    text.extend_from_slice(mechanism.as_str().as_bytes());
                    text.extend_from_slice(b"\r\n");
                })
            }
            Self::Languages(next) => {
                let all = terms.config.all_languages();
                lines(output, next, (0..).zip(all).skip(*next as usize), |catalogue, text| {
                    LanguageListing { tag: catalogue.tag(), description: catalogue.description() }.encode(text);
                })
            }
        }
    }
}

impl MessageListing {
    /// Appends lines to the output while there is room; whether that was the end of the listing.
    #[inline]
    pub(super) fn proceed<M: Maildrop>(&mut self, output: &mut Output, open: &OpenMaildrop<M>) -> bool {
        let numbered = |message: MessageNumber| (message.get(), message);
        match self {
            Self::Octets(next) => lines(output, next, open.undeleted(*next).map(numbered), |message, text| {
                // All of them were known when LIST was answered.
                if let Some(octets) = open.octets(message) {
                    ScanListing { message, octets }.encode(text);
                }
            }),
            Self::UniqueIds(next) => {
                let mut buffer = UniqueIdBuffer::default();
                lines(output, next, open.undeleted(*next).map(numbered), |message, text| {
                    if let Some(unique_id) = open.maildrop.compute_unique_id(message, &mut buffer) {
                        UniqueIdListing { message, unique_id }.encode(text);
                    }
                })
            }
        }
    }
}

/// Appends what is left of a listing, each with its place, while there is room; whether that was the end. Otherwise `next`
/// becomes the place to go on from.
#[inline]
fn lines<T>(
    output: &mut Output,
    next: &mut u32,
    left: impl Iterator<Item = (u32, T)>,
    mut line: impl FnMut(T, &mut Vec<u8>),
) -> bool {
    for (place, item) in left {
        if !output.has_room() {
            *next = place;
            return false;
        }
        line(item, output.text());
    }
    // There is room for it: so the end of the last line and the end line leave together.
    output.text().extend_from_slice(b".\r\n");
    true
}

/// What CAPA announces now beside the host's private lines, in RFC 2449 §6's order (R-2449-02); nothing in the place of
/// what isn't announced.
fn capabilities<'a, M: Maildrop>(terms: &'a Terms, maildrop: Option<&M>) -> [Option<Capability<'a>>; 13] {
    let config = &*terms.config;
    let is_logged_in = maildrop.is_some();
    let login_delay = maildrop.and_then(M::login_delay).or(config.login_delay);
    let login_delay = login_delay.map(|it| LoginDelay { per_user: it.per_user && !is_logged_in, ..it });
    // 0 days would promise a removal that isn't configured.
    let expire = maildrop.and_then(M::expire).filter(|expire| expire.days != Some(0)).or(config.expire);
    let expire = if config.remove_retrieved { Some(Expire { days: Some(0), per_user: false }) } else { expire };
    let expire = expire.map(|it| Expire { per_user: it.per_user && !is_logged_in, ..it });
    [
        config.announce_top.then_some(Capability::Top),
        terms.may_log_in().then_some(Capability::User),
        terms.mechanisms().map(Capability::Sasl),
        config.announce_response_codes.then_some(Capability::RespCodes),
        login_delay.map(Capability::LoginDelay),
        config.announce_pipelining.then_some(Capability::Pipelining),
        expire.map(Capability::Expire),
        config.announce_uidl.then_some(Capability::Uidl),
        config.implementation.as_deref().map(Implementation::new_unchecked).map(Capability::Implementation),
        config.announce_response_codes.then_some(Capability::AuthRespCode),
        // Not after login (RFC 2595 §4).
        (terms.offers_stls() && !is_logged_in).then_some(Capability::Stls),
        config.utf8.map(|utf8| Capability::Utf8 { user: utf8 == Utf8::MessagesAndNames }),
        terms.has_languages().then_some(Capability::Lang),
    ]
}
