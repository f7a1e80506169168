//! The responses of the server: from a reason to status, code and text, in this one place.

use crate::wire::{CommandError, NumberError, ResponseCode, Status};

/// A response line that the session says of its own accord: everything but what STAT, and LIST and UIDL of one message,
/// answer with.
///
/// Status and code belong to the reply; the text is a [`Catalogue`](super::Catalogue)'s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the English text says what each is for")]
pub enum Reply {
    SendPassword,
    LoggedIn,
    Capabilities,
    StartTls,
    Mechanisms,
    Utf8Mode,
    Languages,
    Language,
    ScanListing,
    UniqueIdListing,
    Message,
    Marked,
    Unmarked,
    Noop,
    Bye,
    Removed,

    SomeNotRemoved,
    NoneRemoved,
    UnknownCommand,
    MissingArgument,
    SurplusArgument,
    NotANumber,
    NumberOutOfRange,
    EmptyPassword,
    ForbiddenOctet,
    Digest,
    MechanismName,
    LanguageTag,
    LineTooLong,
    StrayOctet,
    Deviation,
    WrongState,
    Unavailable,
    Unwelcome,
    TooManyBadCommands,
    TooManyCommands,
    CleartextLogin,
    NoName,
    BadCredentials,
    NotUtf8,
    UnknownMechanism,
    UnexpectedResponse,
    NotBase64,
    MalformedResponse,
    Cancelled,
    ResidueBehindStls,
    UnknownLanguage,
    LoginDelay,
    LoginDelaySeconds,
    InUse,
    Refused,
    Temporary,
    Permanent,
    NoSuchMessage,
    Deleted,
    Gone,
    NeedsUtf8,
}

impl Reply {
    /// All replies.
    pub const ALL: [Self; 57] = [
        Self::SendPassword,
        Self::LoggedIn,
        Self::Capabilities,
        Self::StartTls,
        Self::Mechanisms,
        Self::Utf8Mode,
        Self::Languages,
        Self::Language,
        Self::ScanListing,
        Self::UniqueIdListing,
        Self::Message,
        Self::Marked,
        Self::Unmarked,
        Self::Noop,
        Self::Bye,
        Self::Removed,
        Self::SomeNotRemoved,
        Self::NoneRemoved,
        Self::UnknownCommand,
        Self::MissingArgument,
        Self::SurplusArgument,
        Self::NotANumber,
        Self::NumberOutOfRange,
        Self::EmptyPassword,
        Self::ForbiddenOctet,
        Self::Digest,
        Self::MechanismName,
        Self::LanguageTag,
        Self::LineTooLong,
        Self::StrayOctet,
        Self::Deviation,
        Self::WrongState,
        Self::Unavailable,
        Self::Unwelcome,
        Self::TooManyBadCommands,
        Self::TooManyCommands,
        Self::CleartextLogin,
        Self::NoName,
        Self::BadCredentials,
        Self::NotUtf8,
        Self::UnknownMechanism,
        Self::UnexpectedResponse,
        Self::NotBase64,
        Self::MalformedResponse,
        Self::Cancelled,
        Self::ResidueBehindStls,
        Self::UnknownLanguage,
        Self::LoginDelay,
        Self::LoginDelaySeconds,
        Self::InUse,
        Self::Refused,
        Self::Temporary,
        Self::Permanent,
        Self::NoSuchMessage,
        Self::Deleted,
        Self::Gone,
        Self::NeedsUtf8,
    ];

    /// Where the seconds stand in the text of [`Reply::LoginDelaySeconds`].
    pub const SECONDS: &'static str = "{seconds}";

    /// The status indicator.
    pub const fn status(self) -> Status {
        match self {
            Self::SendPassword
            | Self::LoggedIn
            | Self::Capabilities
            | Self::StartTls
            | Self::Mechanisms
            | Self::Utf8Mode
            | Self::Languages
            | Self::Language
            | Self::ScanListing
            | Self::UniqueIdListing
            | Self::Message
            | Self::Marked
            | Self::Unmarked
            | Self::Noop
            | Self::Bye
            | Self::Removed => Status::Ok,
            _ => Status::Err,
        }
    }

