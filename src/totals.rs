//! What a session has done, in numbers.

use core::fmt;

/// What a session has done so far, for the line that a host logs at its end. Everything counts over the whole connection, before
/// STLS and after it. Counts stop at their maximum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// How many RETR were answered with `+OK`.
    pub retr: u32,
    /// How many TOP were answered with `+OK`.
    pub top: u32,
    /// How many DELE were answered with `+OK`, those that RSET has undone among them.
    pub dele: u32,
    /// How many octets of messages those responses had, with CRLF line ends and without what byte-stuffing adds.
    pub message_octets: u64,
    /// How many octets the session was given to read.
    pub octets_read: u64,
    /// How many octets the session was told that they are written.
    pub octets_written: u64,
    /// How many logins failed.
    pub failed_logins: u32,
}

/// One line for a log.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { retr, top, dele, message_octets, octets_read, octets_written, failed_logins } = self;
        write!(f, "retr={retr} top={top} dele={dele} message_octets={message_octets} octets_read={octets_read} ")?;
        write!(f, "octets_written={octets_written} failed_logins={failed_logins}")
    }
}

/// What a session counts by itself, beside the octets that go through its pipe.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) retr: u32,
    pub(crate) top: u32,
    pub(crate) dele: u32,
    pub(crate) failed_logins: u32,
}

/// Counts one more.
pub(crate) fn count(counted: &mut u32) {
    *counted = counted.saturating_add(1);
}
