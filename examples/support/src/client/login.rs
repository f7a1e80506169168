//! The login: which way, how it goes, and what to say where it fails.

use pop3_proto::client::{
    Capabilities, Challenge, Credential, Event, EventKind, Feature, Login, Method, Session, Support, Ticket,
};
use pop3_proto::wire::{Mechanism, Response, Verb};

use super::Result;
use super::args::{Args, Credentials};
use super::failure::{line, without};
use super::scram::Scram;

/// What `--auth auto` may take, the best first. Not APOP: whoever controls the timestamp learns about the password.
const AUTO: [Method; 5] = [Method::ScramSha256, Method::CramMd5, Method::Plain, Method::Login, Method::User];

/// A login that is under way.
pub(crate) struct LogIn<'a> {
    method: Method,
    /// What else the server offers, for error messages.
    others: String,
    exchange: Exchange<'a>,
    credential: Credential<'a>,
}

enum Exchange<'a> {
    Plain(Login<'a>),
    Scram(Ticket, Box<Scram>),
}

impl<'a> LogIn<'a> {
    /// Sends the first commands of a login, by the method that the arguments say, or else by the best on offer.
    pub(crate) fn begin(args: &Args, credentials: Credentials<'a>, session: &mut Session) -> Result<Self> {
        let Credentials { name, credential } = credentials;
        let scram = if let Credential::Password(password) = credential { Scram::new(name, password) } else { None };
        let method = match args.auth.0 {
            Some(method) => method,
            // What every server has, if it isn't asked what it has.
            None if args.no_capa => Method::User,
            None => Method::choose(session, if scram.is_some() { &AUTO } else { &AUTO[1..] })
                .map_err(|error| format!("login: {error}; {}", offers(session, None)))?,
        };
        let others = offers(session, Some(method));
        let exchange = Exchange::begin(method, credentials, scram, session)
            .map_err(|error| format!("login by {method}: {error}; {others}"))?;
        Ok(Self { method, others, exchange, credential })
    }

    /// Answers a challenge, or fails.
    pub(crate) fn answer(&mut self, challenge: Challenge<'_>) -> Result<()> {
        match &mut self.exchange {
            Exchange::Plain(login) => login.answer(challenge),
            Exchange::Scram(_, scram) => match scram.answer(challenge.as_bytes()) {
                Ok(response) => challenge.respond(&response),
                Err(error) => {
                    challenge.cancel();
                    return Err(format!("AUTH {}: {error}", self.method).into());
                }
            },
        }
        Ok(())
    }

    /// Whether this event ends the login; it may still be one without a proof.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> Option<Result<()>> {
        match &mut self.exchange {
            // The job looks at refusals itself.
            Exchange::Plain(login) => login.observe(event).map(|_| Ok(())),
            Exchange::Scram(ticket, scram) => {
                let is_over = event.completes() && event.ticket() == Some(*ticket);
                is_over.then(|| match event.kind() {
                    // Whoever knows the password proves it, and this one hasn't: it may be anybody.
                    EventKind::Ok(_) if !scram.is_proved() => {
                        Err("AUTH SCRAM-SHA-256: the server has not proved that it knows the password".into())
                    }
                    _ => Ok(()),
                })
            }
        }
    }

    /// A command of the login, for error messages.
    pub(crate) fn place(&self, verb: Verb) -> String {
        if verb == Verb::Auth { format!("AUTH {}", self.method) } else { verb.to_string() }
    }

    /// What to say where the server refuses the login.
    pub(crate) fn refused(&self, verb: Verb, response: &Response<'_>) -> String {
        let line = line(response.status(), response.code(), &self.without_secret(response.text()));
        format!("{}: {line}; {}", self.place(verb), self.others)
    }

    /// A server's words without the password or token: some servers repeat what they didn't understand.
    pub(crate) fn without_secret(&self, octets: &[u8]) -> Vec<u8> {
        match self.credential {
            Credential::Password(password) => without(password.expose(), octets),
            Credential::Token(token) => without(token.expose(), octets),
        }
    }
}

impl<'a> Exchange<'a> {
    fn begin(
        method: Method,
        credentials: Credentials<'a>,
        scram: Option<Scram>,
        session: &mut Session,
    ) -> Result<Self> {
        if method == Method::ScramSha256 {
            let mut scram = scram.ok_or("the name or password is not fit for SCRAM")?;
            let ticket = session.authenticate_with(Mechanism::SCRAM_SHA_256, &scram.first()?)?;
            return Ok(Self::Scram(ticket, Box::new(scram)));
        }
        let mut login = Login::new(method, credentials.name, credentials.credential);
        login.begin(session)?;
        Ok(Self::Plain(login))
    }
}

/// What the server offers beside a method, if any is left out.
fn offers(session: &Session, but: Option<Method>) -> String {
    let mechanisms = session.capabilities().into_iter().flat_map(Capabilities::mechanisms);
    let mut names: Vec<_> = mechanisms.map(|mechanism| mechanism.to_string()).collect();
    if session.support(Feature::User) == Support::Yes {
        names.push(Method::User.to_string());
    }
    if session.timestamp().is_some() {
        names.push(Method::Apop.to_string());
    }
    let but = but.map(|method| method.to_string());
    names.retain(|name| Some(name) != but.as_ref());
    let too = if but.is_some() { " too" } else { "" };
    match (names.is_empty(), session.capabilities()) {
        (false, _) => format!("the server offers {}{too}, see --auth", names.join(", ")),
        (true, Some(_)) => format!("the server offers nothing{}", if but.is_some() { " else" } else { "" }),
        (true, None) => "the server does not say what it offers".to_owned(),
    }
}
