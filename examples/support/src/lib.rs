//! What the example servers share: arguments, accounts, TLS, and the stores behind them; and in [`client`] what the
//! example clients do. None of it is POP3.
#![expect(missing_debug_implementations, clippy::missing_errors_doc, reason = "it is part of the programs beside it")]

mod accounts;
mod args;
mod channel;
pub mod client;
mod demo;
mod folders;
mod german;
pub mod listening;
mod mailbox;
pub mod maildir;
mod reading;
mod regular;
mod report;
mod same_names;
mod sasl;
mod scram;
mod timestamps;
mod tls;
mod trouble;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use pop3_proto::server::{Config, Utf8};
use pop3_proto::wire::Properties;
use rustls::{ServerConfig, ServerConnection};

pub use accounts::Accounts;
pub use args::Args;
pub use channel::Channel;
pub use listening::{cannot_listen, is_shortage, parse_or_exit, security_of};
pub use mailbox::{Attended, Client, Mailbox, Message};
pub use report::{exit_code, report};
pub use sasl::{Exchange, Outcome, Sasl};
pub use timestamps::Timestamps;

/// A channel of TLS where there is a configuration for it, else the plain socket.
pub fn channel(tls: Option<&Arc<ServerConfig>>) -> io::Result<Channel> {
    let Some(config) = tls else { return Ok(Channel::Plain) };
    Ok(Channel::tls(ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?))
}

/// What a server offers: every mechanism that there is, UTF-8, German, and STLS if it has a certificate.
///
/// Names and passwords may be any octets, so it isn't said that they are UTF-8.
pub fn config(stls: bool, require_tls: bool, sasl: &Sasl) -> io::Result<Config> {
    let config = Config::new().stls(stls).utf8(Utf8::Messages);
    let mut config = config.language(german::german().map_err(io::Error::other)?).map_err(io::Error::other)?;
    for mechanism in sasl.mechanisms() {
        config = match mechanism.properties() {
            // Those that send no password are good enough in the clear, unless everything has to go through TLS.
            Some(properties) if require_tls => {
                config.mechanism_with(mechanism, Properties { cleartext: true, ..properties })
            }
            _ => config.mechanism(mechanism),
        }
        .map_err(io::Error::other)?;
    }
    Ok(config)
}

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
