//! What events mean for a plan.

use super::{Choice, Fate, Fetch, Naming, Progress, Stage, Wanted};
use crate::client::{Closed, Error, Event, Retry, Ticket, What};
use crate::message::MessageNumber;

impl Fetch {
    /// Takes note of an event; `judge` decides what to do with the message of a unique-id. It is asked for each entry of
    /// the list that has one.
    ///
    /// Take the [progress](Self::progress) after it.
    pub fn observe(&mut self, event: &Event<'_>, judge: impl FnOnce(&[u8]) -> Choice) {
        let what = event.what();
        if matches!(what, What::Farewell(_)) || event.is_early() {
            // Nothing was asked for at that point, so it may as well be a line of the message.
            self.distrust_ended();
        }
        let Some(ticket) = event.ticket() else { return };
        match self.stage {
            Stage::Proving(stat) if stat == ticket => return self.observe_proof(&what),
            // Nothing of these comes from the server.
            _ if matches!(what, What::NotSent | What::BearerFailure(_)) => return,
            _ => {}
        }
        if let Some(message) = self.ended.take() {
            self.complete(message);
        }
        match self.stage {
            Stage::Counting(stat) if stat == ticket => self.observe_count(&what),
            Stage::Listing(list) if list == ticket => self.observe_listing(&what, judge),
            Stage::Quitting(quit) if quit == ticket => self.observe_quit(&what),
            _ => {
                self.observe_retrieval(ticket, &what);
                self.observe_deletion(ticket, &what);
            }
        }
    }

    /// Takes note of how the session has ended. Take the [progress](Self::progress) after it: the last message may be
    /// complete, since nothing came after it, or be [`Unproven`](Progress::Unproven) for good.
    pub fn end(&mut self, how: &Result<Closed, Error>) {
        self.stage = Stage::Over;
        if matches!(how, Ok(Closed::WhileIdle) | Err(Error::Disconnected)) {
            if let Some(message) = self.ended.take() {
                self.complete(message);
            }
        }
        self.distrust(|fate| fate == Fate::Begun);
    }

    /// STAT is answered, at the beginning.
    fn observe_count(&mut self, what: &What<'_>) {
        if let What::Stat(listing) = what {
            self.stat = Some(*listing);
        }
        if self.stat.is_some_and(|stat| stat.messages == 0) {
            self.plan();
        } else {
            self.stage = Stage::Counted;
        }
    }

