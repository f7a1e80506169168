use std::error::Error;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use adapter::blocking::transfer;
use pop3_proto::client::{
    Action, Closed, Command, Config, Credential, EventKind, Login, MessageNumber, Method, Name, Password, Removal, Security,
    Session, Verb,
};

/// Returns the first message of a maildrop; `None` where it is empty.
fn first_message(mut socket: TcpStream, name: &str, password: &str) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    // There is no TLS here: only a server on this machine gets the password.
    let security = Security::from_peer_address(socket.peer_addr()?.ip());
    let (name, credential) = (Name::new(name)?, Credential::Password(Password::new(password)?));
    let start = Instant::now();
    let mut session = Session::new(Arc::new(Config::new()), security);
    // It goes out when the greeting has come.
    let capa = session.send(&Command::Capa)?;
    let (mut login, mut message) = (None::<Login<'_>>, None::<Vec<u8>>);
    loop {
        let now = start.elapsed();
        match session.poll(now)? {
            Action::Io(io) => {
                if let Err(error) = transfer(io, &mut socket, now) {
                    eprintln!("{error}"); // the next poll returns what it means
                }
            }
            Action::Event(event) => {
                let is_told = event.ticket() == Some(capa) && event.completes();
                let outcome = login.as_mut().and_then(|login| login.observe(&event));
                let mut messages = None;
                match (event.kind(), outcome) {
                    // A server without CAPA can do without.
                    (EventKind::Failed(_), _) if is_told => {}
                    // Its messages are whole all the same, and `Closed` follows.
                    (EventKind::Failed(_), _) if event.verb() == Some(Verb::Quit) => {}
                    (EventKind::Failed(response), Some(Err(retry))) => {
                        return Err(format!("no login: {retry}: {}", response.text().escape_ascii()).into());
                    }
                    (EventKind::Failed(response), _) => return Err(response.text().escape_ascii().to_string().into()),
                    (EventKind::Unreadable { line, .. }, _) => return Err(line.escape_ascii().to_string().into()),
                    (EventKind::Stat(listing), _) => messages = Some(listing.messages),
                    (EventKind::Begins(_), _) if event.verb() == Some(Verb::Retr) => message = Some(Vec::new()),
                    _ => {}
                }
                event.done();
                if is_told {
                    let method = Method::choose(&session, &Method::PASSWORD)?;
                    login.insert(Login::new(method, name, credential)).begin(&mut session)?;
                }
                if outcome == Some(Ok(())) {
                    session.send(&Command::Stat)?;
                }
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
            Action::Challenge(challenge) => match &mut login {
                Some(login) => login.answer(challenge),
                None => challenge.cancel(),
            },
            // The answer to QUIT has come after the message, and so the message is whole.
            Action::Closed(Closed::Quit(Removal::All | Removal::NotAll)) => return Ok(message),
            Action::Closed(closed) => return Err(closed.to_string().into()),
            // Neither comes: there is always something to ask, and STLS isn't sent.
            Action::Idle(_) | Action::StartTls(_) => return Err("out of step".into()),
        }
    }
}
