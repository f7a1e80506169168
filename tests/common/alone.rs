//! What tests of the server without a client use: RFC 1939's example, deadlines, logins.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pop3_proto::server::{Action, Config, Session};
use pop3_proto::wire::Timestamp;
use pop3_proto::{Io, Security};

use super::{Call, Server, Store};

/// What is written before the first command is read.
pub const GREETING: &str = "+OK POP3 server ready\r\n";

/// What `LOGIN` is answered with.
pub const LOGGED_IN: &str = "+OK send PASS\r\n+OK maildrop locked and ready\r\n";

impl Server {
    pub fn with_timestamp(store: &Rc<Store>, timestamp: &str) -> Self {
        let session = Session::with_exchange(Arc::new(Config::new()), Security::TrustedLocal);
        Self::of(store, session.with_timestamp(Timestamp::new(timestamp).unwrap()))
    }

    /// The deadline of the read or write that the session waits for.
    pub fn deadline(&mut self) -> Duration {
        match self.session.poll(self.now) {
            Action::Io(Io::Read(read)) => read.deadline(),
            Action::Io(Io::Write(write)) => write.deadline(),
            Action::StartTls(start) => start.deadline(),
            other => panic!("{other:?} has no deadline"),
        }
        .expect("a limit")
    }
}

impl Store {
    /// The maildrop of RFC 1939's examples: two messages, of 120 and 200 octets.
    pub fn example() -> Rc<Self> {
        let message = |octets: usize| {
            let mut text = b"Subject: hi\r\n\r\n".to_vec();
            text.resize(octets - 2, b'x');
            text.extend_from_slice(b"\r\n");
            text
        };
        Self::new([message(120), message(200)])
    }

    /// What the host was asked to log in with: name and password.
    pub fn logins(&self) -> Vec<(String, String)> {
        let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
        let password = |call| match call {
            Call::Password(name, password) => Some((text(name), text(password))),
            _ => None,
        };
        self.calls().into_iter().filter_map(password).collect()
    }
}
