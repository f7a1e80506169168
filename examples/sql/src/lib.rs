//! A POP3 server over a database that any number of servers share: its parts, for the program and for tests.
//!
//! ```text
//! store       what a database does for front ends, whatever the engine
//! sqlite      SQLite, and
//! postgres    PostgreSQL; all of the SQL of each is in one file
//! front_end   the lease of a process, and the locks that go with it
//! mailbox     a maildrop as a session sees it
//! passwords   their hashes
//! stop        whether it's time to stop
//! connection  what a server does for one client, beside POP3
//! serve       listening and stopping
//! deliver     new mail and new users
//! args        the command line
//! ```
//!
//! Each of the files uses only those above it.
#![expect(missing_debug_implementations, clippy::missing_errors_doc, reason = "it is part of the program beside it")]

pub mod args;
mod connection;
pub mod deliver;
pub mod front_end;
mod mailbox;
pub mod passwords;
pub mod postgres;
pub mod serve;
pub mod sqlite;
#[path = "../../tokio/stopping.rs"]
mod stop;
pub mod store;
