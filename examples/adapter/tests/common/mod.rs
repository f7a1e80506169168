//! What both kinds of tests serve, and TLS for it.

#[path = "../../../../tests/common/tls.rs"]
mod tls;

use std::io;
use std::sync::{Arc, Mutex};

use adapter::Opened;
use bytes::Bytes;
use pop3_proto::client::{Login, Name, Password};
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{BoxError, Credentials, Deletions, Maildrop, Refusal};
use pop3_proto::wire::WireSize;

pub(crate) use tls::{client_tls, server_tls};

/// How the client logs in.
pub(crate) fn login(password: &str) -> Login {
    Login::new(Name::new("mrose").unwrap(), Password::new(password).unwrap())
}

/// The messages of mrose, each until it is removed.
pub(crate) type Store = Arc<Mutex<Vec<Option<&'static str>>>>;

pub(crate) fn store(messages: &[&'static str]) -> Store {
    Arc::new(Mutex::new(messages.iter().copied().map(Some).collect()))
}

/// What is left.
pub(crate) fn left(store: &Store) -> Vec<&'static str> {
    store.lock().unwrap().iter().flatten().copied().collect()
}

/// The maildrop of a session.
#[derive(Debug)]
pub(crate) struct Open {
    store: Store,
    unique_ids: UniqueIds,
    /// What is measured.
    octets: Vec<Option<u64>>,
}

/// A message's chunks, the next one last; `None` is a failure.
pub(crate) type Chunks = Vec<Option<&'static str>>;

impl Maildrop for Open {
    type Reader = Chunks;

    fn count(&self) -> u32 {
        u32::try_from(self.unique_ids.len()).unwrap()
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.octets[message.index()]
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }
}

/// Opens the maildrop of mrose, whose password is tanstaaf. With the password `disk` the store fails.
pub(crate) fn log_in(store: &Store, credentials: &Credentials<'_>) -> Result<Open, BoxError> {
    if credentials.verify(Some("disk")).is_ok() {
        Err(disk())?;
    }
    credentials.verify((credentials.name() == b"mrose").then_some("tanstaaf"))?;
    let count = store.lock().unwrap().len();
    let unique_ids = (0..count).map(|index| index.to_string()).collect();
    Ok(Open { store: Arc::clone(store), unique_ids, octets: vec![None; count] })
}

/// A failure of the store.
fn disk() -> io::Error {
    io::Error::other("the disk fails")
}

/// Measures a message, which is refused where it holds a `?`, and fails where it holds a `!`.
pub(crate) fn measure(maildrop: &mut Open, message: MessageNumber) -> Result<(), BoxError> {
    let stored = maildrop.store.lock().unwrap()[message.index()].ok_or(Refusal::Gone)?;
    if stored.contains('?') {
        Err(Refusal::Temporary)?;
    }
    if stored.contains('!') {
        Err(disk())?;
    }
    let mut size = WireSize::new();
    size.add(stored.replace('|', "").as_bytes());
    maildrop.octets[message.index()] = Some(size.octets());
    Ok(())
}

/// Opens a message: whole, or in two chunks where it holds a `|`, after which reading fails where there are two of them. It is refused
/// where it holds a `?`, and fails where it holds a `!`.
pub(crate) fn open(maildrop: &Open, message: MessageNumber) -> Result<Opened<Chunks>, BoxError> {
    let stored = maildrop.store.lock().unwrap()[message.index()].ok_or(Refusal::Gone)?;
    match stored {
        refused if refused.contains('?') => Err(Refusal::Permanent)?,
        failed if failed.contains('!') => Err(disk())?,
        _ => {}
    }
    let mut chunks: Chunks = stored.split('|').rev().map(Some).collect();
    match chunks.len() {
        1 => return Ok(Opened::Whole(Bytes::from_static(stored.as_bytes()))),
        2 => {}
        _ => chunks[0] = None,
    }
    Ok(Opened::Reader(chunks))
}

pub(crate) fn next_chunk(chunks: &mut Chunks) -> Result<Option<Bytes>, BoxError> {
    match chunks.pop() {
        None => Ok(None),
        Some(Some(chunk)) => Ok(Some(Bytes::from_static(chunk.as_bytes()))),
        Some(None) => Err(disk().into()),
    }
}

/// Removes messages, up to one that holds a `!`.
pub(crate) fn remove(maildrop: &mut Open, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
    let mut messages = maildrop.store.lock().unwrap();
    for message in deletions {
        if messages[message.index()].is_some_and(|message| message.contains('!')) {
            Err(disk())?;
        }
        messages[message.index()] = None;
    }
    Ok(Removal::All)
}
