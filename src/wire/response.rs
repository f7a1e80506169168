//! Responses: status indicator, response code, text.

use core::fmt;

use bytes::BufMut;

use super::MAX_RESPONSE_LINE;
use super::deviation::{Deviation, DeviationSet, Parsed};
use crate::part::part;

checked_text!(Text ResponseCode);

/// The status indicator of a response (RFC 1939 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
}

impl Status {
    /// Returns the indicator as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "+OK",
            Self::Err => "-ERR",
        }
    }
}

/// The first line of a response.
///
/// ```
/// use pop3_proto::wire::{DeviationSet, Response, ResponseCode, Status};
///
/// let response = Response::parse(b"-ERR [IN-USE] someone else reads it", DeviationSet::NONE).unwrap().value;
/// assert_eq!(response.status(), Status::Err);
/// assert!(response.code().unwrap().is(ResponseCode::IN_USE));
/// assert_eq!(response.text(), b"someone else reads it");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    status: Status,
    code: Option<ResponseCode<'a>>,
    text: &'a [u8],
}

/// The line, with octets escaped that are no visible ASCII.
impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if let Some(code) = self.code {
            write!(f, " [{code}]")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text.escape_ascii()) }
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({self})")
    }
}

impl<'a> Response<'a> {
    /// Creates a response to be sent.
    pub const fn new(status: Status, code: Option<ResponseCode<'a>>, text: Text<'a>) -> Self {
        Self { status, code, text: text.0.as_bytes() }
    }

    /// Parses a line without its line end, in time linear in its octets and without an allocation.
    ///
    /// A response code is read only at the very start of the text; brackets elsewhere, and what isn't a well-formed
    /// code there, are text (RFC 2449 §8). What is in `accepted` is overlooked:
    /// [`LowerCaseStatus`](Deviation::LowerCaseStatus), and a [`LateCode`](Deviation::LateCode) of `-ERR`, which then
    /// is the code and stays in the text too.
    ///
    /// # Errors
    /// [`InvalidResponse`] when the line doesn't begin with an indicator, followed by a space or nothing, or holds a
    /// CR, LF or NUL.
    pub fn parse(line: &'a [u8], accepted: DeviationSet) -> Result<Parsed<Self>, InvalidResponse> {
        let split = |status: Status| Some((status, line.split_at_checked(status.as_str().len())?));
        let (status, (indicator, rest)) = [Status::Ok, Status::Err]
            .into_iter()
            .filter_map(split)
            .find(|(status, (indicator, _))| indicator.eq_ignore_ascii_case(status.as_str().as_bytes()))
            .ok_or(InvalidResponse)?;
        let is_lower = indicator != status.as_str().as_bytes();
        let mut deviations: DeviationSet = is_lower.then_some(Deviation::LowerCaseStatus).into_iter().collect();
        let text = rest.strip_prefix(b" ").unwrap_or(rest);
        let is_glued = text.len() == rest.len() && !rest.is_empty();
        if is_glued || memchr::memchr3(b'\r', b'\n', 0, text).is_some() || !accepted.contains_all(deviations) {
            return Err(InvalidResponse);
        }
        let (mut code, text) = ResponseCode::split(text).map_or((None, text), |(code, text)| (Some(code), text));
        if code.is_none() && status == Status::Err && accepted.contains(Deviation::LateCode) {
            code = ResponseCode::find(text);
            deviations.extend(code.map(|_| Deviation::LateCode));
        }
        Ok(Parsed { value: Self { status, code, text }, deviations })
    }

    /// Writes the line, CRLF included.
    ///
    /// It has at most 512 octets: a longer text is cut before the character that would go past.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    pub fn encode(&self, out: &mut impl BufMut) {
        self.encode_with_tail(out, None);
    }

    /// Returns the response with the text before the first `octet`, without a trailing space.
    pub(super) fn before(&self, octet: u8) -> Self {
        let text = self.text.split(|&other| other == octet).next().unwrap_or_default();
        Self { text: text.trim_ascii_end(), ..*self }
    }

    /// Writes the line with one more word after the text, which is never cut.
    pub(super) fn encode_with_tail(&self, out: &mut impl BufMut, tail: Option<&str>) {
        let indicator = self.status.as_str();
        out.put_slice(indicator.as_bytes());
        let mut room = MAX_RESPONSE_LINE - 2 - indicator.len();
        if let Some(code) = self.code {
            out.put_slice(b" [");
            out.put_slice(code.as_str().as_bytes());
            out.put_u8(b']');
            room = room.saturating_sub(code.as_str().len() + 3);
        }
        if let Some(tail) = tail {
            room = room.saturating_sub(tail.len() + 1);
        }
        let text = cut(self.text, room.saturating_sub(1));
        if !text.is_empty() {
            out.put_u8(b' ');
            out.put_slice(text);
        }
        if let Some(tail) = tail {
            out.put_u8(b' ');
            out.put_slice(tail.as_bytes());
        }
        out.put_slice(b"\r\n");
    }

    /// The response without what a stranger may have put into it: its text, and a code that isn't general.
    pub(crate) fn without_text(self) -> Self {
        Self { code: self.code.filter(|code| code.is_general()), text: b"...", ..self }
    }

    /// Returns the status indicator.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Returns the response code, if there is one.
    pub const fn code(&self) -> Option<ResponseCode<'a>> {
        self.code
    }

    /// Returns what follows the indicator and the code: for people only. It holds no CR, LF or NUL, but may hold
    /// anything else, so escape it before showing it.
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// Returns the longest front of `text` that has at most `room` octets and doesn't end inside a UTF-8 character.
fn cut(text: &[u8], room: usize) -> &[u8] {
    let Some(front) = text.get(..room) else { return text };
    match text.get(room) {
        Some(octet) if octet & 0xC0 == 0x80 => {
            let start = front.iter().rposition(|octet| octet & 0xC0 != 0x80).unwrap_or(0);
            part(front, ..start)
        }
        _ => front,
    }
}

