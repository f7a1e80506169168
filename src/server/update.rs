//! UPDATE: what is marked goes, and the lock with it (RFC 1939 §6).

use core::fmt;

use super::action::CloseReason;
use super::connection::Connection;
use super::maildrop::Maildrop;
use super::marks::Deletions;
use super::reply::Reply;
use super::transaction::Transaction;

/// The client has sent QUIT: the marked messages are to be removed, and no others.
///
/// Nothing else ever asks for a removal: not an end of stream, not a limit, not half a QUIT (RFC 1939 §6). It comes
/// even when no message is marked, so that a host can do whatever else it does at the end of a session.
#[must_use = "the session waits for the marked messages to be removed"]
pub struct Update<'a, M: Maildrop> {
    pub(super) connection: &'a mut Connection,
    pub(super) transaction: &'a mut Transaction<M>,
}

/// What became of the marked messages. One that was already gone counts as removed; one that couldn't be looked at,
/// for want of memory or descriptors say, doesn't.
///
/// Where no message was marked there is nothing that could stay, so the response is `+OK` whatever the host answers.
///
/// It can be collected from the result of each removal: `All` if nothing failed, or if there was nothing to remove.
///
/// ```
/// use pop3_proto::server::Commit;
///
/// let results = [Ok(()), Err("permission denied"), Ok(())];
/// assert_eq!(results.into_iter().collect::<Commit>(), Commit::Some);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Commit {
    /// All are removed: `+OK`.
    All,
    /// Some are removed, some aren't: `-ERR [SYS/TEMP]`.
    Some,
    /// None is removed: `-ERR [SYS/TEMP]`.
    None,
}

/// From the result for each message: `All` if nothing failed.
impl<E> FromIterator<Result<(), E>> for Commit {
    fn from_iter<I: IntoIterator<Item = Result<(), E>>>(removals: I) -> Self {
        let (mut removed, mut failed) = (false, false);
        for removal in removals {
            match removal {
                Ok(()) => removed = true,
                Err(_) => failed = true,
            }
        }
        match (removed, failed) {
            (_, false) => Self::All,
            (true, true) => Self::Some,
            (false, true) => Self::None,
        }
    }
}

impl<M: Maildrop> Update<'_, M> {
    /// The host's maildrop, and the messages to remove from it.
    pub fn maildrop_and_deletions(&mut self) -> (&mut M, Deletions<'_>) {
        (&mut self.transaction.maildrop, self.transaction.deleted.iter())
    }

    /// Answers QUIT. The maildrop is dropped before the answer leaves, so that a client that comes back at once finds
    /// it unlocked; the connection closes whatever the answer is.
    pub fn finish(self, outcome: Commit) {
        self.connection.good(match outcome {
            _ if self.transaction.deleted.count() == 0 => Reply::Bye,
            Commit::All => Reply::Removed,
            Commit::Some => Reply::SomeNotRemoved,
            Commit::None => Reply::NoneRemoved,
        });
        self.connection.close(CloseReason::Quit);
    }

    /// The safe answer of a host that removes nothing: [`Commit::None`].
    pub fn decline(self) {
        self.finish(Commit::None);
    }
}

impl<M: Maildrop> fmt::Debug for Update<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("deletions", &self.transaction.deleted.count()).finish_non_exhaustive()
    }
}
