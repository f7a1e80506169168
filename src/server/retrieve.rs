//! A message being sent to the client: RETR and TOP (RFC 1939 §5 and §7).

use core::fmt;

use bytes::Bytes;

use super::action::CloseReason;
use super::connection::{Connection, Task};
use super::maildrop::Maildrop;
use super::reply::Reply;
use super::transaction::Transaction;
use crate::buffer::Output;
use crate::message::MessageNumber;
use crate::wire::{State, TopLimit};

/// What RETR or TOP asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) message: MessageNumber,
    /// How many lines of the body TOP wants; `None` for RETR.
    pub(super) lines: Option<u64>,
}

/// How much of a message's content was sent.
#[derive(Debug)]
pub(super) struct Content {
    /// The message, if it counts as retrieved once it is written.
    retrieved: Option<MessageNumber>,
    limit: Option<TopLimit>,
    ended: bool,
}

impl Content {
    fn push(&mut self, output: &mut Output, mut chunk: Bytes) {
        if let Some(limit) = &mut self.limit {
            chunk.truncate(limit.keep(&chunk));
            self.ended = limit.is_reached();
        }
        output.push(chunk);
    }

    /// Whether another chunk is wanted.
    pub(super) fn wants_chunk(&self, output: &mut Output) -> bool {
        !self.ended && output.has_room()
    }

    /// Appends the end of the message to the output, if it has come and there is room for it. Returns what is to be
    /// done then.
    pub(super) fn finish(&self, output: &mut Output) -> Option<Task> {
        if !self.ended || !output.has_room() {
            return None;
        }
        output.end();
        Some(self.retrieved.map_or(Task::None, Task::Written))
    }
}

impl<M: Maildrop> Transaction<M> {
    fn begin(&mut self, connection: &mut Connection, request: Request, reader: Option<M::Reader>) -> Content {
        let Request { message, lines } = request;
        self.reader = reader;
        if lines.is_none() {
            self.access(message);
        }
        connection.good(Reply::Message);
        connection.output.begin(self.maildrop.line_ends(message));
        let retrieved = lines.is_none() && connection.config.remove_retrieved;
        Content { retrieved: retrieved.then_some(message), limit: lines.map(TopLimit::new), ended: false }
    }
}

/// A message is wanted, by RETR or TOP.
#[must_use = "the session waits for the message"]
pub struct Retrieve<'a, M: Maildrop> {
    pub(super) connection: &'a mut Connection,
    pub(super) transaction: &'a mut Transaction<M>,
    pub(super) request: Request,
}

/// Why a message isn't available. It costs the client this message, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It has vanished from the store, and the store says so: an error that may pass is [`Temporary`](Self::Temporary),
    /// since clients act on what they are told is gone. If a client asks for it again and again, these count as bad
    /// commands.
    Gone,
    /// A problem on this side that is likely to pass: `[SYS/TEMP]`.
    Temporary,
    /// A problem on this side that somebody must fix: `[SYS/PERM]`.
    Permanent,
}

impl<M: Maildrop> Retrieve<'_, M> {
    /// The message. It is in the maildrop, and isn't marked as deleted.
    pub fn message(&self) -> MessageNumber {
        self.request.message
    }

    /// How many lines of the body TOP wants, or `None` for RETR. The session cuts the message by itself; a host may
    /// use this to read less.
    pub fn lines(&self) -> Option<u64> {
        self.request.lines
    }

    /// The host's maildrop.
    pub fn maildrop(&mut self) -> &mut M {
        &mut self.transaction.maildrop
    }

    /// Begins to send the message: the session asks for its chunks with [`Action::Body`](super::Action::Body).
    ///
    /// The client gets `+OK`, after which an error can only end the session. So read the first chunk before, and
    /// [refuse](Self::refuse) the message if that fails: otherwise a client is stuck at it in each session.
    pub fn begin(self, reader: M::Reader) {
        let content = self.transaction.begin(self.connection, self.request, Some(reader));
        self.connection.task = Task::Transfer(content);
    }

    /// Sends the whole message as it is stored.
    pub fn send(self, message: impl Into<Bytes>) {
        let mut content = self.transaction.begin(self.connection, self.request, None);
        content.push(&mut self.connection.output, message.into());
        content.ended = true;
        self.connection.task = Task::Transfer(content);
    }

    /// The safe answer of a host that can't tell: the message is [refused](Self::refuse) for now.
    pub fn decline(self) {
        self.refuse(Refusal::Temporary);
    }

    /// Answers `-ERR`: this message isn't available.
    pub fn refuse(self, reason: Refusal) {
        self.connection.task = Task::None;
        match reason {
            Refusal::Temporary => self.connection.reply(Reply::Temporary),
            Refusal::Permanent => self.connection.reply(Reply::Permanent),
            // Asked for again, it counts as a bad command, so that a client that loops comes to an end (R-1939-28).
            Refusal::Gone if self.transaction.mark_gone(self.request.message) => {
                self.connection.bad(State::Transaction, Reply::Gone);
            }
            Refusal::Gone => self.connection.reply(Reply::Gone),
        }
    }
}

impl<M: Maildrop> fmt::Debug for Retrieve<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrieve")
            .field("message", &self.message())
            .field("lines", &self.lines())
            .finish_non_exhaustive()
    }
}

