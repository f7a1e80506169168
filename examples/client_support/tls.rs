//! Whom to believe that it is the server.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::Result;

/// How to speak TLS with the server.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Tls {
    /// TLS with a server that shows a certificate for `name`, issued by who is named in a file, or else by whom the
    /// system trusts.
    ///
    /// Versions and ciphers are rustls' choice: TLS 1.2 and 1.3, nothing older.
    pub(crate) fn new(authorities: Option<&Path>, name: &str) -> Result<Self> {
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
