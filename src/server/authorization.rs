//! AUTHORIZATION: from the greeting to an open maildrop (RFC 1939 §4).

use core::{fmt, mem};

use super::close::{CloseReason, Residue};
use super::config::Utf8;
use super::exchange::{Exchange, Meaning};
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::offers::ClientIdentity;
use super::open_maildrop::OpenMaildrop;
use super::refusals::Rejection;
use super::reply::Reply;
use super::tap::{self, ARGUMENT, Tap};
use super::terms::{Instead, Terms};
use crate::auth::sasl::{Message, base64, line};
use crate::buffer::{Line, Output, Pipe, Place};
use crate::secret::Secret;
use crate::wire::{AuthArguments, Command, Mechanism, State, Timestamp, Verb};

/// A session whose client hasn't logged in. `E` is what the host remembers of a SASL exchange.
pub(super) struct Authorization<M, E> {
    /// What the greeting has offered APOP with.
    pub(super) timestamp: Option<Timestamp>,
    /// The name that USER, PLAIN or LOGIN sent, until it is used or forgotten.
    pub(super) name: Option<Secret>,
    pub(super) exchange: Option<E>,
    pub(super) step: Step,
    /// How the host's answer leaves the state, for the next poll.
    pub(super) exit: Option<Exit<M>>,
    failed_logins: u32,
    commands: u32,
}

/// What comes next in AUTHORIZATION.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A line is read.
    Read(Expected),
    /// A listing is written.
    List(Listing),
    /// The host answers credentials, whose line is still in the window.
    Login { line: Place, credentials: Whole },
    /// The host answers a step of an exchange, whose line is still in the window.
    Authenticate { line: Place, step: SaslStep },
    /// All output is written, and then the host begins TLS.
    StartTls(Handshake, Residue),
}

/// What the next line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Command,
    /// A response to the last challenge.
    Response(Exchange),
    /// A response, whatever it is: the host has already turned the client down.
    LastResponse(Rejection),
}

/// Credentials that came whole, by PASS, APOP, or the last message of PLAIN or LOGIN: where they stand in their line.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    /// The name, if it is APOP's; else it came before.
    pub(super) apop_name: Option<Place>,
    /// The password, or the digest of APOP.
    pub(super) secret: Place,
}

/// A step of a SASL exchange, and where its response stands, decoded, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct SaslStep {
    pub(super) exchange: Exchange,
    pub(super) response: Option<Place>,
}

/// What became of the TLS handshake.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handshake {
    Awaited,
    Established(ClientIdentity),
    Failed,
}

/// How AUTHORIZATION is left.
pub(super) enum Exit<M> {
    LoggedIn(OpenMaildrop<M>),
    Over(CloseReason),
}

/// The step after most commands.
const NEXT: Step = Step::Read(Expected::Command);

impl<M: Maildrop, E> Authorization<M, E> {
    pub(super) fn new(timestamp: Option<Timestamp>) -> Self {
        Self { timestamp, name: None, exchange: None, step: NEXT, exit: None, failed_logins: 0, commands: 0 }
    }

    /// The same, where the host remembers something else of an exchange.
    pub(super) fn with_exchange<F>(self) -> Authorization<M, F> {
        let Self { timestamp, name, exchange: _, step, exit, failed_logins, commands } = self;
        Authorization { timestamp, name, exchange: None, step, exit, failed_logins, commands }
    }