/// A line isn't a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a response is +OK or -ERR, perhaps a space and text, and holds no CR, LF or NUL")]
pub struct InvalidResponse;

/// Text for a response line that can't be mistaken for anything else: no CR, LF or NUL, and no `[` in front.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// No text.
    pub const EMPTY: Self = Self("");

    /// Creates the text of a response from `text`. However long it is, the response line keeps within 512 octets.
    ///
    /// # Errors
    /// [`InvalidText`] when it holds a control character, or begins with `[`, with or without spaces before it (RFC
    /// 2449 §6.4).
    pub fn new(text: &'a str) -> Result<Self, InvalidText> {
        if text.trim_start().starts_with('[') || text.bytes().any(|octet| octet.is_ascii_control()) {
            return Err(InvalidText);
        }
        Ok(Self(text))
    }
}

/// A text can't be that of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a text holds no control characters, and doesn't begin with `[`, which would be read as a response code")]
pub struct InvalidText;

/// A response code such as `SYS/TEMP`: levels from the general to the particular (RFC 2449 §8).
///
/// Levels are compared in any case, one by one from the left, so what a reader doesn't know further down is ignored but
/// kept.
#[derive(Clone, Copy, Debug)]
pub struct ResponseCode<'a>(&'a str);

impl<'a> ResponseCode<'a> {
    /// `LOGIN-DELAY`: too soon after the last login (RFC 2449 §8.1.1).
    pub const LOGIN_DELAY: Self = Self("LOGIN-DELAY");
    /// `IN-USE`: the credentials are right and the maildrop is busy (RFC 2449 §8.1.2).
    pub const IN_USE: Self = Self("IN-USE");
    /// `SYS`: the system's fault (RFC 3206 §4).
    pub const SYS: Self = Self("SYS");
    /// `SYS/TEMP`: the system's fault, and likely to pass (RFC 3206 §4).
    pub const SYS_TEMP: Self = Self("SYS/TEMP");
    /// `SYS/PERM`: the system's fault, and somebody must fix it (RFC 3206 §4).
    pub const SYS_PERM: Self = Self("SYS/PERM");
    /// `AUTH`: a problem with the credentials (RFC 3206 §5).
    pub const AUTH: Self = Self("AUTH");
    /// `UTF8`: the message is for clients that have sent UTF8 (RFC 6856 §5).
    pub const UTF8: Self = Self("UTF8");

    /// The most octets of a code, so that a greeting with one has room for a timestamp.
    pub const MAX_OCTETS: usize = 200;

    /// Creates a response code from `code`, without its brackets.
    ///
    /// # Errors
    /// [`InvalidCode`] when it is over 200 octets, a level is empty, or something other than printable ASCII without
    /// spaces and `]` is in it.
    pub fn new(code: &'a str) -> Result<Self, InvalidCode> {
        let is_level = |level: &str| !level.is_empty() && level.bytes().all(|o| o.is_ascii_graphic() && o != b']');
        if code.len() <= Self::MAX_OCTETS && code.split('/').all(is_level) { Ok(Self(code)) } else { Err(InvalidCode) }
    }

    /// Splits the text of a response into the code at its front and the text after it.
    fn split(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let inner = text.strip_prefix(b"[")?;
        let end = memchr::memchr(b']', inner)?;
        let code = Self::new(core::str::from_utf8(inner.get(..end)?).ok()?).ok()?;
        let rest = inner.get(end + 1..)?;
        Some((code, rest.strip_prefix(b" ").unwrap_or(rest)))
    }

    /// Returns the code that follows some text.
    fn find(text: &'a [u8]) -> Option<Self> {
        let (code, _) = Self::split(text.get(memchr::memchr(b'[', text)?..)?)?;
        Some(code)
    }

    /// Whether it is one of the codes of the RFCs for logins and failures, and nothing more particular.
    fn is_general(self) -> bool {
        [Self::LOGIN_DELAY, Self::IN_USE, Self::SYS, Self::SYS_TEMP, Self::SYS_PERM, Self::AUTH].contains(&self)
    }

    /// Whether this is `general`, or something more particular of its kind: `SYS/TEMP/DISK` is `SYS/TEMP`, and also
    /// `SYS`; `AUTHX` isn't `AUTH`.
    pub fn is(self, general: ResponseCode<'_>) -> bool {
        let mut levels = self.0.split('/');
        general.0.split('/').all(|wanted| levels.next().is_some_and(|level| level.eq_ignore_ascii_case(wanted)))
    }
}

/// Compared in any case.
impl PartialEq for ResponseCode<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for ResponseCode<'_> {}

/// A text isn't a response code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a response code is one or more levels of printable ASCII, divided by slashes")]
pub struct InvalidCode;
