//! The first example of the client's documentation, against a real session.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use pop3_proto::client::{Name, Password};

use crate::common::{Server, Store};

include!("../../src/client/first_message.rs");

fn login(name: &str, password: &str) -> Login {
    Login::new(Name::new(name).unwrap(), Password::new(password).unwrap())
}

/// A maildrop's messages, and of all that its server says so many octets.
#[derive(Clone, Copy)]
struct Given {
    messages: &'static [&'static str],
    most: usize,
}

const TWO: Given =
    Given { messages: &["Subject: hi\r\n\r\n.\r\nbye\r\n", "Subject: the second\r\n\r\n"], most: usize::MAX };

/// Runs the example against a server of one connection; also how much that server has said.
fn run(given: Given, name: &str, password: &str) -> (Result<Option<Vec<u8>>, String>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = thread::spawn(move || serve(given, listener.accept().unwrap().0));
    let outcome = first_message(socket, login(name, password)).map_err(|error| error.to_string());
    (outcome, server.join().unwrap())
}

fn serve(given: Given, mut socket: TcpStream) -> usize {
    let store = Store::new(given.messages);
    let mut server = Server::new(&store);
    let (mut octets, mut said) = (Vec::new(), 0);
    loop {
        let mut output = server.receive(&octets);
        output.truncate(given.most - said);
        said += output.len();
        if socket.write_all(&output).is_err() || server.closed.is_some() || said == given.most {
            return said;
        }
        octets.resize(1_024, 0);
        match socket.read(&mut octets) {
            Ok(0) | Err(_) => return said,
            Ok(read) => octets.truncate(read),
        }
    }
}

#[test]
fn the_first_example_returns_the_first_message() {
    assert_eq!(run(TWO, "mrose", "tanstaaf").0, Ok(Some(TWO.messages[0].into())));
    let empty = Given { messages: &[""], ..TWO };
    assert_eq!(run(empty, "mrose", "tanstaaf").0, Ok(Some(Vec::new())), "a message without octets is one");
}

#[test]
fn the_first_example_returns_a_message_that_is_whole_though_quit_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = thread::spawn(move || {
        let mut socket = BufReader::new(listener.accept().unwrap().0);
        let answers = ["+OK", "-ERR", "+OK", "+OK", "+OK 1 7", "+OK\r\nwhole\r\n.", "-ERR not all is removed"];
        for answer in answers {
            socket.get_mut().write_all(format!("{answer}\r\n").as_bytes()).unwrap();
            socket.read_line(&mut String::new()).unwrap();
        }
    });
    let message = first_message(socket, login("mrose", "tanstaaf")).map_err(|error| error.to_string());
    server.join().unwrap();
    assert_eq!(message, Ok(Some(b"whole\r\n".to_vec())));
}

#[test]
fn the_first_example_tells_an_empty_maildrop() {
    assert_eq!(run(Given { messages: &[], ..TWO }, "mrose", "tanstaaf").0, Ok(None));
}

#[test]
fn the_first_example_fails_for_a_wrong_password() {
    for (name, password) in [("mrose", "tans"), ("nobody", "tanstaaf")] {
        let error = run(TWO, name, password).0.unwrap_err();
        assert!(error.starts_with("AUTH PLAIN: -ERR [AUTH] wrong name or password; the server offers "), "{error}");
    }
}

#[test]
fn the_first_example_fails_wherever_the_connection_is_cut() {
    // R-GEN-14, R-1939-29: not before QUIT is answered is it known that the message is whole.
    let (whole, all) = run(TWO, "mrose", "tanstaaf");
    assert!(whole.is_ok() && all > 100);
    for most in 0..all {
        let cut = run(Given { most, ..TWO }, "mrose", "tanstaaf");
        assert!(cut.0.is_err(), "cut after {most} octets: {cut:?}");
    }
}
