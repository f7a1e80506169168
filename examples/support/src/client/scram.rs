//! SCRAM-SHA-256 (RFC 7677), by a SASL library: it has no I/O either, so a step of it is a step of the session's.

use std::ops::RangeInclusive;
use std::str;

use pop3_proto::auth::sasl::Password;
use pop3_proto::wire::Name;
use rsasl::mechanisms::scram::SCRAM_SHA256;
use rsasl::prelude::{SASLClient, SASLConfig, Session};

use super::Result;

/// How often a server may have a password hashed: what RFC 7677 §4 asks for at least, and what takes about a second. A
/// server that asks for less wants to guess it, and one that asks for more wants to keep the client busy.
const ITERATIONS: RangeInclusive<u32> = 4096..=1_000_000;

/// An exchange, as the library has it.
pub(crate) struct Scram {
    session: Session,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    First,
    Final,
    /// The server has proved that it knows the password too.
    Proved,
}

impl Scram {
    /// An exchange for this name and password; `None` if they can't be prepared for it (RFC 5802 §5.1).
    pub(crate) fn new(name: Name<'_>, password: Password<'_>) -> Option<Self> {
        let prepared = |octets| Some(stringprep::saslprep(str::from_utf8(octets).ok()?).ok()?.into_owned());
        let config =
            SASLConfig::with_credentials(None, prepared(name.as_bytes())?, prepared(password.expose())?).ok()?;
        let session = SASLClient::new(config).start_suggested([&SCRAM_SHA256.mechanism]).ok()?;
        Some(Self { session, step: Step::First })
    }

    /// The client's first message.
    pub(crate) fn first(&mut self) -> Result<Vec<u8>> {
        let mut message = Vec::new();
        self.session.step(None, &mut message)?;
        Ok(message)
    }

    /// What answers a challenge. The last one fails unless it proves that the server knows the password too.
    pub(crate) fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>> {
        let mut response = Vec::new();
        // The library panics at some messages that are none (rsasl 2.3.1), so it doesn't see them.
        self.step = match self.step {
            Step::First if is_server_first(challenge) => Step::Final,
            Step::Final if is_server_final(challenge) => Step::Proved,
            _ => return Err("the server's message makes no sense".into()),
        };
        if let Err(error) = self.session.step(Some(challenge), &mut response) {
            self.step = Step::Final;
            return Err(error.into());
        }
        Ok(response)
    }
}

/// Whether a message is `r=nonce,s=salt,i=iterations` and nothing more: the library leaves extensions out of what it
/// signs.
fn is_server_first(message: &[u8]) -> bool {
    let [[b'r', b'=', _, ..], [b's', b'=', _, ..], [b'i', b'=', iterations @ ..]] = parts(message)[..] else {
        return false;
    };
    let iterations = str::from_utf8(iterations).ok().and_then(|digits| digits.parse().ok());
    iterations.is_some_and(|iterations| ITERATIONS.contains(&iterations))
}

/// Whether a message is `v=proof` or `e=error`, and nothing more.
fn is_server_final(message: &[u8]) -> bool {
    matches!(parts(message)[..], [[b'v' | b'e', b'=', _, ..]])
}

fn parts(message: &[u8]) -> Vec<&[u8]> {
    message.split(|octet| *octet == b',').collect()
}
