//! Commands, in the order of RFC 1939 §9, then the extensions.

use core::fmt;

use bytes::BufMut;

use super::credentials::{Digest, Name, Password};
use super::deviation::{Deviation, DeviationSet};
use super::number::{self, FromRight, NumberError};
use crate::message::MessageNumber;

/// A command with its arguments, borrowed from the line that it stands in.
///
/// ```
/// use pop3_proto::message::MessageNumber;
/// use pop3_proto::wire::{Command, CommandError};
///
/// let parsed = Command::parse(b"retr 2").unwrap();
/// assert_eq!(parsed.command, Command::Retr { message: MessageNumber::new(2).unwrap() });
/// assert_eq!(Command::parse(b"NOOP now").unwrap_err(), CommandError::SurplusArgument);
///
/// let mut line = Vec::new();
/// parsed.command.encode(&mut line);
/// assert_eq!(line, b"RETR 2\r\n");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `USER name` (RFC 1939 §7).
    User {
        /// The rest of the line behind one space.
        name: Name<'a>,
    },
    /// `PASS string` (RFC 1939 §7).
    Pass {
        /// The rest of the line behind one space.
        password: Password<'a>,
    },
    /// `QUIT` (RFC 1939 §4 and §6).
    Quit,
    /// `STAT` (RFC 1939 §5).
    Stat,
    /// `LIST [msg]` (RFC 1939 §5).
    List {
        /// The message asked for, or all.
        message: Option<MessageNumber>,
    },
    /// `RETR msg` (RFC 1939 §5).
    Retr {
        /// The message asked for.
        message: MessageNumber,
    },
    /// `DELE msg` (RFC 1939 §5).
    Dele {
        /// The message to mark as deleted.
        message: MessageNumber,
    },
    /// `NOOP` (RFC 1939 §5).
    Noop,
    /// `RSET` (RFC 1939 §5).
    Rset,
    /// `APOP name digest` (RFC 1939 §7).
    Apop {
        /// Everything up to the last space.
        name: Name<'a>,
        /// The last word.
        digest: Digest,
    },
    /// `TOP msg n` (RFC 1939 §7).
    Top {
        /// The message asked for.
        message: MessageNumber,
        /// How many lines of its body.
        lines: u64,
    },
    /// `UIDL [msg]` (RFC 1939 §7).
    Uidl {
        /// The message asked for, or all.
        message: Option<MessageNumber>,
    },
    /// `CAPA` (RFC 2449 §5).
    Capa,
    /// `LAST` (RFC 1460; dropped by RFC 1725).
    Last,
}

/// The keyword of a command.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Verb {
    User,
    Pass,
    Quit,
    Stat,
    List,
    Retr,
    Dele,
    Noop,
    Rset,
    Apop,
    Top,
    Uidl,
    Capa,
    Last,
}

/// A command, and what had to be overlooked to understand it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parsed<'a> {
    /// The command.
    pub command: Command<'a>,
    /// The rules that the line breaks.
    pub deviations: DeviationSet,
}

/// Why a line is no command. Whatever it is, the answer is one `-ERR`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The keyword isn't known; also an empty line, leading space, and a TAB in the place of a space.
    #[error("unknown command")]
    UnknownKeyword,
    /// An argument that the command needs isn't there.
    #[error("an argument is missing")]
    MissingArgument,
    /// There are more arguments than the command takes.
    #[error("there are more arguments than the command takes")]
    SurplusArgument,
    /// An argument isn't a decimal number, or one out of range.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A password has no octets.
    #[error("the password is empty")]
    EmptyPassword,
    /// An argument holds an octet that must not stand there.
    #[error("an argument holds a forbidden octet")]
    ForbiddenOctet,
    /// The last word of APOP isn't 32 hexadecimal digits.
    #[error("a digest is 32 hexadecimal digits")]
    Digest,
}

