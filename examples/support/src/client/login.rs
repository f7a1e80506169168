//! The login: the plan that the arguments ask for, and SCRAM, which a library carries out.

use pop3_proto::auth::sasl::BearerToken;
use pop3_proto::client::{Challenge, Event, Login, LoginError, Method, Session};
use pop3_proto::wire::{Mechanism, Verb};

use super::args::{Args, Credentials};
use super::scram::Scram;
use super::{Result, TlsMode};

const SCRAM: Mechanism = Mechanism::SCRAM_SHA_256;

/// A login that is under way.
pub(crate) struct LogIn {
    plan: Login,
    scram: Option<Box<Scram>>,
}

impl LogIn {
    /// The login that the arguments ask for: by their method, or else by the best on offer. That is never APOP: whoever
    /// controls the timestamp learns about the password.
    pub(crate) fn new(args: &Args, credentials: Credentials<'_>) -> Result<Self> {
        let Credentials { name, password } = credentials;
        let mut plan = match args.auth.0 {
            Some(method @ (Method::XOAuth2 | Method::OAuthBearer)) => {
                Login::with_token(name, BearerToken::new(password.expose())?).only(method)
            }
            Some(method) => Login::new(name, password).only(method),
            // What every server has, if it isn't asked what it has.
            None if args.no_capa => Login::new(name, password).only(Method::User),
            None => Login::new(name, password),
        };
        let takes_scram = match args.auth.0 {
            Some(method) => method == Method::Library(SCRAM),
            None => !args.no_capa,
        };
        let mut scram = if takes_scram { Scram::new(name, password).map(Box::new) } else { None };
        match &mut scram {
            Some(scram) => plan = plan.library(SCRAM, Some(&scram.first()?)),
            None if args.auth.0 == Some(Method::Library(SCRAM)) => {
                return Err("the name or password is not fit for SCRAM".into());
            }
            None => {}
        }
        if args.tls == TlsMode::Starttls {
            plan = plan.stls();
        }
        if args.no_capa {
            plan = plan.without_capa();
        }
        Ok(Self { plan, scram })
    }

    /// Sends what can be sent now. Gives what has come of the login, once.
    pub(crate) fn advance(&mut self, session: &mut Session) -> Option<Result<Method, LoginError>> {
        self.plan.advance(session);
        self.plan.outcome()
    }

    pub(crate) fn observe(&mut self, event: &Event<'_>) {
        self.plan.observe(event);
    }

    /// Answers a challenge, or fails: then nobody is logged in.
    pub(crate) fn answer(&mut self, challenge: Challenge<'_>) -> Result<()> {
        let Some(scram) = self.scram.as_mut().filter(|_| challenge.mechanism() == Some(SCRAM)) else {
            self.plan.answer(challenge);
            return Ok(());
        };
        match scram.answer(challenge.as_bytes()) {
            Ok(response) => challenge.respond(&response),
            Err(error) => {
                challenge.cancel();
                return Err(format!("AUTH {SCRAM}: {error}").into());
            }
        }
        Ok(())
    }

    /// What was refused last, where the server has closed instead of hearing more.
    pub(crate) fn end(&mut self, session: &Session) -> Option<LoginError> {
        self.plan.end(session)
    }

    /// A command of the login, for error messages.
    pub(crate) fn place(&self, verb: Verb) -> String {
        match self.plan.method() {
            Some(method) if verb == Verb::Auth => format!("AUTH {method}"),
            _ => verb.to_string(),
        }
    }
}

/// What to say about a login that has failed.
pub(crate) fn failed(error: &LoginError) -> String {
    format!("{error}{}", if error.offers.is_empty() { "" } else { ", see --auth" })
}
