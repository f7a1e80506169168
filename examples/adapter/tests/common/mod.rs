//! What both kinds of tests serve, and TLS for it.

use std::sync::{Arc, Mutex};

use adapter::Opened;
use bytes::Bytes;
use pop3_proto::client::{Login, Name, Password};
use pop3_proto::message::{MessageNumber, Removal, UniqueId, UniqueIds};
use pop3_proto::server::{Credentials, Deletions, Maildrop, Refusal, Rejection};
use pop3_proto::wire::WireSize;
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

/// How the client logs in.
pub(crate) fn login(password: &str) -> Login {
    Login::new(Name::new("mrose").unwrap(), Password::new(password).unwrap())
}

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

/// The messages of mrose, each until it is removed.
pub(crate) type Store = Arc<Mutex<Vec<Option<&'static str>>>>;

pub(crate) fn store(messages: &[&'static str]) -> Store {
    Arc::new(Mutex::new(messages.iter().copied().map(Some).collect()))
}

/// What is left.
pub(crate) fn left(store: &Store) -> Vec<&'static str> {
    store.lock().unwrap().iter().flatten().copied().collect()
}

/// The maildrop of a session.
#[derive(Debug)]
pub(crate) struct Open {
    store: Store,
    unique_ids: UniqueIds,
    /// What is measured.
    octets: Vec<Option<u64>>,
}

/// A message's chunks, the next one last; `None` is a failure.
pub(crate) type Chunks = Vec<Option<&'static str>>;

impl Maildrop for Open {
    type Reader = Chunks;

    fn count(&self) -> u32 {
        u32::try_from(self.unique_ids.len()).unwrap()
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.octets[message.index()]
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }
}

/// Opens the maildrop of mrose, whose password is tanstaaf.
pub(crate) fn log_in(store: &Store, credentials: &Credentials<'_>) -> Result<Open, Rejection> {
    if credentials.name() != b"mrose" || !credentials.verify(b"tanstaaf") {
        return Err(Rejection::BadCredentials);
    }
    let count = store.lock().unwrap().len();
    let unique_ids = (0..count).map(|index| index.to_string()).collect();
    Ok(Open { store: Arc::clone(store), unique_ids, octets: vec![None; count] })
}

/// Measures a message, which fails where it holds a `?`.
pub(crate) fn measure(maildrop: &mut Open, message: MessageNumber) -> Result<(), Refusal> {
    let stored = maildrop.store.lock().unwrap()[message.index()].ok_or(Refusal::Gone)?;
    if stored.contains('?') {
        return Err(Refusal::Temporary);
    }
    let mut size = WireSize::new();
    size.add(stored.replace('|', "").as_bytes());
    maildrop.octets[message.index()] = Some(size.octets());
    Ok(())
}

/// Opens a message: whole, or in two chunks where it holds a `|`, after which reading fails where there are two of them.
pub(crate) fn open(maildrop: &Open, message: MessageNumber) -> Result<Opened<Chunks>, Refusal> {
    let stored = maildrop.store.lock().unwrap()[message.index()].ok_or(Refusal::Gone)?;
    let mut chunks: Chunks = stored.split('|').rev().map(Some).collect();
    match chunks.len() {
        1 => return Ok(Opened::Whole(Bytes::from_static(stored.as_bytes()))),
        2 => {}
        _ => chunks[0] = None,
    }
    Ok(Opened::Reader(chunks))
}

pub(crate) fn next_chunk(chunks: &mut Chunks) -> std::io::Result<Option<Bytes>> {
    match chunks.pop() {
        None => Ok(None),
        Some(Some(chunk)) => Ok(Some(Bytes::from_static(chunk.as_bytes()))),
        Some(None) => Err(std::io::Error::other("the disk fails")),
    }
}

pub(crate) fn remove(maildrop: &mut Open, deletions: Deletions<'_>) -> Removal {
    let mut messages = maildrop.store.lock().unwrap();
    for message in deletions {
        messages[message.index()] = None;
    }
    Removal::All
}
