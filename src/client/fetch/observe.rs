//! What events mean for a plan.

use core::mem;

use super::choice::Choice;
use super::listed::ListedMessage;
use super::listing::{Listed, Listing};
use super::plan::Fate;
use super::planner::{Doubt, Fetch, Naming, Retrieval, Stage};
use super::probe::Probe;
use super::progress::Progress;
use super::request::Request;
use crate::client::closed::Closed;
use crate::client::error::Error;
use crate::client::event::{Event, EventKind};
use crate::client::queue::Ticket;
use crate::client::retry::Retry;
use crate::message::MessageNumber;
use crate::wire::DropListing;

impl Fetch {
    /// Takes note of an event; `judge` decides what to do with a message. It is asked when the list has ended, in the order in
    /// which messages are fetched: once for each line of it, so once for each message, unless the server lists one twice. Of
    /// what it chooses for one message then, [`Last`](Choice::Last) and [`Fetch`](Choice::Fetch) go before the rest.
    ///
    /// Take the [progress](Self::progress) after it.
    pub fn observe(&mut self, event: &Event<'_>, judge: impl FnMut(&ListedMessage) -> Choice) {
        let kind = event.kind();
        if matches!(kind, EventKind::Farewell(_)) || event.is_early() {
            // Nothing was asked for at that point, so it may as well be a line of the message.
            self.distrust();
        }
        let Some(ticket) = event.ticket() else { return };
        match self.stage {
            // Nothing of these comes from the server.
            _ if matches!(kind, EventKind::NotSent | EventKind::BearerFailure(_)) => {}
            Stage::Counting(stat) if stat == ticket => self.observe_count(&kind, judge),
            Stage::Probing => self.observe_probe(ticket, &kind, judge),
            Stage::Listing if self.unique_ids == Request::Sent(ticket) => self.observe_unique_ids(&kind, judge),
            Stage::Listing if self.scan == Request::Sent(ticket) => self.observe_scan(&kind, judge),
            Stage::Fetching => self.observe_retrieval(ticket, &kind, event.is_followed()),
            Stage::Deleting => self.observe_deletion(ticket, &kind),
            Stage::Confirming(stat) if stat == ticket => self.observe_confirmation(&kind),
            Stage::Quitting(quit) if quit == ticket => self.observe_quit(&kind),
            _ => {}
        }
    }

    /// Takes note of how the session has ended. Take the [progress](Self::progress) after it: the last message may be
    /// complete, since nothing came after it, or be [`Unproven`](Progress::Unproven) for good; the one that was due then is too.
    pub fn end(&mut self, how: &Result<Closed, Error>) {
        let is_clean = matches!(how, Ok(Closed::WhileIdle) | Err(Error::Disconnected));
        let front = self.retrieving.front().map(|front| front.message);
        let has_ended = front.is_none_or(|front| self.ended.last() == Some(&front));
        // Else answers are missing that one of several messages may have in it, or something else stands in their place.
        let lacks_nothing = self.retrieving.len() <= 1 && (self.doubt != Doubt::Open || self.batch.size == 1);
        if is_clean && has_ended && lacks_nothing {
            self.complete();
        }
        let is_open = |message| self.stage == Stage::Fetching && self.plan.fate(message) == Some(Fate::ToFetch);
        self.ended.extend(front.filter(|front| !has_ended && is_open(*front)));
        self.distrust();
        self.stage = Stage::Over;
    }

    /// STAT is answered, at the beginning.
    fn observe_count(&mut self, kind: &EventKind<'_>, judge: impl FnMut(&ListedMessage) -> Choice) {
        if let EventKind::Stat(listing) = kind {
            self.stat = Some(*listing);
        }
        if self.stat.is_some_and(|stat| stat.messages == 0) {
            return self.plan(judge);
        }
        let messages = self.stat.filter(|_| self.naming != Naming::Numbers).map(DropListing::numbers);
        let probes = messages.zip(self.probe.as_mut()).is_some_and(|(messages, probe)| probe.begin(messages));
        if probes { self.stage = Stage::Probing } else { self.list_all() }
    }

    fn list_all(&mut self) {
        self.listing = Listing::default();
        self.stage = Stage::Listing;
        let by_number = self.naming == Naming::Numbers;
        self.unique_ids = Request::due(!by_number);
        self.scan = Request::due(by_number || self.with_octets);
    }

