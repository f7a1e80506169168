//! Plans to fetch, carried out against a server or against lines, and what becomes of them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{
    Action, Choice, Closed, Config, Error, Event, Fetch, ListedMessage, Progress, Retry, SendError, Session,
};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::wire::{Command, Name, Password};
use pop3_proto::{Io, Read, Security};

use crate::common::{Chance, Script, Server, Store};

/// Where the answers come from.
pub enum Peer {
    Server(Box<Server>),
    /// Lines to wait for, and what they are answered.
    Lines(Vec<(&'static str, &'static str)>),
}

impl Peer {
    pub fn answer(&mut self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Server(server) => server.receive(octets),
            Self::Lines(lines) => {
                let mut answers = Vec::new();
                for line in octets.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::trim_ascii_end) {
                    let at = lines.iter().position(|(command, _)| command.as_bytes() == line);
                    let answer = match at {
                        Some(at) => lines.remove(at).1,
                        // Unless a test is about it.
                        None if line == b"STAT" => "-ERR\r\n",
                        None => panic!("unexpected: {}", line.escape_ascii()),
                    };
                    answers.extend_from_slice(answer.as_bytes());
                }
                answers
            }
        }
    }
}

/// What became of a plan.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The commands of the plan.
    pub sent: Vec<String>,
    pub complete: Vec<Message>,
    /// The messages of which the header has come, and that.
    pub headers: Vec<Message>,
    /// Those that are stored, in that order.
    pub stored: Vec<Message>,
    pub refused: Vec<(u32, Retry)>,
    pub not_deleted: Vec<(u32, Option<Retry>)>,
    /// The entries of the list that made no sense, and the messages that they are about.
    pub unreadable: Vec<Option<u32>>,
    /// How many messages are to be fetched, and to be deleted without.
    pub listed: Option<(usize, usize)>,
    /// Whether the list is complete, so that ids that aren't listed can be forgotten.
    pub is_complete: bool,
    pub list_refused: Option<Retry>,
    pub unproven: Vec<u32>,
    pub out_of_step: bool,
    /// The unique-ids of those that are gone, as far as they have one.
    pub removed: Vec<Option<String>>,
    /// The unique-ids that the caller was asked about.
    pub asked: Vec<String>,
    pub deletions: usize,
    pub unfetched: usize,
    pub closed: Option<Result<Closed, Error>>,
}

impl Outcome {
    /// Takes what a plan has told; a message that is complete is given back.
    pub fn note(&mut self, progress: Progress) -> Option<ListedMessage> {
        let number = |wanted: ListedMessage| wanted.message().get();
        match progress {
            Progress::Unreadable(message) => self.unreadable.push(message.map(MessageNumber::get)),
            Progress::Listed { to_fetch, to_delete, is_complete } => {
                assert_eq!(self.listed.replace((to_fetch, to_delete)), None);
                self.is_complete = is_complete;
            }
            Progress::Begins(_) | Progress::Header(_) | Progress::Unlisted(_) => {}
            Progress::Complete(wanted) => return Some(wanted),
            Progress::Unproven(wanted) => self.unproven.push(number(wanted)),
            Progress::OutOfStep => self.out_of_step = true,
            Progress::Refused(wanted, retry) => self.refused.push((number(wanted), retry)),
            Progress::NotDeleted(wanted, retry) => self.not_deleted.push((number(wanted), retry)),
            Progress::Removed(wanted) => {
                let message = Message::of(&wanted, Vec::new());
                self.removed.push(message.unique_id.or(message.repeated_id));
            }
            Progress::ListRefused(retry) => self.list_refused = Some(retry),
            other => panic!("{other:?}"),
        }
        None
    }

    fn ended(mut self, mut fetch: Fetch, how: Result<Closed, Error>, mut begun: Begun) -> Self {
        (self.deletions, self.unfetched) = (fetch.deletions(), fetch.unfetched());
        fetch.end(&how);
        while let Some(progress) = fetch.progress() {
            if let Progress::Header(wanted) = &progress {
                self.headers.push(begun.take(wanted));
            }
            if let Some(wanted) = self.note(progress) {
                self.complete.push(begun.take(&wanted));
            }
        }
        self.closed = Some(how);
        self
    }
}

