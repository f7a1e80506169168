//! What events mean for a plan.

use alloc::vec::Vec;

use super::choice::Choice;
use super::listing::Listed;
use super::plan::Fate;
use super::planner::{Fetch, Naming, Retrieval, Stage};
use super::progress::Progress;
use super::wanted::Wanted;
use crate::client::closed::Closed;
use crate::client::error::Error;
use crate::client::event::{Event, EventKind};
use crate::client::queue::Ticket;
use crate::client::retry::Retry;
use crate::message::MessageNumber;

impl Fetch {
    /// Takes note of an event; `judge` decides what to do with the message of a unique-id. It is asked for each entry of
    /// the list that has one.
    ///
    /// Take the [progress](Self::progress) after it.
    pub fn observe(&mut self, event: &Event<'_>, judge: impl FnOnce(&[u8]) -> Choice) {
        let kind = event.kind();
        if matches!(kind, EventKind::Farewell(_)) || event.is_early() {
            // Nothing was asked for at that point, so it may as well be a line of the message.
            self.distrust(|_, fate| fate == Fate::Ended);
        }
        let Some(ticket) = event.ticket() else { return };
        match self.stage {
            // Nothing of these comes from the server.
            _ if matches!(kind, EventKind::NotSent | EventKind::BearerFailure(_)) => {}
            Stage::Counting(stat) if stat == ticket => self.observe_count(&kind),
            Stage::Listing(list) if list == ticket => self.observe_listing(&kind, judge),
            Stage::Fetching => self.observe_retrieval(ticket, &kind),
            Stage::Deleting => self.observe_deletion(ticket, &kind),
            Stage::Confirming(stat) if stat == ticket => self.observe_confirmation(&kind),
            Stage::Quitting(quit) if quit == ticket => self.observe_quit(&kind),
            _ => {}
        }
    }

    /// Takes note of how the session has ended. Take the [progress](Self::progress) after it: the last message may be
    /// complete, since nothing came after it, or be [`Unproven`](Progress::Unproven) for good.
    pub fn end(&mut self, how: &Result<Closed, Error>) {
        match how {
            Ok(Closed::WhileIdle) | Err(Error::Disconnected) => {
                let ended = self.plan.which(|_, fate| fate == Fate::Ended).next();
                if let Some(message) = ended {
                    self.complete(message);
                }
            }
            Err(Error::Protocol(_)) => {
                if matches!(self.stage, Stage::Quitting(_)) {
                    // QUIT may have removed these.
                    self.presumed.retain(|message| self.plan.fate(*message) != Some(Fate::Marked));
                }
                self.distrust_presumed();
            }
            _ => {}
        }
        self.stage = Stage::Over;
        self.distrust(|_, fate| matches!(fate, Fate::Begun | Fate::Ended));
    }

    /// STAT is answered, at the beginning.
    fn observe_count(&mut self, kind: &EventKind<'_>) {
        if let EventKind::Stat(listing) = kind {
            self.stat = Some(*listing);
        }
        if self.stat.is_some_and(|stat| stat.messages == 0) {
            self.plan();
        } else {
            self.stage = Stage::Counted;
        }
    }

    fn observe_listing(&mut self, kind: &EventKind<'_>, judge: impl FnOnce(&[u8]) -> Choice) {
        match *kind {
            EventKind::UniqueId { message, unique_id } => self.entry(message, Some(unique_id), judge(unique_id)),
            EventKind::Scan(listing) => self.entry(listing.message, None, Choice::Fetch),
            EventKind::Unreadable { message, .. } => {
                self.listing.is_unreadable();
                self.progress.push_back(Progress::Unreadable(message));
                if let Some(message) = message {
                    self.entry(message, None, Choice::Fetch);
                }
            }
            EventKind::Ends => self.plan(),
            EventKind::Failed(response) => {
                let retry = Retry::from(response.code());
                if self.naming == Naming::Any && response.code().is_none() {
                    self.naming = Naming::Numbers;
                    self.stage = Stage::Counted;
                } else {
                    self.progress.push_back(Progress::ListRefused(retry));
                    self.stage = Stage::Parting;
                }
            }
            _ => {}
        }
    }

    fn entry(&mut self, message: MessageNumber, id: Option<&[u8]>, choice: Choice) {
        if !self.listing.add(message, id, choice) {
            self.progress.push_back(Progress::LeftOut(message));
        }
    }

    /// The list is complete, so what is listed more than once is known.
    fn plan(&mut self) {
        let Listed { plan, is_complete, unlisted } = core::mem::take(&mut self.listing).end(self.stat);
        if unlisted > 0 {
            self.progress.push_back(Progress::Unlisted(unlisted));
        }
        let (to_fetch, to_delete) = (plan.to_fetch.len(), plan.to_delete.len());
        let is_complete = is_complete && self.naming != Naming::Numbers;
        self.progress.push_back(Progress::Listed { to_fetch, to_delete, is_complete });
        self.plan = plan;
        self.stage = Stage::Fetching;
    }

