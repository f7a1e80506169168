//! AUTHORIZATION: from the greeting to an open maildrop (RFC 1939 §4).

use alloc::boxed::Box;
use core::fmt;

use super::close::{CloseReason, Residue};
use super::config::Utf8;
use super::exchange::{Exchange, Meaning};
use super::listing::Listing;
use super::maildrop::Maildrop;
use super::offers::ClientIdentity;
use super::open_maildrop::OpenMaildrop;
use super::refusals::Rejection;
use super::reply::Reply;
use super::terms::{Instead, Terms, Work};
use crate::auth::sasl::base64::InvalidBase64;
use crate::auth::sasl::{base64, line};
use crate::buffer::{Line, Output, Pipe, Place};
use crate::part::{part, part_mut};
use crate::secret::Secret;
use crate::totals::count;
use crate::trace::Trace;
use crate::wire::{
    AuthArguments, Command, Greeting, InitialResponse, Mechanism, Name, Response, State, Status, Text, Timestamp, Verb,
};

/// A session whose client hasn't logged in. `E` is what the host remembers of a SASL exchange.
pub(super) struct Authorization<M, E> {
    /// What the greeting has offered APOP with.
    pub(super) timestamp: Option<Timestamp>,
    /// The name that USER, PLAIN or LOGIN sent, until it is used or forgotten.
    pub(super) name: Option<Secret>,
    pub(super) exchange: Option<E>,
    pub(super) step: Step,
    /// What the host has opened for the client, which is logged in with the next poll. Boxed, or each session would have room
    /// for it twice.
    pub(super) opened: Option<Box<OpenMaildrop<M>>>,
    failed_logins: u32,
    commands: u32,
}

/// What comes next in AUTHORIZATION.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The client is greeted.
    Greet,
    /// A line is read.
    Read(Expected),
    /// A listing is written.
    List(Listing),
    /// The host answers credentials, whose line is still in the window.
    Login(Place, Whole),
    /// The host answers a step of an exchange, whose line is still in the window.
    Authenticate(Place, SaslStep),
    /// All output is written, and then the host begins TLS.
    StartTls(Residue),
    /// The host has established TLS.
    Renew(ClientIdentity),
    /// The host's answer has ended the session.
    Over(CloseReason),
}

impl Step {
    /// The first step of a connection.
    pub(super) fn first(implicit_tls: bool) -> Self {
        if implicit_tls { Self::StartTls(Residue::default()) } else { Self::Greet }
    }
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

/// Credentials that came whole, by PASS, APOP, or the last message of PLAIN or LOGIN: where they stand.
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

/// The step after most commands.
const NEXT: Step = Step::Read(Expected::Command);

impl<M: Maildrop, E> Authorization<M, E> {
    pub(super) fn new(timestamp: Option<Timestamp>, step: Step) -> Self {
        Self { timestamp, name: None, exchange: None, step, opened: None, failed_logins: 0, commands: 0 }
    }

    /// Goes on until the client or the host is needed, or the session is over.
    pub(super) fn go_on(&mut self, work: &mut Work<'_>) -> Result<(), CloseReason> {
        loop {
            let Work { pipe, terms, .. } = work;
            match &mut self.step {
                Step::Greet => {
                    self.greet(terms, &mut pipe.output);
                    self.step = NEXT;
                }
                Step::Read(expected) => {
                    let expected = *expected;
                    if !pipe.output.has_room() {
                        return Ok(());
                    }
                    pipe.input.set_limit(line_limit(expected, pipe.input.unread(), terms));
                    let Some(line) = pipe.input.line() else { return Ok(()) };
                    self.step = self.line(expected, line, work)?;
                }
                Step::List(listing) => {
                    if !listing.proceed(&mut pipe.output, terms, None::<&M>) {
                        return Ok(());
                    }
                    self.step = NEXT;
                }
                Step::Renew(identity) => {
                    // Without a command there was no STLS: TLS came first.
                    let next = if self.commands == 0 { Step::Greet } else { NEXT };
                    work.renew(*identity);
                    *self = Self::new(self.timestamp.take(), next);
                }
                Step::Over(reason) => return Err(*reason),
                Step::Login(..) | Step::Authenticate(..) | Step::StartTls(_) => return Ok(()),
            }
        }
    }

    /// Queues the greeting (R-1939-01), with the timestamp where it can be used.
    fn greet(&mut self, terms: &mut Terms, output: &mut Output) {
        let offered = self.timestamp.take().filter(|_| terms.may_log_in());
        terms.respond(output, |terms, text| {
            let response = Response::new(Status::Ok, None, Text::new_unchecked(&terms.config.greeting));
            let greeting = Greeting { response, timestamp: offered };
            greeting.encode(text);
            self.timestamp = greeting.timestamp;
        });
    }

