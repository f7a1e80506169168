//! Why a bearer token was turned down, as the server reports it in JSON (RFC 7628 §3.2.2).

use super::{InvalidMessage, Message};

/// The challenge with which XOAUTH2 and OAUTHBEARER fail. The client must answer it, and only then comes `-ERR`.
///
/// It is a JSON object of a few texts. They are one octet or more of printable ASCII without `"` and `\`, which is what
/// OAuth 2.0 allows (RFC 6749 §5.2), so there is nothing to escape.
///
/// ```
/// use pop3_proto::auth::sasl::{BearerFailure, Message as _};
///
/// let failure = BearerFailure::new("invalid_token").unwrap().with_scope("mail").unwrap();
/// let mut challenge = Vec::new();
/// failure.encode(&mut challenge);
/// assert_eq!(challenge, br#"{"status":"invalid_token","scope":"mail"}"#);
/// assert_eq!(BearerFailure::parse(&challenge), Ok(failure));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BearerFailure<'a> {
    status: &'a str,
    schemes: Option<&'a str>,
    scope: Option<&'a str>,
    openid_configuration: Option<&'a str>,
}

const STATUS: &str = "status";
const SCHEMES: &str = "schemes";
const SCOPE: &str = "scope";
const OPENID_CONFIGURATION: &str = "openid-configuration";

impl<'a> BearerFailure<'a> {
    /// Creates a failure with a status: for OAUTHBEARER `invalid_request`, `invalid_token` or `insufficient_scope` (RFC
    /// 6750 §3.1), for XOAUTH2 that of HTTP, such as `401`.
    ///
    /// # Errors
    /// [`InvalidMessage::Text`] when it isn't a text as described at [`BearerFailure`].
    pub fn new(status: &'a str) -> Result<Self, InvalidMessage> {
        Ok(Self { status: checked(status)?, schemes: None, scope: None, openid_configuration: None })
    }

    /// Adds which schemes there are, such as `bearer`: XOAUTH2 has them.
    ///
    /// # Errors
    /// As those of [`BearerFailure::new`].
    pub fn with_schemes(self, schemes: &'a str) -> Result<Self, InvalidMessage> {
        Ok(Self { schemes: Some(checked(schemes)?), ..self })
    }

    /// Adds which scope a token must have.
    ///
    /// # Errors
    /// As those of [`BearerFailure::new`].
    pub fn with_scope(self, scope: &'a str) -> Result<Self, InvalidMessage> {
        Ok(Self { scope: Some(checked(scope)?), ..self })
    }

    /// Adds the URL that tells a client how to get a token.
    ///
    /// # Errors
    /// As those of [`BearerFailure::new`].
    pub fn with_openid_configuration(self, url: &'a str) -> Result<Self, InvalidMessage> {
        Ok(Self { openid_configuration: Some(checked(url)?), ..self })
    }

    /// Reads a challenge, in one pass: a JSON object with a `status`, of texts, numbers and the like.
    ///
    /// Unknown names are ignored, and so is a text with anything in it that isn't described at
    /// [`BearerFailure`]. Of a name that comes twice, the last counts. Nested objects aren't understood: a client that
    /// wants them has the challenge, and a library for JSON.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is something else. The client must answer it all the same.
    pub fn parse(challenge: &'a [u8]) -> Result<Self, InvalidMessage> {
        let text = core::str::from_utf8(challenge).map_err(|_| InvalidMessage::Form)?;
        let mut failure = Self { status: "", schemes: None, scope: None, openid_configuration: None };
        let mut rest = after(text, '{')?;
        while !rest.starts_with('}') {
            let (name, rest_of_pair) = string(rest)?;
            let (value, next) = value(after(rest_of_pair, ':')?)?;
            let known = checked(value).ok();
            match name {
                STATUS => failure.status = known.unwrap_or_default(),
                SCHEMES => failure.schemes = known,
                SCOPE => failure.scope = known,
                OPENID_CONFIGURATION => failure.openid_configuration = known,
                _ => {}
            }
            rest = match after(next, ',') {
                Ok(pair) if pair.starts_with('"') => pair,
                Err(_) if next.starts_with('}') => next,
                _ => return Err(InvalidMessage::Form),
            };
        }
        if !after(rest, '}')?.is_empty() {
            return Err(InvalidMessage::Form);
        }
        checked(failure.status).map(|_| failure)
    }

    /// Returns why the token was turned down: a code, not a sentence.
    pub const fn status(&self) -> &'a str {
        self.status
    }

    /// Returns which schemes there are.
    pub const fn schemes(&self) -> Option<&'a str> {
        self.schemes
    }

    /// Returns which scope a token must have.
    pub const fn scope(&self) -> Option<&'a str> {
        self.scope
    }

    /// Returns the URL that tells a client how to get a token.
    pub const fn openid_configuration(&self) -> Option<&'a str> {
        self.openid_configuration
    }
}

impl Message for BearerFailure<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        let members = [
            (STATUS, Some(self.status)),
            (SCHEMES, self.schemes),
            (SCOPE, self.scope),
            (OPENID_CONFIGURATION, self.openid_configuration),
        ];
        let mut before: &[u8] = b"{\"";
        for (name, text) in members {
            if let Some(text) = text {
                put(before);
                put(name.as_bytes());
                put(b"\":\"");
                put(text.as_bytes());
                before = b"\",\"";
            }
        }
        put(b"\"}");
    }
}

fn checked(text: &str) -> Result<&str, InvalidMessage> {
    let allowed = |octet| matches!(octet, b' '..=b'~' if octet != b'"' && octet != b'\\');
    if !text.is_empty() && text.bytes().all(allowed) { Ok(text) } else { Err(InvalidMessage::Text) }
}

/// Returns what follows a mark of JSON, which may have blanks around it.
fn after(text: &str, mark: char) -> Result<&str, InvalidMessage> {
    blanks(text).strip_prefix(mark).map(blanks).ok_or(InvalidMessage::Form)
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// Returns a string at the start of a text, without its quotation marks but with its escapes, and what follows it.
fn string(text: &str) -> Result<(&str, &str), InvalidMessage> {
    let inner = text.strip_prefix('"').ok_or(InvalidMessage::Form)?;
    let mut escaped = false;
    let end = inner.bytes().position(|octet| {
        let ends = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        ends
    });
    let (string, rest) = end.and_then(|end| inner.split_at_checked(end)).ok_or(InvalidMessage::Form)?;
    Ok((string, blanks(rest.strip_prefix('"').unwrap_or_default())))
}

/// Returns a string, a number, or one of the words of JSON, and what follows it.
fn value(text: &str) -> Result<(&str, &str), InvalidMessage> {
    if text.starts_with('"') {
        return string(text);
    }
    let is_inside = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
    let end = text.bytes().position(|octet| !is_inside(octet)).filter(|end| *end > 0);
    let (word, rest) = end.and_then(|end| text.split_at_checked(end)).ok_or(InvalidMessage::Form)?;
    Ok((word, blanks(rest)))
}
