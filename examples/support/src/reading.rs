//! A file on its way to a client.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use adapter::Opened;
use bytes::Bytes;

use super::trouble::Trouble;

/// Enough for the disk and the socket to work in large pieces, little enough for thousands of downloads at once.
const CHUNK: usize = 64 * 1024;

/// A message that is being read, and how long it has to be.
#[derive(Clone, Debug)]
pub struct Reading {
    account: Arc<str>,
    path: PathBuf,
    file: Arc<File>,
    /// How many octets the file had when it was opened, less those that were read. What is added later is no part of the
    /// message, so nothing has to be read to find the end.
    missing: u64,
    /// The first chunk, if it was read before it was asked for.
    ahead: Option<Bytes>,
}

impl Reading {
    pub(crate) fn new(account: &Arc<str>, path: PathBuf, (file, octets): (File, u64)) -> Result<Self, Trouble> {
        let reading = Self { account: Arc::clone(account), path, file: file.into(), missing: octets, ahead: None };
        // Files that the system makes while they are read seem to be empty.
        if octets == 0 && !reading.read(1)?.is_empty() {
            return Err(reading.trouble(ErrorKind::Unsupported, "its length isn't known"));
        }
        Ok(reading)
    }

    /// Reads the first chunk, so that a message that can't be read at all is refused. After `+OK` the only way to say
    /// so would be to close the connection, and the client would be stuck at this message in each session. A short message is
    /// whole with that.
    pub(crate) fn begin(mut self: Box<Self>) -> Result<Opened<Box<Self>>, Trouble> {
        let first = self.next_chunk()?;
        if self.missing == 0 {
            return Ok(Opened::Whole(first.unwrap_or_default()));
        }
        self.ahead = first;
        Ok(Opened::Reader(self))
    }

    /// The next octets of the message, or `None` at its end. An end before all octets have come is an error: a client
    /// that takes the message for whole deletes it (R-GEN-17).
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        if self.ahead.is_some() {
            return Ok(self.ahead.take());
        }
        let wanted = usize::try_from(self.missing).map_or(CHUNK, |missing| missing.min(CHUNK));
        if wanted == 0 {
            return Ok(None);
        }
        let chunk = self.read(wanted)?;
        if chunk.is_empty() {
            return Err(self.trouble(ErrorKind::UnexpectedEof, "it became shorter while it was read"));
        }
        self.missing = self.missing.saturating_sub(chunk.len() as u64);
        Ok(Some(chunk.into()))
    }

    fn read(&self, wanted: usize) -> Result<Vec<u8>, Trouble> {
        read(&self.file, wanted).map_err(|error| Trouble::new(&self.account, &self.path, error))
    }

    fn trouble(&self, kind: ErrorKind, what: &str) -> Trouble {
        Trouble::new(&self.account, &self.path, io::Error::new(kind, what))
    }
}

/// Reads once, into memory that nobody has to clear before.
#[cfg(unix)]
fn read(file: &File, wanted: usize) -> io::Result<Vec<u8>> {
    use rustix::buffer::spare_capacity;
    use rustix::io::{read, retry_on_intr};

    let mut chunk = Vec::with_capacity(wanted);
    retry_on_intr(|| read(file, spare_capacity(&mut chunk)))?;
    Ok(chunk)
}

#[cfg(not(unix))]
fn read(file: &File, wanted: usize) -> io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut chunk = Vec::with_capacity(wanted);
    file.take(wanted as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}
