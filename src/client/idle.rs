//! Nothing to do.

use super::session::Session;
use crate::io::Read;

/// All commands are answered, and nothing is buffered in either direction: every command is written to its last octet,
/// and each octet that was read is dealt with.
///
/// The next poll returns it again: [`send`](Session::send) something first, or wait. A program that sends QUIT when it
/// has nothing more to ask sees this only where it waits for something else, such as a [plan](super::Fetch) that hasn't
/// been told what to do with its messages.
///
/// The transport may also be taken away from the session as it is, for a proxy that has logged in and now splices it to
/// another one, say. The session is dropped then, and neither QUIT nor anything else is sent. What the server sends
/// without being asked comes before this, if it is read before.
#[derive(Debug)]
#[must_use = "poll again when a command was sent, or read"]
pub struct Idle<'a> {
    pub(super) session: &'a mut Session,
}

impl<'a> Idle<'a> {
    /// Waits for the server to close the connection, which is all that it can do without being asked. To send a command
    /// after all, drop this.
    pub fn into_read(self) -> Read<'a> {
        Read::new(&mut self.session.pipe)
    }

    /// Reports that the caller has nothing more to ask: QUIT is sent.
    pub fn decline(self) {
        self.session.stop();
    }
}
