//! What the token for a step of a SASL exchange has beside what every login has.

use core::fmt;

use super::authorization::{Expected, SaslStep, Step};
use super::login::Login;
use super::maildrop::Maildrop;
use super::refusals::Rejection;
use super::reply::Reply;
use crate::auth::sasl::{Message, base64, line};
use crate::trace::Trace;
use crate::wire::Mechanism;

/// The client has taken a step in a SASL exchange: it began one, or it responded.
///
/// The session does the framing, base64, the empty challenge that asks for a client's first message, and `*`, which
/// cancels (RFC 5034 §4). What the messages mean is between the host and the client: [`auth::sasl`](crate::auth::sasl)
/// has codecs for many mechanisms, and a SASL library can do the rest.
///
/// The host decides how many steps an exchange has; nothing but the deadline for logging in limits it.
///
/// ```
/// use pop3_proto::auth::sasl::CramMd5;
/// use pop3_proto::server::{Authenticate, Maildrop, Rejection};
/// use pop3_proto::wire::Timestamp;
///
/// /// CRAM-MD5 for one user.
/// fn answer<M: Maildrop>(mut step: Authenticate<'_, M, Timestamp>, new: Timestamp, open: impl Fn() -> M) {
///     let (exchange, response) = step.exchange_and_response();
///     let verified = match (exchange.as_ref(), response.map(CramMd5::parse)) {
///         (Some(challenge), Some(Ok(answer))) => {
///             answer.name.as_bytes() == b"mrose" && answer.verify(challenge, b"tanstaaf")
///         }
///         // The server begins.
///         (None, _) => {
///             *exchange = Some(new.clone());
///             let _ = step.challenge(new.as_str()); // a timestamp isn't too long
///             return;
///         }
///         _ => false,
///     };
///     if verified {
///         let _ = step.accept(open()); // the client knows if the maildrop can't be served
///     } else {
///         step.reject(Rejection::BadCredentials);
///     }
/// }
/// ```
///
/// What else it can be answered with is what every [`Login`] can: [`accept`](Login::accept), [`reject`](Login::reject),
/// [`reject_with_code`](Login::reject_with_code), [`hand_over`](Login::hand_over), [`decline`](Login::decline). Each ends
/// the exchange.
pub type Authenticate<'a, M, E = ()> = Login<'a, M, E, SaslStep>;

/// A challenge is longer than the line limit of the configuration. The client was sent `-ERR`, and the exchange is
/// over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the challenge is longer than a line may be")]
pub struct ChallengeTooLong;

/// For a step of a SASL exchange: see [`Authenticate`].
impl<M: Maildrop, E> Login<'_, M, E, SaslStep> {
    /// Returns the mechanism of the exchange.
    pub fn mechanism(&self) -> Mechanism {
        self.asked.exchange.mechanism
    }

    /// Returns what the client responded, decoded: `None` where it has sent nothing yet and the server begins, which isn't the
    /// same as an empty response.
    pub fn response(&self) -> Option<&[u8]> {
        self.asked.response.map(|place| place.slice(self.pipe.input.unread()))
    }

    /// Returns what the host remembers of this exchange, `None` at its first step; and the [response](Self::response).
    ///
    /// The session keeps it from step to step, and drops it when the exchange is over: answered, cancelled by the
    /// client, broken by a response that isn't base64, or ended with the connection. Its type is the session's: see
    /// [`Session::with_exchange`](super::Session::with_exchange).
    pub fn exchange_and_response(&mut self) -> (&mut Option<E>, Option<&[u8]>) {
        let octets = self.pipe.input.unread();
        (&mut self.authorization.exchange, self.asked.response.map(|place| place.slice(octets)))
    }

    /// Goes on with a challenge, which may be empty. Final data that a mechanism sends from the server is a challenge
    /// too: the client answers it with an empty response, and is then accepted (RFC 5034 §4).
    ///
    /// # Errors
    /// [`ChallengeTooLong`] when its line would be longer than [`Config::sasl_line_limit`](super::Config::sasl_line_limit).
    pub fn challenge(self, challenge: &(impl Message + ?Sized)) -> Result<(), ChallengeTooLong> {
        let response = Expected::Response(self.asked.exchange);
        self.challenge_for(challenge, response)
    }

    /// Sends a last challenge and turns the client down whatever it answers, as OAUTHBEARER does: the challenge tells
    /// why (RFC 7628 §3.2.3). A client that cancels instead is turned down as well.
    ///
    /// # Errors
    /// [`ChallengeTooLong`], as for [`challenge`](Self::challenge).
    pub fn challenge_and_reject(
        self,
        challenge: &(impl Message + ?Sized),
        reason: Rejection,
    ) -> Result<(), ChallengeTooLong> {
        self.challenge_for(challenge, Expected::LastResponse(reason))
    }

    fn challenge_for(mut self, challenge: &(impl Message + ?Sized), next: Expected) -> Result<(), ChallengeTooLong> {
        let exchange = self.authorization.exchange.take();
        self.end();
        let octets = "+ \r\n".len() + base64::encoded_len(challenge.encoded_len());
        if octets > self.terms.config.response_line_limit() as usize {
            self.terms.reply(&mut self.pipe.output, Reply::Permanent);
            return Err(ChallengeTooLong);
        }
        self.terms.trace.show(Trace::Challenge);
        line::encode_challenge(challenge, self.pipe.output.text());
        if let Expected::Response(_) = next {
            self.authorization.exchange = exchange;
        }
        self.authorization.step = Step::Read(next);
        Ok(())
    }
}

impl<M: Maildrop, E> fmt::Debug for Login<'_, M, E, SaslStep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("mechanism", &self.mechanism()).finish_non_exhaustive()
    }
}
