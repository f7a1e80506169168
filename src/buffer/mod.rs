//! The two buffers of a connection: a fixed window of input, and bounded output.

mod input;
mod output;

pub(crate) use input::{Defect, Input, Line};
pub(crate) use output::Output;
