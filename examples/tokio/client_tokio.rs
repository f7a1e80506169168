//! A POP3 client on tokio.
//!
//! ```text
//! cargo run --example client_tokio -- --connect 127.0.0.1:1110 --user mrose --password tanstaaf list
//! ```
//!
//! All of POP3 is in the crate, and what to say to the server is in `support/src/client/job.rs`. What is left is in
//! [`converse`]: the session says what has to happen next, and one `match` does it. `client_std.rs` is the same client with a
//! blocking socket.

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adapter::tokio::{BoxedStream, before, transfer};
use pop3_proto::client::{Action, Closed, Error, Session};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use support::client::{self, Args, End, Job, Result, Tls, TlsMode};

/// How long to wait for a connection, for TLS from the first octet, and for the last word to be taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before looking whether the job has something to do.
const TICK: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse_or_exit(env!("CARGO_BIN_NAME"));
    let result = run(&args).await;
    client::exit_code(&args, result)
}

async fn run(args: &Args) -> Result<()> {
    let tls = args.tls()?;
    let mut job = Job::new(args)?;
    let place = |error| format!("{}: {error}", args.connect);
    let socket = connect(&args.connect).await.map_err(place)?;
    let peer = socket.peer_addr().map_err(place)?;
    let mut stream: BoxedStream = Box::new(socket);
    if args.tls == TlsMode::Implicit {
        stream = before(Some(PATIENCE), Instant::now(), start_tls(stream, tls.as_ref())).await.map_err(place)?;
    }
    let mut session = args.session(peer);
    let closed = converse(stream, tls.as_ref(), &mut session, &mut job).await;
    job.finish(&session, closed)
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let socket = timeout(PATIENCE, TcpStream::connect(address)).await??;
    socket.set_nodelay(true)?;
    Ok(socket)
}

async fn start_tls(stream: BoxedStream, tls: Option<&Tls>) -> io::Result<BoxedStream> {
    let Tls { config, name } = tls.ok_or(ErrorKind::Unsupported)?;
    Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await?))
}

/// Does what the session asks for until there is nothing left to do. Files and stdout block; this is the only task, so nobody
/// waits for them but itself.
async fn converse(
    mut stream: BoxedStream,
    tls: Option<&Tls>,
    session: &mut Session,
    job: &mut Job<'_>,
) -> Result<Closed, End> {
    let start = Instant::now();
    loop {
        job.advance(session)?;
        match session.poll(start.elapsed())? {
            Action::Io(io) => {
                let moved = timeout(TICK, transfer(io, &mut stream, start)).await;
                // Where nothing has come for so long, the job may have something to store.
                moved.unwrap_or(Ok(())).unwrap_or_else(|error| job.lost(error));
            }
            Action::Event(event) => {
                job.event(&event)?;
                event.done();
            }
            Action::Body(body) => {
                job.body(body.as_bytes())?;
                body.done();
            }
            Action::StartTls(token) => match before(token.deadline(), start, start_tls(stream, tls)).await {
                Ok(secured) => {
                    stream = secured;
                    token.established();
                }
                Err(error) => {
                    job.lost(error);
                    token.failed();
                    return Err(Error::TlsFailed.into());
                }
            },
            Action::Challenge(challenge) => job.challenge(challenge),
            // What is fetched is stored by now, or is to be; then the job sends QUIT.
            Action::Idle(_) => job.idle()?,
            Action::Closed(closed) => {
                if closed.is_orderly() {
                    // The server knows that it is over, and may be gone.
                    let _ = timeout(PATIENCE, stream.shutdown()).await;
                }
                return Ok(closed);
            }
        }
    }
}
