//! TRANSACTION: an open maildrop and what is done with it (RFC 1939 §5).

use super::close::CloseReason;
use super::listing::{Listing, MessageListing};
use super::maildrop::Maildrop;
use super::open_maildrop::{OpenMaildrop, Sum};
use super::refusals::Refusal;
use super::reply::Reply;
use super::terms::{Instead, Terms, Work};
use super::transfer::{Request, Transfer};
use crate::buffer::{Line, Output, Pipe};
use crate::message::{MessageNumber, UniqueIdBuffer};
use crate::totals::count;
use crate::wire::{Command, DropListing, ScanListing, State, UniqueIdListing, number};

/// A session whose client has logged in.
pub(super) struct Transaction<M: Maildrop> {
    pub(super) open: OpenMaildrop<M>,
    pub(super) step: Step<M::Reader>,
}

/// What comes next in TRANSACTION.
pub(super) enum Step<R> {
    /// A command is read.
    Read,
    /// The host measures a message for STAT or LIST.
    Measure(Octets),
    /// The host answers RETR or TOP.
    Retrieve(Request),
    /// A message is written that the host has given in one piece.
    Send(Transfer),
    /// A message is written whose chunks the host gives.
    Stream(Transfer, R),
    /// All output is written, and then this message counts as retrieved.
    Written(MessageNumber),
    /// A listing is written.
    List(Listing),
    ListMessages(MessageListing),
    /// The host answers QUIT.
    Update,
    /// The host's answer has ended the session.
    Over(CloseReason),
}

/// The octets that a command needs.
#[derive(Clone, Copy)]
pub(super) enum Octets {
    /// STAT gives those of all messages.
    Stat(Sum),
    /// LIST gives those of each. Nothing can be taken back once its lines go out, so it begins when all are known.
    List(Sum),
    /// LIST gives those of one message.
    ListOne(MessageNumber),
}

impl Octets {
    /// The message that the host measures.
    pub(super) fn message(self) -> MessageNumber {
        match self {
            Self::Stat(sum) | Self::List(sum) => sum.next,
            Self::ListOne(message) => message,
        }
    }
}

impl<M: Maildrop> Transaction<M> {
    pub(super) fn new(open: OpenMaildrop<M>) -> Self {
        Self { open, step: Step::Read }
    }

    /// Goes on until the client or the host is needed, or the session is over. Each command starts autologout anew, and so
    /// does what was `active` since the last call.
    #[inline]
    pub(super) fn go_on(&mut self, mut active: bool, work: &mut Work<'_>) -> Result<(), CloseReason> {
        let waits = self.run(&mut active, work);
        // Commands come in bursts, and once for each burst is enough.
        if active {
            work.pipe.clock.start(work.terms.config.autologout);
        }
        waits
    }

    #[inline]
    fn run(&mut self, active: &mut bool, work: &mut Work<'_>) -> Result<(), CloseReason> {
        loop {
            while matches!(self.step, Step::Read) {
                let Pipe { input, output, .. } = work.pipe;
                if !output.has_room() {
                    return Ok(());
                }
                let Some(line) = input.line() else { return Ok(()) };
                *active = true;
                self.line(line, work)?;
            }
            let Work { pipe: Pipe { output, .. }, terms, .. } = work;
            let is_done = match &mut self.step {
                Step::Read => true,
                Step::Measure(octets) => {
                    let octets = *octets;
                    self.step = self.resume(octets, output, terms)?;
                    if matches!(self.step, Step::Measure(_)) {
                        return Ok(());
                    }
                    continue;
                }
                Step::Retrieve(_) | Step::Update => false,
                Step::Over(reason) => return Err(*reason),
                Step::Send(transfer) | Step::Stream(transfer, _) => {
                    let is_done = transfer.finish(output)?;
                    if let Some(octets) = transfer.whole_octets(output).filter(|_| is_done) {
                        if !self.open.announced(transfer.message, octets) {
                            count(&mut terms.wrong_sizes);
                        }
                    }
                    if let Some(message) = transfer.retrieved.filter(|_| is_done) {
                        self.step = Step::Written(message);
                        continue;
                    }
                    is_done
                }
                Step::Written(message) => {
                    if output.is_empty() {
                        self.open.mark_retrieved(*message);
                    }
                    output.is_empty()
                }
                Step::List(listing) => listing.proceed(output, terms, Some(&self.open.maildrop)),
                Step::ListMessages(listing) => listing.proceed(output, &self.open),
            };
            if !is_done {
                return Ok(());
            }
            self.step = Step::Read;
        }
    }

    /// Deals with a command line, and sets the next step.
    #[inline]
    fn line(&mut self, line: Line, work: &mut Work<'_>) -> Result<(), CloseReason> {
        let Work { pipe: Pipe { input, output, .. }, terms } = work;
        let text = input.text(line);
        let parsed = Command::parse(text);
        let command = terms.accept(&parsed, text, line, State::Transaction);
        match command.and_then(|command| self.answer(command, output, terms)) {
            Ok(None) => {}
            Ok(Some(step)) => self.step = step,
            Err(instead) => terms.settle(output, State::Transaction, instead)?,
        }
        // A line that is out of place here may be a password.
        if terms.is_in_bad_row() {
            input.wipe(line.octets);
        } else {
            input.consume(line.octets);
        }
        Ok(())
    }

