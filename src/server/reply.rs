//! The responses of the server: from a reason to status, code and text, in this one place.

use alloc::vec::Vec;

use crate::wire::{CommandError, NumberError, ResponseCode, Status, number};

/// Why the server says `+OK` or `-ERR`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    SendPassword,
    LoggedIn,
    ScanListing,
    UniqueIdListing,
    Capabilities,
    Message,
    Marked,
    Unmarked,
    Noop,
    Bye,
    Removed,

    SomeNotRemoved,
    NoneRemoved,
    Syntax(CommandError),
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
    LoginDelay { seconds: Option<u32> },
    InUse,
    Temporary,
    Permanent,
    NoSuchMessage,
    Deleted,
    Gone,
}

impl Reply {
    fn status(self) -> Status {
        match self {
            Self::SendPassword
            | Self::LoggedIn
            | Self::ScanListing
            | Self::UniqueIdListing
            | Self::Capabilities
            | Self::Message
            | Self::Marked
            | Self::Unmarked
            | Self::Noop
            | Self::Bye
            | Self::Removed => Status::Ok,
            _ => Status::Err,
        }
    }

    fn code(self) -> Option<ResponseCode<'static>> {
        match self {
            Self::CleartextLogin | Self::BadCredentials | Self::Syntax(CommandError::EmptyPassword) => {
                Some(ResponseCode::AUTH)
            }
            Self::LoginDelay { .. } => Some(ResponseCode::LOGIN_DELAY),
            Self::InUse => Some(ResponseCode::IN_USE),
            Self::Temporary | Self::SomeNotRemoved | Self::NoneRemoved => Some(ResponseCode::SYS_TEMP),
            Self::Permanent => Some(ResponseCode::SYS_PERM),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::SendPassword => "send PASS",
            Self::LoggedIn => "maildrop locked and ready",
            Self::ScanListing => "scan listing follows",
            Self::UniqueIdListing => "unique-id listing follows",
            Self::Capabilities => "capability list follows",
            Self::Message => "message follows",
            Self::Marked => "message marked as deleted",
            Self::Unmarked => "no message is marked as deleted",
            Self::Noop => "",
            Self::Bye => "bye",
            Self::Removed => "marked messages removed, bye",
            Self::SomeNotRemoved => "some marked messages are not removed",
            Self::NoneRemoved => "marked messages are not removed",
            Self::Syntax(error) => syntax(error),
            Self::LineTooLong => "command line too long",
            Self::StrayOctet => "command line holds a forbidden octet",
            Self::Deviation => "command line breaks a rule of the protocol",
            Self::WrongState => "command not valid in this state",
            Self::Unavailable => "command not available",
            Self::Unwelcome => "connection not welcome",
            Self::TooManyBadCommands => "too many bad commands",
            Self::TooManyCommands => "too many commands before login",
            Self::CleartextLogin => "logging in needs a secure connection",
            Self::NoName => "send USER first",
            Self::BadCredentials => "wrong name or password",
            Self::LoginDelay { .. } => "too soon after the last login",
            Self::InUse => "maildrop is in use by another session",
            Self::Temporary => "temporary failure, try again later",
            Self::Permanent => "failure that needs the administrator",
            Self::NoSuchMessage => "no such message",
            Self::Deleted => "message is marked as deleted",
            Self::Gone => "message is gone",
        }
    }

    /// Writes the response line.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.status().as_str().as_bytes());
        if let Some(code) = self.code() {
            out.extend_from_slice(b" [");
            out.extend_from_slice(code.as_str().as_bytes());
            out.push(b']');
        }
        let text = self.text();
        if !text.is_empty() {
            out.push(b' ');
            out.extend_from_slice(text.as_bytes());
        }
        if let Self::LoginDelay { seconds: Some(seconds) } = self {
            out.extend_from_slice(b", try again in ");
            number::put(out, seconds.into());
            out.extend_from_slice(b" s");
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn syntax(error: CommandError) -> &'static str {
    match error {
        CommandError::UnknownKeyword => "unknown command",
        CommandError::MissingArgument => "an argument is missing",
        CommandError::SurplusArgument => "too many arguments",
        CommandError::Number(NumberError::NotDigits) => "an argument is not a number",
        CommandError::Number(NumberError::OutOfRange) => "a number is out of range",
        CommandError::EmptyPassword => "the password is empty",
        CommandError::ForbiddenOctet => "an argument holds a forbidden octet",
        CommandError::Digest => "a digest is 32 hexadecimal digits",
    }
}
