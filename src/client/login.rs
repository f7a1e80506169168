//! What every user of a client does first: log in, by the best way that the server and the caller have in common.

mod account;
mod choice;
mod error;
mod observe;
mod planner;
mod text;

pub use self::error::{LoginError, LoginFailure};
pub use self::planner::Login;
