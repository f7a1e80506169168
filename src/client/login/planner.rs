//! The plan, and what it sends.

use core::num::NonZeroU16;

use super::account::Account;
use super::choice::{Policy, Stls, offers};
use super::error::{LoginError, LoginFailure};
use crate::auth::sasl::{BearerToken, Host, Mechanism};
use crate::client::capabilities::{Feature, Support};
use crate::client::error::{Error, SendError};
use crate::client::knowledge::Knowledge;
use crate::client::method::Method;
use crate::client::queue::Ticket;
use crate::client::session::Session;
use crate::client::state::{Life, Over};
use crate::secret::Secret;
use crate::wire::{Command, Name, Password, State};

/// A plan for the beginning of a session: ask what the server offers, log in by the best method, ask again.
///
/// - Call [`advance`](Self::advance) before each poll, then take the [`outcome`](Self::outcome), if there is one.
/// - Show each event to [`observe`](Self::observe) once, and have each challenge [answered](Self::answer).
///
/// It owns the name and the password or token, wipes the latter when it is over or dropped, and shows neither in its `Debug`. A
/// plan logs in once at the most. [The client's example](crate::client#with-a-loop-of-your-own) has one.
///
/// # What it sends
/// 1. STLS, where the caller [requires](Self::stls) it, or [takes it](Self::stls_if_offered) and CAPA lists it. The caller
///    does the handshake. Where STLS is refused, the login has failed.
/// 2. CAPA, unless it was answered already, or isn't [to be sent](Self::without_capa).
/// 3. The commands of the first allowed method that the server offers and that sends no secret where others may listen. A
///    server that doesn't know CAPA is taken to have USER. Where others may listen and the server offers STLS, there is no
///    such method until TLS is there, unless [`Config::cleartext_secrets`](crate::client::Config::cleartext_secrets) allows
///    it; nor is there where [`Config::require_tls`](crate::client::Config::require_tls) says so. After STLS, APOP comes after
///    all other methods: its timestamp came in the clear.
/// 4. After the login, CAPA once more, where it was answered before: a server may have less than it announced.
///
/// # When the next method is tried
/// | the server refuses | what follows |
/// |---|---|
/// | with `[AUTH]`, `[IN-USE]`, `[LOGIN-DELAY]`, `[SYS/…]` or another code for a failed login | nothing |
/// | a method before the password, the token or a proof of it was sent: it isn't there, though it is announced | the next method |
/// | a proof of the password (CRAM-MD5, APOP, SCRAM), without a reason: it may not have the password in the form that it needs | one more method, which sends the password itself only where the connection is [secure](crate::Security::is_secure) |
/// | a password that was sent | nothing |
/// | a token | nothing, until there is a [new one](Self::new_token) |
///
/// So two methods at the most prove or send the password. A method whose commands can't be sent at all, such as USER and PASS
/// where the password isn't ASCII, isn't tried. A server that answers `+OK` before the mechanism is done ends the session with
/// [`ProtocolError::UnexpectedLogin`](crate::client::ProtocolError::UnexpectedLogin).
///
/// # With a SASL library
/// [`library`](Self::library) allows a mechanism that the caller's library carries out, such as SCRAM-SHA-256, and has the
/// library's first message. The plan begins the exchange when it is the mechanism's turn, and its challenges are for the
/// library: answer those whose [`mechanism`](crate::client::Challenge::mechanism) it is, and give all others to
/// [`answer`](Self::answer). Where the server hasn't proved what it should, [cancel](crate::client::Challenge::cancel): the
/// plan tries nothing more then, since the other side may be an impostor.
#[derive(Debug)]
pub struct Login {
    pub(super) account: Account,
    pub(super) policy: Policy,
    pub(super) stage: Stage,
    /// Whether CAPA was sent on this side of STLS.
    asked: bool,
    /// The method that was tried last.
    pub(super) method: Option<Method>,
    /// The method, and why its commands can't be sent.
    unsent: Option<(Method, SendError)>,
    /// What was refused last, where the plan has gone on since.
    pub(super) refusal: Option<LoginError>,
    pub(super) outcome: Option<Result<Method, LoginError>>,
}

/// Where the plan is, and the command that it waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Something is to be sent.
    Ready,
    Stls(Ticket),
    /// CAPA.
    Asking(Ticket),
    Trying(Attempt),
    LoggedIn,
    /// CAPA once more.
    AskingAgain(Ticket),
    Over,
}

/// A login by one method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attempt {
    pub(super) method: Method,
    /// USER, if that is sent.
    pub(super) user: Option<Ticket>,
    /// The command that ends it.
    pub(super) last: Ticket,
    /// How many challenges were answered.
    pub(super) step: usize,
    /// Whether the server has said that it doesn't accept the token.
    pub(super) token_failed: bool,
}

