//! What every state works with.

use core::mem;

use super::offers::ClientIdentity;
use super::tap::{self, Tap};
use super::terms::Terms;
use crate::buffer::{Line, Pipe};

/// What the functions of a state are given beside its own data.
pub(super) struct Work<'a, 't> {
    pub(super) pipe: &'a mut Pipe,
    pub(super) terms: &'a mut Terms,
    pub(super) tap: Tap<'t>,
}

impl Work<'_, '_> {
    /// Begins anew after STLS: everything is as the configuration has it, and nothing that was sent in the clear is left
    /// (R-2595-03). Only the deadline runs on.
    pub(super) fn renew(&mut self, identity: ClientIdentity) {
        self.terms.renew(identity);
        let clock = mem::take(&mut self.pipe.clock);
        *self.pipe = self.terms.pipe();
        self.pipe.clock = clock;
    }

    /// Shows a line, all of it as a secret.
    pub(super) fn show_secret(&mut self, line: Line) {
        tap::show(&mut self.tap, self.pipe.input.unread(), line, 0);
    }
}
