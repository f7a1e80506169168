//! A host that drives a session as a case says, and checks every token on its way.

mod admit;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use pop3_proto::message::{MessageNumber, Removal};
use pop3_proto::server::{Action, Body, CloseReason, Measure, Refusal, Retrieve, Session, Update};
use pop3_proto::wire::{State, Timestamp};
use pop3_proto::{Io, Read, Write};

use crate::case::{Answer, Case, FAIL, GREEDY, STOP, Step};
use crate::content;
use crate::lines;
use crate::record::{Asked, Call, Delivery, Measured, Run};
use crate::settings::Limits;
use crate::store::{Exchange, Failed, Mailbox, Reader, Store};
use crate::timer::Timer;

pub const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

/// Enough for any session that is worth its time.
const MAX_POLLS: usize = 5_000;

/// Runs the session that `case` describes, with these steps.
pub fn run(case: &Case<'_>, steps: &[Step]) -> Run {
    let settings = &case.settings;
    let mut session = match settings.refusal() {
        Some(reason) => Session::refuse(settings.config(), reason),
        None => Session::with_exchange(settings.config(), settings.security()),
    };
    session = session.with_client_identity(settings.identity());
    if settings.timestamp {
        session = session.with_timestamp(Timestamp::new(TIMESTAMP).expect("a timestamp"));
    }
    let limits = settings.limits();
    let mut host = Host {
        store: Store::new(case.messages(), settings.vouches),
        client: case.client(),
        read_ends: case.read_ends(),
        answers: case.answers.iter().copied().collect(),
        hang_up: settings.hang_up,
        hung_up: false,
        stopped: false,
        failed: false,
        unwritten: false,
        timer: Timer::new(&limits),
        limits,
        run: Run::default(),
    };
    host.drive(&mut session, steps);
    host.run.unread = session.into_unread();
    assert_eq!((host.store.open_now(), host.store.remembered()), (0, 0), "something is left behind");
    host.run
}

/// What was done with an action.
enum Acted {
    Closed(CloseReason),
    /// The client has nothing more to say, and everything is answered.
    Finished,
    /// Octets went in or out, or could have, until this deadline.
    Moved(Duration),
    /// It was the host's turn.
    Answered,
}

struct Host {
    store: Rc<Store>,
    client: Vec<u8>,
    /// Where a read ends.
    read_ends: Vec<usize>,
    answers: VecDeque<Answer>,
    hang_up: bool,
    hung_up: bool,
    stopped: bool,
    /// Whether the transport failed.
    failed: bool,
    /// Whether the last write left something.
    unwritten: bool,
    limits: Limits,
    timer: Timer,
    run: Run,
}

impl Host {
    fn drive(&mut self, session: &mut Session<Mailbox, Exchange>, steps: &[Step]) {
        let mut now = Duration::from_secs(1000);
        let mut dropped = None;
        let mut steps = steps.iter().copied();
        for _ in 0..MAX_POLLS {
            let last = steps.len() == 0;
            let step = steps.next().unwrap_or(GREEDY);
            now = step.tick(now);
            self.timer.tick(now);
            if step == STOP {
                session.stop();
                self.stopped = true;
            }
            let action = session.poll(now);
            let kind = kind(&action);
            if let Some(dropped) = dropped.take() {
                assert!(kind == dropped || matches!(action, Action::Close(_)), "{dropped:?} turned into {kind:?}");
            }
            if step.drop {
                dropped = Some(kind);
            }
            match self.act(action, step, last) {
                Acted::Closed(reason) => return self.close(session, reason),
                Acted::Finished => {
                    self.run.complete = true;
                    return;
                }
                Acted::Moved(deadline) => {
                    self.timer.check(session.state(), deadline);
                    let open = self.store.open_now();
                    assert_eq!(session.state() == Some(State::Transaction), open == 1);
                    let quit = matches!(self.run.calls.last(), Some(Call { asked: Asked::Update { .. }, .. }));
                    assert!(!quit || open == 0, "a maildrop is still open when QUIT is answered");
                }
                Acted::Answered => self.timer.ask(),
            }
        }
    }

