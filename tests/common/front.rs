//! The server's half of a proxy, driven the way a test wants it.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::server::{Action, Authenticate, ClientIdentity, CloseReason, Config, Login, Session};
use pop3_proto::{Io, Security};

/// A session, and what it is driven with.
pub struct Front<E = ()> {
    pub session: Session<Infallible, E>,
    pub now: Duration,
    pub output: Vec<u8>,
    /// Octets of each read, one after the other and then again.
    pub reads: Vec<usize>,
    /// The most octets of a write.
    pub window: usize,
    /// Whether every token is dropped once.
    pub drops: bool,
    /// How many octets were read.
    pub taken: usize,
}

impl<E> Front<E> {
    /// A session whose host remembers an `E` of each exchange.
    pub fn remembering(config: Config) -> Self {
        Self {
            session: Session::with_exchange(config.into(), Security::TrustedLocal),
            now: Duration::ZERO,
            output: Vec::new(),
            reads: vec![usize::MAX],
            window: usize::MAX,
            drops: false,
            taken: 0,
        }
    }

    /// Drives the session with a client that sends `input` and waits: how the session ends, if it does.
    pub fn run(
        &mut self,
        input: &[u8],
        mut answer: impl FnMut(Login<'_, Infallible, E>),
        mut step: impl FnMut(Authenticate<'_, Infallible, E>),
    ) -> Option<CloseReason> {
        let mut reads = self.reads.clone().into_iter().cycle();
        loop {
            if self.drops {
                drop(self.session.poll(self.now));
            }
            match self.session.poll(self.now) {
                Action::Io(Io::Read(_)) if self.taken == input.len() => return None,
                Action::Io(Io::Read(mut read)) => {
                    let rest = &input[self.taken..];
                    let octets = rest.len().min(reads.next().unwrap()).min(read.space().len());
                    read.space()[..octets].copy_from_slice(&rest[..octets]);
                    read.filled(octets);
                    self.taken += octets;
                }
                Action::Io(Io::Write(mut write)) => {
                    let octets = write.remaining().min(self.window);
                    self.output.extend(write.copy_to_bytes(octets));
                }
                Action::Login(login) => answer(login),
                Action::Authenticate(token) => step(token),
                Action::StartTls(start) => start.established(ClientIdentity::Unknown),
                Action::Close(reason) => return Some(reason),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What is left for whoever goes on: what the session has read and left alone, and what it hasn't read.
    pub fn left(self, input: &[u8]) -> Vec<u8> {
        let mut left = self.session.into_unread();
        left.extend_from_slice(&input[self.taken..]);
        left
    }
}

pub fn front(config: Config) -> Front {
    Front::remembering(config)
}
