//! How the settings of both configurations are set.

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

/// Writes the setter of each field that takes any value of its type.
macro_rules! setters {
    ($($(#[$meta:meta])* $field:ident: $Type:ty,)*) => {
        $(
            $(#[$meta])*
            #[must_use]
            pub fn $field(mut self, value: $Type) -> Self {
                self.$field = value;
                self
            }
        )*
    };
}

/// Writes the setter of each field that takes a number with a minimum.
macro_rules! limits {
    ($($(#[$meta:meta])* $field:ident >= $minimum:expr,)*) => {
        $(
            $(#[$meta])*
            pub fn $field(mut self, value: u32) -> Result<Self, $crate::BelowMinimum> {
                self.$field = $crate::setting::at_least(value, $minimum)?;
                Ok(self)
            }
        )*
    };
}

pub(crate) use {limits, setters};
