//! What the fuzz targets share: naive models of the wire, of the server and of the client, a host
//! and a caller that do as the input says.
//!
//! The models say the same as the crate in as few words as can be, without a thought for speed, chunks or memory. They
//! share no code with it.

pub mod case;
#[path = "../../tests/common/checksum.rs"]
mod checksum;
pub mod client;
pub mod command;
pub mod content;
pub mod dialogue;
pub mod drive;
pub mod fetch;
pub mod languages;
pub mod lines;
mod measure;
pub mod model;
pub mod pair;
pub mod proxy;
pub mod record;
pub mod replies;
pub mod responses;
pub mod sasl;
pub mod settings;
pub mod store;
pub mod timer;
pub mod wire;
