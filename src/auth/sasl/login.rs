//! LOGIN: a name and a password in two messages. It is in no RFC, and PLAIN should be used instead.

use super::Message;

/// What a server asks for in LOGIN.
///
/// The name comes first, as a [`Name`](crate::wire::Name); where it comes with AUTH, the server asks for the password
/// at once. The password is a [`Password`](super::Password).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LoginPrompt {
    /// The name of the user.
    Name,
    /// The password.
    Password,
}

impl LoginPrompt {
    /// Returns what is asked for after `step` responses; `None` when there is nothing left to ask.
    ///
    /// Servers use different words, so a client should rather count the challenges than read them.
    pub const fn of_step(step: usize) -> Option<Self> {
        match step {
            0 => Some(Self::Name),
            1 => Some(Self::Password),
            _ => None,
        }
    }

    /// Returns the words that clients know best.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "Username:",
            Self::Password => "Password:",
        }
    }
}

impl Message for LoginPrompt {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.as_str().as_bytes());
    }
}
