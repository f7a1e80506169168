//! Multi-line responses that are made line by line, as far as there is room for them.

use alloc::vec::Vec;

use super::config::Config;
use super::maildrop::Maildrop;
use super::transaction::Transaction;
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::wire::{Capability, Expire, Implementation, LoginDelay, PrivateCapability, ScanListing, UniqueIdListing};

/// A listing that is under way.
#[derive(Debug)]
pub(super) struct Listing {
    of: Of,
    /// The message, or the place among the capabilities, that comes next; both begin at 1.
    next: u32,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Octets,
    UniqueIds,
    Capabilities,
}

impl Listing {
    pub(super) const OCTETS: Self = Self { of: Of::Octets, next: 1 };
    pub(super) const UNIQUE_IDS: Self = Self { of: Of::UniqueIds, next: 1 };
    pub(super) const CAPABILITIES: Self = Self { of: Of::Capabilities, next: 1 };

    /// Puts lines behind the output while there is room; whether that was the end of the listing.
    pub(super) fn proceed<M: Maildrop>(
        &mut self,
        output: &mut Output,
        config: &Config,
        may_log_in: bool,
        transaction: Option<&Transaction<M>>,
    ) -> bool {
        let finished = match (self.of, transaction) {
            (Of::Octets, Some(transaction)) => self.messages(output, transaction, |maildrop, message, text| {
                ScanListing { message, octets: maildrop.octets(message) }.encode_line(text);
            }),
            (Of::UniqueIds, Some(transaction)) => self.messages(output, transaction, |maildrop, message, text| {
                if let Some(unique_id) = maildrop.unique_id(message) {
                    UniqueIdListing { message, unique_id }.encode_line(text);
                }
            }),
            (Of::Capabilities, transaction) => self.capabilities(output, capabilities(config, may_log_in, transaction)),
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

    fn capabilities<'a>(&mut self, output: &mut Output, all: impl Iterator<Item = Capability<'a>>) -> bool {
        for capability in all.skip(self.next as usize - 1) {
            if !output.has_room() {
                return false;
            }
            capability.encode(output.text());
            self.next += 1;
        }
        true
    }
}

/// What CAPA announces now, in RFC 2449 §6's order (R-2449-02).
fn capabilities<'a, M: Maildrop>(
    config: &'a Config,
    may_log_in: bool,
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
        may_log_in.then_some(Capability::User),
        Some(Capability::RespCodes),
        login_delay.map(Capability::LoginDelay),
        Some(Capability::Pipelining),
        expire.map(Capability::Expire),
        Some(Capability::Uidl),
        implementation.map(Capability::Implementation),
        Some(Capability::AuthRespCode),
    ]
    .into_iter()
    .flatten()
    .chain(private.map(Capability::Private))
}
