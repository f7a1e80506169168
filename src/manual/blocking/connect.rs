//! A client that connects over TLS by rustls.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pop3_proto::Security;
use pop3_proto::client::{Config, Login};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::client::Client;
use super::tls::Tls;
use super::transfer::Stream;
use crate::Error;

/// How long the handshake may take where TLS comes first.
const HANDSHAKE: Duration = Duration::from_secs(30);

impl Client<Box<dyn Stream>> {
    /// Connects to a server where TLS comes first (port 995); `name` is whose certificate the server must have. This is there with
    /// the feature `rustls`.
    ///
    /// # Errors
    /// Those of the socket and of the handshake.
    pub fn connect_tls(
        address: impl ToSocketAddrs,
        name: ServerName<'static>,
        tls: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let stream = shake_hands(name, tls, connect(address)?, Instant::now().checked_add(HANDSHAKE))?;
        Ok(Self::new(stream, Security::Tls, Arc::new(Config::new())))
    }

    /// Connects to a server on port 110, and logs in as a plan has it that sends STLS: see [`log_in_over_tls`](Self::log_in_over_tls).
    /// `name` is whose certificate the server must have. This is there with the feature `rustls`.
    ///
    /// # Errors
    /// [`Error::Transport`] where the server can't be reached, or the handshake fails; [`Error::Login`] says why nobody is logged in.
    pub fn connect_stls(
        address: impl ToSocketAddrs,
        name: ServerName<'static>,
        tls: Arc<ClientConfig>,
        login: &mut Login,
    ) -> Result<Self, Error> {
        let stream = connect(address).map_err(Error::Transport)?;
        let client = Self::new(stream, Security::Cleartext, Arc::new(Config::new()));
        client.log_in_over_tls(login, |stream, deadline| shake_hands(name, tls, stream, deadline))
    }
}

fn connect(address: impl ToSocketAddrs) -> io::Result<Box<dyn Stream>> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    Ok(Box::new(socket))
}

fn shake_hands(
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    stream: Box<dyn Stream>,
    deadline: Option<Instant>,
) -> io::Result<Box<dyn Stream>> {
    let connection = ClientConnection::new(tls, name).map_err(io::Error::other)?;
    Ok(Box::new(Tls::shake_hands(connection, stream, deadline)?))
}
