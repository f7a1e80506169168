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
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BearerFailure<'a> {
    status: &'a str,
    schemes: Option<&'a str>,
    scope: Option<&'a str>,
    openid_configuration: Option<&'a str>,
}

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
}

impl Message for BearerFailure<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        let members = [
            ("status", Some(self.status)),
            ("schemes", self.schemes),
            ("scope", self.scope),
            ("openid-configuration", self.openid_configuration),
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
