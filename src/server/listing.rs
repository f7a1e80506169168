//! Multi-line responses that are made line by line, while there is room for them.

use alloc::vec::Vec;

use super::config::{Config, Utf8};
use super::maildrop::Maildrop;
use super::offers::ClientIdentity;
use super::transaction::Transaction;
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::wire::{
    Capability, Expire, Implementation, LanguageListing, LoginDelay, Mechanisms, PrivateCapability, ScanListing,
    UniqueIdListing,
};

/// A listing in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    of: Of,
    /// The message, or the place among the lines, that comes next; both begin at 1.
    next: u32,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Octets,
    UniqueIds,
    Capabilities,
    Mechanisms,
    Languages,
}

impl Listing {
    pub(super) const OCTETS: Self = Self { of: Of::Octets, next: 1 };
    pub(super) const UNIQUE_IDS: Self = Self { of: Of::UniqueIds, next: 1 };
    pub(super) const CAPABILITIES: Self = Self { of: Of::Capabilities, next: 1 };
    pub(super) const MECHANISMS: Self = Self { of: Of::Mechanisms, next: 1 };
    pub(super) const LANGUAGES: Self = Self { of: Of::Languages, next: 1 };

    /// Appends lines to the output while there is room; whether that was the end of the listing.
    pub(super) fn proceed<M: Maildrop>(
        &mut self,
        output: &mut Output,
        config: &Config,
        offered: Offered,
        transaction: Option<&Transaction<M>>,
    ) -> bool {
        let sasl = config.offers.allowed(offered.login, offered.identity);
        let finished = match (self.of, transaction) {
            (Of::Octets, Some(transaction)) => self.messages(output, transaction, |maildrop, message, text| {
                ScanListing { message, octets: maildrop.octets(message) }.encode_line(text);
            }),
            (Of::UniqueIds, Some(transaction)) => self.messages(output, transaction, |maildrop, message, text| {
                if let Some(unique_id) = maildrop.unique_id(message) {
                    UniqueIdListing { message, unique_id }.encode_line(text);
                }
            }),
            (Of::Capabilities, transaction) => {
                let capabilities = capabilities(config, offered, sasl, transaction);
                self.lines(output, capabilities, |capability, text| capability.encode(text))
            }
            (Of::Mechanisms, _) => {
                self.lines(output, sasl.into_iter().flat_map(Mechanisms::iter), |mechanism, text| {
                    text.extend_from_slice(mechanism.as_str().as_bytes());
                    text.extend_from_slice(b"\r\n");
                })
            }
            (Of::Languages, _) => self.lines(output, config.languages.iter(), |catalogue, text| {
                LanguageListing { tag: catalogue.tag(), description: catalogue.description() }.encode_line(text);
            }),
            // Messages are listed in TRANSACTION only.
            (Of::Octets | Of::UniqueIds, None) => true,
        };
        if finished {
            // There is room for it: so the end of the last line and the end line leave together.
            output.text().extend_from_slice(b".\r\n");
        }
        finished
    }

    /// Lists the messages that aren't marked as deleted.
    #[inline]
    fn messages<M: Maildrop>(
        &mut self,
        output: &mut Output,
        transaction: &Transaction<M>,
        line: impl Fn(&M, MessageNumber, &mut Vec<u8>),
    ) -> bool {
        while let Some(message) = transaction.number(self.next).and_then(|next| transaction.next_undeleted(next)) {
            self.next = message.get();
            if !output.has_room() {
                return false;
            }
            line(&transaction.maildrop, message, output.text());
            match self.next.checked_add(1) {
                Some(next) => self.next = next,
                None => break,
            }
        }
        true
    }

    /// Lists what doesn't come from the maildrop; all of it is made again for each part, as it is short.
    fn lines<T>(&mut self, output: &mut Output, all: impl Iterator<Item = T>, line: impl Fn(T, &mut Vec<u8>)) -> bool {
        for item in all.skip(self.next as usize - 1) {
            if !output.has_room() {
                return false;
            }
            line(item, output.text());
            self.next += 1;
        }
        true
    }
}

/// What depends on the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    /// Whether USER, PASS, APOP and mechanisms that send a password are allowed.
    pub(super) login: bool,
    pub(super) stls: bool,
    pub(super) identity: ClientIdentity,
}

/// What CAPA announces now, in RFC 2449 §6's order (R-2449-02).
fn capabilities<'a, M: Maildrop>(
    config: &'a Config,
    offered: Offered,
    sasl: Option<Mechanisms<'a>>,
    transaction: Option<&'a Transaction<M>>,
) -> impl Iterator<Item = Capability<'a>> {
    let maildrop = transaction.map(|transaction| &transaction.maildrop);
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
    let implementation = config.implementation.as_deref().map(Implementation::known);
    let private = config.private_capabilities.iter().map(|line| PrivateCapability::known(line));
    [
        Some(Capability::Top),
        offered.login.then_some(Capability::User),
        sasl.map(Capability::Sasl),
        Some(Capability::RespCodes),
        login_delay.map(Capability::LoginDelay),
        Some(Capability::Pipelining),
        expire.map(Capability::Expire),
        Some(Capability::Uidl),
        implementation.map(Capability::Implementation),
        Some(Capability::AuthRespCode),
        // Not after login (RFC 2595 §4).
        (offered.stls && transaction.is_none()).then_some(Capability::Stls),
        config.utf8.map(|utf8| Capability::Utf8 { user: utf8 == Utf8::MessagesAndNames }),
        config.has_languages().then_some(Capability::Lang),
    ]
    .into_iter()
    .flatten()
    .chain(private.map(Capability::Private))
}
