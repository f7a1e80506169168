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
                // All of them were known when LIST was answered.
                if let Some(octets) = maildrop.octets(message) {
                    ScanListing { message, octets }.encode_line(text);
                }
            }),
            (Of::UniqueIds, Some(transaction)) => self.messages(output, transaction, |maildrop, message, text| {
                if let Some(unique_id) = maildrop.unique_id(message) {
                    UniqueIdListing { message, unique_id }.encode_line(text);
                }
            }),
            (Of::Capabilities, transaction) => {
                let own = capabilities(config, offered, sasl, transaction);
                let place = self.place();
                // There may be thousands of private ones, so the place is found without going through those before it.
                let private = config.private_capabilities.get(place.saturating_sub(own.len())..).unwrap_or_default();
                let private =
                    private.iter().map(|line| Some(Capability::Private(PrivateCapability::new_unchecked(line))));
                let left = own.into_iter().skip(place).chain(private);
                self.lines(output, left, |capability, text| capability.encode(text))
            }
            (Of::Mechanisms, _) => {
                // They fit into one line.
                let left = sasl.into_iter().flat_map(Mechanisms::iter).skip(self.place());
                self.lines(output, left.map(Some), |mechanism, text| {
                    text.extend_from_slice(mechanism.as_str().as_bytes());
                    text.extend_from_slice(b"\r\n");
                })
            }
            (Of::Languages, _) => {
                let left = config.languages.get(self.place()..).unwrap_or_default();
                self.lines(output, left.iter().map(Some), |catalogue, text| {
                    LanguageListing { tag: catalogue.tag(), description: catalogue.description() }.encode_line(text);
                })
            }
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

    /// How many lines were listed, or left out because they aren't to be shown.
    fn place(self) -> usize {
        self.next as usize - 1
    }

    /// Lists what doesn't come from the maildrop: the lines that are left, or nothing for one that isn't to be shown.
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

/// What CAPA announces now beside the host's private lines, in RFC 2449 §6's order (R-2449-02); nothing in the place of
/// what isn't announced.
fn capabilities<'a, M: Maildrop>(
    config: &'a Config,
    offered: Offered,
    sasl: Option<Mechanisms<'a>>,
    transaction: Option<&'a Transaction<M>>,
) -> [Option<Capability<'a>>; 13] {
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
    let implementation = config.implementation.as_deref().map(Implementation::new_unchecked);
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
}
