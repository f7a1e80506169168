//! A file on its way to a client.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::trouble::Trouble;

/// Enough for the disk and the socket to work in large pieces, little enough for thousands of downloads at once.
const CHUNK: usize = 64 * 1024;

/// A message that is being read, and how long it has to be.
#[derive(Debug)]
pub struct Reading {
    account: Arc<str>,
    path: PathBuf,
    file: File,
    /// How many octets the file had when it was opened, less those that were read.
    missing: u64,
    /// The first chunk, if it was read before it was asked for.
    ahead: Option<Bytes>,
}

impl Reading {
    pub(crate) fn new(account: &Arc<str>, path: PathBuf, (file, octets): (File, u64)) -> Self {
        Self { account: Arc::clone(account), path, file, missing: octets, ahead: None }
    }

    /// Reads the first chunk, so that a message that can't be read at all is refused. After `+OK` the only way to say
    /// so would be to close the connection, and the client would be stuck at this message in each session.
    pub fn read_ahead(&mut self) -> Result<(), Trouble> {
        self.ahead = self.next_chunk()?;
        Ok(())
    }

    /// The next octets of the message, or `None` at its end. An end before all octets have come is an error: a client
    /// that takes the message for whole deletes it (R-GEN-17).
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        if self.ahead.is_some() {
            return Ok(self.ahead.take());
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut self.file).take(CHUNK as u64).read_to_end(&mut chunk).and_then(|octets| {
            self.missing = self.missing.saturating_sub(octets as u64);
            match self.missing {
                1.. if octets == 0 => {
                    Err(io::Error::new(ErrorKind::UnexpectedEof, "it became shorter while it was read"))
                }
                _ => Ok(()),
            }
        });
        read.map_err(|error| Trouble::new(&self.account, &self.path, error))?;
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }
}
