//! A POP3 server on tokio, with one small task for each connection.
//!
//! ```text
//! cargo run --example server_tokio -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate. What a server adds stands in [`converse`]: the session says what has to happen next,
//! one `match` does it as far as that goes without waiting, and what is left to wait for is waited for below, where no
//! buffer is held. So an idle connection costs some two kilobytes, and ten thousand of them are nothing special.
//! `server_std.rs` is the same server with threads.

mod accept;
mod ready;

use std::cell::OnceCell;
use std::future::pending;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::server::{Action, ClientIdentity, CloseReason};
use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{block_in_place, consume_budget};
use tokio::time::{Instant, sleep_until, timeout};

use accept::{accept, listen};
use ready::{Ready, would_block};
use support::{Args, Channel, Client, Host};

/// How long a server that was told to stop waits for those who are in the middle of something. Nothing keeps it for five
/// seconds.
const GRACE: Duration = Duration::from_secs(4);

/// How often the main thread looks whether to stop.
const TICK: Duration = Duration::from_millis(100);

/// How long messages are still measured for a client whose stream has ended: a script may have said all it has to say,
/// and still read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the end of a connection may keep us.
const PAUSE: Duration = Duration::from_secs(1);

/// As many connections as anybody should need, a mail file for each included.
const OPEN_FILES: u64 = 65_536;

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
    let runtime = Runtime::new()?;
    let (stop, stopping) = watch::channel(false);
    runtime.block_on(start(args, stopping))?;
    while !told_to_stop.load(Ordering::Relaxed) {
        thread::sleep(TICK);
    }
    stop.send_replace(true);
    let stopped = Instant::now();
    // Each connection holds a receiver. Those that are still busy after this are cut off.
    while stop.receiver_count() > 0 && stopped.elapsed() < GRACE {
        thread::sleep(TICK);
    }
    runtime.shutdown_background();
    Ok(())
}

/// Listens, and lets tasks accept connections until it's time to stop.
async fn start(args: &Args, stopping: watch::Receiver<bool>) -> io::Result<()> {
    let host = Arc::new(Host::new(args)?);
    let plain = listen(&args.listening.listen).await?;
    let implicit_tls = match &args.listening.tls_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    support::announce(plain.local_addr()?, tls_address, args, host.accounts());

    for (listener, implicit_tls) in [(Some(plain), false), (implicit_tls, true)] {
        let (host, stopping) = (Arc::clone(&host), stopping.clone());
        tokio::spawn(async move {
            let mut stop = stopping.clone();
            let serve = |socket, peer| serve(socket, peer, implicit_tls, Arc::clone(&host), stopping.clone());
            tokio::select! {
                () = accept(listener.as_ref(), serve) => {}
                _ = stop.changed() => {}
            }
        });
    }
    Ok(())
}

async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    implicit_tls: bool,
    host: Arc<Host>,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut channel = host.channel(implicit_tls)?;
    let reason = converse(&socket, peer, &mut channel, &host, &mut stopping).await?;
    hang_up(socket, channel, reason).await
}

/// What a session can't go on without. The deadline counts from the start of the connection.
enum Wait {
    Nothing,
    Readable(Option<Duration>),
    Writable(Option<Duration>),
}

impl Wait {
    /// What a write waits for: octets from the peer where it must first do its part of a handshake.
    fn for_write(channel: &Channel, deadline: Option<Duration>) -> Self {
        if !channel.is_tls() || channel.wants_write() { Self::Writable(deadline) } else { Self::Readable(deadline) }
    }

    /// Waits, until the deadline at most. When that is over the next action says so.
    async fn end(self, socket: &TcpStream, start: Instant, stopping: &mut watch::Receiver<bool>) -> io::Result<()> {
        match self {
            // A peer as fast as we are must not keep this thread for itself.
            Self::Nothing => consume_budget().await,
            Self::Readable(deadline) => tokio::select! {
                ready = socket.readable() => ready?,
                () = until(start, deadline) => {}
                _ = stopping.changed() => {}
            },
            Self::Writable(deadline) => {
                tokio::select! {
                    _ = socket.writable() => {}
                    () = until(start, deadline) => {}
                }
            }
        }
        Ok(())
    }
}

/// Waits for a deadline, and for ever where there is none.
async fn until(start: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until(start + deadline).await,
        None => pending().await,
    }
}

