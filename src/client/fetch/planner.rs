//! The plan, and what it sends.

use alloc::collections::{BTreeSet, VecDeque};

use super::listing::Listing;
use super::plan::{Fate, Plan};
use super::progress::Progress;
use super::wanted::Wanted;
use crate::client::capabilities::{Feature, Support};
use crate::client::error::SendError;
use crate::client::queue::Ticket;
use crate::client::session::Session;
use crate::message::MessageNumber;
use crate::wire::{Command, DropListing, State};

/// A plan for one session: list the messages, fetch those that the caller wants, delete those that it has stored, quit.
///
/// - Call [`advance`](Self::advance) before each poll. It sends STAT, then UIDL, then RETR and STAT for each message; when all
///   that is wanted has come, DELE, and QUIT.
/// - Show each event to [`observe`](Self::observe) once, and choose for each message that is listed what to do with it:
///   a [`Choice`](super::Choice), by its unique-id. A message without one is always fetched.
/// - Then take from [`progress`](Self::progress) what it has come to, until there is nothing more: an event may mean two
///   things.
/// - What comes as [`Action::Body`](crate::client::Action::Body) belongs to the message that [began](Progress::Begins) last.
/// - Decide for each message that is [complete](Progress::Complete) what becomes of it: call [`delete`](Self::delete)
///   when it is stored safely, else [`keep`](Self::keep). You may do that later, and in any order, for example when
///   another thread has stored it. **No QUIT is sent until you have decided on every message**, so nothing is gone yet;
///   meanwhile [`Action::Idle`](crate::client::Action::Idle) may come.
/// - When the session has ended, say [how](Self::end), and take the last progress.
///
/// No message is deleted without the caller's word for it, and none is gone before QUIT is answered `+OK`. After any other
/// end run a new plan in a new session: what is stored by then is a [`Choice::Delete`](super::Choice::Delete) there.
///
/// To leave mail on the server, choose [`Choice::Stored`](super::Choice::Stored) for what is stored, and [`keep`](Self::keep) each message that is
/// complete.
///
/// This is a whole program, which `cargo run --example fetch_minimal -- 127.0.0.1:1110 DIR` runs in the repository:
///
/// ```no_run
#[doc = include_str!("../../manual/fetch_minimal.rs")]
/// ```
///
/// # When a message is complete
/// Some servers send a line of one dot inside a message as it is, and what came before it looks like a whole message. So
/// STAT follows each RETR, and a message is [complete](Progress::Complete) only when its answer comes where the message
/// seemed to end, with the numbers that it had at the beginning; or when the server closes the connection there. A client
/// that can't send commands ahead of responses pays for that with the time of one response for each message.
///
/// An answer to STAT with other numbers is trusted for the moment, unless it counts fewer messages: some servers count mail
/// that has come meanwhile, and some refuse STAT. If the server turns out not to be in step after that, the messages from
/// there on are [`Unproven`](Progress::Unproven). An answer that isn't one to STAT, or counts fewer messages, makes the plan
/// [out of step](Progress::OutOfStep): nothing is deleted. Text inside a message that imitates a whole dialogue, with answers
/// to STAT and RETR in the right places, can't be told from one.
///
/// # Unique-ids that come back
/// A server may give the unique-id of a message that is gone to another one (RFC 1939 §7). So a caller forgets a unique-id
/// when its message is [`Removed`](Progress::Removed), also if it was a [repeated](Wanted::repeated_id) one; when it is
/// listed more than once, as it isn't known any more which message is stored; and when a [complete](Progress::Listed) list
/// lacks it. Where a message is removed that was listed without a unique-id, an earlier
/// session may have listed it with one: forget all, as it may be any, and a copy is better than a loss. A caller doesn't
/// forget one when QUIT wasn't answered: the message may still be there.
///
/// # Unique-ids that aren't unique
/// Where the server lists a unique-id for more than one message, it isn't known which of them the caller has stored by it.
/// So none is deleted on the word of [`Choice::Delete`](super::Choice::Delete), and none passed over on that of [`Choice::Stored`](super::Choice::Stored): each is fetched, [without a name](Wanted::unique_id), to be
/// stored under a new one. They are deleted together, once [`delete`](Self::delete) was called for all of them: if one
/// alone were left, it would be taken for what is stored. The same goes for a message number that is listed more than
/// once. [`Choice::Keep`](super::Choice::Keep) leaves them where they are.
///
/// Where they stay on the server they are fetched again in each session, as are all messages of a server without
/// unique-ids: compare their octets with those of the ones that are stored.
///
/// # Servers without unique-ids
/// UIDL is sent whatever CAPA lists. A server that refuses it may be one that hasn't got it, or one that is busy; a client
/// that took one for the other would fetch everything again. So where UIDL is refused the plan ends, unless it was made by
/// [`first`](Self::first), for an account of which no unique-id is stored: then LIST follows.
/// [`without_unique_ids`](Self::without_unique_ids) sends LIST at once. Where LIST is refused, the plan ends in any case.
/// A message without a unique-id is always fetched, and can't be asked for last.
///
/// # Memory
/// The plan holds the numbers and unique-ids of the messages to be fetched or deleted until the session ends. While the
/// list comes in, it holds them for each entry. A list that would take more than 64 MiB (some 350,000 entries) is cut
/// there, with [`Progress::LeftOut`].
#[derive(Debug, Default)]
pub struct Fetch {
    pub(super) stage: Stage,
    pub(super) naming: Naming,
    /// How many RETR are sent ahead of their messages, where the caller has decided on it.
    ahead: Option<usize>,
    finishing: bool,
    /// What STAT was answered last, if it was.
    pub(super) stat: Option<DropListing>,
    /// Whether STAT announces less than at the beginning, so that nothing is to be deleted.
    pub(super) has_shrunk: bool,
    pub(super) listing: Listing,
    pub(super) plan: Plan,
    /// Those whose RETR, or the STAT after it, isn't answered to its end.
    pub(super) retrieving: VecDeque<Retrieval>,
    /// Messages that some response has shown to be complete, but none that could only be the answer to STAT.
    pub(super) presumed: BTreeSet<MessageNumber>,
    /// Those whose DELE isn't answered.
    pub(super) deleting: VecDeque<(Ticket, MessageNumber)>,
    pub(super) progress: VecDeque<Progress>,
}

