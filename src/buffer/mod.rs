//! What octets go through: a window of input, bounded output, and the pipe that holds both beside the clock.

mod clock;
mod input;
mod lines;
mod output;
mod pipe;
mod place;

pub(crate) use clock::Clock;
pub(crate) use input::{Defect, Input, Line};
pub(crate) use output::Output;
pub(crate) use pipe::{End, Pipe};
pub(crate) use place::Place;

/// A position in a window or line, none of which is longer than a `u32` can express.
#[inline]
pub(crate) fn position(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}
