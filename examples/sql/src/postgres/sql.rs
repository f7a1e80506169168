//! All that is said to PostgreSQL.
//!
//! Time is the database's `clock_timestamp()`; `now()` would be when the transaction began, which may have waited since. At the level
//! READ COMMITTED each statement sees what was committed before it began, and no statement sees what another one in
//! its own subqueries has seen too early: so what depends on others takes a row lock first.

use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::{Client, GenericClient as _};
use futures_util::TryStreamExt as _;
use pop3_proto::Secret;
use support::scram::Keys;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use crate::store::{Arrival, Entry, Lock, Locked, Text, User};

type Result<T> = std::result::Result<T, Error>;

/// The version of the schema. The next one comes with the statements that lead there from this one.
pub(super) const VERSION: i32 = 1;

/// What several programs that start at once wait for: `IF NOT EXISTS` alone fails for all but one of them. The number is this program's.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1347375155)";

/// An identity is never given again.
///
/// A message without a `uid` is seen by nobody. It is on its way in, and `touched` says when its last chunk came; or it is on its way out,
/// and `touched` is NULL.
const SCHEMA: &str = "
    CREATE SCHEMA pop3;
    CREATE TABLE pop3.version (version integer NOT NULL);
    CREATE TABLE pop3.maildrops (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, next_uid bigint NOT NULL);
    CREATE TABLE pop3.secret (octets bytea NOT NULL);
    -- With all that SCRAM needs, or with none of it.
    CREATE TABLE pop3.users (
        name bytea PRIMARY KEY,
        hash text NOT NULL,
        maildrop bigint NOT NULL,
        salt bytea,
        iterations bigint,
        stored_key bytea,
        server_key bytea
    );
    CREATE TABLE pop3.messages (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        maildrop bigint NOT NULL,
        uid bigint,
        size bigint NOT NULL,
        octets bigint NOT NULL,
        touched timestamptz
    );
    -- A login reads no more than this.
    CREATE INDEX seen ON pop3.messages (maildrop, uid) INCLUDE (id, size) WHERE uid IS NOT NULL;
    CREATE INDEX unseen ON pop3.messages (touched) WHERE uid IS NULL;
    CREATE TABLE pop3.chunks (message bigint, n bigint, octets bytea NOT NULL, PRIMARY KEY (message, n));
    -- To compress mail takes time, and saves little.
    ALTER TABLE pop3.chunks ALTER COLUMN octets SET STORAGE EXTERNAL;
    CREATE TABLE pop3.front_ends (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        alive_until timestamptz NOT NULL
    );
    CREATE TABLE pop3.locks (maildrop bigint PRIMARY KEY, front_end bigint NOT NULL, session bigint NOT NULL);
";

/// How many chunks a step of sweeping removes: what takes some milliseconds.
const STEP: u64 = 64;

/// The version of the schema that is there, if there is one.
pub(super) async fn version(client: &impl deadpool_postgres::GenericClient) -> Result<Option<i32>> {
    // Not by `to_regclass`, which may still believe what it has found before the wait for others was over.
    let statement = "SELECT EXISTS (
             SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = 'pop3' AND relname = 'version'
         )";
    if !client.query_one(statement, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    client.query_one("SELECT version FROM pop3.version", &[]).await.map(|row| Some(row.get(0)))
}

/// Makes the tables, unless somebody else was faster. Returns the version that is there then.
pub(super) async fn create(client: &mut Client, secret: &[u8]) -> Result<i32> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(ALONE).await?;
    if let Some(version) = version(&transaction).await? {
        return Ok(version);
    }
    transaction.batch_execute(SCHEMA).await?;
    transaction.execute("INSERT INTO pop3.version VALUES ($1)", &[&VERSION]).await?;
    transaction.execute("INSERT INTO pop3.secret VALUES ($1)", &[&secret]).await?;
    transaction.commit().await?;
    Ok(VERSION)
}

