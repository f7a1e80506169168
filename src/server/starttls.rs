//! The token for a TLS handshake: after STLS, with nothing carried over (RFC 2595 §4), or before the greeting (RFC 8314 §3.1).

use core::time::Duration;

use super::authorization::Step;
use super::close::{CloseReason, Residue};
use super::offers::ClientIdentity;

/// The client has sent STLS and has its `+OK`, or [TLS comes first](super::Session::with_implicit_tls): what comes next on the
/// transport is the TLS handshake.
///
/// The host does the handshake, with the transport's octets from here on, by the deadline; nothing is read meanwhile.
/// Then the session begins anew, as if the client had just connected, except that after STLS there is no greeting. TLS should be
/// of version 1.2 at least (RFC 8314 §4).
///
/// What the host has read from the transport and not put into [`Read::space`](crate::Read::space), in a buffer of its own
/// for example, was sent in the clear as well: it goes to the handshake, and never to the session after it.
///
/// The token may be held during the handshake, or dropped and asked for again after it.
#[derive(Debug)]
#[must_use = "the session waits for TLS"]
pub struct StartTls<'a> {
    pub(super) step: &'a mut Step,
    pub(super) residue: Residue,
    pub(super) deadline: Option<Duration>,
}

impl StartTls<'_> {
    /// Returns the octets that were dropped, where the configuration
    /// [drops them](super::Config::discard_octets_after_stls) instead of closing the connection: for a log.
    pub fn residue(&self) -> Residue {
        self.residue
    }

    /// Returns when to give the handshake up, on the clock that `now` comes from: the next [`poll`](super::Session::poll) then
    /// closes the session. `None` where the configuration sets no limit.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Reports that TLS is established. `identity` tells whether the client has proved who it is by a certificate; it has to log in
    /// all the same, and may then do so with EXTERNAL (RFC 2595 §4).
    ///
    /// Nothing that the client sent in the clear is left after the next poll: no name, no language, no mode, no count. The
    /// timestamp of the greeting is the server's own word, so APOP with it goes on to work, as clients expect.
    pub fn established(self, identity: ClientIdentity) {
        *self.step = Step::Renew(identity);
    }

    /// Reports that the handshake failed, so nothing more can be sent. The session closes.
    pub fn failed(self) {
        *self.step = Step::Over(CloseReason::TlsFailed);
    }

    /// Gives the safe answer of a host without TLS, which is that the handshake [failed](Self::failed). Such a host doesn't
    /// offer [STLS](super::Config::stls), and has no [TLS come first](super::Session::with_implicit_tls).
    pub fn decline(self) {
        self.failed();
    }
}
