//! The host for sessions.

#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod host;

pub use alone::{GREETING, LOGGED_IN};
pub use host::*;
