//! The server's octets, read according to the commands that they answer.

use super::error::{Error, ProtocolError};
use super::exchange::Answer;
use super::front::{CHALLENGE, Found, Front, List, Reading};
use super::list::{Entry, Plain, squeeze};
use super::queue::Sent;
use super::session::Session;
use super::state::Life;
use crate::auth::sasl::base64;
use crate::buffer::{Defect, Line};
use crate::part::{part, part_mut};
use crate::trace::Trace;
use crate::wire::{Capability, Deviation, DeviationSet, MAX_RESPONSE_LINE, Parsed, Response, Status, Unstuffer, Verb};

impl Session {
    /// Reads what is to stand at the front of the input next, if it is complete.
    pub(super) fn read(&mut self) -> Result<Option<Front>, Error> {
        match self.reading {
            Reading::Body(..) => Ok(self.body()),
            Reading::Status => self.status(),
            Reading::List { .. } => self.entry(),
        }
    }

    /// Reads a part of a message.
    fn body(&mut self) -> Option<Front> {
        let Reading::Body(unstuffer, line_feeds) = &mut self.reading else { return None };
        let input = &mut self.pipe.input;
        loop {
            let next = unstuffer.next(input.unread());
            let (octets, content) = (next.consumed, next.content.len());
            return match octets.checked_sub(content) {
                _ if next.ended => Some(Front { octets, content, found: Found::Ends }),
                None => {
                    line_feeds.count(next.content);
                    Some(Front { octets, content, found: Found::CarriageReturn })
                }
                Some(0) if content == 0 => None,
                Some(_) if content == 0 => {
                    input.consume(octets);
                    continue;
                }
                Some(start) => {
                    let (octets, content) = match content {
                        ..SHORT => join(unstuffer, input.unread_mut(), start, octets),
                        _ => (octets, content),
                    };
                    let bare = line_feeds.count(part(input.unread(), start..start + content));
                    if bare > 0 && self.config.accepted.contains(Deviation::BareLineFeed) {
                        self.deviations.add(Deviation::BareLineFeed, bare);
                    }
                    Some(Front { octets, content, found: Found::Body { start } })
                }
            };
        }
    }

    /// Whether a line can be parsed at all.
    fn check(&mut self, line: Line) -> Result<(), Error> {
        let bare_lf = line.bare_lf.then_some(Deviation::BareLineFeed);
        let long_line = (line.content > MAX_RESPONSE_LINE - 2).then_some(Deviation::LongLine);
        let deviations: DeviationSet = bare_lf.into_iter().chain(long_line).collect();
        match line.defect {
            Some(Defect::TooLong) => Err(self.fail(ProtocolError::LineTooLong)),
            _ if line.octets > self.config.line_limit as usize => Err(self.fail(ProtocolError::LineTooLong)),
            Some(Defect::Stray) => Err(self.fail(ProtocolError::ForbiddenOctet)),
            None if !self.config.accepted.contains_all(deviations) => Err(self.fail(ProtocolError::Deviation)),
            None => {
                self.deviations.count(deviations);
                Ok(())
            }
        }
    }

    /// Reads the first line of a response, or a challenge; challenges that aren't for the caller are answered.
    fn status(&mut self) -> Result<Option<Front>, Error> {
        loop {
            let is_in_exchange = self.queue.front().is_some_and(Sent::begins_exchange) && self.front_is_written();
            let config = &self.config;
            self.pipe.input.set_limit(if is_in_exchange { config.sasl_line_limit } else { config.line_limit });
            let Some(line) = self.pipe.input.line() else { return Ok(None) };
            let content = self.pipe.input.text(line);
            let deviations = match content {
                [b'+', b' ', ..] if is_in_exchange => DeviationSet::NONE,
                [b'+'] if is_in_exchange => DeviationSet::NONE.with(Deviation::BareChallenge),
                _ => return self.status_line(line).map(Some),
            };
            if let Some(challenge) = self.challenge(line, deviations)? {
                return Ok(Some(challenge));
            }
        }
    }

