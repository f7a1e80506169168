//! What every user of a client does: fetch what isn't stored yet, and delete what is.

mod advance;
mod batch;
mod choice;
mod listed;
mod listing;
mod observe;
mod order;
mod plan;
mod planner;
mod probe;
mod progress;
mod request;

pub use self::choice::Choice;
pub use self::listed::ListedMessage;
pub use self::planner::Fetch;
pub use self::progress::Progress;
