//! What the example servers share: arguments, accounts, and the stores behind them. None of it is POP3.

mod accounts;
mod args;
mod demo;
mod mailbox;
mod maildir;
mod timestamps;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use pop3_proto::server::Security;

pub(crate) use accounts::Accounts;
pub(crate) use args::Args;
pub(crate) use mailbox::{Mailbox, Message, next_chunk};
pub(crate) use timestamps::Timestamps;

/// Says where the server can be reached: one line on stderr, and for the demo maildrop a command to try on stdout.
pub(crate) fn announce(address: SocketAddr, accounts: &Accounts) {
    if accounts.is_demo() {
        let (name, password) = (demo::NAME, demo::PASSWORD);
        // A closed stdout or stderr is no reason to stop serving mail.
        let _ = writeln!(io::stdout(), "demo maildrop at {address}; its first message:");
        let _ = writeln!(io::stdout(), "curl --user {name}:{password} pop3://{address}/1");
    }
    report(format_args!("listening on {address}"));
}

/// Writes one line to stderr.
pub(crate) fn report(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The end of the program: nothing to say when all is well, else one line on stderr.
pub(crate) fn exit_code(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// How far `peer` can be trusted with a password in the clear: what never leaves this machine can't be overheard.
pub(crate) fn security_of(peer: SocketAddr) -> Security {
    if peer.ip().to_canonical().is_loopback() { Security::TrustedLocal } else { Security::Cleartext }
}
