//! The plan, and what the caller says to it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::batch::Batch;
use super::listed::ListedMessage;
use super::listing::Listing;
use super::order::Order;
use super::plan::{Fate, Plan};
use super::probe::Probe;
use super::progress::Progress;
use super::request::Request;
use crate::client::queue::Ticket;
use crate::message::MessageNumber;
use crate::wire::DropListing;

/// A plan for one session: list the messages, fetch those that the caller wants, delete those that it has stored, quit.
///
/// - Call [`advance`](Self::advance) before each poll. It sends STAT, then UIDL, then RETR and STAT for each message; when all
///   that is wanted has come, DELE, and QUIT.
/// - Show each event to [`observe`](Self::observe) once, and choose for each message that is listed what to do with it:
///   a [`Choice`](super::Choice), by its number, its unique-id if it has one, and its [octets](Self::with_octets).
/// - Then take from [`progress`](Self::progress) what it has come to, until there is nothing more: an event may mean two
///   things.
/// - What comes as [`Action::Body`](crate::client::Action::Body) belongs to the message that [began](Progress::Begins) last. Others
///   that have begun may not be [complete](#when-a-message-is-complete) yet: keep what came of each apart, out of the way of what is
///   stored.
/// - Decide for each message that is [complete](Progress::Complete) what becomes of it: call [`delete`](Self::delete)
///   when it is stored safely, else [`keep`](Self::keep). You may do that later, and in any order, for example when
///   another thread has stored it, or for a hundred at a time, since a disk takes as long to make one safe. **No QUIT is sent
///   until you have decided on every message**, so nothing is gone yet; meanwhile
///   [`Action::Idle`](crate::client::Action::Idle) may come.
/// - When the session has ended, say [how](Self::end), and take the last progress.
///
/// No message is deleted without the caller's word for it, and none is gone before QUIT is answered `+OK`. After any other
/// end run a new plan in a new session: what is stored by then is a [`Choice::Delete`](super::Choice::Delete) there.
///
/// To leave mail on the server, choose [`Choice::Stored`](super::Choice::Stored) for what is stored, and [`keep`](Self::keep) each message that is
/// complete.
///
/// # How much, and in which order
/// The caller is asked about all messages before the first is fetched, in the order in which they are fetched: the oldest
/// first, or the [newest](Self::newest_first). So it can choose by size, by number, or up to so many octets in all. This takes
/// what is new, the newest first, but only the header of what is large, and no more than 100 messages a session, so that
/// each hundred is gone from the server before the next one comes:
///
/// ```
/// use pop3_proto::client::{Choice, Fetch, ListedMessage};
///
/// fn plan() -> Fetch {
///     Fetch::new().with_octets().newest_first().at_most(100)
/// }
///
/// fn judge(message: &ListedMessage, has: impl Fn(&[u8]) -> bool) -> Choice {
///     if message.unique_id().is_some_and(has) {
///         Choice::Delete
///     } else if message.octets().is_some_and(|octets| octets > 10_000_000) {
///         Choice::Header
///     } else {
///         Choice::Fetch
///     }
/// }
/// ```
///
/// A caller that counts messages or octets itself takes all messages with one [repeated](ListedMessage::repeated_id) unique-id or
/// none, since [none of them is deleted alone](#unique-ids-that-arent-unique).
///
/// When the session has ended well, and [`unfetched`](Self::unfetched) is above 0, connect again and go on with another plan. End where
/// it isn't below what it was before: a server that says it has deleted messages, and hasn't, would be asked for the same ones for ever.
///
/// # A program
/// This is a whole program, which `cargo run --example fetch_minimal -- 127.0.0.1:1110 DIR` runs in the repository. The adapter's
/// `Client::fetch` is the loop that does all that is said above, and its trait `Store` is what a program has to say about its
/// messages; [its text](crate::manual::adapters#fetch-blocking) shows each call.
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
/// With pipelining several messages are asked for in one go. A server that leaves the line of one dot out after one of them would
/// have the next responses taken for its text, and each later message for another one. Then answers are missing at the end. So
/// the messages of one batch are complete together, when all is answered and nothing more has come. If the session ends before that,
/// all of them are [`Unproven`](Progress::Unproven). In each session messages go alone until one is complete. Then each batch has twice as
/// many as the one before, up to [`ahead`](Self::ahead), or half as many where that had more than 4 MiB. Those that are fetched
/// [last](super::Choice::Last) are in no batch with others.
///
/// Some servers count mail that has come meanwhile, and some refuse STAT. Such an answer may also be a line of the message, so STAT is
/// sent once more when all is answered, and the messages are complete when the server answers that. An answer that isn't one to STAT,
/// or counts fewer messages, makes the plan [out of step](Progress::OutOfStep): nothing is deleted. Text inside a message that
/// imitates a whole dialogue, with answers to STAT and RETR in the right places, can't be told from one.
///
/// # Unique-ids that come back
/// A server may give the unique-id of a message that is gone to another one (RFC 1939 §7). So a caller forgets a unique-id
/// when its message is [`Removed`](Progress::Removed), also if it was a [repeated](ListedMessage::repeated_id) one; when it is
/// listed more than once, as it isn't known any more which message is stored; and when a [complete](Progress::Listed) list
/// lacks it. Where a message is removed that was listed without a unique-id, an earlier
/// session may have listed it with one: forget all, as it may be any, and a copy is better than a loss. A caller doesn't
/// forget one when QUIT wasn't answered: the message may still be there. (If it isn't, and the server gives its unique-id to new mail
/// before the client has seen a complete list, that mail is taken for stored. A caller that would rather have a copy fetches what
/// such a unique-id names once more.)
///
/// # Unique-ids that aren't unique
/// Where the server lists a unique-id for more than one message, it isn't known which of them the caller has stored by it.
/// So none is deleted on the word of [`Choice::Delete`](super::Choice::Delete), and none passed over on that of [`Choice::Stored`](super::Choice::Stored): each is fetched, [without a name](ListedMessage::unique_id), to be
/// stored under a new one. They are deleted together, once [`delete`](Self::delete) was called for all of them: if one
/// alone were left, it would be taken for what is stored. The same goes for a message number that is listed more than
/// once. [`Choice::Keep`](super::Choice::Keep) leaves them where they are, and [`Choice::Header`](super::Choice::Header) too.
///
/// Where they stay on the server they are fetched again in each session, as are all messages of a server without
/// unique-ids: compare their octets with those of the ones that are stored.
///
/// # Servers without unique-ids
/// UIDL is sent whatever CAPA lists. A server that refuses it may be one that hasn't got it, or one that is busy; a client
/// that took one for the other would fetch everything again. So where UIDL is refused the plan ends, unless
/// [nothing is stored](Self::nothing_stored) by a unique-id: then LIST follows.
/// [`without_unique_ids`](Self::without_unique_ids) sends LIST at once. Where LIST is refused, the plan ends in any case.
/// The caller is asked about each message all the same, so it can have one [fetched last](super::Choice::Last).
///
/// # Memory
/// The plan holds the numbers and unique-ids of the messages to be fetched or deleted until the session ends. While the
/// list comes in, it holds them for each entry. A list that would take more than 64 MiB (some 350,000 entries, or 290,000 with
/// octets) is cut there, with [`Progress::LeftOut`].
#[derive(Debug, Default)]
pub struct Fetch {
    pub(super) stage: Stage,
    pub(super) naming: Naming,
    /// Whether LIST is sent beside UIDL.
    pub(super) with_octets: bool,
    pub(super) order: Order,
    /// How many RETR are sent ahead of their messages, where the caller has decided on it.
    pub(super) ahead: Option<usize>,
    pub(super) finishing: bool,
    /// What the caller knows, where only what is newer is looked for.
    pub(super) probe: Option<Probe>,
    /// UIDL and LIST.
    pub(super) unique_ids: Request,
    pub(super) scan: Request,
    /// What STAT was answered last, if it was.
    pub(super) stat: Option<DropListing>,
    /// Whether STAT announces less than at the beginning, so that nothing is to be deleted.
    pub(super) has_shrunk: bool,
    pub(super) listing: Listing,
    pub(super) plan: Plan,
    /// How many messages were asked for, and not refused, of those that [count](Plan::counts).
    pub(super) asked: usize,
    /// Those whose RETR or TOP, or the STAT after it, isn't answered to its end.
    pub(super) retrieving: VecDeque<Retrieval>,
    /// Those whose end lines have come since no answer was missing. They are complete when none is again.
    pub(super) ended: Vec<MessageNumber>,
    pub(super) batch: Batch,
    pub(super) doubt: Doubt,
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
    /// UIDL and LIST with one number after the other.
    Probing,
    /// UIDL, LIST, or both.
    Listing,
    /// RETR and STAT for each message.
    Fetching,
    Deleting,
    /// STAT once more, where some answer to it was doubtful: before messages are complete, and after DELE.
    Confirming(Ticket),
    /// Nothing is to be deleted, and QUIT follows when the caller has decided on all messages.
    Parting,
    /// QUIT.
    Quitting(Ticket),
    /// QUIT would carry out what it must not, so the session is to end without.
    Abandoned,
    /// Nothing is left to do.
    Over,
}

