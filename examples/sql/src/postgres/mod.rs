//! A store in PostgreSQL, for front ends on many machines.
//!
//! Each call is a task of its own, which goes to its end or to its limit even if nobody waits for it any more: a connection that was left in
//! the midst of something isn't used again.

mod connecting;
mod sql;

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::{Client, Object, Pool, PoolError};
use pop3_proto::Secret;
use support::scram::{Keys, random};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::error::Severity;

use crate::store::{Arrival, Entry, Error, Lock, Locked, SECRET, Store, Text, User};

/// How long a call may take, the time until there is a connection included.
const LIMIT: Duration = Duration::from_secs(10);

/// After how long nothing of a call that was given up can still reach the database: longer than packets are sent again, and than the
/// database lets a statement run.
const SILENCE: Duration = Duration::from_secs(30);

/// How many connections clients share. With the one that renews the lease there are ten.
const CONNECTIONS: usize = 9;

/// A database behind a URL.
pub struct Postgres {
    clients: Pool,
    lease: Pool,
}

impl Postgres {
    /// Connects to the database, and makes the tables if there are none.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let (clients, lease) = (connecting::pool(url, CONNECTIONS)?, connecting::pool(url, 1)?);
        let secret = random::<SECRET>().map_err(|error| Error::Database(error.to_string()))?;
        let version = call(&lease, async |client| match sql::version(client).await? {
            Some(version) => Ok(version),
            None => sql::create(client, &secret).await,
        });
        if version.await? != sql::VERSION {
            return Err(Error::Database("another version of this program has made the database".into()));
        }
        Ok(Self { clients, lease })
    }
}

/// Does something with a connection. One that has failed, or is late, isn't used again.
async fn call<T: Send + 'static>(
    pool: &Pool,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T, Error> {
    let deadline = Instant::now() + LIMIT;
    let answer = match timeout_at(deadline, pool.get()).await {
        Ok(Ok(mut client)) => {
            let answer = timeout_at(deadline, work(&mut client)).await;
            let answer = answer.map_or(Err(Error::Late), |done| done.map_err(|error| failure(&error)));
            if answer.is_err() {
                drop(Object::take(client));
            }
            answer
        }
        // Nothing was asked for yet.
        Ok(Err(PoolError::Backend(error))) => Err(Error::Database(in_words(&error))),
        _ => Err(Error::unconnected()),
    };
    if answer.is_err() {
        // Most likely the idle ones have the same fate, and nobody else is to wait for each of them.
        pool.retain(|_, _| false);
    }
    answer
}

/// After an error that isn't the end of the connection, what was asked for is rolled back.
fn failure(error: &tokio_postgres::Error) -> Error {
    let is_rolled_back = error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error));
    if is_rolled_back { Error::Database(in_words(error)) } else { Error::Lost(in_words(error)) }
}

/// In the words of the database, which hold no value and no password.
fn in_words(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("database: {}", error.message());
    }
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("database: {error}{cause}")
}

/// Begins a call as a task of its own.
macro_rules! call {
    ($pool:expr, async |$client:ident| $work:expr) => {{
        let pool = $pool.clone();
        let task = tokio::spawn(async move { call(&pool, async |$client| $work.await).await });
        task.await.unwrap_or_else(|_| Err(Error::Lost("a call of the database has failed".into())))
    }};
}

impl Store for Postgres {
    async fn add_user(&self, name: &[u8], hash: &str, keys: Option<Keys>) -> Result<bool, Error> {
        let (name, hash) = (name.to_vec(), hash.to_owned());
        call!(self.clients, async |client| sql::add_user(client, &name, &hash, keys.as_ref()))
    }

    async fn secret(&self) -> Result<Secret, Error> {
        call!(self.clients, async |client| sql::secret(client))
    }

    async fn user(&self, name: &[u8]) -> Result<Option<User>, Error> {
        let name = name.to_vec();
        call!(self.clients, async |client| sql::user(client, &name))
    }

    async fn begin(&self, maildrop: i64) -> Result<i64, Error> {
        call!(self.clients, async |client| sql::begin(client, maildrop))
    }

    async fn append(&self, message: i64, n: i64, chunk: Bytes) -> Result<bool, Error> {
        call!(self.clients, async |client| sql::append(client, message, n, &chunk))
    }

    async fn publish(&self, maildrop: i64, messages: Vec<Arrival>) -> Result<bool, Error> {
        call!(self.clients, async |client| sql::publish(client, maildrop, &messages))
    }

    async fn discard(&self, messages: Vec<i64>) -> Result<(), Error> {
        call!(self.clients, async |client| sql::discard(client, &messages))
    }

    async fn sign_on(&self, lease: Duration) -> Result<i64, Error> {
        call!(self.lease, async |client| sql::sign_on(client, lease))
    }

    async fn renew(&self, front_end: i64, lease: Duration) -> Result<bool, Error> {
        call!(self.lease, async |client| sql::renew(client, front_end, lease))
    }

    async fn sign_off(&self, front_end: i64) -> Result<(), Error> {
        call!(self.lease, async |client| sql::sign_off(client, front_end))
    }

    /// A lock that nobody waits for any more, or of which nobody knows whether there is one, is released here, since a release on
    /// another connection may have come before it.
    async fn lock(&self, lock: Lock) -> Result<Locked, Error> {
        let (answer, answered) = oneshot::channel();
        let clients = self.clients.clone();
        tokio::spawn(async move {
            let locked = call(&clients, async |client| sql::lock(client, lock).await).await;
            let is_known = matches!(locked, Ok(_) | Err(Error::Database(_)));
            if answer.send(locked).is_ok() && is_known {
                return;
            }
            loop {
                if !is_known {
                    sleep(SILENCE).await;
                }
                if call(&clients, async |client| sql::release(client, &[lock]).await).await.is_ok() {
                    return;
                }
                sleep(LIMIT).await;
            }
        });
        answered.await.unwrap_or(Err(Error::Late))
    }

    async fn release(&self, locks: Vec<Lock>) -> Result<(), Error> {
        call!(self.clients, async |client| sql::release(client, &locks))
    }

    async fn index(&self, maildrop: i64) -> Result<Box<[Entry]>, Error> {
        call!(self.clients, async |client| sql::index(client, maildrop))
    }

    async fn open(&self, message: i64) -> Result<Option<Text>, Error> {
        call!(self.clients, async |client| sql::open(client, message))
    }

    async fn chunk(&self, message: i64, n: i64) -> Result<Option<Bytes>, Error> {
        call!(self.clients, async |client| sql::chunk(client, message, n))
    }

    async fn finish(&self, lock: Lock, removed: Vec<i64>) -> Result<bool, Error> {
        call!(self.clients, async |client| sql::finish(client, lock, &removed))
    }

    async fn sweep(&self) -> Result<bool, Error> {
        call!(self.clients, async |client| sql::sweep(client))
    }
}
