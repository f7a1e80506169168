//! Whole sessions with odd servers as data: each file in `transcripts/client` is run in several ways, and cut at every
//! octet. [`Transcript`] says what stands in them.

use pop3_proto::client::{Capabilities, Closed, Error, LoginError, Method};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Command, Deviation, Mechanism, Verb};

use crate::common::{
    FEATURES, METHODS, Script, Statement, Transcript, assert_text, chosen, each_transcript, ends_body, mrose, unescape,
    user,
};

/// A session on its way through a transcript, and what should have come of it so far.
struct Run<'a> {
    transcript: &'a Transcript,
    script: Script,
    /// What was said and isn't read.
    unread: Vec<u8>,
    last: Option<u8>,
    heard: Vec<String>,
    wrote: String,
    events: Vec<String>,
    retries: Vec<String>,
    outcomes: Vec<String>,
    writes: Vec<u8>,
    /// The messages that are complete, and what is certain to be there of the next.
    bodies: Vec<Vec<u8>>,
    body: Vec<u8>,
}

/// How a transcript is run.
#[derive(Clone, Copy)]
enum How {
    /// The session reads what is there each time.
    InBursts,
    /// It reads and comes to rest octet by octet; some tokens may be dropped.
    ByOctets { drops: bool },
    /// It comes to rest in front of this octet too.
    Split(usize),
    /// The stream ends in front of this octet: before the caller has done what it does then, or after it.
    Cut { at: usize, acts: bool },
}

impl<'a> Run<'a> {
    fn new(transcript: &'a Transcript, window: u32) -> Self {
        let config = transcript.config.clone().window(window).unwrap();
        let mut script = Script::with(config, transcript.security);
        script.client.tls = !transcript.no_tls;
        Self {
            transcript,
            script,
            unread: Vec::new(),
            last: None,
            heard: Vec::new(),
            wrote: String::new(),
            events: Vec::new(),
            retries: Vec::new(),
            outcomes: Vec::new(),
            writes: Vec::new(),
            bodies: Vec::new(),
            body: Vec::new(),
        }
    }

    fn run(transcript: &'a Transcript, how: How) {
        let mut it = Self::new(transcript, if matches!(how, How::InBursts) { 65_536 } else { 512 });
        if let How::ByOctets { drops } = how {
            it.script.client.reads = 1.into();
            it.script.client.writes = 1.into();
            it.script.client.drops = drops.into();
        }
        let (mut at, mut rests, mut acts) = (0, true, false);
        for statement in &transcript.statements {
            let acted = std::mem::replace(&mut acts, matches!(statement, Statement::Caller(..)));
            match statement {
                Statement::Says(octets) => {
                    for &octet in octets {
                        match how {
                            How::Cut { at: end, .. } if end == at => return it.end(true),
                            How::ByOctets { .. } => it.rest(),
                            How::Split(seam) if seam == at => it.rest(),
                            _ if rests => it.rest(),
                            _ => {}
                        }
                        rests = false;
                        it.unread.push(octet);
                        it.last = Some(octet);
                        at += 1;
                    }
                }
                Statement::Caller(word, rest) => {
                    if matches!(how, How::Cut { at: end, acts: false } if end == at) {
                        return it.end(true);
                    }
                    if !acted {
                        it.rest();
                    }
                    it.act(word, rest);
                    rests = true;
                }
                Statement::Writes(octets) => {
                    it.writes.extend(octets);
                    rests = true;
                }
                other => it.expect(other),
            }
        }
        it.end(matches!(how, How::Cut { .. }));
    }

    fn expect(&mut self, statement: &Statement) {
        match statement {
            Statement::Event(event) => {
                if event.split(' ').nth(1) == Some("-ERR") {
                    self.retries.push("Unknown".into());
                }
                if ends_body(event) {
                    self.bodies.push(std::mem::take(&mut self.body));
                }
                self.events.push(event.clone());
            }
            Statement::Retry(retry) => retry.clone_into(self.retries.last_mut().expect("a failure")),
            Statement::Outcome(outcome) => self.outcomes.push(outcome.clone()),
            Statement::Body(octets) => self.body.extend(octets),
            _ => unreachable!(),
        }
    }

