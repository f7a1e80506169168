//! What a client sent, for a transcript that holds no secret.

use core::fmt;

use crate::buffer::{Line, Place};
use crate::part::part;
use crate::wire::{AuthArguments, Command, InitialResponse, Name};

/// A part of what a client has sent, as [`Session::poll_tapped`](super::Session::poll_tapped) gives it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Span<'a> {
    /// Octets that may stand in a log.
    Open(&'a [u8]),
    /// Octets that are or may be a secret: a password, a digest, a message of SASL, a line that makes no sense.
    /// `Debug` doesn't show them.
    Secret(&'a [u8]),
}

impl fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(octets) => write!(f, "Open(\"{}\")", octets.escape_ascii()),
            Self::Secret(_) => f.write_str("Secret(..)"),
        }
    }
}

/// Where lines are handed to, if the host wants to see them.
pub(super) type Tap<'t> = Option<&'t mut dyn FnMut(Span<'_>)>;

/// Hands the line at the front of `octets` out, whose text from `secret` on is better not shown.
pub(super) fn show(tap: &mut Tap<'_>, octets: &[u8], line: Line, secret: usize) {
    let Some(tap) = tap else { return };
    let (content, line_end) = (line.text(octets), part(octets, line.content..line.octets));
    let (open, secret) = content.split_at_checked(secret).unwrap_or((content, &[]));
    for span in [Span::Open(open), Span::Secret(secret), Span::Open(line_end)] {
        if let Span::Open([_, ..]) | Span::Secret([_, ..]) = span {
            tap(span);
        }
    }
}

/// Where the first argument of PASS and APOP begins: after a keyword of four letters and a space.
pub(super) const ARGUMENT: usize = 5;

/// Where the digest of APOP begins.
pub(super) fn digest_start(name: Name<'_>) -> usize {
    ARGUMENT + name.as_bytes().len() + 1
}

/// Where the initial response of AUTH stands: it is the last word of the line.
pub(super) fn initial_response(text: &[u8], response: InitialResponse<'_>) -> Place {
    let end = text.trim_ascii_end().len();
    Place::new(end.saturating_sub(response.expose().len()), end)
}

/// How many octets at the front of a command, without its line end, may be shown.
pub(super) fn open_octets(text: &[u8], command: &Command<'_>) -> usize {
    match *command {
        Command::Pass { .. } => ARGUMENT,
        Command::Apop { name, .. } => digest_start(name),
        Command::Auth { arguments: Some(AuthArguments { initial_response: Some(response), .. }) } => {
            initial_response(text, response).range().start
        }
        _ => text.len(),
    }
}
