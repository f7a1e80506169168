//! SCRAM-SHA-256 (RFC 7677), by a SASL library: it has no I/O either, so a step of it is a step of the session's.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;

use pop3_proto::Secret;
use ring::{digest, hmac, pbkdf2};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::SCRAM_SHA256;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{Mechanism, Registry, SASLConfig, SASLError, SASLServer, SessionError, Validation};
use rsasl::property::{AuthId, AuthzId};
use rsasl::validate::{Validate, ValidationError};

pub(crate) type Error = SASLError;
pub(crate) type Session = rsasl::prelude::Session<Verified>;

/// The least that RFC 7677 §4 allows. Guessing is what it makes slow, and here the passwords stand in a command line.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

static MECHANISMS: [Mechanism; 1] = [SCRAM_SHA256];

/// The SCRAM of a server: who has which keys.
pub(crate) struct Scram(Arc<SASLConfig>);

/// What a server keeps in the place of a password (RFC 5802 §3).
struct Keys {
    stored: [u8; 32],
    server: [u8; 32],
}

impl Scram {
    /// Derives the keys of all users. One whose password can't be prepared for SCRAM can't log in by it.
    pub(crate) fn new<'a>(users: impl Iterator<Item = (&'a [u8], &'a Secret)>) -> Result<Self, Error> {
        let salts = Salts(RandomState::new());
        let keys = |(name, password): (&[u8], &Secret)| {
            let name = std::str::from_utf8(name).ok()?;
            Some((name.to_owned(), Keys::derive(password, &salts.of(name))?))
        };
        let by_name = users.filter_map(keys).collect();
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(&MECHANISMS))
            .with_callback(Directory { by_name, salts })?;
        Ok(Self(config))
    }

    /// Takes the client's first message. `None` when it isn't one; else the exchange, and the challenge to send.
    pub(crate) fn begin(&self, message: &[u8]) -> Option<(Session, Vec<u8>)> {
        if !is_client_first(message) {
            return None;
        }
        let mut session = SASLServer::new(Arc::clone(&self.0)).start_suggested(SCRAM_SHA256.mechanism).ok()?;
        let mut challenge = Vec::new();
        session.step(Some(message), &mut challenge).ok()?;
        Some((session, challenge))
    }
}

impl Keys {
    /// The way from a password to what is stored (RFC 5802 §3).
    fn derive(password: &Secret, salt: &[u8]) -> Option<Self> {
        let password = stringprep::saslprep(std::str::from_utf8(password.expose()).ok()?).ok()?;
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client = hmac::sign(&salted, b"Client Key");
        Some(Self {
            stored: digest::digest(&digest::SHA256, client.as_ref()).as_ref().try_into().ok()?,
            server: hmac::sign(&salted, b"Server Key").as_ref().try_into().ok()?,
        })
    }

    /// Nothing that a client could have has these keys.
    const NOBODY: Self = Self { stored: [0; 32], server: [0; 32] };
}

/// A salt for each name that nobody can foretell; the same one each time, so that names without a user don't stand out.
struct Salts(RandomState);

impl Salts {
    fn of(&self, name: &str) -> [u8; 16] {
        let halves = [self.0.hash_one((name, 0)), self.0.hash_one((name, 1))];
        let mut salt = [0; 16];
        salt.chunks_exact_mut(8).zip(halves).for_each(|(place, half)| place.copy_from_slice(&half.to_be_bytes()));
        salt
    }
}

/// What the library asks for.
struct Directory {
    by_name: HashMap<String, Keys>,
    salts: Salts,
}

impl SessionCallback for Directory {
    fn callback(&self, _: &SessionData, context: &Context<'_>, request: &mut Request<'_>) -> Result<(), SessionError> {
        if let Some(name) = context.get_ref::<AuthId>().map(unescape) {
            let keys = self.by_name.get(&name).unwrap_or(&Keys::NOBODY);
            let salt = self.salts.of(&name);
            let stored = ScramStoredPassword::new(ITERATIONS.get(), &salt, &keys.stored, &keys.server);
            request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let name = context.get_ref::<AuthId>();
        // Nobody may act for somebody else.
        let other = context.get_ref::<AuthzId>().filter(|identity| Some(*identity) != name);
        if let (Some(name), None) = (name, other) {
            validate.with::<Verified, _>(|| Ok(unescape(name)))?;
        }
        Ok(())
    }
}

/// Who has shown to know the password of this name.
pub struct Verified;

impl Validation for Verified {
    type Value = String;
}

/// Takes the client's final message. `None` when it proves nothing; else who the client is, and the challenge that
/// shows it that the server knows the password too.
pub(crate) fn finish(mut session: Session, message: &[u8]) -> Option<(String, Vec<u8>)> {
    if !is_client_final(message) {
        return None;
    }
    let mut proof = Vec::new();
    session.step(Some(message), &mut proof).ok()?;
    // Of a client that failed nothing was validated. What the library would say to it isn't sent: `-ERR` is enough.
    session.validation().map(|name| (name, proof))
}

/// Whether a message is `flag,[a=identity],n=name,r=nonce` and nothing more. The library panics at some that aren't
/// (rsasl 2.3.1), and leaves extensions out of what it signs.
fn is_client_first(message: &[u8]) -> bool {
    matches!(parts(message)[..], [b"n" | b"y", [] | [b'a', b'=', _, ..], [b'n', b'=', _, ..], [b'r', b'=', _, ..]])
}

/// Whether a message is `c=binding,r=nonce,p=proof` and nothing more.
fn is_client_final(message: &[u8]) -> bool {
    matches!(parts(message)[..], [[b'c', b'=', _, ..], [b'r', b'=', _, ..], [b'p', b'=', _, ..]])
}

fn parts(message: &[u8]) -> Vec<&[u8]> {
    message.split(|octet| *octet == b',').collect()
}

/// A name without the escapes that keep `,` and `=` out of messages (RFC 5802 §5.1).
fn unescape(name: &str) -> String {
    name.replace("=2C", ",").replace("=3D", "=")
}
