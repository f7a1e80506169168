//! Over streams of tokio, with a task for each connection.

#[path = "../../../src/manual/tokio/client.rs"]
mod client;
#[path = "../../../src/manual/tokio/serve.rs"]
mod serve;
#[path = "../../../src/manual/tokio/transfer.rs"]
mod transfer;

pub use client::Client;
pub use serve::{Answer, Host, serve};
pub use transfer::{BoxedStream, Stream, before, transfer};
