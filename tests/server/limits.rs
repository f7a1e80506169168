//! Limits: what a client may do before it is cut off, and that nothing is ever removed then (R-GEN-06).

use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{CloseReason, Config, Rejection};
use pop3_proto::wire::Mechanism;
use pop3_proto::{BelowMinimum, Security};

use crate::common::{GREETING, LOGIN, Server, Store};

const TOO_LONG: &str = "-ERR line too long\r\n";

fn tls(config: Config) -> Server {
    Server::with(&Store::example(), config, Security::Tls)
}

/// Sends lines one by one until the session is over: how many were answered, and the last answer.
fn until_closed(server: &mut Server, line: &str) -> (usize, String) {
    server.send("");
    for answered in 1..10_000 {
        let output = server.send(format!("{line}\r\n"));
        if server.closed.is_some() {
            return (answered, output);
        }
    }
    panic!("it goes on and on");
}

#[test]
fn a_line_of_exactly_the_limit_is_a_command_and_one_octet_more_is_too_long() {
    // R-2449-05, C1
    for limit in [255_u32, 256, 2048, 65_536] {
        let mut server = tls(crate::common::patient(Config::new()).command_line_limit(limit).unwrap());
        server.send("");
        let line = |octets: u32, end: &str| "USER ".to_owned() + &"x".repeat(octets as usize - 5 - end.len()) + end;
        for end in ["\r\n", "\n"] {
            assert_eq!(server.send(line(limit, end)), "+OK send PASS\r\n", "{limit} {end:?}");
            assert_eq!(server.send(line(limit + 1, end)), TOO_LONG, "{limit} {end:?}");
            assert_eq!(server.send(line(limit, end)), "+OK send PASS\r\n", "{limit} {end:?}");
        }
    }
}

#[test]
fn a_server_takes_lines_of_255_octets_at_least() {
    // R-2449-05
    assert_eq!(Config::new().command_line_limit(254).unwrap_err(), BelowMinimum { minimum: 255 });
}

#[test]
fn a_line_that_is_too_long_is_answered_once_and_at_once() {
    // R-1939-11, R-2449-05
    let mut server = tls(Config::new());
    server.send("");
    assert_eq!(server.send("x".repeat(2047)), "");
    assert_eq!(server.send("x"), TOO_LONG, "it can't become a command any more");
    assert_eq!(server.send("x".repeat(100_000)), "");
    assert_eq!(server.send("\r\nCAPA x\r\n"), "-ERR too many arguments\r\n");
}

#[test]
fn what_is_after_the_limit_is_no_command() {
    // R-2449-05
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    let output = server.send("x".repeat(2048) + "DELE 1\r\nDELE 2\r\n");
    assert_eq!(output, format!("{TOO_LONG}+OK message marked as deleted\r\n"));
    assert!(server.send("LIST 1\r\n").starts_with("+OK"), "only the second was a line");
}

#[test]
fn an_over_long_line_counts_as_a_bad_command() {
    // R-2449-05
    let mut server = tls(Config::new());
    let (answered, last) = until_closed(&mut server, &"x".repeat(5000));
    assert_eq!((answered, last.as_str()), (10, "-ERR too many bad commands\r\n"));
}

#[test]
fn ten_bad_commands_in_a_row_are_too_many_before_login_and_twenty_after() {
    // R-GEN-06
    for bad in ["NOPE", " ", "STAT 1", "\0", "\r", "GET"] {
        let (answered, last) = until_closed(&mut tls(Config::new()), bad);
        assert_eq!((answered, last.as_str()), (10, "-ERR too many bad commands\r\n"), "{bad:?}");
        let mut server = tls(Config::new());
        server.log_in();
        assert_eq!(until_closed(&mut server, bad).0, 20, "{bad:?}");
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
    }
    assert_eq!(until_closed(&mut tls(Config::new()), "STAT").0, 10, "out of place is bad too");
}

