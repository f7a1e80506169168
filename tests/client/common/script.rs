//! A naive client that notes what it hears, and a server by hand.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::{BearerToken, Password};
use pop3_proto::client::{
    Action, Challenge, Closed, Config, Error, Event, EventKind, Feature, Login, LoginError, LoginFailure, Method,
    Retry, SendError, Session, Ticket,
};
use pop3_proto::wire::{Capability, Command, LanguageListing, Mechanism, Name, Response, Status, Verb};
use pop3_proto::{Io, Read, Security};

use super::Cycle;

/// Octets on their way, at most so many.
pub struct Pipe {
    pub octets: VecDeque<u8>,
    capacity: usize,
    /// Whether nothing follows.
    pub ended: bool,
    /// Whether the transport fails when all of it is read.
    pub failed: bool,
}

impl Pipe {
    pub fn new(capacity: usize) -> Self {
        Self { octets: VecDeque::new(), capacity, ended: false, failed: false }
    }

    pub fn room(&self) -> usize {
        self.capacity - self.octets.len()
    }

    pub fn take(&mut self, octets: usize) -> Vec<u8> {
        self.octets.drain(..octets.min(self.octets.len())).collect()
    }
}

/// What has become of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Done,
    /// The pipes let nothing through.
    Blocked,
    Idle,
    Over,
}

/// A session, and everything that it was told.
pub struct Client {
    pub session: Session,
    pub now: Duration,
    /// What it was told, a line each.
    pub heard: Vec<String>,
    /// The messages that were told to be complete.
    pub bodies: Vec<Vec<u8>>,
    /// What has come of the message that isn't complete.
    pub partial: Vec<u8>,
    pub closed: Option<Result<Closed, Error>>,
    /// What to do about each failure that it was told.
    pub retries: Vec<Retry>,
    /// What answers challenges, one after the other.
    pub responses: VecDeque<Vec<u8>>,
    /// What answers them where there is no such response; without it they are cancelled.
    pub login: Option<Login>,
    /// What came of logins.
    pub logins: Vec<Result<Method, LoginError>>,
    /// Whether the handshake of TLS succeeds.
    pub tls: bool,
    /// The most octets of a read, and of a write.
    pub reads: Cycle<usize>,
    pub writes: Cycle<usize>,
    /// Whether a token is dropped before it is polled again and answered.
    pub drops: Cycle<bool>,
    /// Whether it reads first where it can write.
    pub reads_first: Cycle<bool>,
    /// The `Debug` of all that was seen, where it is wanted.
    pub shown: Option<String>,
}

impl Client {
    pub fn new(config: Config, security: Security) -> Self {
        Self {
            session: Session::new(config.into(), security),
            now: Duration::ZERO,
            heard: Vec::new(),
            bodies: Vec::new(),
            partial: Vec::new(),
            closed: None,
            retries: Vec::new(),
            responses: VecDeque::new(),
            login: None,
            logins: Vec::new(),
            tls: true,
            reads: usize::MAX.into(),
            writes: usize::MAX.into(),
            drops: false.into(),
            reads_first: false.into(),
            shown: None,
        }
    }

    /// Sends commands, a line each; the ticket of the last.
    pub fn say(&mut self, lines: &str) -> Ticket {
        lines.lines().map(|line| self.try_to_say(line).unwrap()).last().unwrap()
    }

    pub fn try_to_say(&mut self, line: &str) -> Result<Ticket, SendError> {
        self.session.send(&Command::parse(line.as_bytes()).unwrap().value)
    }

    /// Carries a login out.
    pub fn log_in(&mut self, login: Login) {
        self.login = Some(login);
        self.advance();
    }

    /// What was to be done about each login that has failed, where the server has refused it; `Ok` for one that has succeeded.
    pub fn outcomes(&self) -> Vec<Result<(), Option<Retry>>> {
        self.logins.iter().map(|outcome| outcome.as_ref().map(|_| ()).map_err(LoginError::retry)).collect()
    }

