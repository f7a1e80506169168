//! What goes wrong in a store: whose mail it is, where it was, what happened, and whether it may pass.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use pop3_proto::server::{Refusal, Rejection};

use super::report::report;

/// A failure of the store.
#[derive(Debug)]
pub struct Trouble {
    account: Arc<str>,
    path: PathBuf,
    error: io::Error,
    /// Whether it is no fact about the mail: a lack of file descriptors or memory, or a disk that doesn't answer.
    may_pass: bool,
}

impl Trouble {
    pub(crate) fn new(account: &Arc<str>, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self { account: Arc::clone(account), path: path.into(), may_pass: may_pass(&error), error }
    }

    /// The same failure, where waiting is known not to help.
    pub(crate) fn permanent(self) -> Self {
        Self { may_pass: false, ..self }
    }

    /// Tells whoever runs the server, and returns what the client is told of a message.
    pub fn refuse(&self) -> Refusal {
        report(self);
        if self.may_pass { Refusal::Temporary } else { Refusal::Permanent }
    }

    /// Tells whoever runs the server, and returns what the client is told of its login.
    pub fn reject(&self) -> Rejection {
        report(self);
        if self.may_pass { Rejection::Temporary } else { Rejection::Permanent }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.account, self.path.display(), self.error)
    }
}

impl Error for Trouble {}

/// Whether an error isn't one of those that need somebody to look at the files. What isn't known to be one of them may
/// pass: a client that is told so tries again, and loses nothing.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    let needs_somebody = matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::Unsupported
    );
    !needs_somebody && !is_bad_path(error)
}

/// Links that lead in a circle, and names that are too long; Rust has no stable words for them.
#[cfg(unix)]
fn is_bad_path(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::NAMETOOLONG))
}

#[cfg(not(unix))]
fn is_bad_path(_: &io::Error) -> bool {
    false
}