    /// Goes on until the client or the host is needed, or the state is left.
    pub(super) fn go_on(&mut self, pipe: &mut Pipe, terms: &mut Terms, tap: &mut Tap<'_>) -> Result<(), Exit<M>> {
        if let Some(exit) = self.exit.take() {
            return Err(exit);
        }
        loop {
            match &mut self.step {
                Step::Read(expected) => {
                    let expected = *expected;
                    if !pipe.output.has_room() {
                        return Ok(());
                    }
                    pipe.input.set_limit(line_limit(expected, pipe.input.octets(), terms));
                    let Some(line) = pipe.input.line() else { return Ok(()) };
                    self.step = self.line(expected, line, pipe, terms, tap).map_err(Exit::Over)?;
                }
                Step::List(listing) => {
                    if !listing.proceed(&mut pipe.output, terms, None::<&M>) {
                        return Ok(());
                    }
                    self.step = NEXT;
                }
                Step::StartTls(Handshake::Established(identity), _) => {
                    terms.renew(*identity);
                    *self = Self::new(self.timestamp.take());
                    let clock = mem::take(&mut pipe.clock);
                    *pipe = terms.pipe();
                    pipe.clock = clock;
                }
                Step::StartTls(Handshake::Failed, _) => return Err(Exit::Over(CloseReason::TlsFailed)),
                Step::Login { .. } | Step::Authenticate { .. } | Step::StartTls(Handshake::Awaited, _) => return Ok(()),
            }
        }
    }

    /// Deals with a line, any of which may hold a secret, a mistyped one too.
    fn line(
        &mut self,
        expected: Expected,
        line: Line,
        pipe: &mut Pipe,
        terms: &mut Terms,
        tap: &mut Tap<'_>,
    ) -> Result<Step, CloseReason> {
        let next = match expected {
            Expected::Command => self.command(line, pipe, terms, tap),
            Expected::Response(exchange) => {
                show_nothing(line, pipe, tap);
                self.response(exchange, line, pipe, terms)
            }
            Expected::LastResponse(rejection) => {
                show_nothing(line, pipe, tap);
                Err(self.rejected(rejection, terms))
            }
        };
        let step = match next {
            Ok(step) => step,
            Err(instead) => terms.settle(&mut pipe.output, State::Authorization, instead).map(|()| NEXT)?,
        };
        match step {
            // The host is to see the line first.
            Step::Login { .. } | Step::Authenticate { .. } => {}
            // What came after STLS is never looked at (R-2595-02).
            Step::StartTls(..) => pipe.input.wipe(usize::MAX),
            Step::Read(_) | Step::List(_) => pipe.input.wipe(line.octets),
        }
        if !matches!(step, Step::Authenticate { .. } | Step::Read(Expected::Response(_))) {
            self.exchange = None;
        }
        Ok(step)
    }

    fn command(&mut self, line: Line, pipe: &mut Pipe, terms: &mut Terms, tap: &mut Tap<'_>) -> Result<Step, Instead> {
        self.commands = self.commands.saturating_add(1);
        if self.commands > terms.config.commands_before_login {
            show_nothing(line, pipe, tap);
            return Err(Instead::Close(Reply::TooManyCommands, CloseReason::TooManyCommandsBeforeLogin));
        }
        let Pipe { input, output, .. } = &mut *pipe;
        let command = terms.read(input, line, State::Authorization, tap).inspect_err(|_| self.name = None)?;
        self.forget_name_unless(command.verb(), terms);
        match command {
            Command::Pass { .. } | Command::Apop { .. } | Command::User { .. } if !terms.may_log_in() => {
                return Err(Reply::CleartextLogin.into());
            }
            // Whatever the name is, the answer is the same (R-1939-36).
            Command::User { name } => {
                self.name = Some(Secret::from(name.as_bytes()));
                terms.good(output, Reply::SendPassword);
            }
            // Whatever the outcome of PASS and APOP, the name is forgotten (R-1939-15).
            Command::Pass { .. } if self.name.is_none() => return Err(Instead::Bad(Reply::NoName)),
            Command::Pass { .. } => {
                let credentials = Whole { apop_name: None, secret: Place::new(ARGUMENT, line.content) };
                return Ok(Step::Login { line: Place::new(0, line.octets), credentials });
            }
            Command::Apop { name, .. } if self.timestamp.is_some() => {
                let digest = tap::digest_start(name);
                let (name, secret) = (Place::new(ARGUMENT, digest - 1), Place::new(digest, line.content));
                let credentials = Whole { apop_name: Some(name), secret };
                return Ok(Step::Login { line: Place::new(0, line.octets), credentials });
            }
            Command::Auth { arguments: None } => return Ok(Step::List(Listing::mechanisms(terms, output)?)),
            Command::Auth { arguments: Some(AuthArguments { mechanism, initial_response }) } => {
                let text = input.octets().get(..line.content).unwrap_or_default();
                let response = initial_response.map(|response| tap::initial_response(text, response));
                return self.authenticate(mechanism, response, line, pipe, terms);
            }
            Command::Stls if terms.offers_stls() => {
                let residue = Residue::count(input.octets().get(line.octets..).unwrap_or_default());
                if !residue.is_empty() && !terms.config.discard_residue {
                    return Err(Instead::Close(Reply::ResidueAfterStls, CloseReason::ResidueAfterStls(residue)));
                }
                terms.good(output, Reply::StartTls);
                return Ok(Step::StartTls(Handshake::Awaited, residue));
            }
            Command::Quit => return Err(Instead::Close(Reply::Bye, CloseReason::Quit)),
            Command::Capa => return Ok(Step::List(Listing::capabilities(terms, output))),
            Command::Lang { language } => {
                return Ok(Listing::languages(terms, output, language)?.map_or(NEXT, Step::List));
            }
            // Sending it again changes nothing.
            Command::Utf8 if terms.config.utf8.is_some() => {
                terms.utf8 = true;
                terms.good(output, Reply::Utf8Mode);
            }
            Command::Apop { .. } | Command::Stls | Command::Utf8 => return Err(Instead::Bad(Reply::Unavailable)),
            _ => {
                debug_assert!(!command.verb().is_valid_in(State::Authorization));
                return Err(Instead::Bad(Reply::WrongState));
            }
        }
        Ok(NEXT)
    }

