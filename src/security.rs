//! What is known about a connection's secrecy.

use core::net::IpAddr;

/// What the host declares about a connection's secrecy. It is taken at its word: nothing is deduced (RFC 8314 §4).
///
/// For a plain TCP connection, [`from_peer_address`](Self::from_peer_address) gives the value that is safe to declare.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Security {
    /// Others may listen: whatever sends a password or token is refused, unless the configuration allows it.
    Cleartext,
    /// A transport that nobody else can listen to: the loopback interface, a local socket. Never declare it for an
    /// address that may be elsewhere: passwords go there in the clear.
    TrustedLocal,
    /// TLS between the client and the server.
    Tls,
    /// TLS that a trusted proxy ends: between a server's client and the proxy, or between a client's proxy and the server.
    TlsProxy,
}

impl Security {
    /// Returns what a TCP connection without TLS is by the address of its other end: [`TrustedLocal`](Self::TrustedLocal)
    /// on the loopback interface, [`Cleartext`](Self::Cleartext) everywhere else. An IPv4 address inside an IPv6 one counts
    /// as the former.
    ///
    /// A program on this machine that passes the octets on, such as a tunnel, a container's proxy or a proxy that ends
    /// TLS, has a loopback address too: where there is one, declare what is true of the whole way. A server that lets nobody in
    /// without TLS declares [`Cleartext`](Self::Cleartext) for all.
    ///
    /// ```
    /// use pop3_proto::Security;
    ///
    /// assert_eq!(Security::from_peer_address([127, 0, 0, 1].into()), Security::TrustedLocal);
    /// assert_eq!(Security::from_peer_address([192, 0, 2, 1].into()), Security::Cleartext);
    /// ```
    pub fn from_peer_address(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::TrustedLocal } else { Self::Cleartext }
    }

    /// Whether there is TLS on the way between the client and the server: [`Tls`](Self::Tls) or
    /// [`TlsProxy`](Self::TlsProxy).
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::TlsProxy)
    }

    /// Whether passwords may pass.
    pub const fn is_secure(self) -> bool {
        !matches!(self, Self::Cleartext)
    }
}
