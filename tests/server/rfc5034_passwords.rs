//! PLAIN (RFC 4616) and LOGIN, which say a password like USER and PASS do.

use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{Action, CloseReason, Config, Credentials, Rejection, Utf8};
use pop3_proto::wire::{Mechanism, Name, Password};
use pop3_proto::{Io, Security};

use crate::common::{Call, Server, Store};

const LOGGED_IN: &str = "+OK maildrop locked and ready\r\n";
const REFUSED: &str = "-ERR [AUTH] wrong name or password\r\n";
const MALFORMED: &str = "-ERR response is malformed\r\n";
const ASK_NAME: &str = "+ VXNlcm5hbWU6\r\n";
const ASK_PASSWORD: &str = "+ UGFzc3dvcmQ6\r\n";

fn config() -> Config {
    Config::new().mechanism(Mechanism::LOGIN).unwrap()
}

/// A server that has greeted.
fn with(config: Config) -> Server {
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    server.send("");
    server
}

fn encoded(octets: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(octets.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

/// PLAIN with a message, in one line and in two.
fn plain(message: impl AsRef<[u8]>) -> [String; 2] {
    let message = encoded(message);
    [format!("AUTH PLAIN {message}\r\n"), format!("AUTH PLAIN\r\n{message}\r\n")]
}

/// LOGIN, with the name in AUTH and after it.
fn login(name: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> [String; 2] {
    let (name, password) = (encoded(name), encoded(password));
    [format!("AUTH LOGIN {name}\r\n{password}\r\n"), format!("AUTH LOGIN\r\n{name}\r\n{password}\r\n")]
}

/// The last line of what the server answers.
fn last(server: &mut Server, lines: impl AsRef<[u8]>) -> String {
    let answers = server.send(lines);
    answers.split_inclusive('\n').next_back().unwrap().to_owned()
}

/// Whether the host is asked for a login with just these credentials, be it the first time or the second.
fn asks(lines: &str, expected: &Credentials<'_>) {
    let mut server = with(config());
    let mut input = lines.as_bytes();
    let mut asked = 0;
    while asked < 2 {
        match server.session.poll(server.now) {
            Action::Io(Io::Read(mut read)) => {
                read.space()[..1].copy_from_slice(&input[..1]);
                read.filled(1);
                input = &input[1..];
            }
            Action::Io(Io::Write(mut write)) => bytes::Buf::advance(&mut write, usize::MAX),
            Action::Login(login) => {
                assert_eq!(&login.credentials(), expected, "{lines:?}");
                assert_eq!(login.credentials().verify(Some("tanstaaf")), Ok(()));
                for wrong in [Some("tanstaa"), Some(""), None] {
                    assert_eq!(login.credentials().verify(wrong), Err(Rejection::BadCredentials));
                }
                asked += 1;
            }
            other => panic!("{lines:?}: {other:?}"),
        }
    }
    assert!(input.is_empty(), "{lines:?}: not before the line is complete");
}

#[test]
fn plain_and_login_ask_the_host_what_user_and_pass_do() {
    // R-5034-13
    let expected =
        Credentials::Password { name: Name::new("mrose").unwrap(), password: Password::new("tanstaaf").unwrap() };
    asks(crate::common::LOGIN, &expected);
    for lines in plain("\0mrose\0tanstaaf").into_iter().chain(login("mrose", "tanstaaf")) {
        asks(&lines, &expected);
    }
}

#[test]
fn plain_takes_one_message_with_auth_or_after_it() {
    // R-5034-03, R-5034-13, R-5034-14
    let [one, two] = plain("\0mrose\0tanstaaf");
    assert_eq!(one, "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n");
    assert_eq!(with(config()).send(one), LOGGED_IN);
    assert_eq!(with(config()).send(two), format!("+ \r\n{LOGGED_IN}"));
}

#[test]
fn login_asks_for_the_name_unless_it_came_with_auth_and_then_for_the_password() {
    // R-5034-02
    let [one, two] = login("mrose", "tanstaaf");
    assert_eq!(with(config()).send(one), format!("{ASK_PASSWORD}{LOGGED_IN}"));
    assert_eq!(with(config()).send(two), format!("{ASK_NAME}{ASK_PASSWORD}{LOGGED_IN}"));
}

#[test]
fn an_authorization_identity_that_is_the_name_is_fine() {
    // R-5034-13
    for lines in plain("mrose\0mrose\0tanstaaf") {
        assert_eq!(last(&mut with(config()), lines), LOGGED_IN);
    }
    // RFC 5034 §6
    let mut server = with(config());
    assert_eq!(server.send("AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=\r\n"), REFUSED);
    assert_eq!(server.store.logins(), [("test".to_owned(), "test".to_owned())]);
}

#[test]
fn another_authorization_identity_is_a_failed_login_of_which_the_host_does_not_hear() {
    // R-5034-13, R-GEN-06
    for identity in ["root", "MROSE", "mros", "mrose "] {
        for lines in plain(format!("{identity}\0mrose\0tanstaaf")) {
            let mut server = with(config().failed_logins(2).unwrap());
            assert_eq!(last(&mut server, &lines), REFUSED, "{identity}");
            assert_eq!(server.closed, None);
            assert_eq!(last(&mut server, lines), REFUSED, "{identity}");
            assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
            assert_eq!(server.store.calls(), []);
        }
    }
}

#[test]
fn a_password_with_a_line_end_is_a_failed_login_of_which_the_host_does_not_hear() {
    // R-5034-13, R-OBS-06, R-1939-04
    for password in ["tanstaaf\r\n", "tanstaaf\r\nDELE 1", "\n", "\r", "tans\rtaaf", "\ntanstaaf"] {
        for lines in plain(format!("\0mrose\0{password}")).into_iter().chain(login("mrose", password)) {
            let mut server = with(config().failed_logins(1).unwrap());
            assert_eq!(last(&mut server, lines), REFUSED, "{password:?}");
            assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins), "{password:?}");
            assert_eq!(server.store.calls(), []);
        }
    }
}

#[test]
fn plain_has_three_parts_of_which_only_the_first_may_be_empty() {
    // R-5034-13
    let messages: [&[u8]; 15] = [
        b"",
        b"\0",
        b"\0\0",
        b"mrose",
        b"mrose\0tanstaaf",
        b"\0mrose\0",
        b"\0\0tanstaaf",
        b"mrose\0\0tanstaaf",
        b"mrose\0mrose\0",
        b"\0mrose\0tanstaaf\0",
        b"\0mrose\0tans\0taaf",
        b"\0\0mrose\0tanstaaf",
        b"\0mr\nose\0tanstaaf",
        b"\0mrose\r\n\0tanstaaf",
        b"mr\x01ose\0mrose\0tanstaaf",
    ];
    for message in messages {
        for lines in plain(message) {
            // An argument that isn't there is none that is empty.
            let lines = lines.replace("PLAIN \r", "PLAIN =\r");
            let mut server = with(config().failed_logins(1).unwrap().bad_commands(2, 2).unwrap());
            assert_eq!(last(&mut server, &lines), MALFORMED, "{message:?}");
            assert_eq!((server.closed, server.store.calls()), (None, vec![]), "{message:?}: no failed login");
            server.send(lines);
            assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands), "{message:?}");
        }
    }
}

