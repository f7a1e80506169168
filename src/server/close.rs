//! How a session ends.

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client sent QUIT and has its answer.
    #[error("the client quit")]
    Quit,
    /// The host refused to serve; the greeting was `-ERR`.
    #[error("the connection was refused in the greeting")]
    Refused,
    /// The client's stream ended without QUIT. No message was removed.
    #[error("the client's stream ended without QUIT")]
    EndOfStream,
    /// The host wanted to [stop](super::Session::stop). No message was removed.
    #[error("the server is stopping")]
    Stopped,
    /// The client was silent, or took no output, for too long after login. No message was removed.
    #[error("autologout: the client was silent for too long")]
    Autologout,
    /// The client didn't log in in time.
    #[error("the client did not log in in time")]
    LoginDeadline,
    /// The client sent too many bad commands in a row. No message was removed.
    #[error("the client sent too many bad commands in a row")]
    TooManyBadCommands,
    /// The client, which hasn't logged in, has begun an HTTP request (RFC 9112 §3): a browser that some web page has led
    /// here, perhaps to have it send commands. Nothing after that line was looked at.
    #[error("the client speaks HTTP")]
    HttpRequest,
    /// The client failed to log in too often.
    #[error("the client failed to log in too often")]
    TooManyFailedLogins,
    /// The client sent too many commands without logging in.
    #[error("the client sent too many commands before login")]
    TooManyCommandsBeforeLogin,
    /// The client sent octets after STLS, before TLS could begin: an attack, or a defect. They were not acted on.
    #[error("octets came after STLS: {} lines and {} octets", .0.lines, .0.octets)]
    ResidueAfterStls(Residue),
    /// The host said that the transport has [failed](crate::Read::failed): the connection was reset, say. The client may
    /// not have everything that was written. No message was removed, unless the host had answered QUIT before.
    #[error("the transport failed")]
    TransportFailed,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    TlsFailed,
    /// The host couldn't go on with a message that it had begun, and cutting the connection is the only way to tell the
    /// client. No message was removed.
    #[error("a message could not be read to its end")]
    MessageFailed,
    /// The host has [handed the login over](super::Login::hand_over), and the client has its `+OK`. The connection stays
    /// open, for whoever serves it from here; [`Session::into_unread`](super::Session::into_unread) has what was already
    /// read.
    #[error("the login was handed over")]
    HandedOver,
}

impl CloseReason {
    /// Returns whether the client knows that it is over: then a TLS session is ended with its alert (RFC 8314 §3.4). A login
    /// that was handed over isn't the end for the client, nor for its TLS.
    pub const fn is_orderly(self) -> bool {
        !matches!(
            self,
            Self::EndOfStream | Self::TransportFailed | Self::TlsFailed | Self::MessageFailed | Self::HandedOver
        )
    }
}

/// What a client sent after STLS before TLS could begin: whole lines, and the octets of the partial one after them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Residue {
    /// How many lines were complete.
    pub lines: u32,
    /// How many octets came after the last of them.
    pub octets: u32,
}

impl Residue {
    /// Counts what is in `octets`.
    pub(super) fn count(octets: &[u8]) -> Self {
        let lines = memchr::memchr_iter(b'\n', octets).count();
        let partial = memchr::memrchr(b'\n', octets).map_or(octets.len(), |end| octets.len() - end - 1);
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self { lines: number(lines), octets: number(partial) }
    }

    /// Returns whether there was nothing.
    pub const fn is_empty(self) -> bool {
        self.lines == 0 && self.octets == 0
    }
}