/// Where the plan is, and the command that it waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Stage {
    #[default]
    Begin,
    /// STAT.
    Counting(Ticket),
    Counted,
    /// UIDL or LIST.
    Listing(Ticket),
    /// RETR and STAT for each message.
    Fetching,
    Deleting,
    /// STAT once more, after the answers to DELE, where some answer to it was doubtful.
    Confirming(Ticket),
    /// Nothing is to be deleted, and QUIT follows when the caller has decided on all messages.
    Parting,
    /// QUIT.
    Quitting(Ticket),
    /// QUIT would carry out a DELE that it must not, so the session is to end without.
    Abandoned,
    /// Nothing is left to do.
    Over,
}

/// A message that the server was asked for.
#[derive(Debug)]
pub(super) struct Retrieval {
    pub(super) message: MessageNumber,
    pub(super) retr: Ticket,
    /// STAT, which shows whether the message is complete; `None` until it is sent.
    pub(super) stat: Option<Ticket>,
}

/// How messages are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Naming {
    /// By unique-id.
    #[default]
    UniqueIds,
    /// By unique-id, where the server has them.
    Any,
    /// By nothing that lasts.
    Numbers,
}

impl Fetch {
    /// How many RETR are sent ahead of their messages, unless the caller [decides](Self::ahead).
    const AHEAD: usize = 8;

    /// Creates a plan for an account of which unique-ids are stored. Where the server refuses UIDL, the plan ends with
    /// [`Progress::ListRefused`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a plan for an account of which no unique-id is stored. A server that refuses UIDL without a response code, and
    /// doesn't announce it, is taken to have none, and all its messages are fetched.
    pub fn first() -> Self {
        Self { naming: Naming::Any, ..Self::default() }
    }

    /// Creates a plan that doesn't ask for unique-ids, and fetches all messages.
    pub fn without_unique_ids() -> Self {
        Self { naming: Naming::Numbers, ..Self::default() }
    }

    /// Sends at most `messages` RETR ahead of their messages, 8 by default; 0 counts as 1. Without pipelining one is sent
    /// at a time.
    ///
    /// Messages that were asked for still come after [`finish`](Self::finish), so fewer are better where messages are large
    /// and the user may stop.
    #[must_use]
    pub fn ahead(mut self, messages: usize) -> Self {
        self.ahead = Some(messages.max(1));
        self
    }