    /// UIDL or LIST is answered, about one message.
    fn observe_probe(&mut self, ticket: Ticket, kind: &EventKind<'_>, judge: impl FnMut(&ListedMessage) -> Choice) {
        let Some(Probe { known, asked, .. }) = &mut self.probe else { return };
        let Some(probed) = asked.front_mut() else { return };
        if probed.unique_id == Request::Sent(ticket) {
            probed.unique_id = Request::Done;
            match *kind {
                // It is in the form that the caller knows, and so are those that came before it.
                EventKind::UniqueId { message, unique_id }
                    if message == probed.message && known.contains(unique_id) =>
                {
                    self.listing.is_partial();
                    return self.plan(judge);
                }
                EventKind::UniqueId { message, unique_id } if message == probed.message => {
                    self.listing.add(message, Some(unique_id));
                }
                // Or some message isn't what STAT makes it seem.
                _ => return self.list_all(),
            }
        } else if probed.scan == Request::Sent(ticket) {
            probed.scan = Request::Done;
            if let EventKind::Scan(listing) = *kind {
                self.listing.add_octets(listing);
            }
        }
        if probed.unique_id.is_over() && probed.scan.is_over() {
            asked.pop_front();
        }
        if self.probe.as_ref().is_some_and(Probe::is_in_vain) {
            self.list_all();
        }
    }

    /// UIDL is answered.
    fn observe_unique_ids(&mut self, kind: &EventKind<'_>, judge: impl FnMut(&ListedMessage) -> Choice) {
        match *kind {
            EventKind::UniqueId { message, unique_id } => self.entry(message, Some(unique_id)),
            EventKind::Unreadable { message, .. } => self.unreadable(message),
            EventKind::Ends => {
                self.unique_ids = Request::Done;
                self.plan_if_listed(judge);
            }
            EventKind::Failed(response) if self.naming == Naming::Any && response.code().is_none() => {
                self.naming = Naming::Numbers;
                self.unique_ids = Request::Done;
                if self.scan == Request::None {
                    self.scan = Request::Due;
                }
            }
            EventKind::Failed(response) => self.list_refused(Retry::from(response.code())),
            _ => {}
        }
    }

    /// LIST is answered: it names the messages, or comes beside UIDL.
    fn observe_scan(&mut self, kind: &EventKind<'_>, judge: impl FnMut(&ListedMessage) -> Choice) {
        let names = self.naming == Naming::Numbers;
        match *kind {
            EventKind::Scan(listing) => {
                self.listing.add_octets(listing);
                if names {
                    self.entry(listing.message, None);
                }
            }
            EventKind::Unreadable { message, .. } if names => self.unreadable(message),
            EventKind::Failed(response) if names => self.list_refused(Retry::from(response.code())),
            EventKind::Ends | EventKind::Failed(_) => {
                self.scan = Request::Done;
                self.plan_if_listed(judge);
            }
            _ => {}
        }
    }

    fn entry(&mut self, message: MessageNumber, id: Option<&[u8]>) {
        if !self.listing.add(message, id) {
            self.progress.push_back(Progress::LeftOut(message));
        }
    }

    fn unreadable(&mut self, message: Option<MessageNumber>) {
        self.listing.is_unreadable();
        self.progress.push_back(Progress::Unreadable(message));
        if let Some(message) = message {
            self.entry(message, None);
        }
    }

    fn list_refused(&mut self, retry: Retry) {
        self.progress.push_back(Progress::ListRefused(retry));
        self.stage = Stage::Parting;
    }

    fn plan_if_listed(&mut self, judge: impl FnMut(&ListedMessage) -> Choice) {
        if self.unique_ids.is_over() && self.scan.is_over() {
            self.plan(judge);
        }
    }

    /// The lists are complete, so what is listed more than once is known.
    fn plan(&mut self, judge: impl FnMut(&ListedMessage) -> Choice) {
        let listing = mem::take(&mut self.listing);
        let Listed { plan, is_complete, unlisted } = listing.end(self.stat, self.order, judge);
        if unlisted > 0 {
            self.progress.push_back(Progress::Unlisted(unlisted));
        }
        let (to_fetch, to_delete) = (plan.to_fetch.len(), plan.to_delete.len());
        let is_complete = is_complete && self.naming != Naming::Numbers;
        self.progress.push_back(Progress::Listed { to_fetch, to_delete, is_complete });
        self.plan = plan;
        self.stage = Stage::Fetching;
    }

