//! STLS with real TLS after it, in memory (RFC 2595 §4).

use bytes::Buf;
use pop3_proto::server::{Action, ClientIdentity, CloseReason, Config, Session};
use pop3_proto::{Io, Security};
use rustls::{ClientConnection, ServerConnection};

use crate::common::{Store, TestDrop, client_tls, server_tls};

/// Both ends of TLS.
fn ends() -> (ClientConnection, ServerConnection) {
    let (config, name) = client_tls();
    (ClientConnection::new(config, name).unwrap(), ServerConnection::new(server_tls()).unwrap())
}

/// A server and its client, with TLS between them as soon as the session asks for it.
struct Link {
    session: Session<TestDrop>,
    tls: Tls,
}

/// Both ends of TLS, and whether it has begun.
struct Tls {
    server: ServerConnection,
    client: ClientConnection,
    begun: bool,
}

impl Tls {
    /// Takes TLS records from each side to the other until neither has any.
    fn exchange_records(&mut self) {
        let Self { server: server_tls, client: client_tls, .. } = self;
        while client_tls.wants_write() || server_tls.wants_write() {
            let mut records = Vec::new();
            while client_tls.wants_write() {
                client_tls.write_tls(&mut records).unwrap();
            }
            let mut rest = records.as_slice();
            while !rest.is_empty() {
                server_tls.read_tls(&mut rest).unwrap();
                server_tls.process_new_packets().unwrap();
            }
            let mut records = Vec::new();
            while server_tls.wants_write() {
                server_tls.write_tls(&mut records).unwrap();
            }
            let mut rest = records.as_slice();
            while !rest.is_empty() {
                client_tls.read_tls(&mut rest).unwrap();
                client_tls.process_new_packets().unwrap();
            }
        }
    }
}

impl Link {
    /// What the server answers to what the client says, and whether it has closed.
    fn say(&mut self, line: &str) -> (String, Option<CloseReason>) {
        let Self { session, tls } = self;
        let mut input = line.as_bytes().to_vec();
        if tls.begun {
            std::io::Write::write_all(&mut tls.client.writer(), &input).unwrap();
            tls.exchange_records();
            input.clear();
            let _ = std::io::Read::read_to_end(&mut tls.server.reader(), &mut input);
        }
        let mut answer = Vec::new();
        let closed = loop {
            match session.poll(std::time::Duration::ZERO) {
                Action::Io(Io::Read(_)) if input.is_empty() => break None,
                Action::Io(Io::Read(mut read)) => {
                    read.space()[..input.len()].copy_from_slice(&input);
                    read.filled(input.len());
                    input.clear();
                }
                Action::Io(Io::Write(mut write)) => {
                    let octets = write.copy_to_bytes(write.remaining());
                    if tls.begun {
                        std::io::Write::write_all(&mut tls.server.writer(), &octets).unwrap();
                    } else {
                        answer.extend_from_slice(&octets);
                    }
                }
                Action::StartTls(start) => {
                    tls.begun = true;
                    tls.exchange_records();
                    assert!(!tls.server.is_handshaking() && !tls.client.is_handshaking());
                    start.established(ClientIdentity::Unknown);
                }
                Action::Login(login) => {
                    assert_eq!(login.credentials().verify(Some("tanstaaf")), Ok(()));
                    login.accept(TestDrop::new(&Store::example())).unwrap();
                }
                Action::Update(update) => update.finish(pop3_proto::message::Removal::All),
                Action::Close(reason) => break Some(reason),
                other => panic!("{other:?}"),
            }
        };
        if tls.begun {
            tls.exchange_records();
            let _ = std::io::Read::read_to_end(&mut tls.client.reader(), &mut answer);
        }
        (String::from_utf8(answer).unwrap(), closed)
    }
}

#[test]
fn a_client_logs_in_through_tls_that_stls_began() {
    // R-2595-01, R-2595-03
    let (client, server) = ends();
    let session = Session::new(Config::new().stls(true).into(), Security::Cleartext);
    let mut link = Link { session, tls: Tls { server, client, begun: false } };
    let (greeting, _) = link.say("");
    assert_eq!(greeting, "+OK POP3 server ready\r\n");
    assert_eq!(link.say("USER mrose\r\n").0, "-ERR [AUTH] logging in needs a secure connection\r\n");
    assert_eq!(link.say("STLS\r\n").0, "+OK begin TLS now\r\n");
    assert!(link.tls.begun, "what is said from here on is encrypted");
    assert_eq!(link.say("USER mrose\r\n").0, "+OK send PASS\r\n");
    assert_eq!(link.say("PASS tanstaaf\r\n").0, "+OK maildrop locked and ready\r\n");
    assert_eq!(link.say("STAT\r\n").0, "+OK 2 320\r\n");
    assert_eq!(link.say("QUIT\r\n"), ("+OK bye\r\n".to_owned(), Some(CloseReason::Quit)));
}
