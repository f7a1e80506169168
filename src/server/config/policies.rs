//! How a server deals with its clients, where the RFCs leave it to the site.

use super::Config;
use crate::setting::setters;
use crate::wire::DeviationSet;

impl Config {
    setters! {
        /// Sets whether USER, PASS, APOP and the mechanisms that send a password or token are allowed, and announced, on
        /// [`Security::Cleartext`](crate::Security::Cleartext): no by default (RFC 8314 §4).
        cleartext_logins: bool,

        /// Sets whether PASS must come directly after USER, as the letter of RFC 1939 §7 has it. By default CAPA and LANG may stand between;
        /// after anything else the name is forgotten.
        pass_directly_after_user: bool,

        /// Sets which deviations are accepted, and counted in [`Session::deviations`](crate::server::Session::deviations); others
        /// are answered `-ERR`. [`DeviationSet::DEFAULT`] holds all that a client can show: `BareLineFeed`, `ExtraSpaces`,
        /// `EightBitCredentials`, `ControlInPassword` and `UpperCaseDigest`. What base64 has carried is no deviation: PLAIN and
        /// LOGIN may carry any octets.
        ///
        /// ```
        /// use pop3_proto::server::Config;
        /// use pop3_proto::wire::{Deviation, DeviationSet};
        ///
        /// let config = Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::BareLineFeed));
        /// ```
        accepted: DeviationSet,

        /// Has messages that were retrieved removed at QUIT, as if DELE had marked them, and announces `EXPIRE 0` (RFC
        /// 1939 §8, RFC 2449 §6.7). Off by default.
        ///
        /// A message counts as retrieved when its RETR was written to the last octet; until QUIT it stays as visible as
        /// before. TOP doesn't count, and RSET undoes it. The next command is read only when the message is written.
        remove_retrieved: bool,

        /// Sets whether STLS is offered on connections without TLS (RFC 2595 §4): no by default, since the host must be ready
        /// for [`Action::StartTls`](crate::server::Action::StartTls).
        stls: bool,

        /// Sets whether octets that came after STLS, before TLS could begin, are dropped. By default they close the connection:
        /// no honest client sends any, and an attacker who puts them there wants them to be taken for what came through
        /// TLS. Either way they are never acted on.
        discard_octets_after_stls: bool,

        /// Sets whether LAST is answered (RFC 1460, dropped by RFC 1725). Off by default.
        last: bool,

        /// Sets whether PLAIN and LOGIN arrive as [`Action::Login`](crate::server::Action::Login) with
        /// [`Credentials::Password`](crate::server::Credentials): yes by default, so that a host that has a table of passwords
        /// need not know SASL.
        ///
        /// The host doesn't see whom the client wants to act for then, so a PLAIN that names somebody else is turned down;
        /// so is a password with CR or LF, which PASS couldn't have sent.
        sasl_passwords_as_logins: bool,

        /// Sets whether AUTH without an argument lists the mechanisms: yes by default. It is in no RFC, but old clients ask so.
        list_mechanisms_by_auth: bool,
    }
}
