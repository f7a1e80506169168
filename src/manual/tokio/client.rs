//! A client that is called, over a stream of tokio: each call sends a command, and returns when that is answered to its end.

use std::future::Future;
use std::io;
use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::client::{Action, Config, EventKind, Login, Method, Session};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::wire::{Command, DropListing, ScanListing};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, sink};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::Instant;

use super::transfer::{before, transfer};
use crate::Error;
use crate::call::{self, Call};

/// A connection to a server, from the greeting on.
#[derive(Debug)]
pub struct Client<S> {
    pub(super) session: Session,
    pub(super) stream: S,
    pub(super) start: Instant,
}

impl Client<TcpStream> {
    /// Connects to a server without TLS. A password is sent only if the server is on this machine: others need
    /// [`new`](Self::new) and [`log_in_over_tls`](Self::log_in_over_tls).
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        let security = Security::from_peer_address(socket.peer_addr()?.ip());
        socket.set_nodelay(true)?;
        Ok(Self::new(socket, security, Arc::new(Config::new())))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Creates a client on a connection that was just made; `security` tells who may listen to it.
    pub fn new(stream: S, security: Security, config: Arc<Config>) -> Self {
        Self { session: Session::new(config, security), stream, start: Instant::now() }
    }

    /// Returns the session, which knows what the server can do.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Logs in as the plan has it, with no TLS but what is there. Where that is refused another plan may be tried, or another
    /// token.
    ///
    /// # Errors
    /// [`Error::Login`] says why nobody is logged in. [`Error::NoHandshake`] where the plan sends STLS: that is for
    /// [`log_in_over_tls`](Self::log_in_over_tls).
    pub async fn log_in(&mut self, login: &mut Login) -> Result<Method, Error> {
        loop {
            login.advance(&mut self.session);
            if let Some(outcome) = login.outcome() {
                return Ok(outcome?);
            }
            let taken = self.next().await.and_then(|action| call::log_in(login, action));
            taken.map_err(|error| call::login_error(error, login, &self.session))?;
        }
    }

    /// Logs in as the plan has it, and does the handshake where the plan sends STLS: by [`Login::stls`], or where it is offered by
    /// [`Login::stls_if_offered`]. The stream has one type before and after it, so it is a box or an enum.
    ///
    /// # Errors
    /// [`Error::Login`] says why nobody is logged in. The connection is closed then.
    pub async fn log_in_over_tls<F>(
        mut self,
        login: &mut Login,
        shake_hands: impl FnOnce(S) -> F,
    ) -> Result<Self, Error>
    where
        F: Future<Output = io::Result<S>>,
    {
        match self.log_in(login).await {
            Err(Error::NoHandshake) => {}
            logged_in => return logged_in.map(|_| self),
        }
        let Action::StartTls(tls) = self.session.poll(self.start.elapsed())? else { return Err(Error::NoHandshake) };
        self.stream = before(tls.deadline(), self.start, shake_hands(self.stream)).await.map_err(Error::Transport)?;
        tls.established();
        self.log_in(login).await.map(|_| self)
    }

    /// Returns how many messages there are, and their octets (STAT).
    ///
    /// # Errors
    /// [`Error`], as for all commands.
    pub async fn stat(&mut self) -> Result<DropListing, Error> {
        self.run(&[Command::Stat], &mut sink(), call::drop_listing).await?.pop().ok_or(Error::NoAnswer)
    }

    /// Returns each message's octets (LIST). Some servers count them wrongly.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list(&mut self) -> Result<Vec<ScanListing>, Error> {
        self.run(&[Command::List { message: None }], &mut sink(), call::scan_listing).await
    }

    /// Returns each message's unique-id (UIDL).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn uidl(&mut self) -> Result<Vec<(MessageNumber, Vec<u8>)>, Error> {
        self.run(&[Command::Uidl { message: None }], &mut sink(), call::unique_id).await
    }

    /// Writes a message into `sink`, with CRLF line ends (RETR), and sends STAT after it, whose answer shows that the message
    /// was whole. A sink that fails beyond some length limits what is kept.
    ///
    /// # Errors
    /// [`Error`]: then what is in `sink` may not be the whole message.
    pub async fn retr(&mut self, message: MessageNumber, sink: &mut (impl AsyncWrite + Unpin)) -> Result<(), Error> {
        let proof = self.run(&[Command::Retr { message }, Command::Stat], sink, call::drop_listing).await?;
        if proof.is_empty() { Err(Error::Unproven(message)) } else { Ok(()) }
    }

    /// Writes a message's header and so many lines of its body into `sink` (TOP).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn top(
        &mut self,
        message: MessageNumber,
        lines: u64,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Error> {
        self.run(&[Command::Top { message, lines }], sink, call::nothing).await.map(drop)
    }

    /// Marks a message as deleted (DELE): [`quit`](Self::quit) removes it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn dele(&mut self, message: MessageNumber) -> Result<(), Error> {
        self.run(&[Command::Dele { message }], &mut sink(), call::nothing).await.map(drop)
    }

    /// Ends the session, and has the server remove what is marked (QUIT). Without it nothing is removed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn quit(mut self) -> Result<Removal, Error> {
        self.session.send(&Command::Quit)?;
        loop {
            match self.next().await? {
                Action::Closed(closed) => {
                    let _ = self.stream.shutdown().await; // the server may be gone
                    return call::removal(closed);
                }
                other => other.decline(),
            }
        }
    }

    /// Sends commands, and does what the session wants until the last of them is answered to its end. Returns what was asked
    /// for, as far as the answers have it.
    async fn run<T>(
        &mut self,
        commands: &[Command<'_>],
        sink: &mut (impl AsyncWrite + Unpin),
        of: fn(EventKind<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut call = Call::new(&mut self.session, commands, of)?;
        while !call.is_over {
            match self.next().await? {
                Action::Body(body) => {
                    let written = sink.write_all(call.kept(&body)).await;
                    call.written(body, written);
                }
                other => call.take(other),
            }
        }
        call.result
    }

    /// Reads and writes until the session wants something else.
    pub(super) async fn next(&mut self) -> Result<Action<'_>, Error> {
        let (mut now, mut lost) = (self.start.elapsed(), None);
        while let Ok(Action::Io(io)) = self.session.poll(now) {
            lost = transfer(io, &mut self.stream, self.start).await.err().or(lost);
            now = self.start.elapsed();
        }
        let due = self.session.unanswered();
        self.session.poll(now).map_err(|error| lost.map_or(Error::Session(error, due), Error::Transport))
    }
}
