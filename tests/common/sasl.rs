//! The host's half of SASL, for one user.

use std::rc::Rc;

use pop3_proto::auth::sasl::{
    BearerFailure, CramMd5, LOGIN_PROMPTS, Mechanism, Message, OAuthBearer, Password, Plain, XOAuth2,
};
use pop3_proto::server::{Authenticate, Rejection};
use pop3_proto::wire::{ResponseCode, Timestamp};

use super::TIMESTAMP;
use super::store::{Call, Store, TestDrop};

/// What the host remembers between two steps; its end is noted.
#[derive(Debug)]
pub struct TestExchange {
    store: Rc<Store>,
    /// How many challenges were sent.
    pub challenges: u32,
}

impl Drop for TestExchange {
    fn drop(&mut self) {
        self.store.log(Call::ExchangeDropped);
    }
}

/// What the host wants to answer.
enum Answer {
    Challenge(Vec<u8>),
    Accept,
    Reject,
}

/// Lets `mrose` in who knows `tanstaaf`, whatever the mechanism. Mechanisms of no RFC get their responses back as
/// challenges, and are accepted after [`Store::steps`] of them.
pub fn answer(store: &Rc<Store>, mut step: Authenticate<'_, TestDrop, TestExchange>) {
    let mechanism = step.mechanism();
    let (exchange, response) = step.exchange_and_response();
    let response = response.map(<[u8]>::to_vec);
    store.log(Call::Step(mechanism, response.clone()));
    let exchange = exchange.get_or_insert_with(|| TestExchange { store: Rc::clone(store), challenges: 0 });
    let answer = answer_to(store, mechanism, exchange.challenges, response.as_deref());
    exchange.challenges += 1;
    if mechanism == Mechanism::LOGIN && exchange.challenges == 1 && response.is_some() {
        // The name came with AUTH, so it isn't asked for.
        exchange.challenges += 1;
    }
    match answer {
        Answer::Challenge(failure) if store.rejects_with_challenge.get() => {
            step.challenge_and_reject(failure.as_slice(), Rejection::BadCredentials).unwrap();
        }
        Answer::Challenge(challenge) => store.challenge_was_too_long.set(step.challenge(challenge.as_slice()).is_err()),
        _ if store.refused_with.get().is_some_and(|code| ResponseCode::new(code).is_ok()) => {
            step.reject_with_code(ResponseCode::new(store.refused_with.get().unwrap()).unwrap());
        }
        Answer::Reject => step.reject(store.rejection.get().unwrap_or(Rejection::BadCredentials)),
        Answer::Accept if store.locked.replace(true) => step.reject(Rejection::InUse),
        Answer::Accept => store.broken.set(step.accept(TestDrop::new(store)).err()),
    }
}

fn answer_to(store: &Store, mechanism: Mechanism, challenges: u32, response: Option<&[u8]>) -> Answer {
    let accept_if = |right: bool| if right { Answer::Accept } else { Answer::Reject };
    let is_right = |name: &[u8], password: &[u8]| name == b"mrose" && password == b"tanstaaf";
    match (mechanism, response) {
        (Mechanism::CRAM_MD5, None) => Answer::Challenge(TIMESTAMP.into()),
        (Mechanism::CRAM_MD5, Some(response)) => accept_if(CramMd5::parse(response).is_ok_and(|response| {
            response.name.as_bytes() == b"mrose" && response.verify(&Timestamp::new(TIMESTAMP).unwrap(), b"tanstaaf")
        })),
        (Mechanism::PLAIN, Some(response)) => accept_if(
            Plain::parse(response).is_ok_and(|plain| is_right(plain.name.as_bytes(), plain.password.expose())),
        ),
        (Mechanism::LOGIN, _) => {
            match LOGIN_PROMPTS.get(challenges.max(u32::from(response.is_some())) as usize) {
                Some(prompt) => Answer::Challenge((*prompt).into()),
                None => accept_if(response.is_some_and(|password| {
                    Password::new(password).is_ok_and(|password| password.matches(b"tanstaaf"))
                })),
            }
        }
        (Mechanism::XOAUTH2 | Mechanism::OAUTHBEARER, Some(_)) if challenges > 0 => Answer::Reject,
        (Mechanism::XOAUTH2 | Mechanism::OAUTHBEARER, Some(response)) => {
            let right = if mechanism == Mechanism::XOAUTH2 {
                XOAuth2::parse(response).is_ok_and(|message| message.token.matches(b"tanstaaf"))
            } else {
                OAuthBearer::parse(response)
                    .is_ok_and(|message| message.token.is_some_and(|it| it.matches(b"tanstaaf")))
            };
            let mut failure = Vec::new();
            BearerFailure::new("invalid_token").unwrap().encode(&mut failure);
            if right { Answer::Accept } else { Answer::Challenge(failure) }
        }
        (Mechanism::EXTERNAL | Mechanism::ANONYMOUS, Some(_)) => Answer::Accept,
        (_, response) if challenges < store.steps.get() => Answer::Challenge(response.unwrap_or_default().to_vec()),
        (_, response) => accept_if(response.is_some()),
    }
}
