//! The token for RETR and TOP (RFC 1939 §5 and §7).

use core::fmt;

use bytes::Bytes;

use super::maildrop::Maildrop;
use super::refusals::{BoxError, Refusal, told};
use super::reply::Reply;
use super::terms::Terms;
use super::transaction::{Step, Transaction};
use super::transfer::{Request, Transfer};
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::totals::count;

/// A message that a host has opened.
#[derive(Debug)]
pub enum Opened<R> {
    /// All of it, as it is stored.
    Whole(Bytes),
    /// What reads its chunks: the [reader](Maildrop::Reader) of the maildrop.
    Reader(R),
}

/// A message is wanted, by RETR or TOP.
#[must_use = "the session waits for the message"]
pub struct Retrieve<'a, M: Maildrop> {
    pub(super) output: &'a mut Output,
    pub(super) terms: &'a mut Terms,
    pub(super) transaction: &'a mut Transaction<M>,
    pub(super) request: Request,
}

impl<M: Maildrop> Retrieve<'_, M> {
    /// Returns the message. It is in the maildrop, and isn't marked as deleted.
    pub fn message(&self) -> MessageNumber {
        self.request.message
    }

    /// Returns how many lines of the body TOP wants, or `None` for RETR. The session cuts the message by itself; a host may
    /// use this to read less.
    pub fn lines(&self) -> Option<u64> {
        self.request.lines
    }

    /// Lends the host's maildrop.
    pub fn maildrop(&mut self) -> &mut M {
        &mut self.transaction.open.maildrop
    }

    /// Lends the host's maildrop, with the message.
    pub fn maildrop_and_message(&mut self) -> (&mut M, MessageNumber) {
        (&mut self.transaction.open.maildrop, self.request.message)
    }

    /// Reports what has come of opening the message: [`send`](Self::send), [`begin`](Self::begin) or [`refuse`](Self::refuse).
    ///
    /// # Errors
    /// The error of `opened` if it is no [`Refusal`], for a log: the client is refused the message for now.
    pub fn answer(self, opened: Result<Opened<M::Reader>, BoxError>) -> Result<(), BoxError> {
        match opened {
            Ok(Opened::Whole(message)) => self.send(message),
            Ok(Opened::Reader(reader)) => self.begin(reader),
            Err(error) => {
                let (reason, untold) = told(error, Refusal::Temporary);
                self.refuse(reason);
                return untold;
            }
        }
        Ok(())
    }

    /// Begins to send the message: the session asks for its chunks with [`Action::Body`](super::Action::Body).
    ///
    /// The client gets `+OK`, after which an error can only end the session. So read the first chunk before, and
    /// [refuse](Self::refuse) the message if that fails: otherwise a client is stuck at it in each session.
    pub fn begin(mut self, reader: M::Reader) {
        let transfer = self.announce();
        self.transaction.step = Step::Stream(transfer, reader);
    }

    /// Sends the whole message as it is stored.
    pub fn send(mut self, message: impl Into<Bytes>) {
        let mut transfer = self.announce();
        transfer.push(self.output, message.into());
        transfer.end();
        self.transaction.step = Step::Send(transfer);
    }

    fn announce(&mut self) -> Transfer {
        let Request { message, lines } = self.request;
        let open = &mut self.transaction.open;
        if lines.is_none() {
            open.access(message);
        }
        let counts = &mut self.terms.counts;
        count(if lines.is_none() { &mut counts.retr } else { &mut counts.top });
        self.terms.good(self.output, Reply::Message);
        self.output.begin(open.maildrop.line_ends(message));
        Transfer::new(self.request, self.terms.config.remove_retrieved, self.output)
    }

    /// Gives the safe answer of a host that can't tell: the message is [refused](Self::refuse) for now.
    pub fn decline(self) {
        self.refuse(Refusal::Temporary);
    }

    /// Answers `-ERR`: this message isn't available.
    pub fn refuse(self, reason: Refusal) {
        self.transaction.refuse(self.request.message, reason, self.output, self.terms);
    }
}

impl<M: Maildrop> fmt::Debug for Retrieve<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrieve")
            .field("message", &self.message())
            .field("lines", &self.lines())
            .finish_non_exhaustive()
    }
}
