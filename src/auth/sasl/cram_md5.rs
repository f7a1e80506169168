//! CRAM-MD5: HMAC-MD5 over a challenge, with a shared secret (RFC 2195).
//!
//! Like APOP it needs the secret in the clear on the server, and whoever has seen an exchange can try passwords against
//! it. Prefer a password over TLS.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use zeroize::Zeroize as _;

use super::{InvalidMessage, Message};
use crate::wire::{Digest, Name, Timestamp};

/// The response of CRAM-MD5: `name SP digest` (RFC 2195 §2). The challenge before it is a [`Timestamp`], a new one for
/// each exchange.
///
/// ```
/// use pop3_proto::auth::sasl::CramMd5;
/// use pop3_proto::wire::Timestamp;
///
/// let challenge = Timestamp::new("<1896.697170952@postoffice.reston.mci.net>").unwrap();
/// let response = CramMd5::parse(b"tim b913a602c7eda7a495b4e6e7334d3890").unwrap();
/// assert!(response.verify(&challenge, b"tanstaaftanstaaf"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CramMd5<'a> {
    /// Everything up to the last space.
    pub name: Name<'a>,
    /// The last word.
    pub digest: Digest,
}

impl<'a> CramMd5<'a> {
    /// Creates a client's answer to `challenge`, whatever octets that holds.
    pub fn new(name: Name<'a>, challenge: &[u8], secret: &[u8]) -> Self {
        Self { name, digest: digest(challenge, secret) }
    }

    /// Parses a response. The digits of the digest may be of either case.
    ///
    /// # Errors
    /// [`InvalidMessage`] when there is no space, the last word isn't 32 hexadecimal digits, or what is before it isn't
    /// a name.
    pub fn parse(response: &'a [u8]) -> Result<Self, InvalidMessage> {
        let mut words = response.rsplitn(2, |octet| *octet == b' ');
        let (Some(digest), Some(name)) = (words.next(), words.next()) else {
            return Err(InvalidMessage::Form);
        };
        let digest = Digest::from_hex(digest).ok_or(InvalidMessage::Form)?;
        Ok(Self { name: Name::new(name)?, digest })
    }

    /// Whether the client knows `secret`, compared in constant time. `challenge` is what was sent to it.
    pub fn verify(&self, challenge: &Timestamp, secret: &[u8]) -> bool {
        digest(challenge.as_str().as_bytes(), secret) == self.digest
    }
}

impl Message for CramMd5<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.name.as_bytes());
        put(b" ");
        put(&self.digest.to_hex());
    }
}

/// Computes HMAC-MD5 (RFC 2104).
fn digest(challenge: &[u8], secret: &[u8]) -> Digest {
    // A key is as long as a block: what is shorter is filled up with zeros, and what is longer is hashed first.
    let mut key = Key::<Hmac<Md5>>::default();
    if let Some(place) = key.get_mut(..secret.len()) {
        place.copy_from_slice(secret);
    } else {
        key.iter_mut().zip(Md5::digest(secret)).for_each(|(place, octet)| *place = octet);
    }
    let mac = Hmac::<Md5>::new(&key).chain_update(challenge).finalize();
    key.as_mut_slice().zeroize();
    Digest::new(mac.into_bytes().into())
}
