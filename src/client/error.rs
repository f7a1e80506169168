//! What ends a client's session early, and what a caller can't do.

/// Why a session can't go on. Nothing that comes from this connection later can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server broke a rule in such a way that its meaning isn't known.
    #[error("the server broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The stream ended, or the transport failed, inside a response: the part of it that was given out isn't all. As with
    /// [`Disconnected`](Self::Disconnected), deletions have no effect, unless QUIT was sent.
    #[error("the connection ended inside a response")]
    Truncated,
    /// The server ended its stream while responses were due. Whether those commands had an effect isn't known; deletions
    /// have none, unless QUIT was among those commands.
    #[error("the connection ended before the server had answered")]
    Disconnected,
    /// The caller reported that the transport [failed](crate::Read::failed), between two responses. As with
    /// [`Disconnected`](Self::Disconnected), deletions have no effect, unless QUIT was sent. It isn't shown that the last
    /// message is complete: the server may have sent more.
    #[error("the connection failed")]
    TransportFailed,
    /// The server took or sent nothing for too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The caller reported that the TLS handshake failed.
    #[error("the TLS handshake failed")]
    TlsFailed,
    /// The caller [declined](super::Body::decline) a part of a message. Deletions have no effect.
    #[error("a message came that the caller did not take")]
    BodyDeclined,
}

/// How a server broke the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A line isn't a response where one is due.
    #[error("a line is no response")]
    NotAResponse,
    /// Octets came that no command waits for.
    #[error("octets came that no command asked for")]
    Unsolicited,
    /// Octets came after the response to STLS, before TLS: somebody wants them to be taken for what came through it.
    #[error("octets came between STLS and TLS")]
    AfterStls,
    /// A line is longer than the configuration's limit.
    #[error("a line is too long")]
    LineTooLong,
    /// A list has more entries than the [configuration](super::Config::listing_entries) allows.
    #[error("a list has too many entries")]
    TooManyEntries,
    /// A line holds a NUL, or a CR that doesn't end it.
    #[error("a line holds a forbidden octet")]
    ForbiddenOctet,
    /// A line deviates in a way that the configuration doesn't accept.
    #[error("a line breaks a rule that was not to be overlooked")]
    Deviation,
    /// A challenge came where none is due: after the client had ended the exchange, or the fourth failure of a token, of which
    /// the session answers three by itself.
    #[error("a challenge came where none is due")]
    UnexpectedChallenge,
    /// A mechanism of AUTH succeeded before it had done its part, or after the client had cancelled it. The other side may
    /// be an impostor: try no other way to log in.
    #[error("a login succeeded before it was complete")]
    UnexpectedLogin,
}

/// Why a command isn't sent. No part of it was sent, and this error holds none of its values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is over, or QUIT was sent.
    #[error("the session is over")]
    Over,
    /// The command has no place in the state of the session (RFC 1939 §4, §5): USER, PASS, APOP, AUTH, STLS or UTF8 after
    /// login; a command that needs a login, and there is none and none waits; something that logs in while an exchange is
    /// under way, or after STLS, after which what is known now doesn't hold; STLS although TLS is already up, or after
    /// UTF8.
    #[error("the command has no place in this state")]
    WrongState,
    /// The line would be longer than 255 octets (RFC 2449 §4).
    #[error("a command line has at most 255 octets")]
    TooLong,
    /// A name or password isn't ASCII, and the server doesn't announce `UTF8 USER` (RFC 6856 §2.2).
    #[error("the server takes names and passwords in ASCII only")]
    NotAscii,
    /// A password or token would go over a connection that others can listen to (RFC 8314 §4).
    #[error("a secret is not sent without TLS")]
    Cleartext,
    /// The command logs in, and the configuration [requires TLS](super::Config::require_tls) for that.
    #[error("TLS is required, and there is none")]
    NeedsTls,
    /// The server's greeting has no usable timestamp, or hasn't come.
    #[error("the server does not offer APOP")]
    NoTimestamp,
    /// Too many commands wait: read some responses first.
    #[error("too many commands wait for their responses")]
    QueueFull,
    /// AUTH with a mechanism is begun by [`Session::authenticate`](super::Session::authenticate).
    #[error("an exchange is begun by authenticate")]
    Exchange,
    /// In this mechanism the server sends the first message.
    #[error("the mechanism begins with the server")]
    NoInitialResponse,
}
