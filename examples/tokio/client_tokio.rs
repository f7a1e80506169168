//! A POP3 client on tokio.
//!
//! ```text
//! cargo run --example client_tokio -- --connect 127.0.0.1:1110 --user mrose --password tanstaaf list
//! ```
//!
//! All of POP3 is in the crate, and what to say to the server is in `support/src/client/job.rs`. What is left stands in
//! [`converse`]: the session says what has to happen next, one `match` does it as far as that goes without waiting, and
//! what is left to wait for is waited for below. `client_std.rs` is the same client with a blocking socket.

mod ready;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::client::{Action, Closed, Session};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::block_in_place;
use tokio::time::{Instant, timeout, timeout_at};

use ready::{Ready, would_block};
use support::Channel;
use support::client::{self, Args, End, Job, Result, Tls, TlsMode};

/// How long to wait for a connection, and for the last word to be taken.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse_or_exit(env!("CARGO_BIN_NAME"));
    let result = run(&args).await;
    client::exit_code(&args, result)
}

async fn run(args: &Args) -> Result<()> {
    let tls = args.tls()?;
    let mut job = Job::new(args)?;
    let (socket, peer) = connect(&args.connect).await.map_err(|error| format!("{}: {error}", args.connect))?;
    let mut channel = client::channel(tls.as_ref().filter(|_| args.tls == TlsMode::Implicit))?;
    let mut session = Session::new(Arc::new(args.config()), args.tls.security(peer));
    let closed = converse(&socket, &mut channel, tls.as_ref(), &mut session, &mut job).await;
    if closed.as_ref().is_ok_and(|closed| closed.is_orderly()) {
        // The server knows that it is over, and may be gone.
        let _ = channel.say_end(&mut Ready(&socket));
    }
    job.finish(&session, closed)
}

async fn connect(address: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = timeout(PATIENCE, TcpStream::connect(address)).await??;
    socket.set_nodelay(true)?;
    let peer = socket.peer_addr()?;
    Ok((socket, peer))
}

/// What a session can't go on without. The deadline counts from the start of the connection.
enum Wait {
    Nothing,
    Ready(Interest, Option<Duration>),
}

impl Wait {
    /// What a read waits for, and a handshake: octets, or that the socket takes what TLS has to say.
    fn for_read(channel: &Channel, deadline: Option<Duration>) -> Self {
        let interest = if channel.wants_write() { EITHER } else { Interest::READABLE };
        Self::Ready(interest, deadline)
    }

    /// Waits, until the deadline at most. When that is over the next poll says so.
    async fn end(self, socket: &TcpStream, start: Instant) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Ready(interest, deadline) => match deadline {
                Some(deadline) => {
                    timeout_at(start + deadline, socket.ready(interest)).await.map_or(Ok(()), |it| it.map(drop))
                }
                None => socket.ready(interest).await.map(drop),
            },
        }
    }
}

const EITHER: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Does what the session asks for until there is nothing left to do.
async fn converse(
    socket: &TcpStream,
    channel: &mut Channel,
    tls: Option<&Tls>,
    session: &mut Session,
    job: &mut Job<'_>,
) -> Result<Closed, End> {
    let start = Instant::now();
    let mut socket_now = Ready(socket);
    loop {
        job.advance(session)?;
        // Every action has been answered or dropped when this statement ends. One that was dropped comes again, unless
        // its deadline has passed. Files and stdout block, so the runtime is told about them.
        let wait = match session.poll(start.elapsed())? {
            Action::Io(Io::Read(mut read)) => match channel.read(&mut socket_now, read.space()) {
                Ok(octets) => {
                    read.filled(octets);
                    Wait::Nothing
                }
                Err(error) if would_block(&error) => Wait::for_read(channel, read.deadline()),
                Err(error) => {
                    job.lost(error);
                    read.failed();
                    Wait::Nothing
                }
            },
            Action::Io(Io::Write(mut write)) => match channel.write(&mut socket_now, &[IoSlice::new(write.chunk())]) {
                Ok(octets) => {
                    write.advance(octets);
                    Wait::Nothing
                }
                // The server may be waiting for us to take what it says, or have said why it doesn't take more.
                Err(error) => {
                    let is_full = would_block(&error);
                    if !is_full {
                        job.lost(error);
                    }
                    // A client can always read instead.
                    let Some(mut read) = write.into_read() else { continue };
                    match channel.read(&mut socket_now, read.space()) {
                        Ok(octets) => {
                            read.filled(octets);
                            Wait::Nothing
                        }
                        Err(error) if is_full && would_block(&error) => Wait::Ready(EITHER, read.deadline()),
                        Err(error) => {
                            job.lost(error);
                            read.failed();
                            Wait::Nothing
                        }
                    }
                }
            },
            Action::Event(event) => {
                block_in_place(|| job.event(&event))?;
                event.done();
                Wait::Nothing
            }
            Action::Body(body) => {
                block_in_place(|| job.body(body.as_bytes()))?;
                body.done();
                Wait::Nothing
            }
            Action::StartTls(start) => match channel.start_tls(&mut socket_now, || client::channel(tls)) {
                Ok(()) => {
                    start.established();
                    Wait::Nothing
                }
                Err(error) if would_block(&error) => Wait::for_read(channel, start.deadline()),
                Err(error) => {
                    job.lost(error);
                    start.failed();
                    Wait::Nothing
                }
            },
            Action::Challenge(challenge) => {
                block_in_place(|| job.challenge(challenge));
                Wait::Nothing
            }
            // The job sends QUIT when all else is answered.
            Action::Idle(_) => return Err(End::Job("there is nothing left to do".into())),
            Action::Closed(closed) => return Ok(closed),
        };
        wait.end(socket, start).await?;
    }
}
