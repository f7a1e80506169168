//! The server's octets, read according to the commands that they answer.

use super::action::{Closed, Next, Removal};
use super::capabilities::Feature;
use super::error::{Error, ProtocolError};
use super::line_feeds::BareLineFeeds;
use super::list::{Entry, List, Plain};
use super::outbox::Sent;
use super::reply;
use super::{Session, State};
use crate::buffer::{Line, position};
use crate::wire::{
    Capability, Deviation, DeviationSet, DropListing, Greeting, ListingError, Parsed, Response, Status, Unstuffer, Verb,
};

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front {
    Greeting(Place),
    Farewell(Place),
    Status {
        place: Place,
        status: Status,
        multi_line: bool,
        has_code: bool,
    },
    /// The whole answer of STAT.
    Stat {
        place: Place,
        listing: Result<DropListing, ListingError>,
    },
    /// The whole answer of LIST and UIDL with a number, which is one entry.
    Answer {
        place: Place,
        entry: Entry,
    },
    Entry {
        place: Place,
        entry: Entry,
    },
    Ends {
        octets: u32,
    },
    Body {
        start: u32,
        consumed: u32,
    },
    /// A CR of a message that was read before, and what was read behind it.
    CarriageReturn {
        consumed: u32,
    },
    StartTls(Place),
    /// TLS is established.
    Secured,
    /// A challenge; its text, decoded, begins at its third octet.
    Challenge {
        octets: u32,
        decoded: u32,
    },
    BearerFailure {
        octets: u32,
        decoded: u32,
    },
    NotSent(Sent),
}

/// How long a line is, with and without its line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) octets: u32,
    pub(super) content: u32,
}

impl From<Line> for Place {
    #[inline]
    fn from(line: Line) -> Self {
        Self { octets: position(line.octets), content: position(line.content) }
    }
}

/// What is still to come of a response.
#[derive(Debug)]
pub(super) enum UnderWay {
    /// The first line of the next one.
    Status,
    /// Lines up to the end line.
    Entries(List),
    /// A message.
    Body(Unstuffer, BareLineFeeds),
}

/// Where the text of a challenge begins.
pub(super) const CHALLENGE: u32 = 2;

impl Front {
    /// Which token it is handed out with.
    fn next(&self) -> Next {
        match self {
            Self::Body { .. } | Self::CarriageReturn { .. } => Next::Body,
            Self::StartTls(_) => Next::StartTls,
            Self::Challenge { .. } => Next::Challenge,
            _ => Next::Event(None),
        }
    }
}

impl Session {
    /// What stands at the front of the input, if it is complete.
    pub(super) fn front(&mut self) -> Result<Option<Next>, Error> {
        loop {
            if let Some(front) = &self.front {
                return Ok(Some(front.next()));
            }
            self.front = match &mut self.under_way {
                UnderWay::Body(unstuffer, line_feeds) => {
                    let part = unstuffer.next(self.input.octets());
                    let bare = line_feeds.count(part.content);
                    if bare > 0 && self.config.accepted.contains(Deviation::BareLineFeed) {
                        self.deviations.add(Deviation::BareLineFeed, bare);
                    }
                    let consumed = position(part.consumed);
                    let content = position(part.content.len());
                    match consumed.checked_sub(content) {
                        _ if part.ended => Some(Front::Ends { octets: consumed }),
                        None => Some(Front::CarriageReturn { consumed }),
                        Some(start) if content > 0 => Some(Front::Body { start, consumed }),
                        Some(0) => return Ok(None),
                        Some(_) => {
                            self.input.consume(part.consumed);
                            None
                        }
                    }
                }
                UnderWay::Entries(list) => {
                    let list = *list;
                    let Some(line) = self.input.line() else { return Ok(None) };
                    self.check(line)?;
                    let front = self.entry(list, line);
                    if self.entries_left == 0 && matches!(front, Front::Entry { .. }) {
                        return Err(self.fail(ProtocolError::TooManyEntries));
                    }
                    Some(front)
                }
                UnderWay::Status => {
                    let in_exchange = self.is_in_exchange();
                    let config = &self.config;
                    self.input.set_limit(if in_exchange { config.sasl_line_limit } else { config.line_limit });
                    let Some(line) = self.input.line() else { return Ok(None) };
                    match in_exchange.then(|| self.challenge_line(line)).flatten() {
                        Some(challenge) => challenge?,
                        None => Some(self.status_line(line)?),
                    }
                }
            };
        }
    }

    /// Whether a line can be parsed at all.
    fn check(&mut self, line: Line) -> Result<(), Error> {
        let checked = if line.octets > self.config.line_limit as usize {
            Err(ProtocolError::LineTooLong)
        } else {
            reply::check(line, self.config.accepted)
        };
        let deviations = checked.map_err(|error| self.fail(error))?;
        self.deviations.count(deviations);
        Ok(())
    }