impl Login {
    /// Creates a plan for a user with a password, by the methods [`Method::PASSWORD`].
    pub fn new(name: Name<'_>, password: Password<'_>) -> Self {
        Self::of(Account::of_password(name, password), &Method::PASSWORD)
    }

    /// Creates a plan for a user with a bearer token, by the methods [`Method::TOKEN`].
    pub fn with_token(name: Name<'_>, token: BearerToken<'_>) -> Self {
        Self::of(Account::of_token(name, token), &Method::TOKEN)
    }

    /// Creates a plan that has no secret of its own: by [`Method::External`], and by what a [library](Self::library) does.
    pub fn without_secret() -> Self {
        Self::of(Account::default(), &[Method::External])
    }

    fn of(account: Account, methods: &[Method]) -> Self {
        Self {
            account,
            policy: Policy::of(methods),
            stage: Stage::Ready,
            asked: false,
            method: None,
            unsent: None,
            refusal: None,
            outcome: None,
        }
    }

    /// Allows these methods and no others, the best first. One that needs another kind of secret than there is isn't tried.
    #[must_use]
    pub fn methods(mut self, methods: &[Method]) -> Self {
        self.policy.methods = methods.into();
        self.policy.takes_unoffered = false;
        self
    }

    /// Allows this method alone, and tries it even if the server doesn't announce it.
    #[must_use]
    pub fn only(mut self, method: Method) -> Self {
        self.policy.methods = [method].into();
        self.policy.takes_unoffered = true;
        self
    }

    /// Allows a mechanism of a SASL library, before all methods that are allowed by now; `first` is the client's first
    /// message, for a mechanism that begins with one. A library that makes it only when it is asked for gets an empty
    /// challenge.
    #[must_use]
    pub fn library(mut self, mechanism: Mechanism, first: Option<&[u8]>) -> Self {
        let method = Method::Library(mechanism);
        self.policy.methods.retain(|allowed| *allowed != method);
        self.policy.methods.insert(0, method);
        self.account.firsts.retain(|(of, _)| *of != mechanism);
        self.account.firsts.extend(first.map(|first| (mechanism, Secret::from(first))));
        self
    }

    /// Acts for somebody else than the user whose secret it is (an authorization identity): by PLAIN, OAUTHBEARER, EXTERNAL or a
    /// library, since no other method can.
    #[must_use]
    pub fn acting_for(mut self, name: Name<'_>) -> Self {
        self.account.authorization = Some(name.as_bytes().into());
        self
    }

    /// Names the host and port that the client meant to reach, for OAUTHBEARER (RFC 7628 §3.1).
    #[must_use]
    pub fn host(mut self, host: Host<'_>, port: Option<NonZeroU16>) -> Self {
        self.account.host = Some((host.as_str().into(), port));
        self
    }

    /// Sends STLS first of all, unless there is TLS already. Where the server refuses it, nobody logs in.
    #[must_use]
    pub fn stls(mut self) -> Self {
        self.policy.stls = Stls::Required;
        self
    }

    /// Sends STLS where CAPA lists it, unless there is TLS already. Where the server refuses it then, nobody logs in. Somebody
    /// on the way can keep it off the list: where the server is known to have STLS, [require it](Self::stls).
    #[must_use]
    pub fn stls_if_offered(mut self) -> Self {
        self.policy.stls = Stls::IfOffered;
        self
    }

    /// Sends no CAPA, for a server that has trouble with it: each allowed method is tried in its turn, as if it was offered.
    #[must_use]
    pub fn without_capa(mut self) -> Self {
        self.policy.asks = false;
        self
    }

    /// Sends what can be sent now; before the greeting nothing.
    pub fn advance(&mut self, session: &mut Session) {
        match (session.state(), self.stage) {
            (Some(State::Transaction), Stage::LoggedIn) => self.ask_again(session),
            (Some(State::Authorization), Stage::Ready) => {
                if let Err(failure) = self.send(session) {
                    self.fail(failure, session);
                }
            }
            // Somebody has logged in without this plan.
            (Some(State::Transaction), Stage::Ready) => {
                self.fail(LoginFailure::Unsent(SendError::WrongState), session);
            }
            // The greeting or an answer is due, or nothing is left to do.
            _ => {}
        }
    }

    fn send(&mut self, session: &mut Session) -> Result<(), LoginFailure> {
        let knows = session.life.knowledge().is_some_and(Knowledge::is_complete);
        let stls = match self.policy.stls {
            _ if session.security().is_tls() => false,
            Stls::No => false,
            Stls::IfOffered => session.support(Feature::Stls) == Support::Yes,
            Stls::Required => true,
        };
        if stls {
            if let Some(ticket) = sent(session.send(&Command::Stls))? {
                self.asked = false;
                self.stage = Stage::Stls(ticket);
            }
        } else if self.policy.asks && !knows && !self.asked {
            if let Some(ticket) = sent(session.send(&Command::Capa))? {
                self.asked = true;
                self.stage = Stage::Asking(ticket);
            }
        } else {
            self.log_in(session)?;
        }
        Ok(())
    }

