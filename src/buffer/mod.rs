//! The two buffers of a connection: a fixed window of input, and bounded output.

mod input;
mod output;

pub(crate) use input::{Defect, Input, Line};
pub(crate) use output::Output;

/// A position in a window or line, none of which is longer than a `u32` can express.
#[inline]
pub(crate) fn position(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}