    fn act(&mut self, word: &str, rest: &str) {
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let client = &mut self.script.client;
        let mut sent = |line| format!("{:?}", client.try_to_say(std::str::from_utf8(&unescape(line)).unwrap()));
        match word {
            "@send" => assert!(sent(rest).starts_with("Ok"), "{rest}"),
            "@refused" => assert_eq!(sent(after), format!("Err({first})"), "{after}"),
            "@login" => {
                let method = METHODS.into_iter().chain(Method::TOKEN).find(|method| format!("{method:?}") == first);
                client.log_in(match (method, first) {
                    (Some(method), _) => mrose(method, after),
                    (None, "Best") => user(Method::User, after),
                    (None, "Stls") => user(Method::User, after).stls(),
                    (None, "StlsIfOffered") => user(Method::User, after).stls_if_offered(),
                    _ => panic!("no way to log in: {first}"),
                });
            }
            "@auth" => {
                let (mechanism, message) = (Mechanism::new(first).unwrap(), unescape(after));
                let session = &mut client.session;
                let begun = if message.is_empty() {
                    session.authenticate(mechanism)
                } else {
                    session.authenticate_with(mechanism, &message)
                };
                assert!(begun.is_ok(), "{rest}");
            }
            "@no-login" => assert_eq!(chosen(&mut self.script, &Method::PASSWORD).unwrap_err().to_string(), rest),
            "@answer" => client.responses.push_back(unescape(rest)),
            _ => assert_eq!(self.fact(first), after, "{first}"),
        }
    }

    fn fact(&self, name: &str) -> String {
        let session = &self.script.client.session;
        let listed = session.capabilities();
        match name {
            "state" => session.state().map_or("none".into(), |state| format!("{state:?}")),
            "security" => format!("{:?}", session.security()),
            "mode" => if session.is_utf8_mode() { "UTF-8" } else { "ASCII" }.into(),
            "timestamp" => session.timestamp().map_or("none".into(), ToString::to_string),
            "login-delay" => format!("{:?}", listed.and_then(Capabilities::login_delay).map(|it| it.seconds)),
            "expire" => format!("{:?}", listed.and_then(Capabilities::expire).map(|it| it.days)),
            "mechanisms" => {
                let mut names: Vec<_> = listed.unwrap().mechanisms().map(|it| it.to_string()).collect();
                names.sort();
                names.join(" ")
            }
            feature => {
                let feature = FEATURES.into_iter().find(|it| format!("{it:?}") == feature).expect("a feature");
                format!("{:?}", session.support(feature))
            }
        }
    }

    /// Has the session read what was said, and checks what it has told and written since the start.
    fn rest(&mut self) {
        let unread = std::mem::take(&mut self.unread);
        self.heard.extend(self.script.says(unread));
        self.wrote += &self.script.wrote();
        self.heard.append(&mut self.script.client.heard);
        self.check();
    }

