//! AUTH: a SASL exchange from the client's side (RFC 5034 §4).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::config::InitialResponsePolicy;
use super::error::{Error, ProtocolError, SendError};
use super::inbox::{CHALLENGE, Front};
use super::{Feature, Session, Support, Ticket};
use crate::auth::sasl::{Message, base64, line};
use crate::buffer::{Line, position};
use crate::secret::Secret;
use crate::wire::{Deviation, DeviationSet, Mechanism, Opening, Properties, Verb};

/// An exchange that was begun, or is about to be when its turn comes.
#[derive(Debug)]
pub(super) struct Exchange {
    ticket: Ticket,
    mechanism: Mechanism,
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
    Open,
    /// The client has cancelled.
    Cancelled,
}

/// How many failures of a token the session answers by itself (R-GEN-06): more than one is no exchange.
const MAX_FAILURES: u8 = 3;

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

impl Exchange {
    /// Whether the server may let the client in now.
    fn may_succeed(&self) -> bool {
        let is_open = matches!(self.stage, Stage::Open);
        is_open && self.failures == 0 && !self.expects_more && self.messages >= least_messages(self.mechanism)
    }
}

/// The server challenges the client.
///
/// An empty challenge that asks for a first message which [`Session::authenticate`] was given never comes here, nor does
/// the failure of a bearer token: the session answers both.
#[must_use = "the session waits for the response"]
pub struct Challenge<'a> {
    session: &'a mut Session,
}

impl<'a> Challenge<'a> {
    #[inline]
    pub(super) fn new(session: &'a mut Session) -> Self {
        Self { session }
    }

    /// The mechanism of the exchange.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.session.exchange.as_ref().map(|exchange| exchange.mechanism)
    }

    /// What the server has sent, decoded; may be empty.
    pub fn octets(&self) -> &[u8] {
        match self.session.front {
            Some(Front::Challenge { decoded, .. }) => {
                let (start, end) = (CHALLENGE as usize, (CHALLENGE + decoded) as usize);
                self.session.input.octets().get(start..end).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// Answers it. If the server's final data has proved what it should, the answer is empty, and `+OK` follows.
    ///
    /// `+OK` is a login only where the mechanism has done its part, else it is
    /// [`ProtocolError::UnexpectedLogin`]: after one message or more, two for LOGIN, three for SCRAM, whose third answers
    /// the server's proof. A library that expects more than that says so by
    /// [`respond_expecting_more`](Self::respond_expecting_more).
    pub fn respond(self, response: &(impl Message + ?Sized)) {
        self.session.take_front();
        self.session.respond(response, false);
    }

    /// Answers it, where the server has still to prove or to ask something: `+OK` before the next challenge is
    /// [`ProtocolError::UnexpectedLogin`], and ends the session (RFC 5034 §4).
    pub fn respond_expecting_more(self, response: &(impl Message + ?Sized)) {
        self.session.take_front();
        self.session.respond(response, true);
    }

    /// Ends the exchange; the failure of the command follows.
    pub fn cancel(self) {
        self.session.take_front();
        self.session.cancel();
    }
}

impl fmt::Debug for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").field("mechanism", &self.mechanism()).finish_non_exhaustive()
    }
}

impl Session {
    /// Begins an exchange with this mechanism, whose first message is to be made out of a challenge. Challenges come as
    /// [`Action::Challenge`](super::Action::Challenge), and the end as an event of the ticket.
    ///
    /// # Errors
    /// [`SendError`]: without TLS for a mechanism that sends a password or token, or one that isn't known here; while
    /// another exchange is under way.
    pub fn authenticate(&mut self, mechanism: Mechanism) -> Result<Ticket, SendError> {
        self.begin_exchange::<[u8]>(mechanism, None)
    }

    /// Begins an exchange with this mechanism, and the client's first message. That goes with AUTH as
    /// [`Config::initial_response`](super::Config::initial_response) has it, or answers the empty challenge that the
    /// server begins with.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate), and [`SendError::NoInitialResponse`] for a mechanism that begins with the
    /// server.
    pub fn authenticate_with(
        &mut self,
        mechanism: Mechanism,
        first: &(impl Message + ?Sized),
    ) -> Result<Ticket, SendError> {
        self.begin_exchange(mechanism, Some(first))
    }

