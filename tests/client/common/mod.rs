//! A client that notes what it hears, servers for it by hand and from this crate, and a caller with a plan.

pub mod fetch;
mod link;
mod script;
mod transcript;

#[path = "../../common/front.rs"]
mod front;
#[path = "../../common/mod.rs"]
mod host;
#[path = "../../common/maildrops.rs"]
mod maildrops;
#[path = "../../common/messages.rs"]
mod messages;
#[path = "../../common/transcripts.rs"]
mod transcripts;

pub use front::{Front, front};
pub use host::*;
pub use link::{Chance, Link, link};
pub use messages::tricky_messages;
pub use script::{Client, FEATURES, METHODS, Pipe, Script, Step, chosen, in_any_way, mrose, unsent, user};
pub use transcript::{Statement, Transcript, ends_body};
pub use transcripts::{assert_text, each_transcript, statements, unescape, unescape_line};
