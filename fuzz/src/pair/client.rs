//! The client's half of a pair: it logs in, and gets what there is by a plan or by a list of commands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, Password};
use pop3_proto::client::{Action, Closed, Config, EventKind, Login, Method, Retry, SendError, Session};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Name, State};
use pop3_proto::{BelowMinimum, Io, Security};

use super::gathered::Gathered;
use super::{Case, NAME, PASSWORD, Pipe, Polled, Settings, Step};

pub struct Client<'a> {
    case: &'a Case<'a>,
    session: Session,
    login: Login,
    /// How many logins were begun.
    logins: u32,
    /// What is still to be sent where there is a list.
    list: VecDeque<Command<'static>>,
    pub gathered: Gathered,
}

impl<'a> Client<'a> {
    pub fn new(case: &'a Case<'a>) -> Self {
        let settings = &case.settings;
        let or = |value: u8, default| if value == 0 { default } else { u32::from(value) };
        let build = || -> Result<Config, BelowMinimum> {
            Config::new()
                .window(512 + 4 * u32::from(settings.window))?
                .queue(510 + u32::from(settings.queue))?
                .pipelined(or(settings.commands, 64), or(settings.octets, 1_024))
        };
        let config = build().expect("a configuration within its bounds");
        let config = config.pipelining(!settings.one_by_one).initial_response(settings.policy());
        let security = if settings.stls { Security::Cleartext } else { Security::TrustedLocal };
        let session = Session::new(Arc::new(config), security);
        let login = login(settings, if settings.wrong_first { "wrong" } else { PASSWORD });
        let (list, gathered) = (list(case), Gathered::new(settings));
        Self { case, session, login, logins: 1, list, gathered }
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

    /// Carries the login out, and another one where the first has the wrong secret.
    fn log_in(&mut self) {
        self.login.advance(&mut self.session);
        let settings = &self.case.settings;
        match self.login.outcome() {
            Some(Ok(method)) => assert_eq!(method, settings.method()),
            Some(Err(error)) => {
                assert!(settings.wrong_first && self.logins == 1, "{error}");
                let is_token = Method::TOKEN.contains(&settings.method());
                let retry = if is_token { Retry::NewToken } else { Retry::AskUser };
                assert_eq!(error.retry(), Some(retry), "{error}");
                if is_token {
                    self.login.new_token(token(PASSWORD));
                } else {
                    self.login = login(settings, PASSWORD);
                }
                self.logins += 1;
                self.login.advance(&mut self.session);
            }
            None => {}
        }
    }

    pub fn poll(&mut self, input: &mut Pipe, output: &mut Pipe, step: Step) -> Polled<Closed> {
        self.log_in();
        self.say();
        self.act(input, output, step)
    }

    fn act(&mut self, input: &mut Pipe, output: &mut Pipe, step: Step) -> Polled<Closed> {
        let action = self.session.poll(Duration::ZERO).unwrap_or_else(|error| panic!("{error}"));
        let moved = match action {
            Action::Closed(closed) => return Polled::Closed(closed),
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
                true
            }
            Action::Challenge(challenge) => {
                self.login.answer(challenge);
                true
            }
            Action::Body(body) => {
                self.gathered.part(body.as_bytes());
                body.done();
                true
            }
            Action::Event(event) => {
                self.login.observe(&event);
                self.gathered.take(&event);
                let may_fail = self.logins == 1 && self.case.settings.wrong_first;
                assert!(may_fail || !matches!(event.kind(), EventKind::Failed(_)), "{event:?}");
                event.done();
                true
            }
        };
        if moved { Polled::Moved } else { Polled::Stuck }
    }
}

/// A login by the case's method, which must be on offer, after STLS where that is.
fn login(settings: &Settings, password: &str) -> Login {
    let (method, name) = (settings.method(), Name::new(NAME).expect("a name"));
    let login = if Method::TOKEN.contains(&method) {
        Login::with_token(name, token(password))
    } else {
        Login::new(name, Password::new(password).expect("a password"))
    };
    login.methods(&[method]).stls_if_offered()
}

fn token(password: &str) -> BearerToken<'_> {
    BearerToken::new(password.trim_end()).expect("a token")
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