/// Does what the session asks for until there is nothing left to do.
async fn converse(
    socket: &TcpStream,
    peer: SocketAddr,
    channel: &mut Channel,
    host: &Host,
    stopping: &mut watch::Receiver<bool>,
) -> io::Result<CloseReason> {
    // Made here and not handed over, since a future keeps room for a value in both places.
    let mut session = host.session(channel, peer);
    let told = stopping.clone();
    let start = Instant::now();
    loop {
        if *stopping.borrow() {
            // It ends between two commands, where nobody is hurt.
            session.stop();
        }
        // Every action has been answered or dropped when this statement ends. One that was dropped comes again, unless
        // its deadline has passed. The store's work blocks, so the runtime is told about it.
        let wait = match session.poll(start.elapsed()) {
            Action::Io(Io::Read(mut read)) => match channel.read(&mut Ready(socket), read.space()) {
                Ok(octets) => {
                    read.filled(octets);
                    Wait::Nothing
                }
                Err(error) if would_block(&error) => {
                    let deadline = read.deadline();
                    read.nothing_yet();
                    Wait::Readable(deadline)
                }
                Err(error) => return Err(error),
            },
            Action::Io(Io::Write(mut write)) => {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = write.chunks_vectored(&mut slices);
                match channel.write(&mut Ready(socket), &slices[..count]) {
                    Ok(octets) => {
                        write.advance(octets);
                        Wait::Nothing
                    }
                    // Where TLS isn't there yet, nor is anybody who could wait for the rest of a reply.
                    Err(error) if would_block(&error) && *stopping.borrow() && channel.is_handshaking() => {
                        return Ok(CloseReason::Stopped);
                    }
                    Err(error) if would_block(&error) => Wait::for_write(channel, write.deadline()),
                    Err(error) => return Err(error),
                }
            }
            Action::StartTls(start) => match channel.start_tls(&mut Ready(socket), || host.channel(true)) {
                Ok(()) => {
                    // Nobody here asks for the certificates of clients.
                    start.established(ClientIdentity::Unknown);
                    Wait::Nothing
                }
                Err(error) if would_block(&error) && *stopping.borrow() => return Ok(CloseReason::Stopped),
                Err(error) if would_block(&error) => Wait::for_write(channel, start.deadline()),
                Err(_) => {
                    start.failed();
                    Wait::Nothing
                }
            },
            Action::Close(reason) => return Ok(reason),
            other => {
                block_in_place(|| host.answer(other, || Peer::new(socket, told.clone())));
                Wait::Nothing
            }
        };
        wait.end(socket, start, stopping).await?;
    }
}

/// Ends the connection so that the peer gets all of the last reply: a socket that is closed while octets wait to be
/// read takes back what the peer hasn't seen yet.
async fn hang_up(mut socket: TcpStream, mut channel: Channel, reason: CloseReason) -> io::Result<()> {
    if reason.is_orderly() {
        let end_is_said = async {
            while let Err(error) = channel.say_end(&mut Ready(&socket)) {
                if !would_block(&error) || socket.writable().await.is_err() {
                    break;
                }
            }
        };
        let _ = timeout(PAUSE, end_is_said).await;
    }
    socket.shutdown().await?;
    let drained = async {
        while socket.readable().await.is_ok() {
            match socket.try_read(&mut [0; 4096]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if would_block(&error) => {}
                Err(_) => break,
            }
        }
    };
    let _ = timeout(PAUSE, drained).await;
    Ok(())
}

/// The client at the other end of a socket, while messages are measured for it.
struct Peer<'a> {
    socket: &'a TcpStream,
    stopping: watch::Receiver<bool>,
    /// Since when its stream is known to have ended.
    ended: OnceCell<Instant>,
}

impl<'a> Peer<'a> {
    fn new(socket: &'a TcpStream, stopping: watch::Receiver<bool>) -> Self {
        Self { socket, stopping, ended: OnceCell::new() }
    }
}

impl Client for Peer<'_> {
    fn is_waiting(&self) -> bool {
        if has_ended(self.socket) {
            self.ended.get_or_init(Instant::now);
        }
        !*self.stopping.borrow() && self.ended.get().is_none_or(|since| since.elapsed() < LAST_WORDS)
    }

    /// Messages are measured while the session is polled, so the runtime is told that this thread blocks.
    fn blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        block_in_place(work)
    }
}

/// Whether the peer has closed the connection, or its half of it. To read wouldn't tell: there may be octets before the
/// end.
fn has_ended(socket: &TcpStream) -> bool {
    let ready = pin!(socket.ready(Interest::READABLE)).poll(&mut Context::from_waker(Waker::noop()));
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}
