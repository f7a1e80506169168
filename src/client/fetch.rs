//! What every user of a client does: fetch what isn't stored yet, and delete what is.

mod choice;
mod listing;
mod observe;
mod plan;
mod planner;
mod progress;
mod wanted;

pub use self::choice::Choice;
pub use self::planner::Fetch;
pub use self::progress::Progress;
pub use self::wanted::Wanted;
