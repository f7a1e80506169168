//! What to say to the server, and what to make of its answers.

use std::collections::VecDeque;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use pop3_proto::client::{Challenge, Closed, Event, EventKind, SendError, Session, Ticket};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::wire::{Command, Response, Status, Verb};

use super::args::{Args, Credentials, Task};
use super::download::{Download, UNPROVEN};
use super::failure::{End, Failures, excerpt, printable, said, without};
use super::login::{self, LogIn};
use super::{Result, TlsMode};

/// One run of the program, from STLS to QUIT.
pub struct Job<'a> {
    args: &'a Args,
    /// What is to be sent next.
    step: Step,
    /// What must be answered before that.
    awaited: Option<Ticket>,
    /// The login, until it is known what has come of it.
    login: Option<LogIn>,
    work: Work<'a>,
    /// Whether the greeting has come, and which command was answered last.
    is_greeted: bool,
    answered: Option<Verb>,
    failures: Failures,
    /// What the socket, or TLS, failed with.
    lost: Option<io::Error>,
    stdout: BufWriter<StdoutLock<'static>>,
    /// Whether a person reads stdout on something that octets could do harm to.
    is_terminal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// STLS without a login after it.
    Stls,
    Login,
    Work,
    Quit,
    Done,
}

enum Work<'a> {
    /// One command, whose answer goes to stdout.
    Show(Command<'a>),
    /// DELE for each of these; those that are sent wait for their answers.
    Delete {
        messages: VecDeque<MessageNumber>,
        sent: VecDeque<MessageNumber>,
    },
    Fetch(Box<Download>),
}

impl<'a> Job<'a> {
    /// What the command line asks for, if that can be done at all.
    pub fn new(args: &'a Args) -> Result<Self> {
        let credentials = args.credentials()?;
        let login = credentials.map(|credentials| LogIn::new(args, credentials)).transpose()?;
        if args.no_capa && matches!(args.task, Task::Capa) {
            return Err("capa goes with no --no-capa".into());
        }
        args.taking.check(matches!(args.task, Task::Fetch { .. }))?;
        let work = match &args.task {
            Task::Capa => Work::Show(Command::Capa),
            Task::Stat => Work::Show(Command::Stat),
            Task::List => Work::Show(Command::List { message: None }),
            Task::Uidl => Work::Show(Command::Uidl { message: None }),
            Task::Retr { message } => Work::Show(Command::Retr { message: *message }),
            Task::Top { message, lines } => Work::Show(Command::Top { message: *message, lines: *lines }),
            Task::Dele { messages } => Work::Delete { messages: messages.clone().into(), sent: VecDeque::new() },
            Task::Fetch { directory } => {
                let Credentials { name, .. } = credentials.ok_or("fetch needs --user")?;
                Work::Fetch(Box::new(Download::new(directory, args.account(name), args.no_uidl, args.taking.clone())?))
            }
        };
        let stdout = io::stdout();
        Ok(Self {
            args,
            step: match login {
                Some(_) => Step::Login,
                None if args.tls == TlsMode::Starttls => Step::Stls,
                None => Step::Work,
            },
            awaited: None,
            login,
            work,
            is_greeted: false,
            answered: None,
            failures: Failures::default(),
            lost: None,
            is_terminal: stdout.is_terminal(),
            stdout: BufWriter::with_capacity(65_536, stdout.lock()),
        })
    }

    /// Sends what can be sent now. Call it before each poll.
    pub fn advance(&mut self, session: &mut Session) -> Result<()> {
        while self.awaited.is_none() {
            match self.step {
                Step::Stls => {
                    self.awaited = Some(session.send(&Command::Stls)?);
                    self.step = Step::Work;
                }
                Step::Login => {
                    match self.login.as_mut().and_then(|login| login.advance(session)) {
                        None => break,
                        Some(Ok(_)) => self.step = Step::Work,
                        Some(Err(error)) => self.quit(login::failed(&error)),
                    }
                    self.login = None;
                }
                Step::Work => match self.work(session)? {
                    Some(next) => self.step = next,
                    None => break,
                },
                Step::Quit => {
                    match session.send(&Command::Quit) {
                        // The server has hung up.
                        Ok(_) | Err(SendError::Over) => self.step = Step::Done,
                        Err(error) => return Err(error.into()),
                    }
                }
                Step::Done => break,
            }
        }
        Ok(())
    }