    fn act(&mut self, action: Action<'_, Mailbox, Exchange>, step: Step, last: bool) -> Acted {
        match action {
            Action::Close(reason) => Acted::Closed(reason),
            Action::Io(Io::Read(_)) if self.run.taken == self.client.len() && !self.hang_up && last => Acted::Finished,
            Action::Io(Io::Read(read)) => {
                let deadline = read.deadline().expect("a limit");
                self.read(read, step);
                Acted::Moved(deadline)
            }
            Action::Io(Io::Write(write)) => {
                let deadline = write.deadline().expect("a limit");
                self.write(write, step);
                Acted::Moved(deadline)
            }
            Action::StartTls(start) => {
                let deadline = start.deadline().expect("a limit");
                if !step.drop {
                    self.start_tls(start);
                }
                Acted::Moved(deadline)
            }
            _ if step.drop => Acted::Answered,
            Action::Login(login) => self.log_in(login),
            Action::Authenticate(step) => self.authenticate(step),
            Action::Measure(measure) => self.measure(measure),
            Action::Retrieve(retrieve) => self.retrieve(retrieve),
            Action::Body(body) => self.body(body),
            Action::Update(update) => self.update(update),
        }
    }

    fn close(&mut self, session: &mut Session<Mailbox, Exchange>, reason: CloseReason) {
        assert_eq!((self.store.open_now(), self.store.remembered()), (0, 0), "something outlives its session");
        let expired = self.timer.check_close(reason);
        assert!(expired || self.failed || !self.unwritten, "output is thrown away");
        self.run.closed = Some(reason);
        assert!(reason != CloseReason::Stopped || self.stopped);
        assert_eq!(reason == CloseReason::TransportFailed, self.failed);
        self.run.complete = !expired && reason != CloseReason::Stopped && !self.failed;
        for now in [0, 1_000_000, 2_000] {
            assert_eq!(session.state(), None);
            let again = session.poll(Duration::from_secs(now));
            assert!(matches!(again, Action::Close(again) if again == reason), "{again:?} after {reason:?}");
        }
    }

    fn read(&mut self, mut read: Read<'_>, step: Step) {
        assert!(!self.hung_up, "a read after the end of the stream");
        assert!(!self.stopped, "a read of a session that stops");
        assert!(!self.unwritten, "a read before all output is written");
        let space = read.space();
        assert!(!space.is_empty() && space.len() <= self.limits.sasl_line as usize);
        if step == FAIL {
            self.failed = true;
            return read.failed();
        }
        // What is in the space but isn't said to be filled is nobody's business.
        let junk = space.len().min(8);
        space[..junk].copy_from_slice(&b"QUIT\r\nQU"[..junk]);
        let rest = &self.client[self.run.taken..];
        let end = self.read_ends.iter().find(|&&end| end > self.run.taken).unwrap_or(&usize::MAX);
        let octets = space.len().min(rest.len()).min(amount(step)).min(end - self.run.taken);
        if step.drop || (octets == 0 && !(rest.is_empty() && self.hang_up)) {
            return;
        }
        self.hung_up = octets == 0;
        space[..octets].copy_from_slice(&rest[..octets]);
        let whole = octets == space.len();
        read.filled(if whole { usize::MAX } else { octets });
        self.run.taken += octets;
        self.run.reads.push(self.run.taken);
        self.timer.read(&rest[..octets]);
    }

    fn write(&mut self, mut write: Write<'_>, step: Step) {
        let total = write.remaining();
        let mut slices = [IoSlice::new(&[]); 4];
        let count = write.chunks_vectored(&mut slices);
        assert_eq!(slices[..count].iter().map(|slice| slice.len()).sum::<usize>(), total);
        assert!(count > 0 && *slices[0] == *write.chunk() && !slices[0].is_empty(), "a write without octets");
        // Of two slices the second one is the host's.
        let sends_message = matches!(self.run.calls.last(), Some(Call { asked: Asked::Retrieve { .. }, .. }));
        let challenges = matches!(self.run.calls.last(), Some(Call { asked: Asked::Step { .. }, .. }));
        let challenge = if challenges { self.limits.sasl_line } else { 0 };
        assert!((count == 1 && sends_message) || slices[0].len() <= (self.limits.output + challenge) as usize);
        if step == FAIL {
            self.failed = true;
            return write.failed();
        }
        self.unwritten = true;
        let mut left = amount(step).min(total);
        if step.drop {
            // What is read instead, and isn't said to be there, is nobody's business.
            if let Some(mut read) = write.into_read() {
                read.space().fill(b'Q');
            }
            return;
        }
        if left == 0 {
            return;
        }
        self.timer.active();
        while left > 0 {
            let before = write.remaining();
            let octets = write.chunk().len().min(left);
            self.run.output.extend_from_slice(&write.chunk()[..octets]);
            write.advance(octets);
            left -= octets;
            assert_eq!(write.remaining(), before - octets);
        }
        if !write.has_remaining() {
            self.unwritten = false;
            self.run.seams.push(self.run.output.len());
        }
    }

    fn answer(&mut self) -> Answer {
        self.answers.pop_front().unwrap_or_default()
    }

