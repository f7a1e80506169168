//! Settings that have a minimum.

/// A setting is below the least that is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("the value is below its minimum of {minimum}")]
pub struct BelowMinimum {
    /// The least that is allowed, in the unit of the setting.
    pub minimum: u64,
}

/// Returns the value of a setting that is at least `minimum`.
pub(crate) fn at_least(value: u32, minimum: u32) -> Result<u32, BelowMinimum> {
    if value < minimum { Err(BelowMinimum { minimum: minimum.into() }) } else { Ok(value) }
}
