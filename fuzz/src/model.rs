//! A naive POP3 server: from the client's lines and the host's answers to what the output must be.

use std::collections::BTreeSet;

use pop3_proto::Security;
use pop3_proto::message::Removal;
use pop3_proto::server::{CloseReason, GreetingRefusal, Refusal, Rejection, Utf8};
use pop3_proto::wire::{Expire, Verb};

use crate::case::{Case, Message};
use crate::command::{self, Said};
use crate::content;
use crate::dialogue::Talk;
use crate::drive::TIMESTAMP;
use crate::lines::{self, Line};
use crate::record::{Admission, Asked, Call, Delivery, Run};
use crate::responses::{Expected, Responses};
use crate::settings::Limits;
use crate::store::Ids;

/// Checks that `run` did what `case` asks for: each response, each question to the host, and why it closed.
pub fn check(case: &Case<'_>, run: &Run) {
    let settings = &case.settings;
    let client = case.client();
    let mut model = Model {
        case,
        client: &client[..run.taken],
        reads: &run.reads,
        limits: settings.limits(),
        messages: case.messages(),
        calls: run.calls.iter(),
        transaction: false,
        ids: Ids::Distinct,
        closed: None,
        talk: Talk::new(settings.security(), settings.identity(), settings.timestamp),
        handshake: false,
        deleted: BTreeSet::new(),
        retrieved: BTreeSet::new(),
        retrieved_until: None,
        last: 0,
        gone: BTreeSet::new(),
        measured: BTreeSet::new(),
        places: BTreeSet::new(),
    };
    let mut responses = Responses::new(run);
    if let Some(reason) = settings.refusal() {
        let code = match reason {
            GreetingRefusal::Temporary => Some("SYS/TEMP"),
            GreetingRefusal::Permanent => Some("SYS/PERM"),
            _ => None,
        };
        responses.check(&Expected::Err(code), None, false, &settings.languages()[0]);
        model.closed = Some(CloseReason::Refused);
    } else if let Some(greeting) = responses.greeting() {
        assert!(greeting.starts_with(b"+OK"));
        let offers = greeting.windows(TIMESTAMP.len()).any(|text| text == TIMESTAMP.as_bytes());
        assert_eq!(offers, settings.timestamp && model.may_log_in());
    }
    let mut at = 0;
    while model.closed.is_none() {
        let Some(line) = lines::first(model.client, at, model.line_limit(&model.client[at..])) else { break };
        at = line.end;
        let is_command = !line.too_long && model.talk.exchange.is_none();
        let said = if is_command { model.understand(&line) } else { None };
        // Without an answer the session ended while the host was asked.
        let language = model.talk.language;
        let Some(expected) = model.answer(&line, said.as_ref()) else {
            assert!(!run.complete, "{said:?} never reached the host");
            break;
        };
        if !responses.exhausted {
            let has_argument = said.as_ref().is_some_and(|said| !said.arguments.is_empty());
            let language = &settings.languages()[language];
            responses.check(&expected, said.as_ref().map(|said| said.verb), has_argument, language);
        }
        if model.handshake {
            let Some(after) = model.shake_hands(&line, &responses) else {
                assert!(!run.complete, "TLS never began");
                break;
            };
            at = after;
        }
        if said.is_some_and(|said| said.verb == Verb::Retr) && matches!(expected, Expected::Message(_)) {
            model.retrieved_until = responses.octets_so_far();
        }
    }
    assert!(model.calls.next().is_none(), "the host was asked for nothing");
    let unread = if run.closed == Some(CloseReason::HandedOver) { &model.client[at..] } else { b"" };
    assert_eq!(run.unread, unread);
    responses.end();
    if run.complete {
        let end = case.settings.hang_up.then_some(CloseReason::EndOfStream);
        assert_eq!(run.closed, model.closed.or(end));
    }
}

pub struct Model<'a> {
    pub case: &'a Case<'a>,
    /// What was read of the client, and where each read ended.
    pub client: &'a [u8],
    pub reads: &'a [usize],
    pub limits: Limits,
    pub talk: Talk,
    pub transaction: bool,
    /// Whether TLS is about to begin.
    pub handshake: bool,
    pub closed: Option<CloseReason>,
    pub messages: Vec<Message>,
    calls: std::slice::Iter<'a, Call>,
    ids: Ids,
    deleted: BTreeSet<u32>,
    retrieved: BTreeSet<u32>,
    /// Where in the output the last RETR ended, if it did.
    retrieved_until: Option<usize>,
    last: u32,
    /// What the client was told is gone.
    gone: BTreeSet<u32>,
    /// What the host has measured.
    pub measured: BTreeSet<u32>,
    /// What was gone when it was to be measured.
    pub places: BTreeSet<u32>,
}

impl<'a> Model<'a> {
    pub fn may_log_in(&self) -> bool {
        self.talk.security != Security::Cleartext || self.case.settings.cleartext_logins
    }

