//! Base64 as SASL lines have it: strict (RFC 4648 §4, RFC 5034 §4).
//!
//! One text stands for one sequence of octets: there is no white space, no foreign octet, no `=` but at the end, as
//! many of them as it takes, and no spare bit that is 1. So two readers can't read the same text differently.

use ::base64::Engine as _;
use ::base64::alphabet::STANDARD;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::BufMut;
use zeroize::Zeroizing;

use super::Message;

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
    let mut encoder = Encoder { held: Zeroizing::new([0; OCTETS]), octets: 0 };
    message.pieces(&mut |piece| encoder.add(piece, out));
    encoder.flush(out);
}

/// Returns how long the base64 of so many octets is.
pub const fn encoded_len(octets: usize) -> usize {
    octets.div_ceil(3).saturating_mul(4)
}

/// A text isn't strict base64. This holds nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not strict base64")]
pub struct InvalidBase64;

/// Collects pieces until they make whole groups of base64.
struct Encoder {
    held: Zeroizing<[u8; OCTETS]>,
    octets: usize,
}

impl Encoder {
    fn add(&mut self, mut piece: &[u8], out: &mut impl BufMut) {
        while !piece.is_empty() {
            let place = self.held.get_mut(self.octets..).unwrap_or_default();
            let (now, later) = piece.split_at(piece.len().min(place.len()));
            if let Some(place) = place.get_mut(..now.len()) {
                place.copy_from_slice(now);
            }
            self.octets += now.len();
            piece = later;
            if self.octets == OCTETS {
                self.flush(out);
            }
        }
    }

    fn flush(&mut self, out: &mut impl BufMut) {
        let mut text = Zeroizing::new([0; TEXT]);
        let octets = self.held.get(..self.octets).unwrap_or_default();
        // The text has room for all that can be held.
        let written = STRICT.encode_slice(octets, text.as_mut_slice()).unwrap_or_default();
        out.put_slice(text.get(..written).unwrap_or_default());
        self.octets = 0;
    }
}
