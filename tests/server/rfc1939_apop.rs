//! RFC 1939 §7: APOP.

use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::auth::apop;
use pop3_proto::server::{Config, Session};
use pop3_proto::wire::{Command, Deviation, Digest, State, Timestamp};

use crate::common::{Call, LOGIN, Server, Store, TIMESTAMP};

/// The digest of RFC 1939's example.
const DIGEST: &str = "c4c9334bac560ecc979e58001b3e22fb";

fn digest_for(timestamp: &str, secret: &str) -> String {
    let digest = apop::digest(&Timestamp::new(timestamp).unwrap(), secret.as_bytes());
    String::from_utf8(digest.to_hex().to_vec()).unwrap()
}

#[test]
fn the_example_of_the_rfc_logs_in() {
    // R-1939-31, R-1939-32
    let store = Store::example();
    let mut server = Server::with_timestamp(&store, TIMESTAMP);
    assert_eq!(server.send(""), format!("+OK POP3 server ready {TIMESTAMP}\r\n"));
    assert_eq!(server.send(format!("APOP mrose {DIGEST}\r\n")), "+OK maildrop locked and ready\r\n");
    assert_eq!(store.calls(), [Call::Apop(b"mrose".to_vec())]);
    assert_eq!(server.session.state(), Some(State::Transaction));
}

#[test]
fn the_digest_is_md5_over_the_timestamp_with_its_brackets_and_the_secret() {
    // R-1939-32
    assert_eq!(digest_for(TIMESTAMP, "tanstaaf"), DIGEST);
    assert_ne!(digest_for("<1896.697170953@dbc.mtview.ca.us>", "tanstaaf"), DIGEST);
    assert_ne!(digest_for(TIMESTAMP, "tanstaaf "), DIGEST);
}

#[test]
fn a_wrong_digest_is_a_failed_login() {
    // R-1939-32, R-3206-02
    let other = digest_for("<1@other.example>", "tanstaaf");
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    let output = server.send(format!("APOP mrose {other}\r\n"));
    assert!(output.ends_with("-ERR [AUTH] wrong name or password\r\n"), "{output}");
    assert_eq!(server.session.state(), Some(State::Authorization));
}

#[test]
fn nobody_logs_in_by_the_proof_of_an_empty_secret() {
    // R-1939-32
    let proof = digest_for(TIMESTAMP, "");
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    server.send("");
    for name in ["mrose", "nobody"] {
        assert_eq!(server.send(format!("APOP {name} {proof}\r\n")), "-ERR [AUTH] wrong name or password\r\n");
    }
}

#[test]
fn every_digit_of_the_digest_counts() {
    // R-1939-32
    for at in 0..DIGEST.len() {
        let mut digits = DIGEST.as_bytes().to_vec();
        digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
        assert!(Digest::from_hex(&digits) != Digest::from_hex(DIGEST.as_bytes()), "digit {at}");
    }
}

#[test]
fn without_a_timestamp_apop_is_not_available_and_the_greeting_has_no_bracket() {
    // R-1939-31
    let store = Store::example();
    let mut server = Server::new(&store);
    assert!(!server.send("").contains('<'));
    assert_eq!(server.send(format!("APOP mrose {DIGEST}\r\n")), "-ERR command not available\r\n");
    assert_eq!(store.calls(), []);
    assert!(Config::new().greeting("ready <1@example>").is_err());
}

#[test]
fn no_timestamp_is_sent_where_nobody_may_log_in() {
    // R-8314-02
    let session = Session::with_exchange(Arc::new(Config::new()), Security::Cleartext);
    let mut server = Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    assert_eq!(server.send(""), crate::common::GREETING);
}

#[test]
fn the_name_is_everything_before_the_last_space() {
    // R-1939-32
    for name in ["m rose", " mrose", "mrose ", "a  b", "\u{fc}"] {
        let store = Store::example();
        Server::with_timestamp(&store, TIMESTAMP).send(format!("APOP {name} {DIGEST}\r\n"));
        assert_eq!(store.calls(), [Call::Apop(name.as_bytes().to_vec())]);
    }
}

#[test]
fn a_digest_is_exactly_32_hexadecimal_digits() {
    // R-1939-32
    let too_long = format!("{DIGEST}0");
    let not_hex = DIGEST.replace('c', "g");
    for digest in ["", &DIGEST[..31], too_long.as_str(), not_hex.as_str(), "x"] {
        let store = Store::example();
        let mut server = Server::with_timestamp(&store, TIMESTAMP);
        server.send("");
        let output = server.send(format!("APOP mrose {digest}\r\n"));
        assert_eq!(output, "-ERR a digest is 32 hexadecimal digits\r\n", "{digest:?}");
        assert_eq!(store.calls(), []);
    }
}

#[test]
fn apop_needs_both_arguments() {
    // R-1939-02
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    server.send("");
    for line in ["APOP", "APOP mrose"] {
        assert_eq!(server.send(format!("{line}\r\n")), "-ERR an argument is missing\r\n");
    }
    let nameless = server.send(format!("CAPA\r\nAPOP  {DIGEST}\r\n"));
    assert!(nameless.ends_with(".\r\n-ERR an argument is missing\r\n"), "{nameless}");
}

#[test]
fn upper_case_digits_are_understood_and_counted() {
    // R-1939-32, R-GEN-11
    let mut server = Server::with_timestamp(&Store::example(), TIMESTAMP);
    let output = server.send(format!("APOP mrose {}\r\n", DIGEST.to_uppercase()));
    assert!(output.ends_with("+OK maildrop locked and ready\r\n"), "{output}");
    assert_eq!(server.session.deviations().count_of(Deviation::UpperCaseDigest), 1);
}

#[test]
fn apop_and_pass_reach_the_host_as_different_credentials() {
    // R-1939-33, C8
    let store = Store::example();
    let mut server = Server::with_timestamp(&store, TIMESTAMP);
    server.send(format!("APOP nobody {DIGEST}\r\n{LOGIN}"));
    let password = Call::Password(b"mrose".to_vec(), b"tanstaaf".to_vec());
    assert_eq!(store.calls(), [Call::Apop(b"nobody".to_vec()), password]);
}

#[test]
fn a_digest_goes_out_in_lower_case() {
    // R-1939-32
    let line = format!("APOP mrose {}", DIGEST.to_uppercase());
    let mut out = Vec::new();
    Command::parse(line.as_bytes()).unwrap().value.encode(&mut out);
    assert_eq!(out, format!("APOP mrose {DIGEST}\r\n").as_bytes());
}
