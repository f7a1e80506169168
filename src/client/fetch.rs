//! What every user of a client does: fetch what isn't stored yet, and delete what is.

mod listed;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::mem;

pub use self::listed::{Choice, Wanted};

use self::listed::Listed;
use super::error::SendError;
use super::event::{Event, What};
use super::reply::Retry;
use super::{Feature, Session, State, Support, Ticket};
use crate::message::MessageNumber;
use crate::wire::{Command, Verb};

/// A plan for one session: list the messages, fetch those that the caller wants, delete those that it has stored, quit.
///
/// - Call [`advance`](Self::advance) before each poll. It sends UIDL, or LIST where there is no UIDL, then DELE and RETR,
///   and QUIT when all is done.
/// - Show each event to [`observe`](Self::observe) once, and choose for each message that is listed what to do with it:
///   a [`Choice`], by its unique-id. A message without one is always fetched.
/// - What comes as [`Action::Body`](super::Action::Body) belongs to the message that [began](Progress::Begins) last.
/// - Decide for each message that is [complete](Progress::Complete) what becomes of it: call [`delete`](Self::delete)
///   when it is stored safely, else [`keep`](Self::keep). You may do that later, and in any order, for example when
///   another thread has stored it. **No QUIT is sent until you have decided on every message**, so nothing is gone yet;
///   meanwhile [`Action::Idle`](super::Action::Idle) may come.
///
/// No message is deleted without the caller's word for it, and none is gone before QUIT is answered `+OK`. After any other
/// end run a new plan in a new session: what is stored by then is a [`Choice::Delete`] there.
///
/// ```no_run
/// # use std::{error::Error, io, io::ErrorKind, io::Read as _, io::Write as _, net::TcpStream, sync::Arc};
/// # use std::time::{Duration, Instant};
/// # use bytes::Buf;
/// # use pop3_proto::auth::sasl::CleartextPassword;
/// # use pop3_proto::wire::{Command, Name};
/// use pop3_proto::client::{Action, Choice, Closed, Config, Fetch, Login, Method, Progress, Proof, Security, Session};
///
/// /// What is stored out of one account: another one may have the same unique-ids.
/// trait Store {
///     fn has(&self, unique_id: &[u8]) -> bool;
///     /// Stores a message so that a crash can't lose it: under its unique-id, or else under a new name.
///     fn save(&mut self, unique_id: Option<&[u8]>, message: &[u8]) -> io::Result<()>;
/// }
///
/// fn fetch_mail(mut socket: TcpStream, store: &mut dyn Store) -> Result<Closed, Box<dyn Error>> {
///     // So the session notices its deadline.
///     socket.set_read_timeout(Some(Duration::from_secs(5)))?;
///     socket.set_write_timeout(Some(Duration::from_secs(5)))?;
///     let (name, password) = (Name::new("mrose")?, CleartextPassword::new("tanstaaf")?);
///     let mut session = Session::new(Arc::new(Config::new()), Security::TrustedLocal);
///     let capa = session.send(&Command::Capa)?;
///     let (mut may_log_in, mut login) = (false, None::<Login>);
///     let (mut fetch, mut message, start) = (Fetch::new(), Vec::new(), Instant::now());
///     loop {
///         if may_log_in && login.is_none() {
///             let method = Method::choose(&session, &Method::PASSWORD)?;
///             login.insert(Login::new(method, name, Proof::Password(password))).begin(&mut session)?;
///         }
///         fetch.advance(&mut session)?; // does nothing before login
///         match session.poll(start.elapsed())? {
///             Action::Read(mut read) => match socket.read(read.space()) {
///                 Ok(octets) => read.filled(octets),
///                 Err(error) if is_timeout(&error) => {}
///                 Err(error) => return Err(error.into()),
///             },
///             Action::Write(mut write) => match socket.write(write.chunk()) {
///                 Ok(octets) => write.advance(octets),
///                 Err(error) if is_timeout(&error) => {}
///                 Err(error) => return Err(error.into()),
///             },
///             Action::Event(event) => {
///                 may_log_in |= event.ticket() == Some(capa) && event.completes();
///                 if let Some(Err(retry)) = login.as_mut().and_then(|login| login.observe(&event)) {
///                     return Err(format!("no login: {retry}").into());
///                 }
///                 match fetch.observe(&event, |id| if store.has(id) { Choice::Delete } else { Choice::Fetch }) {
///                     Progress::Begins(_) => message.clear(),
///                     Progress::Complete(it) => match store.save(it.unique_id(), &message) {
///                         Ok(()) => fetch.delete(it.message()),
///                         Err(error) => {
///                             eprintln!("message {} stays on the server: {error}", it.message());
///                             fetch.keep(it.message());
///                             fetch.finish(); // it would be the same with the others
///                         }
///                     },
///                     Progress::None | Progress::Listed { .. } => {}
///                     other => eprintln!("something stays on the server: {other:?}"),
///                 }
///                 event.done();
///             }
///             Action::Body(body) => {
///                 message.extend_from_slice(body.octets());
///                 body.done();
///             }
///             Action::Challenge(challenge) => login.as_mut().ok_or("no login has begun")?.answer(challenge),
///             Action::StartTls(start) => start.failed(), // STLS wasn't sent
///             Action::Idle(_) => return Err("a message was neither deleted nor kept".into()),
///             Action::Closed(closed) => return Ok(closed), // Quit(Removal::All) if all went well
///         }
///     }
/// }
/// # fn is_timeout(error: &io::Error) -> bool {
/// #     matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
/// # }
/// ```
///
/// # Unique-ids that aren't unique
/// Where one is listed for more than one message, it isn't known which of them the caller has stored under that name.
/// So none is deleted on the word of [`Choice::Delete`]: each is fetched, [without a name](Wanted::unique_id), to be
/// stored under a new one. They are deleted together, once [`delete`](Self::delete) was called for all of them: if one
/// alone were left, it would be taken for what is stored. The same goes for a message number that is listed more than
/// once. [`Choice::Keep`] leaves them where they are.
///
/// Where they stay on the server they are fetched again in each session, as are all messages of a server without
/// unique-ids. To end that, note each [`repeated_id`](Wanted::repeated_id) when all messages of a session are stored, and
/// choose `Keep` for it from then on, but never `Delete`.
///
/// # Memory
/// The plan holds the numbers and unique-ids of messages to be fetched until their fate is decided, and of those to be
/// deleted until the list is complete; then their numbers until DELE is answered. While the list comes in, it holds a few
/// words for each entry. A list that would take more than 64 MiB (some 350,000 entries) is cut there, with
/// [`Progress::LeftOut`].
#[derive(Debug, Default)]
pub struct Fetch {
    stage: Stage,
    uidl_is_refused: bool,
    finishing: bool,
    listed: Listed,
    /// Messages that no RETR was sent for; those to delete among them, while they are listed.
    wanted: BTreeMap<MessageNumber, Wanted>,
    /// Those whose answer is due.
    retrieving: VecDeque<(Ticket, Wanted)>,
    /// Those that are complete, and whose fate isn't decided.
    complete: BTreeMap<MessageNumber, Wanted>,
    /// By repeated unique-id, messages that are to be deleted once all with it are; `None` stands for those that don't wait.
    together: BTreeMap<Option<Box<[u8]>>, Vec<MessageNumber>>,
    /// Messages that no DELE was sent for.
    to_delete: BTreeSet<MessageNumber>,
    /// Those whose answer is due.
    deleting: VecDeque<(Ticket, MessageNumber)>,
    deletions: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    #[default]
    Begin,
    Listing(Ticket),
    Fetching,
    /// QUIT is sent, or the session is over.
    Over,
}

