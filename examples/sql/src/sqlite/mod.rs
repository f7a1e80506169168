//! A store in a file, shared by the programs of one machine.
//!
//! SQLite has many readers and one writer at a time. So a [`Sqlite`] has one connection that writes, for which its calls wait in
//! line, and some that read. Another one renews the lease, which doesn't wait in that line.

mod file;
mod pool;
mod sql;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use pop3_proto::Secret;
use support::scram::Keys;

use crate::store::{Arrival, Entry, Error, Lock, Locked, Store, Text, User};
use file::File;
use pool::Pool;

/// How long a call waits for other programs that write. What they do takes milliseconds, unless one was stopped in the midst of it.
const BUSY: Duration = Duration::from_secs(5);

/// How many connections only read. With the two others there are ten.
const READERS: usize = 8;

/// What tells the time, in milliseconds since 1970: the same for all who share the file.
pub type Clock = dyn Fn() -> i64 + Send + Sync;

/// A database in a file.
pub struct Sqlite {
    readers: Pool,
    writer: Pool,
    lease: Pool,
    clock: Arc<Clock>,
}

impl Sqlite {
    /// Opens the database in this file, and makes it if there is none. Blocks for some seconds at most.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::with_clock(path, Arc::new(system_time))
    }

    /// The same with a clock of its own. Leases end by it.
    pub fn with_clock(path: &Path, clock: Arc<Clock>) -> Result<Self, Error> {
        let file = Arc::new(File::prepare(path)?);
        Ok(Self { readers: Pool::new(&file, READERS), writer: Pool::new(&file, 1), lease: Pool::new(&file, 1), clock })
    }

    /// The clock, for another thread.
    fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }
}

impl Store for Sqlite {
    async fn add_user(&self, name: &[u8], hash: &str, keys: Option<Keys>) -> Result<bool, Error> {
        let (name, hash) = (name.to_vec(), hash.to_owned());
        self.writer.run(move |connection| sql::add_user(connection, &name, &hash, keys.as_ref())).await
    }

    async fn secret(&self) -> Result<Secret, Error> {
        self.readers.run(|connection| sql::secret(connection)).await
    }

    async fn user(&self, name: &[u8]) -> Result<Option<User>, Error> {
        let name = name.to_vec();
        self.readers.run(move |connection| sql::user(connection, &name)).await
    }

    async fn begin(&self, maildrop: i64) -> Result<i64, Error> {
        let clock = self.clock();
        self.writer.run(move |connection| sql::begin(connection, &*clock, maildrop)).await
    }

    async fn append(&self, message: i64, n: i64, chunk: Bytes) -> Result<bool, Error> {
        let clock = self.clock();
        self.writer.run(move |connection| sql::append(connection, &*clock, message, n, &chunk)).await
    }

    async fn publish(&self, maildrop: i64, messages: Vec<Arrival>) -> Result<bool, Error> {
        self.writer.run(move |connection| sql::publish(connection, maildrop, &messages)).await
    }

    async fn discard(&self, messages: Vec<i64>) -> Result<(), Error> {
        self.writer.run(move |connection| sql::discard(connection, &messages)).await
    }

    async fn sign_on(&self, lease: Duration) -> Result<i64, Error> {
        let clock = self.clock();
        self.lease.run(move |connection| sql::sign_on(connection, &*clock, lease)).await
    }

    async fn renew(&self, front_end: i64, lease: Duration) -> Result<bool, Error> {
        let clock = self.clock();
        self.lease.run(move |connection| sql::renew(connection, &*clock, front_end, lease)).await
    }

    async fn sign_off(&self, front_end: i64) -> Result<(), Error> {
        self.lease.run(move |connection| sql::sign_off(connection, front_end)).await
    }

    async fn lock(&self, lock: Lock) -> Result<Locked, Error> {
        let clock = self.clock();
        self.writer.run(move |connection| sql::lock(connection, &*clock, lock)).await
    }

    /// By the connection that locks, so that no lock comes after its release.
    async fn release(&self, locks: Vec<Lock>) -> Result<(), Error> {
        self.writer.run(move |connection| sql::release(connection, &locks)).await
    }

    async fn index(&self, maildrop: i64) -> Result<Box<[Entry]>, Error> {
        self.readers.run(move |connection| sql::index(connection, maildrop)).await
    }

    async fn open(&self, message: i64) -> Result<Option<Text>, Error> {
        self.readers.run(move |connection| sql::open(connection, message)).await
    }

    async fn chunk(&self, message: i64, n: i64) -> Result<Option<Bytes>, Error> {
        self.readers.run(move |connection| sql::chunk(connection, message, n)).await
    }

    async fn finish(&self, lock: Lock, removed: Vec<i64>) -> Result<bool, Error> {
        self.writer.run(move |connection| sql::finish(connection, lock, &removed)).await
    }

    async fn sweep(&self) -> Result<bool, Error> {
        let clock = self.clock();
        if !self.readers.run(move |connection| sql::is_unswept(connection, &*clock)).await? {
            return Ok(false);
        }
        let clock = self.clock();
        self.writer.run(move |connection| sql::sweep(connection, &*clock)).await?;
        Ok(true)
    }
}

/// The machine's clock, which is the database's too, as a file has one machine.
fn system_time() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}
