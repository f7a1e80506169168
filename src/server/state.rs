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

use crate::wire::Verb;

/// The states in which commands are read. In UPDATE none is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// The client hasn't logged in (RFC 1939 §4).
    Authorization,
    /// The maildrop is open (RFC 1939 §5).
    Transaction,
}

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
    match state {
        State::Authorization => match verb {
            Verb::User | Verb::Capa | Verb::Utf8 | Verb::Lang => Verdict::Stay,
            Verb::Pass | Verb::Apop => Verdict::Login,
            Verb::Auth => Verdict::Authenticate,
            Verb::Stls => Verdict::StartTls,
            Verb::Quit => Verdict::Close,
            Verb::Stat
            | Verb::List
            | Verb::Retr
            | Verb::Dele
            | Verb::Noop
            | Verb::Rset
            | Verb::Top
            | Verb::Uidl
            | Verb::Last => Verdict::Refuse,
        },
        State::Transaction => match verb {
            Verb::Stat
            | Verb::List
            | Verb::Dele
            | Verb::Noop
            | Verb::Rset
            | Verb::Uidl
            | Verb::Capa
            | Verb::Last
            | Verb::Lang => Verdict::Stay,
            Verb::Retr | Verb::Top => Verdict::Retrieve,
            Verb::Quit => Verdict::Update,
            Verb::User | Verb::Pass | Verb::Apop | Verb::Stls | Verb::Auth | Verb::Utf8 => Verdict::Refuse,
        },
    }
}
