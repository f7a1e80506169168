//! What to do about a failure.

use core::fmt;

use crate::wire::ResponseCode;

/// What to do about a failure, by its response code (RFC 2449 §8, RFC 3206).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Retry {
    /// The name or the password is wrong, or policy refuses them: ask the user (`AUTH`).
    AskUser,
    /// The token isn't accepted: get a new one. A [`Login`](super::Login) returns it where OAUTHBEARER or XOAUTH2 has
    /// [failed](super::EventKind::BearerFailure), and the response code has no other cause.
    NewToken,
    /// The credentials are right, and another session has the maildrop: try again soon (`IN-USE`).
    Soon,
    /// The last login is too recent: wait, for LOGIN-DELAY's time if it is known (`LOGIN-DELAY`).
    Wait,
    /// A problem of the server's that is likely to pass: try again later (`SYS/TEMP`, or `SYS` with anything else).
    Later,
    /// A problem of the server's that somebody must fix: stop and tell the user (`SYS/PERM`).
    Stop,
    /// The message needs UTF-8 mode: log in again, and send UTF8 before that (`UTF8`).
    Utf8Mode,
    /// The cause isn't known. At a login it may be the credentials, unless the server announces AUTH-RESP-CODE.
    Unknown,
}

/// What to tell the user.
impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AskUser => "the server does not accept the name or the password",
            Self::NewToken => "the server does not accept the token",
            Self::Soon => "another session has the maildrop",
            Self::Wait => "the last login is too recent",
            Self::Later => "the server has a problem that is likely to pass",
            Self::Stop => "the server has a problem that somebody must see to",
            Self::Utf8Mode => "the message needs UTF-8 mode",
            Self::Unknown => "the server gives no reason",
        })
    }
}

/// By the code of the response, if it has one.
impl From<Option<ResponseCode<'_>>> for Retry {
    fn from(code: Option<ResponseCode<'_>>) -> Self {
        let reasons = [
            (ResponseCode::AUTH, Self::AskUser),
            (ResponseCode::IN_USE, Self::Soon),
            (ResponseCode::LOGIN_DELAY, Self::Wait),
            (ResponseCode::SYS_PERM, Self::Stop),
            (ResponseCode::SYS, Self::Later),
            (ResponseCode::UTF8, Self::Utf8Mode),
        ];
        let found = code.and_then(|code| reasons.into_iter().find(|(reason, _)| code.is(*reason)));
        found.map_or(Self::Unknown, |(_, retry)| retry)
    }
}
