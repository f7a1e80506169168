//! What a server does for one client, beside POP3.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use adapter::Opened;
use adapter::tokio::{BoxedStream, Host};
use bytes::Bytes;
use pop3_proto::Secret;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Authenticate, BoxError, Credentials, Deletions, Refusal, Rejection};
use support::scram::{self, Nobody};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::front_end::{FrontEnd, Lease};
use crate::mailbox::{Mailbox, Reading};
use crate::passwords::Passwords;
use crate::stop::Stop;
use crate::store::{Store, User};

/// How long a login may take, its place in the line included.
const LOGIN: Duration = Duration::from_secs(15);

/// What all connections share.
pub(crate) struct Server<S> {
    pub(crate) front_end: FrontEnd<S>,
    pub(crate) passwords: Passwords,
    pub(crate) nobody: Nobody,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) stop: Stop,
}

/// What one connection needs.
pub(crate) struct Connection<S> {
    server: Arc<Server<S>>,
    _is_open: Arc<()>,
    /// Who has logged in, for reports.
    name: String,
    /// What the session ends with.
    lease: Option<Arc<Lease>>,
}

impl<S: Store> Connection<S> {
    /// `is_open` is dropped with it.
    pub(crate) fn new(server: Arc<Server<S>>, is_open: Arc<()>) -> Self {
        Self { server, _is_open: is_open, name: String::new(), lease: None }
    }

    /// Gives up what takes too long.
    async fn in_time<T>(&mut self, step: impl AsyncFnOnce(&mut Self) -> Result<T, BoxError>) -> Result<T, BoxError> {
        // On the heap, or each connection would have the room for a login.
        timeout(LOGIN, Box::pin(step(self))).await.map_err(|_| "a login has taken too long")?
    }

    /// The user of this name, if there is one.
    async fn user(&mut self, name: &[u8]) -> Result<Option<User>, BoxError> {
        self.name = String::from_utf8_lossy(name).into_owned();
        Ok(self.server.front_end.store().user(name).await?)
    }

    async fn verify(&mut self, name: &[u8], password: Secret) -> Result<Mailbox, BoxError> {
        let user = self.user(name).await?;
        let hash = user.as_ref().map(|user| user.hash.clone());
        let verified = self.server.passwords.verify(password, hash).await?;
        let user = user.filter(|_| verified).ok_or(Rejection::BadCredentials)?;
        self.open_maildrop(user.maildrop).await
    }

    /// Takes a step of SCRAM. What is heavy about it, the client does.
    async fn scram(&mut self, exchange: Option<Exchange>, response: &[u8]) -> Result<Outcome, BoxError> {
        match exchange {
            None => {
                let name = scram::name(response).ok_or(Rejection::Malformed)?;
                let made_up = self.server.nobody.keys(&name);
                let (keys, maildrop) = match self.user(name.as_bytes()).await? {
                    Some(User { maildrop, keys: Some(keys), .. }) => (keys, Some(maildrop)),
                    _ => (made_up, None),
                };
                let (session, challenge) = scram::begin(response, keys).ok_or(Rejection::Malformed)?;
                Ok(Outcome::Challenge(Exchange::Challenged(session.into(), maildrop), challenge))
            }
            Some(Exchange::Challenged(session, maildrop)) => {
                let verified = maildrop.zip(scram::finish(*session, response));
                let (maildrop, (_, proof)) = verified.ok_or(Rejection::BadCredentials)?;
                Ok(Outcome::Challenge(Exchange::Proved(maildrop), proof))
            }
            // The client has nothing more to say.
            Some(Exchange::Proved(maildrop)) if response.is_empty() => {
                self.open_maildrop(maildrop).await.map(Outcome::Accept)
            }
            Some(Exchange::Proved(_)) => Err(Rejection::Malformed)?,
        }
    }

    async fn open_maildrop(&mut self, maildrop: i64) -> Result<Mailbox, BoxError> {
        let (front_end, store) = (&self.server.front_end, self.server.front_end.store());
        let held = front_end.lock(maildrop).await?.ok_or(Rejection::InUse)?;
        // Read under the lock, so that what an earlier session has removed isn't there.
        let entries = store.index(maildrop).await?;
        self.lease = Some(Arc::clone(held.lease()));
        Ok(Mailbox::new(entries, held))
    }
}

