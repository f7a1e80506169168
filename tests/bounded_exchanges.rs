//! What an exchange takes while it goes on, and what it leaves behind (R-GEN-04, R-5034-06).

mod common;

use std::time::Duration;

use bytes::Buf;
use common::{Server, Store};
use pop3_proto::server::{Action, Config, Security};
use pop3_proto::wire::{Mechanism, Opening, Properties};

/// A server with a mechanism whose challenges say again what the client has said.
fn echo(steps: u32) -> Server {
    let store = Store::example();
    store.steps.set(steps);
    let properties = Properties { opening: Opening::Client, cleartext: false };
    let config = Config::new().mechanism_with(Mechanism::new("X-ECHO").unwrap(), properties).unwrap();
    Server::with(&store, config, Security::Tls)
}

#[test]
fn long_challenges_wait_for_the_client_to_take_them() {
    // R-2449-16: while output is backed up no further response is read
    let mut server = echo(u32::MAX);
    let response = format!("{}\r\n", "A".repeat(40_000));
    server.send(format!("AUTH X-ECHO\r\n{response}"));
    server.window = 0.into();
    server.send(response.repeat(100));
    let Action::Write(write) = server.session.poll(Duration::ZERO) else { panic!("nothing to write") };
    assert!(write.remaining() <= 16_384 + 40_004, "{} octets wait", write.remaining());
}

#[test]
fn half_a_command_behind_a_long_response_keeps_one_window() {
    let window = |server: &mut Server| {
        let Action::Read(mut read) = server.session.poll(Duration::ZERO) else { panic!("no read") };
        read.space().len()
    };
    let mut server = echo(1);
    server.send("AUTH X-ECHO\r\n");
    let mut input = format!("{}\r\n", "A".repeat(60_000)).into_bytes();
    input.extend_from_slice(b"*\r\nU");
    while !input.is_empty() {
        match server.session.poll(Duration::ZERO) {
            Action::Read(mut read) => {
                let octets = read.space().len().min(input.len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input.drain(..octets);
                read.filled(octets);
            }
            other => panic!("{other:?}"),
        }
    }
    server.send("");
    assert_eq!(window(&mut server), 2_047, "an octet stands in it");
    assert!(server.send("SER mrose\r\n").starts_with("+OK"), "and it is the front of a command");
}
