//! Multi-line responses of what doesn't come from the maildrop, made line by line while there is room for them.

use alloc::vec::Vec;

use super::config::Utf8;
use super::maildrop::Maildrop;
use super::reply::Reply;
use super::terms::{Instead, Terms};
use crate::buffer::Output;
use crate::wire::{
    Capability, Expire, Implementation, Language, LanguageListing, LoginDelay, Mechanisms, PrivateCapability,
};

/// A listing of capabilities, mechanisms or languages in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    what: What,
    /// How many lines were listed, or left out because they aren't to be shown.
    place: u32,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Capabilities,
    Mechanisms,
    Languages,
}

impl Listing {
    /// Answers CAPA.
    pub(super) fn capabilities(terms: &mut Terms, output: &mut Output) -> Self {
        terms.good(output, Reply::Capabilities);
        Self { what: What::Capabilities, place: 0 }
    }

    /// Answers AUTH without a mechanism.
    pub(super) fn mechanisms(terms: &mut Terms, output: &mut Output) -> Result<Self, Instead> {
        if !terms.config.list_mechanisms_by_auth || terms.mechanisms().is_none() {
            return Err(Instead::Bad(Reply::Unavailable));
        }
        terms.good(output, Reply::Mechanisms);
        Ok(Self { what: What::Mechanisms, place: 0 })
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
        Ok(Some(Self { what: What::Languages, place: 0 }))
    }

    /// Appends lines to the output while there is room; whether that was the end of the listing. There is a maildrop
    /// once the client has logged in.
    pub(super) fn proceed<M: Maildrop>(&mut self, output: &mut Output, terms: &Terms, maildrop: Option<&M>) -> bool {
        let place = self.place as usize;
        match self.what {
            What::Capabilities => {
                let own = capabilities(terms, maildrop);
                // There may be thousands of private ones, so the place is found without going through those before it.
                let private = terms.config.private_capabilities.get(place.saturating_sub(own.len())..);
                let private = private.unwrap_or_default().iter();
                let private = private.map(|line| Some(Capability::Private(PrivateCapability::new_unchecked(line))));
                let left = own.into_iter().skip(place).chain(private);
                self.lines(output, left, |capability, text| capability.encode(text))
            }
            What::Mechanisms => {
                // They fit into one line.
                let left = terms.mechanisms().into_iter().flat_map(Mechanisms::iter).skip(place);
                self.lines(output, left.map(Some), |mechanism, text| {
                    text.extend_from_slice(mechanism.as_str().as_bytes());
                    text.extend_from_slice(b"\r\n");
                })
            }
            What::Languages => {
                self.lines(output, terms.config.all_languages().skip(place).map(Some), |catalogue, text| {
                    LanguageListing { tag: catalogue.tag(), description: catalogue.description() }.encode(text);
                })
            }
        }
    }

    /// Lists what is left, or nothing for a line that isn't to be shown.
    fn lines<T>(
        &mut self,
        output: &mut Output,
        left: impl Iterator<Item = Option<T>>,
        line: impl Fn(T, &mut Vec<u8>),
    ) -> bool {
        for item in left {
            if let Some(item) = item {
                if !output.has_room() {
                    return false;
                }
                line(item, output.text());
            }
            self.place += 1;
        }
        // There is room for it: so the end of the last line and the end line leave together.
        output.text().extend_from_slice(b".\r\n");
        true
    }
}

/// What CAPA announces now beside the host's private lines, in RFC 2449 §6's order (R-2449-02); nothing in the place of
/// what isn't announced.
fn capabilities<'a, M: Maildrop>(terms: &'a Terms, maildrop: Option<&M>) -> [Option<Capability<'a>>; 13] {
    let config = &*terms.config;
    let login_delay = match maildrop {
        None => config.login_delay,
        Some(maildrop) => {
            let announced = maildrop.login_delay().or(config.login_delay);
            announced.map(|announced| LoginDelay { per_user: false, ..announced })
        }
    };
    let expire = match maildrop {
        _ if config.remove_retrieved => Some(Expire { days: Some(0), per_user: false }),
        None => config.expire,
        Some(maildrop) => {
            // 0 days would promise a removal that isn't configured.
            let announced = maildrop.expire().filter(|expire| expire.days != Some(0)).or(config.expire);
            announced.map(|announced| Expire { per_user: false, ..announced })
        }
    };
    [
        Some(Capability::Top),
        terms.may_log_in().then_some(Capability::User),
        terms.mechanisms().map(Capability::Sasl),
        Some(Capability::RespCodes),
        login_delay.map(Capability::LoginDelay),
        Some(Capability::Pipelining),
        expire.map(Capability::Expire),
        Some(Capability::Uidl),
        config.implementation.as_deref().map(Implementation::new_unchecked).map(Capability::Implementation),
        Some(Capability::AuthRespCode),
        // Not after login (RFC 2595 §4).
        (terms.offers_stls() && maildrop.is_none()).then_some(Capability::Stls),
        config.utf8.map(|utf8| Capability::Utf8 { user: utf8 == Utf8::MessagesAndNames }),
        terms.has_languages().then_some(Capability::Lang),
    ]
}
