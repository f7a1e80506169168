//! A naive POP3 server: from the client's lines and the host's answers to what the output must be.

use std::collections::BTreeSet;

use pop3_proto::server::{CloseReason, Commit, GreetingRefusal, Refusal, Rejection};
use pop3_proto::wire::{Expire, Verb};

use crate::case::{Case, Limits, Message};
use crate::command::{self, Said};
use crate::content;
use crate::drive::{Admission, Asked, Call, Delivery, Run, TIMESTAMP};
use crate::lines::{self, Line};
use crate::responses::{Expected, Responses};
use crate::store::Ids;

/// Checks that `run` did what `case` asks for: each response, each question to the host, and why it closed.
pub fn check(case: &Case<'_>, run: &Run) {
    let settings = &case.settings;
    let mut model = Model {
        case,
        limits: settings.limits(),
        messages: case.messages(),
        calls: run.calls.iter(),
        transaction: false,
        ids: Ids::Distinct,
        closed: None,
        name: None,
        bad: 0,
        failed: 0,
        commands: 0,
        deleted: BTreeSet::new(),
        retrieved: BTreeSet::new(),
        retrieved_until: None,
        last: 0,
        gone: BTreeSet::new(),
    };
    let mut responses = Responses::new(run);
    if let Some(reason) = settings.refusal() {
        let code = match reason {
            GreetingRefusal::Temporary => Some("SYS/TEMP"),
            GreetingRefusal::Permanent => Some("SYS/PERM"),
            _ => None,
        };
        responses.check(&Expected::Err(code), None, false);
        model.closed = Some(CloseReason::Refused);
    } else if let Some(greeting) = responses.greeting() {
        assert!(greeting.starts_with(b"+OK"));
        let offers = greeting.windows(TIMESTAMP.len()).any(|text| text == TIMESTAMP.as_bytes());
        assert_eq!(offers, settings.timestamp && settings.may_log_in());
    }
    for line in lines::split(&case.client[..run.taken], model.limits.line as usize) {
        if model.closed.is_some() {
            break;
        }
        let said = if line.too_long { None } else { model.understand(&line) };
        // Without an answer the session ended while the host was asked.
        let Some(expected) = model.answer(&line, said.as_ref()) else {
            assert!(!run.complete, "{said:?} never reached the host");
            break;
        };
        if !responses.exhausted {
            let has_argument = said.as_ref().is_some_and(|said| !said.arguments.is_empty());
            responses.check(&expected, said.as_ref().map(|said| said.verb), has_argument);
        }
        if said.is_some_and(|said| said.verb == Verb::Retr) && matches!(expected, Expected::Message(_)) {
            model.retrieved_until = responses.octets_so_far();
        }
    }
    assert!(model.calls.next().is_none(), "the host was asked for nothing");
    responses.end();
    if run.complete {
        let end = case.settings.hang_up.then_some(CloseReason::EndOfStream);
        assert_eq!(run.closed, model.closed.or(end));
    }
}

struct Model<'a> {
    case: &'a Case<'a>,
    limits: Limits,
    messages: Vec<Message>,
    calls: std::slice::Iter<'a, Call>,
    transaction: bool,
    ids: Ids,
    closed: Option<CloseReason>,
    name: Option<Vec<u8>>,
    bad: u32,
    failed: u32,
    commands: u32,
    deleted: BTreeSet<u32>,
    retrieved: BTreeSet<u32>,
    /// Where in the output the last RETR ended, if it did.
    retrieved_until: Option<usize>,
    last: u32,
    gone: BTreeSet<u32>,
}

impl<'a> Model<'a> {
    /// What a line says, if all that is wrong with it is accepted.
    fn understand(&self, line: &Line) -> Option<Said> {
        let said = command::parse(&line.content).filter(|_| !line.stray)?;
        let mut deviations = said.deviations.iter().copied().chain(line.bare_lf.then_some("bare-line-feed"));
        (!deviations.any(|deviation| self.case.settings.rejects(deviation))).then_some(said)
    }

    /// The response to a line; nothing if the host was never asked what it needs.
    fn answer(&mut self, line: &Line, said: Option<&Said>) -> Option<Expected> {
        if !self.transaction {
            self.commands += 1;
            if self.commands > self.limits.before_login {
                return Some(self.close(CloseReason::TooManyCommandsBeforeLogin, Expected::Err(None)));
            }
        }
        let Some(said) = said else { return Some(self.nonsense(line)) };
        if self.transaction { self.transact(line, said) } else { self.authorize(line, said) }
    }

