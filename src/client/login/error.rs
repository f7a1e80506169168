//! Why a login fails.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::text::Printable;
use crate::client::error::SendError;
use crate::client::method::Method;
use crate::client::retry::Retry;
use crate::wire::Verb;

/// Why a login has failed, with what a user needs to do something about it. Its `Display` is one line. It holds no
/// password and no token, whatever the server says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LoginError {
    /// What has gone wrong.
    pub failure: LoginFailure,
    /// The method that failed; `None` where none was tried.
    pub method: Option<Method>,
    /// The methods that the server offers, as far as that is known, whether they are allowed or not.
    pub offers: Vec<Method>,
}

/// What has gone wrong with a login.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The server has said `-ERR`.
    Refused {
        /// The command that it answers; `None` where the server doesn't want to serve, or is about to close.
        verb: Option<Verb>,
        /// Its response code, without brackets.
        code: Option<Box<str>>,
        /// What to do about it.
        retry: Retry,
        /// Its text, any octets. Where the server repeats the password or token, dots are in its place here and in the code.
        text: Box<[u8]>,
    },
    /// TLS is needed: the server offers STLS where others may listen, or the configuration
    /// [requires](crate::client::Config::require_tls) TLS, or those allowed methods that are left would send a secret where
    /// others may listen.
    NeedsTls,
    /// The server offers none of the allowed methods: better no login than a weak one (RFC 5034 §4).
    NotOffered,
    /// A command can't be sent.
    Unsent(SendError),
    /// The caller has cancelled the exchange of its library, which may have found that the other side isn't the server.
    Cancelled,
}

impl LoginError {
    /// Returns what to do about the server's refusal; `None` where it has refused nothing.
    pub fn retry(&self) -> Option<Retry> {
        match self.failure {
            LoginFailure::Refused { retry, .. } => Some(retry),
            _ => None,
        }
    }

    /// The command that was refused.
    pub(super) fn verb(&self) -> Option<Verb> {
        match self.failure {
            LoginFailure::Refused { verb, .. } => verb,
            _ => None,
        }
    }

    /// The server may have said before that it doesn't accept the token; a code with another cause says more.
    pub(super) fn asks_for_token(&mut self, token_failed: bool) {
        if let LoginFailure::Refused { retry: retry @ (Retry::Unknown | Retry::AskUser), .. } = &mut self.failure {
            if token_failed {
                *retry = Retry::NewToken;
            }
        }
    }

    /// What was tried, in the words of the protocol.
    fn place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.failure, self.method) {
            (LoginFailure::Refused { verb: None, .. }, _) => f.write_str("the server"),
            (LoginFailure::Refused { verb: Some(Verb::Auth), .. }, Some(method)) => write!(f, "AUTH {method}"),
            (LoginFailure::Refused { verb: Some(verb), .. }, _) => f.write_str(verb.as_str()),
            (_, Some(method)) => write!(f, "login by {method}"),
            (_, None) => f.write_str("login"),
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place(f)?;
        write!(f, ": {}", self.failure)?;
        for (place, method) in self.offers.iter().enumerate() {
            write!(f, "{}{method}", if place == 0 { "; the server offers " } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, text, .. } => {
                f.write_str("-ERR")?;
                if let Some(code) = code {
                    write!(f, " [{code}]")?;
                }
                write!(f, "{}{}", if text.is_empty() { "" } else { " " }, Printable(text))
            }
            Self::NeedsTls => f.write_str("there is no way to log in that is safe without TLS"),
            Self::NotOffered => f.write_str("the server offers none of the allowed ways to log in"),
            Self::Unsent(error) => error.fmt(f),
            Self::Cancelled => f.write_str("the exchange was cancelled"),
        }
    }
}

/// The text is escaped, as it is in `Display`.
impl fmt::Debug for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { verb, code, retry, text } => f
                .debug_struct("Refused")
                .field("verb", verb)
                .field("code", code)
                .field("retry", retry)
                .field("text", &format_args!("\"{}\"", text.escape_ascii()))
                .finish(),
            Self::NeedsTls => f.write_str("NeedsTls"),
            Self::NotOffered => f.write_str("NotOffered"),
            Self::Unsent(error) => f.debug_tuple("Unsent").field(error).finish(),
            Self::Cancelled => f.write_str("Cancelled"),
        }
    }
}

impl core::error::Error for LoginError {}
