//! The token for the next chunk of a message.

use core::fmt;

use bytes::Bytes;

use super::maildrop::Maildrop;
use super::transfer::Transfer;
use crate::buffer::Output;

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
/// # use pop3_proto::{Io, Security};
/// # use pop3_proto::server::{Action, CloseReason, Config, Session};
/// # struct One;
/// # impl Maildrop for One {
/// #     type Reader = Stored;
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
/// #             Action::Io(Io::Read(mut read)) => {
/// #                 let octets = input.read(read.space())?;
/// #                 read.filled(octets);
/// #             }
/// #             Action::Io(Io::Write(mut write)) => {
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
    pub(super) transfer: &'a mut Transfer,
    pub(super) maildrop: &'a mut M,
    pub(super) reader: &'a mut M::Reader,
}

impl<M: Maildrop> Body<'_, M> {
    /// Returns what [`Retrieve::begin`](super::Retrieve::begin) was given.
    pub fn reader(&mut self) -> &mut M::Reader {
        self.reader
    }

    /// Lends the host's maildrop, with what [`Retrieve::begin`](super::Retrieve::begin) was given: for a store whose one connection
    /// reads all messages, say.
    pub fn maildrop_and_reader(&mut self) -> (&mut M, &mut M::Reader) {
        (self.maildrop, self.reader)
    }

    /// Reports what has come of reading: [`push`](Self::push) of a chunk, [`end`](Self::end) where there is none, or
    /// [`fail`](Self::fail).
    ///
    /// # Errors
    /// The error of `read`, for a log: the client only sees the connection close.
    pub fn answer<E>(self, read: Result<Option<Bytes>, E>) -> Result<(), E> {
        match read {
            Ok(Some(chunk)) => self.push(chunk),
            Ok(None) => self.end(),
            Err(error) => {
                self.fail();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Sends the next octets of the message as it is stored. Chunks of some 64 KiB are a good choice: with CRLF line ends they
    /// are written without being copied, and with LF line ends in one write. An empty chunk changes nothing.
    pub fn push(self, chunk: impl Into<Bytes>) {
        self.transfer.push(self.output, chunk.into());
    }

    /// Ends the message: all of it was pushed. Where the store had less than it should, [`fail`](Self::fail).
    pub fn end(self) {
        self.transfer.end();
    }

    /// Reports that the rest of the message isn't available. The client notices because the connection closes before the end of the
    /// message, since no response can be sent any more. Nothing is removed.
    pub fn fail(self) {
        self.transfer.fail(self.output);
    }

    /// Gives the safe answer of a host that can't tell whether there is more: the message [failed](Self::fail).
    pub fn decline(self) {
        self.fail();
    }
}

impl<M: Maildrop> fmt::Debug for Body<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
