//! Capabilities: the lines that CAPA answers with (RFC 2449 §5 and §6, RFC 3206).

use bytes::BufMut;

use super::MAX_RESPONSE_LINE;
use super::mechanism::Mechanism;
use super::number::{self, FromRight};

checked_text!(Implementation Mechanisms PrivateCapability);

/// A line of the response to CAPA.
///
/// ```
/// use pop3_proto::wire::{Capability, LoginDelay};
///
/// let capability = Capability::parse(b"login-delay 900 USER").unwrap();
/// assert_eq!(capability, Capability::LoginDelay(LoginDelay { seconds: 900, per_user: true }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Capability<'a> {
    /// `TOP`: the command works (RFC 2449 §6.1).
    Top,
    /// `USER`: logging in by USER and PASS works now (RFC 2449 §6.2).
    User,
    /// `RESP-CODES`: text that begins with `[` is a response code (RFC 2449 §6.4).
    RespCodes,
    /// `LOGIN-DELAY`: how soon the next login may come (RFC 2449 §6.5).
    LoginDelay(LoginDelay),
    /// `PIPELINING`: commands may be sent ahead of the responses (RFC 2449 §6.6).
    Pipelining,
    /// `EXPIRE`: how long messages are kept (RFC 2449 §6.7).
    Expire(Expire),
    /// `UIDL`: the command works (RFC 2449 §6.8).
    Uidl,
    /// `IMPLEMENTATION`: which program this is; for logs only (RFC 2449 §6.9).
    Implementation(Implementation<'a>),
    /// `AUTH-RESP-CODE`: every failure that the credentials cause carries `[AUTH]` (RFC 3206 §6).
    AuthRespCode,
    /// `SASL`: AUTH works now, with these mechanisms (RFC 5034 §3).
    Sasl(Mechanisms<'a>),
    /// `STLS`: the command works (RFC 2595 §4).
    Stls,
    /// `UTF8`: the command works (RFC 6856 §2).
    Utf8 {
        /// Whether names and passwords may be UTF-8.
        user: bool,
    },
    /// `LANG`: the command works (RFC 6856 §3).
    Lang,
    /// A line that none of the above describes.
    Private(PrivateCapability<'a>),
}

/// The parameters of `IMPLEMENTATION`: words of printable ASCII with single spaces between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Implementation<'a>(&'a str);

impl<'a> Implementation<'a> {
    /// Creates the parameters from `text`.
    ///
    /// # Errors
    /// [`InvalidCapability`] when the line with the tag would be over 510 octets, or it isn't words of printable ASCII
    /// with single spaces between.
    pub fn new(text: &'a str) -> Result<Self, InvalidCapability> {
        checked("IMPLEMENTATION ", text).map(Self)
    }
}

/// The parameters of `SASL`: names of mechanisms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mechanisms<'a>(&'a str);

impl<'a> Mechanisms<'a> {
    /// Creates a list of mechanisms from `names`, with single spaces between.
    ///
    /// # Errors
    /// [`InvalidCapability`] when the line with the tag would be over 510 octets, or it isn't words of printable ASCII
    /// with single spaces between.
    pub fn new(names: &'a str) -> Result<Self, InvalidCapability> {
        checked("SASL ", names).map(Self)
    }

    /// Returns the mechanisms in the order of the line. A word that isn't a mechanism's name is left out.
    pub fn iter(self) -> impl Iterator<Item = Mechanism> + 'a {
        self.0.split(' ').filter_map(|name| Mechanism::new(name).ok())
    }
}

/// The parameters of `LOGIN-DELAY`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoginDelay {
    /// The fewest seconds between two logins; before login, the largest value of any user.
    pub seconds: u32,
    /// Whether it differs from user to user, so that asking again after login is worth it.
    pub per_user: bool,
}

/// The parameters of `EXPIRE`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Expire {
    /// The fewest days that a message is kept, or `None` for `NEVER`; before login, the smallest value of any user.
    /// With 0 a message that was retrieved is gone after QUIT.
    pub days: Option<u32>,
    /// Whether it differs from user to user, so that asking again after login is worth it.
    pub per_user: bool,
}

/// A capability line of any kind: a tag, then parameters, with single spaces between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PrivateCapability<'a>(&'a str);

impl<'a> PrivateCapability<'a> {
    /// Creates a capability line from `line`.
    ///
    /// # Errors
    /// [`InvalidCapability`] when it is over 510 octets, has something other than printable ASCII words with single
    /// spaces between, or its first word, the tag, holds a dot.
    pub fn new(line: &'a str) -> Result<Self, InvalidCapability> {
        if line.split(' ').next().is_some_and(|tag| tag.contains('.')) {
            return Err(InvalidCapability);
        }
        checked("", line).map(Self)
    }

    /// Returns the tag, to be compared in any case.
    pub fn tag(self) -> &'a str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

/// A line isn't a capability, or a text can't be its parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a capability is at most 510 octets: a tag without dots, and words of printable ASCII after single spaces")]
pub struct InvalidCapability;

impl<'a> Capability<'a> {
    /// Parses a line of the response to CAPA without its line end.
    ///
    /// Tags are known in any case. A known tag with parameters that make no sense is [`Capability::Private`].
    ///
    /// # Errors
    /// [`InvalidCapability`] when the line has no tag, is too long, or isn't printable ASCII.
    pub fn parse(line: &'a [u8]) -> Result<Self, InvalidCapability> {
        let line = core::str::from_utf8(line).map_err(|_| InvalidCapability)?;
        let private = PrivateCapability::new(line)?;
        Ok(Self::from_private(private).unwrap_or(Self::Private(private)))
    }

