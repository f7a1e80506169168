//! What follows from what stands at the front of the input, once the caller has dealt with it.

use alloc::boxed::Box;

use super::closed::Closed;
use super::front::{Found, Front, List, Reading};
use super::line_feeds::BareLineFeeds;
use super::session::Session;
use crate::totals::count;
use crate::wire::{Status, Timestamp, Unstuffer, Verb};

impl Session {
    /// Goes on after what stands at the front.
    pub(super) fn settle(&mut self) {
        let Some(front) = self.front.take() else {
            debug_assert!(false, "a token for nothing");
            return;
        };
        let octets = front.octets;
        match front.found {
            Found::Greeting => return self.greeted(front),
            Found::Challenge | Found::BearerFailure => self.pipe.input.wipe(octets),
            _ => self.pipe.input.consume(octets),
        }
        match front.found {
            Found::Body { .. }
            | Found::CarriageReturn
            | Found::Challenge
            | Found::NotSent(_)
            | Found::Greeting
            | Found::Entry(_) => {}
            Found::Status { status, multi_line: false, has_code } => self.answered(status, has_code),
            Found::Status { .. } => self.begun(),
            Found::Answer(_) | Found::Secured => drop(self.queue.remove(0)),
            Found::Ends => self.ended(),
            Found::StartTls => self.front = Some(Front::empty(Found::Secured)),
            Found::BearerFailure => self.acknowledge_failure(),
            Found::Farewell => self.queue.is_shut = true,
        }
    }

    fn greeted(&mut self, front: Front) {
        let response = self.response(front);
        let (status, timestamp) = (response.status(), Timestamp::find(response.text()));
        self.pipe.input.consume(front.octets);
        self.life.greeted(timestamp);
        if status == Status::Err {
            self.close(Ok(Closed::Refused));
        }
    }

    /// The command at the front is answered by a status alone.
    fn answered(&mut self, status: Status, has_code: bool) {
        let is_early = !self.front_is_written();
        let Some(sent) = self.queue.remove(0) else { return };
        match (sent.verb, status) {
            (Verb::Dele, Status::Ok) => count(&mut self.counts.dele),
            (_, Status::Err) if sent.logs_in() => count(&mut self.counts.failed_logins),
            _ => {}
        }
        let closed = self.life.answered(sent, status, has_code);
        // What the server takes the rest of a command for, nobody knows.
        if let Some(closed) = closed.or(is_early.then_some(Closed::AnsweredEarly)) {
            self.close(Ok(closed));
        }
    }

    /// The answer to the command at the front goes on after its first line.
    fn begun(&mut self) {
        let Some(sent) = self.queue.front() else { return };
        if let Some(knowledge) = self.life.knowledge_mut() {
            knowledge.begun(sent);
        }
        match sent.verb {
            Verb::Retr => count(&mut self.counts.retr),
            Verb::Top => count(&mut self.counts.top),
            _ => {}
        }
        let list = |of| Reading::List { of, left: self.config.listing_entries };
        self.reading = match sent.verb {
            Verb::Retr | Verb::Top => Reading::Body(Unstuffer::new(), BareLineFeeds::default()),
            Verb::List => list(List::Scan),
            Verb::Uidl => list(List::UniqueIds),
            Verb::Capa => list(List::Texts(Some(Box::default()))),
            _ => list(List::Texts(None)),
        };
    }

    /// The answer to the command at the front has ended.
    fn ended(&mut self) {
        let reading = core::mem::replace(&mut self.reading, Reading::Status);
        if let (Reading::List { of: List::Texts(listed @ Some(_)), .. }, Some(knowledge)) =
            (reading, self.life.knowledge_mut())
        {
            knowledge.listed = listed.map(|listed| listed.ended());
        }
        self.queue.remove(0);
    }
}
