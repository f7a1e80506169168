//! Something that a plan asks the server for.

use crate::client::queue::Ticket;

/// A list that the plan may need, or a part of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Request {
    /// It isn't needed.
    #[default]
    None,
    /// It is to be asked for.
    Due,
    Sent(Ticket),
    /// It has ended, or was refused.
    Done,
}

impl Request {
    /// One that is to be sent, if it is needed.
    pub(super) fn due(is_needed: bool) -> Self {
        if is_needed { Self::Due } else { Self::None }
    }

    /// Whether nothing of it is to come.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::None | Self::Done)
    }
}
