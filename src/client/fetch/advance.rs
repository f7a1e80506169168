//! What a plan sends.

use super::planner::{Doubt, Fetch, Naming, Retrieval, Stage};
use super::probe::Probed;
use super::progress::Progress;
use super::request::Request;
use crate::client::capabilities::{Feature, Support};
use crate::client::error::SendError;
use crate::client::session::Session;
use crate::message::MessageNumber;
use crate::wire::{Command, State};

impl Fetch {
    /// Sends what can be sent now; before login nothing, so it may always be called. A login that fails is for the
    /// caller to handle. `false` when nothing is left to do but to poll until the session is over.
    ///
    /// # Errors
    /// [`SendError::Over`] when the plan can't be carried out since other code has sent QUIT, or the server has
    /// announced that it will close the connection; or when the plan is [out of step](Progress::OutOfStep), so that QUIT must not be
    /// sent: close the connection.
    pub fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        match session.state() {
            Some(State::Transaction) => {}
            _ if self.stage == Stage::Begin && !session.is_over() => return Ok(true),
            // Or it is another session, where the numbers mean other messages.
            _ => self.stage = Stage::Over,
        }
        if self.stage == Stage::Abandoned {
            self.withdraw(session);
            return Err(SendError::Over);
        }
        match self.send(session) {
            Ok(()) | Err(SendError::QueueFull) => Ok(!matches!(self.stage, Stage::Quitting(_) | Stage::Over)),
            Err(error) => Err(error),
        }
    }

    fn send(&mut self, session: &mut Session) -> Result<(), SendError> {
        if self.finishing {
            self.withdraw(session);
        }
        match self.stage {
            Stage::Begin | Stage::Probing if self.finishing => self.stage = Stage::Parting,
            Stage::Begin => self.stage = Stage::Counting(session.send(&Command::Stat)?),
            Stage::Probing => self.ask(session)?,
            Stage::Listing => self.list(session)?,
            Stage::Fetching => self.retrieve(session)?,
            _ => {}
        }
        if self.stage == Stage::Deleting {
            while let Some(&message) = self.plan.to_delete.front() {
                self.deleting.push_back((session.send(&Command::Dele { message })?, message));
                self.plan.to_delete.pop_front();
            }
        }
        // Each DELE is answered first: if those weren't the server's answers to them, QUIT would carry them out.
        let is_ready = self.plan.undecided == 0 && self.deleting.is_empty();
        let is_doubtful = self.stat.is_some() && self.doubt != Doubt::None;
        if is_ready && self.stage == Stage::Deleting && is_doubtful && self.deletions() > 0 {
            self.stage = Stage::Confirming(session.send(&Command::Stat)?);
        }
        if is_ready && matches!(self.stage, Stage::Deleting | Stage::Parting) {
            self.stage = Stage::Quitting(session.send(&Command::Quit)?);
            for message in self.plan.give_groups_up() {
                self.tell(message, |listed| Progress::NotDeleted(listed, None));
            }
        }
        Ok(())
    }

    /// Asks about single messages.
    fn ask(&mut self, session: &mut Session) -> Result<(), SendError> {
        let ahead = self.most_ahead(session);
        let Some(probe) = &mut self.probe else { return Ok(()) };
        loop {
            if let Some(Probed { message, scan: scan @ Request::Due, .. }) = probe.asked.back_mut() {
                *scan = Request::Sent(session.send(&Command::List { message: Some(*message) })?);
            }
            let mut left = probe.left.clone();
            let Some(message) = left.next().filter(|_| probe.asked.len() < ahead) else { return Ok(()) };
            let unique_id = Request::Sent(session.send(&Command::Uidl { message: Some(message) })?);
            probe.asked.push_back(Probed { message, unique_id, scan: Request::due(self.with_octets) });
            probe.left = left;
        }
    }

    fn list(&mut self, session: &mut Session) -> Result<(), SendError> {
        if self.unique_ids == Request::Due {
            if self.naming == Naming::Any && session.support(Feature::Uidl) == Support::Yes {
                self.naming = Naming::UniqueIds;
            }
            self.unique_ids = Request::Sent(session.send(&Command::Uidl { message: None })?);
        }
        if self.scan == Request::Due {
            self.scan = Request::Sent(session.send(&Command::List { message: None })?);
        }
        Ok(())
    }

    fn retrieve(&mut self, session: &mut Session) -> Result<(), SendError> {
        if self.retrieving.is_empty() && self.doubt == Doubt::Open {
            self.stage = Stage::Confirming(session.send(&Command::Stat)?);
            return Ok(());
        }
        let goes_alone = self.plan.to_fetch.front().is_some_and(|message| self.goes_alone(*message));
        if self.retrieving.is_empty() && (goes_alone || self.batch.left == 0) {
            let most = if goes_alone { 1 } else { self.most_ahead(session) };
            self.batch.begin(most, session.totals().message_octets);
        }
        loop {
            if let Some(Retrieval { stat: stat @ None, .. }) = self.retrieving.back_mut() {
                *stat = Some(session.send(&Command::Stat)?);
            }
            if self.finishing || self.batch.left == 0 {
                break;
            }
            let Some(&message) = self.plan.to_fetch.front() else { break };
            if self.plan.counts(message) && self.has_most() {
                break;
            }
            let begins_last = self.plan.to_fetch.len() == self.plan.last; // a session has broken at these
            if !self.retrieving.is_empty() && (begins_last || self.goes_alone(message)) {
                break;
            }
            let is_header = self.plan.is_header(message);
            let command = if is_header { Command::Top { message, lines: 0 } } else { Command::Retr { message } };
            let command = session.send(&command)?;
            self.retrieving.push_back(Retrieval { message, command, stat: None });
            self.batch.left -= 1;
            self.asked += usize::from(self.plan.counts(message));
            self.plan.to_fetch.pop_front();
        }
        if self.retrieving.is_empty() && self.has_shrunk {
            self.progress.push_back(Progress::OutOfStep);
            drop(self.plan.give_groups_up());
            self.stage = Stage::Parting;
        } else if self.retrieving.is_empty() {
            self.stage = Stage::Deleting;
        }
        Ok(())
    }

    /// Whether a message is asked for alone: so each session gets one further, however odd the server is.
    fn goes_alone(&self, message: MessageNumber) -> bool {
        !self.batch.is_proven && !self.plan.is_header(message)
    }

    /// How many messages are asked for ahead of the answers.
    fn most_ahead(&self, session: &Session) -> usize {
        if session.sends_ahead() { self.ahead.unwrap_or(Self::AHEAD) } else { 1 }
    }

    /// Whether as many messages are asked for as may be in one session.
    fn has_most(&self) -> bool {
        self.order.most.is_some_and(|most| self.asked >= most)
    }

    /// Takes those RETR and TOP back that aren't written.
    fn withdraw(&mut self, session: &mut Session) {
        while let Some(last) = self.retrieving.back() {
            if !session.withdraw(last.command) {
                break;
            }
            if let Some(stat) = last.stat {
                session.withdraw(stat);
            }
            self.batch.left += 1;
            self.asked -= usize::from(self.plan.counts(last.message));
            self.plan.to_fetch.push_front(last.message);
            self.retrieving.pop_back();
            if self.retrieving.is_empty() && !self.ended.is_empty() {
                self.doubt = Doubt::Open; // no answer is to come that would show those to be complete
            }
        }
    }
}
