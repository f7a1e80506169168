//! The certificate that a server shows, and how it speaks TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How to speak TLS with the certificates and the key in these files: the server's certificate first, then those that
/// lead to one that clients know.
///
/// Versions and ciphers are rustls' choice: TLS 1.2 and 1.3, nothing older. No application protocol is agreed upon
/// (RFC 7301), since clients of POP3 hardly know one.
pub(crate) fn server_config(certificates: &Path, key: &Path) -> io::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = match chain {
        Ok(chain) if chain.is_empty() => Err(pem::Error::NoItemsFound),
        chain => chain,
    };
    let chain = chain.map_err(|error| unusable(certificates, "certificate", error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, "private key", error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| io::Error::other(format!("{} and {}: {error}", certificates.display(), key.display())))?;
    Ok(Arc::new(config))
}

/// What can't be read is said, and of the rest only what was looked for: the file may hold secrets.
fn unusable(file: &Path, what: &str, error: pem::Error) -> io::Error {
    let file = file.display();
    io::Error::other(match error {
        pem::Error::Io(error) => format!("{file}: {error}"),
        _ => format!("{file}: there is no {what} in it, as PEM and in the clear"),
    })
}