    /// Answers a command. Returns the next step, if another command isn't read next.
    #[inline]
    fn answer(
        &mut self,
        command: &Command<'_>,
        output: &mut Output,
        terms: &mut Terms,
    ) -> Result<Option<Step<M::Reader>>, Instead> {
        let open = &mut self.open;
        open.check_permitted(command)?;
        match *command {
            Command::Stat => return self.give(Octets::Stat(Sum::NOTHING), output, terms),
            Command::List { message: None } => return self.give(Octets::List(Sum::NOTHING), output, terms),
            Command::List { message: Some(message) } => {
                open.check_sendable(message, terms.utf8)?;
                return self.give(Octets::ListOne(message), output, terms);
            }
            Command::Retr { message } => {
                open.check_sendable(message, terms.utf8)?;
                return Ok(Some(Step::Retrieve(Request { message, lines: None })));
            }
            Command::Top { message, lines } => {
                open.check_sendable(message, terms.utf8)?;
                return Ok(Some(Step::Retrieve(Request { message, lines: Some(lines) })));
            }
            Command::Dele { message } => {
                open.delete(message);
                count(&mut terms.counts.dele);
                terms.good(output, Reply::Marked);
            }
            Command::Noop => terms.good(output, Reply::Noop),
            Command::Rset => {
                open.reset();
                terms.good(output, Reply::Unmarked);
            }
            Command::Uidl { message: None } => {
                terms.good(output, Reply::UniqueIdListing);
                return Ok(Some(Step::ListMessages(MessageListing::UniqueIds(1))));
            }
            Command::Uidl { message: Some(message) } => {
                give_unique_id(&open.maildrop, message, output, terms)?;
            }
            Command::Capa => return Ok(Some(Step::List(Listing::capabilities(terms, output)))),
            Command::Lang { language } => {
                return Ok(Listing::languages(terms, output, language)?.map(Step::List));
            }
            Command::Last if terms.config.last => {
                terms.good_line(output, |text| {
                    number::put(text, open.last.into());
                    text.extend_from_slice(b"\r\n");
                });
            }
            Command::Last => return Err(Instead::Bad(Reply::Unavailable)),
            Command::Quit => {
                open.delete_retrieved();
                return Ok(Some(Step::Update));
            }
            _ => {
                debug_assert!(!command.verb().is_valid_in(State::Transaction));
                return Err(Instead::Bad(Reply::WrongState));
            }
        }
        Ok(None)
    }

    /// Ends a command that the host can't carry out, since a message isn't available.
    #[cold]
    pub(super) fn refuse(&mut self, message: MessageNumber, reason: Refusal, output: &mut Output, terms: &mut Terms) {
        let instead = match reason {
            Refusal::Gone => self.open.answer_gone(message),
            Refusal::Temporary => Reply::Temporary.into(),
            Refusal::Permanent => Reply::Permanent.into(),
        };
        let settled = terms.settle(output, State::Transaction, instead);
        self.step = settled.map_or_else(Step::Over, |()| Step::Read);
    }

    /// Goes on with STAT or LIST when the host may have measured a message.
    #[cold]
    fn resume(
        &mut self,
        octets: Octets,
        output: &mut Output,
        terms: &mut Terms,
    ) -> Result<Step<M::Reader>, CloseReason> {
        let step = self.give(octets, output, terms);
        let step = step.or_else(|instead| terms.settle(output, State::Transaction, instead).map(|()| None))?;
        Ok(step.unwrap_or(Step::Read))
    }

    /// Answers STAT or LIST, if the octets that it needs are known; else the host measures the first message whose aren't.
    /// Returns the next step as [`answer`](Self::answer) does.
    fn give(
        &mut self,
        octets: Octets,
        output: &mut Output,
        terms: &mut Terms,
    ) -> Result<Option<Step<M::Reader>>, Instead> {
        let open = &mut self.open;
        match octets {
            Octets::Stat(sum) => match open.add_up(sum) {
                Ok(octets) => {
                    let listing = DropListing { messages: open.messages(), octets };
                    terms.good_line(output, |text| listing.encode(text));
                }
                Err(sum) => return Ok(Some(Step::Measure(Octets::Stat(sum)))),
            },
            Octets::List(sum) => match open.add_up(sum) {
                Ok(_) => {
                    terms.good(output, Reply::ScanListing);
                    return Ok(Some(Step::ListMessages(MessageListing::Octets(1))));
                }
                Err(sum) => return Ok(Some(Step::Measure(Octets::List(sum)))),
            },
            Octets::ListOne(message) if open.is_kept_place(message) => return Err(open.answer_gone(message)),
            Octets::ListOne(message) => match open.maildrop.octets(message) {
                Some(octets) => terms.good_line(output, |text| ScanListing { message, octets }.encode(text)),
                None => return Ok(Some(Step::Measure(Octets::ListOne(message)))),
            },
        }
        Ok(None)
    }
}

/// Answers UIDL for one message. Apart from the loop that reads commands, which is the faster the smaller it is.
#[inline(never)]
fn give_unique_id<M: Maildrop>(
    maildrop: &M,
    message: MessageNumber,
    output: &mut Output,
    terms: &mut Terms,
) -> Result<(), Reply> {
    let mut buffer = UniqueIdBuffer::default();
    let unique_id = maildrop.compute_unique_id(message, &mut buffer).ok_or(Reply::Temporary)?;
    terms.good_line(output, |text| UniqueIdListing { message, unique_id }.encode(text));
    Ok(())
}
