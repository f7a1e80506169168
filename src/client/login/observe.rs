//! What events and challenges mean for a plan.

use alloc::string::String;

use super::choice::offers;
use super::error::{LoginError, LoginFailure};
use super::planner::{Attempt, Login, Stage};
use super::text::without;
use crate::client::challenge::Challenge;
use crate::client::error::SendError;
use crate::client::event::{Event, EventKind};
use crate::client::method::Method;
use crate::client::retry::Retry;
use crate::client::session::Session;
use crate::wire::{Response, Status, Verb};

impl Login {
    /// Takes note of an event. [`advance`](Self::advance) after it has what follows.
    pub fn observe(&mut self, event: &Event<'_>) {
        if self.stage == Stage::Over {
            return;
        }
        let (ticket, kind) = (event.ticket(), event.kind());
        match (self.stage, kind) {
            (Stage::LoggedIn | Stage::AskingAgain(_), EventKind::Farewell(_)) => {}
            (_, EventKind::Greeting(response) | EventKind::Farewell(response)) if response.status() == Status::Err => {
                let refusal = self.refused(None, &response, event.session);
                self.over(Some(Err(refusal)));
            }
            (Stage::Stls(stls), _) if ticket == Some(stls) => self.observe_stls(event),
            (Stage::Asking(capa), _) if ticket == Some(capa) && event.completes() => self.stage = Stage::Ready,
            (Stage::AskingAgain(capa), _) if ticket == Some(capa) && event.completes() => self.succeed(),
            (Stage::Trying(attempt), _) if ticket == Some(attempt.last) => self.observe_last(attempt, event),
            (Stage::Trying(attempt), EventKind::Failed(response)) if ticket.is_some() && ticket == attempt.user => {
                self.refusal = Some(self.refused(Some(Verb::User), &response, event.session));
            }
            _ => {}
        }
    }

    fn observe_stls(&mut self, event: &Event<'_>) {
        match event.kind() {
            EventKind::Failed(response) => {
                let refusal = self.refused(Some(Verb::Stls), &response, event.session);
                self.over(Some(Err(refusal)));
            }
            EventKind::NotSent => self.fail(LoginFailure::Unsent(SendError::WrongState), event.session),
            _ => self.stage = Stage::Ready,
        }
    }

    /// The command that ends a login is answered.
    fn observe_last(&mut self, attempt: Attempt, event: &Event<'_>) {
        match event.kind() {
            EventKind::Ok(_) => self.logged_in(),
            EventKind::BearerFailure(_) => self.stage = Stage::Trying(Attempt { token_failed: true, ..attempt }),
            EventKind::Failed(response) => self.observe_refusal(attempt, &response, event),
            EventKind::NotSent => match self.refused_name(attempt) {
                // The password wasn't sent.
                Some(refusal) => self.go_on(refusal, attempt, false),
                None => self.fail(LoginFailure::Unsent(SendError::WrongState), event.session),
            },
            _ => {}
        }
    }

    fn observe_refusal(&mut self, attempt: Attempt, response: &Response<'_>, event: &Event<'_>) {
        let Attempt { method, .. } = attempt;
        let (messages, is_cancelled) = match &event.session.queue.exchange {
            Some(exchange) => (exchange.messages(), exchange.is_cancelled),
            None => (1, false),
        };
        if is_cancelled && matches!(method, Method::Library(_)) {
            return self.fail_at_once(LoginFailure::Cancelled, event.session);
        }
        // A password that went ahead of the refusal of its name is refused for that.
        let refusal = self.refused_name(attempt).unwrap_or_else(|| {
            let mut refusal = self.refused(event.verb(), response, event.session);
            refusal.asks_for_token(attempt.token_failed);
            refusal
        });
        let is_disclosed = method.messages_to_secret().is_some_and(|messages_to_secret| messages >= messages_to_secret);
        self.go_on(refusal, attempt, is_disclosed);
    }

    /// The refusal of the name that an attempt began with.
    fn refused_name(&mut self, attempt: Attempt) -> Option<LoginError> {
        self.refusal.take_if(|refusal| attempt.user.is_some() && refusal.verb() == Some(Verb::User))
    }

    /// Goes on after a refusal, or ends the plan. The secret, or a proof of it, was sent or not.
    fn go_on(&mut self, refusal: LoginError, attempt: Attempt, is_disclosed: bool) {
        let is_proof = !attempt.method.sends_secret();
        let may_go_on =
            refusal.retry() == Some(Retry::Unknown) && (!is_disclosed || (is_proof && !self.policy.has_refused_digest));
        if may_go_on {
            self.policy.has_refused_digest |= is_disclosed;
            self.refusal = Some(refusal);
            self.stage = Stage::Ready;
        } else {
            self.over(Some(Err(refusal)));
        }
    }

    fn fail_at_once(&mut self, failure: LoginFailure, session: &Session) {
        self.refusal = None;
        self.fail(failure, session);
    }

    /// What a server has refused.
    fn refused(&self, verb: Option<Verb>, response: &Response<'_>, session: &Session) -> LoginError {
        let shown = |octets| without(self.account.secret(), octets);
        let code = response.code().map(|code| shown(code.as_str().as_bytes()));
        let failure = LoginFailure::Refused {
            verb,
            code: code.map(|code| String::from_utf8_lossy(&code).into()),
            retry: response.code().into(),
            text: shown(response.text()),
        };
        LoginError { failure, method: self.method, offers: offers(session) }
    }

    /// Answers a challenge of the login. One that is for the caller's [library](Self::library) is cancelled.
    pub fn answer(&mut self, challenge: Challenge<'_>) {
        let Stage::Trying(attempt) = &mut self.stage else { return challenge.cancel() };
        let step = attempt.step;
        attempt.step += 1;
        self.account.answer(attempt.method, step, challenge);
    }
}