/// What has come of messages that aren't complete.
#[derive(Default)]
struct Begun(Vec<(MessageNumber, Vec<u8>)>);

impl Begun {
    fn begin(&mut self, wanted: &ListedMessage) {
        self.0.push((wanted.message(), Vec::new()));
    }

    fn write(&mut self, part: &[u8]) {
        self.0.last_mut().unwrap().1.extend_from_slice(part);
    }

    fn take(&mut self, wanted: &ListedMessage) -> Message {
        let place = self.0.iter().position(|(message, _)| *message == wanted.message()).unwrap();
        Message::of(wanted, self.0.remove(place).1)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub number: u32,
    pub unique_id: Option<String>,
    pub repeated_id: Option<String>,
    pub octets: Vec<u8>,
}

impl Message {
    pub fn of(wanted: &ListedMessage, octets: Vec<u8>) -> Self {
        let text = |id: Option<&[u8]>| id.map(|id| String::from_utf8(id.to_vec()).unwrap());
        let (unique_id, repeated_id) = (text(wanted.unique_id()), text(wanted.repeated_id()));
        Self { number: wanted.message().get(), unique_id, repeated_id, octets }
    }
}

pub struct Caller {
    /// What isn't here is fetched.
    pub choices: BTreeMap<String, Choice>,
    pub plan: fn() -> Fetch,
    /// The unique-ids after which the plan looks for new messages, if there are any.
    pub known: Vec<String>,
    /// How many messages are stored at once.
    pub batch: usize,
    /// Whether a message can be stored, and is deleted then.
    pub deletes: fn(u32) -> bool,
    /// How many messages are complete when the user has had enough.
    pub enough: usize,
    pub config: Config,
    pub capa: bool,
    pub seed: u64,
    /// After how many steps the program dies.
    pub dies: usize,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            choices: BTreeMap::new(),
            plan: Fetch::new,
            known: Vec::new(),
            batch: 1,
            deletes: |_| true,
            enough: usize::MAX,
            config: Config::new(),
            capa: false,
            seed: 0,
            dies: usize::MAX,
        }
    }
}

impl Caller {
    pub fn choosing<'a>(choices: impl IntoIterator<Item = (&'a str, Choice)>) -> Self {
        let choices = choices.into_iter().map(|(id, choice)| (id.to_owned(), choice)).collect();
        Self { choices, ..Self::default() }
    }

    pub fn judge(&self, unique_id: &[u8]) -> Choice {
        self.choices.get(std::str::from_utf8(unique_id).unwrap()).copied().unwrap_or(Choice::Fetch)
    }
}

/// A judge that looks at unique-ids alone, and fetches what has none.
pub fn by_id(mut judge: impl FnMut(&[u8]) -> Choice) -> impl FnMut(&ListedMessage) -> Choice {
    move |message| message.unique_id().or(message.repeated_id()).map_or(Choice::Fetch, &mut judge)
}

