//! A database for each test on each engine, and a clock that only goes where a test turns it.

use std::env;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use server_sql::postgres::Postgres;
use server_sql::sqlite::Sqlite;
use server_sql::store::{Arrival, Lock, Store};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// How long a lease is.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// Makes a test on each engine of a function that is one for any. Those on PostgreSQL need a server.
macro_rules! on_each_engine {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test::<$crate::common::OnSqlite>().await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            #[ignore = "it needs a PostgreSQL: tests/interop/with_postgres.py starts one"]
            async fn $test() {
                super::$test::<$crate::common::OnPostgres>().await;
            })*
        }
    };
}

pub(crate) use on_each_engine;

/// A database, and the clock that it goes by.
pub(crate) trait World {
    type Store: Store;

    async fn new() -> Self;

    /// Opens the store, as another process would.
    async fn open(&self) -> Self::Store;

    /// Turns the clock, on or back.
    async fn turn(&self, millis: i64);

    async fn pass(&self, time: Duration) {
        self.turn(i64::try_from(time.as_millis()).unwrap()).await;
    }

    /// How many chunks there are, whoever may see them.
    async fn chunks(&self) -> i64;

    /// Removes a maildrop, as somebody does who removes a user.
    async fn remove_maildrop(&self, maildrop: i64);
}

pub(crate) struct OnSqlite {
    directory: TempDir,
    now: Arc<AtomicI64>,
}

impl OnSqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("pop3.db")
    }
}

impl World for OnSqlite {
    type Store = Sqlite;

    async fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        Self { directory: tempfile::tempdir().unwrap(), now }
    }

    async fn open(&self) -> Sqlite {
        let now = Arc::clone(&self.now);
        Sqlite::with_clock(&self.path(), Arc::new(move || now.load(Ordering::Relaxed))).unwrap()
    }

    async fn turn(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
    }

    async fn chunks(&self) -> i64 {
        let connection = Connection::open(self.path()).unwrap();
        connection.query_row("SELECT count(*) FROM chunks", [], |row| row.get(0)).unwrap()
    }

    async fn remove_maildrop(&self, maildrop: i64) {
        let connection = Connection::open(self.path()).unwrap();
        connection.execute("DELETE FROM maildrops WHERE id = ?1", [maildrop]).unwrap();
    }
}

pub(crate) struct OnPostgres {
    url: String,
    client: Client,
}

/// Says what time it is in the place of PostgreSQL's own function: the store's statements stay as they are, and find this one first.
const CLOCK: &str = "
    CREATE SCHEMA test;
    CREATE TABLE test.clock (now timestamptz NOT NULL);
    INSERT INTO test.clock VALUES ('2027-01-01');
    CREATE FUNCTION test.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT now FROM test.clock';
";

impl World for OnPostgres {
    type Store = Postgres;

    async fn new() -> Self {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let server =
            env::var("TEST_POSTGRES").expect("TEST_POSTGRES is postgres://USER:PASSWORD@HOST:PORT of a server");
        let database = format!("test_{}_{}", process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
        let url = format!("{server}/{database}");
        let create = format!("CREATE DATABASE {database}");
        connect(&format!("{server}/postgres")).await.batch_execute(&create).await.unwrap();
        let client = connect(&url).await;
        client.batch_execute(CLOCK).await.unwrap();
        Self { url: format!("{url}?options=-csearch_path%3Dtest,pg_catalog"), client }
    }

    async fn open(&self) -> Postgres {
        Postgres::open(&self.url).await.unwrap()
    }

    async fn turn(&self, millis: i64) {
        let statement = "UPDATE test.clock SET now = now + $1::bigint * interval '1 millisecond'";
        self.client.execute(statement, &[&millis]).await.unwrap();
    }

    async fn chunks(&self) -> i64 {
        self.client.query_one("SELECT count(*) FROM pop3.chunks", &[]).await.unwrap().get(0)
    }

    async fn remove_maildrop(&self, maildrop: i64) {
        self.client.execute("DELETE FROM pop3.maildrops WHERE id = $1", &[&maildrop]).await.unwrap();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Adds a user. Returns the maildrop.
pub(crate) async fn maildrop(store: &impl Store, name: &str) -> i64 {
    assert!(store.add_user(name.as_bytes(), "no hash", None).await.unwrap());
    store.user(name.as_bytes()).await.unwrap().unwrap().maildrop
}

/// Stores a message, which nobody sees yet.
pub(crate) async fn stage(store: &impl Store, maildrop: i64, text: &'static [u8]) -> Arrival {
    let message = store.begin(maildrop).await.unwrap();
    assert!(store.append(message, 0, Bytes::from_static(text)).await.unwrap());
    let octets = text.len() as u64;
    Arrival { message, octets, size: octets }
}

/// Delivers a message. Returns by what the store knows it.
pub(crate) async fn deliver(store: &impl Store, maildrop: i64) -> i64 {
    let arrival = stage(store, maildrop, b"text\r\n").await;
    assert!(store.publish(maildrop, vec![arrival]).await.unwrap());
    arrival.message
}

/// The messages that a session would see now.
pub(crate) async fn seen(store: &impl Store, maildrop: i64) -> Vec<i64> {
    store.index(maildrop).await.unwrap().iter().map(|entry| entry.message).collect()
}

pub(crate) async fn unique_ids(store: &impl Store, maildrop: i64) -> Vec<i64> {
    store.index(maildrop).await.unwrap().iter().map(|entry| entry.unique_id).collect()
}

/// The lock of a session that begins a lease for itself.
pub(crate) async fn own_lock(store: &impl Store, maildrop: i64) -> Lock {
    Lock { maildrop, front_end: store.sign_on(LEASE).await.unwrap(), session: 1 }
}
