//! A directory of messages, one file each, that a crash can't leave half a message in.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, Digest, SHA256};

/// Where a message is until it is complete. No message is ever stored by this name, since no name begins with a dot.
const PARTIAL: &str = ".partial";

/// The most octets of a name that is made of a unique-id: file systems take 255, and a suffix may follow.
const MAX_NAME: usize = 230;

/// The directory. It is locked while it is open, so there is one partial message at a time.
pub(crate) struct Store {
    path: PathBuf,
    directory: File,
    partial: Option<Partial>,
}

struct Partial {
    file: BufWriter<File>,
    digest: Context,
}

impl Store {
    /// Opens the directory, which is made if it isn't there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            fs::create_dir_all(path)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let directory = File::open(path)?;
        fs4::FileExt::try_lock(&directory)
            .map_err(|_| io::Error::new(ErrorKind::WouldBlock, "another program fetches into it"))?;
        let store = Self { path: path.to_owned(), directory, partial: None };
        match fs::remove_file(store.path_of(PARTIAL)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(store),
        }
    }

    /// Whether there is a message of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path_of(name).symlink_metadata().is_ok()
    }

    /// Begins a message.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        let file = File::create(self.path_of(PARTIAL))?;
        self.partial = Some(Partial { file: BufWriter::with_capacity(65_536, file), digest: Context::new(&SHA256) });
        Ok(())
    }

    /// Takes the next part of it.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let Some(partial) = &mut self.partial else { return Ok(()) };
        partial.digest.update(octets);
        partial.file.write_all(octets)
    }

    /// The message is complete. When this is done it is there by this name, whatever happens to the machine; gives the
    /// name of its file.
    ///
    /// A message that is there already is never overwritten. Where another one has the name, or may have it, as a
    /// server without unique-ids or with a wrong idea of them may bring about, this one gets its digest behind its name.
    pub(crate) fn keep(&mut self, name: &str, name_is_anothers: bool) -> io::Result<String> {
        let Some(partial) = self.partial.take() else { return Ok(name.to_owned()) };
        let digest = partial.digest.finish();
        partial.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let (taken, name) = match self.has(name) {
            true if digest_of(&self.path_of(name))?.as_ref() == digest.as_ref() => (true, name.to_owned()),
            false if !name_is_anothers => (false, name.to_owned()),
            _ => {
                let name = format!("{name}~{}", hex::encode(&digest.as_ref()[..8]));
                (self.has(&name), name)
            }
        };
        if taken {
            fs::remove_file(self.path_of(PARTIAL))?;
        } else {
            self.rename(PARTIAL, &name)?;
        }
        Ok(name)
    }

    /// Gives a file another name.
    pub(crate) fn rename(&self, file: &str, name: &str) -> io::Result<()> {
        fs::rename(self.path_of(file), self.path_of(name))?;
        self.directory.sync_all()
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// What is partial at the end stays so.
impl Drop for Store {
    fn drop(&mut self) {
        if self.partial.take().is_some() {
            let _ = fs::remove_file(self.path_of(PARTIAL));
        }
    }
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
/// is too long becomes `~` and its digest.
pub(crate) fn file_name(unique_id: &[u8]) -> String {
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
