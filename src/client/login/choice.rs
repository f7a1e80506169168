//! Which method is next.

use alloc::vec::Vec;

use super::account::Account;
use super::error::LoginFailure;
use crate::client::capabilities::{Capabilities, Feature, Support};
use crate::client::method::Method;
use crate::client::session::Session;
use crate::client::state::{Authorization, Life};

/// What a caller allows.
#[derive(Debug)]
pub(super) struct Policy {
    /// The methods that weren't tried, the best first.
    pub(super) methods: Vec<Method>,
    /// Whether a method is taken whether it is offered or not.
    pub(super) takes_unoffered: bool,
    pub(super) stls: Stls,
    /// Whether the server is asked with CAPA what it offers.
    pub(super) asks: bool,
    /// Whether a digest was refused without a reason: then the password follows only where nobody listens, and nothing after
    /// one more refusal.
    pub(super) has_refused_digest: bool,
}

/// Whether the plan sends STLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stls {
    No,
    IfOffered,
    Required,
}

impl Policy {
    pub(super) fn of(methods: &[Method]) -> Self {
        let methods = methods.into();
        Self { methods, takes_unoffered: false, stls: Stls::No, asks: true, has_refused_digest: false }
    }

    /// The method that is to be tried whatever is offered, where there is one.
    pub(super) fn only(&self) -> Option<Method> {
        self.methods.first().copied().filter(|_| self.takes_unoffered)
    }

    /// The first of the methods that the server offers and that sends no secret where others may listen. It depends on what
    /// is known now.
    pub(super) fn choose(&self, account: &Account, session: &Session) -> Result<Method, LoginFailure> {
        // A proof in the clear is one that can be guessed from, and the server may offer more once there is TLS.
        let offers_tls = !session.may_send_secrets() && session.support(Feature::Stls) == Support::Yes;
        if offers_tls || !session.may_log_in() {
            return Err(LoginFailure::NeedsTls);
        }
        let is_upgraded = matches!(session.life, Life::Authorization(Authorization { is_upgraded: true, .. }));
        // The timestamp came in the clear.
        let is_last = |method: &Method| is_upgraded && *method == Method::Apop;
        let is_offered = |method: &Method| self.takes(*method, session) && account.suits(*method);
        let offered = || self.methods.iter().copied().filter(is_offered);
        let may_send_secrets =
            if self.has_refused_digest { session.security().is_secure() } else { session.may_send_secrets() };
        let mut failure = LoginFailure::NotOffered;
        for method in offered().filter(|method| !is_last(method)).chain(offered().filter(is_last)) {
            if !method.sends_secret() || may_send_secrets {
                return Ok(method);
            }
            failure = LoginFailure::NeedsTls;
        }
        Err(failure)
    }

    /// Whether a method is offered, or may be tried without that.
    fn takes(&self, method: Method, session: &Session) -> bool {
        // Nothing can be sent without the timestamp.
        if method == Method::Apop {
            return session.timestamp().is_some();
        }
        let is_offered = match method.mechanism() {
            Some(mechanism) => mechanisms(session).any(|offered| offered.mechanism() == Some(mechanism)),
            // A server that doesn't know CAPA is taken to have it.
            None => session.support(Feature::User) != Support::No,
        };
        is_offered || self.takes_unoffered || !self.asks
    }
}

fn mechanisms(session: &Session) -> impl Iterator<Item = Method> {
    session.capabilities().into_iter().flat_map(Capabilities::mechanisms).map(Method::of)
}

/// What a server offers, as far as that is known.
pub(super) fn offers(session: &Session) -> Vec<Method> {
    let user = (session.support(Feature::User) == Support::Yes).then_some(Method::User);
    let apop = session.timestamp().map(|_| Method::Apop);
    mechanisms(session).chain(user).chain(apop).collect()
}