/// Runs one statement, and says how many rows it has changed.
async fn change(client: &Client, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64> {
    let statement = client.prepare_cached(statement).await?;
    client.execute(&statement, values).await
}

pub(super) async fn add_user(client: &Client, name: &[u8], hash: &str, keys: Option<&Keys>) -> Result<bool> {
    let statement = "WITH maildrop AS (
             INSERT INTO pop3.maildrops (next_uid)
             SELECT 1 WHERE NOT EXISTS (SELECT FROM pop3.users WHERE name = $1) RETURNING id
         )
         INSERT INTO pop3.users (name, hash, maildrop, salt, iterations, stored_key, server_key)
         SELECT $1, $2, id, $3, $4, $5, $6 FROM maildrop ON CONFLICT DO NOTHING";
    let salt = keys.map(|keys| &keys.salt);
    let iterations = keys.map(|keys| i64::from(keys.iterations));
    let (stored, server) = (keys.map(|keys| keys.stored.expose()), keys.map(|keys| keys.server.expose()));
    Ok(change(client, statement, &[&name, &hash, &salt, &iterations, &stored, &server]).await? == 1)
}

pub(super) async fn secret(client: &Client) -> Result<Secret> {
    client.query_one("SELECT octets FROM pop3.secret", &[]).await.map(|row| octets(&row, 0))
}

/// Octets that are to be wiped.
fn octets(row: &Row, column: usize) -> Secret {
    row.get::<_, &[u8]>(column).into()
}

pub(super) async fn user(client: &Client, name: &[u8]) -> Result<Option<User>> {
    let statement = client.prepare_cached(
        "SELECT maildrop, hash, salt, iterations, stored_key, server_key FROM pop3.users WHERE name = $1",
    );
    let user = client.query_opt(&statement.await?, &[&name]).await?;
    Ok(user.map(|row| {
        let keys = row.get::<_, Option<_>>(2).map(|salt| Keys {
            salt,
            iterations: u32::try_from(row.get::<_, i64>(3)).unwrap_or_default(),
            stored: octets(&row, 4),
            server: octets(&row, 5),
        });
        User { maildrop: row.get(0), hash: row.get(1), keys }
    }))
}

pub(super) async fn begin(client: &Client, maildrop: i64) -> Result<i64> {
    let statement =
        "INSERT INTO pop3.messages (maildrop, size, octets, touched) VALUES ($1, 0, 0, clock_timestamp()) RETURNING id";
    Ok(client.query_one(statement, &[&maildrop]).await?.get(0))
}

/// One statement, so that nothing is held while the next chunk is waited for.
pub(super) async fn append(client: &Client, message: i64, n: i64, chunk: &[u8]) -> Result<bool> {
    let statement = "WITH message AS (
             UPDATE pop3.messages SET touched = clock_timestamp()
             WHERE id = $1 AND uid IS NULL AND touched IS NOT NULL RETURNING id
         )
         INSERT INTO pop3.chunks (message, n, octets) SELECT id, $2, $3 FROM message";
    Ok(change(client, statement, &[&message, &n, &chunk]).await? == 1)
}

