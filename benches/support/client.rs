//! A client that has logged in, and what a server says to it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Config, EventKind, Session};
use pop3_proto::wire::{Command, Name, Password};
use pop3_proto::{Io, Security};

/// A client that has logged in.
pub fn client() -> Session {
    let mut session = Session::new(Arc::new(Config::new()), Security::Tls);
    session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    receive(&mut session, b"+OK\r\n");
    receive(&mut session, b"+OK\r\n");
    receive(&mut session, b"+OK\r\n");
    session
}

/// Has a client take all that a server says, as the answer to what it has sent. Returns what it was given, in octets of
/// messages and lines of lists.
pub fn receive(session: &mut Session, mut replies: &[u8]) -> u64 {
    let mut received = 0;
    loop {
        match session.poll(Duration::ZERO).unwrap() {
            Action::Io(Io::Read(_)) if replies.is_empty() => return received,
            Action::Io(Io::Read(mut read)) => {
                let space = read.space();
                let octets = space.len().min(replies.len());
                // Piece by piece: of a longer copy callgrind counts each octet.
                for (place, piece) in space[..octets].chunks_mut(1_024).zip(replies.chunks(1_024)) {
                    place.copy_from_slice(&piece[..place.len()]);
                }
                replies = &replies[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                black_box(write.chunk());
                write.advance(octets);
            }
            Action::Event(event) => {
                match event.kind() {
                    EventKind::UniqueId { message, unique_id } => {
                        black_box((message, unique_id));
                        received += 1;
                    }
                    EventKind::Scan(listing) => {
                        black_box(listing);
                        received += 1;
                    }
                    _ => {}
                }
                event.done();
            }
            Action::Body(body) => {
                received += black_box(body.as_bytes()).len() as u64;
                body.done();
            }
            Action::Idle(_) => return received,
            Action::StartTls(_) | Action::Challenge(_) | Action::Closed(_) => unreachable!("nothing asks for it"),
        }
    }
}
