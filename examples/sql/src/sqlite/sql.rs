//! All that is said to SQLite.
//!
//! Whatever writes begins with `BEGIN IMMEDIATE`: a transaction that starts as a reader and then wants to write fails at once if somebody
//! has written meanwhile, and no waiting helps. The clock is read after that, since it may have taken seconds.

use std::time::Duration;

use bytes::Bytes;
use pop3_proto::Secret;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, Transaction, TransactionBehavior, params};

use support::scram::Keys;

use super::Clock;
use crate::store::{Arrival, Entry, Lock, Locked, Text, User};

/// Marks a file as ours: "POP3" as a number.
pub(super) const APPLICATION: i64 = 0x504F_5033;

/// The version of the schema. The next one comes with the statements that lead there from this one.
pub(super) const VERSION: i64 = 1;

/// `AUTOINCREMENT` is there so that no number is used again.
///
/// A message without a `uid` is seen by nobody. It is on its way in, and `touched` says when its last chunk came; or it is on its way out,
/// and `touched` is 0.
const SCHEMA: &str = "
    CREATE TABLE maildrops (id INTEGER PRIMARY KEY AUTOINCREMENT, next_uid INTEGER NOT NULL);
    CREATE TABLE secret (octets BLOB NOT NULL);
    -- With all that SCRAM needs, or with none of it.
    CREATE TABLE users (
        name BLOB PRIMARY KEY,
        hash TEXT NOT NULL,
        maildrop INTEGER NOT NULL,
        salt BLOB,
        iterations INTEGER,
        stored_key BLOB,
        server_key BLOB
    ) WITHOUT ROWID;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        maildrop INTEGER NOT NULL,
        uid INTEGER,
        size INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        touched INTEGER NOT NULL
    );
    -- A login reads no more than this.
    CREATE INDEX seen ON messages (maildrop, uid, size) WHERE uid IS NOT NULL;
    CREATE INDEX unseen ON messages (touched) WHERE uid IS NULL;
    CREATE TABLE chunks (message INTEGER NOT NULL, n INTEGER NOT NULL, octets BLOB NOT NULL, PRIMARY KEY (message, n));
    CREATE TABLE front_ends (id INTEGER PRIMARY KEY AUTOINCREMENT, alive_until INTEGER NOT NULL);
    CREATE TABLE locks (maildrop INTEGER PRIMARY KEY, front_end INTEGER NOT NULL, session INTEGER NOT NULL);
";

/// How old the last chunk of a delivery may be, in milliseconds, before it counts as dead: a day.
const DEAD: i64 = 24 * 60 * 60 * 1000;

/// How many chunks a step of sweeping removes: what takes some milliseconds.
const STEP: usize = 64;

/// For a connection that is new. Each commit waits for the disk.
pub(super) fn set_up(connection: &Connection) -> Result<()> {
    connection.busy_timeout(super::BUSY)?;
    connection.execute_batch("PRAGMA synchronous = FULL")
}

/// Who has made the file, and which version it has. A file that is new has neither, and no tables.
pub(super) fn origin(connection: &mut Connection) -> Result<(i64, i64, i64)> {
    let transaction = connection.transaction()?; // so that all of it is of the same moment
    let tables = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok((application, version(&transaction)?, tables))
}

fn version(connection: &Connection) -> Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Lets readers and a writer go on at the same time. Returns what mode it is then.
pub(super) fn write_ahead(connection: &Connection) -> Result<String> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
}

/// Makes the tables, unless somebody else was faster.
pub(super) fn create(connection: &mut Connection, secret: &[u8]) -> Result<()> {
    let transaction = write(connection)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO secret (octets) VALUES (?1)", [secret])?;
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}"))?;
    }
    transaction.commit()
}

fn write(connection: &mut Connection) -> Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

pub(super) fn add_user(connection: &mut Connection, name: &[u8], hash: &str, keys: Option<&Keys>) -> Result<bool> {
    let transaction = write(connection)?;
    if user(&transaction, name)?.is_some() {
        return Ok(false);
    }
    transaction.execute("INSERT INTO maildrops (next_uid) VALUES (1)", [])?;
    let maildrop = transaction.last_insert_rowid();
    transaction.execute(
        "INSERT INTO users (name, hash, maildrop, salt, iterations, stored_key, server_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            name,
            hash,
            maildrop,
            keys.map(|keys| &keys.salt),
            keys.map(|keys| keys.iterations),
            keys.map(|keys| keys.stored.expose()),
            keys.map(|keys| keys.server.expose())
        ],
    )?;
    transaction.commit()?;
    Ok(true)
}

pub(super) fn secret(connection: &Connection) -> Result<Secret> {
    connection.query_row("SELECT octets FROM secret", [], |row| octets(row, 0))
}

