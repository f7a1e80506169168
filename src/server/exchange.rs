//! AUTH: a SASL exchange, from the command to an open maildrop (RFC 5034 §4).

use core::fmt;
use core::ops::Range;

use super::Phase;
use super::authorization::Rejection;
use super::config::Utf8;
use super::connection::{Connection, PendingLogin, Task, check};
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::offers::Offer;
use super::reply::Reply;
use super::transaction::BrokenMaildrop;
use crate::auth::sasl::{InvalidMessage, LoginPrompt, Message, Plain, base64, line};
use crate::buffer::{Input, Line, position};
use crate::secret::Secret;
use crate::wire::{
    AuthArguments, Command, DeviationSet, InvalidCredential, Mechanism, Name, Opening, Password, ResponseCode, State,
};

/// An exchange that waits for the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// Which of the offers.
    offer: u8,
    via: Via,
}

/// Who understands the next response.
#[derive(Clone, Copy, Debug)]
enum Via {
    /// The host.
    Host,
    /// The session: it is the message of PLAIN.
    Plain,
    /// The session: it is the name in LOGIN.
    LoginName,
    /// The session: it is the password in LOGIN.
    LoginPassword,
    /// No one: the host has already turned the client down.
    Rejected(Rejection),
}

/// A response, or the start of an exchange without one, whose line is still in the input window.
///
/// `Debug` shows no place: it would show the length of a password or a token.
#[derive(Clone, Copy)]
pub(super) struct PendingResponse {
    exchange: Exchange,
    /// The octets of the line.
    pub(super) line: u32,
    /// Where the response stands in the line; base64 at first, and then its octets.
    response: Option<Place>,
}

impl fmt::Debug for PendingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

/// A range within a line: no line is longer than a `u32` can express.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: position(start), end: position(end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// What stands there.
    pub(super) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.range()).unwrap_or_default()
    }
}

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
/// fn answer<M: Maildrop<Exchange = Timestamp>>(mut step: Authenticate<'_, M>, new: Timestamp, open: impl Fn() -> M) {
///     let (exchange, response) = step.exchange_and_response();
///     let verified = match (exchange.as_ref(), response.map(CramMd5::parse)) {
///         (Some(challenge), Some(Ok(answer))) => {
///             answer.name.as_bytes() == b"mrose" && answer.verify(challenge, b"tanstaaf")
///         }
///         // The server begins.
///         (None, _) => {
///             *exchange = Some(new.clone());
///             let _ = step.challenge(&new); // a timestamp isn't too long
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
#[must_use = "the session waits for the step to be answered"]
pub struct Authenticate<'a, M: Maildrop> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    pub(super) phase: &'a mut Phase<M>,
    pub(super) pending: PendingResponse,
    pub(super) exchange: &'a mut Option<M::Exchange>,
}

/// A challenge is longer than the line limit of the configuration. The client was sent `-ERR`, and the exchange is
/// over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the challenge is longer than a line may be")]
pub struct ChallengeTooLong;

