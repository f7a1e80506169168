//! A directory of messages, one file each, that a crash can't leave half a message in.

use std::fmt::{self, Display, Write as _};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use pop3_proto::client::Choice;
use ring::digest::{Context, Digest, SHA256};

use super::note::{Account, Note};

/// Where a message is until it is complete. No message is ever stored by this name, since no name begins with a dot.
const PARTIAL: &str = ".partial";

/// Where the directory's note is.
const NOTE: &str = ".fetched";

/// How the name of a header's file ends.
const HEADER: &str = ".headers";

/// The most octets of a name that is made of a unique-id: file systems take 255, and a suffix may follow.
const MAX_NAME: usize = 230;

/// The directory. It is locked while it is open, so there is one partial message at a time.
pub(crate) struct Store {
    path: PathBuf,
    directory: File,
    note: Note,
    partial: Option<Partial>,
}

struct Partial {
    file: BufWriter<File>,
    digest: Context,
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
        let store = Self { path: path.to_owned(), directory, note, partial: None };
        match fs::remove_file(store.path_of(PARTIAL)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::new(&store.path_of(PARTIAL), error)),
            _ => Ok(store),
        }
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
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        let path = self.path_of(PARTIAL);
        let file = File::create(&path).map_err(|error| StoreError::new(&path, error))?;
        self.partial = Some(Partial { file: BufWriter::with_capacity(65_536, file), digest: Context::new(&SHA256) });
        Ok(())
    }

    /// Takes the next part of it.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        partial.digest.update(octets);
        partial.file.write_all(octets).map_err(|error| StoreError::new(&self.path_of(PARTIAL), error))
    }

    /// Drops the message that has begun, if it isn't kept.
    pub(crate) fn abandon(&mut self) {
        if let Some(partial) = self.partial.take() {
            // What is still in the buffer isn't for the file any more.
            drop(partial.file.into_parts());
            let _ = fs::remove_file(self.path_of(PARTIAL));
        }
    }

    /// Stores the message that is complete by its unique-id, which no other message has. When this is done it is there,
    /// whatever happens to the machine. Gives its file, if that is a new one.
    pub(crate) fn keep(&mut self, unique_id: &[u8]) -> Result<Option<String>, StoreError> {
        let id = file_name(unique_id);
        let (file, is_new) = self.keep_as(&id, false)?;
        self.note.add(&id, &file)?;
        Ok(is_new.then_some(file))
    }

    /// Stores the message that is complete by a name that isn't its own: it counts as stored in this session only.
    /// `is_shared` says that others are to have the name too, so that none of them gets it alone. Gives its file, if that is
    /// a new one.
    pub(crate) fn keep_nameless(&mut self, name: &[u8], is_shared: bool) -> Result<Option<String>, StoreError> {
        let (file, is_new) = self.keep_as(&file_name(name), is_shared)?;
        Ok(is_new.then_some(file))
    }

    /// Stores the header that is complete. Its file is no message's, and isn't in the note. Gives it, if it is a new one.
    pub(crate) fn keep_header(&mut self, name: &[u8]) -> Result<Option<String>, StoreError> {
        let (file, is_new) = self.keep_as(&(file_name(name) + HEADER), false)?;
        Ok(is_new.then_some(file))
    }

    /// The message of a unique-id is gone from the server; `None` if it may be that of any. The note says so from the
    /// [end](Self::end) on: before that the next list will show it.
    pub(crate) fn removed(&mut self, unique_id: Option<&[u8]>) {
        match unique_id {
            Some(id) => self.note.remove(&file_name(id)),
            None => self.note.remove_all(),
        }
    }

    /// Gives the name of the message's file, and whether it is a new one.
    ///
    /// What is there already is never overwritten. Where the name is taken by something else, as a server without
    /// unique-ids or with a wrong idea of them may bring about, the message gets its digest after its name.
    fn keep_as(&mut self, name: &str, is_shared: bool) -> Result<(String, bool), StoreError> {
        let Some(Partial { file, digest }) = self.partial.take() else {
            return Err(StoreError::new(&self.path_of(name), io::Error::other("nothing has begun")));
        };
        let digest = digest.finish();
        let kept = self.sync(file).and_then(|()| {
            let name = match self.find(name, &digest)? {
                Found::Same => return Ok((name.to_owned(), false)),
                Found::Nothing if !is_shared => name.to_owned(),
                _ => format!("{name}~{}", hex::encode(&digest.as_ref()[..8])),
            };
            match self.find(&name, &digest)? {
                Found::Same => Ok((name, false)),
                Found::Nothing => self.rename_partial(&name).map(|()| (name, true)),
                Found::Other | Found::InTheWay => {
                    let error = io::Error::new(ErrorKind::AlreadyExists, "something else is there");
                    Err(StoreError::new(&self.path_of(&name), error))
                }
            }
        });
        if !matches!(kept, Ok((_, true))) {
            // A left-over is of no harm, and goes before the next session.
            let _ = fs::remove_file(self.path_of(PARTIAL));
        }
        kept
    }

    /// Takes back that a message is stored, whose file was new in this session: it may not be whole.
    pub(crate) fn retract(&mut self, unique_id: Option<&[u8]>, file: Option<&str>) -> Result<(), StoreError> {
        if let Some(path) = file.map(|file| self.path_of(file)) {
            fs::remove_file(&path).map_err(|error| StoreError::new(&path, error))?;
        }
        unique_id.map_or(Ok(()), |id| {
            self.note.remove(&file_name(id));
            self.note.add_last(&file_name(id))
        })
    }

    fn sync(&self, file: BufWriter<File>) -> Result<(), StoreError> {
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).map_err(|error| StoreError::new(&self.path_of(PARTIAL), error))
    }

    fn find(&self, name: &str, digest: &Digest) -> Result<Found, StoreError> {
        let path = self.path_of(name);
        let found = match path.symlink_metadata() {
            Ok(found) if !found.is_file() => Ok(Found::InTheWay),
            Ok(_) => {
                digest_of(&path).map(|there| if there.as_ref() == digest.as_ref() { Found::Same } else { Found::Other })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        };
        found.map_err(|error| StoreError::new(&path, error))
    }

    fn rename_partial(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path_of(name);
        let renamed = fs::rename(self.path_of(PARTIAL), &path).and_then(|()| self.directory.sync_all());
        renamed.map_err(|error| StoreError::new(&path, error))
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

/// What is partial at the end goes.
impl Drop for Store {
    fn drop(&mut self) {
        self.abandon();
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
