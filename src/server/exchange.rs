//! A SASL exchange, apart from what comes of it (RFC 5034 §4).

use super::reply::Reply;
use super::terms::Terms;
use crate::auth::sasl::{InvalidMessage, LOGIN_PROMPTS, Plain};
use crate::wire::{InvalidCredential, Mechanism, Name, Opening, Password};

/// An exchange in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    via: Via,
}

/// Who understands the next response.
#[derive(Clone, Copy, Debug)]
enum Via {
    /// The host.
    Host,
    /// The session: it is the message of PLAIN.
    Plain,
    /// The session: it is the name in LOGIN.
    LoginName,
    /// The session: it is the password in LOGIN.
    LoginPassword,
}

/// What a response means.
pub(super) enum Meaning<'a> {
    /// Only the host knows.
    ForHost,
    /// A name, after which the exchange goes on with another prompt.
    Name(Name<'a>, Exchange, &'static str),
    /// A password, and the name unless that came before.
    Password(Option<Name<'a>>, Password<'a>),
    /// Credentials that the host isn't asked about: it couldn't see whom the client wants to act for, or the password must be
    /// wrong, since it holds a line end.
    Hopeless,
}

impl Exchange {
    /// Begins an exchange, if the mechanism may be used. If it isn't the server that begins, the challenge that asks for the
    /// client's first message comes with it.
    pub(super) fn begin(
        mechanism: Mechanism,
        has_response: bool,
        terms: &Terms,
    ) -> Result<(Self, Option<&'static str>), Reply> {
        let offer = terms.config.offers.find(mechanism).ok_or(Reply::UnknownMechanism)?;
        if offer.properties.cleartext && !terms.may_log_in() {
            return Err(Reply::CleartextLogin);
        }
        if !offer.is_allowed(terms.may_log_in(), terms.identity) {
            return Err(Reply::UnknownMechanism);
        }
        let opening = offer.properties.opening;
        if has_response && !opening.takes_initial_response() {
            return Err(Reply::UnexpectedResponse);
        }
        let via = match mechanism {
            Mechanism::PLAIN if terms.config.sasl_passwords_as_logins => Via::Plain,
            Mechanism::LOGIN if terms.config.sasl_passwords_as_logins => Via::LoginName,
            _ => Via::Host,
        };
        let prompt = match (opening, via) {
            (Opening::Client, _) | (_, Via::Plain) => Some(""),
            (_, Via::LoginName) => Some(LOGIN_PROMPTS[0]),
            _ => None,
        };
        Ok((Self { mechanism, via }, prompt))
    }

    /// Reads a response. A name is no longer than one that USER can send.
    pub(super) fn read<'a>(self, response: &'a [u8], terms: &Terms) -> Result<Meaning<'a>, InvalidMessage> {
        let name = |name: Name<'a>| {
            let is_short = name.as_bytes().len() <= terms.config.command_line_limit as usize;
            if is_short { Ok(name) } else { Err(InvalidMessage::Form) }
        };
        let meaning = match self.via {
            Via::Host => Ok(Meaning::ForHost),
            Via::Plain => Plain::parse(response).and_then(|plain| {
                let name = name(plain.name)?;
                let is_for_other = plain.other_identity().is_some();
                Ok(if is_for_other { Meaning::Hopeless } else { Meaning::Password(Some(name), plain.password) })
            }),
            Via::LoginName => {
                let exchange = Self { via: Via::LoginPassword, ..self };
                Ok(Meaning::Name(name(Name::new(response)?)?, exchange, LOGIN_PROMPTS[1]))
            }
            Via::LoginPassword => Password::new(response).map(|it| Meaning::Password(None, it)).map_err(Into::into),
        };
        match meaning {
            Err(InvalidMessage::Credential(InvalidCredential::LineEnd)) => Ok(Meaning::Hopeless),
            meaning => meaning,
        }
    }
}
