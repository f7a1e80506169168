//! What a server says, as an error keeps and shows it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use zeroize::Zeroizing;

use crate::auth::sasl::base64;

/// What stands in the place of a secret.
const HIDDEN: &[u8] = b"...";

/// Copies a server's text without a secret, in any case, or in base64: some servers repeat what they didn't understand.
pub(super) fn without(secret: &[u8], text: &[u8]) -> Box<[u8]> {
    if secret.is_empty() {
        return text.into();
    }
    let (mut shown, mut rest, mut is_in_word) = (Vec::new(), text, false);
    while let [first, after @ ..] = rest {
        let word = rest.iter().take_while(|octet| is_base64(**octet)).count();
        let is_secret = rest.get(..secret.len()).is_some_and(|front| front.eq_ignore_ascii_case(secret));
        let hidden = if is_secret {
            secret.len()
        } else if !is_in_word && rest.get(..word).is_some_and(|word| encodes(word, secret)) {
            word
        } else {
            0
        };
        if hidden > 0 {
            shown.extend_from_slice(HIDDEN);
            rest = rest.get(hidden..).unwrap_or_default();
            is_in_word = false;
        } else {
            shown.push(*first);
            rest = after;
            is_in_word = word > 0;
        }
    }
    shown.into()
}

fn is_base64(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"+/".contains(&octet)
}

/// Whether a word is the base64 of something that holds the secret. Its padding may be there or not.
fn encodes(word: &[u8], secret: &[u8]) -> bool {
    if word.len() < secret.len() {
        return false;
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(word.len() + 3));
    octets.extend_from_slice(word);
    octets.resize(word.len().next_multiple_of(4), b'=');
    let decoded = base64::decode(&mut octets).ok().and_then(|length| octets.get(..length));
    decoded.is_some_and(|octets| memchr::memmem::find(octets, secret).is_some())
}

/// A text of a stranger's on one line, with everything escaped that a terminal could take for more than text.
pub(super) struct Printable<'a>(pub(super) &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character == ' ' || character.is_ascii_graphic() {
                    f.write_char(character)?;
                } else {
                    write!(f, "{}", character.escape_debug())?;
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}
