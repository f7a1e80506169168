//! Eight octets at a time, for texts that are too short for a real search to pay.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const TOPS: u64 = ONES << 7;

/// The first eight octets as a number, the first octet lowest.
#[inline]
pub(super) fn load(text: &[u8]) -> Option<u64> {
    text.first_chunk().map(|octets| u64::from_le_bytes(*octets))
}

/// Where the first octet below `limit` is, which is at most 0x80.
#[inline]
pub(super) fn first_below(word: u64, limit: u8) -> Option<usize> {
    // Borrows spread to higher octets only, so the lowest mark is right.
    first_mark(word.wrapping_sub(ONES * u64::from(limit)) & !word & TOPS)
}

/// Where the first octet is that equals `octet`.
#[inline]
pub(super) fn first_of(word: u64, octet: u8) -> Option<usize> {
    first_below(word ^ (ONES * u64::from(octet)), 1)
}

#[inline]
fn first_mark(marks: u64) -> Option<usize> {
    if marks == 0 { None } else { Some(marks.trailing_zeros() as usize / 8) }
}

/// How many octets are looked at in one go where lines are longer than a word.
pub(super) const BLOCK: usize = 32;

/// Where the first `octet` of a block is.
///
/// There is one branch, on whether it is there at all: those on where it is would mostly be foreseen wrongly.
#[inline]
pub(super) fn find_in_block(block: &[u8; BLOCK], octet: u8) -> Option<usize> {
    if !holds(block, octet) {
        return None;
    }
    let (front, back) = block.split_at(BLOCK / 2);
    let (start, half) = if holds(front, octet) { (0, front) } else { (BLOCK / 2, back) };
    let found = |word: &[u8]| load(word).and_then(|word| first_of(word, octet));
    let (low, high) = half.split_at(8);
    found(low).or_else(|| found(high).map(|at| 8 + at)).map(|at| start + at)
}

/// Whether `octet` is among some octets. For a number of them that the compiler knows, this becomes vector code.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch, and there would be no vector code")]
fn holds(octets: &[u8], octet: u8) -> bool {
    octets.iter().fold(false, |hit, &other| hit | (other == octet))
}
