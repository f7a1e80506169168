//! CRC-32C, as slowly as it is simple.

/// The checksum by polynomial division as RFC 4960 describes it: octets mirrored, highest bit first.
pub fn checksum(octets: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for octet in octets {
        rest ^= u32::from(octet.reverse_bits()) << 24;
        for _ in 0..8 {
            rest = if rest >> 31 == 1 { (rest << 1) ^ 0x1EDC_6F41 } else { rest << 1 };
        }
    }
    (!rest).reverse_bits()
}
