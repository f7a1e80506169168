//! The reasons for which a host turns something down: a connection, a login, a message.

use alloc::boxed::Box;
use core::error::Error;
use core::iter::successors;

/// What a host's store fails with: any error, as `?` makes it.
///
/// A [`Rejection`] or [`Refusal`] among them is what the client hears, also as the [source](Error::source) of another error. Of any
/// other the client hears that it is temporary, and the host gets it back for a log. So no error needs to be translated, and none is
/// taken for a wrong password or a message that is gone. An error that hides what it holds, as one of `anyhow` without a context or a
/// transparent one of `thiserror` does, has to be taken apart before.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Splits an error into what the client hears, and what it isn't told.
pub(super) fn told<R: Error + Copy + 'static>(error: BoxError, otherwise: R) -> (R, Result<(), BoxError>) {
    let first: &(dyn Error + 'static) = &*error;
    let mut causes = successors(Some(first), |&cause| cause.source());
    match causes.find_map(|cause| cause.downcast_ref()) {
        Some(reason) => (*reason, Ok(())),
        None => (otherwise, Err(error)),
    }
}

/// Why a server doesn't serve a connection at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GreetingRefusal {
    /// There is too much load, or a problem on this side that is likely to pass: `[SYS/TEMP]`.
    #[error("a problem that is likely to pass")]
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
    #[error("a problem that somebody must fix")]
    Permanent,
    /// The peer isn't welcome; there is no code for that.
    #[error("the peer is not welcome")]
    Unwelcome,
}

/// Why a login is turned down. The response gives the reason as a code, and never reveals whether the name exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The name or the password is wrong, or policy refuses them: `[AUTH]`. Counts as a failed login.
    #[error("wrong name or password")]
    BadCredentials,
    /// A response isn't what its SASL mechanism allows: no code (RFC 3206 §6). Counts as a bad command, and not as a failed login.
    #[error("a response that its mechanism doesn't allow")]
    Malformed,
    /// The credentials are right, and another session has the maildrop: `[IN-USE]`.
    #[error("another session has the maildrop")]
    InUse,
    /// The last login is too recent: `[LOGIN-DELAY]`.
    #[error("the last login is too recent")]
    LoginDelay {
        /// After how many seconds the client may try again; the response's text gives it.
        seconds: Option<u32>,
    },
    /// A problem on this side that is likely to pass: `[SYS/TEMP]`.
    #[error("a problem that is likely to pass")]
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
    #[error("a problem that somebody must fix")]
    Permanent,
}

/// Why a message isn't available, or can't be measured. It costs the client this command, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It has vanished from the store, and the store says so: an error that may pass is [`Temporary`](Self::Temporary),
    /// since clients act on what they are told is gone. If a client asks for it again and again, these count as bad
    /// commands.
    #[error("the message is gone")]
    Gone,
    /// A problem on this side that is likely to pass: `[SYS/TEMP]`.
    #[error("a problem that is likely to pass")]
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
    #[error("a problem that somebody must fix")]
    Permanent,
}