/// The next chunk of a message is wanted.
///
/// It is asked for only when the output has room, so a slow client slows the reader down, and no more than one chunk is
/// held.
///
/// Dropping the token changes nothing in the session, but it doesn't rewind the reader: a chunk that was read and not
/// pushed would be missing from the message. So let nothing come between reading and pushing, or keep what was read in
/// the reader.
///
/// A store may have less of a message than it had when the message was opened: a file is cut short, or a disk fails. The end
/// line would make the client take what it got for the whole message, and delete the original. So a host that knows the length
/// counts, and [fails](Self::fail) where something is missing.
///
/// ```
/// use std::fs::File;
/// use std::io::{self, Read as _};
///
/// use pop3_proto::server::{Body, Maildrop};
///
/// struct Stored {
///     file: File,
///     /// The octets that are to come, of those that the file had when it was opened.
///     left: u64,
/// }
///
/// impl Stored {
///     fn open(path: &std::path::Path) -> io::Result<Self> {
///         let file = File::open(path)?;
///         let left = file.metadata()?.len();
///         Ok(Self { file, left })
///     }
/// }
///
/// fn answer(mut body: Body<'_, impl Maildrop<Reader = Stored>>) {
///     let stored = body.reader();
///     let mut chunk = vec![0; usize::try_from(stored.left).unwrap_or(usize::MAX).min(65_536)];
///     match stored.file.read(&mut chunk) {
///         _ if stored.left == 0 => body.end(), // an empty chunk wouldn't end it, and would be asked for again
///         Ok(0) => body.fail(), // the file has become shorter
///         Ok(octets) => {
///             stored.left -= octets as u64;
///             chunk.truncate(octets);
///             body.push(chunk);
///         }
///         Err(error) if error.kind() == io::ErrorKind::Interrupted => {} // the action comes again
///         Err(_) => body.fail(),
///     }
/// }
/// #
/// # use bytes::Buf;
/// # use pop3_proto::message::{MessageNumber, UniqueId};
/// # use pop3_proto::Security;
/// # use pop3_proto::server::{Action, CloseReason, Config, Session};
/// # struct One;
/// # impl Maildrop for One {
/// #     type Reader = Stored;
/// #     type Exchange = ();
/// #     fn count(&self) -> u32 {
/// #         1
/// #     }
/// #     fn octets(&self, _: MessageNumber) -> Option<u64> {
/// #         None
/// #     }
/// #     fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
/// #         UniqueId::new("one").ok()
/// #     }
/// # }
/// # let path = std::env::temp_dir().join(format!("pop3-proto-body-{}", std::process::id()));
/// # for (cut, reason) in [(false, CloseReason::Quit), (true, CloseReason::MessageFailed)] {
/// #     std::fs::write(&path, b"a line\r\n".repeat(20_000))?;
/// #     let mut session = Session::new(Config::new().into(), Security::TrustedLocal);
/// #     let mut input = &b"USER a\r\nPASS b\r\nRETR 1\r\nQUIT\r\n"[..];
/// #     let mut output = Vec::new();
/// #     let closed = loop {
/// #         match session.poll(std::time::Duration::ZERO) {
/// #             Action::Read(mut read) => {
/// #                 let octets = input.read(read.space())?;
/// #                 read.filled(octets);
/// #             }
/// #             Action::Write(mut write) => {
/// #                 output.extend_from_slice(write.chunk());
/// #                 write.advance(write.chunk().len());
/// #             }
/// #             Action::Login(login) => login.accept(One).unwrap(),
/// #             Action::Retrieve(retrieve) => {
/// #                 retrieve.begin(Stored::open(&path)?);
/// #                 if cut {
/// #                     File::options().write(true).open(&path)?.set_len(100_000)?;
/// #                 }
/// #             }
/// #             Action::Body(body) => answer(body),
/// #             Action::Close(reason) => break reason,
/// #             other => other.decline(),
/// #         }
/// #     };
/// #     assert_eq!(closed, reason);
/// #     assert_eq!(output.ends_with(b"a line\r\n.\r\n+OK bye\r\n"), !cut);
/// #     assert_eq!(String::from_utf8_lossy(&output).contains("\r\n.\r\n"), !cut);
/// # }
/// # std::fs::remove_file(&path)?;
/// # io::Result::Ok(())
/// ```
#[must_use = "the session waits for the next chunk"]
pub struct Body<'a, M: Maildrop> {
    pub(super) output: &'a mut Output,
    pub(super) content: &'a mut Content,
    pub(super) closing: &'a mut Option<CloseReason>,
    pub(super) reader: &'a mut M::Reader,
}

impl<M: Maildrop> Body<'_, M> {
    /// What [`Retrieve::begin`] was given.
    pub fn reader(&mut self) -> &mut M::Reader {
        self.reader
    }

    /// The next octets of the message as it is stored. They are written without being copied, so chunks of some 64 KiB
    /// are a good choice; an empty chunk changes nothing.
    pub fn push(self, chunk: impl Into<Bytes>) {
        self.content.push(self.output, chunk.into());
    }

    /// The message is complete: all of it was pushed. Where the store had less than it should, [`fail`](Self::fail).
    pub fn end(self) {
        self.content.ended = true;
    }

    /// The rest of the message isn't available. The client notices because the connection closes before the end of the
    /// message, since no response can be sent any more. Nothing is removed.
    pub fn fail(self) {
        self.output.abandon();
        *self.closing = Some(CloseReason::MessageFailed);
    }

    /// The safe answer of a host that can't tell whether there is more: the message [failed](Self::fail).
    pub fn decline(self) {
        self.fail();
    }
}

impl<M: Maildrop> fmt::Debug for Body<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