#[test]
fn login_takes_a_name_and_a_password_neither_of_them_empty() {
    // R-5034-13
    let mrose = encoded("mrose");
    let wrong = [String::new(), encoded("mrose\0"), encoded("\0"), encoded("mr\r\nose"), encoded("mrose\n")];
    for name in &wrong {
        let initial = if name.is_empty() { "=" } else { name };
        for lines in [format!("AUTH LOGIN {initial}\r\n"), format!("AUTH LOGIN\r\n{name}\r\n")] {
            let mut server = with(config().failed_logins(1).unwrap());
            assert_eq!(last(&mut server, lines), MALFORMED, "{name}");
            assert_eq!(last(&mut server, "NOOP\r\n"), "-ERR command not valid in this state\r\n");
        }
    }
    for password in [String::new(), encoded("\0"), encoded("tanstaaf\0"), encoded("tans\0taaf")] {
        let mut server = with(config().failed_logins(1).unwrap().bad_commands(2, 2).unwrap());
        let lines = format!("AUTH LOGIN {mrose}\r\n{password}\r\n");
        assert_eq!(last(&mut server, &lines), MALFORMED, "{password}");
        assert_eq!((server.closed, server.store.calls()), (None, vec![]));
        server.send(lines);
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
    }
}

#[test]
fn names_and_passwords_reach_the_host_octet_by_octet() {
    // R-1939-16, R-1939-17, R-5034-13
    let long = "x".repeat(9_000);
    let passwords = [" ", "  tanstaaf ", "*", "=", "a b  c", "\t\x01\x7f", "grün", "+ ", &long];
    for password in passwords {
        for name in ["mrose", " m rose ", "m+rose@example.org", "größe", &long[..2_048]] {
            for lines in plain(format!("\0{name}\0{password}")).into_iter().chain(login(name, password)) {
                let mut server = with(config());
                assert_eq!(last(&mut server, lines), REFUSED);
                assert_eq!(server.store.logins(), [(name.to_owned(), password.to_owned())]);
            }
        }
    }
}