/// Carries a plan out, after a login.
pub fn run(mut peer: Peer, caller: &Caller) -> Outcome {
    let mut chance = Chance::new(caller.seed);
    let mut fetch = (caller.plan)();
    if !caller.known.is_empty() {
        fetch = fetch.after_known(&caller.known);
    }
    let mut outcome = Outcome::default();
    let mut session = Session::new(caller.config.clone().into(), Security::TrustedLocal);
    if caller.capa {
        session.send(&Command::Capa).unwrap();
    }
    session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    let (mut waiting, mut begun) = (Vec::new(), Begun::default());
    let (mut unstored, mut to_store, mut to_judge) = (Vec::<Message>::new(), Vec::<Message>::new(), Vec::new());
    let mut down = match &mut peer {
        Peer::Server(server) => server.receive(""),
        Peer::Lines(_) => b"+OK\r\n".to_vec(),
    };
    for step in 0..1_000_000 {
        if step == caller.dies {
            return outcome;
        }
        let goes_on = fetch.advance(&mut session).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        assert_eq!(fetch.advance(&mut session), Ok(goes_on), "an advance more changes something");
        let is_idle = matches!(session.poll(Duration::ZERO), Ok(Action::Idle(_)));
        if unstored.len() >= caller.batch || is_idle {
            to_store.append(&mut unstored);
        }
        if !to_store.is_empty() {
            let message = to_store.swap_remove(chance.below(to_store.len()));
            to_judge.push(message.number);
            if (caller.deletes)(message.number) {
                outcome.stored.push(message);
            }
            continue;
        }
        if !to_judge.is_empty() {
            let number = to_judge.swap_remove(chance.below(to_judge.len()));
            let message = MessageNumber::new(number).unwrap();
            let say = if (caller.deletes)(number) { Fetch::delete } else { Fetch::keep };
            say(&mut fetch, message);
            continue;
        }
        let action = match session.poll(Duration::ZERO) {
            Ok(action) => action,
            Err(error) => return outcome.ended(fetch, Err(error), begun),
        };
        match action {
            Action::Io(Io::Read(mut read)) => {
                let octets = down.len().min(read.space().len()).min(1 + chance.below(30));
                assert!(octets > 0, "nobody says anything: {outcome:?}");
                read.space()[..octets].copy_from_slice(&down[..octets]);
                down.drain(..octets);
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining().min(1 + chance.below(30));
                waiting.extend(write.copy_to_bytes(octets));
                let whole = waiting.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
                let lines: Vec<u8> = waiting.drain(..whole).collect();
                outcome.sent.extend(String::from_utf8(lines.clone()).unwrap().lines().map(String::from));
                outcome.sent.retain(|line| !["CAPA", "USER", "PASS"].contains(&&line[..4]));
                down.extend(peer.answer(&lines));
            }
            Action::Event(event) => {
                let judge = by_id(|id| {
                    outcome.asked.push(String::from_utf8(id.to_vec()).unwrap());
                    caller.judge(id)
                });
                fetch.observe(&event, judge);
                event.done();
                while let Some(progress) = fetch.progress() {
                    match &progress {
                        Progress::Begins(wanted) => begun.begin(wanted),
                        Progress::Header(wanted) => outcome.headers.push(begun.take(wanted)),
                        _ => {}
                    }
                    let Some(wanted) = outcome.note(progress) else { continue };
                    unstored.push(begun.take(&wanted));
                    outcome.complete.extend(unstored.last().cloned());
                    if outcome.complete.len() == caller.enough {
                        fetch.finish();
                    }
                }
            }
            Action::Body(part) => {
                begun.write(part.as_bytes());
                part.done();
            }
            Action::Closed(closed) => return outcome.ended(fetch, Ok(closed), begun),
            other => panic!("{other:?}: {outcome:?}"),
        }
    }
    panic!("the plan doesn't end: {outcome:?}");
}

pub fn server(store: &Rc<Store>) -> Peer {
    Peer::Server(Box::new(Server::patient(store)))
}

/// A server that lets the client in, and then answers these lines.
pub fn lines(lines: impl AsRef<[(&'static str, &'static str)]>) -> Peer {
    Peer::Lines([&[("USER mrose", "+OK\r\n"), ("PASS tanstaaf", "+OK\r\n")], lines.as_ref()].concat())
}

pub fn numbers(outcome: &Outcome) -> Vec<u32> {
    outcome.complete.iter().map(|message| message.number).collect()
}

/// What each complete message may be stored by.
pub fn names(outcome: &Outcome) -> Vec<Option<&str>> {
    outcome.complete.iter().map(|message| message.unique_id.as_deref()).collect()
}

pub fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

pub const ALL: Option<Result<Closed, Error>> = Some(Ok(Closed::Quit(Removal::All)));

pub const CHOICES: [Choice; 5] = [Choice::Fetch, Choice::Keep, Choice::Stored, Choice::Delete, Choice::Header];

/// Gives the messages of a store their contents.
pub fn fill(mut store: Rc<Store>, contents: impl Iterator<Item = Vec<u8>>) -> Rc<Store> {
    let filled = Rc::get_mut(&mut store).unwrap();
    filled.unique_ids_are_checked.set(true);
    for (message, content) in filled.messages.iter_mut().zip(contents) {
        message.octets = content.into();
    }
    store
}

/// A session that has logged in, and its plan.
pub struct Plan {
    pub script: Script,
    pub fetch: Fetch,
    /// What STAT is answered.
    pub stat: String,
}

