//! Naive models to compare with.

#[path = "../common/checksum.rs"]
mod checksum;
#[path = "../common/line_ends.rs"]
mod line_ends;
#[path = "../common/messages.rs"]
mod messages;
#[path = "../common/stuffing.rs"]
mod stuffing;

pub use checksum::checksum;
pub use line_ends::{lines, normalise};
pub use messages::tricky_messages;
pub use stuffing::{strings, stuff, unstuff};
