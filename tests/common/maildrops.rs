//! Further maildrops, what is removed from them, and a server that serves them for long.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use pop3_proto::Security;
use pop3_proto::server::Config;

use super::host::store::Message;
use super::{Call, Server, Store, patient};

impl Server {
    /// A server that may let users in and isn't done with a client for anything that it sends.
    pub fn patient(store: &Rc<Store>) -> Self {
        Self::with(store, patient(Config::new()), Security::TrustedLocal)
    }

    /// Like [`Server::send`], for octets that aren't text.
    pub fn receive(&mut self, octets: impl AsRef<[u8]>) -> Vec<u8> {
        self.run(octets.as_ref(), false);
        self.writes.clear();
        std::mem::take(&mut self.output)
    }

    pub fn wait(&mut self, seconds: u64) -> String {
        self.now += Duration::from_secs(seconds);
        self.send("")
    }
}

impl Store {
    /// A store whose messages have these unique-ids, and are empty.
    pub fn identified<'a>(unique_ids: impl IntoIterator<Item = &'a str>) -> Rc<Self> {
        let messages = unique_ids.into_iter().map(|unique_id| Message {
            unique_id: unique_id.to_owned(),
            octets: Bytes::new(),
            announced: 0,
        });
        Self::of(messages.collect())
    }

    pub fn empty() -> Rc<Self> {
        Self::of(Vec::new())
    }

    /// The messages that an Update asked to remove.
    pub fn removed(&self) -> Vec<u32> {
        let removed = |call| if let Call::Update(removed) = call { Some(removed) } else { None };
        self.calls().into_iter().filter_map(removed).flatten().collect()
    }
}
