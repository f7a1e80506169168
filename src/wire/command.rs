//! Commands, in the order of RFC 1939 §9, then the extensions.

use bytes::BufMut;

use super::credentials::{Digest, Name, Password};
use super::deviation::Parsed;
use super::language::Language;
use super::mechanism::{InitialResponse, Mechanism};
use super::number::{FromRight, NumberError};
use super::verb::Verb;
use super::words::Words;
use crate::message::MessageNumber;

/// A command with its arguments, borrowed from its line.
///
/// ```
/// use pop3_proto::message::MessageNumber;
/// use pop3_proto::wire::{Command, CommandError};
///
/// let parsed = Command::parse(b"retr 2").unwrap();
/// assert_eq!(parsed.value, Command::Retr { message: MessageNumber::new(2).unwrap() });
/// assert_eq!(Command::parse(b"NOOP now").unwrap_err(), CommandError::SurplusArgument);
///
/// let mut line = Vec::new();
/// parsed.value.encode(&mut line);
/// assert_eq!(line, b"RETR 2\r\n");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `USER name` (RFC 1939 §7).
    User {
        /// The rest of the line after one space.
        name: Name<'a>,
    },
    /// `PASS string` (RFC 1939 §7).
    Pass {
        /// The rest of the line after one space.
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
    /// `STLS` (RFC 2595 §4).
    Stls,
    /// `AUTH [mechanism [initial-response]]` (RFC 5034 §4). Without a mechanism it asks for a list of them, which is in
    /// no RFC.
    Auth {
        /// How the client wants to log in; none to ask for a list.
        arguments: Option<AuthArguments<'a>>,
    },
    /// `UTF8` (RFC 6856 §2).
    Utf8,
    /// `LANG [language]` (RFC 6856 §3).
    Lang {
        /// The language to switch to; none to ask for a list.
        language: Option<Language<'a>>,
    },
}

/// The arguments of AUTH (RFC 5034 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthArguments<'a> {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The client's first response, if it comes with the command.
    pub initial_response: Option<InitialResponse<'a>>,
}

/// Why a line isn't a command. Whatever the reason, the answer is one `-ERR`.
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
    /// An argument holds an octet that it must not.
    #[error("an argument holds a forbidden octet")]
    ForbiddenOctet,
    /// The last word of APOP isn't 32 hexadecimal digits.
    #[error("a digest is 32 hexadecimal digits")]
    Digest,
    /// The first word of AUTH isn't a mechanism's name.
    #[error("a mechanism's name is 1 to 20 letters, digits, hyphens and underscores")]
    Mechanism,
    /// The argument of LANG isn't a language tag or `*`.
    #[error("a language is a language tag or `*`")]
    Language,
}

impl<'a> Command<'a> {
    /// Parses a line without its line end, in time linear in its octets and without an allocation.
    ///
    /// The keyword may be in any case (RFC 1939 §3). What else is let through is reported in [`Parsed::deviations`].
    ///
    /// # Errors
    /// [`CommandError`] is what is wrong; it never holds a part of the line.
    #[inline]
    pub fn parse(line: &'a [u8]) -> Result<Parsed<Self>, CommandError> {
        let (verb, arguments) = Verb::split(line).ok_or(CommandError::UnknownKeyword)?;
        let mut arguments = Words::after_keyword(arguments);
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
            Verb::Stls => Self::Stls,
            Verb::Auth => Self::Auth { arguments: arguments.auth()? },
            Verb::Utf8 => Self::Utf8,
            Verb::Lang => Self::Lang { language: arguments.language()? },
        };
        let deviations = arguments.end()?;
        Ok(Parsed { value: command, deviations })
    }

    /// Writes the line of this command, CRLF included.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    pub fn encode(&self, out: &mut impl BufMut) {
        self.pieces(|piece| out.put_slice(piece));
    }

    #[inline]
    fn pieces(&self, mut put: impl FnMut(&[u8])) {
        put(self.verb().as_str().as_bytes());
        match *self {
            Self::User { name } => {
                put(b" ");
                put(name.as_bytes());
            }
            Self::Pass { password } => {
                put(b" ");
                put(password.expose());
            }
            Self::Apop { name, digest } => {
                put(b" ");
                put(name.as_bytes());
                put(b" ");
                put(&digest.to_hex());
            }
            Self::Top { message, lines } => {
                let arguments = FromRight::new().number(lines).space().number(message.get().into()).space();
                put(arguments.as_bytes());
            }
            Self::Retr { message }
            | Self::Dele { message }
            | Self::List { message: Some(message) }
            | Self::Uidl { message: Some(message) } => {
                put(FromRight::new().number(message.get().into()).space().as_bytes());
            }
            Self::Auth { arguments: Some(AuthArguments { mechanism, initial_response }) } => {
                put(b" ");
                put(mechanism.as_str().as_bytes());
                if let Some(response) = initial_response {
                    put(b" ");
                    put(response.expose());
                }
            }
            Self::Lang { language: Some(language) } => {
                put(b" ");
                put(language.as_str().as_bytes());
            }
            _ => {}
        }
        put(b"\r\n");
    }

    /// Returns how many octets the line has, CRLF included.
    #[doc(alias = "size")]
    pub fn encoded_len(&self) -> usize {
        let mut octets = 0;
        self.pieces(|piece| octets += piece.len());
        octets
    }

    /// Whether the command has an argument. It decides whether LIST, UIDL and LANG are answered by one line, and
    /// whether AUTH asks for a list.
    pub fn has_argument(&self) -> bool {
        self.encoded_len() > self.verb().as_str().len() + 2
    }
}
