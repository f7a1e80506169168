//! A client that notes what it hears, servers for it by hand and from this crate, and a caller with a plan.

pub mod fetch;
mod link;
mod script;
mod transcript;

#[path = "../../common/mod.rs"]
mod host;

pub use host::*;
pub use link::{Chance, Link, link};
pub use script::{Client, FEATURES, Pipe, Script, Step, in_any_way, mrose};
pub use transcript::{Statement, Transcript, ends_body};
