//! Where a server listens, and what it lets clients do there.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pop3_proto::Security;
use pop3_proto::server::Config;
use pop3_proto::wire::{Mechanism, Properties};
use rustls::ServerConfig;

use super::{report, tls};

/// The arguments that say it.
#[derive(clap::Args)]
pub struct Listening {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1110")]
    pub listen: String,

    /// Where to listen for TLS from the first octet, in addition; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub tls_listen: Option<String>,

    /// The certificate of the server, and those that lead to one that clients know: PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key to the certificate: PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Refuse logins without TLS, those from this machine too
    #[arg(long)]
    pub require_tls: bool,
}

impl Listening {
    /// How to speak TLS, if the command line says with which certificate.
    pub fn tls(&self) -> io::Result<Option<Arc<ServerConfig>>> {
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
}

/// Reads the command line of the program of this name. Ends it where there is nothing to serve: after `--help` and
/// `--version` in peace, after arguments that make no sense with one line on stderr.
pub fn parse_or_exit<A: Parser>(program: &'static str) -> A {
    let arguments = A::command().name(program).try_get_matches();
    arguments.and_then(|arguments| A::from_arg_matches(&arguments)).unwrap_or_else(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            process::exit(0);
        }
        report(one_line(&error));
        process::exit(2);
    })
}

/// Offers a SASL mechanism. Those that send no password are good enough in the clear, unless everything has to
/// go through TLS.
pub fn offer(config: Config, mechanism: Mechanism, require_tls: bool) -> io::Result<Config> {
    let config = match mechanism.properties() {
        Some(properties) if require_tls => {
            config.mechanism_with(mechanism, Properties { cleartext: true, ..properties })
        }
        _ => config.mechanism(mechanism),
    };
    config.map_err(io::Error::other)
}

/// Listens at the address that the server was told to use.
pub fn listen(address: &str) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).and_then(|listener| let_many_wait(&listener).map(|()| listener));
    listener.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

/// Has as many connections wait to be accepted as the system has room for. The 128 of the standard library are soon reached where
/// many clients come at once, and the others are only heard when they knock again, a second later.
#[cfg(unix)]
fn let_many_wait(listener: &TcpListener) -> io::Result<()> {
    Ok(rustix::net::listen(listener, i32::MAX)?)
}

#[cfg(not(unix))]
fn let_many_wait(_: &TcpListener) -> io::Result<()> {
    Ok(())
}

/// Whether accepting a connection failed because the system is out of something: then it fails again at once, until
/// some connections have ended. Any other error is that of one peer, most likely gone before it was accepted, and
/// nothing that others should wait for.
pub fn is_shortage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory || is_out_of_files_or_buffers(error)
}

#[cfg(unix)]
fn is_out_of_files_or_buffers(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// On Windows: `WSAEMFILE` and `WSAENOBUFS`.
#[cfg(not(unix))]
fn is_out_of_files_or_buffers(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(10_024 | 10_055))
}

/// Says where the server can be reached: a line on stderr for each address.
pub fn announce(plain: SocketAddr, tls: Option<SocketAddr>) {
    report(format_args!("listening on {plain}"));
    if let Some(tls) = tls {
        report(format_args!("listening on {tls} (TLS)"));
    }
}

/// How far a connection without TLS can be trusted with a password: what never leaves this machine can't be overheard, unless the
/// command line asks for TLS even there.
pub fn security_of(peer: SocketAddr, require_tls: bool) -> Security {
    if require_tls { Security::Cleartext } else { Security::from_peer_address(peer.ip()) }
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
