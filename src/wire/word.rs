//! Eight octets at a time, for texts that are too short for a real search to pay.

use crate::part::part;

const ONES: u64 = u64::from_le_bytes([1; 8]);
const TOPS: u64 = ONES << 7;

/// Returns the first eight octets as a number, the first octet lowest.
#[inline]
pub(super) fn load(text: &[u8]) -> Option<u64> {
    text.first_chunk().map(|octets| u64::from_le_bytes(*octets))
}

/// Returns where the first octet below `limit` is, which is at most 0x80.
#[inline]
pub(super) fn first_below(word: u64, limit: u8) -> Option<usize> {
    // Borrows spread to higher octets only, so the lowest mark is right.
    first_mark(word.wrapping_sub(ONES * u64::from(limit)) & !word & TOPS)
}

/// Returns where the first octet is that equals `octet`.
#[inline]
pub(super) fn first_of(word: u64, octet: u8) -> Option<usize> {
    first_below(word ^ (ONES * u64::from(octet)), 1)
}

/// Returns how many octets at the front are decimal digits, and the number that they make; any number if there are
/// none.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "eight digits fit")]
pub(super) fn leading_digits(word: u64) -> (usize, u32) {
    let values = word ^ (ONES * u64::from(b'0'));
    // Digits are 0 to 9 now; whatever is more gets its highest bit.
    let others = (values.wrapping_add(ONES * 0x76) | values) & TOPS;
    let bits = others.trailing_zeros() & !7;
    // The last digit moves to the highest octet, and zeros come in before the first; then neighbours are added up.
    let values = values.wrapping_shl(64 - bits);
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    (bits as usize / 8, fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32)
}

/// Whether all octets of a block are visible ASCII. This becomes vector code.
#[inline]
pub(super) fn is_graphic(block: &[u8; 16]) -> bool {
    block.iter().fold(true, |all, octet| all & octet.is_ascii_graphic())
}

/// Returns of sixteen octets that aren't all visible ASCII, how many at the front are.
#[inline]
pub(super) fn leading_graphic(block: &[u8; 16]) -> usize {
    let (low, high) = block.split_at(8);
    let mark = |half| load(half).map_or(0, not_graphic);
    match mark(low) {
        0 => 8 + mark(high).trailing_zeros() as usize / 8,
        low => low.trailing_zeros() as usize / 8,
    }
}

/// Marks the first octet that isn't visible ASCII; marks at higher octets may be wrong.
#[inline]
fn not_graphic(word: u64) -> u64 {
    let below = word.wrapping_sub(ONES * 0x21) & !word;
    // 0x7F gets its highest bit, and what is above has it.
    let above = word.wrapping_add(ONES) | word;
    (below | above) & TOPS
}

/// Returns where `needle` begins first.
#[inline]
pub(super) fn find<const N: usize>(text: &[u8], needle: &[u8; N]) -> Option<usize> {
    // Building a search for several octets costs more than looking at the first eight.
    let near = needle.first().and_then(|&first| first_of(load(text)?, first));
    if near.is_some_and(|at| part(text, at..).starts_with(needle)) {
        return near;
    }
    memchr::memmem::find(text, needle)
}

#[inline]
fn first_mark(marks: u64) -> Option<usize> {
    if marks == 0 { None } else { Some(marks.trailing_zeros() as usize / 8) }
}

/// How many octets are looked at in one go where lines are longer than a word.
pub(super) const BLOCK: usize = 32;

/// Returns where the first `octet` of a block is. Most blocks have none, so whether one is there is found out first, for all
/// of the block in one go.
#[inline]
pub(super) fn find_in_block(block: &[u8; BLOCK], octet: u8) -> Option<usize> {
    if !holds(block, octet) {
        return None;
    }
    let mut words = block.chunks_exact(8).zip((0..).step_by(8));
    words.find_map(|(word, start)| first_of(load(word)?, octet).map(|at| start + at))
}

/// Whether `octet` is among some octets. For a number of them that the compiler knows, this becomes vector code.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch, and there would be no vector code")]
fn holds(octets: &[u8], octet: u8) -> bool {
    octets.iter().fold(false, |hit, &other| hit | (other == octet))
}