    /// Sends what the work needs. Gives what comes after it, if all is sent.
    fn work(&mut self, session: &mut Session) -> Result<Option<Step>> {
        match &mut self.work {
            Work::Show(command) => {
                session.send(command)?;
                Ok(Some(Step::Quit))
            }
            Work::Delete { messages, sent } => {
                while let Some(&message) = messages.front() {
                    match session.send(&Command::Dele { message }) {
                        Err(SendError::QueueFull) => return Ok(None),
                        ticket => ticket?,
                    };
                    messages.pop_front();
                    sent.push_back(message);
                }
                Ok(if sent.is_empty() { Some(Step::Quit) } else { None })
            }
            // It sends QUIT by itself.
            Work::Fetch(download) => {
                Ok(if download.advance(session, &mut self.failures)? { None } else { Some(Step::Done) })
            }
        }
    }

    /// Takes what the server has said.
    pub fn event(&mut self, event: &Event<'_>) -> Result<()> {
        if event.completes() {
            self.answered = event.verb();
            if event.ticket() == self.awaited {
                self.awaited = None;
            }
        }
        if let (Some(verb), EventKind::Unreadable { line, .. }) = (event.verb(), event.kind()) {
            self.failures.add(format!("the answer to {verb} has a line that makes no sense: {}", excerpt(line)));
        }
        if let Work::Fetch(download) = &mut self.work {
            download.observe(event, &mut self.failures)?;
        }
        match (event.verb(), event.kind()) {
            (_, EventKind::Greeting(response)) => {
                self.is_greeted = true;
                if response.status() == Status::Err {
                    self.failures.add(format!("greeting: {}", said(&response)));
                }
            }
            (_, EventKind::Farewell(response)) => {
                return Err(format!("the server hangs up{}: {}", self.after(), said(&response)).into());
            }
            // The plan knows what they mean.
            _ if self.login.is_some() => {}
            (Some(verb), EventKind::Failed(response)) => self.refused(verb, &response)?,
            (Some(Verb::Dele), EventKind::Ok(_)) => self.deleted(),
            (_, what) if matches!(self.work, Work::Show(_)) => self.show(what).map_err(stdout)?,
            _ => {}
        }
        if let Some(login) = &mut self.login {
            login.observe(event);
        }
        Ok(())
    }

    fn show(&mut self, what: EventKind<'_>) -> io::Result<()> {
        match what {
            EventKind::Stat(listing) => writeln!(self.stdout, "{} {}", listing.messages, listing.octets),
            EventKind::Scan(listing) => writeln!(self.stdout, "{} {}", listing.message, listing.octets),
            EventKind::UniqueId { message, unique_id } => {
                write!(self.stdout, "{message} ")?;
                self.line(unique_id)
            }
            EventKind::Line(line) => self.line(line),
            _ => Ok(()),
        }
    }

    /// Writes what the server has sent as a line. A terminal would do what some octets tell it to.
    fn line(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.is_terminal {
            return writeln!(self.stdout, "{}", printable(octets));
        }
        self.stdout.write_all(octets)?;
        self.stdout.write_all(b"\n")
    }

    /// Takes a part of a message.
    pub fn body(&mut self, octets: &[u8]) -> Result<()> {
        match &mut self.work {
            Work::Fetch(download) => download.body(octets, &mut self.failures),
            _ => Ok(self.stdout.write_all(octets).map_err(stdout)?),
        }
    }

    /// All commands are answered. What was fetched is still to be stored, or else something is wrong.
    pub fn idle(&mut self) -> Result<()> {
        let goes_on = match &mut self.work {
            Work::Fetch(download) => download.store(&mut self.failures)?,
            _ => false,
        };
        if goes_on { Ok(()) } else { Err("there is nothing left to do".into()) }
    }

    /// Answers a challenge of the login.
    pub fn challenge(&mut self, challenge: Challenge<'_>) {
        match &mut self.login {
            Some(login) => {
                if let Err(error) = login.answer(challenge) {
                    self.failures.add(error.to_string());
                }
            }
            None => challenge.cancel(),
        }
    }

    /// The connection has failed. The session knows what that means.
    pub fn lost(&mut self, error: io::Error) {
        self.lost.get_or_insert(error);
    }

