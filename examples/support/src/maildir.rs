//! Messages in a Maildir: one file each, in `new/` until some program has shown it, then in `cur/`.
//!
//! Other programs may deliver, move, flag and remove messages at any time. What this server locks out is only another
//! session, by an advisory lock on the directory itself: `flock` where there is such a call. On a network file system
//! that lock may be unknown to other machines, so a Maildir is for the servers of one machine only.
//!
//! A message may be a symbolic link, also to a file outside of the Maildir, as some programs make them. So whoever may
//! write into a Maildir can have any file sent that the server may read: let the server run as the user whose mail it
//! is, or keep others from writing there. Links to anything but a regular file are no messages.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter::Opened;

use super::folders::{self, MessageFile};
use super::mailbox::{Mailbox, Store};
use super::reading::Reading;
use super::regular;
use super::same_names;
use super::trouble::Trouble;

/// How often the folders are looked at in a row while they change all the time.
pub(crate) const LOOKS: usize = 5;

/// How long a file is followed that is renamed again and again, just before it's opened.
const CHASE: Duration = Duration::from_secs(1);

/// Why a Maildir can't be opened.
#[derive(Debug)]
pub enum OpenError {
    /// A session has it open, in whatever process.
    InUse,
    /// The store has failed.
    Trouble(Trouble),
}

impl From<Trouble> for OpenError {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Opens the Maildir at `path` for one session.
pub fn open(account: &Arc<str>, path: &Path) -> Result<Mailbox, OpenError> {
    let maildir = Maildir::open(account, path)?;
    let unique_ids = maildir.files.iter().map(|known| known.file.base_name()).collect();
    let octets = maildir.files.iter().map(|known| known.file.announced_octets()).collect();
    Ok(Mailbox::new(unique_ids, octets, maildir))
}

pub(crate) struct Maildir {
    account: Arc<str>,
    path: PathBuf,
    files: Vec<Known>,
    _lock: File,
}

/// What is known of a message.
struct Known {
    file: MessageFile,
    /// Somebody has removed it: a thorough look at the folders didn't show it.
    is_gone: bool,
    /// How many octets the file had when it was last opened. It may not have less of them later.
    octets: u64,
}

impl Maildir {
    fn open(account: &Arc<str>, path: &Path) -> Result<Self, OpenError> {
        let trouble = |error| Trouble::new(account, path, error);
        // The lock makes no file that a crash could leave. The call is spelled out because newer standard libraries
        // have a method of the same name.
        let lock = regular::open_directory(path).map_err(trouble)?;
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(fs4::TryLockError::Error(error)) => return Err(trouble(error).into()),
        }
        for _ in 0..LOOKS {
            let mut files = look_until_steady(account, path)?;
            if same_names::tell_apart(account, path, &mut files)? {
                let files = files.into_iter().map(|file| Known { file, is_gone: false, octets: 0 }).collect();
                return Ok(Self { account: Arc::clone(account), path: path.into(), files, _lock: lock });
            }
        }
        Err(trouble(io::Error::new(ErrorKind::TimedOut, "its files are renamed all the time")).into())
    }

    fn trouble(&self, path: impl Into<PathBuf>, error: io::Error) -> Trouble {
        Trouble::new(&self.account, path, error)
    }

    fn begin(&mut self, index: usize, path: PathBuf, opened: (File, u64)) -> Result<Opened<Box<Reading>>, Trouble> {
        let (octets, had) = (opened.1, self.files[index].octets);
        if octets < had {
            return Err(self.trouble(path, io::Error::new(ErrorKind::UnexpectedEof, "it has become shorter")));
        }
        self.files[index].octets = octets;
        Ok(Opened::Reader(Reading::new(&self.account, path, opened)?.into()))
    }

    /// Does something to a message's file. When the file isn't there, other programs may have moved it to `cur/` or
    /// changed its flags, which gives it another name: then it's done to that. `None` when the message is gone.
    fn wherever_it_is<T>(
        &mut self,
        index: usize,
        action: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<Option<(PathBuf, T)>, Trouble> {
        let begin = Instant::now();
        loop {
            let path = self.files[index].file.path(&self.path);
            match action(&path) {
                Ok(value) => return Ok(Some((path, value))),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.trouble(path, error)),
                Err(_) => {}
            }
            if self.files[index].is_gone || !self.find(index)? {
                return Ok(None);
            }
            if begin.elapsed() > CHASE {
                return Err(self.trouble(path, io::Error::new(ErrorKind::TimedOut, "it is renamed all the time")));
            }
        }
    }

    /// Looks where a message is now. Returns whether it's still there.
    ///
    /// A look is for all messages: it brings the new names of all that were renamed, and when it was thorough it tells
    /// which are gone. So a client that asks for thousands of them costs no look for each.
    fn find(&mut self, index: usize) -> Result<bool, Trouble> {
        let mut seen = Vec::new();
        for _ in 0..LOOKS {
            let folders::Look { files: mut now, is_steady } =
                folders::look(&self.path).map_err(|(path, error)| self.trouble(path, error))?;
            let found = self.learn(&now, index);
            folders::complete(&mut now, mem::take(&mut seen));
            seen = now;
            if found {
                return Ok(true);
            }
            if is_steady {
                break;
            }
        }
        for known in &mut self.files {
            known.is_gone = same_message(&seen, &known.file).is_none();
        }
        Ok(!self.files[index].is_gone)
    }

    /// Notes where the messages are now. Returns whether one of them is among `now`.
    fn learn(&mut self, now: &[MessageFile], index: usize) -> bool {
        let mut found = false;
        for (at, known) in self.files.iter_mut().enumerate() {
            if let Some(file) = same_message(now, &known.file) {
                found |= at == index;
                if known.file != *file {
                    known.file = file.clone();
                }
            }
        }
        found
    }
}

impl Store for Maildir {
    fn open_at_once(&mut self, index: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble> {
        let path = self.files[index].file.path(&self.path);
        match regular::open(&path) {
            Ok(opened) => self.begin(index, path, opened).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.trouble(path, error)),
        }
    }

    fn open(&mut self, index: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble> {
        let found = self.wherever_it_is(index, regular::open)?;
        found.map(|(path, opened)| self.begin(index, path, opened)).transpose()
    }

    fn stored_octets(&self, index: usize) -> Option<u64> {
        let path = self.files[index].file.path(&self.path);
        fs::metadata(path).ok().map(|metadata| metadata.len())
    }

    fn remove(&mut self, index: usize) -> Result<(), Trouble> {
        // Somebody else may have done it; that will do.
        self.wherever_it_is(index, |path| fs::remove_file(path)).map(drop)
    }
}

/// That one of `files`, which are in order, which is the same message.
fn same_message<'a>(files: &'a [MessageFile], file: &MessageFile) -> Option<&'a MessageFile> {
    let start = files.partition_point(|other| other.base_name() < file.base_name());
    files[start..]
        .iter()
        .take_while(|other| other.base_name() == file.base_name())
        .find(|other| other.is_same_message(file))
}

/// Looks at a Maildir until nothing changes meanwhile, a few times at most. What any of the looks has seen is there.
fn look_until_steady(account: &Arc<str>, path: &Path) -> Result<Vec<MessageFile>, Trouble> {
    let mut seen = Vec::new();
    for _ in 0..LOOKS {
        let mut look = folders::look(path).map_err(|(path, error)| Trouble::new(account, path, error))?;
        folders::complete(&mut look.files, mem::take(&mut seen));
        seen = look.files;
        if look.is_steady {
            break;
        }
    }
    Ok(seen)
}
