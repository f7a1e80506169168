//! In which order a plan goes through the messages, and through how many of them.

/// The order of a plan.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    pub(super) is_newest_first: bool,
    /// How many messages are fetched in one session, if there is a limit. Then those that can only be deleted together come
    /// after the others, all or none of them.
    pub(super) most: Option<usize>,
}
