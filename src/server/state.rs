//! The transition table: which command does what in which state (RFC 1939 §3).
//!
//! ```text
//!            greeting     Login, Authenticate accepted     QUIT
//!  (connect) ────────▶ AUTHORIZATION ────────▶ TRANSACTION ────────▶ UPDATE ────▶ (close)
//!               │        ▲   │                      │          Update finished       ▲
//!               │        └───┤ StartTls established │                                │
//!               │            ├─ QUIT ───────────────│────────────────────────────────┤
//!               │            └─ handed over ────────│────────────────────────────────┤
//!               └─ refused ─────────────────────────│────────────────────────────────┤
//!                                                   └─ end of stream, autologout,    │
//!                                                      a limit, a failed message,    │
//!                                                      a failed transport,           │
//!                                                      octets after STLS, no TLS ────┘
//! ```
//!
//! UPDATE has one way in, and no way from there but to the end. Where a login is handed over, the session ends and the
//! connection goes on without it.

use crate::wire::{State, Verb};

/// What a well-formed command leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is answered, and the state stays.
    Stay,
    /// The host is asked; TRANSACTION follows if it accepts, and the end if it hands over.
    Login,
    /// An exchange begins, at the end of which TRANSACTION follows if the host accepts, and the end if it hands over.
    Authenticate,
    /// The host is to begin TLS; AUTHORIZATION begins anew, as if nothing had been sent.
    StartTls,
    /// A message goes out, then the state is as it was.
    Retrieve,
    /// The host is asked to remove the marked messages; the connection closes whatever the outcome.
    Update,
    /// It is answered, and the connection closes.
    Close,
    /// `-ERR`, since it has no place in this state.
    Refuse,
}

pub(super) const fn verdict(state: State, verb: Verb) -> Verdict {
    if !verb.is_valid_in(state) {
        return Verdict::Refuse;
    }
    match (verb, state) {
        (Verb::Pass | Verb::Apop, _) => Verdict::Login,
        (Verb::Auth, _) => Verdict::Authenticate,
        (Verb::Stls, _) => Verdict::StartTls,
        (Verb::Retr | Verb::Top, _) => Verdict::Retrieve,
        (Verb::Quit, State::Transaction) => Verdict::Update,
        (Verb::Quit, State::Authorization) => Verdict::Close,
        _ => Verdict::Stay,
    }
}
