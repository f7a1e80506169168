//! The host's part before a maildrop is open.

use pop3_proto::server::{Authenticate, ClientIdentity, Credentials, Login, Rejection, StartTls};

use super::{Acted, Host};
use crate::case::{Answer, rejection};
use crate::record::{Admission, Asked, Outcome};
use crate::store::{Exchange, Ids, Mailbox};

/// Whether somebody is let in; and with which maildrop, and whether the session should take it.
enum Decision {
    Reject(Rejection),
    Accept(Ids, Mailbox, bool),
    HandOver,
}

impl Host {
    pub(super) fn log_in(&mut self, login: Login<'_, Mailbox, Exchange>) -> Acted {
        let credentials = login.credentials();
        let name = credentials.name().to_vec();
        let password = match credentials {
            Credentials::Password { password, .. } => Some(password.expose().to_vec()),
            _ => None,
        };
        let known = password.as_ref().is_some_and(|password| password == b"secret");
        assert!(password.is_none() || credentials.verify(Some(b"secret")).is_ok() == known);
        let utf8 = login.is_utf8_mode();
        let answer = self.answer();
        let admission = match self.decide(answer) {
            Decision::Reject(reason) => {
                login.reject(reason);
                Admission::Rejected(reason)
            }
            Decision::Accept(ids, mailbox, fine) => {
                assert_eq!(login.accept(mailbox).is_ok(), fine);
                if fine { Admission::Accepted(ids) } else { Admission::Broken(ids) }
            }
            Decision::HandOver => {
                login.hand_over();
                Admission::HandedOver
            }
        };
        self.call(Asked::Login { name, password, utf8, admission })
    }

    fn decide(&self, answer: Answer) -> Decision {
        if let Some(reason) = rejection(answer) {
            return Decision::Reject(reason);
        }
        if answer.choice % 16 == 8 {
            return Decision::HandOver;
        }
        let ids = match answer.choice % 8 {
            6 => Ids::Missing,
            7 => Ids::Same,
            _ => Ids::Distinct,
        };
        let (mailbox, fine) = self.store.open(ids);
        Decision::Accept(ids, mailbox, fine)
    }

    pub(super) fn authenticate(&mut self, mut step: Authenticate<'_, Mailbox, Exchange>) -> Acted {
        let (mechanism, utf8) = (step.mechanism().to_string(), step.is_utf8_mode());
        let (exchange, response) = step.exchange_and_response();
        let response = response.map(<[u8]>::to_vec);
        let exchange = exchange.get_or_insert_with(|| self.store.remember());
        let steps = exchange.steps;
        exchange.steps += 1;
        assert_eq!(step.response(), response.as_deref());
        let answer = self.answer();
        let outcome = if response.is_none() != answer.empty_chunks {
            let octets = usize::from(answer.chunk) + usize::from(answer.chunks) * 64;
            let challenge = vec![answer.choice; octets];
            let sent = step.challenge(&challenge[..]).is_ok();
            if sent { Outcome::Challenge(challenge) } else { Outcome::TooLong }
        } else {
            Outcome::Ended(match self.decide(answer) {
                Decision::Reject(reason) => {
                    step.reject(reason);
                    Admission::Rejected(reason)
                }
                Decision::Accept(ids, mailbox, fine) => {
                    assert_eq!(step.accept(mailbox).is_ok(), fine);
                    if fine { Admission::Accepted(ids) } else { Admission::Broken(ids) }
                }
                Decision::HandOver => {
                    step.hand_over();
                    Admission::HandedOver
                }
            })
        };
        assert_eq!(self.store.remembered() == 1, matches!(outcome, Outcome::Challenge(_)));
        self.call(Asked::Step { mechanism, response, steps, utf8, outcome })
    }

    pub(super) fn start_tls(&mut self, start: StartTls<'_>) {
        assert!(!self.unwritten, "TLS before its response is written");
        let residue = start.residue();
        let identity = match self.answer().choice % 4 {
            1 => Some(ClientIdentity::Verified),
            2 => None,
            _ => Some(ClientIdentity::Unknown),
        };
        match identity {
            Some(identity) => start.established(identity),
            None => start.failed(),
        }
        self.call(Asked::StartTls { residue, identity });
    }
}
