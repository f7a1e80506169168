//! The command line of both servers.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pop3_proto::Secret;
use rustls::ServerConfig;

use super::{report, tls};

/// A POP3 server over Maildirs, to try pop3-proto with.
#[derive(Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1110")]
    pub(crate) listen: String,

    /// Where to listen for TLS from the first octet, in addition; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) tls_listen: Option<String>,

    /// The certificate of the server, and those that lead to one that clients know: PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key to the certificate: PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Refuse logins without TLS, those from this machine too
    #[arg(long)]
    pub(crate) require_tls: bool,

    /// A maildrop; may be given again. Without any, there is a demo maildrop in memory
    // Parsed after clap is done, because clap's messages would show the password.
    #[arg(long = "user", value_name = "NAME:PASSWORD:MAILDIR")]
    users: Vec<OsString>,
}

/// What one `--user` says.
pub(crate) struct User {
    pub(crate) name: Vec<u8>,
    pub(crate) password: Secret,
    pub(crate) maildir: PathBuf,
}

impl Args {
    /// Reads the command line. Ends the program where there is nothing to serve: after `--help` and `--version` in
    /// peace, after arguments that make no sense with one line on stderr.
    pub(crate) fn parse_or_exit() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                let _ = error.print();
                process::exit(0);
            }
            report(one_line(&error));
            process::exit(2);
        })
    }

    /// How to speak TLS, if the command line says with which certificate.
    pub(crate) fn tls(&self) -> io::Result<Option<Arc<ServerConfig>>> {
        let error = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => return tls::server_config(certificates, key).map(Some),
            (Some(_), None) => "--tls-cert needs --tls-key",
            (None, Some(_)) => "--tls-key needs --tls-cert",
            (None, None) if self.tls_listen.is_some() => "--tls-listen needs --tls-cert and --tls-key",
            // Else nobody could log in, and they would only learn it then.
            (None, None) if self.require_tls => "--require-tls needs --tls-cert and --tls-key",
            (None, None) => return Ok(None),
        };
        Err(io::Error::other(error))
    }

    /// The maildrops asked for.
    pub(crate) fn users(&self) -> io::Result<Vec<User>> {
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
        Some(Self { name: name.to_vec(), password: password.into(), maildir: path(maildir)? })
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every octet string is a path")]
fn path(octets: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    Some(OsStr::from_bytes(octets).into())
}

#[cfg(not(unix))]
fn path(octets: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(octets).ok().map(PathBuf::from)
}

/// clap's error without its advice. A stray argument may be a misplaced password, so of those only an option is named.
fn one_line(error: &clap::Error) -> String {
    if error.kind() != ErrorKind::UnknownArgument {
        return error.to_string().lines().next().unwrap_or_default().to_owned();
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if argument.starts_with("--") => {
            format!("error: unknown option {}", argument.split(['=', ':']).next().unwrap_or_default())
        }
        _ => "error: there are only options here; see --help".to_owned(),
    }
}
