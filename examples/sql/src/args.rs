//! The command line. What it says may be secret, so errors show no part of it but the names of options.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use support::listening::Listening;

/// A POP3 server over a database that any number of servers share
#[derive(Parser)]
#[command(name = "server_sql", version)]
pub struct Args {
    /// sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DB; by default what the variable `DATABASE_URL` holds, and else sqlite:pop3.db
    #[arg(long, value_name = "URL", global = true)]
    database: Option<OsString>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Add a user with an empty maildrop; the password is the first line on stdin
    AddUser {
        /// The name to log in with
        name: OsString,
    },
    /// Deliver the files, or one message on stdin: all of them or none
    Deliver {
        /// To whom
        name: OsString,
        /// A message, as it is
        files: Vec<PathBuf>,
    },
    /// Serve clients
    Serve {
        /// Where to listen, and what to let clients do there.
        #[command(flatten)]
        listening: Listening,

        /// After how long without a sign of life others may take this server's maildrops
        #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        lease: u64,
    },
}

/// Where mail is stored.
// Without `Debug`, which would show the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// In this file.
    Sqlite(PathBuf),
    /// In PostgreSQL, at this URL.
    Postgres(String),
}

impl Args {
    /// Reads the command line. Ends the program where there is nothing to do: after `--help` and `--version` in peace, after
    /// arguments that make no sense with one line on stderr.
    pub fn parse_or_exit() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                let _ = error.print();
                process::exit(0);
            }
            support::report(format_args!("error: {}", one_line(&error)));
            process::exit(1);
        })
    }

    /// The database that is asked for.
    pub fn database(&self) -> Result<Database, String> {
        let environment = std::env::var_os("DATABASE_URL").filter(|url| !url.is_empty());
        let url = self.database.clone().or(environment);
        database(&url.unwrap_or_else(|| "sqlite:pop3.db".into()))
    }
}

/// What is said of a URL.
const UNUSABLE: &str = "the database is sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DB";

/// Reads a URL, and never repeats it: there may be a password in it.
fn database(url: &OsStr) -> Result<Database, String> {
    let octets = url.as_encoded_bytes();
    if octets.starts_with(b"postgres://") || octets.starts_with(b"postgresql://") {
        return url.to_str().map(|url| Database::Postgres(url.into())).ok_or_else(|| UNUSABLE.into());
    }
    let path = octets.strip_prefix(b"sqlite:").filter(|path| !path.is_empty() && !path.contains(&0));
    let path = path.and_then(support::path_of).ok_or(UNUSABLE)?;
    Ok(Database::Sqlite(path))
}

/// clap's error without its advice and without values: what stands in the wrong place may be a password.
fn one_line(error: &clap::Error) -> String {
    let about = |kind| match error.get(kind) {
        Some(ContextValue::String(argument)) => Some(argument.as_str()),
        Some(ContextValue::Strings(arguments)) => arguments.first().map(String::as_str),
        _ => None,
    };
    let argument = about(ContextKind::InvalidArg);
    match (error.kind(), argument) {
        (ErrorKind::UnknownArgument, Some(option)) if option.starts_with("--") => {
            format!("unknown option {}", option.split(['=', ':', '@', '/']).next().unwrap_or_default())
        }
        (ErrorKind::UnknownArgument, _) => "there is an argument too many".into(),
        (
            ErrorKind::InvalidSubcommand
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            _,
        ) => "the commands are add-user, deliver and serve".into(),
        (ErrorKind::MissingRequiredArgument, Some(argument)) => format!("{argument} is missing"),
        (ErrorKind::ArgumentConflict, Some(argument)) => format!("{argument} is there twice"),
        (_, Some(argument)) => format!("the value of {argument} can't be used"),
        (_, None) => "the arguments can't be used".into(),
    }
}
