//! Messages in a Maildir: one file each, in `new/` until some program has shown it, then in `cur/`.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use super::mailbox::{Mailbox, Message, Store};

/// In this order, because messages move from the first to the second: what moves meanwhile is seen at least once.
const FOLDERS: [&str; 2] = ["new", "cur"];

/// Whether there is a Maildir at `path`.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    for folder in FOLDERS {
        let folder = path.join(folder);
        fs::read_dir(&folder).map_err(|error| io::Error::other(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}

/// Opens the Maildir at `path`; `WouldBlock` while a session has it open, in whatever process.
pub(crate) fn open(path: &Path) -> io::Result<Mailbox> {
    // An advisory lock on the directory itself: it makes no file that a crash could leave behind. The call is spelled
    // out because newer standard libraries have a method of the same name.
    let lock = File::open(path)?;
    fs4::FileExt::try_lock(&lock)?;
    let files = scan(path)?;
    let unique_ids = files.iter().map(MessageFile::base_name).collect();
    let octets = files.iter().map(MessageFile::announced_octets).collect();
    Ok(Mailbox::new(unique_ids, octets, Maildir { path: path.to_owned(), files: RefCell::new(files), _lock: lock }))
}

struct Maildir {
    path: PathBuf,
    files: RefCell<Vec<MessageFile>>,
    _lock: File,
}

impl Store for Maildir {
    fn open(&self, index: usize) -> io::Result<Option<Message>> {
        Ok(self.wherever_it_is(index, |path| File::open(path))?.map(Message::File))
    }

    fn remove(&mut self, index: usize) -> io::Result<()> {
        // Somebody else may have done it; that will do.
        self.wherever_it_is(index, |path| fs::remove_file(path)).map(|_| ())
    }
}

impl Maildir {
    /// Does something to a message's file. When the file isn't there, other programs may have moved it to `cur/` or
    /// changed its flags, which gives it another name: then it's done to that. `None` when the message is gone.
    fn wherever_it_is<T>(&self, index: usize, action: impl Fn(&Path) -> io::Result<T>) -> io::Result<Option<T>> {
        if let Some(result) = unless_gone(action(&self.file(index)))? {
            return Ok(Some(result));
        }
        self.look_again()?;
        unless_gone(action(&self.file(index)))
    }

    fn file(&self, index: usize) -> PathBuf {
        self.files.borrow()[index].path(&self.path)
    }

    /// Learns the new names of all files that have been renamed, so that a client that reads everything after some
    /// program has marked everything as seen costs one look at the directory, not one for each message.
    fn look_again(&self) -> io::Result<()> {
        let now = scan(&self.path)?;
        let mut files = self.files.borrow_mut();
        let mut renamed = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let (before, after) = (same_message(&files, file), same_message(&now, file));
            // Two files may have the same base name, against the rules: then neither is the other one, renamed.
            let new_name = || after.iter().find(|other| !before.contains(other));
            if !after.contains(file) {
                renamed.extend(new_name().map(|new| (index, new.clone())));
            }
        }
        for (index, file) in renamed {
            files[index] = file;
        }
        Ok(())
    }
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Those of `files`, which are in order, that have the base name of `file`.
fn same_message<'a>(files: &'a [MessageFile], file: &MessageFile) -> &'a [MessageFile] {
    let start = files.partition_point(|other| other.base_name() < file.base_name());
    let end = files.partition_point(|other| other.base_name() <= file.base_name());
    &files[start..end]
}

/// Where a message is. Base names give the order, so that a message keeps its place when its flags change.
#[derive(PartialEq, Eq, Clone)]
struct MessageFile {
    folder: &'static str,
    name: OsString,
}

impl MessageFile {
    /// The name that the message keeps for good, without the flags behind it. Any octets may be in it.
    fn base_name(&self) -> &[u8] {
        let name = self.name.as_encoded_bytes();
        name.split(|&octet| octet == b':').next().unwrap_or(name)
    }

    /// The wire size, where the program that delivered the message has put it into the name: `,W=1234`.
    fn announced_octets(&self) -> Option<u64> {
        let mut fields = self.base_name().split(|&octet| octet == b',').skip(1);
        let digits = fields.find_map(|field| field.strip_prefix(b"W="))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn path(&self, maildir: &Path) -> PathBuf {
        maildir.join(self.folder).join(&self.name)
    }
}

impl Ord for MessageFile {
    fn cmp(&self, other: &Self) -> Ordering {
        let base_names = self.base_name().cmp(other.base_name());
        base_names.then_with(|| self.folder.cmp(other.folder)).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for MessageFile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All messages that are there now, in order.
fn scan(maildir: &Path) -> io::Result<Vec<MessageFile>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(maildir.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".") && is_message(&entry) {
                files.push(MessageFile { folder, name });
            }
        }
    }
    files.sort_unstable();
    // What was renamed while the folders were read may have been seen under both names.
    let is_there = |file: &MessageFile| file.path(maildir).exists();
    files.dedup_by(|later, earlier| {
        let same = later.base_name() == earlier.base_name();
        if same && !is_there(earlier) {
            mem::swap(later, earlier);
            return true;
        }
        same && !is_there(later)
    });
    Ok(files)
}

/// Whether it's a file: reading from a pipe that somebody put there would never end.
fn is_message(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file() || (kind.is_symlink() && entry.path().is_file()))
}
