//! How to reach the database.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::Error;

/// What this program relies on, whatever the database has by default: a commit is on the disk when it's answered, and each statement
/// sees what was committed before it.
///
/// And what the database itself gives up, should the client not be able to say so: statements, waiting for locks, and transactions that
/// nobody goes on with. In milliseconds.
const OPTIONS: &str = r"-c synchronous_commit=on -c default_transaction_isolation=read\ committed
    -c statement_timeout=8000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=10000";

/// How long it may take to connect, and how long the other side may not acknowledge what was sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// After how long without traffic to look whether the other side is still there.
const IDLE: Duration = Duration::from_secs(30);

/// Connections that are made when they are needed.
pub(super) fn pool(url: &str, connections: usize) -> Result<Pool, Error> {
    // The error would show parts of the URL.
    let mut config: Config =
        url.parse().map_err(|_| Error::Database("the URL of the database can't be used".into()))?;
    config
        .options(format!("{} {OPTIONS}", config.get_options().unwrap_or_default()))
        .application_name("server_sql")
        .connect_timeout(PATIENCE)
        .tcp_user_timeout(PATIENCE)
        .keepalives_idle(IDLE);
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, tls()?, recycling);
    Pool::builder(manager).max_size(connections).build().map_err(|error| Error::Database(error.to_string()))
}

/// TLS with a certificate that this system trusts, if the database offers TLS. `?sslmode=require` in the URL insists on it.
fn tls() -> Result<MakeRustlsConnect, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier);
    let builder = builder.map_err(|error| Error::Database(error.to_string()))?;
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}
