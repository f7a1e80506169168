//! The states of a session (RFC 1939 §3): each owns its data, and hands out what comes next.
//! The diagram is in the documentation of [`server`](super).
//!
//! Each command is a function of its state that returns the next `Step`: a line is read, the host is asked, something is
//! written. A token lends the state and sets its step. What all states have in common is the pipe and the `Terms`. Files
//! point one way: `terms` ← `authorization`, `transaction` ← `state` ← the tokens ← `action` ← `session`.

use core::fmt;

use super::authorization::{self, Authorization};
use super::close::CloseReason;
use super::maildrop::Maildrop;
use super::terms::Work;
use super::transaction::{self, Transaction};
use crate::buffer::{Output, Pipe};
use crate::wire::State;

/// The state that a session is in, with the data that has a meaning in it.
pub(super) enum Life<M: Maildrop, E> {
    Authorization(Authorization<M, E>),
    Transaction(Transaction<M>),
    /// What is in the output is still written.
    Over(CloseReason),
}

impl<M: Maildrop, E> Life<M, E> {
    /// The state that commands are read in.
    pub(super) fn state(&self) -> Option<State> {
        match self {
            Self::Authorization(Authorization { opened: Some(_), .. }) | Self::Transaction(_) => {
                Some(State::Transaction)
            }
            Self::Authorization(_) => Some(State::Authorization),
            Self::Over(_) => None,
        }
    }

    /// The host's maildrop, from the accepted login on.
    pub(super) fn maildrop(&mut self) -> Option<&mut M> {
        match self {
            Self::Authorization(Authorization { opened, .. }) => opened.as_mut().map(|open| &mut open.maildrop),
            Self::Transaction(Transaction { open, .. }) => Some(&mut open.maildrop),
            Self::Over(_) => None,
        }
    }

    /// Goes on until the client or the host is needed; `active` tells whether something has happened since the last call that
    /// starts autologout anew.
    #[inline]
    pub(super) fn go_on(&mut self, active: bool, work: &mut Work<'_>) {
        if let Self::Authorization(Authorization { opened, .. }) = self {
            if let Some(open) = opened.take() {
                work.pipe.input.set_limit(work.terms.config.command_line_limit);
                *self = Self::Transaction(Transaction::new(*open));
            }
        }
        let waits = match self {
            Self::Authorization(authorization) => authorization.go_on(work),
            Self::Transaction(transaction) => transaction.go_on(active, work),
            Self::Over(_) => Ok(()),
        };
        if let Err(reason) = waits {
            self.end(reason, work.pipe);
        }
    }

    /// Drops the maildrop, and the host's lock with it, before the last response leaves; and what may be a secret.
    pub(super) fn end(&mut self, reason: CloseReason, pipe: &mut Pipe) {
        *self = Self::Over(reason);
        if reason != CloseReason::HandedOver {
            pipe.input.wipe(usize::MAX);
        }
    }

    /// Returns what the session waits for.
    #[inline]
    pub(super) fn wait(&self, output: &mut Output) -> Wait {
        match self {
            Self::Authorization(Authorization { step, .. }) => match step {
                authorization::Step::Login(..) | authorization::Step::Authenticate(..) => Wait::Host,
                authorization::Step::Read(_) => Wait::Line,
                _ => Wait::Transport,
            },
            Self::Transaction(Transaction { step, .. }) => match step {
                transaction::Step::Measure(_) | transaction::Step::Retrieve(_) | transaction::Step::Update => {
                    Wait::Host
                }
                transaction::Step::Stream(transfer, _) if transfer.wants_chunk(output) => Wait::Host,
                transaction::Step::Read => Wait::Line,
                _ => Wait::Transport,
            },
            Self::Over(_) => Wait::Transport,
        }
    }
}

/// What a session waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The host is asked something, and no deadline runs.
    Host,
    /// Output is to be written, and then a line is to be read.
    Line,
    /// Output is to be written, or a TLS handshake to be done.
    Transport,
}

impl<M: Maildrop, E> fmt::Debug for Life<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization(authorization) => authorization.fmt(f),
            Self::Transaction(_) => f.write_str("Transaction"),
            Self::Over(reason) => f.debug_tuple("Over").field(reason).finish(),
        }
    }
}
