//! What both sides say, line by line, for a log that holds no secret.

use alloc::boxed::Box;
use core::fmt;

use crate::part::part;
use crate::wire::{AuthArguments, Command, DeviationSet, Parsed, Response, Verb};

/// A line that a session has read or is about to write, as `with_trace` of both sessions hands it out: each command and each
/// response once, whole, and in the order in which the session deals with them.
///
/// Of what follows the first line of a response nothing comes: entries of lists and messages are for those who asked.
/// `Display` is one line of visible ASCII, with `...` where something isn't shown.
///
/// ```
/// use std::sync::Arc;
/// use pop3_proto::client::{Command, Config, Security, Session};
///
/// let mut session = Session::new(Arc::new(Config::new()), Security::Tls).with_trace(|line| {
///     eprintln!("{} {line}", if line.is_from_client() { "C:" } else { "S:" });
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trace<'a> {
    /// A command, or a line in the place of one.
    Command {
        /// Its keyword; `None` for a line that isn't a command, all of which may be a secret.
        verb: Option<Verb>,
        /// What may be shown of the line: all of it, or the front of a command that ends in a secret.
        shown: &'a [u8],
        /// Whether that is all.
        is_whole: bool,
    },
    /// A client's message in a SASL exchange, which may be a secret.
    SaslResponse,
    /// A server's message in a SASL exchange.
    Challenge,
    /// The first line of a response, or the greeting. Some servers repeat what they didn't understand: so of the answers to PASS,
    /// APOP and AUTH, and of what no command has asked for before login, a client shows no text but `...`, and of their codes
    /// those that are general.
    Response {
        /// The keyword of the command that it answers; `None` for the greeting, and for what no command has asked for.
        verb: Option<Verb>,
        /// Its status, response code and text.
        response: Response<'a>,
    },
}

impl Trace<'_> {
    /// Returns whether it is the client's line.
    pub const fn is_from_client(&self) -> bool {
        matches!(self, Self::Command { .. } | Self::SaslResponse)
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { shown, is_whole, .. } => {
                write!(f, "{}{}", shown.escape_ascii(), if *is_whole { "" } else { "..." })
            }
            Self::SaslResponse => f.write_str("..."),
            Self::Challenge => f.write_str("+ ..."),
            Self::Response { response, .. } => response.fmt(f),
        }
    }
}

/// What lines are handed to.
type Show = Box<dyn FnMut(Trace<'_>) + Send>;

/// Where lines are handed to, if somebody wants to see them. Most sessions have none, so it is one pointer.
#[derive(Default)]
pub(crate) struct Tracer(Option<Box<Show>>);

impl Tracer {
    pub(crate) fn new(trace: impl FnMut(Trace<'_>) + Send + 'static) -> Self {
        Self(Some(Box::new(Box::new(trace))))
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    #[cold]
    pub(crate) fn show(&mut self, line: Trace<'_>) {
        if let Some(trace) = &mut self.0 {
            trace(line);
        }
    }

    /// Shows a command, whose line is without its line end.
    #[cold]
    pub(crate) fn command(&mut self, line: &[u8], command: Option<&Command<'_>>) {
        // A line that is no command may be a mistyped one.
        let end = command.map_or(0, |command| open_octets(line, command));
        let is_whole = end == line.len();
        self.show(Trace::Command { verb: command.map(Command::verb), shown: part(line, ..end), is_whole });
    }

    /// Shows the first line of a response that `octets` begin with.
    #[cold]
    pub(crate) fn response(&mut self, verb: Option<Verb>, octets: &[u8]) {
        let line = memchr::memmem::find(octets, b"\r\n").and_then(|end| octets.get(..end));
        let response = line.map(|line| Response::parse(line, DeviationSet::NONE));
        debug_assert!(matches!(response, Some(Ok(_))), "a line that was made as a response");
        if let Some(Ok(Parsed { value: response, .. })) = response {
            self.show(Trace::Response { verb, response });
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracer({})", self.is_on())
    }
}

/// How many octets at the front of a command, without its line end, may be shown.
fn open_octets(line: &[u8], command: &Command<'_>) -> usize {
    let before_secret = |secret: &[u8]| line.trim_ascii_end().len().saturating_sub(secret.len());
    match *command {
        Command::Pass { password } => line.len() - password.expose().len(),
        Command::Apop { name, .. } => "APOP  ".len() + name.as_bytes().len(),
        // It may be a response, with the name left out.
        Command::Auth { arguments: Some(AuthArguments { mechanism, .. }) } if mechanism.properties().is_none() => {
            "AUTH ".len()
        }
        Command::Auth { arguments: Some(AuthArguments { initial_response: Some(response), .. }) } => {
            before_secret(response.expose())
        }
        _ => line.len(),
    }
}