    fn observe_retrieval(&mut self, ticket: Ticket, kind: &EventKind<'_>) {
        let Some(&Retrieval { message, retr, stat }) = self.retrieving.front() else { return };
        match kind {
            _ if stat == Some(ticket) => {
                self.retrieving.pop_front();
                self.observe_proof(message, kind);
            }
            _ if retr != ticket => {}
            EventKind::Begins(_) => {
                self.plan.set(message, Fate::Begun);
                self.tell(message, Progress::Begins);
            }
            EventKind::Ends => self.plan.set(message, Fate::Ended),
            EventKind::Failed(response) => {
                self.plan.set(message, Fate::Left);
                let retry = Retry::from(response.code());
                self.tell(message, |wanted| Progress::Refused(wanted, retry));
            }
            _ => {}
        }
    }

    /// STAT is answered, after a message.
    fn observe_proof(&mut self, message: MessageNumber, kind: &EventKind<'_>) {
        let ended = (self.plan.fate(message) == Some(Fate::Ended)).then_some(message);
        match (kind, self.stat) {
            // After a doubtful answer it may be the answer to an earlier STAT.
            (EventKind::Stat(now), Some(then)) if *now == then && self.presumed.is_empty() => {}
            // As no server counts; or it isn't the answer to STAT.
            (EventKind::Stat(now), Some(then)) if now.messages < then.messages => return self.out_of_step(),
            (EventKind::Unreadable { .. }, Some(_)) => return self.out_of_step(),
            (EventKind::Stat(now), then) => {
                // Mail has come, or the octets are counted anew.
                self.presumed.extend(ended);
                self.has_shrunk |= then.is_some_and(|then| now.octets < then.octets);
                self.stat = Some(*now);
            }
            // It is a response at least.
            _ => self.presumed.extend(ended),
        }
        if let Some(message) = ended {
            self.complete(message);
        }
    }

    /// STAT is answered, after DELE.
    fn observe_confirmation(&mut self, kind: &EventKind<'_>) {
        if matches!(kind, EventKind::Unreadable { .. }) {
            self.out_of_step();
            self.stage = Stage::Abandoned;
        } else {
            // It is the answer to STAT, and so all were.
            self.presumed.clear();
            self.stage = Stage::Deleting;
        }
    }

    fn out_of_step(&mut self) {
        self.progress.push_back(Progress::OutOfStep);
        self.distrust_presumed();
        self.distrust(|_, fate| matches!(fate, Fate::Begun | Fate::Ended));
        drop(self.plan.give_groups_up());
        self.stage = Stage::Parting;
    }

    fn observe_deletion(&mut self, ticket: Ticket, kind: &EventKind<'_>) {
        let Some((_, message)) = self.deleting.front().copied().filter(|(sent, _)| *sent == ticket) else { return };
        self.deleting.pop_front();
        if let EventKind::Failed(response) = kind {
            self.plan.set(message, Fate::Left);
            let retry = Retry::from(response.code());
            self.tell(message, |wanted| Progress::NotDeleted(wanted, Some(retry)));
        } else {
            self.plan.set(message, Fate::Marked);
        }
    }

    fn observe_quit(&mut self, kind: &EventKind<'_>) {
        if !matches!(kind, EventKind::Ok(_)) {
            return;
        }
        // Any of its unique-ids may be the one that it is stored by.
        let is_marked = |more: &&Wanted| self.plan.fate(more.message) == Some(Fate::Marked);
        let removed = self.plan.with(Fate::Marked).chain(self.plan.more_lines.iter().filter(is_marked));
        self.progress.extend(removed.cloned().map(Progress::Removed));
    }

    /// The server is in step after a message.
    fn complete(&mut self, message: MessageNumber) {
        self.plan.set(message, Fate::Complete);
        self.tell(message, Progress::Complete);
    }

    /// The server isn't in step, so responses that were taken for answers may be lines of a message.
    fn distrust_presumed(&mut self) {
        let presumed = core::mem::take(&mut self.presumed);
        self.distrust(|message, _| presumed.contains(&message));
        self.plan.to_delete.retain(|message| !presumed.contains(message));
    }

    /// What has come of these messages may not be all.
    fn distrust(&mut self, which: impl Fn(MessageNumber, Fate) -> bool) {
        let which: Vec<MessageNumber> = self.plan.which(which).collect();
        for message in which {
            self.tell(message, Progress::Unproven);
            self.plan.set(message, Fate::Left);
        }
    }
}
