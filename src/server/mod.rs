//! The server's half of a connection, as a state machine that the host drives.
//!
//! [`Session::poll`] returns the one thing that must happen next; the host does it and answers the token. See the
//! [crate's documentation](crate) for the rules, and [`Config`] for limits and memory.
//!
//! # Over a transport that buffers
//! TLS streams and buffered writers keep what they are given until they are flushed. When the session wants to read it has
//! nothing left to write, and the client may be waiting for the last response: so that is the time to flush.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::time::Instant;
//!
//! use bytes::Buf;
//! use pop3_proto::Io;
//! use pop3_proto::server::{Action, CloseReason, Maildrop, Session};
//!
//! /// Serves a client over any stream that waits; `answer` does all that isn't I/O.
//! fn serve<M: Maildrop>(
//!     mut session: Session<M>,
//!     stream: &mut (impl Read + Write),
//!     mut answer: impl FnMut(Action<'_, M>),
//! ) -> CloseReason {
//!     let start = Instant::now();
//!     loop {
//!         match session.poll(start.elapsed()) {
//!             Action::Io(Io::Read(mut read)) => match stream.flush().and_then(|()| stream.read(read.space())) {
//!                 Ok(octets) => read.filled(octets),
//!                 Err(error) if is_passing(&error) => {} // the action comes again
//!                 Err(_) => read.failed(),
//!             },
//!             Action::Io(Io::Write(mut write)) => match stream.write(write.chunk()) {
//!                 Ok(0) => write.failed(),
//!                 Ok(octets) => write.advance(octets),
//!                 Err(error) if is_passing(&error) => {}
//!                 Err(_) => write.failed(),
//!             },
//!             Action::Close(reason) => {
//!                 let _ = stream.flush(); // a client that is gone misses nothing
//!                 return reason;
//!             }
//!             // Where STLS is offered, the stream is flushed here too: the `+OK` must leave before the handshake.
//!             other => answer(other),
//!         }
//!     }
//! }
//!
//! fn is_passing(error: &io::Error) -> bool {
//!     use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
//!     matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
//! }
//! #
//! # struct Buffered(io::BufWriter<std::net::TcpStream>);
//! # impl Read for Buffered {
//! #     fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
//! #         self.0.get_mut().read(space)
//! #     }
//! # }
//! # impl Write for Buffered {
//! #     fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
//! #         self.0.write(octets)
//! #     }
//! #     fn flush(&mut self) -> io::Result<()> {
//! #         self.0.flush()
//! #     }
//! # }
//! # use std::{convert::Infallible, io::{BufRead, BufReader}, net::{TcpListener, TcpStream}, thread, time::Duration};
//! # use pop3_proto::Security;
//! # use pop3_proto::server::Config;
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let mut client = BufReader::new(TcpStream::connect(listener.local_addr()?)?);
//! # client.get_ref().set_read_timeout(Some(Duration::from_secs(20)))?;
//! # let mut stream = Buffered(io::BufWriter::new(listener.accept()?.0));
//! # let server = thread::spawn(move || {
//! #     let session = Session::<Infallible>::new(Config::new().into(), Security::TrustedLocal);
//! #     serve(session, &mut stream, |action| action.decline())
//! # });
//! # for (reply, next) in [
//! #     ("+OK POP3 server ready\r\n", "USER mrose\r\n"),
//! #     ("+OK send PASS\r\n", "PASS tanstaaf\r\n"),
//! #     ("-ERR [SYS/TEMP] temporary failure, try again later\r\n", "QUIT\r\n"),
//! #     ("+OK bye\r\n", ""),
//! # ] {
//! #     let mut line = String::new();
//! #     client.read_line(&mut line)?;
//! #     assert_eq!(line, reply);
//! #     client.get_mut().write_all(next.as_bytes())?;
//! # }
//! # assert_eq!(server.join().unwrap(), CloseReason::Quit);
//! # io::Result::Ok(())
//! ```

mod action;
mod authenticate;
mod authorization;
mod body;
mod catalogue;
mod close;
mod config;
mod exchange;
mod http;
mod listing;
mod login;
mod maildrop;
mod marks;
mod offers;
mod open_maildrop;
mod refusals;
mod reply;
mod retrieve;
mod session;
mod starttls;
mod state;
mod tap;
mod terms;
mod transaction;
mod transfer;
mod update;

pub use self::action::Action;
pub use self::authenticate::{Authenticate, ChallengeTooLong};
pub use self::body::Body;
pub use self::catalogue::{Catalogue, CatalogueError};
pub use self::close::{CloseReason, Residue};
pub use self::config::{Config, ConfigError, Utf8};
pub use self::login::{Credentials, Login};
pub use self::maildrop::Maildrop;
pub use self::marks::Deletions;
pub use self::offers::ClientIdentity;
pub use self::open_maildrop::BrokenMaildrop;
pub use self::refusals::{GreetingRefusal, Refusal, Rejection};
pub use self::reply::Reply;
pub use self::retrieve::Retrieve;
pub use self::session::Session;
pub use self::starttls::StartTls;
pub use self::tap::Span;
pub use self::update::Update;
