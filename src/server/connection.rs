//! What a session keeps in every state: buffers, clock, limits.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::action::CloseReason;
use super::clock::Clock;
use super::config::{Config, Utf8};
use super::exchange::{Exchange, PendingResponse, Place};
use super::listing::{Listing, Offered};
use super::offers::ClientIdentity;
use super::reply::Reply;
use super::retrieve::{Content, Request};
use super::starttls::Residue;
use crate::Security;
use crate::buffer::{Defect, Input, Line, Output};
use crate::message::MessageNumber;
use crate::secret::Secret;
use crate::wire::{
    Command, Deviation, DeviationCounts, DeviationSet, Greeting, Language, Parsed, Response, ResponseCode, State,
    Status, Text, Timestamp, Verb,
};

/// The part of a session that knows nothing of the maildrop.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) config: Arc<Config>,
    pub(super) security: Security,
    pub(super) identity: ClientIdentity,
    /// Whether the client has sent UTF8.
    pub(super) utf8: bool,
    /// Which of the configuration's languages is in use.
    pub(super) language: u8,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) output: Output,
    pub(super) clock: Clock,
    /// The name that USER sent, until it is used or forgotten.
    pub(super) name: Option<Secret>,
    /// What the last command still needs.
    pub(super) task: Task,
    pub(super) deviations: DeviationCounts,
    failed_since_stls: u32,
    /// Those before STLS too: this one is for the host alone.
    pub(super) failed_logins: u32,
    bad_commands_in_a_row: u32,
    commands_before_login: u32,
    greeting: GreetingState,
    pub(super) end_of_stream: bool,
    /// Set once the session is over; what is in the output is still written.
    pub(super) closing: Option<CloseReason>,
}

/// What a command needs before the next one is read.
#[derive(Debug)]
pub(super) enum Task {
    None,
    /// The host is to answer PASS, APOP, or the last message of PLAIN or LOGIN.
    Login(PendingLogin),
    /// The client is to respond: the next line is no command.
    Exchange(Exchange),
    /// The client has responded, and it isn't known yet whether that makes sense.
    Response(PendingResponse),
    /// The host is to answer the response.
    Authenticate(PendingResponse),
    /// All output is to be written, and then the host is to begin TLS.
    StartTls(Residue),
    /// The host is to answer RETR or TOP.
    Retrieve(Request),
    /// A message is to be written.
    Transfer(Content),
    /// All output is to be written, and then this message counts as retrieved.
    Written(MessageNumber),
    /// A listing is to be written.
    List(Listing),
    /// The host is to answer QUIT.
    Update,
}

/// The credentials of a login in progress; their line is still in the input window until the host has answered.
///
/// `Debug` shows no place: it would show the length of a password.
#[derive(Clone, Copy)]
pub(super) enum PendingLogin {
    /// A password. The name is the connection's.
    Password {
        line: u32,
        password: Place,
    },
    Apop {
        line: u32,
        name: Place,
        digest: Place,
    },
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password { .. }",
            Self::Apop { .. } => "Apop { .. }",
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum GreetingState {
    Welcome,
    Refuse(Reply),
    Sent,
}

impl Connection {
    pub(super) fn new(config: Arc<Config>, security: Security) -> Self {
        Self {
            output: Output::new(config.output_limit as usize),
            config,
            security,
            identity: ClientIdentity::Unknown,
            utf8: false,
            language: 0,
            timestamp: None,
            clock: Clock::new(),
            name: None,
            task: Task::None,
            deviations: DeviationCounts::default(),
            failed_since_stls: 0,
            failed_logins: 0,
            bad_commands_in_a_row: 0,
            commands_before_login: 0,
            greeting: GreetingState::Welcome,
            end_of_stream: false,
            closing: None,
        }
    }

    /// The same connection after STLS: everything is as the configuration has it, and nothing that was sent in the
    /// clear is left (R-2595-03). Only the deadline runs on and the timestamp, which is the server's own word, stays good
    /// for APOP (R-1939-34); the host's total of failed logins decides nothing here. There is no second greeting.
    pub(super) fn after_tls(&mut self, identity: ClientIdentity) {
        let clock = mem::replace(&mut self.clock, Clock::new());
        let timestamp = self.timestamp.take();
        let failed_logins = self.failed_logins;
        let fresh = Self::new(Arc::clone(&self.config), Security::Tls);
        *self = Self { identity, timestamp, clock, failed_logins, greeting: GreetingState::Sent, ..fresh };
    }