    /// What a line says, if all that is wrong with it is accepted.
    fn understand(&self, line: &Line) -> Option<Said> {
        let mut said = command::parse(&line.content).filter(|_| !line.stray)?;
        let takes_utf8 = self.case.settings.utf8() == Some(Utf8::MessagesAndNames);
        if takes_utf8 && said.deviations.remove("eight-bit-credentials") {
            std::str::from_utf8(&line.content).ok()?;
        }
        let mut deviations = said.deviations.iter().copied().chain(line.bare_lf.then_some("bare-line-feed"));
        (!deviations.any(|deviation| self.case.settings.rejects(deviation))).then_some(said)
    }

    /// The response to a line; nothing if the host was never asked what it needs.
    fn answer(&mut self, line: &Line, said: Option<&Said>) -> Option<Expected> {
        if let Some(exchange) = self.talk.exchange.take() {
            return self.respond(line, exchange);
        }
        if !self.transaction {
            self.talk.commands += 1;
            if self.talk.commands > self.limits.before_login {
                return Some(self.close(CloseReason::TooManyCommandsBeforeLogin, Expected::Err(None)));
            }
        }
        let Some(said) = said else { return Some(self.nonsense(line)) };
        if self.transaction { self.transact(line, said) } else { self.authorize(line, said) }
    }

    fn nonsense(&mut self, line: &Line) -> Expected {
        let verb = command::verb(&line.content);
        self.talk.name = None;
        if line.content.is_empty() {
            return Expected::Err(None);
        }
        if !self.transaction && verb.is_none() && command::is_http(line) {
            return self.close(CloseReason::HttpRequest, Expected::Err(None));
        }
        let empty_password = !self.transaction && verb == Some(Verb::Pass) && !line.stray && line.content.len() < 6;
        let coded = empty_password || (!self.transaction && self.is_not_utf8(line));
        self.bad(if coded { Some("AUTH") } else { None })
    }

    /// Whether all that is wrong with a line is a name or password that isn't UTF-8 though it is said to be.
    fn is_not_utf8(&self, line: &Line) -> bool {
        let said = command::parse(&line.content).filter(|_| !line.stray && !line.too_long);
        self.case.settings.utf8() == Some(Utf8::MessagesAndNames)
            && said.is_some_and(|said| said.deviations.contains("eight-bit-credentials"))
            && std::str::from_utf8(&line.content).is_err()
    }

    fn authorize(&mut self, line: &Line, said: &Said) -> Option<Expected> {
        let between = matches!(said.verb, Verb::Capa | Verb::Lang) && !self.case.settings.pass_directly_after_user();
        if !between && said.verb != Verb::Pass {
            self.talk.name = None;
        }
        Some(match said.verb {
            Verb::Capa => self.good(Expected::Lines(self.capabilities())),
            Verb::Quit => {
                let bye = self.good(Expected::Ok);
                self.close(CloseReason::Quit, bye)
            }
            Verb::User | Verb::Pass | Verb::Apop if !self.may_log_in() => {
                self.talk.name = None;
                Expected::Err(Some("AUTH"))
            }
            Verb::User => {
                self.talk.name = Some(said.arguments[0].clone());
                self.good(Expected::Ok)
            }
            Verb::Pass => match self.talk.name.take() {
                Some(name) => return self.log_in(line, name, Some(said.arguments[0].clone())),
                None => self.bad(None),
            },
            Verb::Apop => {
                self.talk.name = None;
                if self.talk.timestamp {
                    return self.log_in(line, said.arguments[0].clone(), None);
                }
                self.bad(None)
            }
            Verb::Stls => self.start_tls(line),
            Verb::Auth => return self.auth(line, said),
            Verb::Utf8 => self.utf8(),
            Verb::Lang => self.lang(said),
            _ => self.bad(None),
        })
    }

