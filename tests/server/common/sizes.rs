//! Maildrops of any size, and clients that hang up.

use std::rc::Rc;

use bytes::Bytes;

use super::{Message, Server, Store};

impl Server {
    /// Ends the client's stream after `octets`.
    pub fn send_and_hang_up(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.run(octets.as_ref(), true);
        self.take()
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
