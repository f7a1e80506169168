//! A POP3 server on tokio, with one small task for each connection.
//!
//! ```text
//! cargo run --example server_tokio -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate, and the loop of a connection is in `adapter`. What a server adds is [`Connection`], a [`Host`]
//! whose store is in `support`. An idle connection costs some two kilobytes, and ten thousand of them are nothing special.
//! `server_std.rs` is the same server with threads.
//!
//! # Files that may not answer
//! No system call opens or reads a file without waiting for the disk, and to hand each over to another thread and back costs more
//! than it takes. So there are [a few event loops for each core](loops), and a loop with a permit uses the disk itself. There
//! are fewer permits than loops, and none while the disk is slow: what gets none, or takes long in any case, is done in another
//! thread. So a disk that hangs stops a quarter of the loops and the connections that they have; the others go on, and get those
//! that come.

mod accept;
mod loops;
mod stop;
mod stopping;

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use adapter::Opened;
use adapter::tokio::{BoxedStream, Host, serve};
use bytes::Bytes;
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Authenticate, BoxError, Credentials, Deletions};
use tokio::io::{AsyncRead, Interest, ReadBuf, join};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use accept::{accept, listen};
use loops::{EventLoop, Loops};
use stop::stop_signal;
use stopping::Stop;
use support::{Account, Args, Exchange, LastWords, Mailbox, Reading, Service};

/// How long a server that was told to stop waits for those who are in the middle of something. Nothing keeps it for five
/// seconds.
const GRACE: Duration = Duration::from_secs(4);

/// How often to look whether all have ended.
const TICK: Duration = Duration::from_millis(20);

/// As many connections as anybody should need, a mail file for each included.
const OPEN_FILES: u64 = 65_536;

/// What all connections share.
struct Server {
    service: Service,
    tls: Option<TlsAcceptor>,
    loops: Loops,
    /// Has the threads that may wait.
    runtime: Handle,
    stop: Stop,
}

fn main() -> ExitCode {
    let args = support::parse_or_exit(env!("CARGO_BIN_NAME"));
    support::exit_code(loops::runtime().and_then(|runtime| {
        let result = runtime.block_on(run(&args));
        runtime.shutdown_background(); // else it would wait for its threads, some of which may hang
        result
    }))
}

/// Listens, and lets the loops serve whoever comes until it's time to stop. Nothing else happens in this thread: whatever hangs,
/// the program ends.
async fn run(args: &Args) -> io::Result<()> {
    let stop_signal = stop_signal()?;
    // Many systems allow 1,024 open files at first. Where there may not be more, fewer connections are served.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let service = Service::new(args)?;
    let tls = service.tls().map(TlsAcceptor::from);
    let server =
        Arc::new(Server { service, tls, loops: Loops::start()?, runtime: Handle::current(), stop: Stop::default() });

    let plain = listen(&args.listening.listen)?;
    let implicit_tls = args.listening.tls_listen.as_deref().map(listen).transpose()?;
    let address = plain.local_addr()?;
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;

    for (listener, implicit_tls) in [(Some(plain), false), (implicit_tls, true)] {
        let Some(listener) = listener else { continue };
        let listener = listener.into_std()?;
        for event_loop in server.loops.iter() {
            let _in_loop = event_loop.runtime.enter();
            let listener = TcpListener::from_std(listener.try_clone()?)?;
            tokio::spawn(Arc::clone(&server).accept(Arc::clone(event_loop), listener, implicit_tls));
        }
    }
    support::announce(address, tls_address, args, server.service.accounts());

    stop_signal.await;
    server.stop.begin();
    let all_have_ended = async {
        while server.loops.connections() > 0 {
            sleep(TICK).await;
        }
    };
    // Those that are still busy after this are cut off.
    let _ = timeout(GRACE, all_have_ended).await;
    Ok(())
}

impl Server {
    /// Accepts connections in a loop until it's time to stop. All loops share the listener.
    async fn accept(self: Arc<Self>, event_loop: Arc<EventLoop>, listener: TcpListener, implicit_tls: bool) {
        let serve = |socket, peer| {
            // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
            let _ = converse(socket, peer, implicit_tls, &self, &event_loop);
        };
        tokio::select! {
            () = accept(Some(&listener), serve) => {}
            () = self.stop.begun() => {}
        }
    }
}

/// Has a loop serve a connection: the one that has accepted it, or another.
fn converse(
    socket: TcpStream,
    peer: SocketAddr,
    implicit_tls: bool,
    server: &Arc<Server>,
    acceptor: &Arc<EventLoop>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let event_loop = server.loops.share(acceptor);
    let _in_loop = event_loop.runtime.enter();
    let socket = if Arc::ptr_eq(event_loop, acceptor) { socket } else { TcpStream::from_std(socket.into_std()?)? };
    let (input, output) = socket.into_split();

    let client = Arc::new(Client { input, last_words: LastWords::default() });
    let stream: BoxedStream = Box::new(join(Input(Arc::clone(&client)), output));
    let mut session = server.service.session(implicit_tls, peer);
    let is_open = Arc::clone(&event_loop.connections);
    let (event_loop, server) = (Arc::clone(event_loop), Arc::clone(server));
    let mut connection = Connection { client, event_loop, server, _is_open: is_open, account: None };
    // An `async fn` would hold its arguments twice.
    tokio::spawn(async move {
        let reason = serve(&mut connection, &mut session, stream).await;
        connection.server.service.log(peer, connection.account.as_deref().map(Account::name), reason, session.totals());
    });
    Ok(())
}

