//! What an exchange takes while it goes on, and what it leaves behind (R-GEN-04, R-5034-06).

use std::time::Duration;

use allocation_counter::measure;
use bytes::Buf;
use pop3_proto::server::{Action, Config, Session};
use pop3_proto::wire::{Mechanism, Opening, Properties};
use pop3_proto::{Io, Security};

use crate::common::{Server, Store, TestDrop};

/// A server with a mechanism whose challenges say again what the client has said.
fn echo(steps: u32) -> Server {
    echoing(steps, Config::new())
}

fn echoing(steps: u32, config: Config) -> Server {
    let store = Store::example();
    store.steps.set(steps);
    let properties = Properties { opening: Opening::Client, cleartext: false };
    let config = config.mechanism_with(Mechanism::new("X-ECHO").unwrap(), properties).unwrap();
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
    let Action::Io(Io::Write(write)) = server.session.poll(Duration::ZERO) else { panic!("nothing to write") };
    assert!(write.remaining() <= 16_384 + 40_004, "{} octets wait", write.remaining());
}

#[test]
fn half_a_command_after_a_long_response_keeps_one_window() {
    let window = |server: &mut Server| {
        let Action::Io(Io::Read(mut read)) = server.session.poll(Duration::ZERO) else { panic!("no read") };
        read.space().len()
    };
    let mut server = echo(1);
    server.send("AUTH X-ECHO\r\n");
    let mut input = format!("{}\r\n", "A".repeat(60_000)).into_bytes();
    input.extend_from_slice(b"*\r\nU");
    while !input.is_empty() {
        match server.session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => {
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

#[test]
fn a_line_of_an_exchange_may_be_as_long_as_a_command_if_that_is_more() {
    // R-5034-06: what `Config::sasl_line_limit` says
    const LIMIT: u32 = 20_000;
    let config = Config::new().command_line_limit(LIMIT).unwrap().sasl_line_limit(12_288).unwrap();
    let text = |octets: usize| "A".repeat(octets);
    let response = text(LIMIT as usize - 4);
    for begin in ["AUTH X-ECHO\r\n", "AUTH X-ECHO "] {
        let (response, prefix) = if begin.ends_with('\n') { (&response[..], "+ \r\n") } else { (&response[12..], "") };
        let mut server = echoing(1, config.clone());
        server.send("");
        // The challenge has as many octets as the response, and a limit that is the same.
        let output = server.send(format!("{begin}{response}\r\n"));
        assert_eq!(output, format!("{prefix}+ {response}\r\n"), "{begin:?}");
        assert!(!server.store.challenge_was_too_long.get());
        server.send("*\r\n");
        let longer = text(response.len() + 4);
        let output = server.send(format!("{begin}{longer}\r\nCAPA 1\r\n"));
        assert_eq!(output, format!("{prefix}-ERR line too long\r\n-ERR too many arguments\r\n"), "{begin:?}");
    }
}

#[test]
fn a_challenge_that_made_the_output_large_leaves_none_of_that() {
    // R-GEN-04: at once when it is written, and the same where it comes after other output
    let challenge = vec![b'c'; 40_000];
    let config = || Config::new().mechanism(Mechanism::CRAM_MD5).unwrap().into();
    for before in ["", "NOOP\r\n", "CAPA\r\n"] {
        let mut session = Session::<TestDrop>::new(config(), Security::Tls);
        let mut lines = Some(format!("{before}AUTH CRAM-MD5\r\n"));
        let mut written = 0;
        let info = measure(|| {
            loop {
                match session.poll(Duration::ZERO) {
                    Action::Io(Io::Read(mut read)) => {
                        let Some(lines) = lines.take() else { return };
                        read.space()[..lines.len()].copy_from_slice(lines.as_bytes());
                        read.filled(lines.len());
                    }
                    Action::Io(Io::Write(mut write)) => {
                        // In pieces, so that it has to be the last one that gives it back.
                        let octets = write.remaining().min(1_000);
                        written += octets;
                        write.advance(octets);
                        if write.remaining() == 0 && lines.is_none() {
                            return;
                        }
                    }
                    Action::Authenticate(step) => step.challenge(&challenge[..]).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
        });
        assert!(written > 53_336 && info.bytes_max > 53_336, "{before:?}: {info:?}");
        // The text of the greeting was given out before: an ordinary buffer may be left, and the line was the caller's.
        assert!(info.bytes_current <= 2_048 + 1_024, "{before:?}: {info:?}");
    }
}
