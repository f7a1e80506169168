//! What both sessions have in common: the two buffers, the clock, and how the peer's stream has ended.

use core::{fmt, mem};

use bytes::Buf;

use super::{Clock, Input, Output};
use crate::totals::{Counts, Totals};

/// The part of a session that octets go through.
pub(crate) struct Pipe {
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) clock: Clock,
    /// How the peer's octets have ended.
    pub(crate) end: Option<End>,
    /// Whether the transport has failed to take octets.
    pub(crate) is_unwritable: bool,
    has_read: bool,
    octets_read: u64,
    octets_written: u64,
}

/// How a peer's octets have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The peer has ended its stream.
    Clean,
    /// The transport has failed, in both directions.
    Failed,
}

impl Pipe {
    pub(crate) fn new(input: Input, output: Output) -> Self {
        Self {
            input,
            output,
            clock: Clock::default(),
            end: None,
            is_unwritable: false,
            has_read: false,
            octets_read: 0,
            octets_written: 0,
        }
    }

    /// Takes the first `octets` of the input's space as read; 0 ends the stream.
    pub(crate) fn filled(&mut self, octets: usize) {
        if octets == 0 {
            self.end = Some(End::Clean);
        }
        self.has_read = true;
        self.octets_read += octets as u64;
        self.input.filled(octets);
    }

    /// Takes the first `octets` of the output as written.
    pub(crate) fn written(&mut self, octets: usize) {
        self.octets_written += octets.min(self.output.remaining()) as u64;
        self.output.advance(octets);
    }

    /// Begins anew: only the clock and what was counted go on.
    pub(crate) fn renew(&mut self, fresh: Self) {
        let Self { octets_read, octets_written, .. } = *self;
        *self = Self { clock: mem::take(&mut self.clock), octets_read, octets_written, ..fresh };
    }

    /// Adds the octets that went through to what else was counted.
    pub(crate) fn totals(&self, counts: Counts) -> Totals {
        let Counts { retr, top, dele, failed_logins } = counts;
        let Self { octets_read, octets_written, ref output, .. } = *self;
        Totals { retr, top, dele, message_octets: output.message_octets, octets_read, octets_written, failed_logins }
    }

    /// Whether a read was answered since the last call.
    pub(crate) fn take_read(&mut self) -> bool {
        mem::take(&mut self.has_read)
    }

    /// Gives the memory of empty buffers back.
    pub(crate) fn give_back(&mut self) {
        self.input.release();
        self.output.release();
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("unwritten", &self.output.remaining())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