/// What one connection needs.
struct Connection {
    client: Arc<Client>,
    event_loop: Arc<EventLoop>,
    server: Arc<Server>,
    _is_open: Arc<()>,
    /// Who has logged in.
    account: Option<Arc<Account>>,
}

impl Server {
    /// Does what may take long in a thread that may wait.
    async fn elsewhere<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        self.runtime.spawn_blocking(work).await
    }

    /// The same with a maildrop, which is there again afterwards.
    async fn with_maildrop<T: Send + 'static>(
        &self,
        maildrop: &mut Mailbox,
        work: impl FnOnce(&mut Mailbox) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut taken = mem::take(maildrop);
        let done = self.elsewhere(move || {
            let result = work(&mut taken);
            (taken, result)
        });
        let (taken, result) = done.await?;
        *maildrop = taken;
        Ok(result)
    }
}

impl Connection {
    async fn open_maildrop(&mut self, account: Arc<Account>) -> Result<Mailbox, BoxError> {
        let opened = if account.is_small() { self.event_loop.use_disk(|| account.open()) } else { None };
        let mailbox = if let Some(opened) = opened {
            opened?
        } else {
            let (account, disk) = (Arc::clone(&account), Arc::clone(&self.event_loop.disk));
            let open = move || if account.is_small() { disk.measure(|| account.open()) } else { account.open() };
            self.server.elsewhere(open).await??
        };
        self.account = Some(account);
        Ok(mailbox)
    }
}

impl Host for Connection {
    type Stream = BoxedStream;
    type Maildrop = Mailbox;
    type Exchange = Exchange;

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Mailbox, BoxError> {
        let account = self.server.service.verify(&credentials)?;
        // On the heap, or each connection would have the room for it.
        Box::pin(self.open_maildrop(account)).await
    }

    async fn authenticate(&mut self, step: Authenticate<'_, Mailbox, Exchange>) {
        let Some((step, account)) = self.server.service.authenticate(step) else { return };
        let opened = Box::pin(self.open_maildrop(account)).await;
        step.answer(opened).unwrap_or_else(support::report);
    }

    /// STAT may have to read all messages, which takes minutes where they are many and large. A client that leaves
    /// meanwhile must not keep its maildrop locked, nor the server from ending.
    async fn measure(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<(), BoxError> {
        let (client, server) = (Arc::clone(&self.client), Arc::clone(&self.server));
        let is_awaited = move || !server.stop.has_begun() && client.is_awaited();
        let measured = self.server.with_maildrop(maildrop, move |maildrop| maildrop.measure(message, is_awaited));
        Ok(measured.await??)
    }

    async fn open(&mut self, maildrop: &mut Mailbox, message: MessageNumber) -> Result<Opened<Box<Reading>>, BoxError> {
        if let Some(Some(opened)) = self.event_loop.use_disk(|| maildrop.read_at_once(message)) {
            return Ok(opened?);
        }
        let disk = Arc::clone(&self.event_loop.disk);
        let opened = self.server.with_maildrop(maildrop, move |maildrop| {
            disk.measure(|| maildrop.read_at_once(message)).unwrap_or_else(|| maildrop.read(message))
        });
        Ok(opened.await??)
    }

    async fn next_chunk(&mut self, _: &mut Mailbox, reading: &mut Box<Reading>) -> Result<Option<Bytes>, BoxError> {
        if let Some(chunk) = self.event_loop.use_disk(|| reading.next_chunk()) {
            return Ok(chunk?);
        }
        let (mut own, disk) = (reading.clone(), Arc::clone(&self.event_loop.disk));
        let read = self.server.elsewhere(move || {
            let chunk = disk.measure(|| own.next_chunk());
            (own, chunk)
        });
        let (own, chunk) = read.await?;
        *reading = own;
        Ok(chunk?)
    }

    async fn remove(&mut self, maildrop: &mut Mailbox, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        let deletions: Vec<_> = deletions.collect();
        if deletions.is_empty() {
            return Ok(Removal::All);
        }
        let removed = self.server.with_maildrop(maildrop, |maildrop| maildrop.expunge(deletions.into_iter()));
        Ok(removed.await?)
    }

    async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
        let tls = self.server.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        // On the heap, or each connection would have the room for a handshake.
        Ok(Box::new(Box::pin(self.server.stop.cuts_off(tls.accept(stream))).await?))
    }

    async fn stopped(&mut self) {
        self.server.stop.begun().await;
    }

    fn report(&mut self, error: BoxError) {
        support::report(error);
    }
}

/// The client at the other end of a socket.
struct Client {
    input: OwnedReadHalf,
    last_words: LastWords,
}

impl Client {
    /// Whether it may still wait for an answer.
    fn is_awaited(&self) -> bool {
        self.last_words.is_awaited(self.has_ended())
    }

    /// Whether it has closed the connection, or its half of it. To read wouldn't tell: there may be octets before the end.
    fn has_ended(&self) -> bool {
        let ready = pin!(self.input.ready(Interest::READABLE)).poll(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }
}

/// What a client sends, on a socket that is also looked at while its messages are measured.
struct Input(Arc<Client>);

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket: &TcpStream = self.0.input.as_ref();
        loop {
            ready!(socket.poll_read_ready(context))?;
            match socket.try_read_buf(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}