/// Where SCRAM stands, from one response to the next.
pub(crate) enum Exchange {
    /// The challenge is out. With the maildrop of the user, if there is one.
    Challenged(Box<scram::Session>, Option<i64>),
    /// The maildrop is the client's, and the server's own proof is out.
    Proved(i64),
}

/// What comes of a response.
enum Outcome {
    /// The client is to answer this.
    Challenge(Exchange, Vec<u8>),
    /// It is who it says.
    Accept(Mailbox),
}

impl<S: Store> Host for Connection<S> {
    type Stream = BoxedStream;
    type Maildrop = Mailbox;
    type Exchange = Exchange;

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Mailbox, BoxError> {
        // Of APOP's proof a hash can't tell anything, so it isn't offered.
        let Credentials::Password { name, password } = credentials else { Err(Rejection::BadCredentials)? };
        let password = Secret::from(password.expose());
        self.in_time(async |connection| connection.verify(name.as_bytes(), password).await).await
    }

    async fn authenticate(&mut self, mut step: Authenticate<'_, Mailbox, Exchange>) {
        let (exchange, response) = step.exchange_and_response();
        let (known, response) = (exchange.take(), response.unwrap_or_default());
        let answered = match self.in_time(async |connection| connection.scram(known, response).await).await {
            Ok(Outcome::Challenge(next, octets)) => {
                *exchange = Some(next);
                step.challenge(&octets).map_err(BoxError::from)
            }
            Ok(Outcome::Accept(mailbox)) => step.answer(Ok(mailbox)),
            Err(error) => step.answer(Err(error)),
        };
        answered.unwrap_or_else(|error| self.report(error));
    }

    async fn open(&mut self, maildrop: &mut Mailbox, number: MessageNumber) -> Result<Opened<Reading>, BoxError> {
        let message = maildrop.message(number);
        let text = self.server.front_end.store().open(message).await?.ok_or(Refusal::Gone)?;
        match text.octets.checked_sub(text.first.len() as u64) {
            Some(0) => Ok(Opened::Whole(text.first)),
            Some(left) => Ok(Opened::Reader(Reading { message, first: Some(text.first), next: 1, left })),
            None => {
                self.report(format!("message {message} has more octets than it should").into());
                Err(Refusal::Permanent)?
            }
        }
    }

    /// A message that was removed meanwhile is cut off: the client must not take what it has for all of it.
    async fn next_chunk(&mut self, _: &mut Mailbox, reading: &mut Reading) -> Result<Option<Bytes>, BoxError> {
        if let Some(first) = reading.first.take() {
            return Ok(Some(first));
        }
        if reading.left == 0 {
            return Ok(None);
        }
        let chunk = self.server.front_end.store().chunk(reading.message, reading.next).await?;
        let chunk = chunk.filter(|chunk| !chunk.is_empty());
        let left = chunk.as_ref().and_then(|chunk| reading.left.checked_sub(chunk.len() as u64));
        reading.left = left.ok_or("a message was removed while it was sent")?;
        reading.next += 1;
        Ok(chunk)
    }

    async fn remove(&mut self, maildrop: &mut Mailbox, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        let messages: Vec<_> = deletions.map(|number| maildrop.message(number)).collect();
        let held = &mut maildrop.held;
        if held.lease().is_over() && !messages.is_empty() {
            return Ok(Removal::NotAll);
        }
        let is_ours = self.server.front_end.store().finish(held.lock(), messages).await?;
        held.released();
        Ok(if is_ours { Removal::All } else { Removal::NotAll })
    }

    async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
        let tls = self.server.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        // On the heap, or each connection would have the room for a handshake.
        Ok(Box::new(Box::pin(self.server.stop.cuts_off(tls.accept(stream))).await?))
    }

    async fn stopped(&mut self) {
        let over = async {
            match &self.lease {
                Some(lease) => lease.over().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.server.stop.begun() => {}
            () = over => {}
        }
    }

    /// Says also whom the failure has met.
    fn report(&mut self, error: BoxError) {
        support::report(format_args!("{:?}: {error}", self.name));
    }
}
