//! A SASL exchange from the client's side (RFC 5034 §4): what was said in it, and who speaks next.

use core::mem;

use super::error::ProtocolError;
use crate::secret::Secret;
use crate::wire::Mechanism;

/// An exchange that was begun, or is about to be when its turn comes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    stage: Stage,
    /// How many messages of the mechanism are sent.
    messages: u8,
    /// How many failures of a token were answered.
    failures: u8,
    /// Whether the caller has said that the server isn't done.
    expects_more: bool,
}

#[derive(Debug)]
enum Stage {
    /// The client's first message waits for the empty challenge.
    Waiting(Secret),
    /// No challenge was answered.
    Begun,
    Answered,
    /// The client has cancelled.
    Cancelled,
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
        let stage = first.map_or(Stage::Begun, Stage::Waiting);
        Self { mechanism, stage, messages: is_sent_with_auth.into(), failures: 0, expects_more: false }
    }

    /// Whether the server may let the client in now.
    pub(super) fn may_succeed(&self) -> bool {
        let is_open = matches!(self.stage, Stage::Begun | Stage::Answered);
        is_open && self.failures == 0 && !self.expects_more && self.messages >= least_messages(self.mechanism)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.stage, Stage::Cancelled)
    }

    /// Whether a challenge was answered.
    pub(super) fn has_answered(&self) -> bool {
        matches!(self.stage, Stage::Answered | Stage::Cancelled)
    }

    /// Decides who answers a challenge.
    pub(super) fn challenged(&mut self, is_empty: bool) -> Result<Answer, ProtocolError> {
        match mem::replace(&mut self.stage, Stage::Begun) {
            Stage::Waiting(first) if is_empty => return Ok(Answer::First(first)),
            stage => self.stage = stage,
        }
        // A token is all that the client has to say.
        if self.messages == 0 || !matches!(self.mechanism, Mechanism::OAUTHBEARER | Mechanism::XOAUTH2) {
            return Ok(Answer::Caller);
        }
        if self.failures == MAX_FAILURES {
            return Err(ProtocolError::TooManyChallenges);
        }
        self.failures += 1;
        Ok(Answer::Acknowledgement)
    }

    /// Takes note of an answer to a challenge.
    pub(super) fn answered(&mut self, expects_more: bool) {
        self.stage = Stage::Answered;
        self.messages = self.messages.saturating_add(1);
        self.expects_more = expects_more;
    }

    pub(super) fn cancel(&mut self) {
        self.stage = Stage::Cancelled;
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
