//! Checks a host's store by what a client sees of it: for the host's own tests.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::client::{self, Command, EventKind, Login, MessageNumber};
use pop3_proto::server::{Action, Security, Session};

use super::serve::{Host, answer};

/// What a client has seen of a maildrop, message by message.
#[derive(Default)]
struct Seen {
    unique_ids: Vec<Vec<u8>>,
    announced: Vec<u64>,
    received: Vec<u64>,
}

/// Checks a maildrop, with messages in it, through three sessions: that it has the same messages under the same unique-ids each
/// time, that each message has as many octets as LIST announces, and that QUIT removes the first message, which a client has marked,
/// and no other. `session` makes sessions; `login` is a client's way to log in, over TLS.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn check<H: Host>(
    host: &mut H,
    session: impl Fn() -> Session<H::Maildrop, H::Exchange>,
    login: impl Fn() -> Login,
) -> Result<(), Box<dyn Error>> {
    let first = visit(host, session(), login(), false)?;
    if first.unique_ids.is_empty() {
        return Err("there is no message to check anything with".into());
    }
    for (place, (announced, received)) in first.announced.iter().zip(&first.received).enumerate() {
        if announced != received {
            return Err(format!("message {} has {received} octets, and LIST says {announced}", place + 1).into());
        }
    }
    let second = visit(host, session(), login(), true)?;
    if second.unique_ids != first.unique_ids {
        return Err("the unique-ids of another session are different".into());
    }
    let third = visit(host, session(), login(), false)?;
    if third.unique_ids != first.unique_ids[1..] {
        return Err("the first message was deleted, and what is left isn't all the others".into());
    }
    Ok(())
}

/// Looks at all messages, and deletes the first if that is wanted.
fn visit<H: Host>(
    host: &mut H,
    mut server: Session<H::Maildrop, H::Exchange>,
    mut login: Login,
    deletes: bool,
) -> Result<Seen, Box<dyn Error>> {
    let mut client = client::Session::new(Arc::new(client::Config::new()), Security::Tls);
    let (mut seen, mut is_logged_in) = (Seen::default(), false);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    loop {
        login.advance(&mut client);
        if let Some(outcome) = login.outcome() {
            is_logged_in = outcome.is_ok();
            outcome?;
            client.send(&Command::List { message: None })?;
            client.send(&Command::Uidl { message: None })?;
        }
        match client.poll(Duration::ZERO)? {
            client::Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                to_server.extend_from_slice(&write.copy_to_bytes(octets));
            }
            client::Action::Io(Io::Read(mut read)) => {
                drive(&mut server, host, &mut to_server, &mut to_client);
                let octets = to_client.len().min(read.space().len());
                read.space()[..octets].copy_from_slice(&to_client[..octets]);
                to_client.drain(..octets);
                read.filled(octets);
            }
            client::Action::Event(event) => {
                login.observe(&event);
                match event.kind() {
                    EventKind::Scan(listing) => seen.announced.push(listing.octets),
                    EventKind::UniqueId { unique_id, .. } => seen.unique_ids.push(unique_id.to_vec()),
                    EventKind::Begins(_) if event.verb() == Some(client::Verb::Retr) => seen.received.push(0),
                    EventKind::Failed(response) if is_logged_in => return Err(response.to_string().into()),
                    _ => {}
                }
                event.done();
            }
            client::Action::Body(body) => {
                if let Some(received) = seen.received.last_mut() {
                    *received += body.as_bytes().len() as u64;
                }
                body.done();
            }
            client::Action::Challenge(challenge) => login.answer(challenge),
            // Both lists are there, or one more message.
            client::Action::Idle(_) => {
                let message = MessageNumber::new(u32::try_from(seen.received.len())? + 1).ok_or("too many messages")?;
                if seen.received.len() < seen.unique_ids.len() {
                    client.send(&Command::Retr { message })?;
                } else {
                    if deletes {
                        client.send(&Command::Dele { message: MessageNumber::FIRST })?;
                    }
                    client.send(&Command::Quit)?;
                }
            }
            client::Action::Closed(client::Closed::Quit(client::Removal::All)) => return Ok(seen),
            client::Action::Closed(closed) => return Err(closed.to_string().into()),
            other => other.decline(),
        }
    }
}

/// Has the server deal with what the client has sent.
fn drive<H: Host>(
    server: &mut Session<H::Maildrop, H::Exchange>,
    host: &mut H,
    to_server: &mut Vec<u8>,
    to_client: &mut Vec<u8>,
) {
    loop {
        match server.poll(Duration::ZERO) {
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                to_client.extend_from_slice(&write.copy_to_bytes(octets));
            }
            Action::Io(Io::Read(mut read)) if !to_server.is_empty() => {
                let octets = to_server.len().min(read.space().len());
                read.space()[..octets].copy_from_slice(&to_server[..octets]);
                to_server.drain(..octets);
                read.filled(octets);
            }
            Action::Io(Io::Read(_)) | Action::Close(_) => return,
            other => answer(other, host),
        }
    }
}