#[test]
fn empty_lines_are_answered_and_are_no_bad_commands() {
    // R-GEN-06, R-1939-10: a person in a terminal, or something that keeps the connection alive
    for end in ["\r\n", "\n"] {
        let mut server = tls(Config::new().bad_commands(1, 1).unwrap());
        server.send("");
        assert_eq!(server.send(end.repeat(30)), "-ERR unknown command\r\n".repeat(30));
        server.log_in();
        assert_eq!(server.send(end.repeat(1000)), "-ERR unknown command\r\n".repeat(1000));
        assert_eq!(server.closed, None);
    }
}

#[test]
fn an_empty_line_does_not_end_the_row_either() {
    // R-GEN-06
    let mut server = tls(Config::new());
    server.send("NOPE\r\n\r\n".repeat(9));
    assert_eq!(server.closed, None);
    server.send("NOPE\r\n");
    assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
}

#[test]
fn empty_lines_before_login_are_commands_all_the_same() {
    // R-GEN-06, R-1939-15: no line is free, and a name that USER has sent is for the next line
    assert_eq!(until_closed(&mut tls(Config::new()), "").0, 51);
    let mut server = tls(Config::new());
    let output = server.send("USER mrose\r\n\r\nPASS tanstaaf\r\n");
    assert_eq!(output.lines().last(), Some("-ERR send USER first"));
    assert_eq!(server.store.calls(), []);
}

/// The first lines of HTTP requests: of browsers, of scanners, of proxies, and such that are too long for a line.
fn requests() -> Vec<String> {
    let mut requests: Vec<_> = [
        "GET / HTTP/1.1",
        "GET /index.html?q=USER%20mrose HTTP/1.0",
        "POST /mail HTTP/1.1",
        "HEAD / HTTP/1.1",
        "PUT /a%20b HTTP/1.1",
        "DELETE /1 HTTP/1.1",
        "PATCH /1 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "OPTIONS /",
        "CONNECT mail.example.org:110 HTTP/1.1",
        "GET http://mail.example.org:110/ HTTP/1.1",
        "GET https://mail.example.org/ HTTP/1.1  ",
        "PROPFIND / HTTP/1.1",
        "PRI * HTTP/2.0",
        "GET /",
        "GET /a b c",
        "PASSWORD / HTTP/1.1",
        "GET /\0 HTTP/1.1",
    ]
    .map(str::to_owned)
    .into();
    requests.push(format!("GET /{}", "x".repeat(10_000)));
    requests.push(format!("POST /{} HTTP/1.1", "x".repeat(3_000)));
    requests
}

#[test]
fn an_http_request_before_login_ends_the_session_at_its_first_line() {
    // R-GEN-06: a web page may make a browser send commands in the body of a request
    for request in requests() {
        for before in ["", "\r\n", "CAPA\r\n", "USER mrose\r\n", "STLS\r\n"] {
            let store = Store::example();
            let mut server = Server::with(&store, Config::new().stls(true), Security::TrustedLocal);
            let calls = usize::from(before == "STLS\r\n");
            server.send(before);
            server.send(format!("{request}\r\nHost: mail.example.org\r\n\r\n{LOGIN}DELE 1\r\nQUIT\r\n"));
            assert_eq!(server.closed, Some(CloseReason::HttpRequest), "{request} after {before:?}");
            assert_eq!(store.calls().len(), calls, "{request}: nobody was asked");
        }
    }
    let mut server = tls(Config::new());
    server.send("");
    assert_eq!(server.send("GET / HTTP/1.1\r\nUSER mrose\r\n"), "-ERR this is POP3 and not HTTP\r\n");
}

#[test]
fn it_does_not_matter_how_a_request_is_split() {
    // R-GEN-01
    for request in requests() {
        for reads in [1, 2, 5, 254, 256, 4_096] {
            let mut server = tls(Config::new().command_line_limit(255).unwrap());
            server.reads = reads.into();
            server.send("");
            let output = server.send(format!("{request}\r\n{LOGIN}"));
            assert_eq!(output, "-ERR this is POP3 and not HTTP\r\n", "{request} in pieces of {reads}");
        }
    }
}