#[test]
fn a_name_that_no_command_could_say_is_malformed() {
    // R-GEN-04: names are kept, so they stay within the command line's limit
    let name = "x".repeat(2_049);
    for lines in plain(format!("\0{name}\0tanstaaf")).into_iter().chain(login(&name, "tanstaaf")) {
        let mut server = with(config());
        let answers = server.send(lines);
        assert!(answers.contains(MALFORMED), "{answers}");
        assert_eq!(server.store.calls(), []);
    }
}

#[test]
fn with_names_in_utf8_what_is_no_utf8_does_not_reach_the_host() {
    // R-6856-05
    let not_utf8 = "-ERR [AUTH] name or password is not UTF-8\r\n";
    let wrong: [(&[u8], &[u8]); 2] = [(b"gr\xfcn", b"x"), (b"x", b"gr\xfcn")];
    for (name, password) in wrong {
        for lines in plain([b"\0", name, b"\0", password].concat()).into_iter().chain(login(name, password)) {
            let mut server = with(config().utf8(Utf8::MessagesAndNames));
            assert_eq!(last(&mut server, &lines), not_utf8);
            assert_eq!(server.store.calls(), []);
            let mut server = with(config().utf8(Utf8::Messages));
            assert_eq!(last(&mut server, lines), REFUSED);
            assert!(matches!(&server.store.calls()[..], [Call::Password(n, p)] if n == name && p == password));
        }
    }
}

#[test]
fn the_name_of_login_is_no_name_for_pass_and_the_other_way_round() {
    // R-5034-01, R-5034-10, R-1939-15
    let mut server = with(config());
    assert_eq!(server.send("USER root\r\nAUTH LOGIN\r\n"), format!("+OK send PASS\r\n{ASK_NAME}"));
    assert_eq!(server.send(format!("{}\r\n{}\r\n", encoded("mrose"), encoded("wrong"))).lines().count(), 2);
    assert_eq!(server.store.logins(), [("mrose".to_owned(), "wrong".to_owned())]);
    assert_eq!(server.send("PASS tanstaaf\r\n"), "-ERR send USER first\r\n");
    assert_eq!(
        server.send("AUTH PLAIN AG1yb3NlAHdyb25n\r\nPASS tanstaaf\r\n"),
        format!("{REFUSED}-ERR send USER first\r\n")
    );
}

#[test]
fn a_host_that_wants_it_gets_plain_and_login_step_by_step() {
    // R-5034-02, R-5034-13
    let step = |mechanism, response: &[u8]| Call::Step(mechanism, Some(response.to_vec()));
    let config = config().sasl_passwords_as_logins(false);
    for lines in plain("root\0mrose\0tans\r\ntaaf") {
        let mut server = with(config.clone());
        assert_eq!(last(&mut server, lines), REFUSED);
        let asked = step(Mechanism::PLAIN, b"root\0mrose\0tans\r\ntaaf");
        assert_eq!(server.store.calls(), [asked, Call::ExchangeDropped], "whatever it says");
    }
    let mut server = with(config.clone());
    assert_eq!(server.send("AUTH PLAIN =\r\n"), REFUSED);
    assert_eq!(server.store.calls(), [step(Mechanism::PLAIN, b""), Call::ExchangeDropped]);

    let [one, two] = login("mrose", "tanstaaf");
    let (name, password) = (step(Mechanism::LOGIN, b"mrose"), step(Mechanism::LOGIN, b"tanstaaf"));
    let mut server = with(config.clone());
    assert_eq!(server.send(one), format!("{ASK_PASSWORD}{LOGGED_IN}"));
    assert_eq!(server.store.calls(), [name.clone(), password, Call::ExchangeDropped]);
    let mut server = with(config);
    let answers = server.send(two);
    assert!(answers.starts_with(ASK_NAME), "{answers}");
    assert_eq!(server.store.calls()[..2], [Call::Step(Mechanism::LOGIN, None), name], "the host asks for the name");
}
