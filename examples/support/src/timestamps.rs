//! Timestamps for APOP.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use pop3_proto::wire::Timestamp;

/// Gives each connection a timestamp that nobody has seen before and nobody can guess (RFC 1939 §7).
#[derive(Default)]
pub(crate) struct Timestamps {
    /// Keyed with randomness from the operating system; without the keys the next hash can't be told from the last.
    keys: RandomState,
    count: AtomicU64,
}

impl Timestamps {
    /// The timestamp of the next connection.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let random = self.keys.hash_one(count);
        Timestamp::new(&format!("<{}.{count}.{random:016x}@localhost>", process::id())).ok()
    }
}
