//! A POP3 proxy on tokio: it takes the login, logs in at the server behind that the user belongs to, and steps aside.
//!
//! ```text
//! cargo run --example proxy_tokio -- --backend 192.0.2.1:995 --backend-tls implicit
//! ```
//!
//! It is made of both halves of the crate. [`serve`] drives the server's until a login is there; [`Backend::log_in`] drives
//! the client's until that login has succeeded or failed elsewhere. From then on the proxy understands nothing of what is
//! said, and [`splice`] hands it on octet by octet: so time limits and all the rest are the backend's from there. (A client
//! that takes nothing more keeps its connection even when its backend has given up; a proxy for strangers needs a limit there.)
//!
//! What clients are told before they log in has to hold at every backend: TOP, UIDL, PIPELINING and response codes, which
//! every server of today has. UTF8 and LANG aren't offered, as no backend would hear of them, nor is any login that a
//! backend can't be given again, such as APOP.

mod accept;
mod proxy_support;
mod stop;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adapter::tokio::{BoxedStream, transfer};
use pop3_proto::server::{Action, ClientIdentity, CloseReason, Config, Credentials, Rejection, Session};
use pop3_proto::wire::{Mechanism, Name, Password};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use accept::{accept, listen};
use proxy_support::{Args, Backend};
use support::client::Result;

/// How long a TLS handshake may take, and how long it may take to connect to a backend and log in there.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the end of a connection may keep us.
const PAUSE: Duration = Duration::from_secs(1);

/// What all connections share.
struct Proxy {
    config: Arc<Config>,
    tls: Option<TlsAcceptor>,
    require_tls: bool,
    backend: Backend,
    by_user: HashMap<Vec<u8>, Backend>,
}

#[tokio::main]
async fn main() -> ExitCode {
    support::exit_code(run(&support::parse_or_exit(env!("CARGO_BIN_NAME"))).await)
}

async fn run(args: &Args) -> Result<()> {
    let tls = args.listening.tls()?.map(TlsAcceptor::from);
    let mut by_user = HashMap::new();
    for (name, address) in &args.user_backends {
        by_user.insert(name.as_bytes().to_vec(), Backend::new(args, address)?);
    }
    let proxy = Arc::new(Proxy {
        config: Arc::new(Config::new().stls(tls.is_some()).mechanism(Mechanism::LOGIN)?),
        tls,
        require_tls: args.listening.require_tls,
        backend: Backend::new(args, args.backend())?,
        by_user,
    });
    let stop_signal = stop::stop_signal()?;
    let plain = listen(&args.listening.listen)?;
    let implicit_tls = args.listening.tls_listen.as_deref().map(listen).transpose()?;
    args.announce(plain.local_addr()?, implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?);
    let serve = |implicit_tls| {
        let proxy = &proxy;
        // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
        move |socket, peer| drop(tokio::spawn(serve(socket, peer, implicit_tls, Arc::clone(proxy))))
    };
    tokio::select! {
        () = accept(Some(&plain), serve(false)) => {}
        () = accept(implicit_tls.as_ref(), serve(true)) => {}
        // Connections break off: no QUIT that a backend hasn't heard removes a message.
        () = stop_signal => {}
    }
    Ok(())
}

/// Serves a client until it has logged in, and then has its backend do it.
async fn serve(socket: TcpStream, peer: SocketAddr, implicit_tls: bool, proxy: Arc<Proxy>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut client: BoxedStream = Box::new(socket);
    let security = support::security_of(peer, proxy.require_tls);
    let session = Session::<Infallible>::new(Arc::clone(&proxy.config), security);
    let mut session = session.with_implicit_tls(implicit_tls);
    let mut backend = None;
    let start = Instant::now();
    let reason = loop {
        match session.poll(start.elapsed()) {
            // A transport that fails ends the session.
            Action::Io(io) => drop(transfer(io, &mut client, start).await),
            Action::StartTls(token) => {
                let Some(tls) = &proxy.tls else { break CloseReason::TlsFailed };
                client = Box::new(timeout(PATIENCE, tls.accept(client)).await??);
                token.established(ClientIdentity::Unknown);
            }
            Action::Login(login) => match login.credentials() {
                Credentials::Password { name, password } => match proxy.log_in(name, password).await {
                    Ok(stream) => {
                        backend = Some(stream);
                        login.hand_over();
                    }
                    Err(rejection) => login.reject(rejection),
                },
                _ => login.reject(Rejection::Permanent),
            },
            // Only PLAIN and LOGIN are offered, which come as logins.
            Action::Authenticate(step) => step.reject(Rejection::Permanent),
            // There is no maildrop here.
            Action::Measure(mut measure) => match *measure.maildrop() {},
            Action::Retrieve(mut retrieve) => match *retrieve.maildrop() {},
            Action::Body(mut body) => match *body.reader() {},
            Action::Update(mut update) => match *update.maildrop_and_deletions().0 {},
            Action::Close(reason) => break reason,
        }
    };
    if let (CloseReason::HandedOver, Some(backend)) = (reason, backend) {
        timeout(PATIENCE, client.flush()).await??; // the response to the login
        return splice(client, backend, &session.into_unread()).await;
    }
    let end = async {
        if reason.is_orderly() {
            client.shutdown().await?;
        }
        copy(&mut client, &mut sink()).await
    };
    timeout(PAUSE, end).await.map_or(Ok(()), |ended| ended.map(drop))
}

/// Hands on what either side says, what was `unread` first, until the backend has no more to say.
async fn splice(client: BoxedStream, backend: BoxedStream, unread: &[u8]) -> io::Result<()> {
    let (from_client, mut to_client) = split(client);
    let (mut from_backend, mut to_backend) = split(backend);
    let mut from_client = unread.chain(from_client);
    let up = async {
        // However the client ends, the backend hears of the end alone. What it still says is for a client that has only
        // ended its own half.
        let _ = copy(&mut from_client, &mut to_backend).await;
        let _ = to_backend.shutdown().await;
        pending().await
    };
    tokio::select! {
        ended = copy(&mut from_backend, &mut to_client) => ended?,
        never = up => never,
    };
    // A socket that is closed with octets unread takes the last response back.
    let end = async {
        to_client.shutdown().await?;
        copy(&mut from_client, &mut sink()).await
    };
    timeout(PAUSE, end).await.map_or(Ok(()), |ended| ended.map(drop))
}

impl Proxy {
    /// Logs in at the backend that the user belongs to.
    async fn log_in(&self, name: Name<'_>, password: Password<'_>) -> Result<BoxedStream, Rejection> {
        let backend = self.by_user.get(name.as_bytes()).unwrap_or(&self.backend);
        let answer = timeout(PATIENCE, backend.log_in(name, password)).await;
        answer.unwrap_or_else(|late| Err(late.into())).unwrap_or_else(|error| {
            support::report(format_args!("{}: {error}", backend.address));
            Err(Rejection::Temporary)
        })
    }
}
