//! A message that a host has opened.

use bytes::Bytes;

/// A message that is open.
#[derive(Debug)]
pub enum Opened<R> {
    /// All of it, as it is stored.
    Whole(Bytes),
    /// What reads its chunks.
    Reader(R),
}
