//! A POP3 server over blocking sockets, with one thread for each connection.
//!
//! ```text
//! cargo run --example server_std -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate, and the loop of a connection is in `adapter`. What a server adds is [`Connection`], a [`Host`]
//! whose store is in `support`. `server_tokio.rs` is the same server with tasks.

mod socket;
#[expect(unreachable_pub, reason = "it is `adapter`'s, too")]
#[path = "../../src/manual/blocking/tls.rs"]
mod tls;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use adapter::Opened;
use adapter::blocking::{Host, Stream, TICK, serve};
use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Authenticate, BoxError, Credentials, Deletions};
use rustls::ServerConnection;
use signal_hook::consts::{SIGINT, SIGTERM};

use socket::Socket;
use support::{Account, Args, Exchange, LastWords, Mailbox, Reading, Service};
use tls::Tls;

/// How long a server that was told to stop waits for those who are in the middle of something. Nothing keeps it for five
/// seconds.
const GRACE: Duration = Duration::from_secs(4);

/// What all connections share.
struct Server {
    service: Service,
    stopping: Arc<AtomicBool>,
    /// Cloned by each connection, so it tells how many there are.
    connections: Arc<()>,
}

fn main() -> ExitCode {
    support::exit_code(run(&support::parse_or_exit::<Args>(env!("CARGO_BIN_NAME"))))
}

fn run(args: &Args) -> io::Result<()> {
    let server =
        Arc::new(Server { service: Service::new(args)?, stopping: Arc::default(), connections: Arc::default() });
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&server.stopping))?;
    }
    let plain = listen(&args.listening.listen)?;
    let implicit_tls = args.listening.tls_listen.as_deref().map(listen).transpose()?;
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    support::announce(plain.local_addr()?, tls_address, args, server.service.accounts());

    for (listener, implicit_tls) in [(Some(plain), false), (implicit_tls, true)] {
        let server = Arc::clone(&server);
        listener.map(|listener| thread::spawn(move || accept(&listener, implicit_tls, &server)));
    }
    while !server.is_stopping() {
        thread::sleep(TICK / 10);
    }
    let stopped = Instant::now();
    while Arc::strong_count(&server.connections) > 1 && stopped.elapsed() < GRACE {
        thread::sleep(TICK / 10);
    }
    // A thread that still waits for the store, or for its client, ends with the program.
    Ok(())
}

fn listen(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| support::cannot_listen(address, &error))
}

/// Gives each connection a thread.
fn accept(listener: &TcpListener, implicit_tls: bool, server: &Arc<Server>) {
    loop {
        let accepted = listener.accept();
        if server.is_stopping() {
            return;
        }
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) if support::is_shortage(&error) => {
                // Too many open files, most likely: let some connections end.
                support::report(format_args!("cannot serve a connection: {error}"));
                thread::sleep(TICK);
                continue;
            }
            Err(_) => continue,
        };
        let (server, connection) = (Arc::clone(server), Arc::clone(&server.connections));
        let started = thread::Builder::new().spawn(move || {
            // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
            let _ = converse(&socket, implicit_tls, &server);
            drop(connection);
        });
        if let Err(error) = started {
            // Too many threads.
            support::report(format_args!("cannot serve a connection: {error}"));
            thread::sleep(TICK);
        }
    }
}

fn converse(socket: &TcpStream, implicit_tls: bool, server: &Server) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut connection = Connection { socket, server, last_words: LastWords::default(), account: None };
    let mut stream: Box<dyn Stream + '_> = Box::new(Socket::new(socket));
    if implicit_tls {
        stream = connection.start_tls(stream, Instant::now().checked_add(support::HANDSHAKE))?;
    }
    let peer = socket.peer_addr()?;
    let mut session = server.service.session(implicit_tls, peer);
    let reason = serve(stream, &mut session, &mut connection);
    server.service.log(peer, connection.account.as_deref().map(Account::name), reason, session.totals());
    Ok(())
}

impl Server {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// The client at the other end of a socket, and what is done for it.
struct Connection<'a> {
    socket: &'a TcpStream,
    server: &'a Server,
    last_words: LastWords,
    /// Who has logged in.
    account: Option<Arc<Account>>,
}

impl<'a> Host for Connection<'a> {
    type Stream = Box<dyn Stream + 'a>;
    type Maildrop = Mailbox;
    type Exchange = Exchange;

    fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Mailbox, BoxError> {
        let account = self.server.service.verify(&credentials)?;
        let mailbox = account.open()?;
        self.account = Some(account);
        Ok(mailbox)
    }

    fn authenticate(&mut self, step: Authenticate<'_, Mailbox, Exchange>) {
        let Some((step, account)) = self.server.service.authenticate(step) else { return };
        let opened = account.open();
        if opened.is_ok() {
            self.account = Some(account);
        }
        step.answer(opened.map_err(BoxError::from)).unwrap_or_else(support::report);
    }

    /// STAT may have to read all messages, which takes minutes where they are many and large. A client that leaves
    /// meanwhile must not keep its maildrop locked, nor the server from ending.
    fn measure(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<(), BoxError> {
        let is_awaited = || !self.server.is_stopping() && self.last_words.is_awaited(has_ended(self.socket));
        Ok(maildrop.measure(message, is_awaited)?)
    }

    fn open(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<Opened<Box<Reading>>, BoxError> {
        Ok(maildrop.read(message)?)
    }

    fn next_chunk(&mut self, _: &mut Mailbox, reading: &mut Box<Reading>) -> Result<Option<Bytes>, BoxError> {
        Ok(reading.next_chunk()?)
    }

    fn remove(&mut self, maildrop: &mut Mailbox, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        Ok(maildrop.expunge(deletions))
    }

    fn start_tls(&mut self, stream: Self::Stream, deadline: Option<Instant>) -> io::Result<Self::Stream> {
        let config = self.server.service.tls().ok_or(io::ErrorKind::Unsupported)?;
        let tls = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Box::new(Tls::shake_hands(tls, stream, deadline)?))
    }

    fn is_stopping(&self) -> bool {
        self.server.is_stopping()
    }

    fn report(&mut self, error: BoxError) {
        support::report(error);
    }
}

/// Whether the peer has closed the connection, or its half of it. To read wouldn't tell: there may be octets before the
/// end.
#[cfg(target_os = "linux")]
fn has_ended(socket: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(socket, PollFlags::RDHUP)], Some(&at_once)), Ok(1))
}

/// Elsewhere it isn't known, and a client that leaves keeps its maildrop until the messages are measured.
#[cfg(not(target_os = "linux"))]
fn has_ended(_: &TcpStream) -> bool {
    false
}
