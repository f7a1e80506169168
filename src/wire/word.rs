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

/// Where the first `octet` is: for texts of a line's length, where a call of a search for long texts would cost more.
#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, and keeps this from becoming vector code"
)]
pub(super) fn find(text: &[u8], octet: u8) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut at = 0;
    while let Some(block) = text.get(at..)?.first_chunk::<BLOCK>() {
        // Without a branch, so that this becomes vector code.
        if block.iter().fold(false, |hit, &other| hit | (other == octet)) {
            break;
        }
        at += BLOCK;
    }
    while let Some(word) = load(text.get(at..)?) {
        if let Some(found) = first_of(word, octet) {
            return Some(at + found);
        }
        at += 8;
    }
    let rest = text.get(at..)?.iter().position(|&other| other == octet)?;
    Some(at + rest)
}
