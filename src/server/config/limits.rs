//! The limits of a connection: octets, time, and how often a client may err.

use core::time::Duration;

use super::Config;
use crate::BelowMinimum;
use crate::buffer::Output;
use crate::setting::{at_least, limits, setters};

impl Config {
    limits! {
        /// Sets the most octets of a command line with CRLF, and so the full size of the input window: 2,048 by default, at least 255
        /// (RFC 2449 §4). A longer line is answered `-ERR` as soon as that is known, and skipped without being stored.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 255.
        command_line_limit >= 255,

        /// Sets the most octets of a line of a SASL exchange, CRLF included, and of an AUTH with an initial response: 65,536 by
        /// default, at least 12,288 (RFC 5034 §4), and no less than
        /// [`command_line_limit`](Self::command_line_limit). The input window grows up to that while such a line comes in. A
        /// longer line is answered `-ERR`, and the exchange is over.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 12,288.
        sasl_line_limit >= 12_288,

        /// Sets the most octets of responses and listings that wait to be written: 16,384 by default, at least 1,024. While they
        /// wait, no further command is read. A larger limit means fewer, larger writes. A chunk of a message that fits into them is
        /// copied, so that it leaves with the first line and the end of the response; of a longer one only what is changed is.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 1,024.
        output_limit >= Output::MIN_SIZE,

        /// Sets how many logins may fail for their credentials: the connection closes at this one. 3 by default, at least 1.
        ///
        /// # Errors
        /// [`BelowMinimum`] for 0.
        failed_logins >= 1,

        /// Sets how many commands, good and bad, are read before login: the connection closes at the next. 50 by default, at
        /// least 10.
        ///
        /// # Errors
        /// [`BelowMinimum`] under 10.
        commands_before_login >= 10,
    }

    /// Sets how long a client that has logged in may be silent: 10 minutes by default, and at least that (RFC 1939 §3). Each
    /// command starts it anew, and so does each octet of output that the client takes. What was read before a poll counts, however
    /// late that poll comes. 2^32 seconds or more (136 years) are no limit.
    ///
    /// # Errors
    /// [`BelowMinimum`] under 600 seconds.
    pub fn autologout(self, after: Duration) -> Result<Self, BelowMinimum> {
        const MINIMUM: Duration = Duration::from_secs(600);
        if after < MINIMUM {
            return Err(BelowMinimum { minimum: MINIMUM.as_secs() });
        }
        Ok(self.autologout_shorter_than_rfc1939_allows(after))
    }

    /// Does what [`autologout`](Self::autologout) does, without the minimum that RFC 1939 §3 sets. Clients may lose their
    /// deletions.
    #[must_use]
    pub fn autologout_shorter_than_rfc1939_allows(mut self, after: Duration) -> Self {
        self.autologout = after;
        self
    }

    setters! {
        /// Sets how long a connection may take from the first [`poll`](crate::server::Session::poll) to the end of the login, whatever
        /// it sends meanwhile: 120 seconds by default. RFC 1939 §3 knows one timer for all states; this one deviates on
        /// purpose, since half-open logins cost a server a lot and are of use to no one. 2^32 seconds or more (136 years)
        /// are no limit.
        login_deadline: Duration,
    }

    /// Sets how many commands in a row may be malformed, unknown or out of place: the connection closes at this one. 10
    /// before login and 20 after by default, each at least 1. Empty lines are answered `-ERR` and don't count. A line that
    /// begins an HTTP request closes the connection at once, before login.
    ///
    /// # Errors
    /// [`BelowMinimum`] for 0.
    pub fn bad_commands(mut self, before_login: u32, after_login: u32) -> Result<Self, BelowMinimum> {
        self.bad_commands_before_login = at_least(before_login, 1)?;
        self.bad_commands_after_login = at_least(after_login, 1)?;
        Ok(self)
    }
}
