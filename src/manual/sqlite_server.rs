//! Serves mail out of a SQLite database, with STLS on one address and TLS from the first octet on another.
//!
//! ```text
//! cargo run -p examples-sqlite --example sqlite_server -- DATABASE CERTIFICATE KEY ADDR TLS_ADDR
//! ```
//!
//! One such process serves a database, since it keeps the locks of the maildrops. Other programs may insert messages meanwhile.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{env, str};

use adapter::tokio::{BoxedStream, Host, serve};
use adapter::{Lock, Locks};
use pop3_proto::server::{
    BoxError, Config, Credentials, Deletions, Index, MessageNumber, Opened, Refusal, Rejection, Removal, Security,
    Session,
};
use rusqlite::{Connection, OptionalExtension};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::task::block_in_place;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// What is in the database. `AUTOINCREMENT`, since an id is a unique-id, which must never be used again. `octets` are those of the
/// message with CRLF line ends, as `WireSize` counts them when it is delivered. A server without APOP keeps hashes of passwords.
/// `WAL`, or a loss of power may bring back what was removed last.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, password TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS messages
        (id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, octets INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS messages_of_user ON messages (user, id, octets);
";

/// What all connections share.
#[derive(Clone)]
struct Server {
    database: String,
    locks: Locks,
    tls: TlsAcceptor,
}

impl Host for Server {
    type Stream = BoxedStream;
    type Maildrop = Index<(Connection, Lock), i64>; // and the id of each message
    type Exchange = ();

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Self::Maildrop, BoxError> {
        block_in_place(|| {
            let name = str::from_utf8(credentials.name()).map_err(|_| Rejection::BadCredentials)?;
            let db = Connection::open(&self.database)?;
            let password = "SELECT password FROM users WHERE name = ?";
            credentials.verify(db.query_row(password, [name], |row| row.get::<_, String>(0)).optional()?)?;
            let lock = self.locks.lock(name.as_bytes())?;
            let messages = db
                .prepare("SELECT id, octets FROM messages WHERE user = ? ORDER BY id")?
                .query_map([name], |row| Ok((row.get::<_, i64>(0)?.to_string(), row.get(1)?, row.get(0)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Index::with_keys(messages, (db, lock)))
        })
    }

    async fn open(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        let body = "SELECT body FROM messages WHERE id = ?";
        let read = || maildrop.value().0.query_row(body, [maildrop.key(message)], |row| row.get::<_, Vec<u8>>(0));
        Ok(Opened::Whole(block_in_place(read).optional()?.ok_or(Refusal::Gone)?.into()))
    }

    async fn remove(&mut self, maildrop: &mut Self::Maildrop, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        block_in_place(|| {
            let transaction = maildrop.value().0.unchecked_transaction()?;
            for message in deletions {
                transaction.execute("DELETE FROM messages WHERE id = ?", [maildrop.key(message)])?;
            }
            transaction.commit()?;
            Ok(Removal::All)
        })
    }

    async fn start_tls(&mut self, stream: BoxedStream) -> io::Result<BoxedStream> {
        Ok(Box::new(self.tls.accept(stream).await?))
    }
}

/// Serves all who connect; `is_tls` tells whether TLS comes first.
async fn listen(server: &Server, address: &str, is_tls: bool) -> io::Result<()> {
    let config = Arc::new(Config::new().stls(true));
    let listener = TcpListener::bind(address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let _ = socket.set_nodelay(true); // or clients that send commands ahead wait for 40 ms again and again
                let security = Security::from_peer_address(peer.ip());
                let mut session = Session::new(Arc::clone(&config), security).with_implicit_tls(is_tls);
                let mut server = server.clone();
                tokio::spawn(async move { serve(&mut server, &mut session, Box::new(socket)).await });
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "{error}"); // where nobody reads that, the server goes on
                sleep(Duration::from_secs(1)).await; // there may be too many connections
            }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Err(error) = run(&arguments).await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn run(arguments: &[String]) -> Result<(), BoxError> {
    let [database, certificate, key, address, tls_address] = arguments else {
        return Err("usage: sqlite_server DATABASE CERTIFICATE KEY ADDR TLS_ADDR".into());
    };
    Connection::open(database)?.execute_batch(SCHEMA)?;
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| format!("{certificate}: {error}"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{key}: {error}"))?;
    let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    let server = Server { database: database.clone(), locks: Locks::default(), tls: TlsAcceptor::from(Arc::new(tls)) };
    tokio::try_join!(listen(&server, address, false), listen(&server, tls_address, true))?;
    Ok(())
}
