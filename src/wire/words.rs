//! The words of a line: what follows the keyword of a command, and listings.

use super::command::{AuthArguments, Command, CommandError};
use super::credentials::{Digest, InvalidCredential, Name, Password};
use super::deviation::{Deviation, DeviationSet};
use super::language::Language;
use super::mechanism::{InitialResponse, Mechanism};
use super::number;
use crate::message::MessageNumber;
use crate::part::part;

/// What is still to be read of a line, and what there is about its words that must be overlooked.
pub(super) struct Words<'a> {
    rest: &'a [u8],
    deviations: DeviationSet,
}

impl<'a> Words<'a> {
    /// Takes what follows a keyword: nothing, or a space and more.
    #[inline]
    pub(super) const fn after_keyword(rest: &'a [u8]) -> Self {
        Self { rest, deviations: DeviationSet::NONE }
    }

    /// Takes a line that begins with a word.
    pub(super) fn of_line(line: &'a [u8]) -> Self {
        let rest = trim_start(trim_end(line));
        let mut words = Self { rest, deviations: DeviationSet::NONE };
        words.note(rest.len() < line.len(), Deviation::ExtraSpaces);
        words
    }

    /// Takes `SP name`, to the end of the line.
    pub(super) fn name(&mut self) -> Result<Name<'a>, CommandError> {
        let octets = self.verbatim();
        self.name_in(octets)
    }

    /// Takes `SP string`, to the end of the line.
    pub(super) fn password(&mut self) -> Result<Password<'a>, CommandError> {
        let octets = self.verbatim();
        self.note(!octets.is_ascii(), Deviation::EightBitCredentials);
        self.note(octets.iter().any(u8::is_ascii_control), Deviation::ControlInPassword);
        Password::new(octets).map_err(|error| match error {
            InvalidCredential::Empty => CommandError::EmptyPassword,
            _ => CommandError::ForbiddenOctet,
        })
    }

    /// Takes `SP name SP digest`, to the end of the line.
    pub(super) fn apop(&mut self) -> Result<Command<'a>, CommandError> {
        let mut words = self.verbatim().rsplitn(2, |&octet| octet == b' ');
        let (Some(digits), Some(name)) = (words.next(), words.next()) else {
            return Err(CommandError::MissingArgument);
        };
        self.note(digits.iter().any(u8::is_ascii_uppercase), Deviation::UpperCaseDigest);
        let name = self.name_in(name)?;
        Ok(Command::Apop { name, digest: Digest::from_hex(digits).ok_or(CommandError::Digest)? })
    }

    /// Takes `[SP msg]`.
    #[inline]
    pub(super) fn optional_message(&mut self) -> Result<Option<MessageNumber>, CommandError> {
        match self.last_message() {
            None => Ok(self.word().map(number::parse_message).transpose()?),
            message => Ok(message),
        }
    }

    /// Takes `SP msg`.
    #[inline]
    pub(super) fn message(&mut self) -> Result<MessageNumber, CommandError> {
        match self.last_message() {
            None => Ok(number::parse_message(self.word().ok_or(CommandError::MissingArgument)?)?),
            Some(message) => Ok(message),
        }
    }

    /// Takes `SP msg` if the line ends with it and it has no spaces to spare, as in most lines: then one look is enough.
    #[inline]
    fn last_message(&mut self) -> Option<MessageNumber> {
        let [b' ', digits @ ..] = self.rest else { return None };
        let message = MessageNumber::new(number::parse_short(digits)?)?;
        self.rest = &[];
        Some(message)
    }

    /// Takes `SP n`.
    pub(super) fn number(&mut self) -> Result<u64, CommandError> {
        Ok(number::parse(self.word().ok_or(CommandError::MissingArgument)?)?)
    }

    /// Takes `[SP mechanism [SP initial-response]]`.
    pub(super) fn auth(&mut self) -> Result<Option<AuthArguments<'a>>, CommandError> {
        let Some(name) = self.word() else { return Ok(None) };
        let mechanism = Mechanism::new(name).map_err(|_| CommandError::Mechanism)?;
        let initial_response = self.word().map(InitialResponse::new).transpose();
        let initial_response = initial_response.map_err(|_| CommandError::ForbiddenOctet)?;
        Ok(Some(AuthArguments { mechanism, initial_response }))
    }

    /// Takes `[SP language]`.
    pub(super) fn language(&mut self) -> Result<Option<Language<'a>>, CommandError> {
        self.word().map(Language::parse).transpose().map_err(|_| CommandError::Language)
    }

    /// Ends with what deviates, if nothing more follows.
    #[inline]
    pub(super) fn end(mut self) -> Result<DeviationSet, CommandError> {
        if self.rest().is_empty() { Ok(self.deviations) } else { Err(CommandError::SurplusArgument) }
    }

    /// Ends with what deviates, whatever follows.
    pub(super) fn deviations(self) -> DeviationSet {
        self.deviations
    }

    /// Takes the next word, and the spaces before it.
    fn word(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let end = rest.iter().position(|&octet| octet == b' ').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Takes everything after the spaces before the next word.
    #[inline]
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let [b' ', rest @ ..] = self.rest else { return self.rest };
        // A space belongs before a word, and none to the end.
        if rest.first().is_some_and(|&octet| octet != b' ') {
            return rest;
        }
        self.note(true, Deviation::ExtraSpaces);
        trim_start(rest)
    }

    /// Takes everything after one space.
    fn verbatim(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest).get(1..).unwrap_or_default()
    }

    fn name_in(&mut self, octets: &'a [u8]) -> Result<Name<'a>, CommandError> {
        self.note(!octets.is_ascii(), Deviation::EightBitCredentials);
        Name::new(octets).map_err(|error| match error {
            InvalidCredential::Empty => CommandError::MissingArgument,
            _ => CommandError::ForbiddenOctet,
        })
    }

    #[inline]
    pub(super) fn note(&mut self, is_there: bool, deviation: Deviation) {
        self.deviations.extend(is_there.then_some(deviation));
    }
}

#[inline]
fn trim_start(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&octet| octet == b' ').count();
    part(text, spaces..)
}

/// Returns `text` without the spaces at its end.
pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    let spaces = text.iter().rev().take_while(|&&octet| octet == b' ').count();
    part(text, ..text.len() - spaces)
}
