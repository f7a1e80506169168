//! Opening what lies in a Maildir. Whoever may write there may put anything there, so nothing is waited for.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a regular file to be read, and returns how many octets it has. A pipe, a device or a directory in its place is
/// an error.
///
/// A symbolic link is followed, also to a place outside: see [`maildir`](super::maildir).
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    // Some devices act when they are opened, so this comes first; but the file may be another by then.
    octets(&fs::metadata(path)?)?;
    let file = without_waiting(OpenOptions::new().read(true), false).open(path)?;
    let octets = octets(&file.metadata()?)?;
    Ok((file, octets))
}

/// Opens a directory to hold a lock on it.
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    without_waiting(OpenOptions::new().read(true), true).open(path)
}

fn octets(metadata: &Metadata) -> io::Result<u64> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "not a regular file"))
}

/// Opening a pipe waits for its writer, and opening a file that somebody has leased waits for him, unless it's said.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions, directory: bool) -> &OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let kind = if directory { OFlags::DIRECTORY } else { OFlags::NOCTTY };
    #[expect(clippy::cast_possible_wrap, reason = "these are small numbers")]
    options.custom_flags((OFlags::NONBLOCK | kind).bits() as i32)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut OpenOptions, _: bool) -> &OpenOptions {
    options
}