impl Plan {
    pub fn logged_in() -> Self {
        Self::with(Script::logged_in(Config::new()), Fetch::new())
    }

    pub fn with(script: Script, fetch: Fetch) -> Self {
        Self { script, fetch, stat: String::new() }
    }

    /// One whose STAT is answered with this, and that has sent UIDL.
    pub fn listing(stat: &str) -> Self {
        let mut plan = Self { stat: stat.to_owned(), ..Self::logged_in() };
        assert_eq!(plan.writes(), "STAT\r\n");
        assert_eq!(plan.fetches(stat.as_bytes()), []);
        assert_eq!(plan.writes(), "UIDL\r\n");
        plan
    }

    /// What the client writes next.
    pub fn writes(&mut self) -> String {
        self.fetch.advance(&mut self.script.client.session).unwrap();
        self.script.wrote()
    }

    /// Has it close the connection, as it writes nothing any more.
    pub fn gives_up(&mut self) {
        assert_eq!(self.fetch.advance(&mut self.script.client.session), Err(SendError::Over));
        assert_eq!(self.script.wrote(), "");
    }

    /// Has it ask for a message, and the server send an empty one.
    pub fn retrieves(&mut self, message: u32) -> Vec<Progress> {
        assert_eq!(self.writes(), format!("RETR {message}\r\n"));
        self.fetches(b"+OK\r\n.\r\n")
    }

    /// The same, and STAT is answered as before.
    pub fn gets(&mut self, message: u32) -> Vec<Progress> {
        let mut heard = self.retrieves(message);
        assert_eq!(self.writes(), "STAT\r\n");
        heard.extend(self.fetches(self.stat.clone().as_bytes()));
        if self.stat == "-ERR\r\n" {
            // It may be a line of the message.
            assert_eq!(self.writes(), "STAT\r\n");
            heard.extend(self.fetches(self.stat.clone().as_bytes()));
        }
        heard
    }

    /// Has the server send octets; what each event means that means something.
    pub fn hears(&mut self, octets: &[u8], judge: impl FnMut(&[u8]) -> Choice) -> Vec<Progress> {
        self.judges(octets, by_id(judge))
    }

    /// The same, with a judge that looks at more than unique-ids.
    pub fn judges(&mut self, octets: &[u8], mut judge: impl FnMut(&ListedMessage) -> Choice) -> Vec<Progress> {
        let mut heard = Vec::new();
        feed(&mut self.script.client.session, octets, |event| {
            self.fetch.observe(event, &mut judge);
            heard.extend(std::iter::from_fn(|| self.fetch.progress()));
        });
        heard
    }

    pub fn fetches(&mut self, octets: &[u8]) -> Vec<Progress> {
        self.hears(octets, |_| Choice::Fetch)
    }
}

/// Has a session read octets and a clean end of the stream; how it ends.
pub fn end(session: &mut Session, octets: &[u8], observe: impl FnMut(&Event<'_>)) -> Result<Closed, Error> {
    feed(session, octets, observe);
    loop {
        match session.poll(Duration::ZERO)? {
            Action::Io(Io::Read(read)) => read.filled(0),
            Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
            Action::Idle(idle) => idle.into_read().filled(0),
            Action::Closed(closed) => return Ok(closed),
            other => panic!("{other:?}"),
        }
    }
}

/// Has a session read octets, until it wants more than there are.
pub fn feed(session: &mut Session, mut octets: &[u8], mut observe: impl FnMut(&Event<'_>)) {
    loop {
        let Ok(action) = session.poll(Duration::ZERO) else { return };
        match action {
            Action::Io(Io::Read(read)) if !octets.is_empty() => octets = read_some(read, octets),
            Action::Idle(idle) if !octets.is_empty() => octets = read_some(idle.into_read(), octets),
            Action::Event(event) => {
                observe(&event);
                event.done();
            }
            Action::Body(body) => body.done(),
            _ => return,
        }
    }
}

/// Has a session read as much as it takes; what is left.
fn read_some<'a>(mut read: Read<'_>, octets: &'a [u8]) -> &'a [u8] {
    let length = octets.len().min(read.space().len());
    let (now, later) = octets.split_at(length);
    read.space()[..length].copy_from_slice(now);
    read.filled(length);
    later
}
