//! Locks of maildrops, for a server of one process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pop3_proto::server::Rejection;

/// The maildrops that are locked, by a name for each. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Locks(Arc<Mutex<HashSet<Vec<u8>>>>);

impl Locks {
    /// Locks a maildrop until the lock is dropped. A lock that the session's maildrop holds goes with it, before QUIT is answered.
    ///
    /// # Errors
    /// [`Rejection::InUse`] where somebody has it (RFC 1939 §4).
    pub fn lock(&self, name: &[u8]) -> Result<Lock, Rejection> {
        let is_free = self.names().insert(name.to_vec());
        if is_free { Ok(Lock { locks: self.clone(), name: name.to_vec() }) } else { Err(Rejection::InUse) }
    }

    fn names(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A maildrop that is locked, as long as this lives.
#[derive(Debug)]
#[must_use = "the maildrop is locked as long as this lives"]
pub struct Lock {
    locks: Locks,
    name: Vec<u8>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locks.names().remove(&self.name);
    }
}