    fn advance(&mut self) {
        if let Some(login) = &mut self.login {
            login.advance(&mut self.session);
            self.logins.extend(login.outcome());
            if let Some(shown) = &mut self.shown {
                let _ = write!(shown, "{login:?} {login:#?} {:?} ", self.logins.last());
            }
        }
    }

    /// Does the one thing that is next.
    pub fn step(&mut self, down: &mut Pipe, up: &mut Pipe) -> Step {
        self.advance();
        if self.drops.next() {
            if let Ok(action) = self.session.poll(self.now) {
                touch(action);
            }
        }
        if let Some(shown) = &mut self.shown {
            let _ = write!(shown, "{:?} ", self.session);
        }
        let action = match self.session.poll(self.now) {
            Ok(action) => action,
            Err(error) => {
                self.closed = Some(Err(error));
                return Step::Over;
            }
        };
        if let Some(shown) = &mut self.shown {
            let _ = writeln!(shown, "{action:?}");
        }
        match action {
            Action::Io(Io::Read(read)) => return fill(read, down, self.reads.next()),
            Action::Io(Io::Write(write)) if up.room() == 0 || self.reads_first.next() && !down.octets.is_empty() => {
                return fill(write.into_read().unwrap(), down, self.reads.next());
            }
            Action::Io(Io::Write(mut write)) => {
                assert!(write.has_remaining(), "a write without octets");
                let octets = write.remaining().min(self.writes.next()).min(up.room());
                up.octets.extend(write.copy_to_bytes(octets));
            }
            Action::Event(event) => {
                self.heard.push(told(&event));
                if let Some(login) = &mut self.login {
                    login.observe(&event);
                }
                if let EventKind::Failed(response) | EventKind::Greeting(response) | EventKind::Farewell(response) =
                    event.kind()
                {
                    if response.status() == Status::Err {
                        self.retries.push(Retry::from(response.code()));
                    }
                }
                if event.kind() == EventKind::Ends && matches!(event.verb(), Some(Verb::Retr | Verb::Top)) {
                    self.bodies.push(std::mem::take(&mut self.partial));
                }
                event.done();
            }
            Action::Body(body) => {
                assert!(!body.as_bytes().is_empty(), "a part without octets");
                self.partial.extend_from_slice(body.as_bytes());
                body.done();
            }
            Action::StartTls(start) => {
                self.heard.push("start TLS".into());
                assert!(down.octets.is_empty() && up.octets.is_empty(), "octets between STLS and TLS");
                if self.tls { start.established() } else { start.failed() }
            }
            Action::Challenge(challenge) => {
                self.heard.push(format!("challenge: {}", challenge.as_bytes().escape_ascii()));
                match (self.responses.pop_front(), &mut self.login) {
                    (Some(response), _) => challenge.respond(&response),
                    (None, Some(login)) => login.answer(challenge),
                    (None, None) => challenge.cancel(),
                }
            }
            Action::Idle(idle) => {
                if down.octets.is_empty() && !down.ended && !down.failed {
                    return Step::Idle;
                }
                return fill(idle.into_read(), down, self.reads.next());
            }
            Action::Closed(closed) => {
                self.closed = Some(Ok(closed));
                return Step::Over;
            }
        }
        Step::Done
    }
}

fn fill(mut read: Read<'_>, down: &mut Pipe, at_most: usize) -> Step {
    if down.octets.is_empty() && down.failed {
        read.failed();
        return Step::Done;
    }
    if down.octets.is_empty() && !down.ended {
        return Step::Blocked;
    }
    let space = read.space();
    assert!(!space.is_empty(), "a read without space");
    let octets = down.take(space.len().min(at_most));
    space[..octets.len()].copy_from_slice(&octets);
    read.filled(octets.len());
    Step::Done
}

/// Makes use of a token as far as that goes without answering it.
fn touch(action: Action<'_>) {
    match action {
        Action::Io(Io::Read(mut read)) => read.space().fill(b'!'),
        Action::Io(Io::Write(write)) => assert!(!write.chunk().is_empty()),
        Action::Event(event) => drop(told(&event)),
        Action::Body(body) => assert!(!body.as_bytes().is_empty()),
        Action::StartTls(start) => assert!(start.deadline() > Some(Duration::ZERO)),
        Action::Challenge(challenge) => assert!(challenge.mechanism().is_some()),
        Action::Idle(idle) => drop(idle.into_read()),
        Action::Closed(_) => {}
    }
}

