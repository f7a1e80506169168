//! Decimal numbers: strictly read, quickly written.

use bytes::BufMut;

use super::word;
use crate::message::MessageNumber;
use crate::part::part;

/// Why octets aren't a number, or not one that fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// There is no digit, or something that isn't one: a sign, a point, a space.
    #[error("a number is made of decimal digits")]
    NotDigits,
    /// The number is larger than the type can hold, or is 0 where numbers begin at 1.
    #[error("the number is out of range")]
    OutOfRange,
}

/// Reads one or more decimal digits; leading zeros are fine.
#[inline]
pub(crate) fn parse(digits: &[u8]) -> Result<u64, NumberError> {
    if digits.is_empty() {
        return Err(NumberError::NotDigits);
    }
    let mut number = 0_u64;
    let mut overflow = false;
    for &octet in digits {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NumberError::NotDigits);
        }
        match number.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit))) {
            Some(sum) => number = sum,
            None => overflow = true,
        }
    }
    if overflow { Err(NumberError::OutOfRange) } else { Ok(number) }
}

/// Reads one to nine decimal digits, which always fit.
#[inline]
pub(crate) fn parse_short(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut number = 0_u32;
    for &octet in digits {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(digit.into());
    }
    Some(number)
}

/// Returns the number at the front, read in one go, and what follows it, if it has at most seven digits and more octets
/// follow.
#[inline]
pub(crate) fn short(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, number) = word::leading_digits(word::load(text)?);
    // One comparison for both bounds.
    if digits.wrapping_sub(1) < 7 { Some((number, text.get(digits..)?)) } else { None }
}

/// Returns how many octets at the front are visible ASCII.
#[inline]
pub(crate) fn graphic_octets(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        if !word::is_graphic(block) {
            return text.len() - rest.len() + word::leading_graphic(block);
        }
        rest = after;
    }
    text.len() - rest.len() + rest.iter().take_while(|octet| octet.is_ascii_graphic()).count()
}

/// Reads the number of a message.
#[inline]
pub(crate) fn parse_message(digits: &[u8]) -> Result<MessageNumber, NumberError> {
    let number = u32::try_from(parse(digits)?).map_err(|_| NumberError::OutOfRange)?;
    MessageNumber::new(number).ok_or(NumberError::OutOfRange)
}

/// The numbers from 00 to 99 in two digits each.
#[expect(clippy::indexing_slicing, reason = "computed while compiling")]
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0_u8;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// A short line that is written from its end to its start, as decimal digits come out: two numbers and what is
/// around them.
pub(crate) struct FromRight {
    buffer: [u8; 48],
    start: usize,
}

impl FromRight {
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; 48], start: 48 }
    }

    /// Puts the digits of `number` before what is there.
    #[inline]
    pub(crate) fn number(mut self, number: u64) -> Self {
        let mut rest = number;
        while rest >= 100 {
            self.put(pair(rest % 100));
            rest /= 100;
        }
        if rest >= 10 {
            self.put(pair(rest));
        } else {
            let [_, ones] = pair(rest);
            self.put([ones]);
        }
        self
    }

    /// Puts a space before what is there.
    #[inline]
    pub(crate) fn space(mut self) -> Self {
        self.put([b' ']);
        self
    }

    /// Puts a line end before what is there.
    #[inline]
    pub(crate) fn line_end(mut self) -> Self {
        self.put(*b"\r\n");
        self
    }

    /// Puts octets before what is there. Two numbers of 20 digits, a space on each side of them, and a line end fit.
    #[inline]
    fn put<const N: usize>(&mut self, octets: [u8; N]) {
        let start = self.start.wrapping_sub(N);
        if let Some(place) = self.buffer.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *place = octets;
            self.start = start;
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        part(&self.buffer, self.start..)
    }
}

/// Writes the digits of `number`.
pub(crate) fn put(out: &mut impl BufMut, number: u64) {
    out.put_slice(FromRight::new().number(number).as_bytes());
}

#[inline]
fn pair(number: u64) -> [u8; 2] {
    debug_assert!(number < 100, "two digits");
    usize::try_from(number).ok().and_then(|number| PAIRS.get(number)).copied().unwrap_or_default()
}