    /// Deals with a line, any of which may hold a secret, a mistyped one too.
    fn line(&mut self, expected: Expected, line: Line, work: &mut Work<'_>) -> Result<Step, CloseReason> {
        if !matches!(expected, Expected::Command) {
            work.terms.trace.show(Trace::SaslResponse);
        }
        let next = match expected {
            Expected::Command => self.command(line, work),
            Expected::Response(exchange) => self.response(exchange, line, work).inspect_err(|_| self.name = None),
            Expected::LastResponse(rejection) => Err(self.rejected(rejection, work.terms)),
        };
        let input = &mut work.pipe.input;
        let step = match next {
            Ok(step) => step,
            Err(instead) => work.terms.settle(&mut work.pipe.output, State::Authorization, instead).map(|()| NEXT)?,
        };
        match step {
            // The host is to see the line first.
            Step::Login(..) | Step::Authenticate(..) => {}
            // What came after STLS is never looked at (R-2595-02).
            Step::StartTls(_) => input.wipe(usize::MAX),
            _ => input.wipe(line.octets),
        }
        if !matches!(step, Step::Authenticate(..) | Step::Read(Expected::Response(_))) {
            self.exchange = None;
        }
        Ok(step)
    }

    fn command(&mut self, line: Line, work: &mut Work<'_>) -> Result<Step, Instead> {
        self.commands = self.commands.saturating_add(1);
        if self.commands > work.terms.config.commands_before_login {
            work.terms.show_unread();
            return Err(Instead::Close(Reply::TooManyCommands, CloseReason::TooManyCommandsBeforeLogin));
        }
        let Work { pipe: Pipe { input, output, .. }, terms } = work;
        let text = input.text(line);
        let parsed = Command::parse(text);
        let command = terms.accept(&parsed, text, line, State::Authorization).inspect_err(|_| self.name = None)?;
        self.forget_name_unless(command.verb(), terms);
        let login = |apop_name, secret_start| {
            let secret = Place::new(secret_start, line.content);
            Ok(Step::Login(Place::new(0, line.octets), Whole { apop_name, secret }))
        };
        match *command {
            Command::User { .. } | Command::Pass { .. } | Command::Apop { .. } if !terms.may_log_in() => {
                Err(Reply::CleartextLogin.into())
            }
            // Whatever the name is, the answer is the same (R-1939-36).
            Command::User { name } => {
                self.name = Some(Secret::from(name.as_bytes()));
                terms.good(output, Reply::SendPassword);
                Ok(NEXT)
            }
            // Whatever the outcome of PASS and APOP, the name is forgotten (R-1939-15).
            Command::Pass { .. } if self.name.is_none() => Err(Instead::Bad(Reply::NoName)),
            Command::Pass { .. } => login(None, ARGUMENT),
            Command::Apop { name, .. } if self.timestamp.is_some() => {
                let digest = digest_start(name);
                login(Some(Place::new(ARGUMENT, digest - 1)), digest)
            }
            Command::Auth { arguments: None } => Ok(Step::List(Listing::mechanisms(terms, output)?)),
            Command::Auth { arguments: Some(AuthArguments { mechanism, initial_response }) } => {
                let response = initial_response.map(|response| self::initial_response(text, response));
                self.authenticate(mechanism, response, line, work).inspect_err(|_| self.name = None)
            }
            Command::Stls if terms.offers_stls() => {
                let residue = Residue::count(part(input.unread(), line.octets..));
                if !residue.is_empty() && !terms.config.discard_octets_after_stls {
                    return Err(Instead::Close(Reply::ResidueAfterStls, CloseReason::ResidueAfterStls(residue)));
                }
                terms.good(output, Reply::StartTls);
                Ok(Step::StartTls(residue))
            }
            Command::Quit => Err(Instead::Close(Reply::Bye, CloseReason::Quit)),
            Command::Capa => Ok(Step::List(Listing::capabilities(terms, output))),
            Command::Lang { language } => Ok(Listing::languages(terms, output, language)?.map_or(NEXT, Step::List)),
            // Sending it again changes nothing.
            Command::Utf8 if terms.config.utf8.is_some() => {
                terms.utf8 = true;
                terms.good(output, Reply::Utf8Mode);
                Ok(NEXT)
            }
            Command::Apop { .. } | Command::Stls | Command::Utf8 => Err(Instead::Bad(Reply::Unavailable)),
            _ => {
                debug_assert!(!command.verb().is_valid_in(State::Authorization));
                Err(Instead::Bad(Reply::WrongState))
            }
        }
    }

    /// The name that USER sent is for PASS, and CAPA and LANG may come between (R-1939-15).
    fn forget_name_unless(&mut self, verb: Verb, terms: &Terms) {
        match verb {
            Verb::Pass => {}
            Verb::Capa | Verb::Lang if !terms.config.pass_directly_after_user => {}
            _ => self.name = None,
        }
    }