    fn call(&mut self, asked: Asked) -> Acted {
        self.run.calls.push(Call { taken: self.run.taken, written: self.run.output.len(), asked });
        let lines = lines::split(&self.client[..self.run.taken], self.limits.line as usize).len();
        let of_commands = self.run.calls.iter().filter(|call| !matches!(call.asked, Asked::Measure { .. }));
        assert!(of_commands.count() <= lines, "more questions than commands");
        Acted::Answered
    }

    fn measure(&mut self, mut measure: Measure<'_, Mailbox>) -> Acted {
        let (mailbox, message) = measure.maildrop_and_message();
        let choice = self.answer().choice % 8;
        let measured = match choice {
            4 => Measured::Refused(Refusal::Gone),
            5 => Measured::Refused(Refusal::Temporary),
            6 => Measured::Refused(Refusal::Permanent),
            7 => Measured::NotDone,
            _ => {
                mailbox.measure(message);
                Measured::Done
            }
        };
        match measured {
            Measured::Refused(reason) => measure.refuse(reason),
            // The session asks its maildrop again.
            Measured::Done if choice == 3 => {}
            Measured::Done | Measured::NotDone => measure.done(),
        }
        self.call(Asked::Measure { message: message.get(), measured })
    }

    fn retrieve(&mut self, mut retrieve: Retrieve<'_, Mailbox>) -> Acted {
        let (message, lines) = (retrieve.message(), retrieve.lines());
        let octets = retrieve.maildrop().message(message).to_vec();
        let answer = self.answer();
        let choice = answer.choice % 8;
        let refusal = match choice {
            4 => Some(Refusal::Gone),
            5 => Some(Refusal::Temporary),
            6 => Some(Refusal::Permanent),
            _ => None,
        };
        let delivery = if let Some(reason) = refusal {
            retrieve.refuse(reason);
            Delivery::Refused(reason)
        } else if choice == 0 {
            retrieve.send(Bytes::from(octets.clone()));
            Delivery::Content { pushed: octets, ended: true, failed: false }
        } else {
            retrieve.begin(Reader::new(&octets, answer, choice == 7));
            Delivery::Content { pushed: Vec::new(), ended: false, failed: false }
        };
        self.call(Asked::Retrieve { message: message.get(), lines, delivery })
    }

    fn body(&mut self, mut body: Body<'_, Mailbox>) -> Acted {
        let Some(Call { asked: Asked::Retrieve { lines, delivery, .. }, .. }) = self.run.calls.last_mut() else {
            panic!("a body without a message");
        };
        let Delivery::Content { pushed, ended, failed } = delivery else { panic!("a body of a refused message") };
        assert!(!*ended && !*failed, "a body after its end");
        assert!(lines.is_none_or(|lines| !content::top(pushed, lines).1), "a body after what TOP shows");
        match body.reader().next_chunk() {
            Ok(Some(chunk)) => {
                pushed.extend_from_slice(&chunk);
                body.push(chunk);
            }
            Ok(None) => {
                *ended = true;
                body.end();
            }
            Err(Failed) => {
                *failed = true;
                body.fail();
            }
        }
        Acted::Answered
    }

    fn update(&mut self, mut update: Update<'_, Mailbox>) -> Acted {
        let (_, deletions) = update.maildrop_and_deletions();
        let count = deletions.len();
        let deletions: Vec<_> = deletions.map(MessageNumber::get).collect();
        assert_eq!(count, deletions.len());
        let commit = [Removal::All, Removal::NotAll, Removal::Unknown][usize::from(self.answer().choice % 3)];
        update.finish(commit);
        self.call(Asked::Update { deletions, commit })
    }
}

/// What an action is, to be known again when it comes back.
fn kind(action: &Action<'_, Mailbox, Exchange>) -> (&'static str, usize) {
    match action {
        Action::Io(Io::Read(_)) => ("read", 0),
        Action::Io(Io::Write(write)) => ("write", write.remaining()),
        Action::Login(login) => ("login", login.credentials().name().len()),
        Action::StartTls(start) => ("start", start.residue().octets as usize),
        Action::Authenticate(step) => ("step", step.response().map_or(0, |response| response.len() + 1)),
        Action::Measure(measure) => ("measure", measure.message().index()),
        Action::Retrieve(retrieve) => ("retrieve", retrieve.message().index()),
        Action::Body(_) => ("body", 0),
        Action::Update(_) => ("update", 0),
        Action::Close(_) => ("close", 0),
    }
}

/// How many octets a step reads or writes at the most.
pub fn amount(step: Step) -> usize {
    match step.octets {
        octets @ 0..128 => octets.into(),
        u8::MAX => usize::MAX,
        octets => (usize::from(octets) - 127) * 64,
    }
}
