//! Conversations with a client's session, in which each block of memory is searched.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, Password};
use pop3_proto::client::{Action, Challenge, Closed, Config, InitialResponsePolicy, Login, Method, Session};
use pop3_proto::wire::{Command, Mechanism, Name, Verb};
use pop3_proto::{Io, Security};
use searching_allocator::{Search, pause};

use super::{End, SECRET, TIMESTAMP, encoded};

/// What the server says in its challenges, which is nobody else's business either.
pub(super) const CHALLENGE: &str = "<eW9/iM2|oB7.aH6,dX3~qY5+tU8`fC1}gP0{nI4]>";

/// How the client logs in.
#[derive(Clone, Debug)]
pub(super) enum How {
    Login(Method),
    /// An exchange of the caller's own: the mechanism, the first message, and what answers challenges.
    Exchange(Mechanism, Option<String>, Vec<String>),
}

/// A login, and what the server says to its lines.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) how: How,
    pub(super) policy: InitialResponsePolicy,
    pub(super) replies: Vec<String>,
}

pub(super) fn way(how: How, policy: InitialResponsePolicy, replies: &[&str]) -> Way {
    let challenge = encoded(CHALLENGE);
    let replies = replies.iter().map(|reply| format!("{}\r\n", reply.replace('#', &challenge))).collect();
    Way { how, policy, replies }
}

/// One conversation: CAPA, the login, then two commands more.
#[derive(Clone, Copy)]
pub(super) struct Talk<'a> {
    pub(super) way: &'a Way,
    /// How many octets are read and written at a time.
    pub(super) size: usize,
    pub(super) end: End,
    /// How many octets pass, in both directions together.
    pub(super) octets: usize,
    /// After how many actions the session is dropped, with the last one not answered.
    pub(super) actions: usize,
    pub(super) stls: bool,
    pub(super) pipelining: bool,
}

impl fmt::Debug for Talk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, size, end, octets, actions, stls, pipelining } = self;
        write!(f, "{way:?}, {size} at a time, {end:?} after {octets} octets or {actions} actions")?;
        write!(f, ", STLS: {stls}, pipelining: {pipelining}")
    }
}

/// How far a conversation came.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) octets: usize,
    pub(super) actions: usize,
    pub(super) closed: Option<Closed>,
}

const CAPABILITIES: &str = "+OK\r\nUSER\r\nPIPELINING\r\nSASL PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER\r\n.\r\n";

impl<'a> Talk<'a> {
    pub(super) fn new(way: &'a Way) -> Self {
        Self {
            way,
            size: usize::MAX,
            end: End::HangsUp,
            octets: usize::MAX,
            actions: usize::MAX,
            stls: false,
            pipelining: false,
        }
    }

    /// Has it, and looks for secrets.
    pub(super) fn search(self, search: &Search) -> Progress {
        let config =
            Arc::new(Config::new().initial_response(self.way.policy).pipelining(self.pipelining).window(512).unwrap());
        let mut replies = vec![format!("+OK ready {TIMESTAMP}\r\n")];
        replies.extend(self.stls.then(|| "+OK\r\n".to_owned()));
        replies.push(CAPABILITIES.to_owned());
        replies.extend(self.way.replies.iter().cloned());
        // A refused name keeps a password back that isn't sent yet.
        let is_late = self.pipelining && self.last_verb() == Verb::Pass && self.way.replies.len() == 1;
        replies.extend(is_late.then(|| "-ERR\r\n".to_owned()));
        replies.extend(["+OK\r\n.\r\n".to_owned(), "+OK\r\n".to_owned()]);
        let progress = search.run(|| self.run(&config, &replies, search));
        assert_eq!(search.freed(), None, "given back: {self:?}");
        progress
    }

