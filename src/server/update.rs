//! The token for QUIT: what is marked goes, and the lock with it (RFC 1939 §6).

use core::fmt;

use super::close::CloseReason;
use super::maildrop::Maildrop;
use super::marks::Deletions;
use super::reply::Reply;
use super::terms::Terms;
use super::transaction::{Step, Transaction};
use crate::buffer::Output;
use crate::message::Removal;

/// The client has sent QUIT: the marked messages are to be removed, and no others.
///
/// Nothing else ever asks for a removal: not an end of stream, not a limit, not half a QUIT (RFC 1939 §6). It comes
/// even when no message is marked, so that a host can do whatever else it does at the end of a session.
#[must_use = "the session waits for the marked messages to be removed"]
pub struct Update<'a, M: Maildrop> {
    pub(super) output: &'a mut Output,
    pub(super) terms: &'a mut Terms,
    pub(super) transaction: &'a mut Transaction<M>,
}

impl<M: Maildrop> Update<'_, M> {
    /// Lends the host's maildrop, with the messages to remove from it.
    pub fn maildrop_and_deletions(&mut self) -> (&mut M, Deletions<'_>) {
        let open = &mut self.transaction.open;
        (&mut open.maildrop, open.deleted.iter())
    }

    /// Answers QUIT: `+OK` if all marked messages are removed or none was marked, else `-ERR [SYS/TEMP]`. A message that was
    /// already gone counts as removed; one that couldn't be looked at, for example
    /// because memory or descriptors ran out, does not.
    ///
    /// The maildrop is dropped before the answer leaves, so that a client that comes back at once finds it unlocked; the
    /// connection closes whatever the answer is.
    pub fn finish(self, removal: Removal) {
        let reply = match removal {
            _ if self.transaction.open.deleted.count() == 0 => Reply::Bye,
            Removal::All => Reply::Removed,
            Removal::NotAll | Removal::Unknown => Reply::NotRemoved,
        };
        self.terms.reply(self.output, reply);
        self.transaction.step = Step::Over(CloseReason::Quit);
    }

    /// Reports what has come of removing: [`finish`](Self::finish), as [`Removal::Unknown`] where it has failed.
    ///
    /// # Errors
    /// The error of `removed`, for a log: the client hears that not all is removed.
    pub fn answer<E>(self, removed: Result<Removal, E>) -> Result<(), E> {
        let (removal, untold) =
            removed.map_or_else(|error| (Removal::Unknown, Err(error)), |removal| (removal, Ok(())));
        self.finish(removal);
        untold
    }

    /// Gives the safe answer of a host that removes nothing: [`Removal::NotAll`].
    pub fn decline(self) {
        self.finish(Removal::NotAll);
    }
}

impl<M: Maildrop> fmt::Debug for Update<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("deletions", &self.transaction.open.deleted.count()).finish_non_exhaustive()
    }
}
