//! Whole sessions of a client as data.

use pop3_proto::Security;
use pop3_proto::client::{Config, InitialResponsePolicy};
use pop3_proto::wire::{Deviation, DeviationSet};

use super::{unescape, unescape_line};

/// What happens next.
#[derive(Debug)]
pub enum Statement {
    Says(Vec<u8>),
    Event(String),
    Retry(String),
    Body(Vec<u8>),
    Writes(Vec<u8>),
    /// What comes of a plan to log in.
    Outcome(String),
    /// What the caller does, or sees.
    Caller(String, String),
}

/// A session with a server, and what must come of it.
///
/// - `S: ` is a line that the server says, without its CRLF; `S> ` is one without a CRLF after it. What follows it, up to
///   the next such line, follows from it and not from less:
/// - `E: ` is an event, as `told` has it, with `\x20` for a space at its end; `@retry WHAT` after one is
///   what to do about that failure; `B: ` is a line of a message, `B> ` is one without a CRLF after it
/// - `C: ` is a line that the client writes
///
/// The caller, when the session has come to rest, and at once where several of these follow one another:
///
/// - `@send COMMAND` sends it; `@refused ERROR COMMAND` can't
/// - `@login METHOD SECRET` logs the example user in by one method, without CAPA; by `Best`, `Stls` or `StlsIfOffered` in its place
///   the plan asks and chooses. `@outcome TEXT` among the events is what comes of it. `@auth MECHANISM MESSAGE` begins an exchange, with a message or
///   without, and `@answer RESPONSE` in front of it is what answers its next challenge
/// - `@no-login WHY`: a login by the best method can't begin
/// - `@is FACT VALUE`: what is known then
///
/// How it is set up, and how it ends:
///
/// - `@cleartext`, `@cleartext-secrets`, `@accept DEVIATION`, `@reject DEVIATION`, `@no-pipelining`,
///   `@pipelined COMMANDS`, `@never-initial`
/// - `@no-tls`: there is no TLS after STLS
/// - `@at-once`: what the server says last comes in one read
/// - `@deviations NAME=COUNT …`, and `@closed HOW` or `@error WHY`, after the end of the server's stream at the latest
#[derive(Debug)]
pub struct Transcript {
    pub config: Config,
    pub security: Security,
    pub no_tls: bool,
    pub statements: Vec<Statement>,
    /// The messages, and what comes of one that isn't complete.
    pub bodies: Vec<Vec<u8>>,
    pub events: usize,
    pub at_once: bool,
    /// How many octets the server says, and where what it says last begins.
    pub octets: usize,
    pub last_burst: usize,
    pub deviations: Vec<(Deviation, u32)>,
    pub end: String,
}

impl Transcript {
    pub fn parse(text: &str) -> Self {
        let mut it = Self {
            config: Config::new(),
            security: Security::Tls,
            no_tls: false,
            statements: Vec::new(),
            bodies: vec![Vec::new()],
            events: 0,
            at_once: false,
            octets: 0,
            last_burst: 0,
            deviations: Vec::new(),
            end: String::new(),
        };
        for statement in super::statements(text) {
            assert!(it.end.is_empty(), "the end comes last");
            it.read(statement);
        }
        assert!(!it.end.is_empty(), "an end must come");
        it
    }

    fn read(&mut self, statement: (&str, &str)) {
        let config = self.config.clone();
        match statement {
            ("S:", rest) => self.says(unescape_line(rest)),
            ("S>", rest) => self.says(unescape(rest)),
            ("E:", rest) => {
                if ends_body(rest) {
                    self.bodies.push(Vec::new());
                }
                self.events += 1;
                self.statements.push(Statement::Event(rest.replace(r"\x20", " ")));
            }
            ("B:", rest) => self.body(unescape_line(rest)),
            ("B>", rest) => self.body(unescape(rest)),
            ("C:", rest) => self.statements.push(Statement::Writes(unescape_line(rest))),
            ("@outcome", rest) => self.statements.push(Statement::Outcome(rest.to_owned())),
            ("@retry", rest) => self.statements.push(Statement::Retry(rest.to_owned())),
            (word @ ("@send" | "@refused" | "@login" | "@auth" | "@answer" | "@no-login" | "@is"), rest) => {
                self.statements.push(Statement::Caller(word.to_owned(), rest.to_owned()));
            }
            ("@cleartext", "") => self.security = Security::Cleartext,
            ("@cleartext-secrets", "") => self.config = config.cleartext_secrets(true),
            ("@accept", name) => self.config = config.accepted(DeviationSet::DEFAULT.with(deviation(name))),
            ("@reject", name) => self.config = config.accepted(DeviationSet::DEFAULT.without(deviation(name))),
            ("@no-pipelining", "") => self.config = config.pipelining(false),
            ("@pipelined", commands) => self.config = config.pipelined(commands.parse().unwrap(), 1_024).unwrap(),
            ("@never-initial", "") => self.config = config.initial_response(InitialResponsePolicy::Never),
            ("@no-tls", "") => self.no_tls = true,
            ("@at-once", "") => self.at_once = true,
            ("@deviations", rest) => {
                let counts = rest.split(' ').map(|word| word.split_once('=').unwrap());
                self.deviations = counts.map(|(name, count)| (deviation(name), count.parse().unwrap())).collect();
            }
            ("@closed", how) => self.end = format!("Ok({how})"),
            ("@error", why) => self.end = format!("Err({why})"),
            other => panic!("not a line of a transcript: {other:?}"),
        }
    }

    fn says(&mut self, octets: Vec<u8>) {
        if matches!(self.statements.last(), Some(Statement::Writes(_) | Statement::Caller(..))) {
            self.last_burst = self.octets;
        }
        self.octets += octets.len();
        self.statements.push(Statement::Says(octets));
    }

    fn body(&mut self, octets: Vec<u8>) {
        self.bodies.last_mut().unwrap().extend(&octets);
        self.statements.push(Statement::Body(octets));
    }

    /// Where it may be cut.
    pub fn cuts(&self) -> impl Iterator<Item = usize> {
        0..=if self.at_once { self.last_burst } else { self.octets }
    }
}

/// Whether an event says that a message is complete.
pub fn ends_body(event: &str) -> bool {
    matches!(event, "RETR ends" | "TOP ends")
}

fn deviation(name: &str) -> Deviation {
    Deviation::ALL.into_iter().find(|it| it.name() == name).unwrap_or_else(|| panic!("no deviation {name}"))
}
