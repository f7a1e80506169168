//! A naive client: what a session must say, ask for and write, out of all that the server has sent so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pop3_proto::Security;
use pop3_proto::client::{Closed, Error, ProtocolError, SendError, Ticket};
use pop3_proto::message::Removal;
use pop3_proto::wire::{self, Deviation, Verb};

use super::case::Case;
use super::said::SECRET;
use crate::sasl;

pub struct Model<'a> {
    pub case: &'a Case<'a>,
    pub state: State,
    pub security: Security,
    /// What was read and isn't dealt with; beside each octet how many lines were written when the server sent it.
    pub inbox: Vec<u8>,
    pub written_before: Vec<usize>,
    /// Whether the rest of a line is to be skipped.
    pub skips: bool,
    /// The commands that aren't answered: first those that may be written, then the others.
    pub queue: Vec<Sent>,
    pub outstanding: usize,
    /// What may be written, and isn't.
    pub unwritten: Vec<u8>,
    pub lines_written: usize,
    /// How many lines the server has answered; the greeting answers none.
    pub lines_answered: usize,
    pub reading: Reading,
    /// How many entries of the list under way were read.
    pub entries: usize,
    /// How many octets of the message under way were given out, and whether the last was a CR.
    pub given_out: (usize, bool),
    pub front: Option<Front>,
    /// What CAPA has listed before login and after it.
    pub listed: [Option<BTreeSet<String>>; 2],
    /// What CAPA lists, while its end line hasn't come.
    pub incomplete: Option<BTreeSet<String>>,
    pub refused: BTreeSet<&'static str>,
    /// What has succeeded.
    pub worked: BTreeSet<&'static str>,
    /// The text of the greeting.
    pub greeting: Vec<u8>,
    pub timestamp: Option<String>,
    pub utf8: bool,
    /// Whether the last login was turned down.
    pub login_failed: bool,
    /// Whether the last answer turned a name down.
    pub name_refused: bool,
    pub farewell: bool,
    pub quit_is_sent: bool,
    pub end_of_stream: bool,
    pub over: Option<Over>,
    pub deviations: BTreeMap<&'static str, u32>,
    /// When the server last did something, while it owes something.
    pub since: Option<Duration>,
    /// Whether that is too long ago, and the caller looks for the last time.
    pub last_look: bool,
    /// Whether the schedule shows: the server said something before it could know what it answers.
    pub races: bool,
}

/// Where the client is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Greeting,
    Authorization,
    Transaction,
    Over,
}

/// Ways in which the session may be over.
pub type Over = Vec<Result<Closed, Error>>;

/// A command that was sent.
#[derive(Clone)]
pub struct Sent {
    pub ticket: Ticket,
    pub verb: Verb,
    pub line: String,
    pub exchange: Option<Exchange>,
}

#[derive(Clone)]
pub struct Exchange {
    pub name: &'static str,
    /// The first message, if it didn't go with AUTH.
    pub initial: Option<Vec<u8>>,
    pub token_is_sent: bool,
    /// How many messages of the mechanism were said, the one that goes with AUTH included.
    pub messages: usize,
    /// How many failures of a token were answered.
    pub failures: usize,
    /// Whether a challenge was answered.
    pub goes_on: bool,
    pub cancelled: bool,
}

impl Exchange {
    /// Whether the client has said all that the mechanism has it say, so that the server may let it in.
    pub fn may_succeed(&self) -> bool {
        let least = match self.name {
            "LOGIN" => 2,
            // The last is empty, after the server's proof.
            name if name.starts_with("SCRAM") => 3,
            _ => 1,
        };
        !self.cancelled && self.failures == 0 && self.messages >= least
    }
}

impl Sent {
    pub fn new(ticket: Ticket, verb: Verb, line: String, exchange: Option<Exchange>) -> Self {
        Self { ticket, verb, line, exchange }
    }

    pub fn has_argument(&self) -> bool {
        self.line.contains(' ')
    }

    fn octets(&self) -> usize {
        self.line.len() + 2
    }

    /// Whether nothing may follow before it is answered.
    fn is_barrier(&self) -> bool {
        let exchange = self.verb == Verb::Auth;
        exchange || matches!(self.verb, Verb::Stls | Verb::Quit | Verb::Pass | Verb::Apop)
    }

    fn logs_in(&self) -> bool {
        self.exchange.is_some() || matches!(self.verb, Verb::Pass | Verb::Apop)
    }
}

/// What the next octets belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Status,
    Lines,
    /// A message, of which so many octets of content were handed out.
    Body(usize),
}

