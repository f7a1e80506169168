//! The package `adapter`, which binds sessions to streams, and its whole text: depend on it, or copy what you need.
//!
//! ```toml
//! [dependencies]
//! adapter = { path = "…/examples/adapter" } # features: "tokio" for `adapter::tokio`, "rustls" for TLS over blocking streams
//! pop3-proto = { path = "…" } # the one that `adapter` has
//! ```
//! It is `examples/adapter` of the repository, and all example programs are built on it. Its tests run it over sockets, with TLS, against
//! peers that are silent, that drip, and that break off. Beside this crate it needs `bytes` and `thiserror`, and what its features name.
//!
//! | | blocking | tokio |
//! |---|---|---|
//! | the octets of either session | [`transfer`](#transfer-blocking) | [`transfer`](#transfer-tokio) |
//! | a server's whole loop, and the trait `Host` | [`serve`](#serve-blocking) | [`serve`](#serve-tokio) |
//! | locks of maildrops, within one process | [`Locks`](#locks) | [`Locks`](#locks) |
//! | a check of a host's store, for its tests | [`check`](#check-blocking) | [`check`](#check-tokio) |
//! | a client that is called | [`Client`](#client-blocking) | [`Client`](#client-tokio) |
//! | a plan to fetch, and the trait `Store` | [`Client::fetch`](#fetch-blocking) | [`Client::fetch`](#fetch-tokio) |
//! | TLS | [by rustls](#tls-blocking) | by tokio-rustls: see [below](#tls-tokio) |
//! | a program with its mail in a database | [an import](#an-import-into-sqlite) | [a server](#a-server-over-sqlite) |
//!
//! # A server over SQLite
//! A whole one, with STLS and port 995: `cargo run -p examples-sqlite --example sqlite_server`. The maildrop of a session is its
//! connection to the database and its lock, with the id of each message.
#![doc = "```ignore"]
#![doc = include_str!("sqlite_server.rs")]
#![doc = "```"]
//! # An import into SQLite
//! A client that takes what is new, over STLS: `cargo run -p examples-sqlite --example sqlite_import`. It may be killed at any time.
//! A message is in memory until it is stored, however large the server makes it. A client that leaves mail on the server says so in
//! `deletes`.
#![doc = "```ignore"]
#![doc = include_str!("sqlite_import.rs")]
#![doc = "```"]
//! # Transfer, blocking
//! A read waits until something is there before it asks for a window, and flushes before that, since a session that reads has
//! nothing left to write. It never waits beyond the session's deadline, nor for more than a second, so a loop around it can look
//! at other things.
#![doc = "```ignore"]
#![doc = include_str!("blocking/transfer.rs")]
#![doc = "```"]
//! # Transfer, tokio
//! While it waits to read it holds no window, over any stream: it tries, gives the window back, and is woken when the stream is
//! ready. A stream of futures-io differs in the names of its traits, and in the timer.
#![doc = "```ignore"]
#![doc = include_str!("tokio/transfer.rs")]
#![doc = "```"]
//! # Serve, blocking
//! Implement `Host`, and call `serve` for each connection, in a thread of its own: [`server`](crate::server) begins with such a program.
#![doc = "```ignore"]
#![doc = include_str!("blocking/serve.rs")]
#![doc = "```"]
//! # Serve, tokio
//! The same with `async` methods, and a task for each connection. Where a task is aborted its session goes with it: nothing is removed, and
//! the maildrop is dropped with its lock.
#![doc = "```ignore"]
#![doc = include_str!("tokio/serve.rs")]
#![doc = "```"]
//! # Locks
//! A server that is one process keeps the locks of its maildrops here; where there are more of them, the store has to
//! (`examples/sql` shows one that does).
#![doc = "```ignore"]
#![doc = include_str!("locks.rs")]
#![doc = "```"]
//! # Check, blocking
//! A host's own tests call it with a maildrop that has messages in it.
#![doc = "```ignore"]
#![doc = include_str!("blocking/check.rs")]
#![doc = "```"]
//! # Check, tokio
#![doc = "```ignore"]
#![doc = include_str!("tokio/check.rs")]
#![doc = "```"]
//! # Check
//! The client of a check, and what it finds wrong, for both.
#![doc = "```ignore"]
#![doc = include_str!("check.rs")]
#![doc = "```"]
//! # Client, blocking
//! [`client`](crate::client) begins with a program that calls it.
#![doc = "```ignore"]
#![doc = include_str!("blocking/client.rs")]
#![doc = "```"]
//! # Fetch, blocking
//! The loop that carries a [`Fetch`](crate::client::Fetch) out, for any store. It decides on each message as soon as that is complete,
//! forgets what is to be forgotten, and sends no QUIT where the store fails at that.
#![doc = "```ignore"]
#![doc = include_str!("blocking/fetch.rs")]
#![doc = "```"]
//! # Client, tokio
#![doc = "```ignore"]
#![doc = include_str!("tokio/client.rs")]
#![doc = "```"]
//! # Fetch, tokio
//! A store on tokio has `async` methods. One that blocks, such as files or SQLite, is called in `spawn_blocking`, or has a task of its
//! own that the methods send to; or it just blocks, where nothing else runs on that thread.
#![doc = "```ignore"]
#![doc = include_str!("tokio/fetch.rs")]
#![doc = "```"]
//! # Fetch
//! What both remember while they carry a plan out.
#![doc = "```ignore"]
#![doc = include_str!("fetch.rs")]
#![doc = "```"]
//! # Call
//! What a call waits for, for both clients.
#![doc = "```ignore"]
#![doc = include_str!("call.rs")]
#![doc = "```"]
//! # Error
//! Why a call fails, for both clients.
#![doc = "```ignore"]
#![doc = include_str!("error.rs")]
#![doc = "```"]
//! # TLS, blocking
//! `adapter::blocking::Tls`, with the package's feature `rustls`. A host's `Stream` is a box then, since the handshake changes what is
//! in it. This is a server's part, for STLS and for port 995 alike, and then a client's, for one after the other:
//!
//! ```ignore
//! type Stream = Box<dyn Stream>;
//!
//! fn start_tls(&mut self, stream: Box<dyn Stream>, deadline: Option<Instant>) -> io::Result<Box<dyn Stream>> {
//!     let tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
//!     Ok(Box::new(Tls::shake_hands(tls, stream, deadline)?))
//! }
//!
//! let config = Arc::new(Config::new().stls(true));
//! let mut session = Session::new(config, Security::from_peer_address(peer.ip())).with_implicit_tls(is_port_995);
//! serve(&mut host, &mut session, Box::new(socket));
//! ```
//! ```ignore
//! let mut login = Login::new(name, password).stls_if_offered(); // or `stls()`, where the server is known to have it
//! let client = Client::connect_stls(address, ServerName::try_from("mail.example.org")?, tls_config, &mut login)?;
//!
//! let mut client = Client::connect_tls(address, ServerName::try_from("mail.example.org")?, tls_config)?;
//! client.log_in(&mut Login::new(name, password))?;
//! ```
//! The stream's text, and the client's:
#![doc = "```ignore"]
#![doc = include_str!("blocking/tls.rs")]
#![doc = "```"]
#![doc = "```ignore"]
#![doc = include_str!("blocking/connect.rs")]
#![doc = "```"]
//! # TLS, tokio
//! A stream of tokio-rustls is one of tokio, so nothing more is needed. A host's `Stream` is a box then, since the handshake changes
//! what is in it. This is a server's part, for STLS and for port 995 alike, and then a client's:
//!
//! ```ignore
//! type Stream = BoxedStream;
//!
//! async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
//!     Ok(Box::new(TlsAcceptor::from(Arc::clone(&self.tls)).accept(stream).await?))
//! }
//!
//! let config = Arc::new(Config::new().stls(true));
//! let mut session = Session::new(config, Security::from_peer_address(peer.ip())).with_implicit_tls(is_port_995);
//! serve(&mut host, &mut session, Box::new(socket)).await;
//! ```
//! ```ignore
//! let stream: BoxedStream = Box::new(TcpStream::connect(address).await?);
//! let client = Client::new(stream, Security::Cleartext, config);
//! let mut login = Login::new(name, password).stls_if_offered(); // or `stls()`, where the server is known to have it
//! let connector = TlsConnector::from(tls);
//! let shake_hands = async |stream| Ok(Box::new(connector.connect(server_name, stream).await?) as BoxedStream);
//! let client = client.log_in_over_tls(&mut login, shake_hands).await?;
//! ```
