//! A POP3 server on tokio, with one small task for each connection.
//!
//! ```text
//! cargo run --example server_tokio -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate, and the loop of a connection is in `adapter`. What a server adds is [`Connection`], a [`Host`]
//! whose store is in `support`. An idle connection costs some two kilobytes, and ten thousand of them are nothing special.
//! `server_std.rs` is the same server with threads.

mod accept;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::thread;
use std::time::Duration;

use adapter::Opened;
use adapter::tokio::{BoxedStream, Host, serve};
use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Authenticate, Credentials, Deletions, Refusal, Rejection};
use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::{AsyncRead, Interest, ReadBuf, join};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use accept::{accept, listen};
use support::{Args, Exchange, HANDSHAKE, LastWords, Mailbox, Reading, Service, Trouble};

/// How long a server that was told to stop waits for those who are in the middle of something. Nothing keeps it for five
/// seconds.
const GRACE: Duration = Duration::from_secs(4);

/// How often the main thread looks whether to stop.
const TICK: Duration = Duration::from_millis(100);

/// As many connections as anybody should need, a mail file for each included.
const OPEN_FILES: u64 = 65_536;

/// What all connections share, each of which holds it.
struct Server {
    service: Service,
    tls: Option<TlsAcceptor>,
    stopping: watch::Sender<bool>,
}

fn main() -> ExitCode {
    support::exit_code(run(&support::parse_or_exit::<Args>(env!("CARGO_BIN_NAME"))))
}

/// Starts the server in a runtime of its own. This thread waits for the signal to stop outside of it: should the store
/// hang, so may all threads of the runtime, but the program still ends.
fn run(args: &Args) -> io::Result<()> {
    let told_to_stop = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&told_to_stop))?;
    }
    // Many systems allow 1,024 open files at first. Where there may not be more, fewer connections are served.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let service = Service::new(args)?;
    let tls = service.tls().map(TlsAcceptor::from);
    let server = Arc::new(Server { service, tls, stopping: watch::Sender::new(false) });
    let runtime = Runtime::new()?;
    runtime.block_on(start(args, &server))?;
    while !told_to_stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
    }
    server.stopping.send_replace(true);
    let stopped = Instant::now();
    // Those that are still busy after this are cut off.
    while Arc::strong_count(&server) > 1 && stopped.elapsed() < GRACE {
        thread::sleep(TICK);
    }
    runtime.shutdown_background();
    Ok(())
}

/// Listens, and lets tasks accept connections until it's time to stop.
async fn start(args: &Args, server: &Arc<Server>) -> io::Result<()> {
    let plain = listen(&args.listening.listen).await?;
    let implicit_tls = match &args.listening.tls_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    support::announce(plain.local_addr()?, tls_address, args, server.service.accounts());

    for (listener, implicit_tls) in [(Some(plain), false), (implicit_tls, true)] {
        let server = Arc::clone(server);
        tokio::spawn(async move {
            let serve = |socket, peer| converse(socket, peer, implicit_tls, Arc::clone(&server));
            tokio::select! {
                () = accept(listener.as_ref(), serve) => {}
                () = server.stopped() => {}
            }
        });
    }
    Ok(())
}

async fn converse(socket: TcpStream, peer: SocketAddr, implicit_tls: bool, server: Arc<Server>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (socket, output) = socket.into_split();
    let socket = Arc::new(socket);
    let mut stream: BoxedStream = Box::new(join(Input(Arc::clone(&socket)), output));
    let mut connection = Connection { socket, server, last_words: LastWords::default(), account: None };
    if implicit_tls {
        stream = timeout(HANDSHAKE, connection.start_tls(stream)).await??;
    }
    let mut session = connection.server.service.session(implicit_tls, peer);
    let reason = serve(stream, &mut session, &mut connection).await;
    connection.server.service.log(peer, connection.account.as_deref(), reason, session.totals());
    Ok(())
}

impl Server {
    /// Waits until it's time to stop.
    async fn stopped(&self) {
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

/// The client at the other end of a socket, and what is done for it.
struct Connection {
    socket: Arc<OwnedReadHalf>,
    server: Arc<Server>,
    last_words: LastWords,
    /// Who has logged in.
    account: Option<Arc<str>>,
}

/// The store's work blocks, so the runtime is told about it.
impl Host for Connection {
    type Stream = BoxedStream;
    type Maildrop = Mailbox;
    type Exchange = Exchange;

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Mailbox, Rejection> {
        let mailbox = block_in_place(|| self.server.service.log_in(&credentials))?;
        self.account = Some(mailbox.account());
        Ok(mailbox)
    }

    async fn authenticate(&mut self, step: Authenticate<'_, Mailbox, Exchange>) {
        self.account = block_in_place(|| self.server.service.authenticate(step));
    }

    /// STAT may have to read all messages, which takes minutes where they are many and large. A client that leaves
    /// meanwhile must not keep its maildrop locked, nor the server from ending.
    async fn measure(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<(), Refusal> {
        let Self { socket, server, last_words, .. } = self;
        let is_awaited = || !*server.stopping.borrow() && last_words.is_awaited(has_ended(socket));
        block_in_place(|| maildrop.measure(message, is_awaited))
    }

    async fn open(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<Opened<Reading>, Refusal> {
        block_in_place(|| maildrop.read(message))
    }

    async fn next_chunk(&mut self, _: &mut Mailbox, reading: &mut Reading) -> io::Result<Option<Bytes>> {
        block_in_place(|| reading.next_chunk().map_err(Trouble::cut_off))
    }

    async fn remove(&mut self, maildrop: &mut Mailbox, deletions: Deletions<'_>) -> Removal {
        block_in_place(|| maildrop.expunge(deletions))
    }

    async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
        let tls = self.server.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        // On the heap, or each connection would have the room for a handshake.
        Ok(Box::new(Box::pin(tls.accept(stream)).await?))
    }

    async fn stopped(&self) {
        self.server.stopped().await;
    }

    fn report(&mut self, error: &(dyn Error + 'static)) {
        support::report_unless_gone(error);
    }
}

/// Whether the peer has closed the connection, or its half of it. To read wouldn't tell: there may be octets before the
/// end.
fn has_ended(socket: &OwnedReadHalf) -> bool {
    let ready = pin!(socket.ready(Interest::READABLE)).poll(&mut Context::from_waker(Waker::noop()));
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

/// What a client sends, on a socket that is also looked at while its messages are measured.
struct Input(Arc<OwnedReadHalf>);

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket: &TcpStream = self.0.as_ref().as_ref();
        loop {
            ready!(socket.poll_read_ready(context))?;
            match socket.try_read_buf(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}
