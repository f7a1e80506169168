//! Base64 as SASL lines have it: strict (RFC 4648 §4, RFC 5034 §4).
//!
//! One text stands for one sequence of octets: there is no white space, no foreign octet, no `=` but at the end, as
//! many of them as it takes, and no spare bit that is 1. So two readers can't read the same text differently.

use ::base64::Engine as _;
use ::base64::alphabet::STANDARD;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{Buf as _, BufMut};
use zeroize::Zeroizing;

use super::Message;
use crate::part::{part, part_mut};

const STRICT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(false),
);

/// How much is decoded or encoded in one go. Both are whole groups of base64, so pieces can be put together.
const TEXT: usize = 256;
const OCTETS: usize = TEXT / 4 * 3;

/// Decodes `text` in place: the octets are its first ones afterwards, as many as is returned, and what is after them
/// is still text. An empty text gives no octets.
///
/// It takes time linear in the octets and no allocation; what it copies to work on is wiped. If `text` holds a secret,
/// wipe the whole of it after use.
///
/// ```
/// use pop3_proto::auth::sasl::base64;
///
/// let mut text = *b"dGltAA==";
/// let octets = base64::decode(&mut text).unwrap();
/// assert_eq!(&text[..octets], b"tim\0");
/// ```
///
/// # Errors
/// [`InvalidBase64`] when it isn't strict base64. Don't use `text` then: a part of it may be decoded.
pub fn decode(text: &mut [u8]) -> Result<usize, InvalidBase64> {
    let mut copy = Zeroizing::new([0; TEXT]);
    let mut decoded = 0;
    for start in (0..text.len()).step_by(TEXT) {
        let end = text.len().min(start + TEXT);
        let copy = copy.get_mut(..end - start).ok_or(InvalidBase64)?;
        copy.copy_from_slice(text.get(start..end).ok_or(InvalidBase64)?);
        // What is decoded is shorter than its text, so nothing is overwritten before it is read.
        let place = text.get_mut(decoded..decoded + copy.len().div_ceil(4) * 3).ok_or(InvalidBase64)?;
        let octets = STRICT.decode_slice(copy, place).map_err(|_| InvalidBase64)?;
        if end < text.len() && octets < OCTETS {
            // An end in the middle.
            return Err(InvalidBase64);
        }
        decoded += octets;
    }
    Ok(decoded)
}

/// Writes the base64 of a message, [`encoded_len`] octets, without a line end.
///
/// It takes time linear in the octets and no allocation; what it copies to work on is wiped.
///
/// # Panics
/// If `out` has no room for it. A `Vec` makes room.
pub fn encode(message: &(impl Message + ?Sized), out: &mut impl BufMut) {
    // Pieces are collected until they make whole groups.
    let mut held = Zeroizing::new([0; OCTETS]);
    let mut octets = 0;
    message.pieces(&mut |mut piece| {
        while !piece.is_empty() {
            let end = OCTETS.min(octets + piece.len());
            piece.copy_to_slice(part_mut(held.as_mut_slice(), octets..end));
            octets = end;
            if octets == OCTETS {
                put_text(held.as_slice(), out);
                octets = 0;
            }
        }
    });
    put_text(part(held.as_slice(), ..octets), out);
}

/// Returns how long the base64 of so many octets is.
pub const fn encoded_len(octets: usize) -> usize {
    octets.div_ceil(3).saturating_mul(4)
}

/// A text isn't strict base64. This holds nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not strict base64")]
pub struct InvalidBase64;

/// Writes the base64 of at most as many octets as are encoded in one go.
fn put_text(octets: &[u8], out: &mut impl BufMut) {
    let mut text = Zeroizing::new([0; TEXT]);
    let written = STRICT.encode_slice(octets, text.as_mut_slice());
    debug_assert!(written.is_ok(), "there is room for the text of as many octets");
    out.put_slice(part(text.as_slice(), ..written.unwrap_or_default()));
}
