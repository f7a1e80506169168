use std::error::Error;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use adapter::blocking::transfer;
use pop3_proto::client::{
    Action, Closed, Command, Config, EventKind, Login, MessageNumber, Removal, Security, Session, Verb,
};

/// Returns the first message of a maildrop; `None` where it is empty.
fn first_message(mut socket: TcpStream, mut login: Login) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    // There is no TLS here: only a server on this machine gets the password.
    let security = Security::from_peer_address(socket.peer_addr()?.ip());
    let mut session = Session::new(Arc::new(Config::new()), security);
    let (start, mut message) = (Instant::now(), None::<Vec<u8>>);
    loop {
        login.advance(&mut session);
        if let Some(outcome) = login.outcome() {
            outcome?; // or why nobody is logged in
            session.send(&Command::Stat)?;
        }
        let now = start.elapsed();
        match session.poll(now)? {
            Action::Io(io) => {
                if let Err(error) = transfer(io, &mut socket, now) {
                    eprintln!("{error}"); // the next poll returns what it means
                }
            }
            Action::Event(event) => {
                login.observe(&event);
                let mut messages = None;
                match (event.verb(), event.kind()) {
                    (Some(Verb::Stat | Verb::Retr), EventKind::Failed(response)) => {
                        return Err(response.text().escape_ascii().to_string().into());
                    }
                    (_, EventKind::Unreadable { line, .. }) => return Err(line.escape_ascii().to_string().into()),
                    (_, EventKind::Stat(listing)) => messages = Some(listing.messages),
                    (Some(Verb::Retr), EventKind::Begins(_)) => message = Some(Vec::new()),
                    _ => {}
                }
                event.done();
                if messages.is_some_and(|messages| messages > 0) {
                    session.send(&Command::Retr { message: MessageNumber::FIRST })?;
                }
                if messages.is_some() {
                    session.send(&Command::Quit)?;
                }
            }
            Action::Body(body) => {
                let message = message.get_or_insert_default();
                message.extend_from_slice(body.as_bytes());
                body.done();
                if message.len() > 50_000_000 {
                    return Err("the message is too long".into());
                }
            }
            Action::Challenge(challenge) => login.answer(challenge),
            // The answer to QUIT has come after the message, and so the message is whole.
            Action::Closed(Closed::Quit(Removal::All | Removal::NotAll)) => return Ok(message),
            Action::Closed(closed) => return Err(closed.to_string().into()),
            // Neither comes: there is always something to ask, and STLS isn't sent.
            Action::Idle(_) | Action::StartTls(_) => return Err("out of step".into()),
        }
    }
}