#[test]
fn what_only_looks_like_http_is_what_it_was() {
    // R-GEN-06, R-1939-16: names and passwords are any octets
    for line in [
        "GET",
        "GET 1",
        "SEE 1 HTTP/1.x",
        "SEE 1 HTTP/x.1",
        "get / http/1.1",
        " GET / HTTP/1.1",
        "HTTP/1.1",
        "HTTP/1.1 200 OK",
        "GETS /",
        "LIST / HTTP/1.1",
    ] {
        let mut server = tls(Config::new());
        server.send("");
        assert!(server.send(format!("{line}\r\n")).starts_with("-ERR "), "{line}");
        assert_eq!(server.closed, None, "{line}");
    }
    let store = Store::example();
    let mut server = Server::with(&store, Config::new(), Security::Tls);
    server.send("USER GET / HTTP/1.1\r\nPASS /x HTTP/1.1\r\nAUTH PLAIN\r\nGET / HTTP/1.1\r\n");
    assert_eq!(store.logins(), [("GET / HTTP/1.1".to_owned(), "/x HTTP/1.1".to_owned())]);
    assert_eq!(server.closed, None, "a line of an exchange is data");
    // Whoever has logged in is a POP3 client.
    let mut server = tls(Config::new());
    server.log_in();
    assert_eq!(server.send("GET / HTTP/1.1\r\nNOOP\r\n"), "-ERR unknown command\r\n+OK\r\n");
}

#[test]
fn failed_logins_are_counted_for_the_host_and_so_are_those_that_it_never_sees() {
    // R-GEN-06: a host that counts guesses misses none
    let base64 = |octets: &str| {
        let mut text = Vec::new();
        base64::encode(octets.as_bytes(), &mut text);
        String::from_utf8(text).unwrap()
    };
    let config = crate::common::patient(Config::new()).stls(true).mechanism(Mechanism::LOGIN).unwrap();
    let store = Store::example();
    let mut server = Server::with(&store, config, Security::TrustedLocal);
    let mut failed = 0;
    for tls in [false, true] {
        if tls {
            server.send("STLS\r\n");
            assert_eq!(server.session.totals().failed_logins, failed, "a total that STLS doesn't take back");
        }
        let plain = |message: &str| format!("AUTH PLAIN {}\r\n", base64(message));
        for (lines, fails, asked) in [
            ("USER mrose\r\nPASS wrong\r\n".to_owned(), 1, 1),
            (plain("\0mrose\0wrong"), 1, 1),
            (plain("postmaster\0mrose\0tanstaaf"), 1, 0),
            (plain("\0mrose\0tans\ntaaf"), 1, 0),
            (format!("AUTH LOGIN\r\nbXJvc2U=\r\n{}\r\n", base64("a\rb")), 1, 0),
            ("PASS x\r\nUSER mrose\r\nPASS \r\nAUTH PLAIN !\r\nAUTH PLAIN\r\n*\r\n".to_owned(), 0, 0),
            (plain("mrose"), 0, 0),
        ] {
            let calls = store.calls().len();
            server.send(&lines);
            failed += fails;
            assert_eq!(server.session.totals().failed_logins, failed, "{lines:?}");
            assert_eq!(store.calls().len() - calls, asked, "{lines:?}");
        }
    }
    for rejection in [Rejection::InUse, Rejection::Temporary, Rejection::LoginDelay { seconds: None }] {
        store.rejection.set(Some(rejection));
        server.send(LOGIN);
        assert_eq!(server.session.totals().failed_logins, failed, "{rejection:?} is no guess");
    }
    store.rejection.set(None);
    server.log_in();
    assert_eq!(server.session.totals().failed_logins, failed);
    server.send("QUIT\r\n");
    assert_eq!((server.closed, server.session.totals().failed_logins), (Some(CloseReason::Quit), failed));
}

