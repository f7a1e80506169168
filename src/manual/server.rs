//! Serves a maildrop from memory on `127.0.0.1:1110`, or the address that it is given.
//!
//! ```text
//! cargo run --example server
//! curl pop3://mrose:tanstaaf@127.0.0.1:1110/1
//! ```

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::{env, thread};

use adapter::blocking::{Host, serve};
use bytes::Bytes;
use pop3_proto::server::{
    BoxError, Config, Credentials, Deletions, Maildrop, MessageNumber, Opened, Refusal, Rejection, Removal, Security,
    Session, UniqueId, WireSize,
};

/// A message: its unique-id, and what is stored of it until it is removed.
type Message = (&'static str, Option<Bytes>);

/// The maildrop of a session. The guard is its lock, which goes when the session does.
struct Open<'a>(MutexGuard<'a, Vec<Message>>);

impl Maildrop for Open<'_> {
    type Reader = (); // messages are sent whole

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        let mut size = WireSize::new(); // with CRLF line ends
        size.add(self.0[message.index()].1.as_deref().unwrap_or_default());
        Some(size.octets())
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        UniqueId::new(self.0[message.index()].0).ok()
    }
}

/// What one connection needs.
struct Connection<'a>(&'a Mutex<Vec<Message>>);

impl<'a> Host for Connection<'a> {
    type Stream = TcpStream;
    type Maildrop = Open<'a>;
    type Exchange = ();

    fn log_in(&mut self, credentials: Credentials<'_>) -> Result<Open<'a>, BoxError> {
        credentials.verify((credentials.name() == b"mrose").then_some("tanstaaf"))?;
        let mut messages = self.0.try_lock().map_err(|_| Rejection::InUse)?;
        messages.retain(|(_, stored)| stored.is_some());
        Ok(Open(messages))
    }

    fn open(&mut self, maildrop: &mut Open<'a>, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        Ok(Opened::Whole(maildrop.0[message.index()].1.clone().ok_or(Refusal::Gone)?))
    }

    fn remove(&mut self, maildrop: &mut Open<'a>, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        for message in deletions {
            maildrop.0[message.index()].1 = None;
        }
        Ok(Removal::All)
    }
}

fn main() -> io::Result<()> {
    let store = Mutex::new(vec![("welcome-1", Some(Bytes::from("Subject: welcome\n\nGood to see you.\n")))]);
    let config = Arc::new(Config::new());
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:1110"))?;
    eprintln!("listening on {}", listener.local_addr()?);
    thread::scope(|threads| {
        loop {
            let served = listener.accept().and_then(|(socket, peer)| {
                socket.set_nodelay(true)?; // or clients that send commands ahead wait for 40 ms again and again
                // There is no TLS here, so only clients on this machine may log in.
                let security = Security::from_peer_address(peer.ip());
                let (config, store) = (Arc::clone(&config), &store);
                let connection = move || serve(&mut Connection(store), &mut Session::new(config, security), socket);
                thread::Builder::new().spawn_scoped(threads, connection)
            });
            if let Err(error) = served {
                let _ = writeln!(io::stderr(), "{error}"); // where nobody reads that, the server goes on
                thread::sleep(Duration::from_secs(1)); // there may be too many connections
            }
        }
    })
}