    /// AUTH with a mechanism: begins an exchange.
    fn authenticate(
        &mut self,
        mechanism: Mechanism,
        response: Option<Place>,
        line: Line,
        work: &mut Work<'_>,
    ) -> Result<Step, Instead> {
        let (exchange, prompt) = Exchange::begin(mechanism, response.is_some(), work.terms)?;
        match (response, prompt) {
            (Some(place), _) => self.take_response(exchange, place, line::decode_initial_response, line, work),
            (None, Some(prompt)) => Ok(challenge(exchange, prompt, work.terms, &mut work.pipe.output)),
            (None, None) => Ok(Step::Authenticate(Place::new(0, line.octets), SaslStep { exchange, response: None })),
        }
    }

    /// A line of an exchange, whatever is in it.
    fn response(&mut self, exchange: Exchange, line: Line, work: &mut Work<'_>) -> Result<Step, Instead> {
        match work.terms.check(line) {
            Ok(()) if work.pipe.input.text(line) == line::CANCEL => Err(Reply::Cancelled.into()),
            Ok(()) => self.take_response(exchange, Place::new(0, line.content), base64::decode, line, work),
            // NUL and CR aren't base64 (R-5034-08).
            Err(Reply::StrayOctet) => Err(Instead::Bad(Reply::NotBase64)),
            Err(problem) => Err(Instead::Bad(problem)),
        }
    }

    /// Decodes a response where it stands, and passes it to the host or reads it.
    fn take_response(
        &mut self,
        exchange: Exchange,
        place: Place,
        decode: impl Fn(&mut [u8]) -> Result<usize, InvalidBase64>,
        line: Line,
        work: &mut Work<'_>,
    ) -> Result<Step, Instead> {
        let Work { pipe: Pipe { input, output, .. }, terms, .. } = work;
        let start = place.range().start;
        let text = part_mut(input.unread_mut(), place.range());
        let octets = decode(text).map_err(|_| Instead::Bad(Reply::NotBase64))?;
        let (place, line) = (Place::new(start, start + octets), Place::new(0, line.octets));
        let meaning = exchange.read(place.slice(input.unread()), terms);
        match meaning.map_err(|_| Instead::Bad(Reply::MalformedResponse))? {
            Meaning::ForHost => Ok(Step::Authenticate(line, SaslStep { exchange, response: Some(place) })),
            Meaning::Name(name, exchange, prompt) => {
                self.name = Some(Secret::from(name.as_bytes()));
                Ok(challenge(exchange, prompt, terms, output))
            }
            Meaning::Password(name, password) => {
                if let Some(name) = name {
                    self.name = Some(Secret::from(name.as_bytes()));
                }
                let is_utf8 = |octets: &[u8]| core::str::from_utf8(octets).is_ok();
                if terms.config.utf8 == Some(Utf8::MessagesAndNames)
                    && !(is_utf8(password.expose()) && self.name.as_ref().is_some_and(|name| is_utf8(name.expose())))
                {
                    return Err(Instead::Bad(Reply::NotUtf8));
                }
                let end = place.range().end;
                let secret = Place::new(end - password.expose().len(), end);
                Ok(Step::Login(line, Whole { apop_name: None, secret }))
            }
            Meaning::Hopeless => Err(self.failed_login(terms)),
        }
    }

    /// What becomes of a login that is turned down.
    pub(super) fn rejected(&mut self, rejection: Rejection, terms: &mut Terms) -> Instead {
        match rejection {
            Rejection::BadCredentials => self.failed_login(terms),
            Rejection::Malformed => Instead::Bad(Reply::MalformedResponse),
            Rejection::LoginDelay { seconds: Some(seconds) } => Instead::TryAgain(seconds),
            Rejection::LoginDelay { seconds: None } => Instead::Answer(Reply::LoginDelay),
            Rejection::InUse => Instead::Answer(Reply::InUse),
            Rejection::Temporary => Instead::Answer(Reply::Temporary),
            Rejection::Permanent => Instead::Answer(Reply::Permanent),
        }
    }

    /// Counts a login that failed for its credentials; the session is over if it is the last.
    fn failed_login(&mut self, terms: &mut Terms) -> Instead {
        count(&mut terms.counts.failed_logins);
        count(&mut self.failed_logins);
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

/// Where the argument of PASS and APOP begins: after a keyword of four letters and a space.
const ARGUMENT: usize = 5;

/// Where the digest of APOP begins.
fn digest_start(name: Name<'_>) -> usize {
    ARGUMENT + name.as_bytes().len() + 1
}

/// Where the initial response of AUTH stands: it is the last word of the line.
fn initial_response(text: &[u8], response: InitialResponse<'_>) -> Place {
    let end = text.trim_ascii_end().len();
    Place::new(end.saturating_sub(response.expose().len()), end)
}

/// Sends a challenge: the response comes next.
fn challenge(exchange: Exchange, prompt: &str, terms: &mut Terms, output: &mut Output) -> Step {
    terms.trace.show(Trace::Challenge);
    line::encode_challenge(prompt.as_bytes(), output.text());
    Step::Read(Expected::Response(exchange))
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
