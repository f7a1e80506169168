//! The session's texts, in a language (RFC 6856 §3).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::reply::Reply;
use crate::wire::{InvalidLanguage, InvalidText, LanguageTag, MAX_RESPONSE_LINE, ResponseCode, Text, number};

/// The texts of all [replies](Reply) in one language, made into response lines once.
///
/// ```
/// use pop3_proto::server::{Catalogue, Config, Reply};
///
/// let german = Catalogue::new("de", "Deutsch")?
///     .text(Reply::BadCredentials, "Name oder Kennwort ist falsch")?
///     .text(Reply::Language, "ab jetzt auf Deutsch")?;
/// let config = Config::new().language(german);
/// # Ok::<(), pop3_proto::server::CatalogueError>(())
/// ```
#[derive(Clone)]
pub struct Catalogue {
    tag: Box<str>,
    description: Box<str>,
    /// A line for each of [`Reply::ALL`].
    lines: Vec<Box<str>>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("tag", &self.tag)
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

/// Why a text can't be one of a catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The tag isn't one.
    #[error(transparent)]
    Tag(#[from] InvalidLanguage),
    /// The text can't stand in a response.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// The line would have more than 512 octets.
    #[error("a response line has at most 512 octets")]
    TooLong,
    /// The text of [`Reply::LoginDelaySeconds`] doesn't hold `{seconds}` exactly once.
    #[error("the text says {{seconds}} once")]
    Seconds,
}

impl Catalogue {
    /// Creates the catalogue of the English texts, with the tag `en`.
    pub fn english() -> Self {
        Self::in_english("en", "English")
    }

    /// Creates a catalogue for another language, in English as long as its texts aren't [given](Self::text). LANG lists it with
    /// the tag, and the description if that isn't empty.
    ///
    /// # Errors
    /// [`CatalogueError`] when the tag isn't one, or the description can't stand in a line of 512 octets.
    pub fn new(tag: &str, description: &str) -> Result<Self, CatalogueError> {
        let tag = LanguageTag::new(tag)?.as_str();
        let description = Text::new(description)?.as_str();
        if tag.len() + 1 + description.len() + 2 > MAX_RESPONSE_LINE {
            return Err(CatalogueError::TooLong);
        }
        Ok(Self::in_english(tag, description))
    }

    /// Gives the text of a reply.
    ///
    /// # Errors
    /// [`CatalogueError::Text`] when it holds a control character or begins with `[`, [`CatalogueError::TooLong`] when
    /// the line would have more than 512 octets (with [`Reply::Refused`] and the longest code), [`CatalogueError::Seconds`] when the text of
    /// [`Reply::LoginDelaySeconds`] doesn't hold [`Reply::SECONDS`] once.
    pub fn text(mut self, reply: Reply, text: &str) -> Result<Self, CatalogueError> {
        let text = Text::new(text)?;
        let mut longest = MAX_RESPONSE_LINE;
        if reply == Reply::LoginDelaySeconds {
            if text.as_str().matches(Reply::SECONDS).count() != 1 {
                return Err(CatalogueError::Seconds);
            }
            // Ten digits take the place of nine octets.
            longest -= 1;
        }
        if reply == Reply::Refused {
            // The code is the host's.
            longest -= " []".len() + ResponseCode::MAX_OCTETS;
        }
        let line = line(&self.tag, reply, text);
        if line.len() > longest {
            return Err(CatalogueError::TooLong);
        }
        if let Some(place) = self.lines.get_mut(reply as usize) {
            *place = line;
        }
        Ok(self)
    }

    /// Returns the tag of the language.
    pub fn tag(&self) -> LanguageTag<'_> {
        LanguageTag::new_unchecked(&self.tag)
    }

    /// Returns what the language is called, if that is known.
    pub fn description(&self) -> Option<Text<'_>> {
        (!self.description.is_empty()).then(|| Text::new_unchecked(&self.description))
    }

    /// The whole line of a reply, CRLF included.
    #[inline]
    pub(super) fn line(&self, reply: Reply) -> &str {
        let line = self.lines.get(reply as usize);
        debug_assert!(line.is_some(), "there is a line for each reply");
        line.map_or("-ERR\r\n", |line| line)
    }

    /// Writes the line of [`Reply::LoginDelaySeconds`].
    pub(super) fn put_login_delay(&self, seconds: u32, out: &mut Vec<u8>) {
        let line = self.line(Reply::LoginDelaySeconds);
        let (before, after) = line.split_once(Reply::SECONDS).unwrap_or((line, ""));
        out.extend_from_slice(before.as_bytes());
        number::put(out, seconds.into());
        out.extend_from_slice(after.as_bytes());
    }

    /// Writes the line of [`Reply::Refused`] with the host's code.
    pub(super) fn put_refusal(&self, code: ResponseCode<'_>, out: &mut Vec<u8>) {
        let line = self.line(Reply::Refused);
        let (status, text) = line.split_at_checked(Reply::Refused.status().as_str().len()).unwrap_or((line, ""));
        for piece in [status, " [", code.as_str(), "]", text] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// Whether all lines are ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.lines.iter().all(|line| line.is_ascii())
    }

    fn in_english(tag: &str, description: &str) -> Self {
        let lines = Reply::ALL.iter().map(|&reply| line(tag, reply, Text::new_unchecked(reply.english()))).collect();
        Self { tag: tag.into(), description: description.into(), lines }
    }
}

/// The line of a reply: status, code, the tag where LANG is answered, and the text.
fn line(tag: &str, reply: Reply, text: Text<'_>) -> Box<str> {
    let code = reply.code().map(|code| format!(" [{code}]")).unwrap_or_default();
    let tag = if reply == Reply::Language { format!(" {tag}") } else { String::new() };
    let text = if text.as_str().is_empty() { String::new() } else { format!(" {}", text.as_str()) };
    format!("{}{code}{tag}{text}\r\n", reply.status().as_str()).into_boxed_str()
}
