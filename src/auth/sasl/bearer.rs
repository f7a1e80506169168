//! What XOAUTH2 and OAUTHBEARER have in common: tokens, and lists of keys with values.

use super::InvalidMessage;
use crate::part::part;
use crate::secret::borrowed_secret;

/// What ends each pair, and the list (`kvsep` of RFC 7628 §3.1).
pub(super) const SEPARATOR: u8 = 1;

/// What ends the last pair and the list.
pub(super) const END: &[u8] = &[SEPARATOR; 2];

/// An access token of OAuth 2.0: whoever has it may use it (RFC 6750).
///
/// One octet of visible ASCII or more. RFC 6750 §2.1 leaves some out, but not every issuer of tokens does. `Debug`
/// doesn't show it.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(&'a [u8]);

impl<'a> BearerToken<'a> {
    /// Creates a token from `octets`.
    ///
    /// # Errors
    /// [`InvalidMessage::Token`] when there are none, or something other than visible ASCII.
    pub fn new<T: AsRef<[u8]> + ?Sized>(octets: &'a T) -> Result<Self, InvalidMessage> {
        let octets = octets.as_ref();
        if octets.is_empty() || !octets.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidMessage::Token);
        }
        Ok(Self(octets))
    }

    /// Reads what HTTP has in its Authorization header: `Bearer`, in any case, then spaces and the token.
    pub(super) fn parse_authorization(value: &'a [u8]) -> Result<Self, InvalidMessage> {
        let (scheme, rest) = value.split_at_checked(6).ok_or(InvalidMessage::Token)?;
        let spaces = rest.iter().take_while(|octet| **octet == b' ').count();
        if spaces == 0 || !scheme.eq_ignore_ascii_case(b"Bearer") {
            return Err(InvalidMessage::Token);
        }
        Self::new(part(rest, spaces..))
    }

    pub(super) fn put_authorization(self, put: &mut dyn FnMut(&[u8])) {
        put(b"Bearer ");
        put(self.0);
    }
}

borrowed_secret!(BearerToken);

/// Returns the values of some keys out of a list of `key=value` pairs; `None` for a key that isn't there.
///
/// Keys are letters (RFC 7628 §3.1). Other keys are ignored, and none of `keys` may come twice.
pub(super) fn values<'a, const N: usize>(
    list: &'a [u8],
    keys: [&str; N],
) -> Result<[Option<&'a [u8]>; N], InvalidMessage> {
    let pairs = list.strip_suffix(END).ok_or(InvalidMessage::Form)?;
    let mut values = [None; N];
    for pair in pairs.split(|octet| *octet == SEPARATOR) {
        let mut halves = pair.splitn(2, |octet| *octet == b'=');
        let (Some(key), Some(value)) = (halves.next(), halves.next()) else {
            return Err(InvalidMessage::Form);
        };
        if key.is_empty() || !key.iter().all(u8::is_ascii_alphabetic) {
            return Err(InvalidMessage::Form);
        }
        let place = keys.iter().zip(&mut values).find(|(other, _)| other.as_bytes() == key);
        if place.is_some_and(|(_, place)| place.replace(value).is_some()) {
            return Err(InvalidMessage::Form);
        }
    }
    Ok(values)
}