    /// Reads the first line of a response.
    fn status_line(&mut self, line: Line) -> Result<Front, Error> {
        // Nothing but a refusal can be an answer to what isn't written to its end.
        let answers = self.outbox.front().filter(|_| self.outbox.front_is_written());
        self.check(line)?;
        let accepted = self.config.accepted;
        let octets = self.input.octets();
        let content = octets.get(..line.content).unwrap_or_default();
        let is_expected = self.state == State::Greeting || answers.is_some();
        let Ok(Parsed { value: response, deviations }) = Response::parse(content, accepted) else {
            return Err(self.fail(if is_expected { ProtocolError::NotAResponse } else { ProtocolError::Unsolicited }));
        };
        let (status, has_code) = (response.status(), response.code().is_some());
        let text = response.text();
        let offset = position(content.len() - text.len());
        let is_residue = octets.len() > line.octets;
        let place = Place::from(line);
        self.deviations.count(deviations);
        if self.state == State::Greeting {
            return Ok(Front::Greeting(place));
        }
        let Some(sent) = answers else {
            return match status {
                // It is turned down before all of it was read (R-GEN-15).
                Status::Err if self.outbox.front_is_begun() => {
                    Ok(Front::Status { place, status, multi_line: false, has_code })
                }
                Status::Err => Ok(Front::Farewell(place)),
                Status::Ok => Err(self.fail(ProtocolError::Unsolicited)),
            };
        };
        let multi_line = status == Status::Ok && sent.verb.is_multi_line(sent.has_argument);
        if sent.logs_in_by_auth() && status == Status::Ok && !self.may_succeed() {
            // Perhaps the other side is somebody else, who can't do the server's part.
            return Err(self.fail(ProtocolError::UnexpectedLogin));
        }
        let answer =
            |(entry, deviations): (Entry, _)| (Front::Answer { place, entry: entry.moved(offset) }, deviations);
        let (front, deviations) = match (sent.verb, status) {
            (Verb::Stls, Status::Ok) if is_residue => return Err(self.fail(ProtocolError::BehindStls)),
            (Verb::Stls, Status::Ok) => return Ok(Front::StartTls(place)),
            (Verb::Stat, Status::Ok) => {
                let parsed = DropListing::parse(text, accepted);
                let deviations = parsed.map_or(DeviationSet::NONE, |parsed| parsed.deviations);
                (Front::Stat { place, listing: parsed.map(|parsed| parsed.value) }, deviations)
            }
            (Verb::List, Status::Ok) if !multi_line => answer(List::Scan.read(text, accepted)),
            (Verb::Uidl, Status::Ok) if !multi_line => answer(List::UniqueId.read(text, accepted)),
            _ => return Ok(Front::Status { place, status, multi_line, has_code }),
        };
        self.deviations.count(deviations);
        Ok(front)
    }

    /// Reads a line of a list.
    fn entry(&mut self, list: List, line: Line) -> Front {
        let accepted = self.config.accepted;
        let place = Place::from(line);
        let content = self.input.octets_mut().get_mut(..line.content).unwrap_or_default();
        if content == b"." {
            return Front::Ends { octets: place.octets };
        }
        // A dot at the start is one that was stuffed.
        let offset = u32::from(content.first() == Some(&b'.'));
        let text = content.get_mut(offset as usize..).unwrap_or_default();
        let (entry, deviations) =
            if list == List::Text { List::squeeze(text, accepted) } else { list.read(text, accepted) };
        let entry = entry.moved(offset);
        if let (Entry::Text { start, end }, Some(Verb::Capa)) = (entry, self.outbox.front().map(|sent| sent.verb)) {
            let text = self.input.octets().get(start as usize..end as usize).unwrap_or_default();
            if let Ok(capability) = Capability::parse(text) {
                self.knowledge.add(&capability);
            }
        }
        self.deviations.count(deviations);
        Front::Entry { place, entry }
    }

    /// An entry that is there as a whole and keeps to the rules, as most of a million do.
    #[inline]
    pub(super) fn plain_entry(&self) -> Option<Plain> {
        let UnderWay::Entries(list) = self.under_way else { return None };
        if self.front.is_some() || self.entries_left == 0 || !self.input.is_at_line_start() {
            return None;
        }
        list.plain(self.input.unread()?)
    }