/// What was found in the inbox, and stays until it is dealt with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Front {
    /// How many octets of the inbox it is.
    pub octets: usize,
    pub found: Found,
    /// What it answers.
    pub ticket: Option<Ticket>,
    pub completes: bool,
    pub then: Then,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    Event(String),
    StartTls,
    Challenge(Vec<u8>),
}

/// What becomes of the session after an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Nothing,
    Greeted(bool),
    Farewell,
    /// Whether it succeeded, and whether there is a code.
    Answered(bool, bool),
    /// It is turned down before it was written to its end; whether there is a code.
    TurnedDown(bool),
    Begins,
    Ends,
    Bearer,
}

/// What a session must hand out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    Front(Front),
    /// One or more of these octets.
    Body(Vec<u8>),
    Read,
    Write,
    Idle,
    Over(Over),
}

impl<'a> Model<'a> {
    pub fn new(case: &'a Case<'a>) -> Self {
        Self {
            case,
            state: State::Greeting,
            security: case.settings.security(),
            inbox: Vec::new(),
            written_before: Vec::new(),
            skips: false,
            queue: Vec::new(),
            outstanding: 0,
            unwritten: Vec::new(),
            lines_written: 0,
            lines_answered: 0,
            reading: Reading::Status,
            entries: 0,
            given_out: (0, false),
            front: None,
            listed: [None, None],
            incomplete: None,
            refused: BTreeSet::new(),
            worked: BTreeSet::new(),
            greeting: Vec::new(),
            timestamp: None,
            utf8: false,
            login_failed: false,
            name_refused: false,
            farewell: false,
            quit_is_sent: false,
            end_of_stream: false,
            over: None,
            deviations: BTreeMap::new(),
            since: None,
            last_look: false,
            races: false,
        }
    }

    pub fn may_send_secrets(&self) -> bool {
        self.security != Security::Cleartext || self.case.settings.cleartext_secrets
    }

    /// Whether a login must wait for TLS.
    fn needs_tls(&self) -> bool {
        self.case.settings.requires_tls() && !matches!(self.security, Security::Tls | Security::TlsProxy)
    }

    /// What is listed for this state.
    pub fn listing(&self) -> Option<&BTreeSet<String>> {
        let [before, after] = &self.listed;
        if self.state == State::Transaction { after.as_ref().or(before.as_ref()) } else { before.as_ref() }
    }

    pub fn announces(&self, tag: &str) -> bool {
        self.listing().is_some_and(|listed| listed.contains(tag))
    }

    /// Yes, no, or nobody knows.
    pub fn support(&self, tag: &str) -> Option<bool> {
        match self.listing() {
            Some(listed) => Some(listed.contains(tag)),
            None => self.refused.contains(tag).then_some(false),
        }
    }

    /// Why a line can't be sent, whatever the command.
    fn refuses_line(&mut self, octets: usize) -> Vec<SendError> {
        let mut refused = Vec::new();
        if self.over.is_some() || self.farewell || self.quit_is_sent {
            refused.push(SendError::Over);
        }
        let waiting: usize = self.queue[self.outstanding..].iter().map(Sent::octets).sum();
        let waiting = waiting + self.unwritten.len();
        if waiting > 0 && waiting + octets > self.case.settings.queue() {
            refused.push(SendError::QueueFull);
            self.races = true;
        }
        refused
    }

    /// Why a command can't be sent.
    pub fn refuses(&mut self, line: &str, verb: Verb) -> Vec<SendError> {
        let mut refused = self.refuses_line(line.len() + 2);
        // There is always room for QUIT.
        refused.retain(|error| verb != Verb::Quit || *error != SendError::QueueFull);
        let is = |wrong: bool, error| wrong.then_some(error);
        refused.extend(is(!line.is_ascii() && !self.announces("UTF8 USER"), SendError::NotAscii));
        refused.extend(is(verb == Verb::Pass && !self.may_send_secrets(), SendError::Cleartext));
        refused.extend(is(line.len() + 2 > 255, SendError::TooLong));
        let knows_none = self.state != State::Transaction && self.timestamp.is_none();
        refused.extend(is(verb == Verb::Apop && knows_none, SendError::NoTimestamp));
        let logs_in = matches!(verb, Verb::User | Verb::Pass | Verb::Apop | Verb::Auth);
        refused.extend(is(logs_in && verb != Verb::Auth && self.needs_tls(), SendError::NeedsTls));
        refused.extend(is(logs_in && self.waits_for_tls(), SendError::WrongState));
        refused.extend(is(
            !verb.is_valid_in(wire::State::Transaction) && self.state == State::Transaction,
            SendError::WrongState,
        ));
        let may_come = self.state == State::Transaction || self.queue.iter().any(Sent::logs_in);
        refused.extend(is(!verb.is_valid_in(wire::State::Authorization) && !may_come, SendError::WrongState));
        // There is one TLS at the most, and not after UTF8.
        let has_tls = self.security == Security::Tls || self.waits_for_tls() || self.utf8;
        refused.extend(is(verb == Verb::Stls && has_tls, SendError::WrongState));
        refused
    }

