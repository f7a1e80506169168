//! Imports the new mail of one account into a SQLite database, over STLS, and deletes it on the server once it is stored.
//!
//! ```text
//! cargo run -p examples-sqlite --example sqlite_import -- DATABASE ADDR NAME PASSWORD AUTHORITY
//! ```

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use adapter::BoxError;
use adapter::blocking::{Client, Store};
use pop3_proto::client::{Fetch, ListedMessage, Login, Name, Password};
use rusqlite::Connection;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// A message has its unique-id as long as the server may list that. Another account may have the same ones for other messages.
/// `EXTRA`, or a loss of power may undo what is committed last, when it is gone from the server already.
const SCHEMA: &str = "
    PRAGMA synchronous = EXTRA;
    CREATE TABLE IF NOT EXISTS messages
        (id INTEGER PRIMARY KEY, account TEXT NOT NULL, unique_id BLOB, body BLOB NOT NULL, UNIQUE (account, unique_id));
";

/// The messages of one account.
struct Messages(Connection, String);

impl Store for Messages {
    type Message = Vec<u8>;

    fn unique_ids(&mut self) -> Result<Vec<Vec<u8>>, BoxError> {
        let mut ids = self.0.prepare("SELECT unique_id FROM messages WHERE account = ? AND unique_id NOT NULL")?;
        Ok(ids.query_map([&self.1], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    fn begin(&mut self, _: &ListedMessage) -> Result<Vec<u8>, BoxError> {
        Ok(Vec::new())
    }

    /// Each is a transaction of its own, and is safe when this returns. So `sync` has nothing to do.
    fn save(&mut self, message: Vec<u8>, listed: &ListedMessage) -> Result<(), BoxError> {
        let insert = "INSERT INTO messages (account, unique_id, body) VALUES (?, ?, ?)";
        Ok(self.0.execute(insert, (&self.1, listed.unique_id(), message)).map(drop)?)
    }

    fn forget(&mut self, unique_ids: &[Vec<u8>]) -> Result<(), BoxError> {
        let transaction = self.0.transaction()?;
        for id in unique_ids {
            transaction
                .execute("UPDATE messages SET unique_id = NULL WHERE (account, unique_id) = (?, ?)", (&self.1, id))?;
        }
        Ok(transaction.commit()?)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Err(error) = run(&arguments) else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn run(arguments: &[String]) -> Result<(), BoxError> {
    let [database, address, name, password, authority] = arguments else {
        return Err("usage: sqlite_import DATABASE ADDR NAME PASSWORD AUTHORITY".into());
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).map_err(|error| format!("{authority}: {error}"))?)?;
    let tls = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let (host, _) = address.rsplit_once(':').ok_or("the address has no port")?;
    let host = host.trim_matches(['[', ']']); // of an IPv6 address
    let db = Connection::open(database)?;
    db.execute_batch(SCHEMA)?;
    let mut messages = Messages(db, format!("{name}@{host}"));
    let host = ServerName::try_from(host.to_owned())?;
    let mut left = usize::MAX;
    while left > 0 {
        let mut login = Login::new(Name::new(name)?, Password::new(password)?).stls();
        let client = Client::connect_stls(address, host.clone(), Arc::clone(&tls), &mut login)?;
        // After so many a new session begins, so that they are gone from the server. As each is in memory, few come in one go.
        let now = client.fetch(Fetch::new().at_most(1000).ahead(16), &mut messages)?.unfetched;
        left = Some(now).filter(|now| *now < left).ok_or("the server may not have deleted any message")?;
    }
    Ok(())
}