/// What an event means for the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[must_use = "QUIT waits until the fate of each complete message is said"]
pub enum Progress {
    /// Nothing: it answers something else, or doesn't matter here.
    None,
    /// The list is complete.
    Listed {
        /// How many messages are to be fetched.
        to_fetch: usize,
        /// How many are to be deleted without being fetched.
        to_delete: usize,
    },
    /// A line of the list can't be read, so there may be a message that this plan doesn't know of.
    Unreadable,
    /// The list is too long: this message stays on the server for another session.
    LeftOut(MessageNumber),
    /// The parts of this message follow.
    Begins(Wanted),
    /// This message is complete: store it, by its [unique-id](Wanted::unique_id) if it has one, and call
    /// [`Fetch::delete`] or [`Fetch::keep`].
    Complete(Wanted),
    /// This message can't be fetched; the rest can.
    Refused(Wanted, Retry),
    /// This message isn't deleted, whatever QUIT is answered.
    NotDeleted(MessageNumber, Retry),
    /// The list can't be fetched, so the plan ends here.
    ListRefused(Retry),
}

impl Fetch {
    /// How many RETR are sent ahead of their messages.
    const AHEAD: usize = 8;

    /// A new plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends what can be sent now; before login nothing, so it may always be called. A login that fails is for the
    /// caller to handle. `false` when nothing is left to do but to poll until the session is over.
    ///
    /// # Errors
    /// [`SendError::Over`] when the plan can't be carried out since other code has sent QUIT, or the server has
    /// announced that it will close the connection.
    pub fn advance(&mut self, session: &mut Session) -> Result<bool, SendError> {
        match session.state() {
            State::Transaction => {}
            State::Greeting | State::Authorization if self.stage == Stage::Begin => return Ok(true),
            // Or it is another session, where the numbers mean other messages.
            _ => self.stage = Stage::Over,
        }
        match self.send(session) {
            Ok(()) | Err(SendError::QueueFull) => Ok(self.stage != Stage::Over),
            Err(error) => Err(error),
        }
    }