impl<M: Maildrop> Authenticate<'_, M> {
    /// The mechanism of the exchange.
    pub fn mechanism(&self) -> Mechanism {
        self.connection.mechanism(self.pending.exchange)
    }

    /// What the client responded, decoded: `None` where it has sent nothing yet and the server begins, which isn't the
    /// same as an empty response.
    pub fn response(&self) -> Option<&[u8]> {
        self.pending.response.map(|place| place.of(self.input.octets()))
    }

    /// What the host remembers of this exchange, `None` at its first step; and the [response](Self::response).
    ///
    /// The session keeps it from step to step, and drops it when the exchange is over: answered, cancelled by the
    /// client, broken by a response that isn't base64, or ended with the connection.
    pub fn exchange_and_response(&mut self) -> (&mut Option<M::Exchange>, Option<&[u8]>) {
        let octets = self.input.octets();
        let response = self.pending.response.map(|place| place.of(octets));
        (self.exchange, response)
    }

    /// Whether the client has sent UTF8, and takes messages as they are (RFC 6856 §2).
    pub fn is_utf8_mode(&self) -> bool {
        self.connection.utf8
    }

    /// Goes on with a challenge, which may be empty. Final data that a mechanism sends from the server is a challenge
    /// too: the client answers it with an empty response, and is then accepted (RFC 5034 §4).
    ///
    /// # Errors
    /// [`ChallengeTooLong`] when its line would be longer than [`Config::sasl_line_limit`](super::Config::sasl_line_limit).
    pub fn challenge(self, challenge: &(impl Message + ?Sized)) -> Result<(), ChallengeTooLong> {
        self.connection.end_login(self.input);
        let octets = "+ \r\n".len() + base64::encoded_len(challenge.encoded_len());
        if octets > self.connection.config.response_line_limit() as usize {
            *self.exchange = None;
            self.connection.reply(Reply::Permanent);
            return Err(ChallengeTooLong);
        }
        self.connection.challenge(self.pending.exchange, challenge);
        Ok(())
    }

    /// Sends a last challenge and turns the client down whatever it answers, as OAUTHBEARER does: the challenge tells
    /// why (RFC 7628 §3.2.3). A client that cancels instead is turned down as well.
    ///
    /// # Errors
    /// [`ChallengeTooLong`], as for [`challenge`](Self::challenge).
    pub fn challenge_and_reject(
        mut self,
        challenge: &(impl Message + ?Sized),
        reason: Rejection,
    ) -> Result<(), ChallengeTooLong> {
        *self.exchange = None;
        self.pending.exchange.via = Via::Rejected(reason);
        self.challenge(challenge)
    }

    /// Lets the client in. The session owns the maildrop from now on, and drops it when the session ends.
    ///
    /// # Errors
    /// [`BrokenMaildrop`], as for [`Login::accept`](super::Login::accept).
    pub fn accept(self, maildrop: M) -> Result<(), BrokenMaildrop> {
        self.connection.end_login(self.input);
        *self.exchange = None;
        self.connection.log_in(self.phase, maildrop)
    }

    /// Ends the exchange and turns the client down. It may try again, within the limits of the configuration.
    pub fn reject(self, reason: Rejection) {
        self.connection.end_login(self.input);
        *self.exchange = None;
        self.connection.turn_down(reason);
    }

    /// The safe answer of a host that can't tell: the exchange ends, and the client is turned down as
    /// [`Rejection::Temporary`] says.
    pub fn decline(self) {
        self.reject(Rejection::Temporary);
    }

    /// Ends the exchange and turns the client down for a reason that has a code of its own, as
    /// [`Login::reject_with_code`](super::Login::reject_with_code) does.
    pub fn reject_with_code(self, code: ResponseCode<'_>) {
        self.connection.end_login(self.input);
        *self.exchange = None;
        self.connection.refuse_login(code);
    }
}

impl<M: Maildrop> fmt::Debug for Authenticate<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("mechanism", &self.mechanism()).finish_non_exhaustive()
    }
}

impl Connection {
    fn mechanism(&self, exchange: Exchange) -> Mechanism {
        self.config.offers.get(exchange.offer).map_or(Mechanism::PLAIN, |offer| offer.mechanism)
    }

    /// AUTH: lists the mechanisms, or begins an exchange.
    pub(super) fn authenticate(&mut self, command: &Command<'_>, octets: &[u8], line: Line) {
        let Command::Auth { arguments: Some(AuthArguments { mechanism, initial_response }) } = *command else {
            return if self.config.offers.listed_by_auth && self.takes_auth() {
                self.list(Reply::Mechanisms, Listing::MECHANISMS);
            } else {
                self.bad(State::Authorization, Reply::Unavailable);
            };
        };
        let Some((offer, offered)) = self.config.offers.find(mechanism) else {
            return self.reply(Reply::UnknownMechanism);
        };
        if offered.is_cleartext() && !self.may_log_in() {
            return self.reply(Reply::CleartextLogin);
        }
        if !offered.is_allowed(self.may_log_in(), self.identity) {
            return self.reply(Reply::UnknownMechanism);
        }
        if initial_response.is_some() && !offered.opening().takes_initial_response() {
            return self.reply(Reply::UnexpectedResponse);
        }
        let exchange = Exchange { offer, via: self.via(offered) };
        let response = initial_response.map(|response| {
            // It is the last word of the line.
            let end = octets.trim_ascii_end().len();
            Place::new(end - response.expose().len().min(end), end)
        });
        self.task = match (response, offered.opening()) {
            (None, _) if matches!(exchange.via, Via::Plain) => return self.challenge(exchange, b"".as_slice()),
            (None, Opening::Client) => return self.challenge(exchange, b"".as_slice()),
            (None, _) if matches!(exchange.via, Via::LoginName) => {
                return self.challenge(exchange, &LoginPrompt::Name);
            }
            _ => Task::Response(PendingResponse { exchange, line: position(line.octets), response }),
        };
    }

    fn via(&self, offer: Offer) -> Via {
        match offer.mechanism {
            Mechanism::PLAIN if self.config.offers.passwords_as_logins => Via::Plain,
            Mechanism::LOGIN if self.config.offers.passwords_as_logins => Via::LoginName,
            _ => Via::Host,
        }
    }

