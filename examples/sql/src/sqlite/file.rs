//! The file of a database.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error as SqliteError, ErrorCode, OpenFlags};

use support::scram::random;

use super::{BUSY, sql};
use crate::store::{Error, SECRET};

/// How often to try what SQLite itself doesn't wait for.
const PAUSE: Duration = Duration::from_millis(10);

/// A file that was ours when the program began.
pub(super) struct File(PathBuf);

impl File {
    /// Makes the database if it isn't there. Refuses what another program has made, and leaves it as it is.
    pub(super) fn prepare(path: &Path) -> Result<Self, Error> {
        let file = Self(path.to_owned());
        if path == Path::new(":memory:") {
            return Err(file.trouble("that is no file, so nobody could share it"));
        }
        match create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(file.trouble(error)),
            _ => {}
        }
        let mut connection = file.connect()?;
        match sql::origin(&mut connection).map_err(|error| file.error(&error))? {
            (sql::APPLICATION, sql::VERSION, _) | (0, 0, 0) => {}
            (sql::APPLICATION, ..) => return Err(file.trouble("another version of this program has made it")),
            _ => return Err(file.trouble("another program has made it")),
        }
        let mode = patiently(|| sql::write_ahead(&connection)).map_err(|error| file.error(&error))?;
        if mode != "wal" {
            return Err(file.trouble("its file system can't share memory, so there is no write-ahead log"));
        }
        let secret = random::<SECRET>().map_err(|error| file.trouble(error))?;
        sql::create(&mut connection, &secret).map_err(|error| file.error(&error))?;
        Ok(file)
    }

    /// Opens a further connection. A file that is gone isn't made anew, since all mail would be gone from it.
    pub(super) fn connect(&self) -> Result<Connection, Error> {
        // One thread at a time has it, and `?` and the like in its name mean nothing.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0, flags).map_err(|error| self.error(&error))?;
        sql::set_up(&connection).map_err(|error| self.error(&error))?;
        Ok(connection)
    }

    /// What SQLite has to say, which names no value.
    pub(super) fn error(&self, error: &SqliteError) -> Error {
        match error {
            // The path and the statement would come with it.
            SqliteError::SqliteFailure(code, text) => {
                let text = text.as_ref().filter(|_| code.code != ErrorCode::CannotOpen);
                text.map_or_else(|| self.trouble(code), |text| self.trouble(text))
            }
            error => self.trouble(error),
        }
    }

    fn trouble(&self, what: impl Display) -> Error {
        Error::Database(format!("{}: {what}", self.0.display()))
    }
}

/// Makes an empty file that is its owner's alone; what SQLite puts beside it gets the same mode.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Tries again while others have the file: to begin a write-ahead log, SQLite doesn't wait.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < BUSY => {
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}
