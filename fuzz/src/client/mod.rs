//! A client's session against any server: what the fuzzer decides, a naive client, and a caller that compares the two.

pub mod case;
pub mod drive;
pub mod inbox;
pub mod model;
pub mod reply;
pub mod said;
