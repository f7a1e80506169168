//! The responses of the server: from a reason to status, code and text, in this one place.

use core::fmt;

use crate::wire::{CommandError, NumberError, ResponseCode, Status};

/// Makes the enum of the replies out of the status and the English text of each.
macro_rules! replies {
    ($($status:ident $reply:ident = $text:literal,)*) => {
        /// A response line that the session itself makes: every one but the greeting, and what STAT, LAST, and
        /// LIST and UIDL of one message are answered with.
        ///
        /// Status and code belong to the reply; the text is a [`Catalogue`](super::Catalogue)'s.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Reply {
            $(#[doc = concat!("`", stringify!($status), "`: ", $text)] $reply,)*
        }

        impl Reply {
            /// All replies.
            pub const ALL: &'static [Self] = &[$(Self::$reply),*];

            /// Returns the status indicator.
            pub const fn status(self) -> Status {
                match self {
                    $(Self::$reply => Status::$status,)*
                }
            }

            /// Returns the text in English, the language that a server uses unless it is told otherwise.
            pub const fn english(self) -> &'static str {
                match self {
                    $(Self::$reply => $text,)*
                }
            }
        }
    };
}

replies! {
    Ok SendPassword = "send PASS",
    Ok LoggedIn = "maildrop locked and ready",
    Ok Capabilities = "capability list follows",
    Ok StartTls = "begin TLS now",
    Ok Mechanisms = "list of mechanisms follows",
    Ok Utf8Mode = "UTF-8 mode",
    Ok Languages = "list of languages follows",
    Ok Language = "language changed",
    Ok ScanListing = "scan listing follows",
    Ok UniqueIdListing = "unique-id listing follows",
    Ok Message = "message follows",
    Ok Marked = "message marked as deleted",
    Ok Unmarked = "no message is marked as deleted",
    Ok Noop = "",
    Ok Bye = "bye",
    Ok Removed = "marked messages removed, bye",
    Err NotRemoved = "not all marked messages are removed",
    Err UnknownCommand = "unknown command",
    Err MissingArgument = "an argument is missing",
    Err SurplusArgument = "too many arguments",
    Err NotANumber = "an argument is not a number",
    Err NumberOutOfRange = "a number is out of range",
    Err EmptyPassword = "the password is empty",
    Err ForbiddenOctet = "an argument holds a forbidden octet",
    Err Digest = "a digest is 32 hexadecimal digits",
    Err MechanismName = "that is no name of a mechanism",
    Err LanguageTag = "that is no language tag",
    Err LineTooLong = "line too long",
    Err StrayOctet = "line holds a forbidden octet",
    Err Deviation = "line breaks a rule of the protocol",
    Err WrongState = "command not valid in this state",
    Err Unavailable = "command not available",
    Err Unwelcome = "connection not welcome",
    Err TooManyBadCommands = "too many bad commands",
    Err NotHttp = "this is POP3 and not HTTP",
    Err TooManyCommands = "too many commands before login",
    Err CleartextLogin = "logging in needs a secure connection",
    Err NoName = "send USER first",
    Err BadCredentials = "wrong name or password",
    Err NotUtf8 = "name or password is not UTF-8",
    Err UnknownMechanism = "mechanism not available",
    Err UnexpectedResponse = "the mechanism takes no initial response",
    Err NotBase64 = "response is not base64",
    Err MalformedResponse = "response is malformed",
    Err Cancelled = "exchange cancelled",
    Err ResidueAfterStls = "nothing may follow STLS before TLS",
    Err UnknownLanguage = "language not available",
    Err LoginDelay = "too soon after the last login",
    Err LoginDelaySeconds = "too soon after the last login, try again in {seconds} s",
    Err InUse = "maildrop is in use by another session",
    Err Refused = "login is not possible here",
    Err Temporary = "temporary failure, try again later",
    Err Permanent = "failure that needs the administrator",
    Err NoSuchMessage = "no such message",
    Err Deleted = "message is marked as deleted",
    Err Gone = "message is gone",
    Err NeedsUtf8 = "message is for UTF-8 mode only",
    Err NotPermitted = "command not permitted here",
}

impl Reply {
    /// Where the seconds stand in the text of [`Reply::LoginDelaySeconds`].
    pub const SECONDS: &'static str = "{seconds}";

    /// Returns the response code.
    pub const fn code(self) -> Option<ResponseCode<'static>> {
        match self {
            Self::CleartextLogin | Self::BadCredentials | Self::EmptyPassword | Self::NotUtf8 => {
                Some(ResponseCode::AUTH)
            }
            Self::LoginDelay | Self::LoginDelaySeconds => Some(ResponseCode::LOGIN_DELAY),
            Self::InUse => Some(ResponseCode::IN_USE),
            Self::Temporary | Self::NotRemoved => Some(ResponseCode::SYS_TEMP),
            Self::Permanent | Self::NotPermitted => Some(ResponseCode::SYS_PERM),
            Self::NeedsUtf8 => Some(ResponseCode::UTF8),
            _ => None,
        }
    }
}

/// Writes the line in English, without its line end.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status().as_str())?;
        if let Some(code) = self.code() {
            write!(f, " [{code}]")?;
        }
        if self.english().is_empty() { Ok(()) } else { write!(f, " {}", self.english()) }
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::UnknownKeyword => Self::UnknownCommand,
            CommandError::MissingArgument => Self::MissingArgument,
            CommandError::SurplusArgument => Self::SurplusArgument,
            CommandError::Number(NumberError::NotDigits) => Self::NotANumber,
            CommandError::Number(NumberError::OutOfRange) => Self::NumberOutOfRange,
            CommandError::EmptyPassword => Self::EmptyPassword,
            CommandError::ForbiddenOctet => Self::ForbiddenOctet,
            CommandError::Digest => Self::Digest,
            CommandError::Mechanism => Self::MechanismName,
            CommandError::Language => Self::LanguageTag,
        }
    }
}
