//! The server's half of a connection, as a state machine that the host drives.
//!
//! # Where to begin
//! A server is three things: a [`Maildrop`], which is the index of one open maildrop; a [`Session`] for each connection; and a
//! loop that does what the session asks for. The loop is written already: `serve`, in the repository's package
//! [`adapter`](crate::manual::adapters), over blocking streams or over tokio. You write its trait `Host`: who may log in, what a message
//! is, what is removed. Errors of your store go through it by `?`. This is a whole server, `cargo run --example server`:
#![doc = "```no_run"]
#![doc = include_str!("../manual/server.rs")]
#![doc = "```"]
//! Over tokio the methods of `Host` are `async`. This is the same server there, `cargo run --example minimal_tokio`. Its maildrop is an
//! [`Index`], which is ready to use, so it implements no [`Maildrop`]; over a database, an `Index` keeps the
//! [id of each row](Index::with_keys) too, as in [a server over SQLite](crate::manual::adapters#a-server-over-sqlite).
#![doc = "```ignore"]
#![doc = include_str!("../manual/minimal_tokio.rs")]
#![doc = "```"]
//! `examples/std/server_std.rs` and `examples/tokio/server_tokio.rs` are complete ones, with TLS, Maildirs and all ways to
//! log in. [TLS](crate::manual::adapters#tls-blocking) takes a method more, `start_tls`, and a box as the host's `Stream`; on port 995
//! also [`with_implicit_tls`](Session::with_implicit_tls) of the session. What to know about a
//! store (octets, locks, unique-ids) is in the [manual](crate::manual#a-servers-store).
//!
//! # What a session asks for
//! With `serve` you needn't know this: it calls a method of `Host` for each row. A host that needs more than `Host` offers writes the loop
//! itself, as the [crate's documentation](crate#the-loop) shows it. [`Session::poll`] returns one of these; those in *italics* come only if
//! the configuration offers them.
//!
//! | action | where its answer comes from | answer it by | if you don't support it |
//! |---|---|---|---|
//! | [`Action::Io`] | the socket | [`Read::filled`], `advance` of [`Write`]; `failed` for both | |
//! | [`Action::Login`] | your accounts, and your store: its lock and its index | [`answer`](Login::answer), or [`accept`](Login::accept), [`reject`](Login::reject), [`hand_over`](Login::hand_over) | |
//! | [`Action::Measure`] | your store | [`answer`](Measure::answer), or [`done`](Measure::done), [`refuse`](Measure::refuse) | have [`Maildrop::octets`] know all, and it never comes |
//! | [`Action::Retrieve`] | your store | [`answer`](Retrieve::answer), or [`send`](Retrieve::send), [`begin`](Retrieve::begin), [`refuse`](Retrieve::refuse) | |
//! | [`Action::Body`] | the reader that `begin` was given | [`answer`](Body::answer), or [`push`](Body::push), [`end`](Body::end), [`fail`](Body::fail) | answer `Retrieve` by `send` alone, and it never comes |
//! | [`Action::Update`] | your store | [`answer`](Update::answer), or [`finish`](Update::finish) | `decline`: the client hears that nothing is removed |
//! | *[`Action::Authenticate`]* | your SASL code, with [`auth::sasl`](crate::auth::sasl) or a library | [`challenge`](Authenticate::challenge), [`answer`](Login::answer), [`accept`](Login::accept), [`reject`](Login::reject) | leave [`Config::mechanism`] alone: PLAIN comes as `Login` |
//! | *[`Action::StartTls`]* | your TLS library | [`established`](StartTls::established), [`failed`](StartTls::failed) | leave [`Config::stls`] and [`Session::with_implicit_tls`] off |
//! | [`Action::Close`] | | close the connection | |
//!
//! Each `answer` takes a store's `Result` as it is, and returns [what the client isn't told](BoxError). The `decline` of each token is its safe answer, and [`Action::decline`] the last arm of a loop that doesn't know them all.
//!
//! # Over `.await`
//! A token may be held while you wait for its answer: `login.accept(store.open(…).await?)`. It is `Send` where the maildrop, its
//! reader and the exchange are. If the future is dropped meanwhile, so is the token, and the next poll hands it out again. While the
//! session waits for you, no deadline runs.
//!
//! # The states
//! ```text
//!            greeting     Login, Authenticate accepted     QUIT
//!  (connect) ────────▶ AUTHORIZATION ────────▶ TRANSACTION ────────▶ UPDATE ────▶ (close)
//!               │        ▲   │                      │          Update finished       ▲
//!               │        └───┤ StartTls established │                                │
//!               │            ├─ QUIT ───────────────│────────────────────────────────┤
//!               │            └─ handed over ────────│────────────────────────────────┤
//!               └─ refused ─────────────────────────│────────────────────────────────┤
//!                                                   └─ end of stream, autologout,    │
//!                                                      a limit, a failed message,    │
//!                                                      a failed transport,           │
//!                                                      octets after STLS, no TLS ────┘
//! ```
//! UPDATE has one way in: a complete QUIT after login. Whatever else ends a session removes nothing, and every end drops the
//! maildrop, and with it the lock. [`Config`] has the limits, and says what memory they cost.

mod action;
mod authenticate;
mod authorization;
mod body;
mod catalogue;
mod close;
mod config;
mod exchange;
mod http;
mod index;
mod listing;
mod login;
mod maildrop;
mod marks;
mod measure;
mod offers;
mod open_maildrop;
mod refusals;
mod reply;
mod retrieve;
mod session;
mod starttls;
mod state;
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
pub use self::index::Index;
pub use self::login::{Credentials, Login};
pub use self::maildrop::Maildrop;
pub use self::marks::Deletions;
pub use self::measure::Measure;
pub use self::offers::ClientIdentity;
pub use self::open_maildrop::BrokenMaildrop;
pub use self::refusals::{BoxError, GreetingRefusal, Refusal, Rejection};
pub use self::reply::Reply;
pub use self::retrieve::{Opened, Retrieve};
pub use self::session::Session;
pub use self::starttls::StartTls;
pub use self::update::Update;

/// What most servers need beside this module.
#[doc(no_inline)]
pub use crate::{
    Io, Read, Security, Write,
    message::{MessageNumber, Removal, UniqueId, UniqueIds},
    wire::{LineEnds, Mechanism, Timestamp, WireSize},
};
