//! Delivers messages, whatever their size, and adds users.

use std::io;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use pop3_proto::Secret;
use pop3_proto::wire::{Name, Password, WireSize};
use support::scram::Keys;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, stdin};

use crate::passwords;
use crate::store::{Arrival, CHUNK, Error, Store};

/// Why nothing was delivered, or nobody was added.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// Adds a user with an empty maildrop.
pub async fn add_user<S: Store>(store: &S, name: &[u8], password: &Secret) -> Result<(), Failure> {
    let failure = |what: &str| Err(Failure(what.into()));
    if Name::new(name).is_err() {
        return failure("NAME must not be empty, or have control characters in it");
    }
    if Password::new(password.expose()).is_err() {
        return failure("the password, the first line on stdin, must not be empty, or have CR or NUL in it");
    }
    let failed = |error: io::Error| Failure(error.to_string());
    let hash = passwords::hash(password.expose()).map_err(failed)?;
    let keys = Keys::new(password, passwords::ITERATIONS).map_err(failed)?;
    if !store.add_user(name, &hash, keys).await? {
        return failure(&format!("there is a user {:?} already", String::from_utf8_lossy(name)));
    }
    Ok(())
}

/// Delivers the message in each file, or the one on stdin: all of them or none. When this returns they are on the disk.
pub async fn deliver<S: Store>(store: &S, name: &[u8], files: &[PathBuf]) -> Result<(), Failure> {
    let user = store.user(name).await?;
    let user = user.ok_or_else(|| Failure(format!("there is no user {:?}", String::from_utf8_lossy(name))))?;
    let mut delivery = Delivery { store, maildrop: user.maildrop, begun: Vec::new(), arrivals: Vec::new() };
    let delivered = delivery.all(files).await;
    if delivered.is_err() {
        // Where this fails, the messages count as dead after a day.
        let _ = store.discard(delivery.begun).await;
    }
    delivered
}

/// Messages on their way in.
struct Delivery<'a, S> {
    store: &'a S,
    maildrop: i64,
    begun: Vec<i64>,
    arrivals: Vec<Arrival>,
}

impl<S: Store> Delivery<'_, S> {
    async fn all(&mut self, files: &[PathBuf]) -> Result<(), Failure> {
        if files.is_empty() {
            self.one(Path::new("stdin"), stdin()).await?;
        }
        for path in files {
            let opened = File::open(path).await;
            let file = opened.map_err(|error| cannot_read(path, &error))?;
            self.one(path, file).await?;
        }
        let messages = std::mem::take(&mut self.arrivals);
        if self.store.publish(self.maildrop, messages).await? { Ok(()) } else { Err(given_up()) }
    }

    /// Stores a message, which nobody sees yet. The store isn't kept waiting for octets that aren't there.
    async fn one(&mut self, path: &Path, mut source: impl AsyncRead + Unpin) -> Result<(), Failure> {
        let message = self.store.begin(self.maildrop).await?;
        self.begun.push(message);
        let mut size = WireSize::new();
        let mut octets = 0;
        for n in 0.. {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while chunk.len() < CHUNK {
                let space = &mut (&mut source).take((CHUNK - chunk.len()) as u64);
                if space.read_buf(&mut chunk).await.map_err(|error| cannot_read(path, &error))? == 0 {
                    break;
                }
            }
            if chunk.is_empty() {
                break;
            }
            size.add(&chunk);
            octets += chunk.len() as u64;
            if !self.store.append(message, n, chunk.freeze()).await? {
                return Err(given_up());
            }
        }
        self.arrivals.push(Arrival { message, octets, size: size.octets() });
        Ok(())
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

fn given_up() -> Failure {
    Failure("the delivery has taken more than a day, or the user is gone".into())
}