/// Octets that are to be wiped.
fn octets(row: &Row<'_>, column: usize) -> Result<Secret> {
    row.get::<_, Vec<u8>>(column).map(Secret::from)
}

pub(super) fn user(connection: &Connection, name: &[u8]) -> Result<Option<User>> {
    connection
        .query_row(
            "SELECT maildrop, hash, salt, iterations, stored_key, server_key FROM users WHERE name = ?1",
            [name],
            |row| {
                let keys = match row.get(2)? {
                    Some(salt) => {
                        let (stored, server) = (octets(row, 4)?, octets(row, 5)?);
                        Some(Keys { salt, iterations: row.get(3)?, stored, server })
                    }
                    None => None,
                };
                Ok(User { maildrop: row.get(0)?, hash: row.get(1)?, keys })
            },
        )
        .optional()
}

pub(super) fn begin(connection: &mut Connection, clock: &Clock, maildrop: i64) -> Result<i64> {
    let transaction = write(connection)?;
    transaction.execute(
        "INSERT INTO messages (maildrop, uid, size, octets, touched) VALUES (?1, NULL, 0, 0, ?2)",
        [maildrop, clock()],
    )?;
    let message = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok(message)
}

/// This alone doesn't wait for the disk: [`publish`] does, and what is in the file before its own change is then there too.
pub(super) fn append(connection: &mut Connection, clock: &Clock, message: i64, n: i64, chunk: &[u8]) -> Result<bool> {
    connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    let transaction = write(connection)?;
    let is_there = transaction.execute(
        "UPDATE messages SET touched = ?2 WHERE id = ?1 AND uid IS NULL AND touched > 0",
        [message, clock()],
    )? == 1;
    if is_there {
        transaction
            .execute("INSERT INTO chunks (message, n, octets) VALUES (?1, ?2, ?3)", params![message, n, chunk])?;
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    Ok(is_there)
}

pub(super) fn publish(connection: &mut Connection, maildrop: i64, messages: &[Arrival]) -> Result<bool> {
    let transaction = write(connection)?;
    for arrival in messages {
        let unique_id: Option<i64> = transaction
            .query_row(
                "UPDATE maildrops SET next_uid = next_uid + 1 WHERE id = ?1 RETURNING next_uid - 1",
                [maildrop],
                |row| row.get(0),
            )
            .optional()?;
        // Nothing is shown where there is no maildrop.
        let shown = transaction.execute(
            "UPDATE messages SET uid = ?2, size = ?3, octets = ?4
             WHERE id = ?1 AND ?2 IS NOT NULL AND uid IS NULL AND touched > 0",
            params![arrival.message, unique_id, arrival.size, arrival.octets],
        )?;
        if shown == 0 {
            return Ok(false); // which rolls back
        }
    }
    transaction.commit()?;
    Ok(true)
}

pub(super) fn discard(connection: &mut Connection, messages: &[i64]) -> Result<()> {
    let transaction = write(connection)?;
    for message in messages {
        transaction.execute("UPDATE messages SET touched = 0 WHERE id = ?1 AND uid IS NULL", [message])?;
    }
    transaction.commit()
}

/// Whoever signs on clears those away whose lease is over, with what they had locked.
pub(super) fn sign_on(connection: &mut Connection, clock: &Clock, lease: Duration) -> Result<i64> {
    let transaction = write(connection)?;
    let now = clock();
    transaction.execute("DELETE FROM front_ends WHERE alive_until <= ?1", [now])?;
    transaction.execute("DELETE FROM locks WHERE front_end NOT IN (SELECT id FROM front_ends)", [])?;
    transaction.execute("INSERT INTO front_ends (alive_until) VALUES (?1)", [now + millis(lease)])?;
    let front_end = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok(front_end)
}

pub(super) fn renew(connection: &mut Connection, clock: &Clock, front_end: i64, lease: Duration) -> Result<bool> {
    let transaction = write(connection)?;
    let now = clock();
    let renewed = transaction.execute(
        "UPDATE front_ends SET alive_until = ?3 WHERE id = ?1 AND alive_until > ?2",
        [front_end, now, now + millis(lease)],
    )?;
    transaction.commit()?;
    Ok(renewed == 1)
}

pub(super) fn sign_off(connection: &mut Connection, front_end: i64) -> Result<()> {
    let transaction = write(connection)?;
    transaction.execute("DELETE FROM locks WHERE front_end = ?1", [front_end])?;
    transaction.execute("DELETE FROM front_ends WHERE id = ?1", [front_end])?;
    transaction.commit()
}

pub(super) fn lock(connection: &mut Connection, clock: &Clock, lock: Lock) -> Result<Locked> {
    let transaction = write(connection)?;
    let now = clock();
    let taken = transaction.execute(
        "INSERT INTO locks (maildrop, front_end, session)
         SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM front_ends WHERE id = ?2 AND alive_until > ?4)
         ON CONFLICT (maildrop) DO UPDATE SET front_end = excluded.front_end, session = excluded.session
         WHERE NOT EXISTS (SELECT 1 FROM front_ends WHERE id = locks.front_end AND alive_until > ?4)",
        [lock.maildrop, lock.front_end, lock.session, now],
    )?;
    let is_alive = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM front_ends WHERE id = ?1 AND alive_until > ?2)",
        [lock.front_end, now],
        |row| row.get(0),
    )?;
    transaction.commit()?;
    Ok(match (taken, is_alive) {
        (1, _) => Locked::Taken,
        (_, true) => Locked::InUse,
        (_, false) => Locked::LeaseIsOver,
    })
}