    pub fn log_in(&mut self, line: &Line, name: Vec<u8>, password: Option<Vec<u8>>) -> Option<Expected> {
        let Asked::Login { name: got_name, password: got_password, utf8, admission } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked for a login");
        };
        assert_eq!((&name, &password, self.talk.utf8), (got_name, got_password, *utf8));
        Some(self.admit(*admission))
    }

    /// What the host says to somebody who wants to log in.
    pub fn admit(&mut self, admission: Admission) -> Expected {
        match admission {
            Admission::Accepted(ids) => {
                self.ids = ids;
                self.transaction = true;
                self.good(Expected::Ok)
            }
            Admission::Broken(Ids::Missing) => Expected::Err(Some("SYS/TEMP")),
            Admission::Broken(_) => Expected::Err(Some("SYS/PERM")),
            Admission::HandedOver => {
                let accepted = self.good(Expected::Ok);
                self.close(CloseReason::HandedOver, accepted)
            }
            Admission::Rejected(Rejection::BadCredentials) => self.failed(),
            Admission::Rejected(Rejection::Malformed) => self.bad(None),
            Admission::Rejected(reason) => Expected::Err(Some(code(reason))),
        }
    }

    /// A login that fails for its credentials.
    pub fn failed(&mut self) -> Expected {
        self.talk.failed += 1;
        let reply = Expected::Err(Some("AUTH"));
        if self.talk.failed == self.limits.failed_logins {
            return self.close(CloseReason::TooManyFailedLogins, reply);
        }
        reply
    }

    fn transact(&mut self, line: &Line, said: &Said) -> Option<Expected> {
        let message = said.message();
        let is_there = |message| message as usize <= self.messages.len() && !self.deleted.contains(&message);
        if message.is_some_and(|message| !is_there(message)) {
            return Some(Expected::Err(None));
        }
        let is_for_utf8 = |message: u32| self.messages[message as usize - 1].needs_utf8 && !self.talk.utf8;
        let sends = matches!(said.verb, Verb::List | Verb::Retr | Verb::Top);
        if sends && message.is_some_and(is_for_utf8) {
            return Some(Expected::Err(Some("UTF8")));
        }
        let all = (1..=self.messages.len() as u32).filter(|message| !self.deleted.contains(message));
        let all: Vec<_> = all.collect();
        let needed = message.map_or(all.clone(), |message| vec![message]);
        if matches!(said.verb, Verb::Stat | Verb::List) {
            for message in needed {
                if let Err(code) = self.measure(line, message)? {
                    return Some(Expected::Err(Some(code)));
                }
            }
        }
        let expected = match (said.verb, message) {
            (Verb::Stat, _) => {
                let octets: u64 = all.iter().map(|&message| self.octets(message)).sum();
                Expected::Text(format!("{} {octets}", all.len()))
            }
            (Verb::List, None) => Expected::Lines(all.into_iter().map(|n| format!("{n} {}", self.octets(n))).collect()),
            (Verb::List, Some(n)) if self.places.contains(&n) => return Some(self.is_gone(n)),
            (Verb::List, Some(n)) => Expected::Text(format!("{n} {}", self.octets(n))),
            (Verb::Uidl, None) => Expected::Lines(all.into_iter().filter_map(|n| self.unique_id(n)).collect()),
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
            (Verb::Lang, _) => return Some(self.lang(said)),
            _ => return Some(self.bad(None)),
        };
        Some(self.good(expected))
    }

    /// The answer to a command for a message that is gone: the first one is no bad command.
    fn is_gone(&mut self, message: u32) -> Expected {
        if self.gone.insert(message) { Expected::Err(None) } else { self.bad(None) }
    }

    fn retrieve(&mut self, line: &Line, said: &Said, message: u32) -> Option<Expected> {
        let Asked::Retrieve { message: got, lines, delivery } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked for a message");
        };
        assert_eq!((*got, *lines), (message, said.lines()));
        let (pushed, ended, failed) = match delivery {
            Delivery::Refused(Refusal::Temporary) => return Some(Expected::Err(Some("SYS/TEMP"))),
            Delivery::Refused(Refusal::Permanent) => return Some(Expected::Err(Some("SYS/PERM"))),
            Delivery::Refused(_) => return Some(self.is_gone(message)),
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
        let reply =
            if expected.is_empty() || *commit == Removal::All { Expected::Ok } else { Expected::Err(Some("SYS/TEMP")) };
        Some(self.close(CloseReason::Quit, reply))
    }

    /// The next thing that the host was asked, if there was one. It must have been because of `line`.
    pub fn asked(&mut self, line: &Line) -> Option<&'a Call> {
        let call = self.calls.next()?;
        assert!(line.known_at <= call.taken, "the host was asked before the line was there");
        Some(call)
    }

    pub fn good(&mut self, expected: Expected) -> Expected {
        self.talk.bad = 0;
        expected
    }

    pub fn bad(&mut self, code: Option<&'static str>) -> Expected {
        self.talk.bad += 1;
        let limit = if self.transaction { self.limits.bad_after_login } else { self.limits.bad_before_login };
        if self.talk.bad == limit {
            return self.close(CloseReason::TooManyBadCommands, Expected::Err(None));
        }
        Expected::Err(code)
    }

    pub fn close(&mut self, reason: CloseReason, last: Expected) -> Expected {
        self.closed = Some(reason);
        last
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
        lines.extend(self.may_log_in().then(|| "USER".to_owned()));
        let mechanisms = self.mechanisms();
        lines.extend((!mechanisms.is_empty()).then(|| format!("SASL {}", mechanisms.join(" "))));
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
        lines.extend((!self.transaction && self.offers_stls()).then(|| "STLS".to_owned()));
        lines.extend(settings.utf8().map(|utf8| match utf8 {
            Utf8::Messages => "UTF8".to_owned(),
            Utf8::MessagesAndNames => "UTF8 USER".to_owned(),
        }));
        lines.extend((settings.languages().len() > 1).then(|| "LANG".to_owned()));
        lines.extend(settings.private_capabilities());
        lines
    }
}

fn code(reason: Rejection) -> &'static str {
    match reason {
        Rejection::InUse => "IN-USE",
        Rejection::LoginDelay { .. } => "LOGIN-DELAY",
        Rejection::Temporary => "SYS/TEMP",
        _ => "SYS/PERM",
    }
}
