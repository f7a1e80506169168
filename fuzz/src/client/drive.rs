//! A caller that drives a session as a case says, beside the naive client, and compares the two at each poll.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Capabilities, Closed, Error, Feature, Session, Support};
use pop3_proto::wire::{self, Deviation};
use pop3_proto::{Io, Read, Write};

use super::case::{Case, SASL_LINE, Say};
use super::model::{Expected, Found, Front, Model, Reading, State};
use super::reply;
use super::said::{SECRET, say};
use crate::case::{GREEDY, Step};
use crate::drive::amount;

/// What a session was seen to do.
#[derive(Default)]
pub struct Run {
    pub output: Vec<u8>,
    /// Events in words, and messages.
    pub log: Vec<Vec<u8>>,
    /// Whether the schedule shows.
    pub races: bool,
}

struct Caller<'a> {
    model: Model<'a>,
    /// What the server is still to send, and how many lines it had seen before it sent the first of these.
    parts: VecDeque<Vec<u8>>,
    seen: usize,
    say: VecDeque<Say>,
    /// How many events must come before more is said.
    wait: u8,
    challenges: u8,
    now: Duration,
    run: Run,
}

/// Whether there is more to come.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

const FEATURES: [(Feature, &str); 11] = [
    (Feature::Top, "TOP"),
    (Feature::User, "USER"),
    (Feature::RespCodes, "RESP-CODES"),
    (Feature::Pipelining, "PIPELINING"),
    (Feature::Uidl, "UIDL"),
    (Feature::AuthRespCode, "AUTH-RESP-CODE"),
    (Feature::Stls, "STLS"),
    (Feature::Utf8, "UTF8"),
    (Feature::Utf8User, "UTF8 USER"),
    (Feature::Lang, "LANG"),
    (Feature::Sasl, "SASL"),
];

/// Runs the session that `case` describes, with these steps.
pub fn run(case: &Case<'_>, steps: &[Step]) -> Run {
    let mut session = Session::new(case.settings.config(), case.settings.security());
    let (parts, say) = (case.server(), case.say());
    let octets: usize = parts.iter().map(Vec::len).sum();
    // Each poll makes progress, but for those that a step keeps from it.
    let most = steps.len() + 100 + 4 * octets + 8 * say.len();
    let wait = say.first().map_or(0, |say| say.wait % 4);
    let (model, now) = (Model::new(case), Duration::ZERO);
    let (parts, say) = (parts.into(), say.into());
    let mut caller = Caller { model, parts, seen: 0, say, wait, challenges: 0, now, run: Run::default() };
    let mut steps = steps.iter().copied();
    let mut time = Duration::from_secs(1_000);
    for _ in 0..most {
        let last = steps.len() == 0;
        let step = steps.next().unwrap_or(GREEDY);
        time = step.tick(time);
        caller.now = caller.now.max(time);
        if caller.go(&mut session, time, step, last) == Go::Stop {
            caller.run.races |= caller.model.races;
            return caller.run;
        }
    }
    panic!("a session that gets nowhere");
}