    /// Reads the first line of a response.
    fn status_line(&mut self, line: Line) -> Result<Front, Error> {
        self.check(line)?;
        // Nothing but a refusal can be an answer to what isn't written to its end.
        let answers = self.queue.front().filter(|_| self.front_is_written());
        let greets = matches!(self.life, Life::Greeting);
        let accepted = self.config.accepted;
        let octets = self.pipe.input.unread();
        let content = self.pipe.input.text(line);
        let Ok(Parsed { value: response, deviations }) = Response::parse(content, accepted) else {
            let is_due = greets || answers.is_some();
            return Err(self.fail(if is_due { ProtocolError::NotAResponse } else { ProtocolError::Unsolicited }));
        };
        self.deviations.count(deviations);
        if self.trace.is_on() {
            let verb = answers.filter(|_| !greets).map(|sent| sent.verb);
            let may_repeat = match verb {
                Some(verb) => matches!(verb, Verb::Pass | Verb::Apop | Verb::Auth),
                None => !greets && !matches!(self.life, Life::Transaction(_)),
            };
            let response = if may_repeat { response.without_text() } else { response };
            self.trace.show(Trace::Response { verb, response });
        }
        let (status, has_code, text) = (response.status(), response.code().is_some(), response.text());
        if greets {
            return Ok(Front::line(line, Found::Greeting));
        }
        let Some(sent) = answers else {
            return match status {
                // It is turned down before all of it was read (R-GEN-15).
                Status::Err if self.front_is_begun() => {
                    Ok(Front::line(line, Found::Status { status, multi_line: false, has_code }))
                }
                Status::Err => Ok(Front::line(line, Found::Farewell)),
                Status::Ok => Err(self.fail(ProtocolError::Unsolicited)),
            };
        };
        let multi_line = status == Status::Ok && sent.verb.is_multi_line(sent.has_argument);
        let may_succeed = || self.queue.exchange.as_ref().is_some_and(|exchange| exchange.may_succeed());
        if sent.begins_exchange() && status == Status::Ok && !may_succeed() {
            // Perhaps the other side is somebody else, who can't do the server's part.
            return Err(self.fail(ProtocolError::UnexpectedLogin));
        }
        let Parsed { value: entry, deviations } = match (sent.verb, status) {
            (Verb::Stls, Status::Ok) if octets.len() > line.octets => {
                return Err(self.fail(ProtocolError::AfterStls));
            }
            (Verb::Stls, Status::Ok) => return Ok(Front::line(line, Found::StartTls)),
            (Verb::Stat, Status::Ok) => Entry::drop(text, accepted),
            (Verb::List, Status::Ok) if !multi_line => Entry::scan(text, accepted),
            (Verb::Uidl, Status::Ok) if !multi_line => Entry::unique_id(text, accepted),
            _ => return Ok(Front::line(line, Found::Status { status, multi_line, has_code })),
        };
        let content = entry.end(content);
        self.deviations.count(deviations);
        Ok(Front { octets: line.octets, content, found: Found::Answer(entry) })
    }

    /// Reads a challenge. `None` where it is answered already.
    fn challenge(&mut self, line: Line, mut deviations: DeviationSet) -> Result<Option<Front>, Error> {
        debug_assert!(self.queue.exchange.is_some(), "a challenge without an exchange");
        let Some(exchange) = self.queue.exchange.as_mut().filter(|exchange| !exchange.is_cancelled) else {
            return Err(self.fail(ProtocolError::UnexpectedChallenge));
        };
        self.trace.show(Trace::Challenge);
        if line.bare_lf {
            deviations = deviations.with(Deviation::BareLineFeed);
        }
        let decoded = if line.defect.is_none() && self.config.accepted.contains_all(deviations) {
            self.deviations.count(deviations);
            let text = self.pipe.input.unread_mut().get_mut(CHALLENGE..line.content).unwrap_or_default();
            base64::decode(text).ok()
        } else {
            None
        };
        let Some(decoded) = decoded else {
            // What can't be understood is cancelled (R-5034-08).
            self.pipe.input.wipe(line.octets);
            self.cancel();
            return Ok(None);
        };
        let found = match exchange.challenged(decoded == 0) {
            None => return Err(self.fail(ProtocolError::UnexpectedChallenge)),
            Some(Answer::First(first)) => {
                self.pipe.input.consume(line.octets);
                self.respond(first.expose(), false);
                return Ok(None);
            }
            Some(Answer::Acknowledgement) => Found::BearerFailure,
            Some(Answer::Caller) => Found::Challenge,
        };
        Ok(Some(Front { octets: line.octets, content: CHALLENGE + decoded, found }))
    }

