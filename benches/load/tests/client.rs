//! The client of the load program takes what is right, and fails at what isn't.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use load::client::Client;

/// What follows the status line of a response to RETR.
const WIRE: &[u8] = b"a line\r\n..\r\n.\r\n";

/// Returns a client of a server that gives these answers, one for each line that it gets, and closes the connection.
fn client(answers: &'static [&[u8]]) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"+OK\r\n").unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for answer in answers {
            lines.next().unwrap().unwrap();
            stream.write_all(answer).unwrap();
        }
    });
    Client::connect(address).unwrap()
}

/// Returns the error of a RETR, as it is shown.
fn refused(answer: &'static [&[u8]]) -> String {
    let one = client(answer).retrieve(1, WIRE.len()).unwrap_err();
    let other = client(answer).retrieve_and_compare(1, WIRE).unwrap_err();
    assert!(!format!("{other:#}").contains('\n'));
    format!("{one:#}")
}

#[test]
fn a_session_that_is_right_is_taken() {
    const ANSWER: &[u8] = b"+OK 11 octets\r\na line\r\n..\r\n.\r\n";
    let mut client = client(&[ANSWER, ANSWER, b"+OK\r\n1 a\r\n2 b\r\n.\r\n", b"+OK\r\n"]);
    client.retrieve(1, WIRE.len()).unwrap();
    client.retrieve_and_compare(1, WIRE).unwrap();
    assert_eq!(client.multi_line("UIDL").unwrap(), 2);
    client.quit().unwrap();
}

#[test]
fn a_message_that_is_too_short_fails() {
    assert_eq!(refused(&[b"+OK\r\na line\r\n.\r\n"]), "RETR 1: at the end: the server has closed the connection");
}

#[test]
fn a_message_that_is_too_long_fails() {
    assert_eq!(refused(&[b"+OK\r\na longer line\r\n..\r\n.\r\n"]), "message 1 doesn't end after 15 octets");
}

#[test]
fn a_message_that_is_another_one_fails() {
    let mut client = client(&[b"+OK\r\nb line\r\n..\r\n.\r\n"]);
    assert_eq!(client.retrieve_and_compare(1, WIRE).unwrap_err().to_string(), "message 1 isn't what was stored");
}

#[test]
fn a_refusal_is_shown_with_its_command() {
    assert_eq!(refused(&[b"-ERR no\x1b\r\n"]), "RETR 1: -ERR no\\x1b");
}

#[test]
fn more_than_was_asked_for_fails() {
    let mut client = client(&[b"+OK\r\n+OK\r\n"]);
    client.command("NOOP").unwrap();
    assert_eq!(client.quit().unwrap_err().to_string(), "more was sent than was asked for, before QUIT");
}
