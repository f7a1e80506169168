//! A database in a directory of its own, and a clock that only goes where a test turns it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use server_sql::sqlite::Sqlite;
use server_sql::store::{Arrival, Lock, Store as _};
use tempfile::TempDir;

/// How long a lease is.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    directory: TempDir,
    now: Arc<AtomicI64>,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        Self { directory: tempfile::tempdir().unwrap(), now }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("pop3.db")
    }

    /// The store, as another process would open it.
    pub(crate) fn open(&self) -> Sqlite {
        let now = Arc::clone(&self.now);
        Sqlite::with_clock(&self.path(), Arc::new(move || now.load(Ordering::Relaxed))).unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

/// Adds a user. Returns the maildrop.
pub(crate) async fn maildrop(store: &Sqlite, name: &str) -> i64 {
    assert!(store.add_user(name.as_bytes(), "no hash", None).await.unwrap());
    store.user(name.as_bytes()).await.unwrap().unwrap().maildrop
}

/// Stores a message, which nobody sees yet.
pub(crate) async fn stage(store: &Sqlite, maildrop: i64, text: &'static [u8]) -> Arrival {
    let message = store.begin(maildrop).await.unwrap();
    assert!(store.append(message, 0, Bytes::from_static(text)).await.unwrap());
    let octets = text.len() as u64;
    Arrival { message, octets, size: octets }
}

/// Delivers a message. Returns by what the store knows it.
pub(crate) async fn deliver(store: &Sqlite, maildrop: i64) -> i64 {
    let arrival = stage(store, maildrop, b"text\r\n").await;
    assert!(store.publish(maildrop, vec![arrival]).await.unwrap());
    arrival.message
}

/// The messages that a session would see now.
pub(crate) async fn seen(store: &Sqlite, maildrop: i64) -> Vec<i64> {
    store.index(maildrop).await.unwrap().iter().map(|entry| entry.message).collect()
}

pub(crate) async fn unique_ids(store: &Sqlite, maildrop: i64) -> Vec<i64> {
    store.index(maildrop).await.unwrap().iter().map(|entry| entry.unique_id).collect()
}

/// The lock of a session that begins a lease for itself.
pub(crate) async fn own_lock(store: &Sqlite, maildrop: i64) -> Lock {
    Lock { maildrop, front_end: store.sign_on(LEASE).await.unwrap(), session: 1 }
}