    /// The name that USER sent is for PASS, and CAPA and LANG may come between (R-1939-15).
    fn forget_name_unless(&mut self, verb: Verb, terms: &Terms) {
        let keeps = match verb {
            Verb::Pass => true,
            Verb::Capa | Verb::Lang => !terms.config.pass_directly_after_user,
            _ => false,
        };
        if !keeps {
            self.name = None;
        }
    }

    /// AUTH with a mechanism: begins an exchange.
    fn authenticate(
        &mut self,
        mechanism: Mechanism,
        response: Option<Place>,
        line: Line,
        pipe: &mut Pipe,
        terms: &mut Terms,
    ) -> Result<Step, Instead> {
        let (exchange, prompt) = Exchange::begin(mechanism, response.is_some(), terms)?;
        match (response, prompt) {
            (None, Some(prompt)) => Ok(challenge(exchange, prompt.as_bytes(), &mut pipe.output)),
            (None, None) => {
                let step = SaslStep { exchange, response: None };
                Ok(Step::Authenticate { line: Place::new(0, line.octets), step })
            }
            (Some(place), _) => self.take_response(exchange, place, line::decode_initial_response, line, pipe, terms),
        }
    }

    /// A line of an exchange, whatever is in it.
    fn response(
        &mut self,
        exchange: Exchange,
        line: Line,
        pipe: &mut Pipe,
        terms: &mut Terms,
    ) -> Result<Step, Instead> {
        let text = pipe.input.octets().get(..line.content).unwrap_or_default();
        match terms.check(line) {
            Ok(()) if text == line::CANCEL => Err(Reply::Cancelled.into()),
            Ok(()) => self.take_response(exchange, Place::new(0, line.content), base64::decode, line, pipe, terms),
            // NUL and CR aren't base64 (R-5034-08).
            Err(Reply::StrayOctet) => Err(Instead::Bad(Reply::NotBase64)),
            Err(problem) => Err(Instead::Bad(problem)),
        }
        .inspect_err(|_| self.name = None)
    }

