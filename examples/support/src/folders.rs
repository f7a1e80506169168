//! The files in the folders of a Maildir, and what a look at them is worth while other programs work there.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::trouble::may_pass;

/// In this order, because messages move from the first to the second: what moves meanwhile is seen at least once.
const FOLDERS: [&str; 2] = ["new", "cur"];

/// Two changes to a folder that are closer together than this may have the same time.
const GRAIN: Duration = Duration::from_millis(20);

/// An error, and where it happened.
pub(crate) type Result<T> = std::result::Result<T, (PathBuf, io::Error)>;

/// Where a message is. Base names give the order, so that a message keeps its place when its flags change.
#[derive(PartialEq, Eq, Clone, Debug)]
pub(crate) struct MessageFile {
    pub folder: &'static str,
    name: OsString,
    /// How many octets of the name are the base name. To find that out at each comparison is half of a login.
    base_len: usize,
    /// What makes it the same file under another name; the same for all where the system has nothing of the kind.
    inode: u64,
}

/// What a look at the folders has shown.
pub(crate) struct Look {
    /// In order.
    pub files: Vec<MessageFile>,
    /// Whether nothing changed meanwhile. Otherwise a file that was renamed may have escaped.
    pub is_steady: bool,
}

impl MessageFile {
    fn new(folder: &'static str, name: OsString, inode: u64) -> Self {
        let octets = name.as_encoded_bytes();
        let base_len = octets.iter().position(|&octet| octet == b':').unwrap_or(octets.len());
        Self { folder, name, base_len, inode }
    }

    /// The same message, after its file has got another name.
    pub(crate) fn renamed(&self, name: OsString) -> Self {
        Self::new(self.folder, name, self.inode)
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The name that the message keeps for good, without the flags after it. Any octets may be in it.
    pub(crate) fn base_name(&self) -> &[u8] {
        &self.name.as_encoded_bytes()[..self.base_len]
    }

    /// The wire size, where the program that delivered the message has put it into the name: `,W=1234`.
    pub(crate) fn announced_octets(&self) -> Option<u64> {
        let mut fields = self.base_name().split(|&octet| octet == b',').skip(1);
        let digits = fields.find_map(|field| field.strip_prefix(b"W="))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    pub(crate) fn path(&self, maildir: &Path) -> PathBuf {
        maildir.join(self.folder).join(&self.name)
    }

    /// Whether both are the same message, wherever it is and whatever flags it has.
    pub(crate) fn is_same_message(&self, other: &Self) -> bool {
        self.inode == other.inode && self.base_name() == other.base_name()
    }
}

impl Ord for MessageFile {
    fn cmp(&self, other: &Self) -> Ordering {
        let base_names = self.base_name().cmp(other.base_name());
        let inodes = base_names.then_with(|| self.inode.cmp(&other.inode));
        inodes.then_with(|| self.folder.cmp(other.folder)).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for MessageFile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether there is a Maildir at `path`.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    for folder in FOLDERS {
        let folder = path.join(folder);
        fs::read_dir(&folder).map_err(|error| io::Error::other(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}

/// Looks at all messages that are there now.
pub(crate) fn look(maildir: &Path) -> Result<Look> {
    let begin = SystemTime::now();
    let before = last_change(maildir)?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        let path = maildir.join(folder);
        read_folder(&path, folder, &mut files).map_err(|error| (path, error))?;
    }
    files.sort_unstable();
    // What was renamed meanwhile may have been seen under both names.
    files.dedup_by(|later, earlier| later.is_same_message(earlier));
    let is_steady = last_change(maildir)? == before && before.is_some_and(|change| change + GRAIN < begin);
    Ok(Look { files, is_steady })
}

/// Adds to `files`, which are in order, what an earlier look has seen and they lack.
pub(crate) fn complete(files: &mut Vec<MessageFile>, earlier: Vec<MessageFile>) {
    let is_missing =
        |file: &MessageFile| files.binary_search_by(|other| other.base_name().cmp(file.base_name())).is_err();
    let missing: Vec<_> = earlier.into_iter().filter(is_missing).collect();
    files.extend(missing);
    files.sort_unstable();
}

/// When a file in the folders was last added, removed or renamed; `None` where the system doesn't tell.
fn last_change(maildir: &Path) -> Result<Option<SystemTime>> {
    let mut last = Some(SystemTime::UNIX_EPOCH);
    for folder in FOLDERS {
        let path = maildir.join(folder);
        let metadata = fs::metadata(&path).map_err(|error| (path, error))?;
        last = last.zip(metadata.modified().ok()).map(|(last, change)| last.max(change));
    }
    Ok(last)
}

fn read_folder(path: &Path, folder: &'static str, files: &mut Vec<MessageFile>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && is_message(&entry)? {
            files.push(MessageFile::new(folder, name, inode(&entry)));
        }
    }
    Ok(())
}

/// Whether it's a regular file, or a link to one. An error that may pass is none of both: a message that is left out
/// for it would look like one that somebody has removed.
fn is_message(entry: &DirEntry) -> io::Result<bool> {
    let is_file = entry.file_type().and_then(|kind| {
        if kind.is_symlink() { Ok(fs::metadata(entry.path())?.is_file()) } else { Ok(kind.is_file()) }
    });
    match is_file {
        Err(error) if error.kind() == ErrorKind::NotFound || !may_pass(&error) => Ok(false),
        is_file => is_file,
    }
}

#[cfg(unix)]
fn inode(entry: &DirEntry) -> u64 {
    std::os::unix::fs::DirEntryExt::ino(entry)
}

#[cfg(not(unix))]
fn inode(_: &DirEntry) -> u64 {
    0
}
