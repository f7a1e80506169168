//! Parts of octets that are there by construction: their absence is loud in debug builds, and harmless in others.

use core::slice::SliceIndex;

/// Returns the octets in `range`, which is within `octets`.
#[inline]
pub(crate) fn part<R: SliceIndex<[u8], Output = [u8]>>(octets: &[u8], range: R) -> &[u8] {
    let part = octets.get(range);
    debug_assert!(part.is_some(), "a range is within its octets");
    part.unwrap_or_default()
}

/// Returns the octets in `range`, which is within `octets`, to be changed.
#[inline]
pub(crate) fn part_mut<R: SliceIndex<[u8], Output = [u8]>>(octets: &mut [u8], range: R) -> &mut [u8] {
    let part = octets.get_mut(range);
    debug_assert!(part.is_some(), "a range is within its octets");
    part.unwrap_or_default()
}

/// Returns `octets`, which are ASCII, as text.
#[inline]
pub(crate) fn ascii(octets: &[u8]) -> &str {
    debug_assert!(octets.is_ascii(), "octets are ASCII");
    core::str::from_utf8(octets).unwrap_or_default()
}
