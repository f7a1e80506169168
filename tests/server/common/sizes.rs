//! Maildrops of any size, clients that hang up, and questions that a test answers itself.

use std::rc::Rc;

use bytes::Bytes;
use pop3_proto::Io;
use pop3_proto::server::Action;

use super::{Message, Server, Store};

impl Server {
    /// Ends the client's stream after `octets`.
    pub fn send_and_hang_up(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.run(octets.as_ref(), true);
        self.take()
    }

    /// Has the session read `lines`, and no more: what it asks its host for is the test's to answer.
    pub fn read(&mut self, lines: &str) {
        self.send("");
        let Action::Io(Io::Read(mut read)) = self.session.poll(self.now) else { panic!("it reads") };
        read.space()[..lines.len()].copy_from_slice(lines.as_bytes());
        read.filled(lines.len());
    }
}

impl Store {
    /// A store whose messages announce these octets, and are empty.
    pub fn announcing(octets: impl IntoIterator<Item = u64>) -> Rc<Self> {
        let messages = octets.into_iter().enumerate().map(|(i, announced)| Message {
            unique_id: format!("uid-{}", i + 1),
            octets: Bytes::new(),
            announced,
        });
        Self::of(messages.collect())
    }
}
