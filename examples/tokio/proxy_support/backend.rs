//! The login at a backend: the client's half of the proxy.

use std::sync::Arc;

use adapter::tokio::transfer;
use pop3_proto::client::{Action, Credential, EventKind, Feature, Login, Method, Retry, Session, Support};
use pop3_proto::server::Rejection;
use pop3_proto::wire::{Command, Name, Password, Response, Status, Verb};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use support::client::{Result, Tls, TlsMode};
use support::report;

use super::Args;
use crate::stream::Transport;

/// A server behind.
pub(crate) struct Backend {
    pub(crate) address: String,
    mode: TlsMode,
    tls: Option<Tls>,
}

impl Backend {
    pub(crate) fn new(args: &Args, address: &str) -> Result<Self> {
        Ok(Self { address: address.to_owned(), mode: args.backend_tls, tls: args.tls_to(address)? })
    }

    /// Logs in, and gives the connection on which that has succeeded, or why the backend has turned the user down.
    pub(crate) async fn log_in(&self, name: Name<'_>, password: Password<'_>) -> Result<Result<Transport, Rejection>> {
        let socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        let security = self.mode.security(socket.peer_addr()?);
        let mut server: Transport = Box::new(socket);
        if self.mode == TlsMode::Implicit {
            server = self.start_tls(server).await?;
        }
        let mut session = Session::new(Arc::default(), security);
        if self.mode == TlsMode::Starttls {
            session.send(&Command::Stls)?;
        }
        session.send(&Command::Capa)?;
        let mut login: Option<Login<'_>> = None;
        // What it means if the backend says no more than no.
        let mut unknown = Rejection::Temporary;
        let start = Instant::now();
        loop {
            match session.poll(start.elapsed())? {
                Action::Io(io) => transfer(io, &mut server, start).await?,
                Action::StartTls(token) => {
                    server = self.start_tls(server).await?;
                    token.established();
                }
                Action::Challenge(challenge) => match &mut login {
                    Some(login) => login.answer(challenge),
                    None => challenge.cancel(),
                },
                Action::Event(event) => {
                    match (event.kind(), event.verb()) {
                        // It is an old one.
                        (EventKind::Failed(_), Some(Verb::Capa)) => {}
                        (EventKind::Failed(_), Some(Verb::Stls)) => return Err("it has no STLS".into()),
                        (EventKind::Greeting(said) | EventKind::Failed(said) | EventKind::Farewell(said), _)
                            if said.status() == Status::Err =>
                        {
                            return Ok(Err(rejection(&said, unknown)));
                        }
                        _ => {}
                    }
                    event.done();
                }
                // No message was asked for.
                Action::Body(body) => body.done(),
                Action::Idle(_) if login.is_none() => {
                    let method = match Method::choose(&session, &Method::PASSWORD) {
                        Ok(method) => method,
                        Err(error) => {
                            report(format_args!("{}: {error}", self.address));
                            return Ok(Err(Rejection::Permanent));
                        }
                    };
                    let chosen = login.insert(Login::new(method, name, Credential::Password(password)));
                    if chosen.begin(&mut session).is_err() {
                        // What can't be said to a backend is no name or password that it knows.
                        return Ok(Err(Rejection::BadCredentials));
                    }
                    if session.support(Feature::AuthRespCode) != Support::Yes {
                        unknown = Rejection::BadCredentials;
                    }
                }
                // The login has succeeded. Neither side has anything to say, so this is where the connection changes hands.
                Action::Idle(_) => return Ok(Ok(server)),
                Action::Closed(_) => return Err("it has closed the connection".into()),
            }
        }
    }

    async fn start_tls(&self, stream: Transport) -> Result<Transport> {
        let tls = self.tls.as_ref().ok_or("TLS isn't configured")?;
        Ok(Box::new(TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), stream).await?))
    }
}

/// What a backend's refusal is to the client: one of the same kind.
fn rejection(said: &Response<'_>, unknown: Rejection) -> Rejection {
    match Retry::from(said.code()) {
        Retry::AskUser => Rejection::BadCredentials,
        Retry::Soon => Rejection::InUse,
        Retry::Wait => Rejection::LoginDelay { seconds: None },
        Retry::Later => Rejection::Temporary,
        Retry::Stop => Rejection::Permanent,
        _ => unknown,
    }
}