    fn send(&mut self, session: &mut Session) -> Result<(), SendError> {
        if self.stage == Stage::Begin && !self.finishing {
            let has_uidl = !self.uidl_is_refused && session.support(Feature::Uidl) != Support::No;
            let command = if has_uidl { Command::Uidl { message: None } } else { Command::List { message: None } };
            self.stage = Stage::Listing(session.send(&command)?);
        }
        if matches!(self.stage, Stage::Listing(_) | Stage::Over) {
            return Ok(());
        }
        while let Some(&message) = self.to_delete.first() {
            self.deleting.push_back((session.send(&Command::Dele { message })?, message));
            self.to_delete.pop_first();
        }
        while !self.finishing && self.retrieving.len() < Self::AHEAD {
            let Some(next) = self.wanted.first_entry() else { break };
            let ticket = session.send(&Command::Retr { message: *next.key() })?;
            self.retrieving.push_back((ticket, next.remove()));
        }
        if self.retrieving.is_empty() && self.complete.is_empty() {
            session.send(&Command::Quit)?;
            self.stage = Stage::Over;
        }
        Ok(())
    }

    /// Takes note of an event; `judge` decides what to do with the message of a unique-id.
    ///
    /// It is asked for each entry of the list that has one. So those that it wasn't asked for until [`Progress::Listed`]
    /// are gone from the server, unless [`Progress::Unreadable`] or [`Progress::LeftOut`] came: forget them, as a server
    /// may give them to other messages.
    pub fn observe(&mut self, event: &Event<'_>, judge: impl FnOnce(&[u8]) -> Choice) -> Progress {
        let Some(ticket) = event.ticket() else { return Progress::None };
        if self.stage == Stage::Listing(ticket) {
            return self.observe_listing(event, judge);
        }
        if let Some((_, message)) = self.deleting.front().copied().filter(|(sent, _)| *sent == ticket) {
            self.deleting.pop_front();
            if let What::Failed(response) = event.what() {
                return Progress::NotDeleted(message, Retry::of(response.code()));
            }
            self.deletions += 1;
        }
        let Some((_, wanted)) = self.retrieving.front().filter(|(sent, _)| *sent == ticket) else {
            return Progress::None;
        };
        let wanted = wanted.clone();
        match event.what() {
            What::Begins(_) => Progress::Begins(wanted),
            What::Ends => {
                self.retrieving.pop_front();
                self.complete.insert(wanted.message, wanted.clone());
                Progress::Complete(wanted)
            }
            What::Failed(response) => {
                self.retrieving.pop_front();
                Progress::Refused(wanted, Retry::of(response.code()))
            }
            _ => Progress::None,
        }
    }

