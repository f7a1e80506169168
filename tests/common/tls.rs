//! Both ends of TLS, with a certificate for tests.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The certificate of mail.example.org, signed with its own key, until 2120.
const CERTIFICATE: &[u8] = b"\
-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBtYWlsLmV4
YW1wbGUub3JnMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBBtYWlsLmV4YW1wbGUub3JnMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEHGXLilhOqlQ1466cuezQTppPcB3Hi7YHx3HwK+tDngwPENSk86d3FtBIZKUv
M9y5IGll3WT3jTYrC7zBDEQD+KNcMFowGwYDVR0RBBQwEoIQbWFpbC5leGFtcGxl
Lm9yZzAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDAdBgNVHQ4EFgQU+8r0
tgjvlWXpVQV9UUvzMD75XCswCgYIKoZIzj0EAwIDSQAwRgIhAISani3G+fOSqc8h
CnHe1SOqlMJNW/Lqf+xqZk21JQc7AiEAtJGJ+w7XgSF9Zac6xgt4FFT+TeAPFntc
dwZ6ARy6+5Q=
-----END CERTIFICATE-----
";

/// The key to it, which protects nothing.
const KEY: &[u8] = b"\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGgPwIrDiEURiAIyd
kK2GasjBQVECZ4Q5e+eZ2UXq1k2hRANCAAQcZcuKWE6qVDXjrpy57NBOmk9wHceL
tgfHcfAr60OeDA8Q1KTzp3cW0EhkpS8z3LkgaWXdZPeNNisLvMEMRAP4
-----END PRIVATE KEY-----
";

/// How the server speaks TLS.
pub(crate) fn server_tls() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
}

/// How a client speaks TLS, and with whom.
pub(crate) fn client_tls() -> (Arc<ClientConfig>, ServerName<'static>) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    (Arc::new(config.with_no_client_auth()), ServerName::try_from("mail.example.org").unwrap())
}
