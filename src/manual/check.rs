//! The client of a check, and what it finds wrong with a store. It has no I/O: what drives the server's session asks the host.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Closed, Command, Config, EventKind, Login, MessageNumber, Removal, Session, Verb};
use pop3_proto::{Io, Security};

/// What a client has seen of a maildrop, message by message.
#[derive(Default)]
pub(crate) struct Seen {
    unique_ids: Vec<Vec<u8>>,
    announced: Vec<u64>,
    received: Vec<u64>,
}

/// Compares what the client sees in three sessions, the second of which deletes the first message.
///
/// # Errors
/// What is wrong, in a sentence.
pub(crate) fn compare(sessions: &[Seen]) -> Result<(), Box<dyn Error>> {
    match sessions {
        [first] if first.unique_ids.is_empty() => Err("there is no message to check anything with".into()),
        [first] => {
            for (place, (announced, received)) in first.announced.iter().zip(&first.received).enumerate() {
                if announced != received {
                    return Err(
                        format!("message {} has {received} octets, and LIST says {announced}", place + 1).into()
                    );
                }
            }
            Ok(())
        }
        [first, second] if second.unique_ids != first.unique_ids => {
            Err("the unique-ids of another session are different".into())
        }
        [first, _, third] if third.unique_ids != first.unique_ids[1..] => {
            Err("the first message was deleted, and what is left isn't all the others".into())
        }
        _ => Ok(()),
    }
}

/// A client that looks at all messages of a maildrop.
pub(crate) struct Visitor {
    client: Session,
    login: Login,
    is_logged_in: bool,
    deletes: bool,
    seen: Seen,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Visitor {
    /// `deletes` has it delete the first message.
    pub(crate) fn new(login: Login, deletes: bool) -> Self {
        let client = Session::new(Arc::new(Config::new()), Security::Tls);
        let (to_server, to_client) = (Vec::new(), Vec::new());
        Self { client, login, is_logged_in: false, deletes, seen: Seen::default(), to_server, to_client }
    }

    /// Takes what the server says, or gives it what the client says.
    pub(crate) fn transfer(&mut self, io: Io<'_>) -> Result<(), Box<dyn Error>> {
        match io {
            Io::Write(write) => take(write, &mut self.to_client),
            Io::Read(read) => {
                if self.to_server.is_empty() {
                    self.go_on()?;
                }
                give(read, &mut self.to_server);
            }
        }
        Ok(())
    }

    /// Returns what the client has seen, once the server's session is over.
    pub(crate) fn leave(mut self) -> Result<Seen, Box<dyn Error>> {
        if self.go_on()? { Ok(self.seen) } else { Err("the server ends the session early".into()) }
    }

    /// Has the client go on until the server has to say something; or until it has quit, and then this is true.
    fn go_on(&mut self) -> Result<bool, Box<dyn Error>> {
        let Self { client, login, seen, .. } = self;
        loop {
            login.advance(client);
            if let Some(outcome) = login.outcome() {
                self.is_logged_in = outcome.is_ok();
                outcome?;
                client.send(&Command::List { message: None })?;
                client.send(&Command::Uidl { message: None })?;
            }
            match client.poll(Duration::ZERO)? {
                Action::Io(Io::Write(write)) => take(write, &mut self.to_server),
                Action::Io(Io::Read(_)) if self.to_client.is_empty() && !self.to_server.is_empty() => return Ok(false),
                Action::Io(Io::Read(read)) => give(read, &mut self.to_client),
                Action::Event(event) => {
                    login.observe(&event);
                    match event.kind() {
                        EventKind::Scan(listing) => seen.announced.push(listing.octets),
                        EventKind::UniqueId { unique_id, .. } => seen.unique_ids.push(unique_id.to_vec()),
                        EventKind::Begins(_) if event.verb() == Some(Verb::Retr) => seen.received.push(0),
                        EventKind::Failed(response) if self.is_logged_in => return Err(response.to_string().into()),
                        _ => {}
                    }
                    event.done();
                }
                Action::Body(body) => {
                    if let Some(received) = seen.received.last_mut() {
                        *received += body.as_bytes().len() as u64;
                    }
                    body.done();
                }
                Action::Challenge(challenge) => login.answer(challenge),
                // Both lists are there, or one more message.
                Action::Idle(_) if seen.received.len() < seen.unique_ids.len() => {
                    let number = u32::try_from(seen.received.len())? + 1;
                    client.send(&Command::Retr { message: MessageNumber::new(number).ok_or("too many messages")? })?;
                }
                Action::Idle(_) => {
                    if self.deletes {
                        client.send(&Command::Dele { message: MessageNumber::FIRST })?;
                    }
                    client.send(&Command::Quit)?;
                }
                Action::Closed(Closed::Quit(Removal::All)) => return Ok(true),
                Action::Closed(closed) => return Err(closed.to_string().into()),
                other => other.decline(),
            }
        }
    }
}

/// Takes all that is written.
fn take(mut write: pop3_proto::Write<'_>, octets: &mut Vec<u8>) {
    let count = write.remaining();
    octets.extend_from_slice(&write.copy_to_bytes(count));
}

/// Has as much read as there is room for; nothing is the end of the stream.
fn give(mut read: pop3_proto::Read<'_>, octets: &mut Vec<u8>) {
    let count = octets.len().min(read.space().len());
    read.space()[..count].copy_from_slice(&octets[..count]);
    octets.drain(..count);
    read.filled(count);
}
