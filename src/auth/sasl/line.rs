//! The lines of an exchange (RFC 5034 §4).
//!
//! ```text
//! C: AUTH mechanism [initial-response]      `=` for one that is empty
//! S: + challenge                            `+ ` for one that is empty
//! C: response                               an empty line for one that is empty, `*` to cancel
//! S: +OK … or -ERR …
//! ```
//! What is absent and what is empty are different values.

use bytes::BufMut;

use super::base64::{self, InvalidBase64};
use super::{Mechanism, Message};

/// The line, without its line end, that a client sends in the place of a response to end the exchange.
pub const CANCEL: &[u8] = b"*";

/// The argument for an initial response that is present and empty.
const EMPTY: &[u8] = b"=";

/// Decodes the initial response, an argument of AUTH, in place like [`base64::decode`]: `=` is no octets.
///
/// # Errors
/// [`InvalidBase64`] when it is neither `=` nor strict base64, or there is nothing at all.
pub fn decode_initial_response(argument: &mut [u8]) -> Result<usize, InvalidBase64> {
    match argument {
        [] => Err(InvalidBase64),
        _ if argument == EMPTY => Ok(0),
        _ => base64::decode(argument),
    }
}

/// Writes the line that begins an exchange, CRLF included.
///
/// With an initial response it must not be longer than 255 octets (RFC 5034 §4): [`encoded_auth_len`] returns how long
/// it is.
///
/// # Panics
/// If `out` has no room for the line. A `Vec` makes room.
pub fn encode_auth<M: Message + ?Sized>(mechanism: Mechanism, initial_response: Option<&M>, out: &mut impl BufMut) {
    out.put_slice(b"AUTH ");
    out.put_slice(mechanism.as_str().as_bytes());
    if let Some(response) = initial_response {
        out.put_u8(b' ');
        if response.encoded_len() == 0 {
            out.put_slice(EMPTY);
        }
        base64::encode(response, out);
    }
    out.put_slice(b"\r\n");
}

/// Returns how many octets the line that begins an exchange has, CRLF included.
///
/// # Panics
/// If `out` has no room for the line. A `Vec` makes room.
pub fn encoded_auth_len<M: Message + ?Sized>(mechanism: Mechanism, initial_response: Option<&M>) -> usize {
    let response = initial_response.map_or(0, |response| base64::encoded_len(response.encoded_len()).max(1) + 1);
    "AUTH \r\n".len() + mechanism.as_str().len() + response
}

/// Writes the line of a challenge, CRLF included.
///
/// # Panics
/// If `out` has no room for the line. A `Vec` makes room.
pub fn encode_challenge(challenge: &(impl Message + ?Sized), out: &mut impl BufMut) {
    out.put_slice(b"+ ");
    encode_response(challenge, out);
}

/// Writes the line of a response, CRLF included: an empty one is an empty line.
///
/// # Panics
/// If `out` has no room for the line. A `Vec` makes room.
pub fn encode_response(response: &(impl Message + ?Sized), out: &mut impl BufMut) {
    base64::encode(response, out);
    out.put_slice(b"\r\n");
}
