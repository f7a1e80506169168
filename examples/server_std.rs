//! A POP3 server over blocking sockets, with one thread for each connection.
//!
//! ```text
//! cargo run --example server_std -- --user 'mrose:tanstaaf:/home/mrose/Maildir'
//! ```
//!
//! All of POP3 is in the crate. What a server adds stands in [`converse`]: the session says what has to happen next,
//! and one `match` does it. `server_tokio.rs` is the same server; it differs in how it waits.

mod support;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Buf;
use pop3_proto::server::{Action, CloseReason, Config, Session};
use signal_hook::consts::{SIGINT, SIGTERM};

use support::{Accounts, Args, Mailbox, Message, Timestamps};

/// How long a thread waits for its peer at a time. After each wait it looks at the deadline, and whether to stop.
const TICK: Duration = Duration::from_secs(1);

/// How long a server that was told to stop waits for those who are in the middle of something.
const GRACE: Duration = Duration::from_secs(5);

/// What all connections share.
struct Server {
    config: Arc<Config>,
    accounts: Accounts,
    timestamps: Timestamps,
    stopping: Arc<AtomicBool>,
    /// Cloned by each connection, so it tells how many there are.
    connections: Arc<()>,
}

fn main() -> ExitCode {
    support::exit_code(run(&Args::parse_or_exit()))
}

fn run(args: &Args) -> io::Result<()> {
    let server = Arc::new(Server {
        config: Arc::new(Config::new()),
        accounts: Accounts::new(args)?,
        timestamps: Timestamps::default(),
        stopping: Arc::default(),
        connections: Arc::default(),
    });
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&server.stopping))?;
    }
    let listener = TcpListener::bind(&args.listen).map_err(|error| args.cannot_listen(&error))?;
    support::announce(listener.local_addr()?, &server.accounts);

    thread::spawn({
        let server = Arc::clone(&server);
        move || accept(&listener, &server)
    });
    while !server.is_stopping() {
        thread::sleep(TICK / 10);
    }
    let stopped = Instant::now();
    while Arc::strong_count(&server.connections) > 1 && stopped.elapsed() < GRACE {
        thread::sleep(TICK / 10);
    }
    Ok(())
}

/// Gives each connection a thread.
fn accept(listener: &TcpListener, server: &Arc<Server>) {
    loop {
        let accepted = listener.accept();
        if server.is_stopping() {
            return;
        }
        let started = accepted.and_then(|(socket, _)| {
            let (server, connection) = (Arc::clone(server), Arc::clone(&server.connections));
            thread::Builder::new().spawn(move || {
                // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
                let _ = serve(&socket, &server);
                drop(connection);
            })
        });
        if let Err(error) = started {
            // Too many open files or threads, most likely: let some of them end.
            support::report(format_args!("cannot serve a connection: {error}"));
            thread::sleep(TICK);
        }
    }
}

impl Server {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// A session for a new connection.
    fn session(&self, socket: &TcpStream) -> io::Result<Session<Mailbox>> {
        Ok(Session::new(Arc::clone(&self.config), support::security_of(socket.peer_addr()?))
            .with_timestamp(self.timestamps.next()))
    }
}

fn serve(socket: &TcpStream, server: &Server) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(TICK))?;
    socket.set_write_timeout(Some(TICK))?;
    converse(socket, server, server.session(socket)?)?;
    hang_up(socket)
}

/// Does what the session asks for until there is nothing left to do.
fn converse(mut socket: &TcpStream, server: &Server, mut session: Session<Mailbox>) -> io::Result<CloseReason> {
    let start = Instant::now();
    loop {
        match session.poll(start.elapsed()) {
            Action::Read(mut read) => match socket.read(read.space()) {
                Ok(octets) => read.filled(octets),
                // Between two commands nobody is hurt by the end. No QUIT was seen, so nothing gets deleted.
                Err(error) if timed_out(&error) && server.is_stopping() => read.stop(),
                // An action that goes unanswered comes again, unless its deadline has passed.
                Err(error) if timed_out(&error) => {}
                Err(error) => return Err(error),
            },
            Action::Write(mut write) => {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = write.chunks_vectored(&mut slices);
                match socket.write_vectored(&slices[..count]) {
                    Ok(octets) => write.advance(octets),
                    Err(error) if timed_out(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Action::Login(login) => match server.accounts.open(&login.credentials()) {
                // A maildrop that can't be served: the client has been told, and somebody here should know.
                Ok(mailbox) => login.accept(mailbox).unwrap_or_else(support::report),
                Err(rejection) => login.reject(rejection),
            },
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.message();
                match retrieve.maildrop().read(message) {
                    Ok(Message::Memory(octets)) => retrieve.send(octets),
                    Ok(Message::File(file)) => retrieve.begin(file),
                    Err(refusal) => retrieve.refuse(refusal),
                }
            }
            Action::Body(mut body) => match support::next_chunk(body.reader()) {
                Ok(Some(chunk)) => body.push(chunk),
                Ok(None) => body.end(),
                Err(_) => body.fail(),
            },
            Action::Update(mut update) => {
                let (mailbox, deletions) = update.maildrop_and_deletions();
                let commit = mailbox.expunge(deletions);
                update.finish(commit);
            }
            Action::Close(reason) => return Ok(reason),
        }
    }
}

/// Whether a wait ended because of [`TICK`], which systems report in one way or the other.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Ends the connection so that the peer gets all of the last reply: a socket that is closed while octets wait to be
/// read takes back what the peer hasn't seen yet.
fn hang_up(mut socket: &TcpStream) -> io::Result<()> {
    socket.shutdown(Shutdown::Write)?;
    let start = Instant::now();
    while start.elapsed() < TICK && socket.read(&mut [0; 4096])? > 0 {}
    Ok(())
}
