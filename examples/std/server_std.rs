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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// How many threads at most wait for the next connection, at each address. To start a thread costs a third as much as the rest of a
/// session.
const SPARE: usize = 16;

/// What all connections share.
struct Server {
    service: Service,
    stopping: Arc<AtomicBool>,
    /// Cloned by each connection, so it tells how many there are.
    connections: Arc<()>,
}

/// Where connections come in, and how many threads wait for them.
struct Listener {
    socket: TcpListener,
    implicit_tls: bool,
    waiting: AtomicUsize,
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
    let plain = support::listen(&args.listening.listen)?;
    let implicit_tls = args.listening.tls_listen.as_deref().map(support::listen).transpose()?;
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    support::announce(plain.local_addr()?, tls_address, args, server.service.accounts());

    for (socket, implicit_tls) in [(Some(plain), false), (implicit_tls, true)] {
        let Some(socket) = socket else { continue };
        let listener = Arc::new(Listener { socket, implicit_tls, waiting: AtomicUsize::new(0) });
        start(&listener, &server)?;
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

/// Starts a thread that serves connections.
fn start(listener: &Arc<Listener>, server: &Arc<Server>) -> io::Result<()> {
    let (listener, server) = (Arc::clone(listener), Arc::clone(server));
    thread::Builder::new().spawn(move || serve_connections(&listener, &server)).map(drop)
}

/// Serves one connection after the other, until enough threads wait for the next one. Before the last thread that waits serves
/// a connection, it starts another thread to wait.
fn serve_connections(listener: &Arc<Listener>, server: &Arc<Server>) {
    let one_more = |waiting| (waiting < SPARE).then_some(waiting + 1);
    while listener.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
        let accepted = listener.socket.accept();
        let was_last = listener.waiting.fetch_sub(1, Ordering::Relaxed) == 1;
        if server.is_stopping() {
            return;
        }
        let started = if was_last && accepted.is_ok() { start(listener, server) } else { Ok(()) };
        match (accepted, started) {
            (Ok((socket, _)), Ok(())) => {
                let _connection = Arc::clone(&server.connections);
                // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
                let _ = converse(&socket, listener.implicit_tls, server);
            }
            // Too many threads.
            (Ok(_), Err(error)) => let_others_end(&error),
            // Too many open files, most likely.
            (Err(error), _) if support::is_shortage(&error) => let_others_end(&error),
            // That peer is gone.
            (Err(_), _) => {}
        }
    }
}

/// Reports that there are too many connections, and gives some of them the time to end.
fn let_others_end(error: &io::Error) {
    support::report(format_args!("cannot serve a connection: {error}"));
    thread::sleep(TICK);
}

fn converse(socket: &TcpStream, implicit_tls: bool, server: &Server) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut connection = Connection { socket, server, last_words: LastWords::default(), account: None };
    let peer = socket.peer_addr()?;
    let mut session = server.service.session(implicit_tls, peer);
    let reason = serve(&mut connection, &mut session, Box::new(Socket::new(socket)));
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
