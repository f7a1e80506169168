//! SCRAM-SHA-256 (RFC 7677), by a SASL library: it has no I/O either, so a step of it is a step of the session's.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU32;
use std::str;

use pop3_proto::Secret;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::SCRAM_SHA256;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{Mechanism, Registry, SASLConfig, SASLServer, SessionError, Validation};
use rsasl::property::{AuthId, AuthzId};
use rsasl::validate::{Validate, ValidationError};

/// An exchange whose challenge is out, as the library has it.
pub type Session = rsasl::prelude::Session<Verified>;

/// The least that RFC 7677 §4 allows. Guessing is what it makes slow, and here the passwords stand in a command line.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// How many octets a salt has.
const SALT: usize = 16;

/// How many octets a hash has.
const HASH: usize = 32;

static MECHANISMS: [Mechanism; 1] = [SCRAM_SHA256];

/// What a server keeps in the place of a password (RFC 5802 §3), which is wiped when it's dropped. The library makes copies, which
/// aren't.
#[derive(Clone, Debug)]
pub struct Keys {
    /// What was hashed with the password.
    pub salt: Vec<u8>,
    /// How often.
    pub iterations: u32,
    /// What a client's proof is verified by.
    pub stored: Secret,
    /// What the server proves itself by.
    pub server: Secret,
}

impl Keys {
    /// Keys for a password, with a salt of their own. `None` where the password can't be prepared for SCRAM: then one can't log in by
    /// it.
    pub fn new(password: &Secret, iterations: NonZeroU32) -> io::Result<Option<Self>> {
        Ok(Self::derive(password, random::<SALT>()?.into(), iterations))
    }

    /// The way from a password to what is stored (RFC 5802 §3).
    fn derive(password: &Secret, salt: Vec<u8>, iterations: NonZeroU32) -> Option<Self> {
        let prepared = stringprep::saslprep(str::from_utf8(password.expose()).ok()?).ok()?;
        let prepared = Secret::from(prepared.into_owned().into_bytes());
        let mut salted = vec![0; HASH];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, prepared.expose(), &mut salted);
        let salted = Secret::from(salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, salted.expose());
        let client = hmac::sign(&salted, b"Client Key");
        Some(Self {
            salt,
            iterations: iterations.get(),
            stored: digest::digest(&digest::SHA256, client.as_ref()).as_ref().into(),
            server: hmac::sign(&salted, b"Server Key").as_ref().into(),
        })
    }
}

/// Octets that nobody can foretell.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|_| io::Error::other("the system has no random octets"))?;
    Ok(octets)
}

/// What is said to clients that claim to be somebody who isn't there, so that names without a user don't stand out: always the same
/// salt for a name, which nobody can foretell.
pub struct Nobody {
    key: hmac::Key,
    iterations: NonZeroU32,
}

impl Nobody {
    /// Servers with the same secret say the same. `iterations` is what those who are there have.
    pub fn new(secret: &[u8], iterations: NonZeroU32) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), iterations }
    }

    /// Keys that nothing that a client could have belongs to.
    pub fn keys(&self, name: &str) -> Keys {
        let zeros = Secret::from([0; HASH].as_slice());
        Keys { salt: self.salt(name), iterations: self.iterations.get(), stored: zeros.clone(), server: zeros }
    }

    fn salt(&self, name: &str) -> Vec<u8> {
        hmac::sign(&self.key, name.as_bytes()).as_ref().iter().copied().take(SALT).collect()
    }
}

/// The SCRAM of a server that has its users in memory: who has which keys.
pub(crate) struct Scram {
    by_name: HashMap<String, Keys>,
    nobody: Nobody,
}

impl Scram {
    /// Derives the keys of all users.
    pub(crate) fn new<'a>(users: impl Iterator<Item = (&'a [u8], &'a Secret)>) -> io::Result<Self> {
        let nobody = Nobody::new(&random::<HASH>()?, ITERATIONS);
        let keys = |(name, password): (&[u8], &Secret)| {
            let name = str::from_utf8(name).ok()?;
            Some((name.to_owned(), Keys::derive(password, nobody.salt(name), ITERATIONS)?))
        };
        Ok(Self { by_name: users.filter_map(keys).collect(), nobody })
    }

    /// The keys of a user.
    pub(crate) fn keys(&self, name: &str) -> Keys {
        self.by_name.get(name).cloned().unwrap_or_else(|| self.nobody.keys(name))
    }
}

/// The name in a client's first message. `None` when it isn't such a message.
pub fn name(message: &[u8]) -> Option<String> {
    client_first(message).and_then(|name| str::from_utf8(name).ok()).map(unescape)
}

/// Takes the client's first message, and the keys of its name. `None` when it isn't such a message; else the exchange, and the
/// challenge to send.
pub fn begin(message: &[u8], keys: Keys) -> Option<(Session, Vec<u8>)> {
    client_first(message)?;
    let config = SASLConfig::builder().with_registry(Registry::with_mechanisms(&MECHANISMS));
    let config = config.with_callback(Claim(keys)).ok()?;
    let mut session = SASLServer::new(config).start_suggested(SCRAM_SHA256.mechanism).ok()?;
    let mut challenge = Vec::new();
    session.step(Some(message), &mut challenge).ok()?;
    Some((session, challenge))
}

/// What the library asks for.
struct Claim(Keys);

impl SessionCallback for Claim {
    fn callback(&self, _: &SessionData, _: &Context<'_>, request: &mut Request<'_>) -> Result<(), SessionError> {
        let Keys { salt, iterations, stored, server } = &self.0;
        let stored = ScramStoredPassword::new(*iterations, salt, stored.expose(), server.expose());
        request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
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
pub fn finish(mut session: Session, message: &[u8]) -> Option<(String, Vec<u8>)> {
    if !is_client_final(message) {
        return None;
    }
    let mut proof = Vec::new();
    session.step(Some(message), &mut proof).ok()?;
    // Of a client that failed nothing was validated. What the library would say to it isn't sent: `-ERR` is enough.
    session.validation().map(|name| (name, proof))
}

/// The name, as it is there, in a message that is `flag,[a=identity],n=name,r=nonce` and nothing more. The library panics at some that
/// aren't (rsasl 2.3.1), and leaves extensions out of what it signs.
fn client_first(message: &[u8]) -> Option<&[u8]> {
    match parts(message)[..] {
        [b"n" | b"y", [] | [b'a', b'=', _, ..], [b'n', b'=', name @ ..], [b'r', b'=', _, ..]] if !name.is_empty() => {
            Some(name)
        }
        _ => None,
    }
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
