//! What was read and isn't dealt with.

use alloc::boxed::Box;

use super::capabilities::Capabilities;
use super::line_feeds::BareLineFeeds;
use super::list::Entry;
use super::queue::Sent;
use crate::buffer::Line;
use crate::wire::{Status, Unstuffer};

/// What stands at the front of the input, until it is dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    /// How many octets of the input it takes.
    pub(super) octets: usize,
    /// How many of them are content: all but the line end of a line.
    pub(super) content: usize,
    pub(super) found: Found,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Greeting,
    Farewell,
    Status {
        status: Status,
        multi_line: bool,
        has_code: bool,
    },
    /// The whole answer of STAT, and of LIST and UIDL with a number: one entry.
    Answer(Entry),
    Entry(Entry),
    Ends,
    /// A part of a message, from this octet on.
    Body {
        start: usize,
    },
    /// A CR of a message that was read before, and what was read after it.
    CarriageReturn,
    StartTls,
    /// TLS is established.
    Secured,
    /// A challenge, whose decoded text begins at [`CHALLENGE`].
    Challenge,
    /// A challenge that tells why a token has failed.
    BearerFailure,
    NotSent(Sent),
}

/// Where the text of a challenge begins.
pub(super) const CHALLENGE: usize = 2;

/// What is still to come of the response to the command at the front of the queue.
#[derive(Debug)]
pub(super) enum Reading {
    /// Its first line.
    Status,
    /// A list, and how many more entries it may have.
    List { of: List, left: u32 },
    /// A message.
    Body(Unstuffer, BareLineFeeds),
}

#[derive(Debug)]
pub(super) enum List {
    /// LIST's.
    Scan,
    /// UIDL's.
    UniqueIds,
    /// Lines of text, and what CAPA lists in them: it says nothing before its end line (R-GEN-16).
    Texts(Option<Box<Capabilities>>),
}

impl Front {
    #[inline]
    pub(super) fn line(line: Line, found: Found) -> Self {
        Self { octets: line.octets, content: line.content, found }
    }

    /// What stands in no octets.
    pub(super) const fn empty(found: Found) -> Self {
        Self { octets: 0, content: 0, found }
    }
}