    /// Sends what can be sent now; before login nothing, so it may always be called. A login that fails is for the
    /// caller to handle. `false` when nothing is left to do but to poll until the session is over.
    ///
    /// # Errors
    /// [`SendError::Over`] when the plan can't be carried out since other code has sent QUIT, or the server has
    /// announced that it will close the connection; or when the plan is [out of step](Progress::OutOfStep) after DELE, so that
    /// QUIT must not be sent: close the connection.
    pub fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        match session.state() {
            Some(State::Transaction) => {}
            _ if self.stage == Stage::Begin && !session.is_over() => return Ok(true),
            // Or it is another session, where the numbers mean other messages.
            _ => self.stage = Stage::Over,
        }
        if self.stage == Stage::Abandoned {
            return Err(SendError::Over);
        }
        match self.send(session) {
            Ok(()) | Err(SendError::QueueFull) => Ok(!matches!(self.stage, Stage::Quitting(_) | Stage::Over)),
            Err(error) => Err(error),
        }
    }

    fn send(&mut self, session: &mut Session) -> Result<(), SendError> {
        if self.finishing || self.stage == Stage::Parting {
            self.withdraw(session);
        }
        match self.stage {
            Stage::Begin if self.finishing => self.stage = Stage::Parting,
            Stage::Begin => self.stage = Stage::Counting(session.send(&Command::Stat)?),
            Stage::Counted => {
                if self.naming == Naming::Any && session.support(Feature::Uidl) == Support::Yes {
                    self.naming = Naming::UniqueIds;
                }
                let by_number = self.naming == Naming::Numbers;
                let command = if by_number { Command::List { message: None } } else { Command::Uidl { message: None } };
                self.stage = Stage::Listing(session.send(&command)?);
            }
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
        let is_doubtful = self.stat.is_some() && !self.presumed.is_empty();
        if is_ready && self.stage == Stage::Deleting && is_doubtful && self.deletions() > 0 {
            self.stage = Stage::Confirming(session.send(&Command::Stat)?);
        }
        if is_ready && matches!(self.stage, Stage::Deleting | Stage::Parting) {
            self.stage = Stage::Quitting(session.send(&Command::Quit)?);
            for message in self.plan.give_groups_up() {
                self.tell(message, |wanted| Progress::NotDeleted(wanted, None));
            }
        }
        Ok(())
    }

    fn retrieve(&mut self, session: &mut Session) -> Result<(), SendError> {
        let ahead = if session.sends_ahead() { self.ahead.unwrap_or(Self::AHEAD) } else { 1 };
        loop {
            if let Some(Retrieval { stat: stat @ None, .. }) = self.retrieving.back_mut() {
                *stat = Some(session.send(&Command::Stat)?);
            }
            if self.finishing || self.retrieving.len() >= ahead {
                break;
            }
            let Some(&message) = self.plan.to_fetch.front() else { break };
            let retr = session.send(&Command::Retr { message })?;
            self.retrieving.push_back(Retrieval { message, retr, stat: None });
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

    /// Takes those RETR back that aren't written.
    fn withdraw(&mut self, session: &mut Session) {
        while let Some(last) = self.retrieving.back() {
            if !session.withdraw(last.retr) {
                break;
            }
            if let Some(stat) = last.stat {
                session.withdraw(stat);
            }
            self.retrieving.pop_back();
        }
    }

    /// Returns what has come of the plan, one thing at a time; `None` when all is told. Take it until then after each event.
    pub fn progress(&mut self) -> Option<Progress> {
        self.progress.pop_front()
    }

    /// Deletes a message that was [`Complete`](Progress::Complete): it is stored safely. One of several with the same
    /// unique-id waits for the others.
    ///
    /// Nothing is done for a message that isn't complete, or whose fate is already decided.
    pub fn delete(&mut self, message: MessageNumber) {
        self.plan.decide(message, Fate::Stored);
    }

    /// Leaves a message that was [`Complete`](Progress::Complete) on the server, stored or not.
    ///
    /// Nothing is done for a message that isn't complete, or whose fate is already decided.
    pub fn keep(&mut self, message: MessageNumber) {
        self.plan.decide(message, Fate::Kept);
    }

    /// Ends the plan early: no more RETR is written, only STAT, DELE for what is to be deleted, and QUIT. Messages whose
    /// RETR is written already still come, at most [as many](Self::ahead) as are sent ahead, and [`delete`](Self::delete)
    /// or [`keep`](Self::keep) is to be called for them. A plan that hasn't begun sends no more than QUIT, once the client
    /// is logged in.
    ///
    /// To stop at once, drop the session and close the connection: nothing is deleted then.
    pub fn finish(&mut self) {
        self.finishing = true;
    }

    /// Returns how many DELE were answered `+OK`. Those messages are gone once QUIT is answered `+OK`.
    pub fn deletions(&self) -> usize {
        self.plan.with(Fate::Marked).count()
    }

    pub(super) fn tell(&mut self, message: MessageNumber, progress: impl FnOnce(Wanted) -> Progress) {
        self.progress.extend(self.plan.wanted(message).map(progress));
    }
}
