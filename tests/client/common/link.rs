//! A client and a server of this crate, joined by narrow pipes.

use std::rc::Rc;
use std::time::Duration;

use pop3_proto::client::Config;
use pop3_proto::server;
use pop3_proto::{Io, Security};

use super::script::{Client, Pipe, Step};
use super::{Cycle, Server, Store};

/// Numbers that look like chance, and are the same for the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn sizes(&mut self, at_most: usize) -> Cycle<usize> {
        (0..97).map(|_| 1 + self.below(at_most)).collect::<Vec<_>>().into()
    }

    fn choices(&mut self, one_in: usize) -> Cycle<bool> {
        (0..89).map(|_| self.below(one_in) == 0).collect::<Vec<_>>().into()
    }
}

/// A client and a server of this crate, joined by two pipes.
pub struct Link {
    pub client: Client,
    pub server: Server,
    pub down: Pipe,
    pub up: Pipe,
    chance: Chance,
    largest: usize,
}

impl Link {
    /// Pipes of `capacity` octets, and at most `largest` octets in any read or write.
    pub fn new(client: Client, server: Server, capacity: usize, largest: usize, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut link = Self {
            client,
            server,
            down: Pipe::new(capacity),
            up: Pipe::new(capacity),
            chance: Chance::new(seed + 1),
            largest,
        };
        link.client.reads = chance.sizes(largest);
        link.client.writes = chance.sizes(largest);
        link.client.drops = chance.choices(3);
        link.client.reads_first = chance.choices(2);
        link.server.drops = chance.choices(3);
        link
    }

    /// Goes on until the client is idle or its session is over; then the server's is too.
    pub fn run(&mut self) {
        loop {
            self.client.now += Duration::from_micros(100);
            self.server.now = self.client.now;
            let client = self.client.step(&mut self.down, &mut self.up);
            match client {
                Step::Over => return self.server.run(&[], true),
                Step::Idle if self.is_quiet() => return,
                _ => {}
            }
            let served = self.serve();
            assert!(served || client == Step::Done, "both sides are stuck: {:?}", self.client.heard);
        }
    }

    /// Whether the server has nothing to say.
    fn is_quiet(&mut self) -> bool {
        let waits = matches!(self.server.session.poll(self.server.now), server::Action::Io(Io::Read(_)));
        waits && self.up.octets.is_empty() && self.server.output.is_empty()
    }

    /// One step of the server; whether it got anywhere.
    fn serve(&mut self) -> bool {
        if self.server.closed.is_some() {
            return !std::mem::replace(&mut self.down.ended, true);
        }
        let at_most = 1 + self.chance.below(self.largest);
        let (window, input) = match self.server.session.poll(self.server.now) {
            server::Action::Io(Io::Read(mut read)) => (0, self.up.take(at_most.min(read.space().len()))),
            _ => (at_most.min(self.down.room()), Vec::new()),
        };
        self.server.window = vec![window, 0].into();
        let calls = self.server.store.calls.borrow().len();
        self.server.run(&input, false);
        let output = std::mem::take(&mut self.server.output);
        self.server.writes.clear();
        self.down.octets.extend(&output);
        let asked = self.server.store.calls.borrow().len() > calls;
        !input.is_empty() || !output.is_empty() || asked || self.server.closed.is_some()
    }
}

/// A client and a server that trust the connection, with pipes of any size.
pub fn link(store: &Rc<Store>, capacity: usize, seed: u64) -> Link {
    let client = Client::new(Config::new(), Security::TrustedLocal);
    Link::new(client, Server::patient(store), capacity, capacity, seed)
}