    /// Goes on after what stands at the front.
    pub(super) fn take_front(&mut self) {
        match self.front.take() {
            None => {}
            Some(Front::Greeting(place)) => {
                let content = self.input.octets().get(..place.content as usize).unwrap_or_default();
                let greeting = Greeting::parse(content, self.config.accepted).map(|parsed| parsed.value);
                let refused = greeting.as_ref().is_ok_and(|greeting| greeting.response.status() == Status::Err);
                self.timestamp = greeting.ok().and_then(|greeting| greeting.timestamp);
                self.input.consume(place.octets as usize);
                self.state = State::Authorization;
                if refused {
                    self.close(Ok(Closed::Refused));
                }
            }
            Some(Front::Farewell(place)) => {
                self.input.consume(place.octets as usize);
                self.farewell = true;
            }
            Some(Front::Status { place, status, multi_line, has_code }) => {
                self.input.consume(place.octets as usize);
                self.answered(status, multi_line, has_code);
            }
            Some(Front::Stat { place, .. } | Front::Answer { place, .. }) => {
                self.input.consume(place.octets as usize);
                self.outbox.answered();
            }
            Some(Front::StartTls(place)) => {
                self.input.consume(place.octets as usize);
                self.front = Some(Front::Secured);
            }
            Some(Front::Secured) => self.outbox.answered(),
            Some(Front::Entry { place, .. }) => {
                self.input.consume(place.octets as usize);
                self.entries_left = self.entries_left.saturating_sub(1);
            }
            Some(Front::Ends { octets }) => {
                self.input.consume(octets as usize);
                self.under_way = UnderWay::Status;
                if self.outbox.front().is_some_and(|sent| sent.verb == Verb::Capa) {
                    self.knowledge.complete(self.state == State::Transaction);
                }
                self.outbox.answered();
            }
            Some(Front::Body { consumed, .. } | Front::CarriageReturn { consumed }) => {
                self.input.consume(consumed as usize);
            }
            Some(Front::Challenge { octets, .. }) => self.input.wipe(octets as usize),
            Some(Front::BearerFailure { octets, .. }) => {
                self.input.wipe(octets as usize);
                self.answer_bearer_failure();
            }
            Some(Front::NotSent(sent)) => {
                self.outbox.drop_next();
                self.end_exchange(sent.ticket);
            }
        }
    }

    /// The status of the command at the front is told.
    fn answered(&mut self, status: Status, multi_line: bool, has_code: bool) {
        let Some(sent) = self.outbox.front() else { return };
        if multi_line {
            self.entries_left = self.config.listing_entries;
            self.under_way = match sent.verb {
                Verb::Retr | Verb::Top => UnderWay::Body(Unstuffer::new(), BareLineFeeds::default()),
                Verb::List => UnderWay::Entries(List::Scan),
                Verb::Uidl => UnderWay::Entries(List::UniqueId),
                _ => UnderWay::Entries(List::Text),
            };
            match sent.verb {
                Verb::Top => self.knowledge.note_success(Feature::Top),
                Verb::Uidl => self.knowledge.note_success(Feature::Uidl),
                Verb::Capa => self.knowledge.begin(),
                _ => {}
            }
            return;
        }
        let is_early = !self.outbox.front_is_written();
        self.outbox.answered();
        let logs_in = sent.logs_in();
        if logs_in || sent.verb == Verb::User {
            self.login_failed = status == Status::Err;
        }
        if sent.verb == Verb::User {
            self.name_refused = status == Status::Err;
        }
        self.end_exchange(sent.ticket);
        match (sent.verb, status) {
            (Verb::Quit, Status::Ok) => self.close(Ok(Closed::Quit(Removal::All))),
            (Verb::Quit, Status::Err) => self.close(Ok(Closed::Quit(Removal::NotAll))),
            (Verb::Utf8, Status::Ok) => self.utf8 = true,
            (_, Status::Ok) if logs_in => self.state = State::Transaction,
            (Verb::Capa, Status::Err) => self.knowledge.refuse_capa(),
            // A refusal turns an unknown feature into a missing one (R-2449-01), unless it was for a reason of its own.
            (_, Status::Err) if has_code => {}
            (Verb::Uidl, Status::Err) if !sent.has_argument => self.knowledge.refuse(Feature::Uidl),
            (Verb::Top, Status::Err) => self.knowledge.refuse(Feature::Top),
            (Verb::Stls, Status::Err) => self.knowledge.refuse(Feature::Stls),
            (Verb::Utf8, Status::Err) => self.knowledge.refuse(Feature::Utf8),
            (Verb::Lang, Status::Err) if !sent.has_argument => self.knowledge.refuse(Feature::Lang),
            _ => {}
        }
        if is_early && self.closed.is_none() {
            // Nobody knows what the server takes the rest for.
            self.close(Ok(Closed::AnsweredEarly));
        }
    }
}
