//! What a shared store does for front ends and deliveries, whatever the engine.
//!
//! # Locks, leases and fences
//! A maildrop has one lock: a row that names a front end and one of its sessions. The lock holds while the front end's *lease*
//! does, which it renews for all its sessions at once. When the lease is over, anybody may take the lock: the row then names
//! another session. So the row is the *fence*: who wants to remove messages must be the session that it names, in the same
//! transaction, and it can only name one. A lease that is over never comes back: the front end takes a new one, with a new
//! number.

use std::time::Duration;

use bytes::Bytes;
use pop3_proto::Secret;
use support::scram::Keys;

/// The most octets of a message that are read or written at once.
pub const CHUNK: usize = 64 * 1024;

/// How many octets the secret of a store has.
pub const SECRET: usize = 32;

/// What all methods of a [`Store`] return.
pub trait Answer<T>: Future<Output = Result<T, Error>> + Send {}

impl<T, F: Future<Output = Result<T, Error>> + Send> Answer<T> for F {}

/// Why the store has no answer. Its text holds no value out of the database, and no part of its URL but the path of a file, or
/// the names of the database and of its user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It takes too long. Whether what was asked for still happens isn't known.
    #[error("the database doesn't answer in time")]
    Late,
    /// The connection is lost, or the like. That isn't known then either.
    #[error("{0}")]
    Lost(String),
    /// It wasn't done, and the database says why.
    #[error("{0}")]
    Database(String),
}

impl Error {
    /// It was too late before there was a connection to begin with.
    pub(crate) fn unconnected() -> Self {
        Self::Database("there was no free connection to the database in time".into())
    }
}

/// Who may log in.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's maildrop.
    pub maildrop: i64,
    /// The hash of the password, in PHC's format.
    pub hash: String,
    /// What SCRAM needs, if the password can be prepared for it.
    pub keys: Option<Keys>,
}

/// A lock on a maildrop, held or not. No two sessions ever have the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lock {
    /// What is locked.
    pub maildrop: i64,
    /// The number of the lease that it goes with.
    pub front_end: i64,
    /// The number of the session, which the front end never uses again.
    pub session: i64,
}

/// What has come of an attempt to lock a maildrop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locked {
    /// The maildrop is this session's.
    Taken,
    /// Another session has it.
    InUse,
    /// The front end's lease is over.
    LeaseIsOver,
}

/// A message in the index of a maildrop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// By what the store knows it.
    pub message: i64,
    /// Its unique-id, which grows from message to message of a maildrop.
    pub unique_id: i64,
    /// Its octets on the wire.
    pub size: u64,
}

/// A message that is opened.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its octets as they are stored.
    pub octets: u64,
    /// Its first chunk.
    pub first: Bytes,
}

/// A message that is stored and not seen yet.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// By what the store knows it.
    pub message: i64,
    /// Its octets as they are stored.
    pub octets: u64,
    /// Its octets on the wire.
    pub size: u64,
}

/// A database that holds mail, users and locks. Each call ends in bounded time, and holds no connection afterwards.
///
/// A call whose future is dropped may still happen. Then it happens before any release of a lock that is asked for later.
pub trait Store: Send + Sync + 'static {
    /// Creates a user with an empty maildrop. `false` if there is one of this name.
    fn add_user(&self, name: &[u8], hash: &str, keys: Option<Keys>) -> impl Answer<bool>;

    /// The secret of this store, which was made with it.
    fn secret(&self) -> impl Answer<Secret>;

    /// Looks a user up.
    fn user(&self, name: &[u8]) -> impl Answer<Option<User>>;

    /// Begins a message that nobody sees yet, and returns its number.
    fn begin(&self, maildrop: i64) -> impl Answer<i64>;

    /// Appends chunk number `n`, counted from 0, of at most [`CHUNK`] octets. `false` if the message was given up as too old.
    fn append(&self, message: i64, n: i64, chunk: Bytes) -> impl Answer<bool>;

    /// Gives each of these messages the next unique-id, so that sessions see them from now on: all of them, or none and `false` if
    /// one was given up as too old, or the maildrop is gone. They are on the disk when this returns.
    fn publish(&self, maildrop: i64, messages: Vec<Arrival>) -> impl Answer<bool>;

    /// Gives up messages that nobody sees yet.
    fn discard(&self, messages: Vec<i64>) -> impl Answer<()>;

    /// Begins a lease, and returns its number.
    fn sign_on(&self, lease: Duration) -> impl Answer<i64>;

    /// Renews a lease, whatever the number of sessions. `false` if it is over.
    fn renew(&self, front_end: i64, lease: Duration) -> impl Answer<bool>;

    /// Ends a lease, and frees all that is locked under it.
    fn sign_off(&self, front_end: i64) -> impl Answer<()>;

    /// Takes the lock if it's free. Of any number of competitors one gets it.
    fn lock(&self, lock: Lock) -> impl Answer<Locked>;

    /// Releases locks, as far as they are held.
    fn release(&self, locks: Vec<Lock>) -> impl Answer<()>;

    /// Lists the messages of a maildrop, in order, in one allocation of the right size.
    fn index(&self, maildrop: i64) -> impl Answer<Box<[Entry]>>;

    /// Opens a message. `None` if it was removed.
    fn open(&self, message: i64) -> impl Answer<Option<Text>>;

    /// Reads a chunk. `None` if the message was removed, or has no such chunk.
    fn chunk(&self, message: i64, n: i64) -> impl Answer<Option<Bytes>>;

    /// Removes messages and releases the lock in one transaction. `false` if the lock isn't this session's any more: then nothing
    /// is removed. After an error it isn't known whether it has happened.
    fn finish(&self, lock: Lock, removed: Vec<i64>) -> impl Answer<bool>;

    /// Takes a small step of clearing away what nobody sees: the text of removed messages, and of deliveries that never came to
    /// their end. `false` if there is nothing more to do.
    fn sweep(&self) -> impl Answer<bool>;
}