    /// Begins the login by the next method.
    fn log_in(&mut self, session: &mut Session) -> Result<(), LoginFailure> {
        loop {
            let method = self.policy.choose(&self.account, session)?;
            let begun = match self.account.begin(method, session) {
                // Another method may carry it.
                Err(error @ (SendError::NotAscii | SendError::TooLong)) => {
                    self.unsent.get_or_insert((method, error));
                    None
                }
                begun => match sent(begun) {
                    Ok(None) => return Ok(()),
                    Ok(begun) => begun,
                    Err(failure) => {
                        self.method = Some(method);
                        return Err(failure);
                    }
                },
            };
            self.policy.methods.retain(|allowed| *allowed != method);
            if let Some((user, last)) = begun {
                self.method = Some(method);
                self.stage = Stage::Trying(Attempt { method, user, last, step: 0, token_failed: false });
                return Ok(());
            }
        }
    }

    fn ask_again(&mut self, session: &mut Session) {
        if !self.policy.asks || session.capabilities().is_none() {
            return self.succeed();
        }
        match session.send(&Command::Capa) {
            Ok(ticket) => self.stage = Stage::AskingAgain(ticket),
            Err(SendError::QueueFull) => {}
            // The caller has had enough, and is logged in all the same.
            Err(_) => self.succeed(),
        }
    }

    /// Returns what has come of the plan, once: the method by which the user is logged in, or why nobody is.
    ///
    /// After [`Retry::NewToken`](crate::client::Retry::NewToken) the plan goes on with a [new token](Self::new_token). After
    /// anything else it is over.
    pub fn outcome(&mut self) -> Option<Result<Method, LoginError>> {
        self.outcome.take()
    }

    /// Goes on with another token, by the same method, after a login by token has failed.
    pub fn new_token(&mut self, token: BearerToken<'_>) {
        let Some(method @ (Method::OAuthBearer | Method::XOAuth2)) = self.method else { return };
        if self.stage == Stage::Over && self.account.is_known() {
            self.account.set_token(token);
            self.policy.methods = [method].into();
            self.policy.takes_unoffered = true;
            self.stage = Stage::Ready;
        }
    }

    /// Returns the method that is being tried, or was tried last.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Takes note that the session has ended. Returns the last refusal, where the plan was about to try another method and the
    /// server has closed instead: the reason that a user should see. `None` where the session's own end says more.
    pub fn end(&mut self, session: &Session) -> Option<LoginError> {
        let is_under_way = !matches!(self.stage, Stage::LoggedIn | Stage::AskingAgain(_) | Stage::Over);
        let is_broken = matches!(&session.life, Life::Over(Over { how: Err(Error::Protocol(_)), .. }));
        self.stage = Stage::Over;
        self.account = Account::default();
        self.refusal.take().filter(|_| is_under_way && !is_broken)
    }

    /// The server has let the user in: nothing is left to be proved.
    pub(super) fn logged_in(&mut self) {
        self.stage = Stage::LoggedIn;
        self.account = Account::default();
    }

    pub(super) fn succeed(&mut self) {
        self.over(self.method.map(Ok));
    }

    /// Ends the plan. Where a method was refused and no other is left, it is the refusal that a user should see.
    pub(super) fn fail(&mut self, failure: LoginFailure, session: &Session) {
        let is_left = matches!(failure, LoginFailure::NeedsTls | LoginFailure::NotOffered);
        let refusal = self.refusal.take().filter(|_| is_left);
        let error = refusal.unwrap_or_else(|| {
            let (method, failure) = match (self.unsent.take(), failure) {
                (Some((method, error)), _) if is_left => (Some(method), LoginFailure::Unsent(error)),
                (_, failure) => (self.method.or(self.policy.only()), failure),
            };
            LoginError { failure, method, offers: offers(session) }
        });
        self.over(Some(Err(error)));
    }

    pub(super) fn over(&mut self, outcome: Option<Result<Method, LoginError>>) {
        self.stage = Stage::Over;
        self.outcome = outcome;
        self.account.forget_secret();
    }
}

/// What was sent; nothing if it has to wait.
fn sent<T>(result: Result<T, SendError>) -> Result<Option<T>, LoginFailure> {
    match result {
        Ok(sent) => Ok(Some(sent)),
        Err(SendError::QueueFull) => Ok(None),
        Err(SendError::Cleartext | SendError::NeedsTls) => Err(LoginFailure::NeedsTls),
        Err(error) => Err(LoginFailure::Unsent(error)),
    }
}
