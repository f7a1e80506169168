//! What to say to the server, and what to make of its answers.

use std::collections::VecDeque;
use std::io::{self, BufWriter, StdoutLock, Write};

use pop3_proto::client::{Challenge, Closed, Event, Login, Method, Proof, Removal, SendError, Session, Ticket, What};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Mechanism, Response, Status, Verb};

use super::args::{Args, Credentials, Task};
use super::download::Download;
use super::scram::Scram;
use super::{Result, TlsMode, printable, said};

/// What `--auth auto` may take, the best first. Not APOP: whoever controls the timestamp learns about the password.
const AUTO: [Method; 5] = [Method::ScramSha256, Method::CramMd5, Method::Plain, Method::Login, Method::User];

/// One run of the program, from STLS to QUIT.
pub(crate) struct Job<'a> {
    args: &'a Args,
    credentials: Option<Credentials<'a>>,
    /// What is to be sent next.
    step: Step,
    /// What must be answered before that.
    awaited: Option<Ticket>,
    /// The login, until it is answered.
    login: Option<Exchange<'a>>,
    work: Work<'a>,
    /// What went wrong first.
    failure: Option<String>,
    stdout: BufWriter<StdoutLock<'static>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Stls,
    Capabilities,
    Login,
    Work,
    Quit,
    Done,
}

