//! What a directory of messages knows about itself: whose messages they are, which of them it has, and which to ask for last.
//!
//! ```text
//! pop3-proto fetch 1
//! account mrose pop.example.org
//! stored QhdPYR%3A00WBw1Ph7x7 QhdPYR%3A00WBw1Ph7x7
//! last QhdPYR%3A00WBw1Ph7x8
//! ```
//!
//! A line about a unique-id holds until the next one about it. After `stored` comes the unique-id of a message, then the
//! name of its file, which differs where something else had the name already. All are in the form of [`file_name`], so they
//! hold neither spaces nor line ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::str;

use super::store::{StoreError, file_name};

const TITLE: &str = "pop3-proto fetch 1";

/// Whose messages are stored: a unique-id means something within one maildrop only (RFC 1939 §7).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    name: String,
    host: String,
}

impl Account {
    pub(crate) fn new(name: &[u8], host: &str) -> Self {
        Self { name: file_name(name), host: file_name(host.to_ascii_lowercase().as_bytes()) }
    }
}

/// The note, and the file that it is in.
pub(crate) struct Note {
    path: PathBuf,
    account: Account,
    /// By unique-id, the file of each message that is stored.
    stored: BTreeMap<String, String>,
    /// The unique-ids of the messages that a session has broken at.
    last: BTreeSet<String>,
    /// The unique-ids in the note that the server lists, and whether it does so more than once.
    listed: BTreeMap<String, bool>,
    /// Open once something is to be added.
    file: Option<File>,
    /// The octets of the file that make sense; `None` if there is no file.
    length: Option<u64>,
    /// Whether there is more in the file than there should be.
    is_stale: bool,
}