    /// Decodes a response where it stands, and passes it to the host or reads it.
    fn take_response<D>(
        &mut self,
        exchange: Exchange,
        place: Place,
        decode: impl Fn(&mut [u8]) -> Result<usize, D>,
        line: Line,
        pipe: &mut Pipe,
        terms: &mut Terms,
    ) -> Result<Step, Instead> {
        let Pipe { input, output, .. } = pipe;
        let start = place.range().start;
        let text = input.octets_mut().get_mut(place.range()).unwrap_or_default();
        let octets = decode(text).map_err(|_| Instead::Bad(Reply::NotBase64))?;
        let place = Place::new(start, start + octets);
        let meaning = exchange.read(place.slice(input.octets()), terms);
        match meaning.map_err(|_| Instead::Bad(Reply::MalformedResponse))? {
            Meaning::ForHost => {
                let step = SaslStep { exchange, response: Some(place) };
                Ok(Step::Authenticate { line: Place::new(0, line.octets), step })
            }
            Meaning::Name(name, exchange, prompt) => {
                self.name = Some(Secret::from(name.as_bytes()));
                Ok(challenge(exchange, &prompt, output))
            }
            Meaning::Password(name, password) => {
                if let Some(name) = name {
                    self.name = Some(Secret::from(name.as_bytes()));
                }
                let password = password.expose();
                let is_utf8 = |octets: &[u8]| core::str::from_utf8(octets).is_ok();
                if terms.config.utf8 == Some(Utf8::MessagesAndNames)
                    && !(is_utf8(password) && self.name.as_ref().is_some_and(|name| is_utf8(name.expose())))
                {
                    return Err(Instead::Bad(Reply::NotUtf8));
                }
                let end = place.range().end;
                let credentials = Whole { apop_name: None, secret: Place::new(end - password.len(), end) };
                Ok(Step::Login { line: Place::new(0, line.octets), credentials })
            }
            Meaning::Hopeless => Err(self.failed_login(terms)),
        }
        .inspect_err(|_| self.name = None)
    }

    /// What becomes of a login that is turned down.
    pub(super) fn rejected(&mut self, rejection: Rejection, terms: &mut Terms) -> Instead {
        match rejection {
            Rejection::BadCredentials => self.failed_login(terms),
            Rejection::LoginDelay { seconds: Some(seconds) } => Instead::TryAgain(seconds),
            rejection => Instead::Answer(rejection.into()),
        }
    }

    /// Counts a login that failed for its credentials; the session is over if it is the last.
    fn failed_login(&mut self, terms: &mut Terms) -> Instead {
        terms.failed_logins = terms.failed_logins.saturating_add(1);
        self.failed_logins = self.failed_logins.saturating_add(1);
        if self.failed_logins < terms.config.failed_logins {
            Instead::Answer(Reply::BadCredentials)
        } else {
            Instead::Close(Reply::BadCredentials, CloseReason::TooManyFailedLogins)
        }
    }
}

impl<M, E> fmt::Debug for Authorization<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("timestamp", &self.timestamp)
            .field("name", &self.name)
            .field("step", &self.step)
            .field("failed_logins", &self.failed_logins)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// Sends a challenge: the response comes next.
fn challenge(exchange: Exchange, challenge: &(impl Message + ?Sized), output: &mut Output) -> Step {
    line::encode_challenge(challenge, output.text());
    Step::Read(Expected::Response(exchange))
}

/// Shows a line that isn't a command, all of it as a secret.
fn show_nothing(line: Line, pipe: &Pipe, tap: &mut Tap<'_>) {
    tap::show(tap, pipe.input.octets().get(..line.octets).unwrap_or_default(), line.content, 0);
}

/// How long the line at the front of the input may become: more in an exchange, and where AUTH begins one with a response
/// (R-5034-05, R-5034-06).
#[inline]
fn line_limit(expected: Expected, octets: &[u8], terms: &Terms) -> u32 {
    let config = &terms.config;
    let begins_exchange = || {
        octets.len() >= config.command_line_limit as usize
            && octets.get(..ARGUMENT).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "))
            && terms.mechanisms().is_some()
    };
    match expected {
        Expected::Command if !begins_exchange() => config.command_line_limit,
        _ => config.response_line_limit(),
    }
}
