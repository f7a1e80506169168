//! A POP3 client over a blocking socket.
//!
//! ```text
//! cargo run --example client_std -- --connect 127.0.0.1:1110 --user mrose --password tanstaaf list
//! ```
//!
//! All of POP3 is in the crate, and what to say to the server is in `support/src/client/job.rs`. What is left is in
//! [`converse`]: the session says what has to happen next, and one `match` does it. `client_tokio.rs` is the same client on
//! tokio.

#[expect(unreachable_pub, reason = "it is `adapter`'s, too")]
#[path = "../../src/manual/blocking/tls.rs"]
mod tls;

use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter::blocking::{Stream, transfer};
use pop3_proto::client::{Action, Closed, Error, Session};
use rustls::ClientConnection;

use support::client::{self, Args, End, Job, Result, Tls, TlsMode};

/// How long to wait for a connection, with each address that the server has, and for TLS from the first octet.
const PATIENCE: Duration = Duration::from_secs(30);

type Transport = Box<dyn Stream>;

fn main() -> ExitCode {
    let args = Args::parse_or_exit(env!("CARGO_BIN_NAME"));
    let result = run(&args);
    client::exit_code(&args, result)
}

fn run(args: &Args) -> Result<()> {
    let tls = args.tls()?;
    let mut job = Job::new(args)?;
    let place = |error| format!("{}: {error}", args.connect);
    let socket = connect(&args.connect).map_err(place)?;
    let peer = socket.peer_addr().map_err(place)?;
    let mut stream: Transport = Box::new(socket);
    if args.tls == TlsMode::Implicit {
        stream = start_tls(stream, tls.as_ref(), Instant::now().checked_add(PATIENCE)).map_err(place)?;
    }
    let mut session = args.session(peer);
    let closed = converse(stream, tls.as_ref(), &mut session, &mut job);
    job.finish(&session, closed)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut result = Err(ErrorKind::NotFound.into());
    for address in address.to_socket_addrs()? {
        result = TcpStream::connect_timeout(&address, PATIENCE);
        if result.is_ok() {
            break;
        }
    }
    let socket = result?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn start_tls(stream: Transport, tls: Option<&Tls>, deadline: Option<Instant>) -> io::Result<Transport> {
    let Tls { config, name } = tls.ok_or(ErrorKind::Unsupported)?;
    let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
    Ok(Box::new(tls::Tls::shake_hands(connection, stream, deadline)?))
}

/// Does what the session asks for until there is nothing left to do.
fn converse(mut stream: Transport, tls: Option<&Tls>, session: &mut Session, job: &mut Job<'_>) -> Result<Closed, End> {
    let start = Instant::now();
    loop {
        job.advance(session)?;
        let now = start.elapsed();
        match session.poll(now)? {
            Action::Io(io) => transfer(io, &mut stream, now).unwrap_or_else(|error| job.lost(error)),
            Action::Event(event) => {
                job.event(&event)?;
                event.done();
            }
            Action::Body(body) => {
                job.body(body.as_bytes())?;
                body.done();
            }
            Action::StartTls(token) => {
                let deadline = token.deadline().and_then(|deadline| start.checked_add(deadline));
                match start_tls(stream, tls, deadline) {
                    Ok(secured) => {
                        stream = secured;
                        token.established();
                    }
                    Err(error) => {
                        job.lost(error);
                        token.failed();
                        return Err(Error::TlsFailed.into());
                    }
                }
            }
            Action::Challenge(challenge) => job.challenge(challenge),
            // What is fetched is stored by now, or is to be; then the job sends QUIT.
            Action::Idle(_) => job.idle()?,
            Action::Closed(closed) => {
                if closed.is_orderly() {
                    // The server knows that it is over, and may be gone.
                    let _ = stream.shut_down();
                }
                return Ok(closed);
            }
        }
    }
}