impl Caller<'_> {
    fn go(&mut self, session: &mut Session, time: Duration, step: Step, last: bool) -> Go {
        while self.wait == 0 && !self.say.is_empty() {
            self.say_next(session);
        }
        let expected = self.model.poll(self.now);
        if let Expected::Over(ways) = expected {
            return self.over(session, time, &ways);
        }
        let speaks = expected == Expected::Idle && !self.say.is_empty();
        let polled = session.poll(time);
        let stay = step.drop;
        match (expected, polled) {
            (expected, Err(error)) => panic!("{error}, but {expected:?}"),
            (Expected::Front(front), Ok(action)) if stay => check(&front, &action, self.deadline()),
            (Expected::Front(front), Ok(action)) => self.take(&front, action),
            (Expected::Body(content), Ok(Action::Body(body))) => {
                assert!(
                    !body.as_bytes().is_empty() && content.starts_with(body.as_bytes()),
                    "not what the server sent"
                );
                assert_eq!(body.ticket(), self.model.queue.first().map(|sent| sent.ticket));
                let Reading::Body(taken) = self.model.reading else { panic!("a body without a message") };
                self.model.gives_out(taken, body.as_bytes());
                if stay {
                    return Go::On;
                }
                let Reading::Body(taken) = &mut self.model.reading else { panic!("a body without a message") };
                self.run.log.push(body.as_bytes().to_vec());
                if *taken > 0 {
                    let part = self.run.log.pop().expect("a part");
                    self.run.log.last_mut().expect("a front").extend(part);
                }
                *taken += body.as_bytes().len();
                body.done();
            }
            (Expected::Write, Ok(Action::Io(Io::Write(write)))) => self.write(write, step),
            (Expected::Read, Ok(Action::Io(Io::Read(read)))) => return self.read(read, step, last),
            (Expected::Idle, Ok(Action::Idle(_))) if speaks => {}
            (Expected::Idle, Ok(Action::Idle(idle))) => return self.read(idle.into_read(), step, last),
            (expected, Ok(action)) => panic!("{action:?}, but {expected:?}"),
        }
        if speaks {
            self.say_next(session);
        }
        self.compare(session);
        Go::On
    }

    fn over(&mut self, session: &mut Session, time: Duration, ways: &[Result<Closed, Error>]) -> Go {
        let mut poll = |time| match session.poll(time) {
            Ok(Action::Closed(closed)) => Ok(closed),
            Ok(action) => panic!("{action:?}, but {ways:?}"),
            Err(error) => Err(error),
        };
        let over = poll(time);
        assert!(ways.contains(&over), "{over:?}, but {ways:?}");
        assert_eq!(poll(Duration::ZERO), over, "what is over stays so");
        self.run.log.push(format!("{over:?}").into_bytes());
        Go::Stop
    }

    fn say_next(&mut self, session: &mut Session) {
        if let Some(next) = self.say.pop_front() {
            say(session, &mut self.model, next);
        }
        self.wait = self.say.front().map_or(0, |say| say.wait % 4);
    }

    /// What the session knows is what the naive client knows.
    fn compare(&self, session: &Session) {
        let model = &self.model;
        let state = match model.state {
            State::Authorization => Some(wire::State::Authorization),
            State::Transaction => Some(wire::State::Transaction),
            State::Greeting | State::Over => None,
        };
        assert_eq!((session.state(), session.security()), (state, model.security));
        // What belongs to a state ends with it.
        let timestamp = model.timestamp.clone().filter(|_| model.state == State::Authorization);
        let mode = model.utf8 && state.is_some();
        assert_eq!((session.is_utf8_mode(), session.timestamp().map(ToString::to_string)), (mode, timestamp));
        for (feature, tag) in FEATURES {
            let known = match session.support(feature) {
                Support::Yes => Some(true),
                Support::No => Some(false),
                Support::Unknown => None,
            };
            assert!(known == model.support(tag) || model.over.is_some(), "{tag}: {known:?}");
        }
        if let (Some(capabilities), Some(listed)) = (session.capabilities(), model.listing()) {
            check_capabilities(capabilities, listed);
        }
        for deviation in Deviation::ALL {
            let counted = model.deviations.get(deviation.name()).copied().unwrap_or(0);
            assert_eq!(session.deviations().count_of(deviation), counted, "{deviation}");
        }
        assert!(!format!("{session:?}").contains(SECRET));
    }

    /// Deals with what the server has said.
    fn take(&mut self, front: &Front, action: Action<'_>) {
        check(front, &action, self.deadline());
        self.wait = self.wait.saturating_sub(1);
        let mut words = format!("{:?} {}", front.ticket, front.completes);
        match (&front.found, action) {
            (Found::Event(what), Action::Event(event)) => {
                words += what;
                event.done();
                self.model.done();
            }
            (Found::StartTls, Action::StartTls(start)) => {
                if self.model.case.settings.tls_fails {
                    start.failed();
                    self.model.front = None;
                    self.model.over = Some(vec![Err(Error::TlsFailed)]);
                    self.model.state = State::Over;
                } else {
                    start.established();
                    self.model.established();
                }
            }
            (Found::Challenge(octets), Action::Challenge(challenge)) => {
                words += &format!("challenge {octets:?}");
                let exchange = self.model.queue[0].exchange.as_ref().expect("an exchange");
                assert_eq!(challenge.mechanism().map(|name| name.to_string()).as_deref(), Some(exchange.name));
                let nth = self.challenges;
                self.challenges = nth.saturating_add(1);
                self.model.done();
                if nth < 8 && self.model.case.settings.cancels >> nth & 1 != 0 {
                    challenge.cancel();
                    self.model.cancel();
                } else {
                    let response = vec![nth; usize::from(nth)];
                    challenge.respond(&response[..]);
                    self.model.respond(&crate::sasl::encode(&response));
                }
            }
            (found, action) => panic!("{action:?}, but {found:?}"),
        }
        self.run.log.push(words.into_bytes());
    }

    fn write(&mut self, mut write: Write<'_>, step: Step) {
        assert_eq!(write.chunk(), self.model.unwritten);
        assert_eq!(write.deadline(), self.deadline());
        assert!(!format!("{write:?}").contains(SECRET));
        let octets = amount(step).min(write.remaining());
        if step.octets == 126 {
            // The server may say something first.
            return self.fill(write.into_read().expect("room for octets"), step);
        }
        if !step.drop && octets > 0 {
            let written = write.chunk()[..octets].to_vec();
            write.advance(octets);
            self.run.output.extend_from_slice(&written);
            self.model.wrote(&written);
        }
    }

    fn read(&mut self, read: Read<'_>, step: Step, last: bool) -> Go {
        // The client waits for the server, which goes on.
        while self.parts.front().is_some_and(Vec::is_empty) {
            self.parts.pop_front();
            self.seen = self.model.lines_written;
        }
        if !self.parts.is_empty() {
            self.fill(read, step);
            return Go::On;
        }
        if self.model.case.settings.hang_up && !step.drop {
            let mut read = read;
            assert!(!read.space().is_empty());
            read.filled(0);
            self.model.read(b"", 0);
            return Go::On;
        }
        if last { Go::Stop } else { Go::On }
    }

    /// Reads what is there.
    fn fill(&mut self, mut read: Read<'_>, step: Step) {
        let settings = &self.model.case.settings;
        assert_eq!(read.deadline(), self.deadline());
        let Some(part) = self.parts.front_mut() else { return };
        let space = read.space();
        let most = settings.window().max(settings.line()).max(SASL_LINE);
        assert!(!space.is_empty() && space.len() <= most, "{} octets of space", space.len());
        let octets = amount(step).min(space.len()).min(part.len());
        if step.drop || octets == 0 {
            return;
        }
        // What is in the space but isn't said to be filled is nobody's business.
        let junk = space.len().min(4);
        space[..junk].copy_from_slice(&b"+OK\r"[..junk]);
        let front: Vec<_> = part.drain(..octets).collect();
        space[..octets].copy_from_slice(&front);
        read.filled(octets);
        self.model.read(&front, self.seen);
    }

    fn deadline(&self) -> Option<Duration> {
        self.model.since.map(|since| since + self.model.case.settings.deadline())
    }
}