impl<'a> Command<'a> {
    /// Parses a line without its line end, in time linear in its octets and without an allocation.
    ///
    /// The keyword may be in any case (RFC 1939 §3). What else is let through is told in [`Parsed::deviations`].
    ///
    /// # Errors
    /// [`CommandError`] says what is wrong; it never holds a part of the line.
    #[inline]
    pub fn parse(line: &'a [u8]) -> Result<Parsed<'a>, CommandError> {
        let (verb, arguments) = Verb::split(line).ok_or(CommandError::UnknownKeyword)?;
        let mut arguments = Arguments { rest: arguments, deviations: DeviationSet::NONE };
        let command = match verb {
            Verb::User => Self::User { name: arguments.name()? },
            Verb::Pass => Self::Pass { password: arguments.password()? },
            Verb::Quit => Self::Quit,
            Verb::Stat => Self::Stat,
            Verb::List => Self::List { message: arguments.optional_message()? },
            Verb::Retr => Self::Retr { message: arguments.message()? },
            Verb::Dele => Self::Dele { message: arguments.message()? },
            Verb::Noop => Self::Noop,
            Verb::Rset => Self::Rset,
            Verb::Apop => arguments.apop()?,
            Verb::Top => Self::Top { message: arguments.message()?, lines: arguments.number()? },
            Verb::Uidl => Self::Uidl { message: arguments.optional_message()? },
            Verb::Capa => Self::Capa,
            Verb::Last => Self::Last,
        };
        let deviations = arguments.end()?;
        Ok(Parsed { command, deviations })
    }

    /// Writes the line that says this command, CRLF included.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(self.verb().as_str().as_bytes());
        match *self {
            Self::User { name } => {
                out.put_u8(b' ');
                out.put_slice(name.as_bytes());
            }
            Self::Pass { password } => {
                out.put_u8(b' ');
                out.put_slice(password.expose());
            }
            Self::Apop { name, digest } => {
                out.put_u8(b' ');
                out.put_slice(name.as_bytes());
                out.put_u8(b' ');
                out.put_slice(&digest.to_hex());
            }
            Self::Top { message, lines } => {
                let arguments = FromRight::new().number(lines).space().number(message.get().into()).space();
                out.put_slice(arguments.as_bytes());
            }
            Self::Retr { message }
            | Self::Dele { message }
            | Self::List { message: Some(message) }
            | Self::Uidl { message: Some(message) } => {
                out.put_slice(FromRight::new().number(message.get().into()).space().as_bytes());
            }
            Self::Quit
            | Self::Stat
            | Self::List { message: None }
            | Self::Noop
            | Self::Rset
            | Self::Uidl { message: None }
            | Self::Capa
            | Self::Last => {}
        }
        out.put_slice(b"\r\n");
    }

    /// The keyword.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::User { .. } => Verb::User,
            Self::Pass { .. } => Verb::Pass,
            Self::Quit => Verb::Quit,
            Self::Stat => Verb::Stat,
            Self::List { .. } => Verb::List,
            Self::Retr { .. } => Verb::Retr,
            Self::Dele { .. } => Verb::Dele,
            Self::Noop => Verb::Noop,
            Self::Rset => Verb::Rset,
            Self::Apop { .. } => Verb::Apop,
            Self::Top { .. } => Verb::Top,
            Self::Uidl { .. } => Verb::Uidl,
            Self::Capa => Verb::Capa,
            Self::Last => Verb::Last,
        }
    }

    /// Whether an argument that may be left out is there; it decides whether LIST and UIDL are answered by one line.
    pub const fn has_argument(&self) -> bool {
        !matches!(
            self,
            Self::Quit
                | Self::Stat
                | Self::List { message: None }
                | Self::Noop
                | Self::Rset
                | Self::Uidl { message: None }
                | Self::Capa
                | Self::Last
        )
    }
}

impl Verb {
    /// All keywords, RFC 1939 §9's first.
    pub const ALL: [Self; 14] = [
        Self::User,
        Self::Pass,
        Self::Quit,
        Self::Stat,
        Self::List,
        Self::Retr,
        Self::Dele,
        Self::Noop,
        Self::Rset,
        Self::Apop,
        Self::Top,
        Self::Uidl,
        Self::Capa,
        Self::Last,
    ];

    /// The keyword as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Pass => "PASS",
            Self::Quit => "QUIT",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Retr => "RETR",
            Self::Dele => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Apop => "APOP",
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::Capa => "CAPA",
            Self::Last => "LAST",
        }
    }

    /// The keyword of a line, whether or not the rest of the line makes sense.
    pub fn of(line: &[u8]) -> Option<Self> {
        Self::split(line).map(|(verb, _)| verb)
    }

    /// Splits a line into its keyword and what stands behind it: nothing, or a space and more.
    fn split(line: &[u8]) -> Option<(Self, &[u8])> {
        if let Some((word, rest)) = line.split_first_chunk::<4>() {
            if rest.first().is_none_or(|&octet| octet == b' ') {
                // A letter's upper case is the same octet without 0x20, and no other octet becomes a letter that way.
                let verb = match u32::from_be_bytes(*word) & 0xDFDF_DFDF {
                    keyword::USER => Self::User,
                    keyword::PASS => Self::Pass,
                    keyword::QUIT => Self::Quit,
                    keyword::STAT => Self::Stat,
                    keyword::LIST => Self::List,
                    keyword::RETR => Self::Retr,
                    keyword::DELE => Self::Dele,
                    keyword::NOOP => Self::Noop,
                    keyword::RSET => Self::Rset,
                    keyword::APOP => Self::Apop,
                    keyword::UIDL => Self::Uidl,
                    keyword::CAPA => Self::Capa,
                    keyword::LAST => Self::Last,
                    _ => return Self::split_top(line),
                };
                return Some((verb, rest));
            }
        }
        Self::split_top(line)
    }

    fn split_top(line: &[u8]) -> Option<(Self, &[u8])> {
        let (word, rest) = line.split_first_chunk::<3>()?;
        let is_top = word.eq_ignore_ascii_case(b"TOP") && rest.first().is_none_or(|&octet| octet == b' ');
        is_top.then_some((Self::Top, rest))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Keywords of four letters, as one number each.
mod keyword {
    pub(super) const USER: u32 = u32::from_be_bytes(*b"USER");
    pub(super) const PASS: u32 = u32::from_be_bytes(*b"PASS");
    pub(super) const QUIT: u32 = u32::from_be_bytes(*b"QUIT");
    pub(super) const STAT: u32 = u32::from_be_bytes(*b"STAT");
    pub(super) const LIST: u32 = u32::from_be_bytes(*b"LIST");
    pub(super) const RETR: u32 = u32::from_be_bytes(*b"RETR");
    pub(super) const DELE: u32 = u32::from_be_bytes(*b"DELE");
    pub(super) const NOOP: u32 = u32::from_be_bytes(*b"NOOP");
    pub(super) const RSET: u32 = u32::from_be_bytes(*b"RSET");
    pub(super) const APOP: u32 = u32::from_be_bytes(*b"APOP");
    pub(super) const UIDL: u32 = u32::from_be_bytes(*b"UIDL");
    pub(super) const CAPA: u32 = u32::from_be_bytes(*b"CAPA");
    pub(super) const LAST: u32 = u32::from_be_bytes(*b"LAST");
}

/// What is still to be read behind the keyword: nothing, or a space and more.
struct Arguments<'a> {
    rest: &'a [u8],
    deviations: DeviationSet,
}