pub(super) async fn publish(client: &mut Client, maildrop: i64, messages: &[Arrival]) -> Result<bool> {
    let transaction = client.transaction().await?;
    for arrival in messages {
        // This is also the lock that puts deliveries to a maildrop in order.
        let statement = "UPDATE pop3.maildrops SET next_uid = next_uid + 1 WHERE id = $1 RETURNING next_uid - 1";
        let unique_id: Option<i64> = transaction.query_opt(statement, &[&maildrop]).await?.map(|row| row.get(0));
        // Nothing is shown where there is no maildrop.
        let statement = "UPDATE pop3.messages SET uid = $2, size = $3, octets = $4
             WHERE id = $1 AND $2::bigint IS NOT NULL AND uid IS NULL AND touched IS NOT NULL";
        let (size, octets) = (signed(arrival.size), signed(arrival.octets));
        if transaction.execute(statement, &[&arrival.message, &unique_id, &size, &octets]).await? == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
    }
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn discard(client: &Client, messages: &[i64]) -> Result<()> {
    let statement = "UPDATE pop3.messages SET touched = NULL WHERE id = ANY($1) AND uid IS NULL";
    change(client, statement, &[&messages]).await.map(drop)
}

/// Whoever signs on clears those away whose lease is over. Their locks stay until somebody takes them.
pub(super) async fn sign_on(client: &Client, lease: Duration) -> Result<i64> {
    client.execute("DELETE FROM pop3.front_ends WHERE alive_until <= clock_timestamp()", &[]).await?;
    let statement = "INSERT INTO pop3.front_ends (alive_until)
         VALUES (clock_timestamp() + make_interval(secs => $1)) RETURNING id";
    Ok(client.query_one(statement, &[&lease.as_secs_f64()]).await?.get(0))
}

pub(super) async fn renew(client: &Client, front_end: i64, lease: Duration) -> Result<bool> {
    let statement = "UPDATE pop3.front_ends SET alive_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = $1 AND alive_until > clock_timestamp()";
    Ok(change(client, statement, &[&front_end, &lease.as_secs_f64()]).await? == 1)
}

/// Without its front end no lock holds.
pub(super) async fn sign_off(client: &Client, front_end: i64) -> Result<()> {
    change(client, "DELETE FROM pop3.front_ends WHERE id = $1", &[&front_end]).await.map(drop)
}

/// Competitors wait for the maildrop's row first. The second statement then sees what the one before has done; in one statement
/// both would see nothing of each other, and two could win.
pub(super) async fn lock(client: &mut Client, lock: Lock) -> Result<Locked> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT FROM pop3.maildrops WHERE id = $1 FOR UPDATE", &[&lock.maildrop]).await?;
    let taken = transaction.prepare_cached(
        "INSERT INTO pop3.locks (maildrop, front_end, session)
         SELECT $1, $2, $3
         WHERE EXISTS (SELECT FROM pop3.front_ends WHERE id = $2 AND alive_until > clock_timestamp())
         ON CONFLICT (maildrop) DO UPDATE SET front_end = excluded.front_end, session = excluded.session
         WHERE NOT EXISTS (
             SELECT FROM pop3.front_ends WHERE id = locks.front_end AND alive_until > clock_timestamp()
         )",
    );
    let taken = taken.await?;
    let taken = transaction.execute(&taken, &[&lock.maildrop, &lock.front_end, &lock.session]).await?;
    let statement = "SELECT EXISTS (SELECT FROM pop3.front_ends WHERE id = $1 AND alive_until > clock_timestamp())";
    let is_alive = transaction.query_one(statement, &[&lock.front_end]).await?.get(0);
    transaction.commit().await?;
    Ok(match (taken, is_alive) {
        (1, _) => Locked::Taken,
        (_, true) => Locked::InUse,
        (_, false) => Locked::LeaseIsOver,
    })
}

pub(super) async fn release(client: &Client, locks: &[Lock]) -> Result<()> {
    let (maildrops, front_ends, sessions) = (
        locks.iter().map(|lock| lock.maildrop).collect::<Vec<_>>(),
        locks.iter().map(|lock| lock.front_end).collect::<Vec<_>>(),
        locks.iter().map(|lock| lock.session).collect::<Vec<_>>(),
    );
    let statement = "DELETE FROM pop3.locks WHERE (maildrop, front_end, session) IN (
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
         )";
    change(client, statement, &[&maildrops, &front_ends, &sessions]).await.map(drop)
}

