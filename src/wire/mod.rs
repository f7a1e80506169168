//! The wire: octets to values and back, with no state that outlives a line or a message.
//!
//! Each command, response, capability and listing is parsed and encoded here, so a server, a client, a proxy and a test
//! share one grammar. The texts of the RFCs are read as follows where they disagree with themselves:
//!
//! - RFC 2449 §3's grammar leaves out the space inside texts and the one after a response code, lets a timestamp hold
//!   `>`, and lets ranges of printable octets run to 0x7F. The prose counts: texts hold spaces, a code is followed by
//!   one, a timestamp holds no `>`, and 0x7F is a control octet.
//! - RFC 1939 §3 says that keywords have three or four letters and arguments up to 40 octets. Neither is relied on:
//!   only the length of the whole line is limited.

/// What texts have in common that are checked when they are made.
macro_rules! checked_text {
    ($($Name:ident)*) => {
        $(
            impl<'a> $Name<'a> {
                /// Creates it from what [`new`](Self::new) has taken before.
                #[allow(dead_code, reason = "not all are kept as plain texts by a configuration")]
                pub(crate) fn new_unchecked(text: &'a str) -> Self {
                    debug_assert!(Self::new(text).is_ok());
                    Self(text)
                }

                /// Returns the text.
                pub const fn as_str(self) -> &'a str {
                    self.0
                }
            }

            impl core::fmt::Display for $Name<'_> {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    f.pad(self.0)
                }
            }
        )*
    };
}

pub(crate) use checked_text;

mod capability;
mod command;
mod credentials;
mod deviation;
mod greeting;
mod language;
mod line;
mod listing;
mod mechanism;
pub(crate) mod number;
mod response;
mod stuffing;
mod top;
mod unstuffing;
mod verb;
mod wire_size;
mod word;
pub(crate) mod words;

pub use capability::{
    Capability, Expire, Implementation, InvalidCapability, LoginDelay, Mechanisms, PrivateCapability,
};
pub use command::{AuthArguments, Command, CommandError};
pub use credentials::{Digest, InvalidCredential, Name, Password};
pub use deviation::{Deviation, DeviationCounts, DeviationSet, Parsed};
pub use greeting::{Greeting, InvalidTimestamp, Timestamp};
pub use language::{InvalidLanguage, Language, LanguageListing, LanguageTag};
pub use line::{Framed, LineScanner};
pub use listing::{DropListing, InvalidListing, ScanListing, UniqueIdListing};
pub use mechanism::{InitialResponse, InvalidInitialResponse, InvalidMechanism, Mechanism, Opening, Properties};
pub use number::NumberError;
pub use response::{InvalidCode, InvalidResponse, InvalidText, Response, ResponseCode, Status, Text};
pub use stuffing::{LineEnds, Piece, Stuffer};
pub use top::TopLimit;
pub use unstuffing::{Unstuffed, Unstuffer};
pub use verb::{State, Verb};
pub use wire_size::WireSize;

/// The most octets of a response line, CRLF included (RFC 1939 §3, RFC 2449 §4).
pub const MAX_RESPONSE_LINE: usize = 512;