    /// Whether a tag, in any case, is one from the standards, which the session announces by itself.
    pub(crate) fn is_standard(tag: &str) -> bool {
        Self::standard(tag).is_some()
    }

    /// Returns a capability from the standards with this tag, in any case.
    fn standard(tag: &str) -> Option<Self> {
        let all = [
            Self::Top,
            Self::User,
            Self::RespCodes,
            Self::LoginDelay(LoginDelay { seconds: 0, per_user: false }),
            Self::Pipelining,
            Self::Expire(Expire { days: None, per_user: false }),
            Self::Uidl,
            Self::Implementation(Implementation("")),
            Self::AuthRespCode,
            Self::Sasl(Mechanisms("")),
            Self::Stls,
            Self::Utf8 { user: false },
            Self::Lang,
        ];
        all.into_iter().find(|standard| standard.tag().eq_ignore_ascii_case(tag))
    }

    fn from_private(line: PrivateCapability<'a>) -> Option<Self> {
        let standard = Self::standard(line.tag())?;
        let Some(parameters) = line.as_str().get(line.tag().len() + 1..) else {
            let needs =
                matches!(standard, Self::LoginDelay(_) | Self::Expire(_) | Self::Implementation(_) | Self::Sasl(_));
            return (!needs).then_some(standard);
        };
        Some(match standard {
            Self::Implementation(_) => Self::Implementation(Implementation::new(parameters).ok()?),
            Self::Sasl(_) => Self::Sasl(Mechanisms(parameters)),
            Self::Utf8 { .. } if parameters.eq_ignore_ascii_case("USER") => Self::Utf8 { user: true },
            Self::LoginDelay(_) => {
                let (seconds, per_user) = value_and_user(parameters)?;
                Self::LoginDelay(LoginDelay { seconds: number(seconds)?, per_user })
            }
            Self::Expire(_) => {
                let (days, per_user) = value_and_user(parameters)?;
                let days = if days.eq_ignore_ascii_case("NEVER") { None } else { Some(number(days)?) };
                Self::Expire(Expire { days, per_user })
            }
            _ => return None,
        })
    }

    /// Returns the tag as it is sent.
    pub fn tag(&self) -> &'a str {
        match self {
            Self::Top => "TOP",
            Self::User => "USER",
            Self::RespCodes => "RESP-CODES",
            Self::LoginDelay(_) => "LOGIN-DELAY",
            Self::Pipelining => "PIPELINING",
            Self::Expire(_) => "EXPIRE",
            Self::Uidl => "UIDL",
            Self::Implementation(_) => "IMPLEMENTATION",
            Self::AuthRespCode => "AUTH-RESP-CODE",
            Self::Sasl(_) => "SASL",
            Self::Stls => "STLS",
            Self::Utf8 { .. } => "UTF8",
            Self::Lang => "LANG",
            Self::Private(line) => line.tag(),
        }
    }

    /// Writes the line, CRLF included.
    ///
    /// # Panics
    /// If `out` has no room for the line. A `Vec` makes room.
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Private(line) => out.put_slice(line.as_str().as_bytes()),
            _ => out.put_slice(self.tag().as_bytes()),
        }
        match *self {
            Self::Implementation(text) => {
                out.put_u8(b' ');
                out.put_slice(text.as_str().as_bytes());
            }
            Self::Sasl(Mechanisms(names)) => {
                out.put_u8(b' ');
                out.put_slice(names.as_bytes());
            }
            Self::Utf8 { user: true } => out.put_slice(b" USER"),
            Self::LoginDelay(LoginDelay { seconds, per_user }) => put_value_and_user(out, Some(seconds), per_user),
            Self::Expire(Expire { days, per_user }) => put_value_and_user(out, days, per_user),
            _ => {}
        }
        out.put_slice(b"\r\n");
    }
}

/// Returns one word of printable ASCII or more, with single spaces between, if the line has room for them after
/// `front`.
fn checked<'a>(front: &str, text: &'a str) -> Result<&'a str, InvalidCapability> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_graphic());
    let has_room = front.len() + text.len() + 2 <= MAX_RESPONSE_LINE;
    if has_room && text.split(' ').all(is_word) { Ok(text) } else { Err(InvalidCapability) }
}

/// Returns the one or two parameters of LOGIN-DELAY and EXPIRE.
fn value_and_user(parameters: &str) -> Option<(&str, bool)> {
    match parameters.split_once(' ') {
        None => Some((parameters, false)),
        Some((value, user)) => user.eq_ignore_ascii_case("USER").then_some((value, true)),
    }
}

fn number(digits: &str) -> Option<u32> {
    u32::try_from(number::parse(digits.as_bytes()).ok()?).ok()
}

fn put_value_and_user(out: &mut impl BufMut, value: Option<u32>, per_user: bool) {
    match value {
        Some(value) => out.put_slice(FromRight::new().number(value.into()).space().as_bytes()),
        None => out.put_slice(b" NEVER"),
    }
    if per_user {
        out.put_slice(b" USER");
    }
}
