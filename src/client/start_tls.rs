//! STLS: the handshake (RFC 2595 §4).

use core::time::Duration;

use super::error::Error;
use super::queue::Ticket;
use super::session::Session;
use crate::Security;

/// The server is ready for TLS: what comes next on the transport is the handshake.
///
/// No octet came after its `+OK`; one would have ended the session (RFC 2595 §4). The certificate must be for
/// [`server_name`](StartTls::server_name), and TLS of version 1.2 at least (RFC 7817, RFC 8314 §4).
#[derive(Debug)]
#[must_use = "the session waits for TLS"]
pub struct StartTls<'a> {
    pub(super) session: &'a mut Session,
}

impl StartTls<'_> {
    /// Returns the name that the certificate must be for, if the configuration has one.
    pub fn server_name(&self) -> Option<&str> {
        self.session.config.server_name.as_deref()
    }

    /// Returns when to give the handshake up, on the clock that `now` comes from: it is one deadline for all of it. A poll after
    /// it returns the token once more.
    pub fn deadline(&self) -> Option<Duration> {
        self.session.pipe.clock.deadline()
    }

    /// Returns the command STLS that it answers.
    pub fn ticket(&self) -> Option<Ticket> {
        self.session.queue.front().map(|sent| sent.ticket)
    }

    /// Reports that TLS is established. What was learnt in the clear is forgotten: capabilities, the mode (RFC 2595 §4) and
    /// what was refused; the greeting's timestamp isn't. An event reports that STLS has succeeded, without the text of its
    /// response.
    pub fn established(self) {
        self.session.settle();
        self.session.security = Security::Tls;
        self.session.life.secured();
        self.session.pipe.clock.stop();
    }

    /// Reports that the handshake failed. The session ends with [`Error::TlsFailed`].
    pub fn failed(self) {
        self.session.fail(Error::TlsFailed);
    }
}
