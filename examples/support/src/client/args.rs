//! The command line of both clients.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use pop3_proto::client::{Config, Method, Session};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{DeviationSet, Mechanism, Name, Password};

use super::Result;
use super::download::AHEAD;
use super::note::Account;
use super::taking::Taking;
use super::tls::{self, Tls, TlsMode};
use crate::report;

/// A POP3 client, to try pop3-proto with.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[command(version)]
pub struct Args {
    /// The server, as HOST:PORT
    #[arg(long, value_name = "ADDR")]
    pub connect: String,

    /// The name to log in with
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    user: Option<OsString>,

    /// The password, or the token for xoauth2 and oauthbearer
    #[arg(long, allow_hyphen_values = true)]
    password: Option<OsString>,

    /// How to log in; auto takes the best that the server offers
    #[arg(long, default_value = "auto")]
    pub(crate) auth: Auth,

    /// Whether there is TLS: not at all, after STLS, or from the first octet
    #[arg(long, value_enum, default_value = "none")]
    pub tls: TlsMode,

    /// Whose certificates to trust, PEM; without it, those that the system trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The name that the certificate has to be for, if it isn't HOST
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,

    /// Send the password without TLS, though others may listen
    #[arg(long)]
    allow_cleartext: bool,

    /// Do not ask what the server can do: log in by USER unless --auth says otherwise
    #[arg(long)]
    pub(crate) no_capa: bool,

    /// Fetch without asking for unique-ids: every message, each time
    #[arg(long)]
    pub(crate) no_uidl: bool,

    /// Send each command only after the answer to the one before it
    #[arg(long)]
    no_pipelining: bool,

    /// Overlook all that can be overlooked in what the server says
    #[arg(long)]
    lenient: bool,

    /// Show what both sides say on stderr, without secrets
    #[arg(long)]
    trace: bool,

    #[command(flatten)]
    pub(crate) taking: Taking,

    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Show what the server can do; without --user, what it can do before login
    Capa,
    /// Show how many messages and octets there are
    Stat,
    /// Show the octets of each message
    List,
    /// Show the unique-id of each message
    Uidl,
    /// Show a message
    Retr {
        #[arg(value_name = "N", value_parser = message_number)]
        message: MessageNumber,
    },
    /// Show the header of a message, and some lines of its body
    Top {
        #[arg(value_name = "N", value_parser = message_number)]
        message: MessageNumber,
        lines: u64,
    },
    /// Delete messages: all of these or none
    Dele {
        #[arg(value_name = "N", value_parser = message_number, required = true)]
        messages: Vec<MessageNumber>,
    },
    /// Store each message that isn't there yet as a file
    Fetch {
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// A way to log in, or none in particular.
#[derive(Clone, Copy)]
pub(crate) struct Auth(pub(crate) Option<Method>);

impl ValueEnum for Auth {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(None),
            Self(Some(Method::User)),
            Self(Some(Method::Apop)),
            Self(Some(Method::Plain)),
            Self(Some(Method::Login)),
            Self(Some(Method::CramMd5)),
            Self(Some(Method::XOAuth2)),
            Self(Some(Method::OAuthBearer)),
            Self(Some(Method::Library(Mechanism::SCRAM_SHA_256))),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            None => "auto",
            Some(Method::User) => "user",
            Some(Method::Apop) => "apop",
            Some(Method::Plain) => "plain",
            Some(Method::Login) => "login",
            Some(Method::CramMd5) => "cram-md5",
            Some(Method::XOAuth2) => "xoauth2",
            Some(Method::OAuthBearer) => "oauthbearer",
            Some(Method::Library(_)) => "scram-sha-256",
            Some(_) => return None,
        }))
    }
}

/// Who logs in, and what proves it: a password, or a token that is checked as one too.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    pub name: Name<'a>,
    pub password: Password<'a>,
}

impl Args {
    /// Reads the command line of the program of this name. Ends it where there is nothing to do: after `--help` and
    /// `--version` in peace, after arguments that make no sense with one line on stderr.
    pub fn parse_or_exit(program: &'static str) -> Self {
        let arguments = Self::command().name(program).try_get_matches();
        arguments.and_then(|arguments| Self::from_arg_matches(&arguments)).unwrap_or_else(|error| {
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                let _ = error.print();
                process::exit(0);
            }
            report(format_args!("error: {}", one_line(&error)));
            process::exit(1);
        })
    }

    /// The password or token, which no output may hold; empty if there is none.
    pub(crate) fn secret(&self) -> &[u8] {
        self.password.as_ref().map(|secret| secret.as_encoded_bytes()).unwrap_or_default()
    }

    /// The name and the password or token, checked before anything is sent. Only `capa` can do without.
    pub(crate) fn credentials(&self) -> Result<Option<Credentials<'_>>> {
        let (name, secret) = match (&self.user, &self.password) {
            (Some(name), Some(secret)) => (name.as_encoded_bytes(), secret.as_encoded_bytes()),
            (None, None) if matches!(self.task, Task::Capa) => return Ok(None),
            _ => return Err("--user and --password are needed".into()),
        };
        let name = Name::new(name).map_err(|error| format!("--user: {error}"))?;
        let password = Password::new(secret).map_err(|error| format!("--password: {error}"))?;
        Ok(Some(Credentials { name, password }))
    }

    /// How to speak TLS, if the command line asks for it.
    pub fn tls(&self) -> Result<Option<Tls>> {
        self.tls.to(&self.connect, self.server_name.as_deref(), self.ca.as_deref())
    }

    /// A session on a new connection to this peer.
    pub fn session(&self, peer: SocketAddr) -> Session {
        let session = Session::new(Arc::new(self.config()), self.tls.security(peer));
        if !self.trace {
            return session;
        }
        session.with_trace(|line| report(format_args!("{}: {line}", if line.is_from_client() { 'C' } else { 'S' })))
    }

    /// What the session may do.
    fn config(&self) -> Config {
        // RETR and STAT for each message that is asked for ahead. Sockets hold so much in both directions.
        Config::new()
            .pipelined(2 * AHEAD, 8_192)
            .unwrap_or_default()
            .accepted(if self.lenient { DeviationSet::ALL } else { DeviationSet::DEFAULT })
            .cleartext_secrets(self.allow_cleartext && self.tls == TlsMode::Off)
            .require_tls(self.tls != TlsMode::Off)
            .pipelining(!self.no_pipelining)
    }

    /// Whose messages the server has.
    pub(crate) fn account(&self, name: Name<'_>) -> Account {
        Account::new(name.as_bytes(), tls::host(&self.connect))
    }
}

fn message_number(argument: &str) -> std::result::Result<MessageNumber, &'static str> {
    argument.parse().ok().and_then(MessageNumber::new).ok_or("not the number of a message")
}

/// clap's error without its advice, and without any value: it may be a misplaced password.
fn one_line(error: &clap::Error) -> String {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.clone(),
        Some(ContextValue::Strings(arguments)) => arguments.join(", "),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("invalid value for {argument}"),
        ErrorKind::MissingRequiredArgument => format!("missing: {argument}"),
        ErrorKind::ArgumentConflict => format!("more than once: {argument}"),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "missing: what to do; see --help".to_owned()
        }
        ErrorKind::UnknownArgument if argument.starts_with("--") => {
            format!("unknown option {}", argument.split(['=', ':']).next().unwrap_or_default())
        }
        _ => "the arguments make no sense; see --help".to_owned(),
    }
}