    fn run(self, config: &Arc<Config>, replies: &[String], search: &Search) -> Progress {
        let is_clean = |place: &str| {
            let found = search.in_use();
            pause(|| assert_eq!(found, None, "{place}: {self:?}"));
        };
        let security = if self.stls { Security::Cleartext } else { Security::Tls };
        let mut session = Box::new(Session::new(Arc::clone(config), security));
        if self.stls {
            session.send(&Command::Stls).unwrap();
        }
        let capa = session.send(&Command::Capa).unwrap();
        let (mut login, mut responses) = (None::<Box<Login>>, self.responses());
        let (mut is_over, mut quits) = (false, false);
        let mut replies = replies.iter().map(String::as_bytes);
        let mut down: &[u8] = &[];
        let (mut progress, mut now) = (Progress::default(), Duration::ZERO);
        loop {
            if let Some(login) = &mut login {
                login.advance(&mut session);
            }
            if is_over {
                is_clean("after the login");
            }
            let Ok(action) = session.poll(now) else {
                if let Some(login) = &mut login {
                    login.end(&session);
                }
                is_clean("failed");
                return progress;
            };
            progress.actions += 1;
            if progress.actions > self.actions {
                return progress;
            }
            let left = (self.octets - progress.octets).min(self.size);
            match action {
                Action::Io(_) if left == 0 => match (self.end, action) {
                    (End::HangsUp, Action::Io(Io::Read(read))) => read.filled(0),
                    (End::HangsUp, Action::Io(Io::Write(write))) => write.into_read().unwrap().filled(0),
                    (End::FallsSilent, _) => now += Duration::from_secs(600),
                    _ => return progress,
                },
                Action::Io(Io::Read(mut read)) => {
                    if down.is_empty() {
                        down = replies.next().unwrap_or_default();
                    }
                    let space = read.space();
                    let octets = left.min(down.len()).min(space.len());
                    space[..octets].copy_from_slice(&down[..octets]);
                    down = &down[octets..];
                    progress.octets += octets;
                    read.filled(octets);
                }
                Action::Io(Io::Write(mut write)) => {
                    let octets = write.remaining().min(left);
                    write.advance(octets);
                    progress.octets += octets;
                }
                Action::Event(event) => {
                    if let Some(login) = &mut login {
                        login.observe(&event);
                    }
                    let knows_capabilities = event.ticket() == Some(capa) && event.completes();
                    is_over |= event.verb() == Some(self.last_verb()) && event.completes();
                    event.done();
                    if knows_capabilities {
                        login = self.begin(&mut session);
                    }
                    if is_over && !quits {
                        session.send(&Command::Capa).unwrap();
                        session.send(&Command::Quit).unwrap();
                        quits = true;
                    }
                }
                Action::Challenge(challenge) => answer(challenge, &mut login, &mut responses),
                Action::StartTls(start) => start.established(),
                Action::Closed(closed) => {
                    is_clean("closed");
                    progress.closed = Some(closed);
                    return progress;
                }
                other => pause(|| panic!("{other:?}: {self:?}")),
            }
        }
    }

    fn responses(self) -> impl Iterator<Item = &'a [u8]> {
        let responses: &[String] = if let How::Exchange(_, _, responses) = &self.way.how { responses } else { &[] };
        responses.iter().map(String::as_bytes)
    }

    /// The command whose answer ends the login.
    fn last_verb(self) -> Verb {
        match self.way.how {
            How::Login(Method::User) => Verb::Pass,
            How::Login(Method::Apop) => Verb::Apop,
            _ => Verb::Auth,
        }
    }

    /// Begins the login.
    fn begin(self, session: &mut Session) -> Option<Box<Login>> {
        match &self.way.how {
            // What a secret is moved in may leave a copy, so it has a place of its own.
            How::Login(method) => return Some(Box::new(login(*method))),
            How::Exchange(mechanism, Some(first), _) => {
                session.authenticate_with(*mechanism, first.as_bytes()).unwrap();
            }
            How::Exchange(mechanism, None, _) => {
                session.authenticate(*mechanism).unwrap();
            }
        }
        None
    }
}

/// A login by one method.
pub(super) fn login(method: Method) -> Login {
    let name = Name::new("mrose").unwrap();
    let login = match method {
        Method::OAuthBearer | Method::XOAuth2 => Login::with_token(name, BearerToken::new(SECRET).unwrap()),
        _ => Login::new(name, Password::new(SECRET).unwrap()),
    };
    login.only(method).without_capa()
}

fn answer<'a>(
    challenge: Challenge<'_>,
    login: &mut Option<Box<Login>>,
    responses: &mut impl Iterator<Item = &'a [u8]>,
) {
    match (login, responses.next()) {
        (Some(login), _) => login.answer(challenge),
        (None, Some(response)) => challenge.respond(response),
        (None, None) => challenge.cancel(),
    }
}