    fn nonsense(&mut self, line: &Line) -> Expected {
        let verb = command::verb(&line.content);
        self.name = None;
        let empty_password = !self.transaction && verb == Some(Verb::Pass) && !line.stray && line.content.len() < 6;
        self.bad(if empty_password { Some("AUTH") } else { None })
    }

    fn authorize(&mut self, line: &Line, said: &Said) -> Option<Expected> {
        let settings = &self.case.settings;
        if !matches!(said.verb, Verb::Capa | Verb::Pass) {
            self.name = None;
        }
        Some(match said.verb {
            Verb::Capa => self.good(Expected::Lines(self.capabilities())),
            Verb::Quit => {
                let bye = self.good(Expected::Ok);
                self.close(CloseReason::Quit, bye)
            }
            Verb::User | Verb::Pass | Verb::Apop if !settings.may_log_in() => {
                self.name = None;
                Expected::Err(Some("AUTH"))
            }
            Verb::User => {
                self.name = Some(said.arguments[0].clone());
                self.good(Expected::Ok)
            }
            Verb::Pass => match self.name.take() {
                Some(name) => return self.log_in(line, name, Some(said.arguments[0].clone())),
                None => self.bad(None),
            },
            Verb::Apop => {
                self.name = None;
                if settings.timestamp {
                    return self.log_in(line, said.arguments[0].clone(), None);
                }
                self.bad(None)
            }
            _ => self.bad(None),
        })
    }