    fn observe_retrieval(&mut self, ticket: Ticket, kind: &EventKind<'_>, is_followed: bool) {
        let Some(&Retrieval { message, command, stat }) = self.retrieving.front() else { return };
        match kind {
            _ if stat == Some(ticket) => {
                self.retrieving.pop_front();
                self.observe_proof(kind, is_followed);
            }
            _ if command != ticket => {}
            EventKind::Begins(_) => self.tell(message, Progress::Begins),
            EventKind::Ends => self.ended.push(message),
            EventKind::Failed(response) => {
                self.asked -= usize::from(self.plan.counts(message));
                self.plan.set(message, Fate::Left);
                let retry = Retry::from(response.code());
                self.tell(message, |listed| Progress::Refused(listed, retry));
            }
            _ => {}
        }
    }

    /// STAT is answered, after a message.
    fn observe_proof(&mut self, kind: &EventKind<'_>, is_followed: bool) {
        match (kind, self.stat) {
            // As no server counts; or it isn't the answer to STAT.
            (EventKind::Stat(now), Some(then)) if now.messages < then.messages => return self.out_of_step(),
            (EventKind::Unreadable { .. }, Some(_)) => return self.out_of_step(),
            (EventKind::Stat(now), Some(then)) if *now == then => {
                if is_followed && self.retrieving.is_empty() {
                    self.doubt = Doubt::Open; // nothing more was asked for
                }
            }
            (EventKind::Stat(now), then) => {
                // Mail has come, or the octets are counted anew.
                self.doubt = Doubt::Open;
                self.has_shrunk |= then.is_some_and(|then| now.octets < then.octets);
                self.stat = Some(*now);
            }
            // It is a response at least.
            _ => self.doubt = Doubt::Open,
        }
        if self.retrieving.is_empty() && self.doubt != Doubt::Open {
            self.complete();
        }
    }

    /// STAT is answered once more, after a doubtful answer.
    fn observe_confirmation(&mut self, kind: &EventKind<'_>) {
        let is_fewer = |now: &DropListing| self.stat.is_some_and(|then| now.messages < then.messages);
        match kind {
            EventKind::Unreadable { .. } if self.stat.is_some() => self.out_of_step(),
            EventKind::Stat(now) if self.doubt == Doubt::Open && is_fewer(now) => self.out_of_step(),
            // It is the answer to STAT, and so all were.
            _ => {
                self.doubt = if self.doubt == Doubt::Open { Doubt::Settled } else { Doubt::None };
                self.complete();
                self.stage = Stage::Fetching;
            }
        }
    }

    fn out_of_step(&mut self) {
        self.progress.push_back(Progress::OutOfStep);
        self.distrust();
        // QUIT would carry out what the server has marked by itself: for what it took for DELE, or after RETR (RFC 1939 §8).
        self.stage = Stage::Abandoned;
    }

    fn observe_deletion(&mut self, ticket: Ticket, kind: &EventKind<'_>) {
        let Some((_, message)) = self.deleting.front().copied().filter(|(sent, _)| *sent == ticket) else { return };
        self.deleting.pop_front();
        if let EventKind::Failed(response) = kind {
            self.plan.set(message, Fate::Left);
            let retry = Retry::from(response.code());
            self.tell(message, |listed| Progress::NotDeleted(listed, Some(retry)));
        } else {
            self.plan.set(message, Fate::Marked);
        }
    }

    fn observe_quit(&mut self, kind: &EventKind<'_>) {
        if !matches!(kind, EventKind::Ok(_)) {
            return;
        }
        // Any of its unique-ids may be the one that it is stored by.
        let is_marked = |more: &&ListedMessage| self.plan.fate(more.message) == Some(Fate::Marked);
        let removed = self.plan.with(Fate::Marked).chain(self.plan.more_lines.iter().filter(is_marked));
        self.progress.extend(removed.cloned().map(Progress::Removed));
    }

    /// The server is in step after what has ended, messages and headers.
    fn complete(&mut self) {
        for message in mem::take(&mut self.ended) {
            if self.plan.is_header(message) {
                self.plan.set(message, Fate::Left);
                self.tell(message, Progress::Header);
                continue;
            }
            self.batch.is_proven = true;
            self.plan.set(message, Fate::Complete);
            self.tell(message, Progress::Complete);
        }
    }

    /// What has come of these messages may not be all.
    fn distrust(&mut self) {
        for message in mem::take(&mut self.ended) {
            self.tell(message, Progress::Unproven);
            self.plan.set(message, Fate::Left);
        }
    }
}
