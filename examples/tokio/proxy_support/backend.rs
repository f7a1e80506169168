//! The login at a backend: the client's half of the proxy.

use std::sync::Arc;

use adapter::tokio::{BoxedStream, transfer};
use pop3_proto::client::{Action, Feature, Login, LoginError, LoginFailure, Retry, Session, Support};
use pop3_proto::server::Rejection;
use pop3_proto::wire::{Name, Password, Verb};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use support::client::{Result, Tls, TlsMode};
use support::report;

use super::Args;

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
    pub(crate) async fn log_in(
        &self,
        name: Name<'_>,
        password: Password<'_>,
    ) -> Result<Result<BoxedStream, Rejection>> {
        let socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        let security = self.mode.security(socket.peer_addr()?);
        let mut server: BoxedStream = Box::new(socket);
        if self.mode == TlsMode::Implicit {
            server = self.start_tls(server).await?;
        }
        let mut session = Session::new(Arc::default(), security);
        let mut login = Login::new(name, password);
        if self.mode == TlsMode::Starttls {
            login = login.stls();
        }
        let start = Instant::now();
        loop {
            login.advance(&mut session);
            if let Some(Err(error)) = login.outcome() {
                return self.rejection(&error, &session).map(Err);
            }
            match session.poll(start.elapsed())? {
                Action::Io(io) => transfer(io, &mut server, start).await?,
                Action::StartTls(token) => {
                    server = self.start_tls(server).await?;
                    token.established();
                }
                Action::Challenge(challenge) => login.answer(challenge),
                Action::Event(event) => {
                    login.observe(&event);
                    event.done();
                }
                // No message was asked for.
                Action::Body(body) => body.done(),
                // The login has succeeded. Neither side has anything to say, so this is where the connection changes hands.
                Action::Idle(_) => return Ok(Ok(server)),
                Action::Closed(_) => {
                    return match login.end(&session) {
                        Some(error) => self.rejection(&error, &session).map(Err),
                        None => Err("it has closed the connection".into()),
                    };
                }
            }
        }
    }

    async fn start_tls(&self, stream: BoxedStream) -> Result<BoxedStream> {
        let tls = self.tls.as_ref().ok_or("TLS isn't configured")?;
        Ok(Box::new(TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), stream).await?))
    }

    /// What a login that has failed here is to the client: a refusal of the same kind.
    fn rejection(&self, error: &LoginError, session: &Session) -> Result<Rejection> {
        Ok(match error.failure {
            LoginFailure::Refused { verb: Some(Verb::Stls), .. } => return Err("it has no STLS".into()),
            // What can't be said to a backend is no name or password that it knows.
            LoginFailure::Refused { retry: Retry::AskUser, .. } | LoginFailure::Unsent(_) => Rejection::BadCredentials,
            LoginFailure::Refused { retry: Retry::Soon, .. } => Rejection::InUse,
            LoginFailure::Refused { retry: Retry::Wait, .. } => Rejection::LoginDelay { seconds: None },
            LoginFailure::Refused { retry: Retry::Later, .. } => Rejection::Temporary,
            LoginFailure::Refused { retry: Retry::Stop, .. } => Rejection::Permanent,
            // It says no more than no, to a login, and doesn't promise to say when that is the user's fault.
            LoginFailure::Refused { .. } if error.method.is_some() => match session.support(Feature::AuthRespCode) {
                Support::Yes => Rejection::Temporary,
                Support::No | Support::Unknown => Rejection::BadCredentials,
            },
            LoginFailure::NeedsTls | LoginFailure::NotOffered => {
                report(format_args!("{}: {error}", self.address));
                Rejection::Permanent
            }
            _ => Rejection::Temporary,
        })
    }
}
