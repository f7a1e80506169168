//! How much of a message was sent.

use bytes::Bytes;

use super::close::CloseReason;
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::wire::TopLimit;

/// What RETR or TOP asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) message: MessageNumber,
    /// How many lines of the body TOP wants; `None` for RETR.
    pub(super) lines: Option<u64>,
}

/// A message that is being sent.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) message: MessageNumber,
    /// How many octets of messages had gone out before it.
    octets_before: u64,
    /// The message, if it counts as retrieved once it is written.
    pub(super) retrieved: Option<MessageNumber>,
    limit: Option<TopLimit>,
    rest: Rest,
}

/// What comes after the chunks that were pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rest {
    Unknown,
    End,
    /// The rest isn't available.
    Failed,
}

impl Transfer {
    pub(super) fn new(request: Request, counts_as_retrieved: bool, output: &Output) -> Self {
        let retrieved = (request.lines.is_none() && counts_as_retrieved).then_some(request.message);
        let limit = request.lines.map(TopLimit::new);
        let (message, octets_before) = (request.message, output.message_octets);
        Self { message, octets_before, retrieved, limit, rest: Rest::Unknown }
    }

    /// Takes the next chunk.
    pub(super) fn push(&mut self, output: &mut Output, mut chunk: Bytes) {
        if let Some(limit) = &mut self.limit {
            chunk.truncate(limit.keep(&chunk));
            if limit.is_reached() {
                self.rest = Rest::End;
            }
        }
        output.push(chunk);
    }

    /// How many octets of the message have gone out, if all of it was asked for.
    pub(super) fn whole_octets(&self, output: &Output) -> Option<u64> {
        self.limit.is_none().then_some(output.message_octets - self.octets_before)
    }

    /// There are no more chunks.
    pub(super) fn end(&mut self) {
        self.rest = Rest::End;
    }

    /// There are more chunks, and they can't be had.
    pub(super) fn fail(&mut self, output: &mut Output) {
        output.abandon();
        self.rest = Rest::Failed;
    }

    /// Whether another chunk is wanted.
    pub(super) fn wants_chunk(&self, output: &mut Output) -> bool {
        self.rest == Rest::Unknown && output.has_room()
    }

    /// Appends the end of the message to the output, if it has come and there is room for it; whether that is done.
    #[inline]
    pub(super) fn finish(&self, output: &mut Output) -> Result<bool, CloseReason> {
        output.fill();
        match self.rest {
            Rest::Failed => Err(CloseReason::MessageFailed),
            Rest::End if output.has_room_for_end() => {
                output.end();
                Ok(true)
            }
            Rest::End | Rest::Unknown => Ok(false),
        }
    }
}
