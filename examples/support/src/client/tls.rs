//! Whether there is TLS on the way to a server, and whom to believe that it is the server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use pop3_proto::Security;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::Result;

/// Whether there is TLS: not at all, after STLS, or from the first octet.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "clap would show it a second time")]
pub enum TlsMode {
    #[value(name = "none")]
    Off,
    Starttls,
    Implicit,
}

impl TlsMode {
    /// How to speak TLS with the server at an address, if it is spoken: the certificate has to be for `name`, or else for
    /// the host in the address.
    pub fn to(self, address: &str, name: Option<&str>, authorities: Option<&Path>) -> Result<Option<Tls>> {
        if self == Self::Off {
            return Ok(None);
        }
        Tls::new(authorities, name.unwrap_or_else(|| host(address))).map(Some)
    }

    /// Who may listen to a new connection: what never leaves this machine can't be overheard.
    pub fn security(self, peer: SocketAddr) -> Security {
        if self == Self::Implicit { Security::Tls } else { Security::from_peer_address(peer.ip()) }
    }
}

/// An address without its port, and without the brackets around an IPv6 address.
pub(super) fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// How to speak TLS with the server.
pub struct Tls {
    /// Whom to trust.
    pub config: Arc<ClientConfig>,
    /// Whom the certificate has to be for.
    pub name: ServerName<'static>,
}

impl Tls {
    /// TLS with a server that shows a certificate for `name`, issued by who is named in a file, or else by whom the
    /// system trusts.
    ///
    /// Versions and ciphers are rustls' choice: TLS 1.2 and 1.3, nothing older.
    fn new(authorities: Option<&Path>, name: &str) -> Result<Self> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("{name}: no certificate can be for this name"))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match authorities {
            Some(file) => builder.with_root_certificates(roots(file)?),
            None => builder.with_platform_verifier()?,
        };
        Ok(Self { config: Arc::new(builder.with_no_client_auth()), name })
    }
}

fn roots(file: &Path) -> Result<RootCertStore> {
    let unusable = |error| match error {
        pem::Error::Io(error) => format!("{}: {error}", file.display()),
        _ => format!("{}: there is no certificate in it, as PEM", file.display()),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unusable)? {
        let certificate = certificate.map_err(unusable)?;
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if roots.is_empty() { Err(unusable(pem::Error::NoItemsFound).into()) } else { Ok(roots) }
}
