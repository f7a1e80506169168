//! STLS: from cleartext to TLS, with nothing carried over (RFC 2595 §4).

use core::fmt;
use core::time::Duration;

use super::action::CloseReason;
use super::connection::{Connection, Task};
use super::offers::ClientIdentity;
use super::reply::Reply;
use crate::buffer::Input;
use crate::wire::State;

/// What a client sent after STLS before TLS could begin: whole lines, and the octets of the partial one after them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Residue {
    /// How many lines were complete.
    pub lines: u32,
    /// How many octets came after the last of them.
    pub octets: u32,
}

impl Residue {
    fn of(input: &[u8]) -> Self {
        let lines = memchr::memchr_iter(b'\n', input).count();
        let octets = memchr::memrchr(b'\n', input).map_or(input.len(), |end| input.len() - end - 1);
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self { lines: number(lines), octets: number(octets) }
    }

    /// Whether there was nothing.
    pub const fn is_empty(self) -> bool {
        self.lines == 0 && self.octets == 0
    }
}

/// The client wants TLS, and has its `+OK`: what comes next on the transport is the TLS handshake.
///
/// The host does the handshake, with the transport's octets from here on, by the deadline; nothing is read meanwhile.
/// Then the session begins anew, as if the client had just connected, except that there is no greeting. TLS should be
/// of version 1.2 at least (RFC 8314 §4).
///
/// What the host has read from the transport and not put into [`Read::space`](super::Read::space), in a buffer of its own
/// for example, was sent in the clear as well: it goes to the handshake, and never to the session after it.
///
/// The token may be held during the handshake, or dropped and asked for again after it.
#[must_use = "the session waits for TLS"]
pub struct StartTls<'a> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    pub(super) residue: Residue,
}

impl StartTls<'_> {
    /// The octets that were dropped, where the configuration
    /// [drops them](super::Config::discard_octets_behind_stls) instead of closing the connection: for a log.
    pub fn residue(&self) -> Residue {
        self.residue
    }

    /// When to give the handshake up, on the clock that `now` comes from: the next [`poll`](super::Session::poll) then
    /// closes the session. `None` where the configuration sets no limit.
    pub fn deadline(&self) -> Option<Duration> {
        self.connection.clock.deadline()
    }

    /// TLS is established. `identity` tells whether the client has proved who it is by a certificate; it has to log in
    /// all the same, and may then do so with EXTERNAL (RFC 2595 §4).
    ///
    /// Nothing that the client sent in the clear is left: no name, no language, no mode, no count. The timestamp of the
    /// greeting is the server's own word, so APOP with it goes on to work, as clients expect.
    pub fn established(self, identity: ClientIdentity) {
        *self.input = Input::new(self.connection.config.command_line_limit);
        self.connection.after_tls(identity);
    }

    /// The handshake failed, so nothing more can be sent. The session closes.
    pub fn failed(self) {
        self.connection.task = Task::None;
        self.connection.close(CloseReason::TlsFailed);
    }

    /// The safe answer of a host without TLS, which is that the handshake [failed](Self::failed). Such a host doesn't
    /// offer [STLS](super::Config::stls).
    pub fn decline(self) {
        self.failed();
    }
}

impl fmt::Debug for StartTls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartTls").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

impl Connection {
    /// STLS, with these octets after it.
    pub(super) fn start_tls(&mut self, behind: &[u8]) {
        if !self.offers_stls() {
            return self.bad(State::Authorization, Reply::Unavailable);
        }
        let residue = Residue::of(behind);
        if residue.is_empty() || self.config.discard_residue {
            self.good(Reply::StartTls);
            self.task = Task::StartTls(residue);
        } else {
            self.reply(Reply::ResidueBehindStls);
            self.close(CloseReason::ResidueBehindStls(residue));
        }
    }
}
