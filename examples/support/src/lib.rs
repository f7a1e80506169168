//! What the example servers share: arguments, accounts, TLS, and the stores behind them; and in [`client`] what the
//! example clients do. None of it is POP3.
#![expect(missing_debug_implementations, clippy::missing_errors_doc, reason = "it is part of the programs beside it")]

mod accounts;
mod args;
pub mod client;
mod demo;
mod folders;
mod german;
mod last_words;
pub mod listening;
mod mailbox;
pub mod maildir;
mod reading;
mod regular;
mod report;
mod same_names;
mod sasl;
pub mod scram;
mod service;
mod timestamps;
mod tls;
mod trouble;

use std::io::{self, Write};
use std::net::SocketAddr;

use accounts::Accounts;

pub use accounts::Account;
pub use args::{Args, path_of};
pub use last_words::LastWords;
pub use listening::{is_shortage, listen, parse_or_exit, security_of};
pub use mailbox::Mailbox;
pub use reading::Reading;
pub use report::{exit_code, report};
pub use sasl::Exchange;
pub use service::Service;
pub use trouble::Trouble;

/// Says where the server can be reached: a line on stderr for each address, and for the demo maildrop a command to try
/// on stdout.
pub fn announce(plain: SocketAddr, tls: Option<SocketAddr>, args: &Args, accounts: &Accounts) {
    if accounts.is_demo() {
        let (name, password) = (demo::NAME, demo::PASSWORD);
        // Who tries a demo has most likely signed the certificate himself.
        let options = if args.listening.require_tls { " --ssl-reqd --insecure" } else { "" };
        // A closed stdout or stderr is no reason to stop serving mail.
        let _ = writeln!(io::stdout(), "demo maildrop at {plain}; its first message:");
        let _ = writeln!(io::stdout(), "curl{options} --user {name}:{password} pop3://{plain}/1");
    }
    listening::announce(plain, tls);
}