    /// The response code.
    pub const fn code(self) -> Option<ResponseCode<'static>> {
        match self {
            Self::CleartextLogin | Self::BadCredentials | Self::EmptyPassword => Some(ResponseCode::AUTH),
            Self::LoginDelay | Self::LoginDelaySeconds => Some(ResponseCode::LOGIN_DELAY),
            Self::InUse => Some(ResponseCode::IN_USE),
            Self::Temporary | Self::SomeNotRemoved | Self::NoneRemoved => Some(ResponseCode::SYS_TEMP),
            Self::Permanent => Some(ResponseCode::SYS_PERM),
            Self::NeedsUtf8 => Some(ResponseCode::UTF8),
            _ => None,
        }
    }

    /// The text in English, the language that a server speaks unless it is told otherwise.
    pub const fn english(self) -> &'static str {
        match self {
            Self::SendPassword => "send PASS",
            Self::LoggedIn => "maildrop locked and ready",
            Self::Capabilities => "capability list follows",
            Self::StartTls => "begin TLS now",
            Self::Mechanisms => "list of mechanisms follows",
            Self::Utf8Mode => "UTF-8 mode",
            Self::Languages => "list of languages follows",
            Self::Language => "language changed",
            Self::ScanListing => "scan listing follows",
            Self::UniqueIdListing => "unique-id listing follows",
            Self::Message => "message follows",
            Self::Marked => "message marked as deleted",
            Self::Unmarked => "no message is marked as deleted",
            Self::Noop => "",
            Self::Bye => "bye",
            Self::Removed => "marked messages removed, bye",
            Self::SomeNotRemoved => "some marked messages are not removed",
            Self::NoneRemoved => "marked messages are not removed",
            Self::UnknownCommand => "unknown command",
            Self::MissingArgument => "an argument is missing",
            Self::SurplusArgument => "too many arguments",
            Self::NotANumber => "an argument is not a number",
            Self::NumberOutOfRange => "a number is out of range",
            Self::EmptyPassword => "the password is empty",
            Self::ForbiddenOctet => "an argument holds a forbidden octet",
            Self::Digest => "a digest is 32 hexadecimal digits",
            Self::MechanismName => "that is no name of a mechanism",
            Self::LanguageTag => "that is no language tag",
            Self::LineTooLong => "line too long",
            Self::StrayOctet => "line holds a forbidden octet",
            Self::Deviation => "line breaks a rule of the protocol",
            Self::WrongState => "command not valid in this state",
            Self::Unavailable => "command not available",
            Self::Unwelcome => "connection not welcome",
            Self::TooManyBadCommands => "too many bad commands",
            Self::TooManyCommands => "too many commands before login",
            Self::CleartextLogin => "logging in needs a secure connection",
            Self::NoName => "send USER first",
            Self::BadCredentials => "wrong name or password",
            Self::NotUtf8 => "name or password is not UTF-8",
            Self::UnknownMechanism => "mechanism not available",
            Self::UnexpectedResponse => "the mechanism takes no initial response",
            Self::NotBase64 => "response is not base64",
            Self::MalformedResponse => "response is malformed",
            Self::Cancelled => "exchange cancelled",
            Self::ResidueBehindStls => "nothing may follow STLS before TLS",
            Self::UnknownLanguage => "language not available",
            Self::LoginDelay => "too soon after the last login",
            Self::LoginDelaySeconds => "too soon after the last login, try again in {seconds} s",
            Self::InUse => "maildrop is in use by another session",
            Self::Refused => "login is not possible here",
            Self::Temporary => "temporary failure, try again later",
            Self::Permanent => "failure that needs the administrator",
            Self::NoSuchMessage => "no such message",
            Self::Deleted => "message is marked as deleted",
            Self::Gone => "message is gone",
            Self::NeedsUtf8 => "message is for UTF-8 mode only",
        }
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