#[test]
fn a_good_command_ends_the_row() {
    // R-GEN-06
    let mut server = Server::logged_in(&Store::example());
    for _ in 0..20 {
        server.send("X\r\n".repeat(19) + "NOOP\r\n");
    }
    assert_eq!(server.closed, None);
    server.send("X\r\n".repeat(20));
    assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
}

#[test]
fn the_limit_of_bad_commands_is_configurable() {
    // R-GEN-06
    let mut server = tls(Config::new().bad_commands(1, 2).unwrap());
    assert_eq!(server.send("X\r\n"), format!("{GREETING}-ERR too many bad commands\r\n"));
    let mut server = tls(Config::new().bad_commands(1, 2).unwrap());
    server.log_in();
    assert_eq!(server.send("X\r\nX\r\n"), "-ERR unknown command\r\n-ERR too many bad commands\r\n");
    for (before, after) in [(0, 1), (1, 0)] {
        assert_eq!(Config::new().bad_commands(before, after).unwrap_err(), BelowMinimum { minimum: 1 });
    }
}

#[test]
fn the_third_login_that_fails_is_the_last() {
    // R-GEN-06
    let mut server = tls(Config::new());
    let output = server.send("USER mrose\r\nPASS wrong\r\n".repeat(4));
    assert_eq!(output.matches("-ERR [AUTH] wrong name or password\r\n").count(), 3);
    assert!(output.ends_with("password\r\n"), "one -ERR, then the end");
    assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
    assert_eq!(Config::new().failed_logins(0).unwrap_err(), BelowMinimum { minimum: 1 });
}

#[test]
fn good_commands_between_failed_logins_take_none_back() {
    // R-GEN-06: a success resets the row, not the total
    let mut server = tls(Config::new());
    server.send("USER mrose\r\nPASS wrong\r\nCAPA\r\n".repeat(2));
    assert_eq!(server.closed, None);
    server.send("USER mrose\r\nPASS wrong\r\n");
    assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
}

#[test]
fn fifty_commands_before_login_are_enough() {
    // R-GEN-06
    let mut server = tls(Config::new());
    let (answered, last) = until_closed(&mut server, "USER mrose");
    assert_eq!((answered, last.as_str()), (51, "-ERR too many commands before login\r\n"));
    assert_eq!(server.closed, Some(CloseReason::TooManyCommandsBeforeLogin));
    assert_eq!(Config::new().commands_before_login(9).unwrap_err(), BelowMinimum { minimum: 10 });
    let (answered, _) = until_closed(&mut tls(Config::new().commands_before_login(10).unwrap()), "CAPA");
    assert_eq!(answered, 11);
}

#[test]
fn commands_after_login_are_not_counted() {
    // R-GEN-06
    let mut server = tls(Config::new().commands_before_login(10).unwrap());
    server.send("CAPA\r\n".repeat(8) + LOGIN);
    server.send("NOOP\r\n".repeat(1000));
    assert_eq!(server.closed, None);
}

#[test]
fn nothing_is_removed_and_nothing_more_is_read_at_a_limit() {
    // R-1939-29, R-GEN-06
    for bad in ["X\r\n".repeat(20), "x".repeat(3000).repeat(20) + "\r\n", "QUIT 1\r\n".repeat(20), "\0\r\n".repeat(20)]
    {
        let store = Store::example();
        let mut server = Server::with(&store, Config::new().bad_commands(3, 1).unwrap(), Security::Tls);
        server.log_in();
        let output = server.send(format!("DELE 1\r\n{bad}QUIT\r\n"));
        assert!(output.ends_with("-ERR too many bad commands\r\n"), "{output}");
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
        assert_eq!(store.updates(), 0);
        assert!(!store.locked.get());
    }
}

#[test]
fn the_output_limit_has_room_for_one_response_after_another() {
    // R-GEN-04
    assert_eq!(Config::new().output_limit(1023).unwrap_err(), BelowMinimum { minimum: 1024 });
    let mut server = tls(Config::new().output_limit(1024).unwrap());
    server.log_in();
    assert_eq!(server.send("NOOP\r\n".repeat(1000)), "+OK\r\n".repeat(1000));
}
