//! SASL: the messages of its mechanisms, and the lines that carry them (RFC 4422, RFC 5034).
//!
//! A client sends `AUTH` and the name of a [`Mechanism`]; then challenges and responses go to and fro, each a
//! [line](mod@line) of strict [`base64`], until the server sends `+OK` or `-ERR`. What they hold is up to the
//! mechanism:
//!
//! | mechanism | the client sends | the server sends | document |
//! |---|---|---|---|
//! | PLAIN | [`Plain`] | | RFC 4616 |
//! | LOGIN | [`Name`], then [`Password`] | one of the [`LOGIN_PROMPTS`] before each | none |
//! | CRAM-MD5 | [`CramMd5`] | a [`Timestamp`](crate::wire::Timestamp) before it | RFC 2195 |
//! | XOAUTH2 | [`XOAuth2`], then an empty response to a failure | a [`BearerFailure`] after it, if it fails | none |
//! | OAUTHBEARER | [`OAuthBearer`], then 0x01 to a failure | a [`BearerFailure`] after it, if it fails | RFC 7628 |
//! | EXTERNAL | [`External`] | | RFC 4422 appendix A |
//! | ANONYMOUS | [`Anonymous`] | | RFC 4505 |
//!
//! Each is read out of decoded octets, and borrows from them, in one pass and without an allocation (but for an escaped
//! [`AuthorizationIdentity`]); each is written by [`Message`]. A value can only be made of what can be sent, and an
//! error never shows the octets that caused it. `Debug` shows names, and no password, token or digest.
//!
//! Mechanisms with more steps, such as SCRAM (RFC 5802, RFC 7677) and Kerberos (RFC 4752), are left to a SASL
//! library: the lines are the same. Security layers (RFC 4422 §3.7) aren't supported: leave them to TLS.
//!
//! # Octets of the other side
//! What base64 has carried may be any octets, but a [`Name`] and an [`AuthorizationIdentity`] hold no control octet,
//! and a [`Password`] no CR, LF or NUL. So none of them ends the line where it is replayed in a command to another
//! server. Preparing names and passwords (RFC 4013) is up to the host.
//!
//! ```
//! use pop3_proto::auth::sasl::{Plain, base64, line};
//!
//! // AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q= (RFC 5034 §6)
//! let mut response = b"dGVzdAB0ZXN0AHRlc3Q=".to_vec();
//! let octets = line::decode_initial_response(&mut response).unwrap();
//! let plain = Plain::parse(&response[..octets]).unwrap();
//! assert_eq!(plain.name.as_bytes(), b"test");
//! assert!(plain.password.matches(b"test"));
//! assert_eq!(plain.other_identity(), None);
//!
//! let mut out = Vec::new();
//! base64::encode(&plain, &mut out);
//! assert_eq!(out, b"dGVzdAB0ZXN0AHRlc3Q=");
//! ```

mod anonymous;
mod authorization_identity;
pub mod base64;
mod bearer;
mod bearer_failure;
mod cram_md5;
mod external;
pub mod line;
mod login;
mod message;
mod oauthbearer;
mod plain;
mod xoauth2;

pub use anonymous::Anonymous;
pub use authorization_identity::AuthorizationIdentity;
pub use bearer::BearerToken;
pub use bearer_failure::BearerFailure;
pub use cram_md5::CramMd5;
pub use external::External;
pub use login::LOGIN_PROMPTS;
pub use message::{InvalidMessage, Message};
pub use oauthbearer::{Host, OAuthBearer};
pub use plain::Plain;
pub use xoauth2::XOAuth2;

pub use crate::wire::{InvalidMechanism, Mechanism, Name, Opening, Password, Properties};
