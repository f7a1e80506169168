//! APOP: a digest over the greeting's timestamp and a shared secret (RFC 1939 §7).
//!
//! The server needs the secret in the clear, and MD5 has lost its resistance to collisions: a client that answers
//! whatever timestamp a hostile server picks gives its secret away piece by piece. Prefer a password over TLS, and
//! offer APOP only for clients that know nothing else.

use md5::{Digest as _, Md5};

pub use crate::wire::{Digest, InvalidTimestamp, Timestamp};

/// Returns the digest that proves knowledge of `secret` to whoever sent `timestamp`: MD5 over the timestamp with its
/// brackets, then the secret.
///
/// ```
/// use pop3_proto::auth::apop::{Timestamp, digest};
///
/// let timestamp = Timestamp::new("<1896.697170952@dbc.mtview.ca.us>").unwrap();
/// assert_eq!(&digest(&timestamp, b"tanstaaf").to_hex(), b"c4c9334bac560ecc979e58001b3e22fb");
/// ```
pub fn digest(timestamp: &Timestamp, secret: &[u8]) -> Digest {
    digest_of(timestamp.as_str(), secret)
}

fn digest_of(timestamp: &str, secret: &[u8]) -> Digest {
    let mut md5 = Md5::new();
    md5.update(timestamp);
    md5.update(secret);
    // `finalize` would take it by value, and leave the octets of the last block where it was before.
    Digest::new(md5.finalize_reset().into())
}

/// What a client has sent to show that it knows the secret: its digest, beside the timestamp that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof<'a> {
    timestamp: &'a str,
    digest: Option<Digest>,
}

impl<'a> Proof<'a> {
    /// Creates a proof; what isn't a digest verifies nothing.
    pub(crate) fn new(timestamp: &'a str, digits: &[u8]) -> Self {
        Self { timestamp, digest: Digest::from_hex(digits) }
    }

    /// Whether the client knows `secret`, compared in constant time.
    pub fn verify(&self, secret: &[u8]) -> bool {
        self.digest == Some(digest_of(self.timestamp, secret))
    }
}
