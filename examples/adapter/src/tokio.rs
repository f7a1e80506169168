//! Over streams of tokio, with a task for each connection.

#[path = "../../../src/manual/tokio/check.rs"]
mod check;
#[path = "../../../src/manual/tokio/client.rs"]
mod client;
#[path = "../../../src/manual/tokio/fetch.rs"]
mod fetch;
#[path = "../../../src/manual/tokio/serve.rs"]
mod serve;
#[path = "../../../src/manual/tokio/transfer.rs"]
mod transfer;

pub use crate::fetch::Fetched;
pub use check::check;
pub use client::Client;
pub use fetch::Store;
pub use serve::{Answer, Host, answer, serve};
pub use transfer::{BoxedStream, Stream, before, transfer};
