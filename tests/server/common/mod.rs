//! The host for sessions, and naive models to compare with.

mod replies;
mod sizes;
mod tails;

#[path = "../../common/alone.rs"]
mod alone;
#[path = "../../common/front.rs"]
mod front;
#[path = "../../common/mod.rs"]
mod host;
#[path = "../../common/maildrops.rs"]
mod maildrops;
#[path = "../../common/messages.rs"]
mod messages;
#[path = "../../common/stuffing.rs"]
mod stuffing;
#[path = "../../common/tls.rs"]
mod tls;
#[path = "../../common/transcripts.rs"]
mod transcripts;

pub use alone::{GREETING, LOGGED_IN};
pub use front::{Front, front};
pub use host::line_ends::lines;
pub use host::store::Message;
pub use host::*;
pub use messages::tricky_messages;
pub use replies::{read_replies, read_reply};
pub use stuffing::{strings, stuff, take_line, unstuff};
pub use tails::{TAILS, greeted, with_tail};
pub(crate) use tls::{client_tls, server_tls};
pub use transcripts::{assert_text, each_transcript, statements, unescape, unescape_line};
