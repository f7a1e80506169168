//! POP3 without I/O.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod auth;
mod buffer;
pub mod message;
mod secret;
pub mod server;
pub mod wire;

pub use secret::Secret;