    fn log_in(&mut self, line: &Line, name: Vec<u8>, password: Option<Vec<u8>>) -> Option<Expected> {
        let Asked::Login { name: got_name, password: got_password, admission } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked for a login");
        };
        assert_eq!((&name, &password), (got_name, got_password));
        Some(match *admission {
            Admission::Accepted(ids) => {
                self.ids = ids;
                self.transaction = true;
                self.good(Expected::Ok)
            }
            Admission::Broken(Ids::Missing) => Expected::Err(Some("SYS/TEMP")),
            Admission::Broken(_) => Expected::Err(Some("SYS/PERM")),
            Admission::Rejected(reason) => {
                let reply = Expected::Err(Some(code(reason)));
                self.failed += u32::from(reason == Rejection::BadCredentials);
                if reason == Rejection::BadCredentials && self.failed == self.limits.failed_logins {
                    self.close(CloseReason::TooManyFailedLogins, reply)
                } else {
                    reply
                }
            }
        })
    }

    fn transact(&mut self, line: &Line, said: &Said) -> Option<Expected> {
        let message = said.message().filter(|_| !matches!(said.verb, Verb::User | Verb::Pass | Verb::Apop));
        let is_there = |message| message as usize <= self.messages.len() && !self.deleted.contains(&message);
        if message.is_some_and(|message| !is_there(message)) {
            return Some(Expected::Err(None));
        }
        let all = (1..=self.messages.len() as u32).filter(|message| !self.deleted.contains(message));
        let expected = match (said.verb, message) {
            (Verb::Stat, _) => {
                let octets: u64 = all.clone().map(|message| self.octets(message)).sum();
                Expected::Text(format!("{} {octets}", all.count()))
            }
            (Verb::List, None) => Expected::Lines(all.map(|n| format!("{n} {}", self.octets(n))).collect()),
            (Verb::List, Some(n)) => Expected::Text(format!("{n} {}", self.octets(n))),
            (Verb::Uidl, None) => Expected::Lines(all.filter_map(|n| self.unique_id(n)).collect()),
            (Verb::Uidl, Some(n)) => match self.unique_id(n) {
                Some(listing) => Expected::Text(listing),
                None => return Some(Expected::Err(Some("SYS/TEMP"))),
            },
            (Verb::Dele, Some(message)) => {
                self.deleted.insert(message);
                self.last = self.last.max(message);
                Expected::Ok
            }
            (Verb::Noop, _) => Expected::Ok,
            (Verb::Rset, _) => {
                self.deleted.clear();
                self.retrieved.clear();
                self.last = 0;
                Expected::Ok
            }
            (Verb::Capa, _) => Expected::Lines(self.capabilities()),
            (Verb::Last, _) if self.case.settings.last => Expected::Text(self.last.to_string()),
            (Verb::Retr | Verb::Top, Some(message)) => return self.retrieve(line, said, message),
            (Verb::Quit, _) => return self.update(line),
            _ => return Some(self.bad(None)),
        };
        Some(self.good(expected))
    }

    fn retrieve(&mut self, line: &Line, said: &Said, message: u32) -> Option<Expected> {
        let Asked::Retrieve { message: got, lines, delivery } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked for a message");
        };
        assert_eq!((*got, *lines), (message, said.lines()));
        let (pushed, ended, failed) = match delivery {
            Delivery::Refused(Refusal::Temporary) => return Some(Expected::Err(Some("SYS/TEMP"))),
            Delivery::Refused(Refusal::Permanent) => return Some(Expected::Err(Some("SYS/PERM"))),
            Delivery::Refused(_) if self.gone.insert(message) => return Some(Expected::Err(None)),
            Delivery::Refused(_) => return Some(self.bad(None)),
            Delivery::Content { pushed, ended, failed } => (pushed, *ended, *failed),
        };
        if said.verb == Verb::Retr {
            self.last = self.last.max(message);
            if self.case.settings.remove_retrieved {
                self.retrieved.insert(message);
            }
        }
        let (shown, reached) = lines.map_or((&pushed[..], false), |lines| content::top(pushed, lines));
        let mut wire = content::stuff(shown, self.messages[message as usize - 1].line_ends);
        if ended || reached {
            return Some(self.good(Expected::Message(wire)));
        }
        wire.truncate(wire.len() - 3);
        let broken = self.good(Expected::Broken(wire));
        // It failed, or the session came to its end before the message.
        let reason = if failed { CloseReason::MessageFailed } else { CloseReason::Autologout };
        Some(self.close(reason, broken))
    }

    fn update(&mut self, line: &Line) -> Option<Expected> {
        let call = self.asked(line)?;
        let Asked::Update { deletions, commit } = &call.asked else {
            panic!("the host wasn't asked for an update");
        };
        let written = self.retrieved_until.is_some_and(|until| until <= call.written);
        assert!(written || self.retrieved.is_empty(), "a message goes before it was written to its end");
        let expected: Vec<_> = self.deleted.union(&self.retrieved).copied().collect();
        assert_eq!(deletions, &expected);
        let reply = if *commit == Commit::All { Expected::Ok } else { Expected::Err(Some("SYS/TEMP")) };
        Some(self.close(CloseReason::Quit, reply))
    }

    /// The next thing that the host was asked, if there was one. It must have been because of `line`.
    fn asked(&mut self, line: &Line) -> Option<&'a Call> {
        let call = self.calls.next()?;
        assert!(line.known_at <= call.taken, "the host was asked before the line was there");
        Some(call)
    }

    fn good(&mut self, expected: Expected) -> Expected {
        self.bad = 0;
        expected
    }

    fn bad(&mut self, code: Option<&'static str>) -> Expected {
        self.bad += 1;
        let limit = if self.transaction { self.limits.bad_after_login } else { self.limits.bad_before_login };
        if self.bad == limit {
            return self.close(CloseReason::TooManyBadCommands, Expected::Err(None));
        }
        Expected::Err(code)
    }

    fn close(&mut self, reason: CloseReason, last: Expected) -> Expected {
        self.closed = Some(reason);
        last
    }

    fn octets(&self, message: u32) -> u64 {
        content::normalise(&self.messages[message as usize - 1].octets).len() as u64
    }

    /// What UIDL says of a message.
    fn unique_id(&self, message: u32) -> Option<String> {
        let unique_id = self.ids.of(message as usize, self.messages.len())?;
        Some(format!("{message} {unique_id}"))
    }

    fn capabilities(&self) -> Vec<String> {
        let settings = &self.case.settings;
        let user = |per_user: bool| if per_user && !self.transaction { " USER" } else { "" };
        let mut lines = vec!["TOP".to_owned()];
        lines.extend(settings.may_log_in().then(|| "USER".to_owned()));
        lines.push("RESP-CODES".to_owned());
        lines.extend(settings.login_delay().map(|it| format!("LOGIN-DELAY {}{}", it.seconds, user(it.per_user))));
        lines.push("PIPELINING".to_owned());
        let zero = Expire { days: Some(0), per_user: false };
        let expire = if settings.remove_retrieved { Some(zero) } else { settings.expire() };
        lines.extend(expire.map(|it| {
            let days = it.days.map_or("NEVER".to_owned(), |days| days.to_string());
            format!("EXPIRE {days}{}", user(it.per_user))
        }));
        lines.extend(["UIDL".to_owned(), "AUTH-RESP-CODE".to_owned()]);
        lines.extend(settings.private_capabilities());
        lines
    }
}

fn code(reason: Rejection) -> &'static str {
    match reason {
        Rejection::BadCredentials => "AUTH",
        Rejection::InUse => "IN-USE",
        Rejection::LoginDelay { .. } => "LOGIN-DELAY",
        Rejection::Temporary => "SYS/TEMP",
        _ => "SYS/PERM",
    }
}
