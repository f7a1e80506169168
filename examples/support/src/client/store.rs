//! A directory of messages, one file each, that a crash can't leave half a message in.

use std::fmt::{self, Display, Write as _};
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use pop3_proto::client::{Choice, ListedMessage};
use pop3_proto::message::MessageNumber;
use ring::digest::{Context, Digest, SHA256};

use super::batch::{Batch, Complete, PARTIAL};
use super::note::{Account, Note};

/// Where the directory's note is.
const NOTE: &str = ".fetched";

/// How the name of a header's file ends.
const HEADER: &str = ".headers";

/// The most octets of a name that is made of a unique-id: file systems take 255, and a suffix may follow.
const MAX_NAME: usize = 230;

/// The directory. It is locked while it is open, so all partial messages in it are its own.
pub(crate) struct Store {
    path: PathBuf,
    directory: File,
    note: Note,
    batch: Batch,
}

/// What has come of a message, or of its header.
pub(crate) struct Kept {
    pub(crate) wanted: ListedMessage,
    pub(crate) is_header: bool,
    pub(crate) stored: Result<(), StoreError>,
}

/// What can't be done, and with which file.
#[derive(Debug)]
pub(crate) struct StoreError {
    path: PathBuf,
    error: io::Error,
}

impl StoreError {
    pub(crate) fn new(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), error }
    }

    /// Whether other messages would meet with it too.
    pub(crate) fn concerns_all(&self) -> bool {
        use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self.error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
    }
}

impl Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for StoreError {}

/// What is there by a name.
enum Found {
    Nothing,
    /// A regular file, with the same octets or with others.
    Same,
    Other,
    /// Something that is no message: a link, even to one, or a directory.
    InTheWay,
}

impl Store {
    /// Opens the directory of an account, which is made if it isn't there.
    pub(crate) fn open(path: &Path, account: Account) -> Result<Self, StoreError> {
        let directory = open_directory(path).map_err(|error| StoreError::new(path, error))?;
        let note = Note::open(path.join(NOTE), account)?;
        remove_left_overs(path)?;
        Ok(Self { path: path.to_owned(), directory, note, batch: Batch::default() })
    }

    /// Whether no message with a unique-id is stored.
    pub(crate) fn has_no_unique_ids(&self) -> bool {
        self.note.is_empty()
    }

    /// What to do with the message of a unique-id that the server lists. It is stored if the note says so, and its file is
    /// there.
    pub(crate) fn choose(&mut self, unique_id: &[u8]) -> Choice {
        let id = file_name(unique_id);
        let path = self.note.list(&id).map(|file| self.path.join(file));
        match path {
            Some(path) if path.symlink_metadata().is_ok_and(|found| found.is_file()) => Choice::Stored,
            _ if self.note.is_last(&id) => Choice::Last,
            _ => Choice::Fetch,
        }
    }

    /// The list has ended. Makes the directory the account's own, and forgets unique-ids that may mean other messages
    /// from now on.
    pub(crate) fn listed(&mut self, is_complete: bool) -> Result<(), StoreError> {
        self.note.forget(is_complete);
        self.note.save(&self.directory)
    }

    /// Begins a message.
    pub(crate) fn begin(&mut self, message: MessageNumber) -> Result<(), StoreError> {
        self.batch.begin(message, &self.path)
    }

