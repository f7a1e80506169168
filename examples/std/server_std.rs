//! A POP3 server over blocking sockets, with one thread for each connection.
//!
//! ```text
//! cargo run --example server_std -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate. What a server adds stands in [`converse`]: the session says what has to happen next,
//! and one `match` does it, with the help of a [`Host`] for all that isn't octets. `server_tokio.rs` is the same server; it
//! differs in how it waits.

use std::cell::OnceCell;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::server::{Action, ClientIdentity, CloseReason, Session};
use signal_hook::consts::{SIGINT, SIGTERM};

use support::{Args, Attended, Channel, Client, Exchange, Host};

/// How long a thread waits for its peer at a time. After each wait it looks at the deadline, and whether to stop.
const TICK: Duration = Duration::from_secs(1);

/// How long a server that was told to stop waits for those who are in the middle of something. Nothing keeps it for five
/// seconds.
const GRACE: Duration = Duration::from_secs(4);

/// How long messages are still measured for a client whose stream has ended: a script may have said all it has to say,
/// and still read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What all connections share.
struct Server {
    host: Host,
    stopping: Arc<AtomicBool>,
    /// Cloned by each connection, so it tells how many there are.
    connections: Arc<()>,
}

fn main() -> ExitCode {
    support::exit_code(run(&support::parse_or_exit::<Args>(env!("CARGO_BIN_NAME"))))
}

fn run(args: &Args) -> io::Result<()> {
    let server = Arc::new(Server { host: Host::new(args)?, stopping: Arc::default(), connections: Arc::default() });
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&server.stopping))?;
    }
    let plain = listen(&args.listening.listen)?;
    let implicit_tls = args.listening.tls_listen.as_deref().map(listen).transpose()?;
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    support::announce(plain.local_addr()?, tls_address, args, server.host.accounts());

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
            let _ = serve(&socket, implicit_tls, &server);
            drop(connection);
        });
        if let Err(error) = started {
            // Too many threads.
            support::report(format_args!("cannot serve a connection: {error}"));
            thread::sleep(TICK);
        }
    }
}

impl Server {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// The client at the other end of a socket, while messages are measured for it.
struct Peer<'a> {
    socket: &'a TcpStream,
    server: &'a Server,
    /// Since when its stream is known to have ended.
    ended: OnceCell<Instant>,
}

impl Client for Peer<'_> {
    fn is_waiting(&self) -> bool {
        if has_ended(self.socket) {
            self.ended.get_or_init(Instant::now);
        }
        !self.server.is_stopping() && self.ended.get().is_none_or(|since| since.elapsed() < LAST_WORDS)
    }

    fn blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        work() // in a thread that is the client's own
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

fn serve(socket: &TcpStream, implicit_tls: bool, server: &Server) -> io::Result<()> {
    let mut channel = server.host.channel(implicit_tls)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(TICK))?;
    socket.set_write_timeout(Some(TICK))?;
    let session = server.host.session(&channel, socket.peer_addr()?);
    let reason = converse(socket, &mut channel, server, session)?;
    hang_up(socket, &mut channel, reason)
}

/// Does what the session asks for until there is nothing left to do.
fn converse<'a>(
    mut socket: &'a TcpStream,
    channel: &mut Channel,
    server: &'a Server,
    mut session: Session<Attended<Peer<'a>>, Exchange>,
) -> io::Result<CloseReason> {
    let start = Instant::now();
    loop {
        if server.is_stopping() {
            // It ends between two commands, where nobody is hurt.
            session.stop();
        }
        match session.poll(start.elapsed()) {
            Action::Io(Io::Read(mut read)) => match channel.read(&mut socket, read.space()) {
                Ok(octets) => read.filled(octets),
                // An action that goes unanswered comes again, unless its deadline has passed.
                Err(error) if timed_out(&error) => {}
                Err(error) => return Err(error),
            },
            Action::Io(Io::Write(mut write)) => {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = write.chunks_vectored(&mut slices);
                match channel.write(&mut socket, &slices[..count]) {
                    Ok(octets) => write.advance(octets),
                    // Where TLS isn't there yet, nor is anybody who could wait for the rest of a reply.
                    Err(error) if timed_out(&error) && server.is_stopping() && channel.is_handshaking() => {
                        return Ok(CloseReason::Stopped);
                    }
                    Err(error) if timed_out(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Action::StartTls(start) => match channel.start_tls(&mut socket, || server.host.channel(true)) {
                // Nobody here asks for the certificates of clients.
                Ok(()) => start.established(ClientIdentity::Unknown),
                Err(error) if timed_out(&error) && server.is_stopping() => return Ok(CloseReason::Stopped),
                Err(error) if timed_out(&error) => {}
                Err(_) => start.failed(),
            },
            Action::Close(reason) => return Ok(reason),
            other => server.host.answer(other, || Peer { socket, server, ended: OnceCell::new() }),
        }
    }
}

/// Whether a wait ended because of [`TICK`], which systems report in one way or the other.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Ends the connection so that the peer gets all of the last reply: a socket that is closed while octets wait to be
/// read takes back what the peer hasn't seen yet.
fn hang_up(mut socket: &TcpStream, channel: &mut Channel, reason: CloseReason) -> io::Result<()> {
    if reason.is_orderly() {
        channel.say_end(&mut socket)?;
    }
    socket.shutdown(Shutdown::Write)?;
    let start = Instant::now();
    while start.elapsed() < TICK && socket.read(&mut [0; 4096])? > 0 {}
    Ok(())
}