    fn begin_exchange<M: Message + ?Sized>(
        &mut self,
        mechanism: Mechanism,
        initial: Option<&M>,
    ) -> Result<Ticket, SendError> {
        // For an unknown mechanism the worst is assumed.
        let unknown = Properties { opening: Opening::Either, cleartext: true };
        let Properties { opening, cleartext } = mechanism.properties().unwrap_or(unknown);
        if cleartext && !self.may_send_secrets() {
            return Err(SendError::Cleartext);
        }
        if initial.is_some() && !opening.takes_initial_response() {
            return Err(SendError::NoInitialResponse);
        }
        if self.exchange.is_some() {
            return Err(SendError::WrongState);
        }
        // By default, AUTH that wasn't announced is sent without an initial response (R-5034-12).
        let announced = self.support(Feature::Sasl) == Support::Yes;
        let with_auth = initial.filter(|initial| match self.config.initial_response {
            InitialResponsePolicy::Auto => {
                announced && line::encoded_auth_len(mechanism, Some(*initial)) <= super::pipeline::MAX_COMMAND_LINE
            }
            InitialResponsePolicy::Never => false,
            InitialResponsePolicy::Always => true,
        });
        let octets = line::encoded_auth_len(mechanism, with_auth);
        let ticket = self.push(Verb::Auth, true, octets, |lines| line::encode_auth(mechanism, with_auth, lines))?;
        let messages = u8::from(with_auth.is_some());
        let stage = match initial.filter(|_| with_auth.is_none()) {
            None => Stage::Open,
            Some(first) => {
                let mut octets = Vec::with_capacity(first.encoded_len());
                first.pieces(&mut |piece| octets.extend_from_slice(piece));
                Stage::Waiting(Secret::from(octets))
            }
        };
        let exchange = Exchange { ticket, mechanism, stage, messages, failures: 0, expects_more: false };
        self.exchange = Some(Box::new(exchange));
        Ok(ticket)
    }

    /// Whether the next line may be a challenge.
    pub(super) fn is_in_exchange(&self) -> bool {
        match (&self.exchange, self.outbox.front()) {
            (Some(exchange), Some(sent)) => exchange.ticket == sent.ticket && self.outbox.front_is_written(),
            _ => false,
        }
    }

    /// Whether the server may let the client in, as far as its exchange goes.
    pub(super) fn may_succeed(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.may_succeed())
    }

    /// A command is answered: if it began the exchange, the exchange is over.
    pub(super) fn end_exchange(&mut self, ticket: Ticket) {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.ticket == ticket) {
            self.exchange = None;
        }
    }

    /// A line of the exchange; `None` if it is no challenge.
    pub(super) fn challenge_line(&mut self, line: Line) -> Option<Result<Option<Front>, Error>> {
        let content = self.input.octets().get(..line.content).unwrap_or_default();
        let mut deviations = match content {
            [b'+', b' ', ..] => DeviationSet::NONE,
            [b'+'] => DeviationSet::NONE.with(Deviation::BareChallenge),
            _ => return None,
        };
        let exchange = self.exchange.as_mut()?;
        if matches!(exchange.stage, Stage::Cancelled) {
            return Some(Err(self.fail(ProtocolError::UnexpectedChallenge)));
        }
        if line.bare_lf {
            deviations = deviations.with(Deviation::BareLineFeed);
        }
        let decoded = if line.defect.is_none() && self.config.accepted.contains_all(deviations) {
            self.deviations.count(deviations);
            let text = self.input.octets_mut().get_mut(CHALLENGE as usize..line.content).unwrap_or_default();
            base64::decode(text).ok()
        } else {
            None
        };
        let Some(decoded) = decoded else {
            // What can't be understood is cancelled (R-5034-08).
            self.input.wipe(line.octets);
            self.cancel();
            return Some(Ok(None));
        };
        match mem::replace(&mut exchange.stage, Stage::Open) {
            Stage::Waiting(first) if decoded == 0 => {
                self.input.consume(line.octets);
                self.respond(first.expose(), false);
                return Some(Ok(None));
            }
            stage => exchange.stage = stage,
        }
        let (octets, decoded) = (position(line.octets), position(decoded));
        // A token is all that the client has to say.
        let is_bearer = matches!(exchange.mechanism, Mechanism::OAUTHBEARER | Mechanism::XOAUTH2);
        if !is_bearer || exchange.messages == 0 {
            return Some(Ok(Some(Front::Challenge { octets, decoded })));
        }
        if exchange.failures == MAX_FAILURES {
            return Some(Err(self.fail(ProtocolError::TooManyChallenges)));
        }
        exchange.failures += 1;
        Some(Ok(Some(Front::BearerFailure { octets, decoded })))
    }

    /// Acknowledges the failure of a token: 0x01 for the standard, nothing for the vendor's (R-7628-01).
    pub(super) fn answer_bearer_failure(&mut self) {
        match &self.exchange {
            Some(exchange) if exchange.mechanism == Mechanism::XOAUTH2 => self.respond("", false),
            _ => self.respond("\x01", false),
        }
    }

    fn respond(&mut self, response: &(impl Message + ?Sized), expects_more: bool) {
        if let Some(exchange) = &mut self.exchange {
            exchange.stage = Stage::Open;
            exchange.messages = exchange.messages.saturating_add(1);
            exchange.expects_more = expects_more;
        }
        let octets = base64::encoded_len(response.encoded_len()) + 2;
        self.outbox.respond(octets, |lines| line::encode_response(response, lines));
    }

    fn cancel(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.stage = Stage::Cancelled;
        }
        self.outbox.respond(line::CANCEL.len() + 2, |lines| {
            lines.extend_from_slice(line::CANCEL);
            lines.extend_from_slice(b"\r\n");
        });
    }
}