    /// Takes the next part of it.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        self.batch.write(octets)
    }

    /// All of it is there, if it is in step.
    pub(crate) fn end_message(&mut self) -> Result<(), StoreError> {
        self.batch.end()
    }

    /// Drops a message that has begun and isn't kept.
    pub(crate) fn abandon(&mut self, message: MessageNumber) {
        self.batch.abandon(message);
    }

    /// Keeps a message that is complete, until it is [stored](Self::store) with others; `false` if it was dropped.
    ///
    /// Its name is its unique-id, which no other message has. By any other name it counts as stored in this session only: by
    /// one that others have too, so that none of them gets it alone, or by its number.
    pub(crate) fn keep(&mut self, wanted: ListedMessage) -> bool {
        self.batch.complete(wanted, false)
    }

    /// Keeps a header that is complete, in the same way. Its file is no message's, and isn't in the note.
    pub(crate) fn keep_header(&mut self, wanted: ListedMessage) -> bool {
        self.batch.complete(wanted, true)
    }

    /// Whether what is kept should be stored now.
    pub(crate) fn is_due(&self) -> bool {
        self.batch.is_due()
    }

    /// Stores what is kept. When this is done it is there, whatever happens to the machine; after an error nobody knows.
    ///
    /// Each step is safe before the next one begins: the octets, then the names, then what the note says of them. So there is
    /// no half message by a name, and none in the note that isn't there.
    pub(crate) fn store(&mut self) -> Result<Vec<Kept>, StoreError> {
        let complete = self.batch.sync()?;
        if complete.is_empty() {
            return Ok(Vec::new());
        }
        let (mut kept, mut noted) = (Vec::with_capacity(complete.len()), Vec::new());
        for Complete { wanted, is_header, path, .. } in complete {
            let place = self.place(&wanted, is_header, &path);
            if !matches!(place, Ok((_, true))) {
                // A left-over is of no harm, and goes before the next session.
                let _ = fs::remove_file(&path);
            }
            if let (Ok((file, _)), Some(id), false) = (&place, wanted.unique_id(), is_header) {
                noted.push((file_name(id), file.clone()));
            }
            kept.push(Kept { wanted, is_header, stored: place.map(drop) });
        }
        self.directory.sync_all().map_err(|error| StoreError::new(&self.path, error))?;
        self.note.add(noted)?;
        Ok(kept)
    }

    /// The message of a unique-id is gone from the server; `None` if it may be that of any. The note says so from the
    /// [end](Self::end) on: before that the next list will show it.
    pub(crate) fn removed(&mut self, unique_id: Option<&[u8]>) {
        match unique_id {
            Some(id) => self.note.remove(&file_name(id)),
            None => self.note.remove_all(),
        }
    }

    /// Gives a message its name. Gives that, and whether the file is a new one.
    ///
    /// What is there already is never overwritten. Where the name is taken by something else, as a server without
    /// unique-ids or with a wrong idea of them may bring about, the message gets its digest after its name.
    fn place(&self, wanted: &ListedMessage, is_header: bool, partial: &Path) -> Result<(String, bool), StoreError> {
        let id = wanted.unique_id().or(wanted.repeated_id());
        let mut name = id.map_or_else(|| wanted.message().to_string(), file_name);
        if is_header {
            name += HEADER;
        }
        let is_shared = !is_header && wanted.repeated_id().is_some();
        match self.find(&name, partial)? {
            Found::Same => return Ok((name, false)),
            Found::Nothing if !is_shared => return self.rename(partial, name),
            _ => {}
        }
        let digest = digest_of(partial).map_err(|error| StoreError::new(partial, error))?;
        let name = format!("{name}~{}", hex::encode(&digest.as_ref()[..8]));
        match self.find(&name, partial)? {
            Found::Same => Ok((name, false)),
            Found::Nothing => self.rename(partial, name),
            Found::Other | Found::InTheWay => {
                let error = io::Error::new(ErrorKind::AlreadyExists, "something else is there");
                Err(StoreError::new(&self.path_of(&name), error))
            }
        }
    }

    fn find(&self, name: &str, partial: &Path) -> Result<Found, StoreError> {
        let path = self.path_of(name);
        let found = match path.symlink_metadata() {
            Ok(found) if !found.is_file() => Ok(Found::InTheWay),
            Ok(_) => is_same(&path, partial).map(|is_same| if is_same { Found::Same } else { Found::Other }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        };
        found.map_err(|error| StoreError::new(&path, error))
    }

    fn rename(&self, partial: &Path, name: String) -> Result<(String, bool), StoreError> {
        let path = self.path_of(&name);
        fs::rename(partial, &path).map_err(|error| StoreError::new(&path, error))?;
        Ok((name, true))
    }

    /// Remembers to fetch a message last in the next session, as this one has broken at it.
    pub(crate) fn fetch_last(&mut self, wanted: &ListedMessage) -> Result<(), StoreError> {
        wanted.unique_id().map_or(Ok(()), |id| self.note.add_last(&file_name(id)))
    }

    /// Waits until the note is safe, so that nothing is fetched twice, and what is to be forgotten is.
    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        if self.note.is_begun() {
            self.note.save(&self.directory)?;
        }
        self.note.sync()
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Makes a directory if it isn't there, and locks it.
fn open_directory(path: &Path) -> io::Result<File> {
    if !path.exists() {
        fs::create_dir_all(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let directory = File::open(path)?;
    if !directory.metadata()?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    fs4::FileExt::try_lock(&directory)
        .map_err(|_| io::Error::new(ErrorKind::WouldBlock, "another program fetches into it"))?;
    Ok(directory)
}

/// Removes what a session that was killed has left.
fn remove_left_overs(directory: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(directory).map_err(|error| StoreError::new(directory, error))? {
        let entry = entry.map_err(|error| StoreError::new(directory, error))?;
        if entry.file_name().as_encoded_bytes().starts_with(PARTIAL.as_bytes()) {
            fs::remove_file(entry.path()).map_err(|error| StoreError::new(&entry.path(), error))?;
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    Ok(digest_of(one)?.as_ref() == digest_of(other)?.as_ref())
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = BufReader::new(File::open(path)?);
    let mut digest = Context::new(&SHA256);
    let mut space = [0; 8192];
    loop {
        match file.read(&mut space)? {
            0 => return Ok(digest.finish()),
            octets => digest.update(&space[..octets]),
        }
    }
}

/// A unique-id as the name of a file: what isn't a letter, a digit, or one of `-_.,=+@` becomes `%` and two hexadecimal
/// digits, and so does a dot in front. So no two have the same name, none leads elsewhere, and none is hidden. One that
/// is too long becomes `~` and its digest, and one without octets `%`.
pub(crate) fn file_name(unique_id: &[u8]) -> String {
    if unique_id.is_empty() {
        return "%".to_owned();
    }
    let mut name = String::new();
    for (place, &octet) in unique_id.iter().enumerate() {
        if octet.is_ascii_alphanumeric() || b"-_,=+@".contains(&octet) || (octet == b'.' && place > 0) {
            name.push(octet.into());
        } else {
            let _ = write!(name, "%{octet:02X}");
        }
    }
    if name.len() > MAX_NAME {
        return format!("~{}", hex::encode(ring::digest::digest(&SHA256, unique_id)));
    }
    name
}
