//! Languages of the server's texts (RFC 6856 §3).

use bytes::BufMut;

use super::response::Text;

checked_text!(LanguageTag);

/// The tag of a language, such as `de` or `pt-BR` (RFC 5646 §2.1): subtags of 1 to 8 letters and digits with hyphens
/// between, 64 octets at the most. Compared in any case.
#[derive(Clone, Copy, Debug)]
pub struct LanguageTag<'a>(&'a str);

impl<'a> LanguageTag<'a> {
    /// The most octets that a tag may have.
    pub const MAX_OCTETS: usize = 64;

    /// Creates a language tag from `tag`.
    ///
    /// # Errors
    /// [`InvalidLanguage`] when it doesn't have the form described at [`LanguageTag`].
    pub fn new(tag: &'a str) -> Result<Self, InvalidLanguage> {
        let is_subtag =
            |subtag: &str| matches!(subtag.len(), 1..=8) && subtag.bytes().all(|octet| octet.is_ascii_alphanumeric());
        if tag.len() <= Self::MAX_OCTETS && tag.split('-').all(is_subtag) {
            Ok(Self(tag))
        } else {
            Err(InvalidLanguage)
        }
    }
}

impl PartialEq for LanguageTag<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for LanguageTag<'_> {}

/// What LANG asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language<'a> {
    /// `*`: whichever the server prefers.
    Default,
    /// The language with this tag.
    Tag(LanguageTag<'a>),
}

impl<'a> Language<'a> {
    pub(super) fn parse(word: &'a [u8]) -> Result<Self, InvalidLanguage> {
        match core::str::from_utf8(word) {
            Ok("*") => Ok(Self::Default),
            Ok(tag) => LanguageTag::new(tag).map(Self::Tag),
            Err(_) => Err(InvalidLanguage),
        }
    }

    /// Returns the argument as it is sent.
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Default => "*",
            Self::Tag(tag) => tag.as_str(),
        }
    }
}

/// A line of the list that LANG answers with (RFC 6856 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LanguageListing<'a> {
    /// The language.
    pub tag: LanguageTag<'a>,
    /// What people call it, in that language; may be left out.
    pub description: Option<Text<'a>>,
}

impl<'a> LanguageListing<'a> {
    /// Parses a line without its line end.
    ///
    /// # Errors
    /// [`InvalidLanguage`] when it doesn't begin with a tag, or a description isn't a text in UTF-8.
    pub fn parse(line: &'a [u8]) -> Result<Self, InvalidLanguage> {
        let line = core::str::from_utf8(line).map_err(|_| InvalidLanguage)?;
        let (tag, description) = line.split_once(' ').unwrap_or((line, ""));
        let description = match description.trim_ascii() {
            "" => None,
            text => Some(Text::new(text).map_err(|_| InvalidLanguage)?),
        };
        Ok(Self { tag: LanguageTag::new(tag)?, description })
    }

    /// Writes the tag, the description and CRLF.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(self.tag.as_str().as_bytes());
        if let Some(description) = self.description {
            out.put_u8(b' ');
            out.put_slice(description.as_str().as_bytes());
        }
        out.put_slice(b"\r\n");
    }
}

/// Octets aren't a language tag, nor `*` where that is allowed, or aren't a line of a list of languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a language tag is subtags of 1 to 8 letters and digits with hyphens between, 64 octets at the most")]
pub struct InvalidLanguage;