    fn observe_listing(&mut self, event: &Event<'_>, judge: impl FnOnce(&[u8]) -> Choice) -> Progress {
        match event.what() {
            What::UniqueId { message, unique_id } => self.entry(message, Some(unique_id), judge),
            What::Scan(listing) => self.entry(listing.message, None, judge),
            What::Unreadable { .. } => Progress::Unreadable,
            What::Ends => self.plan(),
            What::Failed(response) => {
                let retry = Retry::of(response.code());
                // A server without UIDL has LIST.
                self.uidl_is_refused = event.verb() == Some(Verb::Uidl) && retry == Retry::Unknown;
                self.stage = if self.uidl_is_refused { Stage::Begin } else { Stage::Fetching };
                if self.uidl_is_refused { Progress::None } else { Progress::ListRefused(retry) }
            }
            _ => Progress::None,
        }
    }

    /// An entry of the list.
    fn entry(&mut self, message: MessageNumber, id: Option<&[u8]>, judge: impl FnOnce(&[u8]) -> Choice) -> Progress {
        if !self.listed.add(message, id) {
            return Progress::LeftOut(message);
        }
        let choice = id.map_or(Choice::Fetch, judge);
        if choice == Choice::Delete {
            self.to_delete.insert(message);
        }
        if choice != Choice::Keep {
            self.wanted.insert(message, Wanted { message, id: id.map(Box::from), is_repeated: false, equals: 0 });
        }
        Progress::None
    }

    /// The list is complete, so it is known what is listed more than once.
    fn plan(&mut self) -> Progress {
        let listed = mem::take(&mut self.listed);
        self.wanted.retain(|message, wanted| {
            listed.tell(wanted);
            if wanted.is_repeated {
                self.to_delete.remove(message);
            }
            !self.to_delete.contains(message)
        });
        self.stage = Stage::Fetching;
        Progress::Listed { to_fetch: self.wanted.len(), to_delete: self.to_delete.len() }
    }

    /// Deletes a message that was [`Complete`](Progress::Complete): it is stored safely. One of several with the same
    /// unique-id waits for the others.
    ///
    /// Nothing is done for a message that isn't complete, or whose fate is already decided.
    pub fn delete(&mut self, message: MessageNumber) {
        let Some(wanted) = self.complete.remove(&message) else { return };
        let together = self.together.entry(wanted.repeated_id().map(Box::from)).or_default();
        together.push(message);
        if together.len() >= wanted.equals as usize {
            self.to_delete.extend(together.drain(..));
        }
    }

    /// Leaves a message that was [`Complete`](Progress::Complete) on the server, stored or not.
    ///
    /// Nothing is done for a message that isn't complete, or whose fate is already decided.
    pub fn keep(&mut self, message: MessageNumber) {
        self.complete.remove(&message);
    }

    /// Ends the plan early: no more RETR is sent, only DELE for what is to be deleted, then QUIT. Up to eight messages
    /// whose RETR was sent still come, and [`delete`](Self::delete) or [`keep`](Self::keep) is to be called for them. A
    /// plan that hasn't begun sends no more than QUIT, once the client is logged in.
    pub fn finish(&mut self) {
        self.finishing = true;
    }

    /// How many DELE were answered `+OK`. Those messages are gone once QUIT is answered `+OK`.
    pub fn deletions(&self) -> u32 {
        self.deletions
    }
}
