//! Conversations with a server's session, in which each block of memory is searched.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::BearerFailure;
use pop3_proto::message::{MessageNumber, Removal, UniqueId};
use pop3_proto::server::{Action, Authenticate, ClientIdentity, Config, Login, Maildrop, Rejection, Session};
use pop3_proto::wire::{Mechanism, Opening, Properties, ResponseCode, Timestamp};
use pop3_proto::{Io, Security};
use searching_allocator::{Search, pause};

use super::{End, TIMESTAMP};

/// A maildrop of one message, which may be one that can't be served.
pub(super) struct Mail {
    pub(super) unique_id: Option<&'static str>,
}

impl Maildrop for Mail {
    type Reader = ();

    fn count(&self) -> u32 {
        1
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(120)
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_id.and_then(|id| UniqueId::new(id).ok())
    }
}

/// What a host remembers of an exchange: how often it was asked. Its end is noted.
pub(super) struct Steps(pub(super) u32, pub(super) Rc<Cell<bool>>);

impl Drop for Steps {
    fn drop(&mut self) {
        self.1.set(true);
    }
}

/// What the host does once the client has sent all that it has to say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Host {
    Accepts,
    /// It opens a maildrop that can't be served.
    AcceptsInVain,
    Rejects,
    RejectsWithCode,
    HandsOver,
    /// It sends a challenge that is too long.
    ChallengesForTooLong,
    /// It drops the session without an answer.
    Leaves,
}

pub(super) const HOSTS: [Host; 7] = [
    Host::Accepts,
    Host::AcceptsInVain,
    Host::Rejects,
    Host::RejectsWithCode,
    Host::HandsOver,
    Host::ChallengesForTooLong,
    Host::Leaves,
];

/// One conversation. It begins in the clear if the client says STLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk<'a> {
    pub(super) input: &'a str,
    pub(super) reads: usize,
    pub(super) host: Host,
    pub(super) end: End,
    pub(super) tls: bool,
    /// Whether each token is dropped once before it is answered.
    pub(super) drops: bool,
}

pub(super) fn config() -> Config {
    let own = Properties { opening: Opening::Either, cleartext: false };
    let config = Config::new().stls(true).sasl_line_limit(12_288).unwrap().command_line_limit(255).unwrap();
    let config = config.mechanism_with(Mechanism::new("X-OWN").unwrap(), own).unwrap();
    [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER]
        .into_iter()
        .fold(config, |config, mechanism| config.mechanism(mechanism).unwrap())
}

impl<'a> Talk<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, reads: usize::MAX, host: Host::Accepts, end: End::HangsUp, tls: true, drops: false }
    }

    /// Has it, and looks for the secret.
    pub(super) fn search(self, config: &Arc<Config>, search: &Search) {
        search.run(|| self.run(config, search));
        assert_eq!(search.freed(), None, "given back: {self:?}");
    }

    fn run(self, config: &Arc<Config>, search: &Search) {
        let is_clean = |place: &str| {
            let found = search.in_use();
            pause(|| assert_eq!(found, None, "{place}: {self:?}"));
        };
        let input = self.input.as_bytes();
        let starts_tls = self.input.find("STLS\r\n").map(|at| at + 6);
        let security = if starts_tls.is_some() { Security::TrustedLocal } else { Security::Tls };
        let timestamp = pause(|| Timestamp::new(TIMESTAMP).unwrap());
        let mut session = Box::new(Session::with_exchange(Arc::clone(config), security).with_timestamp(timestamp));
        let dropped = Rc::new(Cell::new(false));
        let (mut at, mut now) = (0, Duration::ZERO);
        loop {
            if self.drops {
                let _ = session.poll(now);
            }
            match session.poll(now) {
                Action::Close(_) => break,
                Action::Io(Io::Read(mut read)) => {
                    if at == 0 || input[at - 1] == b'\n' {
                        is_clean("read");
                    }
                    match input.get(at..) {
                        Some([_, ..]) => {
                            let space = read.space();
                            let octets = space.len().min(self.reads).min(input.len() - at);
                            space[..octets].copy_from_slice(&input[at..at + octets]);
                            at += octets;
                            read.filled(octets);
                        }
                        _ if self.end == End::HangsUp => read.filled(0),
                        _ if self.end == End::FallsSilent => now += Duration::from_secs(3_600),
                        _ => return,
                    }
                }
                Action::Io(Io::Write(mut write)) => write.advance(write.remaining().min(self.reads)),
                Action::Login(_) | Action::Authenticate(_) if self.host == Host::Leaves => return,
                Action::Login(login) => self.answer(login),
                Action::Authenticate(step) => self.answer_step(step, &dropped),
                Action::StartTls(start) => {
                    is_clean("handshake");
                    // What is in the clear after STLS doesn't come again.
                    at = at.max(starts_tls.unwrap_or_default());
                    if self.tls { start.established(ClientIdentity::Unknown) } else { start.failed() }
                }
                Action::Update(update) => update.finish(Removal::All),
                other => pause(|| panic!("{other:?}")),
            }
        }
        is_clean("closed");
        // What follows a login that was handed over.
        drop((*session).into_unread());
    }

    fn answer(self, login: Login<'_, Mail, Steps>) {
        match self.host {
            Host::Accepts => login.accept(Mail { unique_id: Some("a") }).unwrap(),
            Host::AcceptsInVain => drop(login.accept(Mail { unique_id: None }).unwrap_err()),
            Host::RejectsWithCode => login.reject_with_code(ResponseCode::new("X-NO").unwrap()),
            Host::HandsOver => login.hand_over(),
            _ => login.reject(Rejection::BadCredentials),
        }
    }

    fn answer_step(self, mut step: Authenticate<'_, Mail, Steps>, dropped: &Rc<Cell<bool>>) {
        let mechanism = step.mechanism();
        let is_own = mechanism.as_str() == "X-OWN";
        let (exchange, response) = step.exchange_and_response();
        let is_asked_first = response.is_none();
        let Steps(asked, _) = exchange.get_or_insert_with(|| Steps(0, Rc::clone(dropped)));
        *asked += 1;
        if is_asked_first || is_own && *asked < 3 {
            return step.challenge(TIMESTAMP.as_bytes()).unwrap();
        }
        match self.host {
            Host::Accepts => step.accept(Mail { unique_id: Some("a") }).unwrap(),
            Host::AcceptsInVain => drop(step.accept(Mail { unique_id: None }).unwrap_err()),
            Host::RejectsWithCode => step.reject_with_code(ResponseCode::new("X-NO").unwrap()),
            Host::HandsOver => step.hand_over(),
            Host::ChallengesForTooLong => drop(step.challenge(&[b'x'; 12_288]).unwrap_err()),
            Host::Rejects | Host::Leaves if matches!(mechanism, Mechanism::XOAUTH2 | Mechanism::OAUTHBEARER) => {
                let failure = BearerFailure::new("invalid_token").unwrap();
                step.challenge_and_reject(&failure, Rejection::BadCredentials).unwrap();
                assert!(dropped.get(), "the exchange goes on");
            }
            Host::Rejects | Host::Leaves => step.reject(Rejection::BadCredentials),
        }
    }
}
