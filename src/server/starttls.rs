//! STLS: from cleartext to TLS, with nothing taken along (RFC 2595 §4).

use core::fmt;
use core::time::Duration;

use super::action::CloseReason;
use super::connection::{Connection, Task};
use super::offers::ClientIdentity;
use super::reply::Reply;
use super::state::State;
use crate::buffer::Input;

/// What a client sent behind STLS before TLS could begin: whole lines, and the octets of the one behind them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Residue {
    /// How many lines were complete.
    pub lines: u32,
    /// How many octets stood behind the last of them.
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
/// The host makes the handshake, with the transport's octets from here on, by the deadline; nothing is read meanwhile.
/// Then the session begins anew, as if the client had only now connected, but for the greeting. TLS should be of
/// version 1.2 at least (RFC 8314 §4).
///
/// What the host has read from the transport and not put into [`Read::space`](super::Read::space), in a buffer of its own
/// for example, was sent in the clear as well: it goes to the handshake, and never to the session behind it.
///
/// The token may be held during the handshake, or dropped and asked for again behind it.
#[must_use = "the session waits for TLS"]
pub struct StartTls<'a> {
    pub(super) input: &'a mut Input,
    pub(super) connection: &'a mut Connection,
    pub(super) residue: Residue,
}

impl StartTls<'_> {
    /// What was dropped, where the configuration
    /// [drops it](super::Config::discard_octets_behind_stls) instead of closing the connection: for a log.
    pub fn residue(&self) -> Residue {
        self.residue
    }

    /// When to give the handshake up, on the clock that `now` comes from: the next [`poll`](super::Session::poll) says
    /// so.
    pub fn deadline(&self) -> Duration {
        self.connection.clock.deadline()
    }

    /// There is TLS. `identity` says whether the client has proved who it is by a certificate; it has to log in all the
    /// same, and may do so with EXTERNAL then (RFC 2595 §4).
    ///
    /// Nothing that was said in the clear is left: no name, no language, no mode, no count, no timestamp for APOP.
    pub fn established(self, identity: ClientIdentity) {
        *self.input = Input::new(self.connection.config.command_line_limit);
        self.connection.behind_tls(identity);
    }

    /// There is no TLS, and so nothing more to say. The session closes.
    pub fn failed(self) {
        self.connection.task = Task::None;
        self.connection.close(CloseReason::TlsFailed);
    }
}

impl fmt::Debug for StartTls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartTls").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}

impl Connection {
    /// STLS, with these octets behind it.
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
