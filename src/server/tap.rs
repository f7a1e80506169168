//! What a client sent, for a transcript that holds no secret.

use crate::wire::{AuthArguments, Command};

/// A part of what a client has sent, as [`Session::poll_tapped`](super::Session::poll_tapped) gives it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Span<'a> {
    /// Octets that may stand in a log.
    Open(&'a [u8]),
    /// Octets that are or may be a secret: a password, a digest, a message of SASL, a line that makes no sense.
    /// `Debug` doesn't show them.
    Secret(&'a [u8]),
}

impl core::fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Open(octets) => write!(f, "Open(\"{}\")", octets.escape_ascii()),
            Self::Secret(_) => f.write_str("Secret(..)"),
        }
    }
}

/// Where lines are handed to, if the host wants to see them.
pub(super) type Tap<'t> = Option<&'t mut dyn FnMut(Span<'_>)>;

/// Hands a line out, of which `content` octets are no line end, and those from `secret` on are better not shown.
pub(super) fn show(tap: &mut Tap<'_>, line: &[u8], content: usize, secret: usize) {
    let Some(tap) = tap else { return };
    let (content, line_end) = line.split_at_checked(content).unwrap_or((line, &[]));
    let (open, secret) = content.split_at_checked(secret).unwrap_or((content, &[]));
    for span in [Span::Open(open), Span::Secret(secret), Span::Open(line_end)] {
        if let Span::Open([_, ..]) | Span::Secret([_, ..]) = span {
            tap(span);
        }
    }
}

/// How many octets at the front of a command line may be shown. A line that is no command may be a mistyped one.
pub(super) fn open_octets(line: &[u8], command: Option<&Command<'_>>) -> usize {
    const KEYWORD: usize = 5;
    match command {
        None => 0,
        Some(Command::Pass { .. }) => KEYWORD,
        Some(Command::Apop { name, .. }) => KEYWORD + name.as_bytes().len() + 1,
        Some(Command::Auth { arguments: Some(AuthArguments { initial_response: Some(response), .. }) }) => {
            line.trim_ascii_end().len().saturating_sub(response.expose().len())
        }
        Some(_) => line.len(),
    }
}
