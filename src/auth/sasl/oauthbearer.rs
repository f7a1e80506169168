//! OAUTHBEARER: a bearer token of OAuth 2.0 (RFC 7628).

use core::num::NonZeroU16;

use super::bearer::{self, BearerToken};
use super::{AuthorizationIdentity, InvalidMessage, Message};
use crate::wire::checked_text;
use crate::wire::number::{self, FromRight};

checked_text!(Host);

/// The message of OAUTHBEARER: a GS2 header, then keys and values (RFC 7628 §3.1).
///
/// ```
/// use pop3_proto::auth::sasl::OAuthBearer;
///
/// let message = b"n,a=user@example.com,\x01host=server.example.com\x01port=110\x01auth=Bearer vF9dft4qmT\x01\x01";
/// let message = OAuthBearer::parse(message).unwrap();
/// assert_eq!(message.authorization.unwrap().as_name().as_bytes(), b"user@example.com");
/// assert!(message.token.unwrap().matches(b"vF9dft4qmT"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OAuthBearer<'a> {
    /// Whom the client wants to act for. Without it, that follows from the token.
    pub authorization: Option<AuthorizationIdentity<'a>>,
    /// Which host the client meant to reach.
    pub host: Option<Host<'a>>,
    /// Which port the client meant to reach.
    pub port: Option<NonZeroU16>,
    /// The token. A client that has none asks what would be accepted: the server answers with a
    /// [`BearerFailure`](super::BearerFailure) (RFC 7628 §4.3).
    pub token: Option<BearerToken<'a>>,
}

impl<'a> OAuthBearer<'a> {
    /// What a client answers to a [`BearerFailure`](super::BearerFailure), before `-ERR` comes: 0x01 (RFC 7628 §3.2.3).
    /// Cancelling the exchange works as well.
    pub const FAILURE_ANSWER: &'static [u8] = &[bearer::SEPARATOR];

    /// Parses a message. `Bearer` may be in any case, and keys other than `host`, `port` and `auth` are ignored.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it isn't a GS2 header and a list of keys and values, wants channel binding, has no
    /// `auth` or one of the keys twice, or a value makes no sense. The [failure answer](Self::FAILURE_ANSWER) isn't
    /// such a message.
    pub fn parse(message: &'a [u8]) -> Result<Self, InvalidMessage> {
        let mut halves = message.splitn(2, |octet| *octet == bearer::SEPARATOR);
        let (Some(header), Some(list)) = (halves.next(), halves.next()) else {
            return Err(InvalidMessage::Form);
        };
        let authorization = parse_header(header)?;
        let [host, port, Some(token)] = bearer::values(list, ["host", "port", "auth"])? else {
            return Err(InvalidMessage::Form);
        };
        let token = if token.is_empty() { None } else { Some(BearerToken::parse_authorization(token)?) };
        Ok(Self {
            authorization,
            host: host.map(Host::parse).transpose()?,
            port: port.map(parse_port).transpose()?,
            token,
        })
    }
}

impl Message for OAuthBearer<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(b"n,");
        if let Some(identity) = &self.authorization {
            put(b"a=");
            identity.put_escaped(put);
        }
        put(b",");
        if let Some(host) = self.host {
            put(&[bearer::SEPARATOR]);
            put(b"host=");
            put(host.0.as_bytes());
        }
        if let Some(port) = self.port {
            put(&[bearer::SEPARATOR]);
            put(b"port=");
            put(FromRight::new().number(port.get().into()).as_bytes());
        }
        put(&[bearer::SEPARATOR]);
        put(b"auth=");
        if let Some(token) = self.token {
            token.put_authorization(put);
        }
        put(bearer::END);
    }
}

/// The name or address of a host, as a client has it: visible ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Host<'a>(&'a str);

impl<'a> Host<'a> {
    /// Creates a host from `text`.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it is empty or holds something other than visible ASCII.
    pub fn new(text: &'a str) -> Result<Self, InvalidMessage> {
        if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(InvalidMessage::Text);
        }
        Ok(Self(text))
    }

    fn parse(octets: &'a [u8]) -> Result<Self, InvalidMessage> {
        Self::new(core::str::from_utf8(octets).map_err(|_| InvalidMessage::Text)?)
    }
}

/// `n,,` or `n,a=identity,` (`gs2-header` of RFC 5801 §4). A `y` in the place of the `n` means that the client could
/// bind the channel, which is of no use here.
fn parse_header(header: &[u8]) -> Result<Option<AuthorizationIdentity<'_>>, InvalidMessage> {
    let mut parts = header.split(|octet| *octet == b',');
    let (Some(flag), Some(identity), Some([]), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(InvalidMessage::Form);
    };
    match (flag, identity) {
        (b"n" | b"y", []) => Ok(None),
        (b"n" | b"y", [b'a', b'=', identity @ ..]) => AuthorizationIdentity::parse(identity).map(Some),
        _ => Err(InvalidMessage::Form),
    }
}

fn parse_port(digits: &[u8]) -> Result<NonZeroU16, InvalidMessage> {
    let port = number::parse(digits).ok().and_then(|number| u16::try_from(number).ok());
    port.and_then(NonZeroU16::new).ok_or(InvalidMessage::Form)
}
