//! A POP3 client over a blocking socket.
//!
//! ```text
//! cargo run --example client_std -- --connect 127.0.0.1:1110 --user mrose --password tanstaaf list
//! ```
//!
//! All of POP3 is in the crate, and what to say to the server is in `support/src/client/job.rs`. What is left stands in
//! [`converse`]: the session says what has to happen next, and one `match` does it. `client_tokio.rs` is the same client;
//! it differs in how it waits.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::client::{Action, Closed, Session};

use support::Channel;
use support::client::{self, Args, End, Job, Result, Tls, TlsMode};

/// How long to wait for the server at a time. After each wait the session looks at its deadline.
const TICK: Duration = Duration::from_secs(1);

/// How long to wait for a connection, with each address that the server has.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let args = Args::parse_or_exit(env!("CARGO_BIN_NAME"));
    let result = run(&args);
    client::exit_code(&args, result)
}

fn run(args: &Args) -> Result<()> {
    let tls = args.tls()?;
    let mut job = Job::new(args)?;
    let (socket, peer) = connect(&args.connect).map_err(|error| format!("{}: {error}", args.connect))?;
    let mut channel = client::channel(tls.as_ref().filter(|_| args.tls == TlsMode::Implicit))?;
    let mut session = Session::new(Arc::new(args.config()), args.tls.security(peer));
    let closed = converse(&socket, &mut channel, tls.as_ref(), &mut session, &mut job);
    if closed.as_ref().is_ok_and(|closed| closed.is_orderly()) {
        // The server knows that it is over, and may be gone.
        let _ = channel.say_end(&mut &socket);
    }
    job.finish(&session, closed)
}

fn connect(address: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let mut result = Err(ErrorKind::NotFound.into());
    for address in address.to_socket_addrs()? {
        result = TcpStream::connect_timeout(&address, PATIENCE);
        if result.is_ok() {
            break;
        }
    }
    let socket = result?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(TICK))?;
    socket.set_write_timeout(Some(TICK))?;
    let peer = socket.peer_addr()?;
    Ok((socket, peer))
}

/// Does what the session asks for until there is nothing left to do.
fn converse(
    mut socket: &TcpStream,
    channel: &mut Channel,
    tls: Option<&Tls>,
    session: &mut Session,
    job: &mut Job<'_>,
) -> Result<Closed, End> {
    let start = Instant::now();
    loop {
        job.advance(session)?;
        match session.poll(start.elapsed())? {
            Action::Io(Io::Read(mut read)) => match channel.read(&mut socket, read.space()) {
                Ok(octets) => read.filled(octets),
                // An action that goes unanswered comes again, unless its deadline has passed.
                Err(error) if timed_out(&error) => {}
                Err(error) => {
                    job.lost(error);
                    read.failed();
                }
            },
            Action::Io(Io::Write(mut write)) => match channel.write(&mut socket, &[IoSlice::new(write.chunk())]) {
                Ok(octets) => write.advance(octets),
                Err(error) if timed_out(&error) => {}
                Err(error) => {
                    job.lost(error);
                    // The server may have said why. A client can always read instead.
                    let Some(mut read) = write.into_read() else { continue };
                    match channel.read(&mut socket, read.space()) {
                        Ok(octets) => read.filled(octets),
                        Err(_) => read.failed(),
                    }
                }
            },
            Action::Event(event) => {
                job.event(&event)?;
                event.done();
            }
            Action::Body(body) => {
                job.body(body.as_bytes())?;
                body.done();
            }
            Action::StartTls(start) => match channel.start_tls(&mut socket, || client::channel(tls)) {
                Ok(()) => start.established(),
                Err(error) if timed_out(&error) => {}
                Err(error) => {
                    job.lost(error);
                    start.failed();
                }
            },
            Action::Challenge(challenge) => job.challenge(challenge),
            // The job sends QUIT when all else is answered.
            Action::Idle(_) => return Err(End::Job("there is nothing left to do".into())),
            Action::Closed(closed) => return Ok(closed),
        }
    }
}

/// Whether a wait ended because of [`TICK`], which systems report in one way or the other.
fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
