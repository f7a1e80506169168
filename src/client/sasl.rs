//! AUTH: the client's part of a SASL exchange (RFC 5034 §4).

use alloc::vec::Vec;

use super::capabilities::{Feature, Support};
use super::config::InitialResponsePolicy;
use super::error::SendError;
use super::exchange::Exchange;
use super::queue::Ticket;
use super::send::MAX_COMMAND_LINE;
use super::session::Session;
use crate::auth::sasl::{Message, OAuthBearer, XOAuth2, base64, line};
use crate::secret::Secret;
use crate::trace::Trace;
use crate::wire::{Mechanism, Opening, Properties, Verb};

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
        if self.queue.exchange.is_some() {
            return Err(SendError::WrongState);
        }
        // By default, AUTH that wasn't announced is sent without an initial response (R-5034-12).
        let is_announced = self.support(Feature::Sasl) == Support::Yes;
        let with_auth = initial.filter(|initial| match self.config.initial_response {
            InitialResponsePolicy::Auto => {
                is_announced && line::encoded_auth_len(mechanism, Some(*initial)) <= MAX_COMMAND_LINE
            }
            InitialResponsePolicy::Never => false,
            InitialResponsePolicy::Always => true,
        });
        let first = initial.filter(|_| with_auth.is_none()).map(|first| {
            let mut octets = Vec::with_capacity(first.encoded_len());
            first.pieces(&mut |piece| octets.extend_from_slice(piece));
            Secret::from(octets)
        });
        let exchange = Exchange::new(mechanism, with_auth.is_some(), first);
        let octets = line::encoded_auth_len(mechanism, with_auth);
        self.push(Verb::Auth, true, octets, Some(exchange), |lines| line::encode_auth(mechanism, with_auth, lines))
    }

    /// Acknowledges the failure of a token: 0x01 for the standard, nothing for the vendor's (R-7628-01).
    pub(super) fn acknowledge_failure(&mut self) {
        let answer = match &self.queue.exchange {
            Some(exchange) if exchange.mechanism == Mechanism::XOAUTH2 => XOAuth2::FAILURE_ANSWER,
            _ => OAuthBearer::FAILURE_ANSWER,
        };
        self.respond(answer, false);
    }

    /// Answers a challenge.
    pub(super) fn respond(&mut self, response: &(impl Message + ?Sized), expects_more: bool) {
        if let Some(exchange) = &mut self.queue.exchange {
            exchange.answered(expects_more);
        }
        self.trace.show(Trace::SaslResponse);
        let octets = base64::encoded_len(response.encoded_len()) + 2;
        self.pipe.output.insert_line(octets, |lines| line::encode_response(response, lines));
    }

    /// Answers a challenge by the end of the exchange.
    pub(super) fn cancel(&mut self) {
        if let Some(exchange) = &mut self.queue.exchange {
            exchange.cancel();
        }
        self.trace.show(Trace::SaslResponse);
        self.pipe.output.insert_line(line::CANCEL.len() + 2, |lines| {
            lines.extend_from_slice(line::CANCEL);
            lines.extend_from_slice(b"\r\n");
        });
    }
}
