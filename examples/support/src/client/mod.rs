//! What the example clients share: arguments, TLS, what to say to the server, and where messages are stored.

mod args;
mod batch;
mod download;
mod failure;
mod job;
mod login;
mod note;
mod scram;
mod store;
mod taking;
mod tls;

use std::error::Error;
use std::process::ExitCode;

pub use args::Args;
pub use failure::End;
pub use job::Job;
pub use tls::{Tls, TlsMode};

use failure::{printable, without};

/// What a program comes to, and one line on why it failed.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The end of the program: nothing to say when all is well, else one line on stderr, which never holds the password, whatever
/// the server has sent.
pub fn exit_code(args: &Args, result: Result<()>) -> ExitCode {
    super::exit_code(result.map_err(|error| {
        let line = printable(error.to_string().as_bytes());
        let secret = args.secret();
        let line = without(printable(secret).as_bytes(), &without(secret, line.as_bytes()));
        String::from_utf8_lossy(&line).into_owned()
    }))
}
