//! LIST and UIDL of all messages, made line by line while there is room for them.

use alloc::vec::Vec;

use super::maildrop::Maildrop;
use super::open_maildrop::OpenMaildrop;
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::wire::{ScanListing, UniqueIdListing};

/// A listing of messages in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageListing {
    what: What,
    /// The number of the message that comes next, if it isn't marked.
    next: u32,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Octets,
    UniqueIds,
}

impl MessageListing {
    pub(super) const OCTETS: Self = Self { what: What::Octets, next: 1 };
    pub(super) const UNIQUE_IDS: Self = Self { what: What::UniqueIds, next: 1 };

    /// Appends lines to the output while there is room; whether that was the end of the listing.
    #[inline]
    pub(super) fn proceed<M: Maildrop>(&mut self, output: &mut Output, open: &OpenMaildrop<M>) -> bool {
        match self.what {
            What::Octets => self.lines(output, open, |maildrop, message, text| {
                // All of them were known when LIST was answered.
                if let Some(octets) = maildrop.octets(message) {
                    ScanListing { message, octets }.encode(text);
                }
            }),
            What::UniqueIds => self.lines(output, open, |maildrop, message, text| {
                if let Some(unique_id) = maildrop.unique_id(message) {
                    UniqueIdListing { message, unique_id }.encode(text);
                }
            }),
        }
    }

    /// Lists the messages that aren't marked as deleted.
    #[inline]
    fn lines<M: Maildrop>(
        &mut self,
        output: &mut Output,
        open: &OpenMaildrop<M>,
        line: impl Fn(&M, MessageNumber, &mut Vec<u8>),
    ) -> bool {
        while let Some(message) = open.next_undeleted(self.next) {
            self.next = message.get();
            if !output.has_room() {
                return false;
            }
            line(&open.maildrop, message, output.text());
            match self.next.checked_add(1) {
                Some(next) => self.next = next,
                None => break,
            }
        }
        // There is room for it: so the end of the last line and the end line leave together.
        output.text().extend_from_slice(b".\r\n");
        true
    }
}