    pub(super) fn refuse(&mut self, reason: Reply) {
        self.greeting = GreetingState::Refuse(reason);
    }

    /// Takes the timestamp of the greeting, if that isn't queued yet.
    pub(super) fn offer_apop(&mut self, timestamp: Option<Timestamp>) {
        if matches!(self.greeting, GreetingState::Welcome) {
            self.timestamp = timestamp;
        }
    }

    /// Queues the greeting at the first call (R-1939-01).
    pub(super) fn greet(&mut self) {
        match mem::replace(&mut self.greeting, GreetingState::Sent) {
            GreetingState::Sent => {}
            GreetingState::Refuse(reason) => {
                self.reply(reason);
                self.close(CloseReason::Refused);
            }
            GreetingState::Welcome => {
                if !self.may_log_in() {
                    self.timestamp = None;
                }
                let response = Response::new(Status::Ok, None, Text::new_unchecked(&self.config.greeting));
                let greeting = Greeting { response, timestamp: self.timestamp.take() };
                greeting.encode(self.output.text());
                self.timestamp = greeting.timestamp;
            }
        }
    }

    /// Whether USER, PASS and APOP are allowed now (R-8314-02).
    pub(super) fn may_log_in(&self) -> bool {
        self.config.allows_login(self.security)
    }

    /// Whether STLS would be followed now (R-2595-01, R-6856-02, R-8314-03).
    pub(super) fn offers_stls(&self) -> bool {
        self.config.stls && !self.utf8 && matches!(self.security, Security::Cleartext | Security::TrustedLocal)
    }

    /// What can be offered on this connection now.
    pub(super) fn offered(&self) -> Offered {
        Offered { login: self.may_log_in(), stls: self.offers_stls(), identity: self.identity }
    }

    /// Whether AUTH takes a mechanism now.
    pub(super) fn takes_auth(&self) -> bool {
        self.config.offers.allowed(self.may_log_in(), self.identity).is_some()
    }

    #[inline]
    pub(super) fn reply(&mut self, reply: Reply) {
        if let Some(catalogue) = self.config.languages.get(usize::from(self.language)) {
            self.output.text().extend_from_slice(catalogue.line(reply).as_bytes());
        }
    }

    /// Turns a login down for now.
    pub(super) fn login_delay(&mut self, seconds: Option<u32>) {
        match (seconds, self.config.languages.get(usize::from(self.language))) {
            (Some(seconds), Some(catalogue)) => catalogue.put_login_delay(seconds, self.output.text()),
            _ => self.reply(Reply::LoginDelay),
        }
    }

    /// Turns a login down for a reason that the host gives.
    pub(super) fn refuse_login(&mut self, code: ResponseCode<'_>) {
        if let Some(catalogue) = self.config.languages.get(usize::from(self.language)) {
            catalogue.put_refusal(code, self.output.text());
        }
    }

    /// Answers LANG in the language that it asks for, if there is one (R-6856-07).
    pub(super) fn speak(&mut self, language: Language<'_>) {
        let at = match language {
            Language::Default => Some(0),
            Language::Tag(tag) => self.config.languages.iter().position(|catalogue| catalogue.tag() == tag),
        };
        match at.and_then(|at| u8::try_from(at).ok()) {
            Some(at) => {
                self.language = at;
                self.good(Reply::Language);
            }
            None => self.reply(Reply::UnknownLanguage),
        }
    }

    /// A reply that ends the row of bad commands.
    pub(super) fn good(&mut self, reply: Reply) {
        self.bad_commands_in_a_row = 0;
        self.reply(reply);
    }

    /// A good reply of one line: `+OK`, a space, and what `write` writes.
    pub(super) fn good_line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bad_commands_in_a_row = 0;
        let text = self.output.text();
        text.extend_from_slice(b"+OK ");
        write(text);
        text.extend_from_slice(b"\r\n");
    }

    /// A good reply of more than one line.
    pub(super) fn list(&mut self, reply: Reply, listing: Listing) {
        self.good(reply);
        self.task = Task::List(listing);
    }