/// A message that the server was asked for.
#[derive(Debug)]
pub(super) struct Retrieval {
    pub(super) message: MessageNumber,
    /// RETR or TOP.
    pub(super) command: Ticket,
    /// STAT, which shows whether the message is complete; `None` until it is sent.
    pub(super) stat: Option<Ticket>,
}

/// Whether what came for STAT may be something else: a line of a message, or an answer to something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Doubt {
    #[default]
    None,
    /// STAT is to be answered once more, before what has ended is complete.
    Open,
    /// STAT was, and is to be once more after DELE.
    Settled,
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
    pub(super) const AHEAD: usize = 128;

    /// Creates a plan that asks for unique-ids. Where the server refuses UIDL, the plan ends with
    /// [`Progress::ListRefused`], unless [nothing is stored](Self::nothing_stored) by a unique-id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a plan that doesn't ask for unique-ids, and fetches all messages.
    pub fn without_unique_ids() -> Self {
        Self { naming: Naming::Numbers, ..Self::default() }
    }

    /// Sets whether no message of the account is stored by a unique-id: no by default. Then a server that refuses UIDL without a response
    /// code, and doesn't announce it, is taken to have none, and all its messages are fetched.
    #[must_use]
    pub fn nothing_stored(mut self, is_true: bool) -> Self {
        self.naming = match self.naming {
            Naming::Numbers => Naming::Numbers,
            _ if is_true => Naming::Any,
            _ => Naming::UniqueIds,
        };
        self
    }

    /// Looks only at the messages after one that the caller knows, where a list of all is too much: a client that leaves its mail on
    /// the server may have 100,000 messages there, and nothing new. `unique_ids` are those of messages up to which the caller
    /// has all that it wants, in any order; the newest of them are enough, since servers append new mail.
    ///
    /// The plan sends UIDL with one number after the other, from the last one on, until a known unique-id comes. Then it lists
    /// the messages after that one, and asks about them alone. Where 128 messages aren't known, where the server answers
    /// anything else, or STAT isn't answered, all are listed after all. Some servers show unique-ids in
    /// another form to UIDL with a number; a known one that comes shows that this server doesn't.
    ///
    /// Nobody sees the other messages, so **such a plan deletes nothing**, neither by [`Choice::Delete`](super::Choice::Delete) nor
    /// by [`delete`](Self::delete), which is answered by [`NotDeleted`](Progress::NotDeleted), and its list is never
    /// [complete](Progress::Listed), so that no unique-id is forgotten. It can't notice
    /// - that a message is gone: its unique-id stays known, and mail that gets it later is taken for stored;
    /// - that a unique-id is repeated, by a message that isn't listed: the new message is passed over, or is stored by a name that
    ///   isn't its own;
    /// - a message before a known one that isn't stored: new mail that the server puts there, or what an earlier session has left
    ///   behind, since it was refused, or since the connection broke off while the newest came first. So know none that is newer than
    ///   what you still want.
    ///
    /// A plan without this notices all of it: run one from time to time, every tenth session for example, and before you delete
    /// anything.
    #[must_use]
    pub fn after_known<T: AsRef<[u8]>>(mut self, unique_ids: impl IntoIterator<Item = T>) -> Self {
        self.probe = Some(Probe::new(unique_ids.into_iter().map(|id| id.as_ref().to_vec()).collect()));
        self
    }

    /// Asks for the octets of each message too, by LIST, which is sent with UIDL. Where the server refuses LIST, or a line of it
    /// can't be read, the [octets](ListedMessage::octets) are unknown, and nothing else changes.
    #[must_use]
    pub fn with_octets(mut self) -> Self {
        self.with_octets = true;
        self
    }

    /// Asks about the messages, and fetches them, from the last one to the first: servers append new mail.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.order.is_newest_first = true;
        self
    }

    /// Fetches at most `messages` in this session. The plan ends then, with DELE and QUIT: what has come by then is safe, and no
    /// failure of the connection can undo its deletion. [`unfetched`](Self::unfetched) tells how many are left for the next
    /// session.
    ///
    /// What can't be fetched doesn't count, and no more do headers. Messages that [can only be deleted
    /// together](Self#unique-ids-that-arent-unique) don't count either: they come after the others, all in one session.
    #[must_use]
    pub fn at_most(mut self, messages: usize) -> Self {
        self.order.most = Some(messages);
        self
    }

    /// Asks for at most `messages` in one go, 128 by default; 0 counts as 1. Without pipelining one is asked for at a time.
    ///
    /// So many messages may have begun [without being complete](Self#when-a-message-is-complete), and so many still come after
    /// [`finish`](Self::finish). Where each is kept in memory, or the user may stop, fewer are better. Each batch costs the time of one
    /// response.
    #[must_use]
    pub fn ahead(mut self, messages: usize) -> Self {
        self.ahead = Some(messages.max(1));
        self
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
        if !self.plan.is_partial {
            self.plan.decide(message, Fate::Stored);
        } else if self.plan.fate(message) == Some(Fate::Complete) {
            self.plan.decide(message, Fate::Kept);
            self.tell(message, |listed| Progress::NotDeleted(listed, None));
        }
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

    /// Returns how many messages the plan hasn't asked for, of those that are to be fetched: [`at_most`](Self::at_most) or
    /// [`finish`](Self::finish) has ended it before. 0 until the list has ended.
    pub fn unfetched(&self) -> usize {
        self.plan.to_fetch.len()
    }

    /// Returns how many DELE were answered `+OK`. Those messages are gone once QUIT is answered `+OK`.
    pub fn deletions(&self) -> usize {
        self.plan.with(Fate::Marked).count()
    }

    pub(super) fn tell(&mut self, message: MessageNumber, progress: impl FnOnce(ListedMessage) -> Progress) {
        self.progress.extend(self.plan.listed(message).map(progress));
    }
}
