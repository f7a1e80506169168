//! Serves a maildrop from memory, over tokio, on `127.0.0.1:1110` or the address that it is given.
//!
//! ```text
//! cargo run --example minimal_tokio
//! curl pop3://mrose:tanstaaf@127.0.0.1:1110/1
//! ```

use std::env;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use adapter::tokio::{Host, serve};
use bytes::Bytes;
use pop3_proto::server::{
    BoxError, Config, Credentials, Deletions, Index, MessageNumber, Opened, Refusal, Rejection, Removal, Security,
    Session, WireSize,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::sleep;

/// A message: its unique-id, and what is stored of it until it is removed.
type Message = (&'static str, Option<Bytes>);

/// What one connection needs.
struct Connection(Arc<Mutex<Vec<Message>>>);

impl Host for Connection {
    type Stream = TcpStream;
    type Maildrop = Index<OwnedMutexGuard<Vec<Message>>>; // the guard is its lock, which goes when the session does
    type Exchange = ();

    async fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Self::Maildrop, BoxError> {
        credentials.verify((credentials.name() == b"mrose").then_some("tanstaaf"))?;
        let mut messages = Arc::clone(&self.0).try_lock_owned().map_err(|_| Rejection::InUse)?;
        messages.retain(|(_, stored)| stored.is_some());
        let index: Vec<_> =
            messages.iter().map(|(unique_id, stored)| (*unique_id, stored.as_ref().map(size))).collect();
        Ok(Index::new(index, messages))
    }

    async fn open(&mut self, maildrop: &mut Self::Maildrop, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        Ok(Opened::Whole(maildrop.value()[message.index()].1.clone().ok_or(Refusal::Gone)?))
    }

    async fn remove(&mut self, maildrop: &mut Self::Maildrop, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        for message in deletions {
            maildrop.value_mut()[message.index()].1 = None;
        }
        Ok(Removal::All)
    }
}

/// The octets of a message as a client receives it, with CRLF line ends.
fn size(stored: &Bytes) -> u64 {
    let mut size = WireSize::new();
    size.add(stored);
    size.octets()
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let welcome = ("welcome-1", Some(Bytes::from("Subject: welcome\n\nGood to see you.\n")));
    let (store, config) = (Arc::new(Mutex::new(vec![welcome])), Arc::new(Config::new()));
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:1110")).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let _ = socket.set_nodelay(true); // or clients that send commands ahead wait for 40 ms again and again
                // There is no TLS here, so only clients on this machine may log in.
                let mut session = Session::new(Arc::clone(&config), Security::from_peer_address(peer.ip()));
                let mut connection = Connection(Arc::clone(&store));
                tokio::spawn(async move { serve(&mut connection, &mut session, socket).await });
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "{error}"); // where nobody reads that, the server goes on
                sleep(Duration::from_secs(1)).await; // there may be too many connections
            }
        }
    }
}
