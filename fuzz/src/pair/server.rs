//! The server's half of a pair: a host that knows one user.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerFailure, BearerToken, CramMd5, Mechanism, OAuthBearer, XOAuth2};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Action, Authenticate, ClientIdentity, CloseReason, Config, ConfigError, Rejection, Session};
use pop3_proto::wire::Timestamp;
use pop3_proto::{Io, Security};

use super::{Case, NAME, PASSWORD, Pipe, Polled, Step};
use crate::case::Answer;
use crate::drive::TIMESTAMP;
use crate::store::{Exchange, Ids, Mailbox, Reader, Store};

pub struct Server {
    session: Session<Mailbox, Exchange>,
    store: Rc<Store>,
    answer: Answer,
    removed: BTreeSet<u32>,
}

impl Server {
    pub fn new(case: &Case<'_>) -> Self {
        let settings = &case.settings;
        let build = || -> Result<Config, ConfigError> {
            let config = Config::new().output_limit(1_024 + u32::from(settings.output))?.stls(settings.stls);
            [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER]
                .into_iter()
                .try_fold(config, Config::mechanism)
        };
        let config = Arc::new(build().expect("a configuration within its bounds"));
        let security = if settings.stls { Security::Cleartext } else { Security::TrustedLocal };
        let timestamp = Timestamp::new(TIMESTAMP).expect("a timestamp");
        let session = Session::with_exchange(config, security).with_timestamp(timestamp);
        let (chunk, empty_chunks) = (settings.chunk.max(1), settings.empty_chunks);
        let answer = Answer { chunk, empty_chunks, ..Answer::default() };
        Self { session, store: Store::new(case.messages(), false), answer, removed: BTreeSet::new() }
    }

    /// The messages that are gone.
    pub fn removed(&self) -> &BTreeSet<u32> {
        &self.removed
    }

    pub fn poll(&mut self, input: &mut Pipe, output: &mut Pipe, step: Step) -> Polled<CloseReason> {
        let moved = match self.session.poll(Duration::ZERO) {
            Action::Close(reason) => return Polled::Closed(reason),
            _ if step.drop => false,
            Action::Io(Io::Read(mut read)) => match input.get(read.space(), step) {
                0 => false,
                octets => {
                    read.filled(octets);
                    true
                }
            },
            Action::Io(Io::Write(mut write)) => {
                let octets = output.put(write.chunk(), step);
                write.advance(octets);
                octets > 0
            }
            Action::StartTls(start) => {
                start.established(ClientIdentity::Unknown);
                true
            }
            Action::Login(login) => {
                let credentials = login.credentials();
                if credentials.verify((credentials.name() == NAME.as_bytes()).then_some(PASSWORD)).is_ok() {
                    login.accept(self.store.open(Ids::Distinct).0).expect("a maildrop");
                } else {
                    login.reject(Rejection::BadCredentials);
                }
                true
            }
            Action::Authenticate(step) => {
                authenticate(step, &self.store);
                true
            }
            Action::Measure(mut measure) => {
                let (mailbox, message) = measure.maildrop_and_message();
                mailbox.measure(message);
                measure.done();
                true
            }
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.message();
                let reader = Reader::new(retrieve.maildrop().message(message), self.answer, false);
                retrieve.begin(reader);
                true
            }
            Action::Body(mut body) => {
                match body.reader().next_chunk() {
                    Ok(Some(chunk)) => body.push(chunk),
                    _ => body.end(),
                }
                true
            }
            Action::Update(mut update) => {
                self.removed = update.maildrop_and_deletions().1.map(MessageNumber::get).collect();
                update.finish(Removal::All);
                true
            }
        };
        if moved { Polled::Moved } else { Polled::Stuck }
    }
}

/// A step of CRAM-MD5, or of a mechanism of bearer tokens.
fn authenticate(mut step: Authenticate<'_, Mailbox, Exchange>, store: &Rc<Store>) {
    let mechanism = step.mechanism();
    let timestamp = Timestamp::new(TIMESTAMP).expect("a timestamp");
    let (remembered, response) = step.exchange_and_response();
    let is_first = remembered.is_none();
    remembered.get_or_insert_with(|| store.remember());
    let is_token = |token: BearerToken<'_>| token.matches(PASSWORD.trim().as_bytes());
    let is_right = match (mechanism, response) {
        (Mechanism::CRAM_MD5, Some(response)) => {
            CramMd5::parse(response).expect("a response").verify(&timestamp, PASSWORD.as_bytes())
        }
        (Mechanism::CRAM_MD5, None) => return step.challenge(timestamp.as_str()).expect("a short challenge"),
        (Mechanism::XOAUTH2, Some(response)) => XOAuth2::parse(response).is_ok_and(|message| is_token(message.token)),
        (_, Some(response)) => OAuthBearer::parse(response).is_ok_and(|message| message.token.is_some_and(is_token)),
        (_, None) => panic!("a mechanism of tokens begins with the client"),
    };
    if is_right {
        step.accept(store.open(Ids::Distinct).0).expect("a maildrop");
    } else if is_first && mechanism != Mechanism::CRAM_MD5 {
        let failure = BearerFailure::new("invalid_token").expect("a status");
        step.challenge(&failure).expect("a short challenge");
    } else {
        let expected: &[u8] = if mechanism == Mechanism::XOAUTH2 { b"" } else { b"\x01" };
        assert!(mechanism == Mechanism::CRAM_MD5 || step.response() == Some(expected));
        step.reject(Rejection::BadCredentials);
    }
}
