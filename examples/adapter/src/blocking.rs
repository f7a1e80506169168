//! Over blocking streams, with a thread for each connection.

#[path = "../../../src/manual/blocking/check.rs"]
mod check;
#[path = "../../../src/manual/blocking/client.rs"]
mod client;
#[cfg(feature = "rustls")]
#[path = "../../../src/manual/blocking/connect.rs"]
mod connect;
#[path = "../../../src/manual/blocking/fetch.rs"]
mod fetch;
#[path = "../../../src/manual/blocking/serve.rs"]
mod serve;
#[cfg(feature = "rustls")]
#[path = "../../../src/manual/blocking/tls.rs"]
mod tls;
#[path = "../../../src/manual/blocking/transfer.rs"]
mod transfer;

pub use crate::fetch::Fetched;
pub use check::check;
pub use client::Client;
pub use fetch::Store;
pub use serve::{Host, answer, serve};
#[cfg(feature = "rustls")]
pub use tls::Tls;
pub use transfer::{Stream, TICK, transfer};