/// An event as a line: the keyword of its command, then what was said. A response code stands in parentheses.
fn told(event: &Event<'_>) -> String {
    let what = match event.kind() {
        EventKind::Greeting(response) => format!("greeting {}", told_response(&response)),
        EventKind::Farewell(response) => format!("farewell {}", told_response(&response)),
        EventKind::Ok(response) | EventKind::Failed(response) => told_response(&response),
        EventKind::Begins(response) => format!("begins {}", told_response(&response)),
        EventKind::Stat(listing) => format!("{} {}", listing.messages, listing.octets),
        EventKind::Scan(listing) => format!("{} {}", listing.message, listing.octets),
        EventKind::UniqueId { message, unique_id } => format!("{message} {}", unique_id.escape_ascii()),
        EventKind::Line(line) => match event.verb() {
            Some(Verb::Capa) => read(line, Capability::parse(line).is_ok()),
            Some(Verb::Auth) => read(line, Mechanism::new(line).is_ok()),
            _ => read(line, LanguageListing::parse(line).is_ok()),
        },
        EventKind::Unreadable { line, .. } => read(line, false),
        EventKind::Ends => "ends".into(),
        EventKind::NotSent => "not sent".into(),
        EventKind::BearerFailure(failure) => format!("failure {}", failure.escape_ascii()),
        other => panic!("{other:?}"),
    };
    event.verb().map_or(what.clone(), |verb| format!("{} {what}", verb.as_str()))
}

fn told_response(response: &Response<'_>) -> String {
    let status = if response.status() == Status::Ok { "+OK" } else { "-ERR" };
    let code = response.code().map_or(String::new(), |code| format!(" ({code})"));
    let text = response.text().escape_ascii();
    if response.text().is_empty() { format!("{status}{code}") } else { format!("{status}{code} {text}") }
}

fn read(line: &[u8], understood: bool) -> String {
    format!("{}{}", if understood { "" } else { "?" }, line.escape_ascii())
}

/// A client and what a test has its server say.
pub struct Script {
    pub client: Client,
    down: Pipe,
    up: Pipe,
}

impl Script {
    /// A client on a connection that nobody can listen to.
    pub fn new(config: Config) -> Self {
        Self::with(config, Security::TrustedLocal)
    }

    pub fn with(config: Config, security: Security) -> Self {
        let client = Client::new(config, security);
        Self { client, down: Pipe::new(usize::MAX), up: Pipe::new(usize::MAX) }
    }

    /// A client that has logged in.
    pub fn logged_in(config: Config) -> Self {
        let mut script = Self::new(config);
        script.log_in();
        script
    }

    /// Greets the client and lets it in.
    pub fn log_in(&mut self) {
        self.says("+OK\r\n");
        self.let_in();
    }

    /// Lets a client in that was greeted.
    pub fn let_in(&mut self) {
        self.client.say("USER mrose\r\nPASS tanstaaf");
        self.says("+OK\r\n");
        assert_eq!(self.says("+OK\r\n"), ["PASS +OK"]);
        assert_eq!(self.wrote(), "USER mrose\r\nPASS tanstaaf\r\n");
    }

    /// Has the server send octets; what the client hears then.
    pub fn says(&mut self, octets: impl AsRef<[u8]>) -> Vec<String> {
        self.down.octets.extend(octets.as_ref());
        while self.client.step(&mut self.down, &mut self.up) == Step::Done {}
        std::mem::take(&mut self.client.heard)
    }

    /// Has the server send octets that nobody reads yet.
    pub fn pushes(&mut self, octets: &str) {
        self.down.octets.extend(octets.as_bytes());
    }