    fn observe_listing(&mut self, what: &What<'_>, judge: impl FnOnce(&[u8]) -> Choice) {
        match *what {
            What::UniqueId { message, unique_id } => self.entry(message, Some(unique_id), judge(unique_id)),
            What::Scan(listing) => self.entry(listing.message, None, Choice::Fetch),
            What::Unreadable { message, .. } => {
                self.listing.is_unreadable();
                self.progress.push_back(Progress::Unreadable(message));
                if let Some(message) = message {
                    self.entry(message, None, Choice::Fetch);
                }
            }
            What::Ends => self.plan(),
            What::Failed(response) => {
                let retry = Retry::of(response.code());
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
        let plan = core::mem::take(&mut self.listing).plan(self.stat);
        let (to_fetch, to_delete) = (plan.to_fetch.len(), plan.to_delete.len());
        let is_complete = plan.is_complete && self.naming != Naming::Numbers;
        self.messages = plan.messages;
        self.groups = plan.groups;
        self.more_lines = plan.more_lines;
        self.queue = plan.to_fetch;
        self.to_delete = plan.to_delete;
        self.progress.push_back(Progress::Listed { to_fetch, to_delete, is_complete });
        self.stage = Stage::Fetching;
    }

    fn observe_retrieval(&mut self, ticket: Ticket, what: &What<'_>) {
        let Some((_, message)) = self.retrieving.front().copied().filter(|(sent, _)| *sent == ticket) else { return };
        match what {
            What::Begins(_) => {
                self.set(message, Fate::Begun);
                self.tell(message, Progress::Begins);
            }
            What::Ends => {
                self.retrieving.pop_front();
                self.ended = Some(message);
            }
            What::Failed(response) => {
                self.retrieving.pop_front();
                self.set(message, Fate::Left);
                let retry = Retry::of(response.code());
                self.tell(message, |wanted| Progress::Refused(wanted, retry));
            }
            _ => {}
        }
    }

    /// STAT is answered, after all that was fetched.
    fn observe_proof(&mut self, what: &What<'_>) {
        let is_as_before = match (what, self.stat) {
            (What::NotSent, _) => return,
            // Some count mail that has come meanwhile.
            (What::Stat(now), Some(then)) => now.messages >= then.messages && now.octets >= then.octets,
            // It is a response, and no worse than at the beginning.
            (What::Failed(_), _) | (_, None) => true,
            _ => false,
        };
        self.stage = if is_as_before { Stage::Deleting } else { Stage::Parting };
        if is_as_before || matches!(what, What::Stat(_)) {
            if let Some(message) = self.ended.take() {
                self.complete(message);
            }
        }
        if !is_as_before {
            self.progress.push_back(Progress::OutOfStep);
            // It says already that nothing is deleted.
            self.groups.clear();
            if !matches!(what, What::Stat(_)) {
                self.ended = None;
                self.undecided = 0;
                self.distrust(Fate::is_fetched);
            }
        }
    }

    fn observe_deletion(&mut self, ticket: Ticket, what: &What<'_>) {
        let Some((_, message)) = self.deleting.front().copied().filter(|(sent, _)| *sent == ticket) else { return };
        self.deleting.pop_front();
        if let What::Failed(response) = what {
            self.set(message, Fate::Left);
            let retry = Retry::of(response.code());
            self.tell(message, |wanted| Progress::NotDeleted(wanted, Some(retry)));
        } else {
            self.set(message, Fate::Marked);
        }
    }

    fn observe_quit(&mut self, what: &What<'_>) {
        if matches!(what, What::Ok(_)) {
            self.tell_all(|fate| fate == Fate::Marked, Progress::Removed);
            // Any of its unique-ids may be the one that it is stored by.
            let is_marked = |message| self.messages.get(&message).is_some_and(|it| it.fate == Fate::Marked);
            let more = core::mem::take(&mut self.more_lines).into_iter().filter(|(message, _)| is_marked(*message));
            let wanted = more.map(|(message, id)| Wanted { message, id, is_repeated: true });
            self.progress.extend(wanted.map(Progress::Removed));
        }
    }

    /// The server is in step after a message.
    fn complete(&mut self, message: MessageNumber) {
        self.set(message, Fate::Complete);
        self.undecided += 1;
        self.tell(message, Progress::Complete);
    }

    /// The message that has ended can't be shown to be complete any more.
    fn distrust_ended(&mut self) {
        if let Some(message) = self.ended.take() {
            self.set(message, Fate::Left);
            self.tell(message, Progress::Unproven);
        }
    }

    /// What has come of these messages may not be all.
    fn distrust(&mut self, which: impl Fn(Fate) -> bool) {
        self.tell_all(&which, Progress::Unproven);
        for message in self.messages.values_mut().filter(|message| which(message.fate)) {
            message.fate = Fate::Left;
        }
    }

    fn set(&mut self, message: MessageNumber, fate: Fate) {
        if let Some(message) = self.messages.get_mut(&message) {
            message.fate = fate;
        }
    }

    pub(super) fn tell(&mut self, message: MessageNumber, progress: impl FnOnce(Wanted) -> Progress) {
        self.progress.extend(self.messages.get(&message).map(|it| progress(it.wanted(message))));
    }

    fn tell_all(&mut self, which: impl Fn(Fate) -> bool, progress: impl Fn(Wanted) -> Progress) {
        let which = self.messages.iter().filter(|(_, message)| which(message.fate));
        self.progress.extend(which.map(|(number, message)| progress(message.wanted(*number))));
    }
}
