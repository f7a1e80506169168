//! The command line of the example proxy, and its backends.

mod backend;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use support::client::{Result, Tls, TlsMode};
use support::listening::{self, Listening};

pub(crate) use backend::Backend;

/// A POP3 proxy that logs clients in at the backend of each, to try pop3-proto with.
#[derive(Parser)]
#[command(version, mut_arg("listen", |arg| arg.default_value("127.0.0.1:1112")))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) listening: Listening,

    /// The server behind, as HOST:PORT; without it, where the example servers listen
    #[arg(long, value_name = "ADDR")]
    backend: Option<String>,

    /// The server behind for this user alone; may be given again
    #[arg(long = "user-backend", value_name = "NAME=ADDR", value_parser = name_and_address)]
    pub(crate) user_backends: Vec<(String, String)>,

    /// Whether there is TLS on the way to a server behind: not at all, after STLS, or from the first octet
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) backend_tls: TlsMode,

    /// Whose certificates to trust there, PEM; without it, those that the system trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The name that the certificates there have to be for, if it isn't HOST
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

impl Args {
    /// The backend of everybody who has none of his own.
    pub(crate) fn backend(&self) -> &str {
        self.backend.as_deref().unwrap_or("127.0.0.1:1110")
    }

    /// How to speak TLS with a backend, if the command line asks for it.
    pub(crate) fn tls_to(&self, address: &str) -> Result<Option<Tls>> {
        self.backend_tls.to(address, self.server_name.as_deref(), self.ca.as_deref())
    }

    /// Says where the proxy can be reached, and in front of an example server how to try it.
    pub(crate) fn announce(&self, plain: SocketAddr, tls: Option<SocketAddr>) {
        if self.backend.is_none() {
            let options = if self.listening.require_tls { " --ssl-reqd --insecure" } else { "" };
            // A closed stdout is no reason to stop.
            let _ = writeln!(io::stdout(), "with the demo of server_std at {}:", self.backend());
            let _ = writeln!(io::stdout(), "curl{options} --user mrose:tanstaaf pop3://{plain}/1");
        }
        listening::announce(plain, tls);
    }
}

/// Splits at the last equals sign: an address has none.
fn name_and_address(argument: &str) -> std::result::Result<(String, String), &'static str> {
    match argument.rsplit_once('=') {
        Some((name, address)) if !name.is_empty() && !address.is_empty() => Ok((name.into(), address.into())),
        _ => Err("it takes NAME=ADDR"),
    }
}