    /// The challenge that the client is given when the server sends it.
    pub fn challenge_with(&mut self, line: &str) -> Challenge<'_> {
        self.pushes(line);
        self.challenge()
    }

    /// Does the one thing that is next; what is there is read.
    pub fn steps(&mut self) -> Step {
        self.client.step(&mut self.down, &mut self.up)
    }

    /// The challenge that the client is given next.
    pub fn challenge(&mut self) -> Challenge<'_> {
        while !matches!(self.client.session.poll(self.client.now), Ok(Action::Challenge(_))) {
            assert_eq!(self.client.step(&mut self.down, &mut self.up), Step::Done);
        }
        match self.client.session.poll(self.client.now) {
            Ok(Action::Challenge(challenge)) => challenge,
            _ => unreachable!(),
        }
    }

    /// What the client has written since the last call.
    pub fn wrote(&mut self) -> String {
        while self.client.step(&mut self.down, &mut self.up) == Step::Done {}
        String::from_utf8(self.up.take(usize::MAX)).unwrap()
    }

    /// Has the client send commands, and the server answer; what the client hears.
    pub fn asks(&mut self, lines: &str, answer: impl AsRef<[u8]>) -> Vec<String> {
        self.client.say(lines);
        assert!(self.wrote().starts_with(lines.lines().next().unwrap()));
        self.says(answer)
    }

    /// Ends the server's stream; how the session ends.
    pub fn hangs_up(&mut self) -> Result<Closed, Error> {
        self.ends();
        self.closed()
    }

    /// Ends the server's stream; what the client hears then.
    pub fn ends(&mut self) -> Vec<String> {
        self.down.ended = true;
        self.says("")
    }

    /// Has the transport fail; how the session ends.
    pub fn breaks(&mut self) -> Result<Closed, Error> {
        self.down.failed = true;
        self.closed()
    }

    /// How the session has ended.
    pub fn closed(&mut self) -> Result<Closed, Error> {
        self.says("");
        self.client.closed.expect("the session isn't over")
    }
}

/// Runs a test with reads of few octets and of many, with tokens dropped and without.
pub fn in_any_way(config: &Config, security: Security, test: impl Fn(&mut Script)) {
    for reads in [1, 2, 3, 7, usize::MAX] {
        for drops in [false, true] {
            let mut script = Script::with(config.clone(), security);
            script.client.reads = reads.into();
            script.client.writes = reads.into();
            script.client.drops = drops.into();
            test(&mut script);
        }
    }
}

/// The example user's login by one method, without a question for what is offered.
pub fn mrose(method: Method, secret: &str) -> Login {
    user(method, secret).only(method).without_capa()
}

/// The example user's login, with the kind of secret that a method needs.
pub fn user(method: Method, secret: &str) -> Login {
    let name = Name::new("mrose").unwrap();
    match method {
        Method::OAuthBearer | Method::XOAuth2 => Login::with_token(name, BearerToken::new(secret).unwrap()),
        _ => Login::new(name, Password::new(secret).unwrap()),
    }
}

/// The method that the example user's login begins with, where it is known what the server offers, or why there is none.
pub fn chosen(script: &mut Script, methods: &[Method]) -> Result<Method, LoginFailure> {
    let mut login = user(methods.first().copied().unwrap_or(Method::User), "tanstaaf").methods(methods);
    login.advance(&mut script.client.session);
    match login.outcome() {
        Some(outcome) => outcome.map_err(|error| error.failure),
        None => Ok(login.method().expect("the server isn't to be asked")),
    }
}

/// A login that fails before anything is sent, and why.
pub fn unsent(mut login: Login, session: &mut Session) -> LoginFailure {
    login.advance(session);
    login.outcome().expect("the plan goes on").unwrap_err().failure
}

/// All methods for a password, with a library's in front.
pub const METHODS: [Method; 6] = [
    Method::Library(Mechanism::SCRAM_SHA_256),
    Method::CramMd5,
    Method::Plain,
    Method::Login,
    Method::User,
    Method::Apop,
];

/// All that a server may announce and a client can ask about.
pub const FEATURES: [Feature; 11] = [
    Feature::Top,
    Feature::User,
    Feature::RespCodes,
    Feature::Pipelining,
    Feature::Uidl,
    Feature::AuthRespCode,
    Feature::Stls,
    Feature::Utf8,
    Feature::Utf8User,
    Feature::Lang,
    Feature::Sasl,
];
