//! A SASL exchange from the client's side (RFC 5034 §4): what was said in it, and who speaks next.

use crate::secret::Secret;
use crate::wire::Mechanism;

/// An exchange that was begun, or is about to be when its turn comes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    /// The client's first message, if it waits for the empty challenge.
    first: Option<Secret>,
    is_sent_with_auth: bool,
    /// How many challenges were answered, by the end of the exchange too.
    answers: u8,
    /// How many of the answers were to failures of a token.
    failures: u8,
    /// Whether the caller has said that the server isn't done.
    expects_more: bool,
    pub(super) is_cancelled: bool,
}

/// Who answers a challenge.
pub(super) enum Answer {
    /// The client's first message, which has waited for it.
    First(Secret),
    /// The session: it is the failure of a token.
    Acknowledgement,
    Caller,
}

/// How many failures of a token the session answers by itself (R-GEN-06): more than one is no exchange.
const MAX_FAILURES: u8 = 3;

impl Exchange {
    /// An exchange whose first message is sent with AUTH, or waits for the empty challenge, or neither.
    pub(super) fn new(mechanism: Mechanism, is_sent_with_auth: bool, first: Option<Secret>) -> Self {
        Self { mechanism, first, is_sent_with_auth, answers: 0, failures: 0, expects_more: false, is_cancelled: false }
    }

    /// How many messages of the mechanism are sent.
    pub(super) fn messages(&self) -> u8 {
        let answers = self.answers.saturating_add(self.is_sent_with_auth.into());
        // The end of the exchange is none.
        answers.saturating_sub(self.is_cancelled.into())
    }

    /// Whether the server may let the client in now.
    pub(super) fn may_succeed(&self) -> bool {
        let is_done = self.messages() >= least_messages(self.mechanism);
        is_done && self.failures == 0 && !self.expects_more && !self.is_cancelled
    }

    /// Whether a challenge was answered.
    pub(super) fn has_answered(&self) -> bool {
        self.answers > 0
    }

    /// Decides who answers a challenge; `None` if the server has sent enough of them.
    pub(super) fn challenged(&mut self, is_empty: bool) -> Option<Answer> {
        if let Some(first) = self.first.take_if(|_| is_empty) {
            return Some(Answer::First(first));
        }
        // A token is all that the client has to say.
        if self.messages() == 0 || !matches!(self.mechanism, Mechanism::OAUTHBEARER | Mechanism::XOAUTH2) {
            return Some(Answer::Caller);
        }
        if self.failures == MAX_FAILURES {
            return None;
        }
        self.failures += 1;
        Some(Answer::Acknowledgement)
    }

    /// Takes note of an answer to a challenge.
    pub(super) fn answered(&mut self, expects_more: bool) {
        self.first = None;
        self.answers = self.answers.saturating_add(1);
        self.expects_more = expects_more;
    }

    pub(super) fn cancel(&mut self) {
        self.answered(false);
        self.is_cancelled = true;
    }
}

/// How many messages a client has sent when an exchange succeeds.
fn least_messages(mechanism: Mechanism) -> u8 {
    match mechanism {
        // A name and a password.
        Mechanism::LOGIN => 2,
        // The third is empty: it answers the server's proof, which doesn't come with `+OK` (RFC 5034 §4).
        Mechanism::SCRAM_SHA_1
        | Mechanism::SCRAM_SHA_1_PLUS
        | Mechanism::SCRAM_SHA_256
        | Mechanism::SCRAM_SHA_256_PLUS => 3,
        _ => 1,
    }
}
