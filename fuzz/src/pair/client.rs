//! The client's half of a pair: it logs in, and gets what there is by a plan or by a list of commands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, Password};
use pop3_proto::client::{Action, Closed, Config, Credential, Event, EventKind, Login, Method, SendError, Session};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Name, ResponseCode, State, Verb};
use pop3_proto::{BelowMinimum, Io, Security};

use super::gathered::Gathered;
use super::{Case, NAME, PASSWORD, Pipe, Polled, Step};

pub struct Client<'a> {
    case: &'a Case<'a>,
    session: Session,
    has_tls: bool,
    login: Option<Login<'static>>,
    logins: u32,
    /// What is still to be sent where there is a list.
    list: VecDeque<Command<'static>>,
    pub gathered: Gathered,
}

/// What an event leads to, once it is dealt with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    LogIn,
    StartTls,
    /// There is TLS: what was known isn't any more.
    AskAgain,
}

impl<'a> Client<'a> {
    pub fn new(case: &'a Case<'a>) -> Self {
        let settings = &case.settings;
        let or = |value: u8, default| if value == 0 { default } else { u32::from(value) };
        let build = || -> Result<Config, BelowMinimum> {
            Config::new()
                .window(512 + 4 * u32::from(settings.window))?
                .queue(255 + u32::from(settings.queue))?
                .pipelined(or(settings.commands, 32), or(settings.octets, 1_024))
        };
        let config = build().expect("a configuration within its bounds");
        let config = config.pipelining(!settings.one_by_one).initial_response(settings.policy());
        let security = if settings.stls { Security::Cleartext } else { Security::TrustedLocal };
        let mut session = Session::new(Arc::new(config), security);
        session.send(&Command::Capa).expect("a command");
        let (login, list, gathered) = (None, list(case), Gathered::new(settings));
        Self { case, session, has_tls: false, login, logins: 0, list, gathered }
    }

    /// Sends what can be sent, once somebody is logged in.
    fn say(&mut self) {
        if self.session.state() != Some(State::Transaction) {
            return;
        }
        if !self.case.settings.listed {
            let going_on = self.gathered.fetch.advance(&mut self.session);
            assert!(going_on.is_ok(), "{going_on:?}");
            return;
        }
        while let Some(command) = self.list.front() {
            match self.session.send(command) {
                Err(SendError::QueueFull) => return,
                sent => self.gathered.sent(sent.expect("a command"), command),
            }
            self.list.pop_front();
        }
    }

    fn log_in(&mut self) {
        let method = self.case.settings.method();
        assert_eq!(Method::choose(&self.session, &[method]), Ok(method));
        let is_wrong = self.case.settings.wrong_first && self.logins == 0;
        let password = if is_wrong { "wrong" } else { PASSWORD };
        let credential = if Method::TOKEN.contains(&method) {
            Credential::Token(BearerToken::new(password.trim_end()).expect("a token"))
        } else {
            Credential::Password(Password::new(password).expect("a password"))
        };
        let mut login = Login::new(method, Name::new(NAME).expect("a name"), credential);
        login.begin(&mut self.session).unwrap_or_else(|error| panic!("{error}"));
        self.login = Some(login);
        self.logins += 1;
    }

    pub fn poll(&mut self, input: &mut Pipe, output: &mut Pipe, step: Step) -> Polled<Closed> {
        self.say();
        let (polled, next) = self.act(input, output, step);
        match next {
            Next::Nothing => {}
            Next::LogIn => self.log_in(),
            Next::StartTls => _ = self.session.send(&Command::Stls).expect("a command"),
            Next::AskAgain => _ = self.session.send(&Command::Capa).expect("a command"),
        }
        polled
    }

    fn act(&mut self, input: &mut Pipe, output: &mut Pipe, step: Step) -> (Polled<Closed>, Next) {
        let mut next = Next::Nothing;
        let action = self.session.poll(Duration::ZERO).unwrap_or_else(|error| panic!("{error}"));
        let moved = match action {
            Action::Closed(closed) => return (Polled::Closed(closed), next),
            _ if step.drop => false,
            Action::Idle(idle) => panic!("{idle:?}, and nothing is left to do"),
            Action::Io(Io::Read(mut read)) => {
                let octets = input.get(read.space(), step);
                if octets > 0 {
                    read.filled(octets);
                }
                octets > 0
            }
            Action::Io(Io::Write(mut write)) => match output.put(write.chunk(), step) {
                0 => {
                    // The server may wait for the client to read.
                    let mut read = write.into_read().expect("room for octets");
                    let octets = input.get(read.space(), step);
                    if octets > 0 {
                        read.filled(octets);
                    }
                    octets > 0
                }
                octets => {
                    write.advance(octets);
                    true
                }
            },
            Action::StartTls(start) => {
                start.established();
                self.has_tls = true;
                next = Next::AskAgain;
                true
            }
            Action::Challenge(challenge) => {
                self.login.as_mut().expect("a login").answer(challenge);
                true
            }
            Action::Body(body) => {
                self.gathered.part(body.as_bytes());
                body.done();
                true
            }
            Action::Event(event) => {
                self.gathered.take(&event);
                next = lead(&event, self.case.settings.stls && !self.has_tls);
                let may_fail = self.logins == 1 && self.case.settings.wrong_first;
                assert!(may_fail || !matches!(event.kind(), EventKind::Failed(_)), "{event:?}");
                event.done();
                true
            }
        };
        (if moved { Polled::Moved } else { Polled::Stuck }, next)
    }
}

/// What comes next before login.
fn lead(event: &Event<'_>, wants_tls: bool) -> Next {
    match (event.verb(), event.kind()) {
        (Some(Verb::Capa), EventKind::Ends) if wants_tls => Next::StartTls,
        (Some(Verb::Capa), EventKind::Ends) => Next::LogIn,
        (_, EventKind::Failed(response)) => {
            assert_eq!(response.code(), Some(ResponseCode::AUTH));
            Next::LogIn
        }
        _ => Next::Nothing,
    }
}

/// A list of commands: each message is got, and deleted if it isn't kept.
fn list(case: &Case<'_>) -> VecDeque<Command<'static>> {
    let settings = &case.settings;
    let count = u32::try_from(case.messages().len()).expect("a small number");
    let mut list = vec![Command::Stat, Command::List { message: None }, Command::Uidl { message: None }];
    for message in (1..=count).filter_map(MessageNumber::new) {
        let get = if settings.switch { Command::Top { message, lines: u64::MAX } } else { Command::Retr { message } };
        list.extend([Command::List { message: Some(message) }, get, Command::Dele { message }]);
    }
    list.push(Command::Rset);
    let kept = |number: &u32| settings.bit(*number as usize);
    let deleted = (1..=count).filter(|number| !kept(number)).filter_map(MessageNumber::new);
    list.extend(deleted.map(|message| Command::Dele { message }));
    list.extend([Command::Noop, Command::Quit]);
    list.into()
}
