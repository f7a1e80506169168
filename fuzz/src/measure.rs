//! What a naive server says of the octets of messages, and when it has the host measure them.

use pop3_proto::server::Refusal;

use crate::content;
use crate::lines::Line;
use crate::model::Model;
use crate::record::{Asked, Measured};

impl Model<'_> {
    /// Has the host measure a message, if it isn't measured yet; the error is the code of what STAT or LIST is answered with.
    pub fn measure(&mut self, line: &Line, message: u32) -> Option<Result<(), &'static str>> {
        let is_known = self.messages[message as usize - 1].is_measured || self.measured.contains(&message);
        if is_known || self.places.contains(&message) {
            return Some(Ok(()));
        }
        let Asked::Measure { message: got, measured } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked to measure a message");
        };
        assert_eq!(*got, message);
        match measured {
            Measured::Done => self.measured.insert(message),
            Measured::Refused(Refusal::Gone) => self.places.insert(message),
            Measured::Refused(Refusal::Permanent) => return Some(Err("SYS/PERM")),
            Measured::Refused(_) | Measured::NotDone => return Some(Err("SYS/TEMP")),
        };
        Some(Ok(()))
    }

    /// What STAT and LIST say of a message.
    pub fn octets(&self, message: u32) -> u64 {
        if self.places.contains(&message) {
            return 0;
        }
        content::normalise(&self.messages[message as usize - 1].octets).len() as u64
    }
}
