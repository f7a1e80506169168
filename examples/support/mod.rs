//! What the example servers share: arguments, accounts, and the stores behind them. None of it is POP3.

mod accounts;
mod args;
mod channel;
mod demo;
mod german;
mod mailbox;
mod maildir;
mod sasl;
mod scram;
mod timestamps;
mod tls;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use pop3_proto::server::{Config, Security, Utf8};
use pop3_proto::wire::Properties;

pub(crate) use accounts::Accounts;
pub(crate) use args::Args;
pub(crate) use channel::Channel;
pub(crate) use mailbox::{Mailbox, Message, next_chunk};
pub(crate) use sasl::{Outcome, Sasl};
pub(crate) use timestamps::Timestamps;

/// What a server offers: every mechanism that there is, UTF-8, German, and STLS if it has a certificate.
///
/// Names and passwords may be any octets, so it isn't said that they are UTF-8.
pub(crate) fn config(stls: bool, require_tls: bool, sasl: &Sasl) -> io::Result<Config> {
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

/// The error of a server that can't have the address it was told to use.
pub(crate) fn cannot_listen(address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

/// Says where the server can be reached: a line on stderr for each address, and for the demo maildrop a command to try
/// on stdout.
pub(crate) fn announce(plain: SocketAddr, tls: Option<SocketAddr>, args: &Args, accounts: &Accounts) {
    if accounts.is_demo() {
        let (name, password) = (demo::NAME, demo::PASSWORD);
        // Who tries a demo has most likely signed the certificate himself.
        let options = if args.require_tls { " --ssl-reqd --insecure" } else { "" };
        // A closed stdout or stderr is no reason to stop serving mail.
        let _ = writeln!(io::stdout(), "demo maildrop at {plain}; its first message:");
        let _ = writeln!(io::stdout(), "curl{options} --user {name}:{password} pop3://{plain}/1");
    }
    report(format_args!("listening on {plain}"));
    if let Some(tls) = tls {
        report(format_args!("listening on {tls} (TLS)"));
    }
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

/// How far a connection can be trusted with a password: what never leaves this machine can't be overheard, unless the
/// command line asks for TLS even there.
pub(crate) fn security_of(channel: &Channel, peer: SocketAddr, require_tls: bool) -> Security {
    if channel.is_tls() {
        Security::Tls
    } else if peer.ip().to_canonical().is_loopback() && !require_tls {
        Security::TrustedLocal
    } else {
        Security::Cleartext
    }
}