impl Note {
    /// Reads the note in a file, or begins one that isn't in its file yet. One of another account is an error.
    pub(crate) fn open(path: PathBuf, account: Account) -> Result<Self, StoreError> {
        let mut note = Self {
            path,
            account,
            stored: BTreeMap::new(),
            last: BTreeSet::new(),
            listed: BTreeMap::new(),
            file: None,
            length: None,
            is_stale: false,
        };
        match note.path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(note),
            Ok(found) if !found.is_file() => return Err(note.error(io::Error::other("it is no regular file"))),
            _ => {}
        }
        let text = fs::read(&note.path).map_err(|error| note.error(error))?;
        // What a crash left of a last line isn't a line.
        let length = text.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
        note.length = Some(length as u64);
        let mut lines = text[..length].split(|octet| *octet == b'\n').map(words);
        if lines.next() != Some(Some(vec!["pop3-proto", "fetch", "1"])) {
            return Err(note.error(io::Error::other("it is no note about messages that were fetched")));
        }
        match lines.next().flatten().as_deref() {
            Some(["account", name, host]) if (*name, *host) == (&*note.account.name, &*note.account.host) => {}
            Some(["account", name, host]) => {
                let other = format!("the directory belongs to {name} at {host}; take another one");
                return Err(note.error(io::Error::other(other)));
            }
            _ => return Err(note.error(io::Error::other("it does not say whose messages they are"))),
        }
        for line in lines {
            match line.as_deref() {
                Some(["stored", id, file]) => note.set_stored((*id).to_owned(), (*file).to_owned()),
                Some(["last", id]) => _ = note.last.insert((*id).to_owned()),
                // A line that makes no sense costs one more fetch of the message, so it is overlooked.
                _ => {}
            }
        }
        Ok(note)
    }

    /// Whether no unique-id is stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// The server lists a unique-id. Gives the file that holds its message, as far as the note knows.
    pub(crate) fn list(&mut self, id: &str) -> Option<&str> {
        if self.stored.contains_key(id) || self.last.contains(id) {
            self.listed.entry(id.to_owned()).and_modify(|is_repeated| *is_repeated = true).or_insert(false);
        }
        self.stored.get(id).map(String::as_str)
    }

    /// Whether a message is to be asked for last.
    pub(crate) fn is_last(&self, id: &str) -> bool {
        self.last.contains(id)
    }

    /// The list has ended. Forgets unique-ids that are listed more than once, as it isn't known any more which message is
    /// stored, and, if the list is complete, those that aren't in it: a server may give them to other messages.
    pub(crate) fn forget(&mut self, is_complete: bool) {
        let before = self.stored.len() + self.last.len();
        let listed = std::mem::take(&mut self.listed);
        let is_kept = |id: &String| listed.get(id).map_or(!is_complete, |is_repeated| !is_repeated);
        self.stored.retain(|id, _| is_kept(id));
        self.last.retain(is_kept);
        self.is_stale |= self.stored.len() + self.last.len() < before;
    }

    /// Forgets that a message is stored.
    pub(crate) fn remove(&mut self, id: &str) {
        self.is_stale |= self.stored.remove(id).is_some();
    }

    /// Forgets that any message is stored.
    pub(crate) fn remove_all(&mut self) {
        self.is_stale |= !self.stored.is_empty();
        self.stored.clear();
    }

    /// Whether there is a note, so that the directory belongs to the account.
    pub(crate) fn is_begun(&self) -> bool {
        self.length.is_some()
    }

    /// Writes the note anew where it isn't there yet, or where something is to be forgotten.
    pub(crate) fn save(&mut self, directory: &File) -> Result<(), StoreError> {
        if self.length.is_some() && !self.is_stale { Ok(()) } else { self.write(directory) }
    }

    /// Writes all of it anew, so that a crash leaves the old note or the new one.
    fn write(&mut self, directory: &File) -> Result<(), StoreError> {
        let mut text = format!("{TITLE}\naccount {} {}\n", self.account.name, self.account.host);
        for (id, file) in &self.stored {
            let _ = writeln!(text, "stored {id} {file}");
        }
        for id in &self.last {
            let _ = writeln!(text, "last {id}");
        }
        let new = self.path.with_extension("new");
        self.file = None;
        let written = (|| {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            directory.sync_all()
        })();
        written.map_err(|error| self.error(error))?;
        self.length = Some(text.len() as u64);
        self.is_stale = false;
        Ok(())
    }

    /// Notes messages that are stored by now, each by its unique-id and its file.
    pub(crate) fn add(&mut self, stored: Vec<(String, String)>) -> Result<(), StoreError> {
        let mut lines = String::new();
        for (id, file) in stored {
            if self.stored.get(&id) != Some(&file) {
                let _ = writeln!(lines, "stored {id} {file}");
                self.set_stored(id, file);
            }
        }
        self.append(&lines)?;
        self.sync()
    }

    /// Notes that a session has broken at a message, so that others are asked for before it. If it was asked for last already, those
    /// that have waited for it go before it in the next session.
    pub(crate) fn add_last(&mut self, id: &str) -> Result<(), StoreError> {
        if self.last.insert(id.to_owned()) {
            return self.append(&format!("last {id}\n"));
        }
        self.is_stale |= self.last.len() > 1;
        self.last.retain(|other| other == id);
        Ok(())
    }

    fn set_stored(&mut self, id: String, file: String) {
        self.last.remove(&id);
        self.stored.insert(id, file);
    }

    fn append(&mut self, lines: &str) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let length = self.length.unwrap_or(0);
        // At the end of what makes sense, and over what a failure may have left there.
        append(&mut self.file, &self.path, length, lines.as_bytes())
            .map_err(|error| StoreError::new(&self.path, error))?;
        self.length = Some(length + lines.len() as u64);
        Ok(())
    }

    /// Waits until what was added is safe.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), File::sync_data).map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::new(&self.path, error)
    }
}

/// The words of a line; `None` if it can't be one of a note.
fn words(line: &[u8]) -> Option<Vec<&str>> {
    if line.iter().any(|octet| !octet.is_ascii_graphic() && *octet != b' ') {
        return None;
    }
    Some(str::from_utf8(line).ok()?.split(' ').collect())
}

fn append(file: &mut Option<File>, path: &Path, at: u64, line: &[u8]) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(OpenOptions::new().write(true).open(path)?),
    };
    file.seek(SeekFrom::Start(at))?;
    file.write_all(line)
}
