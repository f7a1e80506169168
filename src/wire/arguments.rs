//! What follows the keyword of a command.

use super::command::{AuthArguments, Command, CommandError};
use super::credentials::{Digest, InvalidCredential, Name, Password};
use super::deviation::{Deviation, DeviationSet};
use super::language::Language;
use super::mechanism::{InitialResponse, Mechanism};
use super::number;
use crate::message::MessageNumber;
use crate::part::part;

/// What is still to be read after the keyword: nothing, or a space and more.
pub(super) struct Arguments<'a> {
    rest: &'a [u8],
    deviations: DeviationSet,
}

impl<'a> Arguments<'a> {
    #[inline]
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest, deviations: DeviationSet::NONE }
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
    pub(super) fn optional_message(&mut self) -> Result<Option<MessageNumber>, CommandError> {
        Ok(self.word().map(number::parse_message).transpose()?)
    }

    /// Takes `SP msg`.
    pub(super) fn message(&mut self) -> Result<MessageNumber, CommandError> {
        Ok(number::parse_message(self.word().ok_or(CommandError::MissingArgument)?)?)
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
    pub(super) fn end(mut self) -> Result<DeviationSet, CommandError> {
        match self.word() {
            Some(_) => Err(CommandError::SurplusArgument),
            None => Ok(self.deviations),
        }
    }

    /// Takes the next word, and the spaces before it.
    fn word(&mut self) -> Option<&'a [u8]> {
        let (_, mut rest) = self.rest.split_first()?;
        if rest.first().is_none_or(|&octet| octet == b' ') {
            self.note(true, Deviation::ExtraSpaces);
            let spaces = rest.iter().take_while(|&&octet| octet == b' ').count();
            rest = part(rest, spaces..);
        }
        let end = rest.iter().position(|&octet| octet == b' ').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
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
    fn note(&mut self, is_there: bool, deviation: Deviation) {
        self.deviations.extend(is_there.then_some(deviation));
    }
}
