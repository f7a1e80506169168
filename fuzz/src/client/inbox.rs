//! The naive client reads: what stands at the front of the inbox, and what follows from it.

use pop3_proto::Security;
use pop3_proto::client::{Closed, ProtocolError};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Deviation, Verb};

use super::case::SASL_LINE;
use super::model::{Expected, Found, Front, Model, Reading, Sent, State, Then};
use super::reply;
use crate::lines::{self, Line};
use crate::{content, replies, sasl};

impl Model<'_> {
    /// What is found first, if it isn't an event or the end; those are put in their places.
    pub fn look(&mut self) -> Option<Expected> {
        if self.skips {
            let end = self.inbox.iter().position(|&octet| octet == b'\n');
            self.skips = end.is_none();
            self.drain(end.map_or(self.inbox.len(), |end| end + 1));
        }
        if let Reading::Body(taken) = self.reading {
            let (content, end) = content::unstuff(&self.inbox);
            if content.len() > taken {
                return Some(Expected::Body(content[taken..].to_vec()));
            }
            end.inspect(|end| self.found(*end, "ends".to_owned(), true, Then::Ends));
            return None;
        }
        let limit = self.case.settings.line();
        if self.reading == Reading::Lines {
            let line = lines::first(&self.inbox, 0, limit)?;
            if self.check(&line) {
                self.entry(&line);
            }
            return None;
        }
        let exchange = self.asked().is_some_and(|sent| sent.exchange.is_some());
        let is_due = self.lines_written > self.lines_answered;
        let mut line = lines::first(&self.inbox, 0, if exchange && is_due { SASL_LINE } else { limit })?;
        if exchange && is_due && (line.content == b"+" || line.content.starts_with(b"+ ")) {
            return self.challenge(&line);
        }
        line.too_long |= line.end > limit;
        self.status(&line);
        None
    }

    /// The command that the server answers next.
    fn asked(&self) -> Option<&Sent> {
        self.queue[..self.outstanding].first()
    }

    /// Whether the server has something of the command that it answers next, but not all.
    fn is_begun(&self) -> bool {
        let Some(sent) = self.asked() else { return false };
        let lines: usize = self.queue[..self.outstanding].iter().map(|sent| sent.line.len() + 2).sum();
        // What isn't written of an exchange that goes on is a response, after all of AUTH.
        let goes_on = sent.exchange.as_ref().is_some_and(|exchange| exchange.goes_on);
        goes_on || self.unwritten.len() < lines
    }

    fn drain(&mut self, octets: usize) {
        self.inbox.drain(..octets);
        self.written_before.drain(..octets);
    }

    fn found(&mut self, octets: usize, words: String, completes: bool, then: Then) {
        let ticket =
            self.asked().filter(|_| !matches!(then, Then::Greeted(_) | Then::Farewell)).map(|sent| sent.ticket);
        self.front = Some(Front { octets, found: Found::Event(words), ticket, completes, then });
    }

    /// Notes whether a line that answers one of the client's came too early. Whether it came before that was written.
    fn answers(&mut self, line: &Line) -> bool {
        let due = self.lines_answered + usize::from(self.state != State::Greeting);
        self.races |= self.written_before[..line.known_at].iter().any(|written| *written < due);
        self.lines_written < due
    }

    /// Whether a line is worth a look.
    fn check(&mut self, line: &Line) -> bool {
        if line.too_long {
            self.fail(&[ProtocolError::LineTooLong, ProtocolError::Unsolicited]);
            return false;
        }
        if line.stray {
            self.fail(&[ProtocolError::ForbiddenOctet, ProtocolError::Unsolicited]);
            return false;
        }
        let mut deviations = Vec::new();
        deviations.extend(line.bare_lf.then_some(Deviation::BareLineFeed));
        deviations.extend((line.content.len() > 510).then_some(Deviation::LongLine));
        if !deviations.iter().all(|deviation| self.case.settings.accepts(*deviation)) {
            self.fail(&[ProtocolError::Deviation, ProtocolError::Unsolicited]);
            return false;
        }
        self.count(&deviations);
        true
    }

    /// A line where a response is due, or nothing.
    fn status(&mut self, line: &Line) {
        let early = self.answers(line);
        if !self.check(line) {
            return;
        }
        let greets = self.state == State::Greeting;
        let response = reply::response(&line.content, &self.case.settings);
        let Some((ok, said)) = response else {
            let mut errors = vec![ProtocolError::NotAResponse, ProtocolError::Unsolicited];
            errors.extend(line.content.starts_with(b"+").then_some(ProtocolError::UnexpectedChallenge));
            self.fail(&errors);
            return;
        };
        self.count(&said.deviations);
        if greets {
            let words = format!("greeting {}", said.words);
            self.greeting = said.text;
            self.found(line.end, words, false, Then::Greeted(ok));
            return;
        }
        let Some(sent) = self.asked().filter(|_| !early).cloned() else {
            if ok {
                self.fail(&[ProtocolError::Unsolicited]);
            } else if self.is_begun() {
                // It is turned down before all of it was read.
                self.found(line.end, format!("failed {}", said.words), true, Then::TurnedDown(said.has_code));
            } else {
                self.found(line.end, format!("farewell {}", said.words), false, Then::Farewell);
            }
            return;
        };
        let (verb, settings) = (sent.verb, &self.case.settings);
        if ok && sent.exchange.as_ref().is_some_and(|exchange| !exchange.may_succeed()) {
            self.fail(&[ProtocolError::UnexpectedLogin]);
            return;
        }
        let several = ok && verb.is_multi_line(sent.has_argument());
        match verb {
            Verb::Stls if ok && self.inbox.len() > line.end => {
                self.races = true;
                self.fail(&[ProtocolError::AfterStls]);
            }
            Verb::Stls if ok => {
                let (octets, found, ticket) = (line.end, Found::StartTls, Some(sent.ticket));
                self.front = Some(Front { octets, found, ticket, completes: true, then: Then::Ends });
            }
            Verb::Stat | Verb::List | Verb::Uidl if ok && !several => {
                let entry = reply::entry(verb, &line.content, &said.text, settings);
                self.count(&entry.deviations);
                self.found(line.end, entry.words, true, Then::Ends);
            }
            _ if several => self.found(line.end, format!("begins {}", said.words), false, Then::Begins),
            _ => {
                let how = if ok { "ok" } else { "failed" };
                self.found(line.end, format!("{how} {}", said.words), true, Then::Answered(ok, said.has_code));
            }
        }
    }

    /// A line of a listing.
    fn entry(&mut self, line: &Line) {
        let content = &line.content;
        if content == b"." {
            return self.found(line.end, "ends".to_owned(), true, Then::Ends);
        }
        self.entries += 1;
        if self.entries > self.case.settings.entries() {
            return self.fail(&[ProtocolError::TooManyEntries]);
        }
        let verb = self.asked().expect("a command that lists").verb;
        let text = content.strip_prefix(b".").unwrap_or(content);
        if matches!(verb, Verb::List | Verb::Uidl) {
            let entry = reply::entry(verb, content, text, &self.case.settings);
            self.count(&entry.deviations);
            return self.found(line.end, entry.words, false, Then::Nothing);
        }
        let accepted = self.case.settings.accepts(Deviation::ExtraSpaces);
        let words = text.split(|&octet| octet == b' ').filter(|word| !word.is_empty());
        let squeezed = words.collect::<Vec<_>>().join(&b' ');
        let trimmed = if accepted { &squeezed } else { text };
        if trimmed.len() < text.len() {
            self.count(&[Deviation::ExtraSpaces]);
        }
        let capability = reply::capability(trimmed);
        let words = format!("line {} {}", capability.is_some(), trimmed.escape_ascii());
        if let (Verb::Capa, Some(words), Some(listed)) = (verb, capability, &mut self.incomplete) {
            for fact in reply::facts(&words) {
                // What has a number takes the place of what was said before.
                if let Some((tag @ ("LOGIN-DELAY" | "EXPIRE"), _)) = fact.split_once(' ') {
                    listed.retain(|other| !other.starts_with(&format!("{tag} ")));
                }
                listed.insert(fact);
            }
        }
        self.found(line.end, words, false, Then::Nothing);
    }

    /// A challenge.
    fn challenge(&mut self, line: &Line) -> Option<Expected> {
        self.answers(line);
        self.lines_answered += 1;
        let ticket = self.queue[0].ticket;
        if self.queue[0].exchange.as_ref().is_some_and(|exchange| exchange.cancelled) {
            self.fail(&[ProtocolError::UnexpectedChallenge]);
            return None;
        }
        let mut deviations = Vec::new();
        deviations.extend(line.bare_lf.then_some(Deviation::BareLineFeed));
        deviations.extend((line.content == b"+").then_some(Deviation::BareChallenge));
        let accepted = deviations.iter().all(|deviation| self.case.settings.accepts(*deviation));
        let decoded = sasl::decode(line.content.get(2..).unwrap_or_default());
        let readable = !line.too_long && !line.stray && accepted;
        if readable {
            self.count(&deviations);
        }
        let Some(decoded) = decoded.filter(|_| readable) else {
            self.skips = line.too_long && !self.inbox[..line.end].ends_with(b"\n");
            self.drain(line.end);
            self.cancel();
            return self.look();
        };
        let exchange = self.queue[0].exchange.as_mut().expect("an exchange");
        let initial = exchange.initial.take_if(|_| decoded.is_empty());
        if let Some(initial) = initial {
            self.drain(line.end);
            self.respond(&sasl::encode(&initial));
            return self.look();
        }
        let bearer = matches!(exchange.name, "XOAUTH2" | "OAUTHBEARER") && exchange.token_is_sent;
        let failures = exchange.failures;
        exchange.failures += usize::from(bearer);
        if bearer && failures == 3 {
            self.fail(&[ProtocolError::UnexpectedChallenge]);
            return None;
        }
        let (found, then) = if bearer {
            (Found::Event(format!("bearer {}", decoded.escape_ascii())), Then::Bearer)
        } else {
            (Found::Challenge(decoded), Then::Nothing)
        };
        self.front = Some(Front { octets: line.end, found, ticket: Some(ticket), completes: false, then });
        None
    }

    /// The line of a response, which stands in front of all that isn't written.
    pub fn respond(&mut self, text: &str) {
        assert!(self.unwritten.is_empty());
        let exchange = self.queue[0].exchange.as_mut().expect("an exchange");
        // Whatever it says was the client's first message, so another isn't asked for by an empty challenge.
        exchange.initial = None;
        exchange.token_is_sent = true;
        exchange.goes_on = true;
        exchange.messages += 1;
        self.unwritten = format!("{text}\r\n").into_bytes();
    }

    pub fn cancel(&mut self) {
        self.queue[0].exchange.as_mut().expect("an exchange").cancelled = true;
        self.respond("*");
    }

    /// The event is dealt with.
    pub fn done(&mut self) {
        let front = self.front.take().expect("an event");
        self.drain(front.octets);
        match front.then {
            Then::Nothing => {}
            Then::Greeted(ok) => self.greeted(ok),
            Then::Farewell => self.farewell = true,
            Then::Answered(ok, has_code) => self.answered(ok, has_code),
            Then::TurnedDown(has_code) => {
                self.answered(false, has_code);
                self.over.get_or_insert_with(|| vec![Ok(Closed::AnsweredEarly)]);
                self.state = State::Over;
            }
            Then::Begins => {
                let body = matches!(self.queue[0].verb, Verb::Retr | Verb::Top);
                self.entries = 0;
                self.given_out = (0, false);
                self.reading = if body { Reading::Body(0) } else { Reading::Lines };
                match self.queue[0].verb {
                    Verb::Capa => self.incomplete = Some(std::collections::BTreeSet::new()),
                    verb @ (Verb::Top | Verb::Uidl) => _ = self.worked.insert(verb.as_str()),
                    _ => {}
                }
            }
            Then::Ends => {
                self.reading = Reading::Status;
                if self.next().verb == Verb::Capa {
                    self.listed[usize::from(self.state == State::Transaction)] = self.incomplete.take();
                }
            }
            Then::Bearer => {
                let vendor = self.queue[0].exchange.as_ref().is_some_and(|exchange| exchange.name == "XOAUTH2");
                self.respond(if vendor { "" } else { "AQ==" });
            }
        }
    }

    fn next(&mut self) -> Sent {
        self.outstanding -= 1;
        self.lines_answered += 1;
        self.queue.remove(0)
    }

    fn greeted(&mut self, ok: bool) {
        self.state = State::Authorization;
        self.timestamp = replies::find_timestamp(&self.greeting).map(|timestamp| timestamp.to_string());
        if !ok {
            self.over = Some(vec![Ok(Closed::Refused)]);
            self.state = State::Over;
        }
    }

    fn answered(&mut self, ok: bool, has_code: bool) {
        let sent = self.next();
        let logs_in = matches!(sent.verb, Verb::Pass | Verb::Apop) || sent.exchange.is_some();
        if logs_in || sent.verb == Verb::User {
            self.login_failed = !ok;
        }
        if sent.verb == Verb::User {
            self.name_refused = !ok;
        }
        match (sent.verb, ok) {
            (Verb::Quit, _) => {
                self.over = Some(vec![Ok(Closed::Quit(if ok { Removal::All } else { Removal::NotAll }))]);
                self.state = State::Over;
            }
            (Verb::Utf8, true) => self.utf8 = true,
            (_, true) if logs_in => self.state = State::Transaction,
            (Verb::Uidl | Verb::Lang | Verb::Stls | Verb::Utf8 | Verb::Top, false) if !has_code => {
                let one = sent.has_argument() && sent.verb != Verb::Top;
                if one || self.worked.contains(sent.verb.as_str()) {
                    return;
                }
                self.refused.insert(sent.verb.as_str());
            }
            _ => {}
        }
    }

    /// There is TLS, and nothing is known any more but that the command has succeeded.
    pub fn established(&mut self) {
        let front = self.front.take().expect("an answer to STLS");
        self.drain(front.octets);
        let found = Found::Event("ok true None ".to_owned());
        self.front = Some(Front { octets: 0, found, then: Then::Ends, ..front });
        self.security = Security::Tls;
        self.listed = [None, None];
        self.refused.clear();
        self.worked.clear();
        self.utf8 = false;
        self.login_failed = false;
        self.name_refused = false;
        self.since = None;
    }
}
