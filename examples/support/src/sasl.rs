//! SASL mechanisms of more than a name and a password: what the server answers to each response.

use std::io;
use std::sync::Arc;

use pop3_proto::auth::sasl::{
    Anonymous, BearerFailure, BearerToken, CramMd5, Mechanism, Message as _, OAuthBearer, XOAuth2,
};
use pop3_proto::server::Rejection;
use pop3_proto::wire::Timestamp;

use super::accounts::{Account, Accounts};
use super::scram::{self, Scram};
use super::timestamps::Timestamps;

/// Who logs in without being anybody, if there is such a user.
const ANONYMOUS: &[u8] = b"anonymous";

/// What the mechanisms of a server have in common.
pub(crate) struct Sasl {
    timestamps: Timestamps,
    scram: Scram,
    anonymous: bool,
}

/// Where an exchange stands, from one response to the next.
pub enum Exchange {
    /// CRAM-MD5: the challenge is out.
    CramMd5(Timestamp),
    /// SCRAM, as the library has it.
    Scram(Box<scram::Session>),
    /// SCRAM: this is who it is, and the server's own proof is out.
    ScramVerified(String),
}

/// What comes of a response.
pub(crate) enum Outcome {
    /// The client is to answer this.
    Challenge(Vec<u8>),
    /// The client is told why it is turned down.
    ChallengeAndReject(Vec<u8>),
    /// It is who it says: its maildrop may be opened.
    Accept(Arc<Account>),
    /// It is turned down.
    Reject(Rejection),
}

impl Sasl {
    /// The mechanisms for these users.
    pub(crate) fn new(accounts: &Accounts) -> io::Result<Self> {
        let scram = Scram::new(accounts.passwords())?;
        Ok(Self { timestamps: Timestamps::default(), scram, anonymous: accounts.has(ANONYMOUS) })
    }

    /// What to offer beside PLAIN. Not EXTERNAL: nobody here looks at certificates of clients.
    pub(crate) fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let always = [
            Mechanism::LOGIN,
            Mechanism::CRAM_MD5,
            Mechanism::SCRAM_SHA_256,
            Mechanism::XOAUTH2,
            Mechanism::OAUTHBEARER,
        ];
        always.into_iter().chain(self.anonymous.then_some(Mechanism::ANONYMOUS))
    }

    /// Takes a response, `None` where the server begins. There is no `exchange` yet at the first step.
    pub(crate) fn step(
        &self,
        mechanism: Mechanism,
        exchange: &mut Option<Exchange>,
        response: Option<&[u8]>,
        accounts: &Accounts,
    ) -> Outcome {
        let response = response.unwrap_or_default();
        match (mechanism, exchange.take()) {
            (Mechanism::CRAM_MD5, None) => match self.timestamps.next() {
                Some(timestamp) => {
                    let challenge = timestamp.as_str().into();
                    *exchange = Some(Exchange::CramMd5(timestamp));
                    Outcome::Challenge(challenge)
                }
                None => Outcome::Reject(Rejection::Temporary),
            },
            (_, Some(Exchange::CramMd5(challenge))) => match CramMd5::parse(response) {
                Ok(answer) => {
                    accounts.verify_by(answer.name.as_bytes(), |password| answer.verify(&challenge, password)).into()
                }
                Err(_) => Outcome::MALFORMED,
            },
            (Mechanism::XOAUTH2, None) => {
                let failure = BearerFailure::new("401").and_then(|failure| failure.with_schemes("bearer"));
                let message = XOAuth2::parse(response);
                let claim = message.as_ref().ok().map(|message| (message.name.as_bytes(), message.token));
                bearer(claim, failure.ok(), accounts)
            }
            (Mechanism::OAUTHBEARER, None) => {
                let failure = BearerFailure::new("invalid_token");
                let message = OAuthBearer::parse(response);
                // An identity provider would know whose the token is. Here only the client can say it.
                let claim = message.as_ref().ok().and_then(|message| {
                    let name = message.authorization.as_ref()?.as_name().as_bytes();
                    Some((name, message.token?))
                });
                bearer(claim, failure.ok(), accounts)
            }
            (Mechanism::SCRAM_SHA_256, None) => {
                match scram::name(response).and_then(|name| scram::begin(response, self.scram.keys(&name))) {
                    Some((session, challenge)) => {
                        *exchange = Some(Exchange::Scram(session.into()));
                        Outcome::Challenge(challenge)
                    }
                    None => Outcome::MALFORMED,
                }
            }
            (_, Some(Exchange::Scram(session))) => match scram::finish(*session, response) {
                Some((name, proof)) => {
                    *exchange = Some(Exchange::ScramVerified(name));
                    Outcome::Challenge(proof)
                }
                None => Outcome::Reject(Rejection::BadCredentials),
            },
            // The client has nothing more to say.
            (_, Some(Exchange::ScramVerified(name))) if response.is_empty() => {
                accounts.verify_by(name.as_bytes(), |_| true).into()
            }
            (Mechanism::ANONYMOUS, None) if self.anonymous && Anonymous::parse(response).is_ok() => {
                accounts.verify_by(ANONYMOUS, |_| true).into()
            }
            _ => Outcome::MALFORMED,
        }
    }
}

impl Outcome {
    const MALFORMED: Self = Self::Reject(Rejection::Malformed);
}

impl From<Result<Arc<Account>, Rejection>> for Outcome {
    fn from(verified: Result<Arc<Account>, Rejection>) -> Self {
        verified.map_or_else(Self::Reject, Self::Accept)
    }
}

/// A name, and the token that is said to be its: here that is the account's password.
fn bearer(claim: Option<(&[u8], BearerToken<'_>)>, failure: Option<BearerFailure<'_>>, accounts: &Accounts) -> Outcome {
    let verified = match claim {
        Some((name, token)) => accounts.verify_by(name, |password| token.matches(password)),
        None => Err(Rejection::BadCredentials),
    };
    match (verified, failure) {
        (Err(Rejection::BadCredentials), Some(failure)) => {
            let mut challenge = Vec::new();
            failure.encode(&mut challenge);
            Outcome::ChallengeAndReject(challenge)
        }
        (verified, _) => verified.into(),
    }
}
