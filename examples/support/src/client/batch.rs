//! Messages that are complete and wait to be stored together: to wait for the disk takes as long for a hundred as for one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use pop3_proto::client::ListedMessage;
use pop3_proto::message::MessageNumber;

use super::store::StoreError;

/// How the name begins of a file that isn't a message yet. No message is ever stored by such a name, since no name begins
/// with a dot.
pub(crate) const PARTIAL: &str = ".partial";

/// What a crash may cost, as it has to be fetched once more: so many messages, so many octets, or what came in so long.
const MOST_MESSAGES: usize = 128;
const MOST_OCTETS: u64 = 4 << 20;
const LONGEST: Duration = Duration::from_secs(1);

/// How many files are waited for at a time. File systems make one write of what waits at the same moment.
const AT_A_TIME: usize = 16;

/// What is large is handed on to the file at once.
const BUFFER: usize = 8_192;

/// The messages that have begun, and those that are complete.
#[derive(Default)]
pub(crate) struct Batch {
    /// Those that aren't complete, in the order in which they have begun.
    begun: Vec<Partial>,
    /// What has come of the last of them, until that has ended.
    file: Option<BufWriter<File>>,
    complete: Vec<Complete>,
    /// How many files there were, so that each has a name of its own.
    files: usize,
    octets: u64,
    since: Option<Instant>,
}

struct Partial {
    message: MessageNumber,
    path: PathBuf,
}

/// A message, or its header, that is complete.
pub(crate) struct Complete {
    pub(crate) wanted: ListedMessage,
    pub(crate) is_header: bool,
    pub(crate) path: PathBuf,
}

impl Batch {
    pub(crate) fn begin(&mut self, message: MessageNumber, directory: &Path) -> Result<(), StoreError> {
        let path = directory.join(format!("{PARTIAL}-{}", self.files));
        let file = File::create(&path).map_err(|error| StoreError::new(&path, error))?;
        self.files += 1;
        self.begun.push(Partial { message, path });
        self.file = Some(BufWriter::with_capacity(BUFFER, file));
        Ok(())
    }

    /// Takes the next part of the message that has begun last; of one that was dropped, nothing.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let (Some(file), Some(Partial { path, .. })) = (&mut self.file, self.begun.last()) else { return Ok(()) };
        self.octets = self.octets.saturating_add(octets.len() as u64);
        file.write_all(octets).map_err(|error| StoreError::new(path, error))
    }

    /// The message that has begun last has ended. Its file is closed, so that few are open.
    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        let (Some(file), Some(Partial { path, .. })) = (self.file.take(), self.begun.last()) else { return Ok(()) };
        file.into_inner().map(drop).map_err(|error| StoreError::new(path, error.into_error()))
    }

    /// A message that has ended is complete; `false` if it was dropped.
    pub(crate) fn complete(&mut self, wanted: ListedMessage, is_header: bool) -> bool {
        let Some(Partial { path, .. }) = self.take(wanted.message()) else { return false };
        self.complete.push(Complete { wanted, is_header, path });
        self.since.get_or_insert_with(Instant::now);
        true
    }

    /// Drops a message that has begun.
    pub(crate) fn abandon(&mut self, message: MessageNumber) {
        if self.begun.last().is_some_and(|last| last.message == message) {
            // What is still in the buffer isn't for the file any more.
            self.file.take().map(BufWriter::into_parts);
        }
        if let Some(Partial { path, .. }) = self.take(message) {
            let _ = fs::remove_file(path);
        }
    }

    fn take(&mut self, message: MessageNumber) -> Option<Partial> {
        let place = self.begun.iter().position(|partial| partial.message == message)?;
        Some(self.begun.remove(place))
    }

    /// Whether no more should wait.
    pub(crate) fn is_due(&self) -> bool {
        let is_much = self.complete.len() >= MOST_MESSAGES || self.octets >= MOST_OCTETS;
        let is_old = || self.since.is_some_and(|since| since.elapsed() >= LONGEST);
        !self.complete.is_empty() && (is_much || is_old())
    }

    /// Gives what is complete, whose octets are safe now. On an error there is nothing left of it.
    pub(crate) fn sync(&mut self) -> Result<Vec<Complete>, StoreError> {
        let complete = std::mem::take(&mut self.complete);
        (self.octets, self.since) = (0, None);
        if self.begun.is_empty() {
            self.files = 0;
        }
        sync(&complete).inspect_err(|_| complete.iter().for_each(|complete| _ = fs::remove_file(&complete.path)))?;
        Ok(complete)
    }
}

/// What isn't stored at the end goes.
impl Drop for Batch {
    fn drop(&mut self) {
        self.file.take().map(BufWriter::into_parts);
        let begun = self.begun.iter().map(|partial| &partial.path);
        for path in begun.chain(self.complete.iter().map(|complete| &complete.path)) {
            let _ = fs::remove_file(path);
        }
    }
}

fn sync(all: &[Complete]) -> Result<(), StoreError> {
    let sync_one = |path: &Path| OpenOptions::new().write(true).open(path)?.sync_data();
    let one_by_one = |some: &[Complete]| {
        some.iter().try_for_each(|it| sync_one(&it.path).map_err(|error| StoreError::new(&it.path, error)))
    };
    let share = all.len().div_ceil(AT_A_TIME).max(1);
    thread::scope(|scope| {
        let begin = |some| Builder::new().spawn_scoped(scope, move || one_by_one(some)).map_err(|_| one_by_one(some));
        // This thread takes a share too: all, where there is one.
        let (own, others) = all.split_at(share.min(all.len()));
        let threads: Vec<_> = others.chunks(share).map(begin).collect();
        let mut result = one_by_one(own);
        for thread in threads {
            let lost = |_| Err(StoreError::new(Path::new(PARTIAL), io::Error::other("a thread has failed")));
            result = result.and(thread.map_or_else(|done| done, |thread| thread.join().unwrap_or_else(lost)));
        }
        result
    })
}
