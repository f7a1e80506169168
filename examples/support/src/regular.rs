//! Opening what lies in a Maildir. Whoever may write there may put anything there, so nothing is waited for.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

#[cfg(unix)]
use {rustix::fs::OFlags, rustix::io::Errno, std::fs::OpenOptions};

/// Opens a regular file to be read, and returns how many octets it has. A pipe, a device or a directory in its place is
/// an error.
///
/// A symbolic link is followed, also to a place outside: see [`maildir`](super::maildir).
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = open_file(path)?;
    let octets = octets(&file.metadata()?)?;
    Ok((file, octets))
}

/// Opens a directory to hold a lock on it.
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    return without_waiting(OFlags::DIRECTORY).open(path);
    #[cfg(not(unix))]
    return File::open(path);
}

fn octets(metadata: &Metadata) -> io::Result<u64> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "not a regular file"))
}

/// Some devices act when they are opened. Whoever may write into a Maildir can make a link to one, but not the device, so what a
/// link leads to is looked at before.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    match without_waiting(OFlags::NOCTTY | OFlags::NOFOLLOW).open(path) {
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::LOOP | Errno::MLINK)) => {
            octets(&fs::metadata(path)?)?;
            without_waiting(OFlags::NOCTTY).open(path)
        }
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    octets(&fs::metadata(path)?)?;
    File::open(path)
}

/// Opening a pipe waits for its writer, and opening a file that somebody has leased waits for him, unless it's said.
#[cfg(unix)]
fn without_waiting(kind: OFlags) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    #[expect(clippy::cast_possible_wrap, reason = "these are small numbers")]
    options.read(true).custom_flags((OFlags::NONBLOCK | kind).bits() as i32);
    options
}