    fn check(&self) {
        let client = &self.script.client;
        assert_eq!(self.heard, self.events);
        assert_text(self.wrote.as_bytes(), &self.writes);
        assert_eq!(client.retries.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>(), self.retries);
        if self.transcript.statements.iter().any(|it| matches!(it, Statement::Outcome(_))) {
            let told = |outcome: &Result<Method, LoginError>| match outcome {
                Ok(method) => method.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(client.logins.iter().map(told).collect::<Vec<_>>(), self.outcomes);
        }
        assert_eq!(client.bodies, self.bodies);
        // Octets of a line may be given out before its end is there.
        let partial = &client.partial;
        assert!(partial.starts_with(&self.body), "{partial:?}");
        assert!(self.transcript.bodies[self.bodies.len()].starts_with(partial), "{partial:?}");
    }

    /// Ends the server's stream, and checks how the session ends.
    fn end(mut self, cut: bool) {
        self.rest();
        let early = self.script.client.closed;
        self.heard.extend(self.script.ends());
        self.check();
        let closed = self.script.closed();
        if let Some(early) = early {
            assert_eq!(closed, early);
            assert_eq!(self.events.len(), self.transcript.events, "it ends as {early:?} before its time");
        } else {
            assert_eq!(closed, self.due());
        }
        let counts = self.script.client.session.deviations();
        for deviation in Deviation::ALL {
            let counted = self.transcript.deviations.iter().find(|(it, _)| *it == deviation).map_or(0, |(_, n)| *n);
            let is_right =
                if cut { counts.count_of(deviation) <= counted } else { counts.count_of(deviation) == counted };
            assert!(is_right, "{deviation}: {}", counts.count_of(deviation));
        }
        if !cut || early.is_some() {
            assert_eq!(format!("{closed:?}"), self.transcript.end);
        }
    }

    /// How the session must end when its stream does now, by what was written and told.
    fn due(&self) -> Result<Closed, Error> {
        let lines = self.wrote.lines().filter_map(|line| Command::parse(line.as_bytes()).ok());
        let mut commands = lines.map(|it| (it.value.verb(), it.value.has_argument())).collect::<Vec<_>>().into_iter();
        let mut due = commands.next();
        let (mut inside, mut failed, mut logged_in) = (false, false, false);
        for event in &self.events {
            let mut words = event.split(' ');
            let (first, second) = (words.next().unwrap(), words.next().unwrap_or_default());
            let (verb, has_argument) = due.unwrap_or((Verb::Noop, false));
            let answers = match first {
                "greeting" | "farewell" | "challenge:" | "start" => false,
                _ => !matches!(second, "not" | "failure"),
            };
            if second == "begins" {
                assert!(verb.is_multi_line(has_argument));
                inside = true;
            } else if answers && (!inside || second == "ends") {
                let logs_in = matches!(verb, Verb::Pass | Verb::Apop) || verb == Verb::Auth && has_argument;
                logged_in |= logs_in && second == "+OK";
                failed = match verb {
                    Verb::Stls if second == "+OK" => false,
                    _ if logs_in || verb == Verb::User => second == "-ERR",
                    _ => failed,
                };
                inside = false;
                due = commands.next();
            }
        }
        match due {
            _ if inside || self.last.is_some_and(|octet| octet != b'\n') => Err(Error::Truncated),
            _ if self.events.is_empty() => Err(Error::Disconnected),
            Some((Verb::Quit, _)) if logged_in => Ok(Closed::Quit(Removal::Unknown)),
            Some((Verb::Quit, _)) => Ok(Closed::Quit(Removal::All)),
            Some(_) => Err(Error::Disconnected),
            None if failed => Ok(Closed::AfterFailedLogin),
            None => Ok(Closed::WhileIdle),
        }
    }
}

/// Does something with each transcript.
fn each(check: impl Fn(&Transcript)) {
    each_transcript("client", Transcript::parse, check);
}

#[test]
fn each_burst_of_a_server_is_understood() {
    each(|transcript| Run::run(transcript, How::InBursts));
}

#[test]
fn a_transcript_octet_by_octet_is_understood_the_same() {
    // R-GEN-01
    each(|transcript| {
        if !transcript.at_once {
            Run::run(transcript, How::ByOctets { drops: false });
            Run::run(transcript, How::ByOctets { drops: true });
        }
    });
}

#[test]
fn a_transcript_split_in_two_anywhere_is_understood_the_same() {
    // R-GEN-01
    each(|transcript| transcript.cuts().for_each(|at| Run::run(transcript, How::Split(at))));
}

#[test]
fn a_transcript_cut_at_any_octet_never_ends_well() {
    // R-GEN-09, R-1939-29
    each(|transcript| {
        for at in transcript.cuts() {
            Run::run(transcript, How::Cut { at, acts: false });
            Run::run(transcript, How::Cut { at, acts: true });
        }
    });
}