    /// What came of it, when the session is over.
    pub fn finish(mut self, session: &Session, closed: Result<Closed, End>) -> Result<()> {
        if let Some(error) = self.login.as_mut().and_then(|login| login.end(session)) {
            self.failures.add(login::failed(&error));
        }
        let mut ended = Ok(Vec::new());
        if let Work::Fetch(download) = &mut self.work {
            let how = match &closed {
                Ok(closed) => Some(Ok(*closed)),
                Err(End::Session(error)) => Some(Err(*error)),
                Err(End::Job(_)) => None,
            };
            ended = download.end(how.as_ref(), &mut self.failures);
        }
        let mut then = String::new();
        if let Err(end) = self.end(session, closed) {
            if self.failures.has_messages() {
                then = format!("; then {end}");
            }
            self.failures.add(end);
        }
        match ended {
            Ok(unproven) => unproven.into_iter().for_each(|message| self.failures.add_message(message, &UNPROVEN)),
            Err(error) => self.failures.add(error.to_string()),
        }
        let shown = self.stdout.flush();
        let failure = format!("{}{then}", self.failures);
        if failure.is_empty() { Ok(shown.map_err(stdout)?) } else { Err(failure.into()) }
    }

    /// What to say about the end of the session, if that isn't what it should be.
    fn end(&self, session: &Session, closed: Result<Closed, End>) -> Result<(), String> {
        match closed {
            Ok(Closed::Quit(Removal::All)) => Ok(()),
            Ok(Closed::Quit(_)) if self.deletes() => {
                Err("QUIT was not answered: the messages may be deleted or not".to_owned())
            }
            // All else was answered before.
            Ok(Closed::Quit(_)) => Ok(()),
            Ok(closed) => Err(format!("{closed}{}", self.after())),
            Err(End::Job(error)) => Err(error.to_string()),
            Err(error) => {
                let lost = self.lost.as_ref().map_or(String::new(), |lost| format!(": {lost}"));
                let line = session.offending_line().map_or(String::new(), |line| {
                    // An excerpt may hold a part of what the end of the program looks for.
                    format!(": {}", excerpt(&without(self.args.secret(), line)))
                });
                Err(format!("{}: {error}{lost}{line}", self.place(session.unanswered())))
            }
        }
    }

    /// Whether QUIT is to delete something.
    fn deletes(&self) -> bool {
        match &self.work {
            Work::Show(_) => false,
            Work::Delete { .. } => true,
            Work::Fetch(download) => download.has_deletions(),
        }
    }

    /// Where the conversation is, by the command whose answer is due.
    fn place(&self, verb: Option<Verb>) -> String {
        let Some(verb) = verb else {
            return if self.is_greeted { format!("connection{}", self.after()) } else { "greeting".to_owned() };
        };
        match (&self.work, &self.login) {
            (_, Some(login)) => login.place(verb),
            (Work::Fetch(download), None) if matches!(verb, Verb::Retr | Verb::Top) => download.place(verb),
            (Work::Delete { sent, .. }, None) if verb == Verb::Dele => of_message(sent.front().copied(), verb),
            (Work::Show(Command::Retr { message } | Command::Top { message, .. }), None) => {
                of_message(Some(*message), verb)
            }
            _ => verb.to_string(),
        }
    }

    /// The same, by the message or the command that was answered last.
    fn after(&self) -> String {
        let message = if let Work::Fetch(download) = &self.work { download.last() } else { None };
        match (self.answered, self.is_greeted) {
            (Some(Verb::Retr | Verb::Top), _) if message.is_some() => {
                format!(" after message {}", message.unwrap_or_default())
            }
            (Some(verb), _) => format!(" after the answer to {verb}"),
            (None, true) => " after the greeting".to_owned(),
            (None, false) => String::new(),
        }
    }

    /// A command has failed.
    fn refused(&mut self, verb: Verb, response: &Response<'_>) -> Result<()> {
        let failure = format!("{}: {}", self.place(Some(verb)), said(response));
        match self.work {
            // Without QUIT nothing is deleted, so there is none.
            Work::Delete { .. } if verb == Verb::Dele => return Err(format!("{failure}; nothing is deleted").into()),
            // It goes on with the others.
            Work::Fetch(_) if self.step >= Step::Work && verb != Verb::Quit => {}
            _ => self.quit(failure),
        }
        Ok(())
    }

    /// The next DELE has succeeded: they are answered in order.
    fn deleted(&mut self) {
        if let Work::Delete { sent, .. } = &mut self.work {
            sent.pop_front();
        }
    }

    /// Goes on with QUIT, since something has failed.
    fn quit(&mut self, failure: String) {
        self.failures.add(failure);
        self.step = self.step.max(Step::Quit);
    }
}

fn of_message(message: Option<MessageNumber>, verb: Verb) -> String {
    message.map_or_else(|| verb.to_string(), |message| format!("message {message}: {verb}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is for `map_err`")]
fn stdout(error: io::Error) -> String {
    format!("stdout: {error}")
}
