//! Logins that are handed over, and what comes after them.

use pop3_proto::server::CloseReason;

use super::{Front, GREETING};

/// What clients may send after a login: commands, half of one, what is none, what ends a session elsewhere, and nothing.
pub const TAILS: [&[u8]; 7] = [
    b"",
    b"STAT\r\nRETR 1\r\nQUIT\r\n",
    b"UID",
    b"\r\n\n\r\0\xff\n..\r\nUSER x\nPASS y",
    b"STLS\r\n\x16\x03\x01",
    b"NONSENSE\r\nNONSENSE\r\nNONSENSE\r\nNONSENSE\r\n",
    &[b'x'; 3_000],
];

impl Front {
    /// Has every login and every step of a SASL exchange handed over.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the methods are those of one lifetime")]
    pub fn run_and_hand_over(&mut self, input: &[u8]) -> Option<CloseReason> {
        self.run(input, |login| login.hand_over(), |step| step.hand_over())
    }
}

/// What a client sends, from the greeting on: `login` and whatever is after it.
pub fn with_tail(login: &str, tail: &[u8]) -> Vec<u8> {
    [login.as_bytes(), tail].concat()
}

pub fn greeted(response: &str) -> Vec<u8> {
    [GREETING, response].concat().into_bytes()
}