    /// Reads a line of a list.
    fn entry(&mut self) -> Result<Option<Front>, Error> {
        let Some(line) = self.pipe.input.line() else { return Ok(None) };
        self.check(line)?;
        if self.pipe.input.text(line) == b"." {
            return Ok(Some(Front::line(line, Found::Ends)));
        }
        let Reading::List { of, left } = &mut self.reading else {
            debug_assert!(false, "an entry without a list");
            return Ok(None);
        };
        let Some(fewer) = left.checked_sub(1) else { return Err(self.fail(ProtocolError::TooManyEntries)) };
        *left = fewer;
        let accepted = self.config.accepted;
        let whole = part_mut(self.pipe.input.unread_mut(), ..line.content);
        // A dot at the start is one that was stuffed.
        let offset = usize::from(whole.first() == Some(&b'.'));
        let text = part_mut(whole, offset..);
        let Parsed { value: entry, deviations } = match of {
            List::Scan => Entry::scan(text, accepted),
            List::UniqueIds => Entry::unique_id(text, accepted),
            List::Texts(capabilities) => {
                let Parsed { value: octets, deviations } = squeeze(text, accepted);
                let capability = text.get(..octets).map(Capability::parse);
                if let (Some(capabilities), Some(Ok(capability))) = (capabilities, capability) {
                    capabilities.add(&capability);
                }
                Parsed { value: Entry::Text { octets }, deviations }
            }
        };
        let content = if let Entry::Text { octets } = entry { offset + octets } else { entry.end(whole) };
        self.deviations.count(deviations);
        Ok(Some(Front { octets: line.octets, content, found: Found::Entry(entry) }))
    }

    /// An entry that is there as a whole and keeps to the rules, as most of a million do.
    #[inline]
    pub(super) fn plain_entry(&self) -> Option<Plain> {
        let Reading::List { of, left: 1.. } = &self.reading else { return None };
        if self.front.is_some() || !self.pipe.input.is_at_line_start() {
            return None;
        }
        let octets = self.pipe.input.try_unread()?;
        match of {
            List::Scan => Plain::scan(octets),
            List::UniqueIds => Plain::unique_id(octets),
            List::Texts(_) => None,
        }
    }
}

/// Parts of fewer octets are moved together: to hand one out costs more.
const SHORT: usize = 128;

/// Moves parts of a message that follow a short one up to it, so that lines of dots aren't handed out one by one. The first
/// part is the octets of `input` from `start` to `end`. Returns how many octets are dealt with, and how many of them are content
/// from `start` on.
fn join(unstuffer: &mut Unstuffer, input: &mut [u8], start: usize, mut end: usize) -> (usize, usize) {
    let mut octets = end;
    loop {
        let before = unstuffer.clone();
        let rest = part(input, octets..);
        // Of a long part, no more than this is looked at and moved.
        let next = unstuffer.next(rest.get(..SHORT).unwrap_or(rest));
        let (consumed, content) = (next.consumed, next.content.len());
        if next.ended || consumed < content || consumed == 0 {
            // The end, a CR that came before, or nothing: they stand alone.
            *unstuffer = before;
            return (octets, end - start);
        }
        octets += consumed;
        input.copy_within(octets - content..octets, end);
        end += content;
        if content == SHORT {
            return (octets, end - start);
        }
    }
}
