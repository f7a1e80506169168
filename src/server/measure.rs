//! The token for the octets of a message that aren't known yet (RFC 1939 §5, STAT and LIST).

use core::fmt;

use super::maildrop::Maildrop;
use super::refusals::{BoxError, Refusal, told};
use super::terms::Terms;
use super::transaction::Transaction;
use crate::buffer::Output;
use crate::message::MessageNumber;

/// The octets of a message are wanted by STAT or LIST, and the maildrop [doesn't know them yet](Maildrop::octets).
///
/// Measure the message as a client receives it ([`WireSize`](crate::wire::WireSize)), let the maildrop remember the octets, and
/// answer [`done`](Self::done). STAT, and LIST of all messages, ask for one message after another, and are answered when all are
/// known; what comes after them waits.
///
/// Measuring may take as long as it must, since no deadline runs. But the client may leave meanwhile, and the session can't notice
/// that before it reads: so a host looks at its socket between two chunks of a long message, and drops the session when the client
/// is gone, or [refuses](Self::refuse). Nothing is lost: what the maildrop remembers needn't be measured again.
///
/// If the token is dropped, the session asks the maildrop once more, and then the host.
#[must_use = "the session waits for the octets of the message"]
pub struct Measure<'a, M: Maildrop> {
    pub(super) output: &'a mut Output,
    pub(super) terms: &'a mut Terms,
    pub(super) transaction: &'a mut Transaction<M>,
    pub(super) message: MessageNumber,
}

impl<M: Maildrop> Measure<'_, M> {
    /// Returns the message to be measured. It is in the maildrop, and isn't marked as deleted.
    pub fn message(&self) -> MessageNumber {
        self.message
    }

    /// Lends the host's maildrop.
    pub fn maildrop(&mut self) -> &mut M {
        &mut self.transaction.open.maildrop
    }

    /// Lends the host's maildrop, with the message to be measured.
    pub fn maildrop_and_message(&mut self) -> (&mut M, MessageNumber) {
        (&mut self.transaction.open.maildrop, self.message)
    }

    /// Reports that the maildrop knows the octets now. If it doesn't, the command is [refused](Self::refuse) for now, so that a
    /// host isn't asked for ever.
    pub fn done(self) {
        if self.transaction.open.octets(self.message).is_none() {
            self.refuse(Refusal::Temporary);
        }
    }

    /// Reports what has come of measuring: [`done`](Self::done) or [`refuse`](Self::refuse).
    ///
    /// # Errors
    /// The error of `measured` if it is no [`Refusal`], for a log: the client is refused the command for now.
    pub fn answer(self, measured: Result<(), BoxError>) -> Result<(), BoxError> {
        let Err(error) = measured else {
            self.done();
            return Ok(());
        };
        let (reason, untold) = told(error, Refusal::Temporary);
        self.refuse(reason);
        untold
    }

    /// Reports that the message can't be measured.
    ///
    /// One that is [`Gone`](Refusal::Gone) keeps its place for the rest of the session: it counts in STAT, and LIST shows it, with
    /// 0 octets, since the numbers of the others don't change (RFC 1939 §4); LIST of this message alone is answered `-ERR`. For any other
    /// reason the command is answered `-ERR` with the code of that reason, and the next one asks again: an error must not become a
    /// size, on which clients act.
    pub fn refuse(self, reason: Refusal) {
        let Self { output, terms, transaction, message } = self;
        match reason {
            Refusal::Gone => transaction.open.keep_place(message),
            _ => transaction.refuse(message, reason, output, terms),
        }
    }

    /// Gives the safe answer of a host that measures nothing: the command is [refused](Self::refuse) for now.
    pub fn decline(self) {
        self.refuse(Refusal::Temporary);
    }
}

impl<M: Maildrop> fmt::Debug for Measure<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure").field("message", &self.message).finish_non_exhaustive()
    }
}
