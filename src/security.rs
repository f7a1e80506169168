//! What is known about a connection's secrecy.

/// What the host declares about a connection's secrecy. It is taken at its word: nothing is deduced (RFC 8314 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Security {
    /// Others may listen: whatever sends a password or token is refused, unless the configuration allows it.
    Cleartext,
    /// A transport that nobody else can listen to: the loopback interface, a local socket.
    TrustedLocal,
    /// TLS between the client and the server.
    Tls,
    /// TLS that a trusted proxy ends: between a server's client and the proxy, or between a client's proxy and the server.
    TlsProxy,
}

impl Security {
    /// Whether passwords may pass.
    pub const fn is_secure(self) -> bool {
        !matches!(self, Self::Cleartext)
    }
}