    fn challenge(&mut self, exchange: Exchange, challenge: &(impl Message + ?Sized)) {
        line::encode_challenge(challenge, self.output.text());
        self.task = Task::Exchange(exchange);
    }

    /// A line of an exchange, whatever is in it.
    pub(super) fn response_line(&mut self, exchange: Exchange, octets: &[u8], line: Line) {
        self.task = Task::None;
        if let Via::Rejected(reason) = exchange.via {
            return self.turn_down(reason);
        }
        let problem = match check(line).and_then(|()| self.overlook(DeviationSet::NONE, line)) {
            Ok(()) if octets == line::CANCEL => {
                self.name = None;
                return self.reply(Reply::Cancelled);
            }
            Ok(()) => {
                let response = Some(Place::new(0, line.content));
                self.task = Task::Response(PendingResponse { exchange, line: position(line.octets), response });
                return;
            }
            // NUL and CR aren't base64 (R-5034-08).
            Err(Reply::StrayOctet) => Reply::NotBase64,
            Err(problem) => problem,
        };
        self.name = None;
        self.bad(State::Authorization, problem);
    }

    /// Decodes a response where it stands, and passes it to the host or the part of the session that understands it.
    pub(super) fn take_response(&mut self, input: &mut Input, mut pending: PendingResponse, initial: bool) {
        if let Some(place) = pending.response {
            let text = input.octets_mut().get_mut(place.range()).unwrap_or_default();
            let decoded = if initial { line::decode_initial_response(text) } else { base64::decode(text) };
            let Ok(octets) = decoded else {
                return self.fail_exchange(Reply::NotBase64);
            };
            let start = place.start as usize;
            pending.response = Some(Place::new(start, start + octets));
        }
        let Some(place) = pending.response else {
            self.task = Task::Authenticate(pending);
            return;
        };
        let message = place.of(input.octets());
        match pending.exchange.via {
            Via::Host => self.task = Task::Authenticate(pending),
            Via::Plain => match Plain::parse(message) {
                Ok(plain) if !self.can_keep(plain.name) => self.fail_exchange(Reply::MalformedResponse),
                Ok(plain) if plain.other_identity().is_none() => {
                    self.name = Some(Secret::from(plain.name.as_bytes()));
                    let end = place.end as usize;
                    let password = plain.password;
                    self.take_password(pending.line, Place::new(end - password.expose().len(), end), password);
                }
                // The host isn't asked, since it couldn't see whom the client wants to act for; nor is it about a guess that
                // must be wrong.
                Ok(_) | Err(InvalidMessage::Credential(InvalidCredential::LineEnd)) => self.end_exchange_failed(),
                Err(_) => self.fail_exchange(Reply::MalformedResponse),
            },
            Via::LoginName => match Name::new(message) {
                Ok(name) if self.can_keep(name) => {
                    self.name = Some(Secret::from(name.as_bytes()));
                    let exchange = Exchange { via: Via::LoginPassword, ..pending.exchange };
                    self.challenge(exchange, &LoginPrompt::Password);
                }
                _ => self.fail_exchange(Reply::MalformedResponse),
            },
            Via::LoginPassword => match Password::new(message) {
                Ok(password) => self.take_password(pending.line, place, password),
                Err(InvalidCredential::LineEnd) => self.end_exchange_failed(),
                Err(_) => self.fail_exchange(Reply::MalformedResponse),
            },
            // Its answer isn't looked at.
            Via::Rejected(reason) => {
                self.task = Task::None;
                self.turn_down(reason);
            }
        }
    }

    /// Whether a name is no longer than one that USER can send.
    fn can_keep(&self, name: Name<'_>) -> bool {
        name.as_bytes().len() <= self.config.command_line_limit as usize
    }

    /// The host is to be asked as for PASS.
    fn take_password(&mut self, line: u32, place: Place, password: Password<'_>) {
        let is_utf8 = |octets: &[u8]| core::str::from_utf8(octets).is_ok();
        if self.config.utf8 == Some(Utf8::MessagesAndNames) {
            let name = self.name.as_ref().map_or(&[][..], Secret::expose);
            if !is_utf8(name) || !is_utf8(password.expose()) {
                return self.fail_exchange(Reply::NotUtf8);
            }
        }
        self.task = Task::Login(PendingLogin::Password { line, password: place });
    }

    /// Ends an exchange in which the client has broken a rule.
    fn fail_exchange(&mut self, reply: Reply) {
        self.task = Task::None;
        self.name = None;
        self.bad(State::Authorization, reply);
    }

    /// Ends an exchange with credentials that can't be right.
    fn end_exchange_failed(&mut self) {
        self.task = Task::None;
        self.name = None;
        self.failed_login();
    }
}
