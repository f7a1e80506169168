//! What every store has to do, by its public API: a file for each subject.

mod common;
mod deliveries;
mod files;
mod front_ends;
mod locks;
mod property;
mod users;
