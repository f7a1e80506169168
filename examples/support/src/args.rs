//! The command line of both servers.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use clap::Parser;
use pop3_proto::Secret;

use super::listening::Listening;

/// A POP3 server over Maildirs, to try pop3-proto with.
#[derive(Parser)]
#[command(version)]
pub struct Args {
    /// Where to listen, and what to let clients do there.
    #[command(flatten)]
    pub listening: Listening,

    /// Write a line to stderr at the end of each session: who it was, why it ended, and what it did
    #[arg(long)]
    pub log: bool,

    /// A maildrop; may be given again. Without any, there is a demo maildrop in memory
    // Parsed after clap is done, because clap's messages would show the password.
    #[arg(long = "user", value_name = "NAME:PASSWORD:MAILDIR")]
    users: Vec<OsString>,
}

/// What one `--user` says.
pub struct User {
    pub name: Vec<u8>,
    pub password: Secret,
    pub maildir: PathBuf,
}

impl Args {
    /// The maildrops asked for.
    pub fn users(&self) -> io::Result<Vec<User>> {
        let user = |argument: &OsString| {
            User::from_argument(argument).ok_or_else(|| io::Error::other("--user takes NAME:PASSWORD:MAILDIR"))
        };
        self.users.iter().map(user).collect()
    }
}

impl User {
    /// Splits at the first two colons, so that a path may hold more of them.
    fn from_argument(argument: &OsStr) -> Option<Self> {
        let mut parts = argument.as_encoded_bytes().splitn(3, |&octet| octet == b':');
        let (name, password, maildir) = (parts.next()?, parts.next()?, parts.next()?);
        if name.is_empty() || password.is_empty() || maildir.is_empty() {
            return None;
        }
        Some(Self { name: name.to_vec(), password: password.into(), maildir: path_of(maildir)? })
    }
}

/// The path that an argument holds a part of; `None` where these octets can't be one.
#[cfg(unix)]
pub fn path_of(octets: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    Some(OsStr::from_bytes(octets).into())
}

/// The path that an argument holds a part of; `None` where these octets can't be one.
#[cfg(not(unix))]
pub fn path_of(octets: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(octets).ok().map(PathBuf::from)
}