enum Exchange<'a> {
    Plain(Login<'a>),
    Scram(Ticket, Box<Scram>),
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
    pub(crate) fn new(args: &'a Args) -> Result<Self> {
        let credentials = args.credentials()?;
        let work = match &args.task {
            Task::Capa => Work::Show(Command::Capa),
            Task::Stat => Work::Show(Command::Stat),
            Task::List => Work::Show(Command::List { message: None }),
            Task::Uidl => Work::Show(Command::Uidl { message: None }),
            Task::Retr { message } => Work::Show(Command::Retr { message: *message }),
            Task::Top { message, lines } => Work::Show(Command::Top { message: *message, lines: *lines }),
            Task::Dele { messages } => Work::Delete { messages: messages.clone().into(), sent: VecDeque::new() },
            Task::Fetch { directory } => Work::Fetch(Box::new(Download::new(directory)?)),
        };
        Ok(Self {
            args,
            credentials,
            step: if args.tls == TlsMode::Starttls { Step::Stls } else { Step::Capabilities },
            awaited: None,
            login: None,
            work,
            failure: None,
            stdout: BufWriter::with_capacity(65_536, io::stdout().lock()),
        })
    }

    /// Sends what can be sent now. Call it before each poll.
    pub(crate) fn advance(&mut self, session: &mut Session) -> Result<()> {
        while self.awaited.is_none() && self.login.is_none() {
            match self.step {
                Step::Stls => {
                    self.awaited = Some(session.send(&Command::Stls)?);
                    self.step = Step::Capabilities;
                }
                Step::Capabilities if self.credentials.is_none() => self.step = Step::Work,
                Step::Capabilities => {
                    self.awaited = Some(session.send(&Command::Capa)?);
                    self.step = Step::Login;
                }
                Step::Login => match self.log_in(session) {
                    Ok(exchange) => {
                        self.login = Some(exchange);
                        self.step = Step::Work;
                    }
                    Err(error) => {
                        self.note(error.to_string());
                        self.step = Step::Quit;
                    }
                },
                Step::Work => match self.work(session)? {
                    Some(next) => self.step = next,
                    None => break,
                },
                Step::Quit => {
                    session.send(&Command::Quit)?;
                    self.step = Step::Done;
                }
                Step::Done => break,
            }
        }
        Ok(())
    }

    fn log_in(&mut self, session: &mut Session) -> Result<Exchange<'a>> {
        let Some(Credentials { name, proof }) = self.credentials else { return Err("no name to log in with".into()) };
        let scram = if let Proof::Password(password) = proof { Scram::new(name, password) } else { None };
        let method = match self.args.auth.0 {
            Some(method) => method,
            None => Method::choose(session, if scram.is_some() { &AUTO } else { &AUTO[1..] })?,
        };
        if method == Method::ScramSha256 {
            let mut scram = scram.ok_or("the name or password is not fit for SCRAM")?;
            let ticket = session.authenticate_with(Mechanism::SCRAM_SHA_256, &scram.first()?)?;
            return Ok(Exchange::Scram(ticket, Box::new(scram)));
        }
        let mut login = Login::new(method, name, proof);
        login.begin(session)?;
        Ok(Exchange::Plain(login))
    }

    /// Sends what the work needs. Gives what comes behind it, if all is sent.
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
            Work::Fetch(download) => Ok(if download.advance(session)? { None } else { Some(Step::Done) }),
        }
    }

    /// Takes what the server has said.
    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<()> {
        if event.completes() && event.ticket() == self.awaited {
            self.awaited = None;
        }
        if let Work::Fetch(download) = &mut self.work {
            if let Some(failure) = download.observe(event)? {
                self.note(failure);
            }
        }
        let is_shown = matches!(self.work, Work::Show(_));
        match (event.verb(), event.what()) {
            (_, What::Greeting(response)) if response.status() == Status::Err => {
                self.note(format!("the server refuses to serve: {}", said(&response)));
            }
            (_, What::Farewell(response)) => return Err(format!("the server hangs up: {}", said(&response)).into()),
            // Before login it is asked for the session, which makes of it what it can.
            (Some(Verb::Capa), _) if self.step == Step::Login => {}
            (Some(verb), What::Failed(response)) => self.refused(verb, &response)?,
            (Some(verb), What::Unreadable { line, .. }) => {
                self.note(format!("the answer to {verb} has a line that makes no sense: {}", printable(line)));
            }
            (Some(Verb::Dele), What::Ok(_)) => self.deleted(),
            (_, What::Stat(listing)) => writeln!(self.stdout, "{} {}", listing.messages, listing.octets)?,
            (_, What::Scan(listing)) if is_shown => writeln!(self.stdout, "{} {}", listing.message, listing.octets)?,
            (_, What::UniqueId { message, unique_id }) if is_shown => {
                write!(self.stdout, "{message} ")?;
                self.line(unique_id)?;
            }
            (_, What::Capability { line, .. }) => self.line(line)?,
            _ => {}
        }
        self.observe_login(event);
        Ok(())
    }

    /// Takes a part of a message.
    pub(crate) fn body(&mut self, octets: &[u8]) -> Result<()> {
        match &mut self.work {
            Work::Fetch(download) => download.body(octets),
            _ => Ok(self.stdout.write_all(octets)?),
        }
    }

    /// Answers a challenge of the login.
    pub(crate) fn challenge(&mut self, challenge: Challenge<'_>) {
        match &mut self.login {
            Some(Exchange::Plain(login)) => login.answer(challenge),
            Some(Exchange::Scram(_, scram)) => match scram.answer(challenge.octets()) {
                Ok(response) => challenge.respond(&response),
                Err(error) => {
                    challenge.cancel();
                    self.note(format!("SCRAM: {error}"));
                }
            },
            None => challenge.cancel(),
        }
    }

    /// What came of it, when the session is over.
    pub(crate) fn finish(mut self, closed: Result<Closed>) -> Result<()> {
        if let Work::Fetch(download) = &self.work {
            download.end(self.failure.is_none() && matches!(closed, Ok(Closed::Quit(_))))?;
        }
        let shown = self.stdout.flush();
        if let Some(failure) = self.failure {
            return Err(failure.into());
        }
        match (closed?, self.work) {
            (Closed::Quit(Removal::All), _) => Ok(shown?),
            (Closed::Quit(_), Work::Delete { .. }) => {
                Err("QUIT was not answered: the messages may be deleted or not".into())
            }
            // All else was answered before.
            (Closed::Quit(_), _) => Ok(shown?),
            _ => Err("the server closed the connection".into()),
        }
    }

    /// A command has failed.
    fn refused(&mut self, verb: Verb, response: &Response<'_>) -> Result<()> {
        match &mut self.work {
            // Without QUIT nothing is deleted, so there is none.
            Work::Delete { sent, .. } if verb == Verb::Dele => {
                let message = sent.pop_front().map_or(0, MessageNumber::get);
                return Err(format!("message {message}: {}; nothing is deleted", said(response)).into());
            }
            // It goes on with the others.
            Work::Fetch(_) if self.step >= Step::Work && verb != Verb::Quit && self.login.is_none() => {}
            _ => {
                self.note(format!("{verb}: {}", said(response)));
                self.step = self.step.max(Step::Quit);
            }
        }
        Ok(())
    }

    /// The next DELE has succeeded: they are answered in order.
    fn deleted(&mut self) {
        if let Work::Delete { sent, .. } = &mut self.work {
            sent.pop_front();
        }
    }

    /// Ends the login if this is its answer.
    fn observe_login(&mut self, event: &Event<'_>) {
        let is_over = match &mut self.login {
            Some(Exchange::Plain(login)) => login.observe(event).is_some(),
            Some(Exchange::Scram(ticket, scram)) => {
                let is_over = event.completes() && event.ticket() == Some(*ticket);
                if is_over && matches!(event.what(), What::Ok(_)) && !scram.is_proved() {
                    // Whoever knows the password proves it, and this one hasn't: it may be anybody.
                    self.failure.get_or_insert("the server has not proved that it knows the password".to_owned());
                    self.step = Step::Quit;
                }
                is_over
            }
            None => false,
        };
        if is_over {
            self.login = None;
        }
    }

    fn line(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stdout.write_all(octets)?;
        self.stdout.write_all(b"\n")
    }

    fn note(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}
