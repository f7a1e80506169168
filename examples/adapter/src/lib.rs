//! Sessions of `pop3_proto` over blocking streams and over tokio.
//!
//! [`blocking`] is there by default, `tokio` with the feature of that name, and TLS for `blocking` with the feature `rustls`
//! (`cargo doc --package adapter --all-features` shows all). For `tokio` tokio-rustls has it.
//!
//! Its text is that of `pop3_proto`'s manual, where it is explained: depend on this package, or copy what you need.

#![forbid(unsafe_code)]

#[cfg(feature = "rustls")]
extern crate self as adapter; // so that the text of TLS is the same in here and where it is copied

#[cfg(feature = "std")]
pub mod blocking;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(any(feature = "std", feature = "tokio"))]
#[path = "../../../src/manual/call.rs"]
mod call;
#[cfg(any(feature = "std", feature = "tokio"))]
#[path = "../../../src/manual/check.rs"]
mod check;
#[cfg(any(feature = "std", feature = "tokio"))]
#[path = "../../../src/manual/error.rs"]
mod error;
#[cfg(any(feature = "std", feature = "tokio"))]
#[path = "../../../src/manual/fetch.rs"]
mod fetch;
#[path = "../../../src/manual/locks.rs"]
mod locks;

#[cfg(any(feature = "std", feature = "tokio"))]
pub use error::Error;
pub use locks::{Lock, Locks};
pub use pop3_proto::server::{BoxError, Opened};