pub(super) fn release(connection: &mut Connection, locks: &[Lock]) -> Result<()> {
    let transaction = write(connection)?;
    for lock in locks {
        release_one(&transaction, *lock)?;
    }
    transaction.commit()
}

/// Whether it was held, and by this very session.
fn release_one(transaction: &Transaction<'_>, lock: Lock) -> Result<bool> {
    let released = transaction.execute(
        "DELETE FROM locks WHERE maildrop = ?1 AND front_end = ?2 AND session = ?3",
        [lock.maildrop, lock.front_end, lock.session],
    )?;
    Ok(released == 1)
}

pub(super) fn index(connection: &mut Connection, maildrop: i64) -> Result<Box<[Entry]>> {
    let transaction = connection.transaction()?; // so that both see the same messages
    let count: usize = transaction.query_row(
        "SELECT count(*) FROM messages WHERE maildrop = ?1 AND uid IS NOT NULL",
        [maildrop],
        |row| row.get(0),
    )?;
    let mut entries = Vec::with_capacity(count);
    let mut statement = transaction
        .prepare("SELECT id, uid, size FROM messages WHERE maildrop = ?1 AND uid IS NOT NULL ORDER BY uid")?;
    let mut rows = statement.query([maildrop])?;
    while let Some(row) = rows.next()? {
        entries.push(Entry { message: row.get(0)?, unique_id: row.get(1)?, size: row.get(2)? });
    }
    Ok(entries.into_boxed_slice())
}

pub(super) fn open(connection: &Connection, message: i64) -> Result<Option<Text>> {
    connection
        .query_row(
            "SELECT messages.octets, chunks.octets FROM messages LEFT JOIN chunks ON message = id AND n = 0
             WHERE id = ?1 AND uid IS NOT NULL",
            [message],
            |row| {
                let first: Option<Vec<u8>> = row.get(1)?;
                Ok(Text { octets: row.get(0)?, first: first.unwrap_or_default().into() })
            },
        )
        .optional()
}

pub(super) fn chunk(connection: &Connection, message: i64, n: i64) -> Result<Option<Bytes>> {
    connection
        .query_row(
            "SELECT chunks.octets FROM chunks JOIN messages ON message = id
             WHERE message = ?1 AND n = ?2 AND uid IS NOT NULL",
            [message, n],
            |row| row.get(0).map(|octets: Vec<u8>| octets.into()),
        )
        .optional()
}

/// What is removed is only hidden here, so that QUIT takes no longer for large messages. [`sweep`] does the rest.
pub(super) fn finish(connection: &mut Connection, lock: Lock, removed: &[i64]) -> Result<bool> {
    let transaction = write(connection)?;
    if !release_one(&transaction, lock)? {
        return Ok(false); // which rolls back
    }
    {
        let mut hide =
            transaction.prepare("UPDATE messages SET uid = NULL, touched = 0 WHERE id = ?1 AND maildrop = ?2")?;
        for message in removed {
            hide.execute([*message, lock.maildrop])?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

/// Whether there is anything to sweep. Only reads, since most of the time there isn't.
pub(super) fn is_unswept(connection: &Connection, clock: &Clock) -> Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE uid IS NULL AND touched < ?1)",
        [clock() - DEAD],
        |row| row.get(0),
    )
}

pub(super) fn sweep(connection: &mut Connection, clock: &Clock) -> Result<()> {
    let transaction = write(connection)?;
    // From here on nobody can append to a dead delivery, or publish it.
    transaction.execute("UPDATE messages SET touched = 0 WHERE uid IS NULL AND touched < ?1", [clock() - DEAD])?;
    let message: Option<i64> = transaction
        .query_row("SELECT id FROM messages WHERE uid IS NULL AND touched = 0 LIMIT 1", [], |row| row.get(0))
        .optional()?;
    if let Some(message) = message {
        let removed = transaction.execute(
            "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE message = ?1 LIMIT ?2)",
            params![message, STEP],
        )?;
        if removed < STEP {
            transaction.execute("DELETE FROM messages WHERE id = ?1", [message])?;
        }
    }
    transaction.commit()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
