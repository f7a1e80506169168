//! POP3 without I/O: both sides of the protocol as a library that holds no socket, no thread, no clock and no file.
//!
//! A server author binds it to sockets and a store of messages; other mail software embeds its codec and its client. It
//! never blocks and never waits: it tells the host what must happen next, and the host does it.
//!
//! | layer | what | state that it keeps |
//! |---|---|---|
//! | [`wire`] | octets to values and back: commands, responses, listings, byte-stuffing, framing | none across commands |
//! | [`auth`] | proofs of identity: the APOP digest, messages of SASL mechanisms | none |
//! | [`server`], [`client`] | [`server::Session`], [`client::Session`]: the state machine of one connection | one connection |
//!
//! Each layer is usable alone, and depends only on those above it. Beside them, [`proxy_protocol`] reads the header that a
//! trusted proxy sends before a session begins. The [`manual`] gives the reason for each default, and shows how TLS,
//! SASL and the rest are put together.
//!
//! # The boundary
//! ```text
//!             ┌────────────────────────── your loop ──────────────────────────┐
//!             │  match session.poll(now) {  one action, the next thing to do  │
//!             └───┬──────────┬──────────┬──────────┬──────────┬───────────────┘
//!               Read       Write      Login     Retrieve    Update …
//!             (socket)    (socket)   (accounts)  (store)     (store)
//! ```
//! It follows five rules. [`client::Session`] follows the same ones, except that its poll can fail, since a server that
//! misbehaves leaves nothing to go on with:
//!
//! 1. [`Session::poll(&mut self, now: Duration) -> Action<'_>`](server::Session::poll) returns the *one* thing that
//!    must happen next. On the server it cannot fail: a misbehaving peer becomes `-ERR` or `Close(reason)`.
//! 2. An action is a **token**, answered by consuming it. Nothing else compiles, so a request can't get two replies.
//!    Dropping a token changes nothing: the next `poll` hands the same action out again. So `?`, `select!`,
//!    cancellation and `WouldBlock` are all safe. (Octets that a host has already taken from a
//!    reader of its own don't come again: see [`Body`](server::Body).) The price: a token that is never answered comes back for ever, and a client can
//!    make a host that forgets a branch run busily. So each has a safe answer, and
//!    [`Action::decline`](server::Action::decline) gives it for all that a host doesn't support.
//! 3. Bytes move only through [`Read`] (`space()`, then `filled(n)`, 0 = end of stream) and
//!    [`Write`] (a `bytes::Buf` with exact `remaining` and useful `chunks_vectored`). A transport that
//!    buffers what it is given is flushed before anybody waits to read. One that fails is
//!    [reported](Read::failed) as such.
//! 4. Time enters only as `now`, a [`Duration`](core::time::Duration) since any fixed origin; `Read` and `Write` give
//!    their deadline, `None` for no limit. There is no clock inside. Randomness enters only as the APOP timestamp, and in a host's challenges.
//! 5. Memory is bounded by [`Config`](server::Config), stated in numbers in its docs; a session that is told that there
//!    is [nothing to read yet](Read::nothing_yet) holds no buffer at all.
//!
//! The session owns the host's maildrop while the client is logged in, and drops it when the session ends, however it
//! ends. So a lock that is tied to the maildrop is always released in time.
//!
//! # The loop
//! A server need not write it: [`server`] begins with a program that is built on `serve`, from the repository's package `adapter`.
//! One that does write it takes `transfer` from there, which moves the octets of servers and clients ([its text](manual::adapters) is there to
//! be copied), and has this left:
//!
//! ```
//! use std::error::Error;
//! use std::net::TcpStream;
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use adapter::blocking::{Stream, transfer};
//! use pop3_proto::server::{
//!     Action, CloseReason, Config, Maildrop, MessageNumber, Security, Session, UniqueId,
//! };
//!
//! /// A maildrop of one message.
//! struct Welcome;
//!
//! impl Maildrop for Welcome {
//!     type Reader = ();
//!     fn count(&self) -> u32 {
//!         1
//!     }
//!     fn octets(&self, _: MessageNumber) -> Option<u64> {
//!         Some(TEXT.len() as u64)
//!     }
//!     fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
//!         UniqueId::new("welcome-1").ok()
//!     }
//! }
//!
//! const TEXT: &str = "Subject: welcome\r\n\r\nGood to see you.\r\n";
//!
//! fn serve(mut socket: TcpStream, config: Arc<Config>) -> Result<CloseReason, Box<dyn Error>> {
//!     // There is no TLS here: only a client on this machine may send a password.
//!     let security = Security::from_peer_address(socket.peer_addr()?.ip());
//!     let mut session = Session::new(config, security);
//!     let start = Instant::now();
//!     loop {
//!         let now = start.elapsed();
//!         match session.poll(now) {
//!             Action::Io(io) => drop(transfer(io, &mut socket, now)), // the next poll returns what a failure means
//!             Action::Login(login) => {
//!                 let who = login.credentials();
//!                 match who.verify((who.name() == b"mrose").then_some("tanstaaf")) {
//!                     Ok(()) => login.accept(Welcome)?,
//!                     Err(rejection) => login.reject(rejection),
//!                 }
//!             }
//!             Action::Retrieve(retrieve) => retrieve.send(TEXT),
//!             Action::Close(reason) => {
//!                 let _ = socket.shut_down(); // a client that is gone misses nothing
//!                 return Ok(reason);
//!             }
//!             // The message stays, so a client that has marked it hears at QUIT that nothing was removed.
//!             other => other.decline(),
//!         }
//!     }
//! }
//! #
//! # use std::io::{Read as _, Write as _};
//! # fn talk(lines: &str) -> Result<(String, CloseReason), Box<dyn Error>> {
//! #     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! #     let mut client = TcpStream::connect(listener.local_addr()?)?;
//! #     client.write_all(lines.as_bytes())?;
//! #     client.shutdown(std::net::Shutdown::Write)?;
//! #     let reason = serve(listener.accept()?.0, Arc::new(Config::new()))?;
//! #     let mut replies = String::new();
//! #     client.read_to_string(&mut replies)?;
//! #     Ok((replies, reason))
//! # }
//! # let login = "USER mrose\r\nPASS tanstaaf\r\n";
//! # let (replies, reason) = talk(&format!("{login}RETR 1\r\nQUIT\r\n"))?;
//! # assert!(replies.ends_with("\r\n\r\nGood to see you.\r\n.\r\n+OK bye\r\n"), "{replies}");
//! # assert_eq!(reason, CloseReason::Quit);
//! # assert!(talk(&format!("{login}DELE 1\r\nQUIT\r\n"))?.0.ends_with("-ERR [SYS/TEMP] not all marked messages are removed\r\n"));
//! # let (replies, reason) = talk("USER mrose\r\nPASS tans\r\n")?;
//! # assert!(replies.ends_with("-ERR [AUTH] wrong name or password\r\n"), "{replies}");
//! # assert_eq!(reason, CloseReason::EndOfStream);
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//! Over TCP a server that closes with octets unread may take the last response back, so `serve` first reads on for a second.
//!
//! A client is driven in the same way: see [`client`]. Both together make a proxy: see the [`manual`](manual#being-a-proxy).
//!
//! # What holds whatever the peer does
//! - The same octets come out, and the host is asked the same, however the input is split, however little a write
//!   takes, and whichever tokens are dropped.
//! - Each command line has one response, in order; cleartext octets that follow STLS are never taken as commands.
//! - Nothing that the client sent before TLS survives STLS.
//! - No message is removed without a complete QUIT after login.
//! - What LIST announces is what a client receives, if the host counts as [`WireSize`](wire::WireSize) does.
//! - No response is malformed, whatever the host answers.
//! - No secret is in a response or a `Debug`; both sides wipe passwords from their buffers once they are used.
//! - Memory stays within the bounds of the configuration.
//! - No input makes it panic.
//!
//! # Standards
//! | document | what is supported |
//! |---|---|
//! | RFC 1939 | all: USER, PASS, APOP, QUIT, STAT, LIST, RETR, DELE, NOOP, RSET, TOP, UIDL |
//! | RFC 2449 | CAPA; response codes; TOP, USER, RESP-CODES, LOGIN-DELAY, PIPELINING, EXPIRE, UIDL, IMPLEMENTATION |
//! | RFC 3206 | SYS and AUTH response codes, AUTH-RESP-CODE |
//! | RFC 2595 | STLS, as a barrier: nothing that the client sent before TLS survives it |
//! | RFC 8314 | no password and no token in the clear unless the host allows it |
//! | RFC 5034, 4422 | AUTH; messages of PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER, EXTERNAL, ANONYMOUS |
//! | RFC 6856 | UTF8, UTF8 USER, LANG |
//! | RFC 1460 | LAST, off by default |
//!
//! # Features
//! - `std` (default): `std` in the dependencies, which lets searches use the widest instructions that the machine has,
//!   and allows vectored writes. Without it the crate is `no_std` and needs `alloc`.
//!
//! A `usize` of 32 bits or more is needed: limits and message numbers go beyond 16 bits, so the crate doesn't compile where it has 16 bits.
#![no_std]
#![forbid(unsafe_code)]
// Nothing in here may panic, whatever the input. Tests may.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[cfg(target_pointer_width = "16")]
compile_error!("pop3-proto counts messages and octets in `usize`, which must have 32 bits at least");

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod auth;
mod buffer;
pub mod client;
mod io;
pub mod manual;
pub mod message;
mod part;
pub mod proxy_protocol;
mod secret;
mod security;
pub mod server;
mod setting;
mod totals;
mod trace;
pub mod wire;

pub use io::{Io, Read, Write};
pub use secret::Secret;
pub use security::Security;
pub use setting::BelowMinimum;
pub use totals::Totals;
pub use trace::Trace;

/// Compiles the README's code along with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
