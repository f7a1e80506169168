//! What is new, found by asking for one unique-id after the other, from the last message on.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::iter::{Rev, Take};

use super::request::Request;
use crate::message::{MessageNumber, MessageNumbers};

/// The messages that are asked about one by one, up to the first that the caller knows.
#[derive(Debug)]
pub(super) struct Probe {
    /// What the caller knows.
    pub(super) known: BTreeSet<Vec<u8>>,
    /// Those that are still to be asked about.
    pub(super) left: Take<Rev<MessageNumbers>>,
    /// Those whose answers aren't all there.
    pub(super) asked: VecDeque<Probed>,
}

/// A message that was asked about.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) message: MessageNumber,
    /// UIDL and LIST with its number.
    pub(super) unique_id: Request,
    pub(super) scan: Request,
}

impl Probe {
    /// The most messages that are asked about: more round trips take longer than a list.
    const MOST: usize = 128;

    /// One that has nothing to ask yet.
    pub(super) fn new(known: BTreeSet<Vec<u8>>) -> Self {
        Self { known, left: MessageNumbers::of_count(0).rev().take(0), asked: VecDeque::new() }
    }

    /// Begins with the last message; `false` where the caller knows none.
    pub(super) fn begin(&mut self, messages: MessageNumbers) -> bool {
        self.left = messages.rev().take(Self::MOST);
        !self.known.is_empty()
    }

    /// Whether each message that may be asked about was, and none is known.
    pub(super) fn is_in_vain(&self) -> bool {
        self.asked.is_empty() && self.left.len() == 0
    }
}