impl<'a> Arguments<'a> {
    /// `SP name`, to the end of the line.
    fn name(&mut self) -> Result<Name<'a>, CommandError> {
        let octets = self.verbatim().ok_or(CommandError::MissingArgument)?;
        self.note_eight_bit(octets);
        name(octets)
    }

    /// `SP string`, to the end of the line.
    fn password(&mut self) -> Result<Password<'a>, CommandError> {
        let octets = self.verbatim().ok_or(CommandError::EmptyPassword)?;
        self.note_eight_bit(octets);
        if octets.iter().any(u8::is_ascii_control) {
            self.deviations = self.deviations.with(Deviation::ControlInPassword);
        }
        if octets.is_empty() {
            return Err(CommandError::EmptyPassword);
        }
        Password::new(octets).map_err(|_| CommandError::ForbiddenOctet)
    }

    /// `SP name SP digest`, to the end of the line.
    fn apop(&mut self) -> Result<Command<'a>, CommandError> {
        let octets = self.verbatim().ok_or(CommandError::MissingArgument)?;
        let space = memchr::memrchr(b' ', octets).ok_or(CommandError::MissingArgument)?;
        let (owner, digits) = octets.split_at(space);
        let digits = digits.get(1..).unwrap_or_default();
        self.note_eight_bit(owner);
        if digits.iter().any(u8::is_ascii_uppercase) {
            self.deviations = self.deviations.with(Deviation::UpperCaseDigest);
        }
        Ok(Command::Apop { name: name(owner)?, digest: Digest::from_hex(digits).ok_or(CommandError::Digest)? })
    }

    /// `[SP msg]`.
    fn optional_message(&mut self) -> Result<Option<MessageNumber>, CommandError> {
        Ok(self.word().map(number::parse_message).transpose()?)
    }

    /// `SP msg`.
    fn message(&mut self) -> Result<MessageNumber, CommandError> {
        Ok(number::parse_message(self.word().ok_or(CommandError::MissingArgument)?)?)
    }

    /// `SP n`.
    fn number(&mut self) -> Result<u64, CommandError> {
        Ok(number::parse(self.word().ok_or(CommandError::MissingArgument)?)?)
    }

    /// Nothing more.
    fn end(mut self) -> Result<DeviationSet, CommandError> {
        match self.word() {
            Some(_) => Err(CommandError::SurplusArgument),
            None => Ok(self.deviations),
        }
    }

    /// Takes the next word, and the spaces before it.
    fn word(&mut self) -> Option<&'a [u8]> {
        let (_, mut rest) = self.rest.split_first()?;
        if rest.first().is_none_or(|&octet| octet == b' ') {
            self.deviations = self.deviations.with(Deviation::ExtraSpaces);
            let spaces = rest.iter().take_while(|&&octet| octet == b' ').count();
            rest = rest.get(spaces..).unwrap_or_default();
        }
        let end = rest.iter().position(|&octet| octet == b' ').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Takes everything behind one space.
    fn verbatim(&mut self) -> Option<&'a [u8]> {
        let (_, octets) = self.rest.split_first()?;
        self.rest = &[];
        Some(octets)
    }

    fn note_eight_bit(&mut self, octets: &[u8]) {
        if !octets.is_ascii() {
            self.deviations = self.deviations.with(Deviation::EightBitCredentials);
        }
    }
}

fn name(octets: &[u8]) -> Result<Name<'_>, CommandError> {
    if octets.is_empty() {
        return Err(CommandError::MissingArgument);
    }
    Name::new(octets).map_err(|_| CommandError::ForbiddenOctet)
}
