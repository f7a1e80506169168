//! What both sessions have in common: the two buffers, the clock, and how the peer's stream has ended.

use core::{fmt, mem};

use bytes::Buf;

use super::{Clock, Input, Output};

/// The part of a session that octets go through.
pub(crate) struct Pipe {
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) clock: Clock,
    /// How the peer's octets have ended.
    pub(crate) end: Option<End>,
    has_read: bool,
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
        Self { input, output, clock: Clock::default(), end: None, has_read: false }
    }

    /// Takes the first `octets` of the input's space as read; 0 ends the stream.
    pub(crate) fn filled(&mut self, octets: usize) {
        if octets == 0 {
            self.end = Some(End::Clean);
        }
        self.has_read = true;
        self.input.filled(octets);
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