pub(super) async fn index(client: &Client, maildrop: i64) -> Result<Box<[Entry]>> {
    let statement = "SELECT count(*) FROM pop3.messages WHERE maildrop = $1 AND uid IS NOT NULL";
    let count: i64 = client.query_one(statement, &[&maildrop]).await?.get(0);
    let statement = client
        .prepare_cached("SELECT id, uid, size FROM pop3.messages WHERE maildrop = $1 AND uid IS NOT NULL ORDER BY uid");
    let rows = client.query_raw(&statement.await?, [maildrop]).await?;
    // As they come: all rows at once would take many times as much.
    let entries = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let entries = rows.try_fold(entries, |mut entries, row| {
        entries.push(Entry { message: row.get(0), unique_id: row.get(1), size: unsigned(row.get(2)) });
        std::future::ready(Ok(entries))
    });
    Ok(entries.await?.into_boxed_slice())
}

pub(super) async fn open(client: &Client, message: i64) -> Result<Option<Text>> {
    let statement = client.prepare_cached(
        "SELECT messages.octets, chunks.octets FROM pop3.messages LEFT JOIN pop3.chunks ON message = id AND n = 0
         WHERE id = $1 AND uid IS NOT NULL",
    );
    let text = client.query_opt(&statement.await?, &[&message]).await?;
    Ok(text.map(|row| {
        let first: Option<&[u8]> = row.get(1);
        Text { octets: unsigned(row.get(0)), first: Bytes::copy_from_slice(first.unwrap_or_default()) }
    }))
}

pub(super) async fn chunk(client: &Client, message: i64, n: i64) -> Result<Option<Bytes>> {
    let statement = client.prepare_cached(
        "SELECT chunks.octets FROM pop3.chunks JOIN pop3.messages ON message = id
         WHERE message = $1 AND n = $2 AND uid IS NOT NULL",
    );
    let chunk = client.query_opt(&statement.await?, &[&message, &n]).await?;
    Ok(chunk.map(|row| Bytes::copy_from_slice(row.get(0))))
}

/// The check, the release and the removals are one statement, which is a transaction by itself. What is removed is only hidden here, so
/// that QUIT takes no longer for large messages. [`sweep`] does the rest.
pub(super) async fn finish(client: &Client, lock: Lock, removed: &[i64]) -> Result<bool> {
    let statement = client.prepare_cached(
        "WITH released AS (
             DELETE FROM pop3.locks WHERE maildrop = $1 AND front_end = $2 AND session = $3 RETURNING maildrop
         ), hidden AS (
             UPDATE pop3.messages SET uid = NULL, touched = NULL FROM released
             WHERE messages.maildrop = released.maildrop AND id = ANY($4)
         )
         SELECT EXISTS (SELECT FROM released)",
    );
    let values: [&(dyn ToSql + Sync); 4] = [&lock.maildrop, &lock.front_end, &lock.session, &removed];
    Ok(client.query_one(&statement.await?, &values).await?.get(0))
}

/// Of several front ends each takes another message.
pub(super) async fn sweep(client: &mut Client) -> Result<bool> {
    let transaction = client.transaction().await?;
    // From here on nobody can append to a dead delivery, or publish it.
    let dead = "UPDATE pop3.messages SET touched = NULL
         WHERE uid IS NULL AND touched < clock_timestamp() - interval '1 day'";
    transaction.execute(dead, &[]).await?;
    let unseen = "SELECT id FROM pop3.messages WHERE uid IS NULL AND touched IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED";
    let message: Option<i64> = transaction.query_opt(unseen, &[]).await?.map(|row| row.get(0));
    if let Some(message) = message {
        let statement = "DELETE FROM pop3.chunks WHERE message = $1 AND n IN (
                 SELECT n FROM pop3.chunks WHERE message = $1 LIMIT $2
             )";
        if transaction.execute(statement, &[&message, &signed(STEP)]).await? < STEP {
            transaction.execute("DELETE FROM pop3.messages WHERE id = $1", &[&message]).await?;
        }
    }
    transaction.commit().await?;
    Ok(message.is_some())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