/// Checks what is known of mechanisms and times.
fn check_capabilities(known: &Capabilities, listed: &BTreeSet<String>) {
    let names: Vec<_> = known.mechanisms().map(|mechanism| format!("SASL {mechanism}")).collect();
    assert!(names.iter().all(|name| listed.contains(name)), "a mechanism that isn't listed");
    // There is room for no more than a line can have, since a server can list as many as it likes.
    let mut said = listed.iter().filter(|fact| fact.starts_with("SASL "));
    assert!(names.len() >= 24 || said.all(|name| names.contains(name)), "a mechanism that isn't known");
    let mut kept: Vec<_> = known.private().map(|line| line.to_string()).collect();
    kept.extend(known.implementation().map(|text| format!("IMPLEMENTATION {text}")));
    assert!(kept.iter().map(String::len).sum::<usize>() <= 1_024, "more than there is room for");
    let times = |tag: &str, value: Option<u32>, per_user: bool| {
        let value = value.map_or("NEVER".to_owned(), |value| value.to_string());
        format!("{tag}{value}{}", if per_user { " USER" } else { "" })
    };
    let delay = known.login_delay().map(|delay| times("LOGIN-DELAY ", Some(delay.seconds), delay.per_user));
    let expire = known.expire().map(|expire| times("EXPIRE ", expire.days, expire.per_user));
    for (tag, known) in [("LOGIN-DELAY ", delay), ("EXPIRE ", expire)] {
        assert_eq!(listed.iter().find(|fact| fact.starts_with(tag)), known.as_ref());
    }
}

/// Checks what is handed out.
fn check(front: &Front, action: &Action<'_>, deadline: Option<Duration>) {
    match (&front.found, action) {
        (Found::Event(words), Action::Event(event)) => {
            assert_eq!((event.ticket(), event.completes()), (front.ticket, front.completes), "{words}");
            assert_eq!(*words, reply::words(&event.kind()));
        }
        (Found::StartTls, Action::StartTls(start)) => {
            assert_eq!((start.server_name(), start.deadline()), (None, deadline));
        }
        (Found::Challenge(octets), Action::Challenge(challenge)) => assert_eq!(challenge.as_bytes(), octets),
        (found, action) => panic!("{action:?}, but {found:?}"),
    }
}