    /// Why an exchange can't be begun.
    pub fn refuses_exchange(&mut self, line: &str, cleartext: bool) -> Vec<SendError> {
        let mut refused = self.refuses_line(line.len() + 2);
        let is = |wrong: bool, error| wrong.then_some(error);
        refused.extend(is(cleartext && !self.may_send_secrets(), SendError::Cleartext));
        refused.extend(is(self.needs_tls(), SendError::NeedsTls));
        refused.extend(is(self.state == State::Transaction, SendError::WrongState));
        refused.extend(is(self.queue.iter().any(|sent| sent.exchange.is_some()), SendError::WrongState));
        refused.extend(is(self.waits_for_tls(), SendError::WrongState));
        refused
    }

    fn waits_for_tls(&self) -> bool {
        self.queue.iter().any(|sent| sent.verb == Verb::Stls)
    }

    pub fn send(&mut self, sent: Sent) {
        self.quit_is_sent = sent.verb == Verb::Quit;
        self.queue.push(sent);
    }

    /// Takes a command back, if none of it is written; whether it was.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        // What is written by now depends on the schedule.
        self.races = true;
        if self.state == State::Over {
            return false;
        }
        let place = self.queue.iter().position(|sent| sent.ticket == ticket).expect("a command that isn't answered");
        if place < self.outstanding {
            let goes_on = self.queue[place].exchange.as_ref().is_some_and(|exchange| exchange.goes_on);
            let after: usize = self.queue[place + 1..self.outstanding].iter().map(Sent::octets).sum();
            let line = after + self.queue[place].octets();
            if goes_on || line > self.unwritten.len() {
                return false;
            }
            let end = self.unwritten.len();
            self.unwritten.drain(end - line..end - after);
            self.outstanding -= 1;
        }
        let sent = self.queue.remove(place);
        self.quit_is_sent &= sent.verb != Verb::Quit;
        true
    }

    pub fn read(&mut self, octets: &[u8], written_before: usize) {
        self.inbox.extend_from_slice(octets);
        self.written_before.extend(octets.iter().map(|_| written_before));
        self.end_of_stream |= octets.is_empty();
        self.since = None;
    }

    pub fn wrote(&mut self, octets: &[u8]) {
        assert!(self.unwritten.starts_with(octets));
        self.unwritten.drain(..octets.len());
        self.lines_written += octets.iter().filter(|&&octet| octet == b'\n').count();
        self.since = None;
        let secrets = [SECRET.to_owned(), sasl::encode(format!("\0mrose\0{SECRET}").as_bytes())];
        let text = String::from_utf8_lossy(octets);
        let leaks = secrets.iter().any(|secret| text.contains(secret));
        assert!(!leaks || self.may_send_secrets(), "a secret goes out in the clear");
    }

    /// What the session must hand out.
    pub fn poll(&mut self, now: Duration) -> Expected {
        loop {
            if let Some(front) = self.front.clone() {
                // Until it is dealt with it isn't the server that is waited for, but for a handshake.
                self.since = self.since.filter(|_| front.found == Found::StartTls);
                if front.found == Found::StartTls && self.is_late(now) {
                    continue;
                }
                return Expected::Front(front);
            }
            if let Some(over) = &self.over {
                return Expected::Over(over.clone());
            }
            if let Some(expected) = self.look() {
                self.since = None;
                return expected;
            }
            if self.front.is_some() || self.over.is_some() {
                continue;
            }
            if self.end_of_stream {
                self.conclude();
                continue;
            }
            // Half a line that nothing has asked for is no answer to a command that is sent later.
            if self.outstanding > 0 || self.inbox.is_empty() {
                self.release();
            } else {
                self.races |= self.state != State::Greeting;
            }
            if self.front.is_some() {
                continue;
            }
            let waits = self.outstanding > 0 || self.state == State::Greeting || self.farewell;
            if !waits && self.inbox.is_empty() {
                self.since = None;
                return Expected::Idle;
            }
            if self.is_late(now) {
                continue;
            }
            return if self.unwritten.is_empty() { Expected::Read } else { Expected::Write };
        }
    }

    /// Whether the server has done nothing for too long, and the caller has looked since, which is the end.
    fn is_late(&mut self, now: Duration) -> bool {
        if self.since.is_none() {
            self.last_look = false;
        }
        let late = now >= *self.since.get_or_insert(now) + self.case.settings.deadline();
        let looked = self.last_look;
        self.last_look |= late;
        self.races |= late;
        let late = late && looked;
        if late {
            self.races = true;
            self.front = None;
            self.over = Some(vec![Err(Error::TimedOut)]);
        }
        late
    }

    /// Lets those commands go whose turn has come.
    fn release(&mut self) {
        while self.state != State::Greeting && !self.farewell && self.outstanding < self.queue.len() {
            let (before, next) = (&self.queue[..self.outstanding], &self.queue[self.outstanding]);
            let is_futile = match self.state {
                State::Transaction => !next.verb.is_valid_in(wire::State::Transaction),
                _ => {
                    let is_late = next.verb == Verb::Stls && self.utf8;
                    !next.verb.is_valid_in(wire::State::Authorization)
                        || next.verb == Verb::Pass && self.name_refused
                        || is_late
                }
            };
            if is_futile {
                if before.is_empty() {
                    let found = Found::Event("not sent".to_owned());
                    let (ticket, then) = (Some(next.ticket), Then::Nothing);
                    self.front = Some(Front { octets: 0, found, ticket, completes: true, then });
                    self.queue.remove(0);
                }
                return;
            }
            if let Some(last) = before.last() {
                let settings = &self.case.settings;
                let octets: usize = before.iter().chain([next]).map(Sent::octets).sum();
                let is_named = before.iter().any(|sent| sent.verb == Verb::User);
                let discloses = next.verb == Verb::Pass && is_named && self.security == Security::Cleartext;
                let must_wait = last.is_barrier() || discloses;
                let may_follow = !must_wait
                    && !settings.one_by_one
                    && self.announces("PIPELINING")
                    && before.len() < settings.commands()
                    && octets <= settings.octets();
                if !may_follow {
                    return;
                }
            }
            self.unwritten.extend_from_slice(next.line.as_bytes());
            self.unwritten.extend_from_slice(b"\r\n");
            self.outstanding += 1;
        }
    }

    fn conclude(&mut self) {
        let partial = !self.inbox.is_empty() || self.reading != Reading::Status || self.skips;
        let first = self.queue[..self.outstanding].first().map(|sent| sent.verb);
        self.over = Some(vec![match first {
            _ if partial => Err(Error::Truncated),
            _ if self.state == State::Greeting => Err(Error::Disconnected),
            // Before login no message can be marked.
            Some(Verb::Quit) if self.state == State::Authorization => Ok(Closed::Quit(Removal::All)),
            // A server that ends what it says doesn't act on half a line.
            Some(Verb::Quit) if self.unwritten.is_empty() => Ok(Closed::Quit(Removal::Unknown)),
            Some(_) => Err(Error::Disconnected),
            None if self.login_failed => Ok(Closed::AfterFailedLogin),
            None => Ok(Closed::WhileIdle),
        }]);
        // Of a challenge that is too long, the rest isn't worth a word.
        if self.skips {
            self.over.iter_mut().for_each(|over| over.push(Err(Error::Disconnected)));
        }
        // With QUIT after others nobody knows either.
        if self.queue[..self.outstanding].last().is_some_and(|sent| sent.verb == Verb::Quit) {
            self.over.iter_mut().for_each(|over| over.push(Ok(Closed::Quit(Removal::Unknown))));
        }
        self.state = State::Over;
    }

    pub fn fail(&mut self, errors: &[ProtocolError]) {
        self.over = Some(errors.iter().map(|error| Err(Error::Protocol(*error))).collect());
        self.state = State::Over;
    }

    /// Counts bare line feeds in a part of a message that begins after so many octets of it; it may come again.
    pub fn gives_out(&mut self, taken: usize, part: &[u8]) {
        let accepted = self.case.settings.accepts(Deviation::BareLineFeed);
        for (at, &octet) in (taken..).zip(part).filter(|(at, _)| *at >= self.given_out.0).collect::<Vec<_>>() {
            if octet == b'\n' && !self.given_out.1 && at < 4_096 && accepted {
                self.count(&[Deviation::BareLineFeed]);
            }
            self.given_out = (at + 1, octet == b'\r');
        }
    }

    pub fn count(&mut self, deviations: &[Deviation]) {
        for deviation in deviations {
            *self.deviations.entry(deviation.name()).or_default() += 1;
        }
    }
}