    /// A reply to a command that was malformed, unknown or out of place (R-GEN-06).
    pub(super) fn bad(&mut self, state: State, reply: Reply) {
        self.bad_commands_in_a_row = self.bad_commands_in_a_row.saturating_add(1);
        let limit = match state {
            State::Authorization => self.config.bad_commands_before_login,
            State::Transaction => self.config.bad_commands_after_login,
        };
        if self.bad_commands_in_a_row < limit {
            self.reply(reply);
        } else {
            self.reply(Reply::TooManyBadCommands);
            self.close(CloseReason::TooManyBadCommands);
        }
    }

    /// Whether the last commands were bad.
    pub(super) fn is_in_bad_row(&self) -> bool {
        self.bad_commands_in_a_row > 0
    }

    /// The name that USER sent is for PASS, and CAPA and LANG may come between (R-1939-15).
    pub(super) fn forget_name_unless(&mut self, verb: Verb) {
        let keeps = match verb {
            Verb::Pass => true,
            Verb::Capa | Verb::Lang => !self.config.pass_directly_after_user,
            _ => false,
        };
        if !keeps {
            self.name = None;
        }
    }

    /// Counts a command before login; `false` when it is one too many, and was answered so.
    pub(super) fn may_go_on_before_login(&mut self) -> bool {
        self.commands_before_login = self.commands_before_login.saturating_add(1);
        if self.commands_before_login <= self.config.commands_before_login {
            return true;
        }
        self.reply(Reply::TooManyCommands);
        self.close(CloseReason::TooManyCommandsBeforeLogin);
        false
    }

    /// Answers a login that failed for its credentials, and closes if it is the last.
    pub(super) fn failed_login(&mut self) {
        self.reply(Reply::BadCredentials);
        self.failed_logins = self.failed_logins.saturating_add(1);
        self.failed_since_stls = self.failed_since_stls.saturating_add(1);
        if self.failed_since_stls >= self.config.failed_logins {
            self.close(CloseReason::TooManyFailedLogins);
        }
    }

    /// The command that a line holds, if nothing is wrong with it; deviations that are accepted are counted.
    pub(super) fn parse<'a>(&mut self, octets: &'a [u8], line: Line) -> Result<Command<'a>, Reply> {
        check(line)?;
        let Parsed { value: command, mut deviations } = Command::parse(octets)?;
        if deviations.contains(Deviation::EightBitCredentials) && self.config.utf8 == Some(Utf8::MessagesAndNames) {
            if core::str::from_utf8(octets).is_err() {
                return Err(Reply::NotUtf8);
            }
            deviations = deviations.without(Deviation::EightBitCredentials);
        }
        self.overlook(deviations, line)?;
        Ok(command)
    }

    /// Counts how a line deviates, if the configuration accepts that.
    pub(super) fn overlook(&mut self, mut deviations: DeviationSet, line: Line) -> Result<(), Reply> {
        deviations.extend(line.bare_lf.then_some(Deviation::BareLineFeed));
        if !self.config.accepted.contains_all(deviations) {
            return Err(Reply::Deviation);
        }
        self.deviations.count(deviations);
        Ok(())
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.closing = Some(reason);
    }

    /// Ends the session without another octet, whatever it was about to say.
    pub(super) fn transport_failed(&mut self) {
        self.output.discard();
        self.close(CloseReason::TransportFailed);
    }

    /// Forgets what belongs to one attempt to log in, its line in the window included.
    pub(super) fn end_login(&mut self, input: &mut Input) {
        self.name = None;
        input.set_limit(self.config.command_line_limit);
        match mem::replace(&mut self.task, Task::None) {
            Task::Login(PendingLogin::Password { line, .. } | PendingLogin::Apop { line, .. }) => {
                input.wipe(line as usize);
            }
            Task::Authenticate(pending) => input.wipe(pending.line as usize),
            _ => {}
        }
    }
}

/// Whether a line can be parsed at all.
pub(super) fn check(line: Line) -> Result<(), Reply> {
    match line.defect {
        Some(Defect::TooLong) => Err(Reply::LineTooLong),
        Some(Defect::Stray) => Err(Reply::StrayOctet),
        None => Ok(()),
    }
}
