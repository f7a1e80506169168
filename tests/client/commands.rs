//! Which commands can be sent, when they go, and what becomes of the secrets in them.

use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::sasl::Plain;
use pop3_proto::client::{Action, Closed, Config, LoginFailure, Method, SendError, Session};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Command, Digest, Language, Mechanism, Name, Password, Verb};
use pop3_proto::{Io, Security};

use crate::common::{Script, in_any_way, mrose, unsent};

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

fn user(name: &[u8]) -> Command<'_> {
    Command::User { name: Name::new(name).unwrap() }
}

fn pass(password: &[u8]) -> Command<'_> {
    Command::Pass { password: Password::new(password).unwrap() }
}

fn session(config: Config, security: Security) -> Session {
    Session::new(config.into(), security)
}

/// A client that was greeted and told these capabilities.
fn told(config: Config, security: Security, capabilities: &str) -> Script {
    let mut script = Script::with(config, security);
    script.says("+OK\r\n");
    script.asks("CAPA", format!("+OK\r\n{capabilities}\r\n.\r\n"));
    script
}

#[test]
fn a_line_has_at_most_255_octets() {
    // R-2449-05, C1
    let mut script = Script::with(Config::new(), Security::Tls);
    script.says("+OK <1896.697170952@dbc.mtview.ca.us>\r\n");
    let session = &mut script.client.session;
    for (octets, expected) in [(248, true), (249, false), (5_000, false)] {
        let long = b"x".repeat(octets);
        let digest = Digest::from_hex(&[b'0'; 32]).unwrap();
        let results = [session.send(&user(&long)), session.send(&pass(&long))];
        let name = &long[..(octets - 33).min(5_000)];
        let apop = session.send(&Command::Apop { name: Name::new(name).unwrap(), digest });
        for result in results.into_iter().chain([apop]) {
            assert_eq!(result.err(), (!expected).then_some(SendError::TooLong), "{octets}");
        }
    }
}

#[test]
fn names_and_passwords_are_ascii_unless_the_server_takes_more() {
    // R-1939-04, R-6856-05, R-6856-06
    for (capabilities, allowed) in [("TOP", false), ("UTF8", false), ("UTF8 USER", true)] {
        let mut script = told(Config::new(), Security::Tls, capabilities);
        for command in [user("m\u{fc}".as_bytes()), pass(b"\xff")] {
            let result = script.client.session.send(&command);
            assert_eq!(result.err(), (!allowed).then_some(SendError::NotAscii), "{capabilities}");
        }
    }
    let mut before = session(Config::new(), Security::Tls);
    assert_eq!(before.send(&user("m\u{fc}".as_bytes())), Err(SendError::NotAscii));
    assert!(before.send(&pass(b"tab\tand\x01")).is_ok());
}

#[test]
fn no_secret_is_sent_where_others_listen() {
    // R-8314-02
    for (security, allowed, can) in [
        (Security::Cleartext, false, false),
        (Security::Cleartext, true, true),
        (Security::TrustedLocal, false, true),
        (Security::Tls, false, true),
        (Security::TlsProxy, false, true),
    ] {
        let mut session = session(Config::new().cleartext_secrets(allowed), security);
        let refused = (!can).then_some(SendError::Cleartext);
        assert_eq!(session.send(&pass(b"tanstaaf")).err(), refused);
        let name = Name::new("mrose").unwrap();
        let password = Password::new("tanstaaf").unwrap();
        let plain = Plain { authorization: None, name, password };
        assert_eq!(session.authenticate_with(Mechanism::PLAIN, &plain).err(), refused);
        for mechanism in [Mechanism::LOGIN, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER, Mechanism::new("NEW").unwrap()]
        {
            let mut session = self::session(Config::new().cleartext_secrets(allowed), security);
            assert_eq!(session.authenticate(mechanism).err(), refused, "{mechanism}");
        }
        // A name, or a proof that tells no secret, may go.
        let mut session = self::session(Config::new().cleartext_secrets(allowed), security);
        assert!(session.send(&user(b"mrose")).is_ok());
        assert!(session.authenticate(Mechanism::CRAM_MD5).is_ok());
    }
}

#[test]
fn nothing_of_a_command_that_can_not_be_sent_is_queued() {
    let mut script = Script::with(Config::new(), Security::Cleartext);
    assert!(script.client.try_to_say("PASS tanstaaf").is_err());
    script.says("+OK\r\n");
    assert_eq!(unsent(mrose(Method::User, "tanstaaf"), &mut script.client.session), LoginFailure::NeedsTls);
    assert!(script.client.try_to_say("PASS tanstaaf").is_err());
    assert_eq!(script.wrote(), "");
}

#[test]
fn apop_needs_a_timestamp() {
    // R-1939-31
    let apop = format!("APOP mrose {}", "0".repeat(32));
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says("+OK ready\r\n");
    assert_eq!(script.client.try_to_say(&apop), Err(SendError::NoTimestamp));
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says(format!("+OK ready {TIMESTAMP}\r\n"));
    assert!(script.client.try_to_say(&apop).is_ok());
    assert_eq!(script.wrote(), format!("{apop}\r\n"));
}

#[test]
fn an_exchange_is_not_begun_by_send() {
    let mut script = Script::new(Config::new());
    for line in ["AUTH PLAIN", "AUTH PLAIN AGEAYg==", "AUTH CRAM-MD5"] {
        assert_eq!(script.client.try_to_say(line), Err(SendError::Exchange));
    }
    assert!(script.client.try_to_say("AUTH").is_ok());
}

#[test]
fn nothing_is_sent_after_quit_or_the_end() {
    let mut script = Script::logged_in(Config::new());
    script.client.say("QUIT");
    assert_eq!(script.client.try_to_say("NOOP"), Err(SendError::Over));
    assert_eq!(script.client.session.authenticate(Mechanism::PLAIN), Err(SendError::Over));
    script.says("+OK\r\n");
    assert_eq!(script.client.try_to_say("NOOP"), Err(SendError::Over));
    assert_eq!(script.wrote(), "QUIT\r\n");
}

#[test]
fn the_queue_has_its_size_and_empties() {
    // R-GEN-04
    let mut script = Script::logged_in(Config::new().queue(510).unwrap());
    let fits = |script: &mut Script| (0..99).take_while(|_| script.client.try_to_say("NOOP").is_ok()).count();
    assert_eq!(fits(&mut script), 85);
    assert_eq!(script.client.try_to_say("NOOP"), Err(SendError::QueueFull));
    assert_eq!(script.wrote(), "NOOP\r\n");
    assert_eq!(fits(&mut script), 1);
    for _ in 0..86 {
        assert_eq!(script.says("+OK\r\n"), ["NOOP +OK"]);
    }
    assert_eq!(fits(&mut script), 85);
}

#[test]
fn commands_go_one_at_a_time_until_capa_says_otherwise() {
    // R-2449-16
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.client.say("CAPA\r\nUSER mrose\r\nPASS tanstaaf\r\nNOOP\r\nSTAT");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "CAPA\r\n");
        script.says("+OK\r\nTOP\r\n.\r\n");
        assert_eq!(script.wrote(), "USER mrose\r\n");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "PASS tanstaaf\r\n");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "NOOP\r\n");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "STAT\r\n");
    });
}

#[test]
fn commands_go_ahead_of_their_responses_where_the_server_takes_them() {
    // R-2449-16
    let mut script = told(Config::new(), Security::TrustedLocal, "PIPELINING");
    script.client.say("USER mrose\r\nPASS tanstaaf\r\nNOOP\r\nRETR 1\r\nSTAT\r\nQUIT");
    assert_eq!(script.wrote(), "USER mrose\r\nPASS tanstaaf\r\n");
    assert_eq!(script.says("+OK\r\n+OK\r\n"), ["USER +OK", "PASS +OK"]);
    assert_eq!(script.wrote(), "NOOP\r\nRETR 1\r\nSTAT\r\nQUIT\r\n");
    let heard = script.says("+OK\r\n+OK\r\nx\r\n.\r\n+OK 1 2\r\n+OK\r\n");
    assert_eq!(heard, ["NOOP +OK", "RETR begins +OK", "RETR ends", "STAT 1 2", "QUIT +OK"]);
    assert_eq!(script.closed(), Ok(Closed::Quit(Removal::All)));
}

#[test]
fn pipelining_can_be_switched_off() {
    // R-2449-17
    let mut script = told(Config::new().pipelining(false), Security::TrustedLocal, "PIPELINING");
    script.client.say("CAPA\r\nCAPA");
    assert_eq!(script.wrote(), "CAPA\r\n");
    script.says("+OK\r\n.\r\n");
    assert_eq!(script.wrote(), "CAPA\r\n");
}

#[test]
fn a_password_does_not_go_with_its_name_where_others_listen() {
    // R-2449-16
    let config = Config::new().cleartext_secrets(true);
    let mut script = told(config, Security::Cleartext, "PIPELINING");
    script.client.say("CAPA\r\nUSER mrose\r\nPASS tanstaaf");
    assert_eq!(script.wrote(), "CAPA\r\nUSER mrose\r\n");
    script.says("+OK\r\nPIPELINING\r\n.\r\n");
    assert_eq!(script.wrote(), "");
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "PASS tanstaaf\r\n");
}

#[test]
fn a_password_is_not_sent_after_a_name_that_was_refused() {
    // R-8314-02
    for capabilities in ["TOP", "PIPELINING"] {
        let config = Config::new().cleartext_secrets(true);
        let mut script = told(config, Security::Cleartext, capabilities);
        script.client.say("USER mrose\r\nPASS tanstaaf\r\nSTAT\r\nQUIT");
        assert_eq!(script.wrote(), "USER mrose\r\n");
        let heard = script.says("-ERR [AUTH] not in the clear\r\n");
        assert_eq!(heard, ["USER -ERR (AUTH) not in the clear", "PASS not sent", "STAT not sent"]);
        assert_eq!(script.wrote(), "QUIT\r\n");
    }
}

#[test]
fn nothing_goes_after_what_decides_about_the_rest() {
    // R-2449-16
    let apop = format!("APOP mrose {}", "0".repeat(32));
    for first in ["STLS", "PASS tanstaaf", apop.as_str()] {
        let mut script = Script::new(Config::new());
        script.says(format!("+OK {TIMESTAMP}\r\n"));
        script.asks("CAPA", "+OK\r\nPIPELINING\r\nSTLS\r\n.\r\n");
        script.client.say("CAPA");
        script.client.say(first);
        script.client.say("CAPA");
        assert_eq!(script.wrote(), format!("CAPA\r\n{first}\r\n"));
        script.says("+OK\r\nPIPELINING\r\n.\r\n");
        assert_eq!(script.wrote(), "");
        script.says("-ERR\r\n");
        assert_eq!(script.wrote(), "CAPA\r\n");
    }
    let mut script = told(Config::new(), Security::TrustedLocal, "PIPELINING\r\nSASL PLAIN");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    script.client.say("CAPA");
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
    script.says("+ PDE+\r\n");
    assert_eq!(script.wrote(), "*\r\n");
    script.says("-ERR\r\n");
    assert_eq!(script.wrote(), "CAPA\r\n");
}

/// How many commands of these octets go ahead.
fn ahead(commands: u32, octets: u32, line: &str) -> usize {
    let config = Config::new().pipelined(commands, octets).unwrap();
    let mut script = told(config, Security::TrustedLocal, "PIPELINING");
    for _ in 0..40 {
        script.client.say(line);
    }
    let ahead = script.wrote().len() / (line.len() + 2);
    // Each response makes room for one more.
    script.says("+OK\r\nPIPELINING\r\n.\r\n");
    assert_eq!(script.wrote().len() / (line.len() + 2), 1);
    ahead
}

#[test]
fn the_window_counts_commands_and_octets() {
    // R-2449-16
    assert_eq!(ahead(1, 1_024, "CAPA"), 1);
    assert_eq!(ahead(3, 1_024, "CAPA"), 3);
    assert_eq!(ahead(32, 1_024, "CAPA"), 32);
    assert_eq!(ahead(32, 60, "CAPA"), 10);
    assert_eq!(ahead(32, 59, "CAPA"), 9);
    // One may always go.
    assert_eq!(ahead(32, 0, "CAPA"), 1);
    let mut script = told(Config::new(), Security::TrustedLocal, "PIPELINING");
    let name = "x".repeat(248);
    for _ in 0..9 {
        script.client.say(&format!("USER {name}"));
    }
    assert_eq!(script.wrote().len(), 4 * 255);
}

#[test]
fn what_needs_a_login_is_not_sent_after_one_that_failed() {
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.client.say("USER mrose\r\nPASS wrong\r\nSTAT\r\nRETR 1\r\nCAPA\r\nDELE 1\r\nQUIT");
        script.says("+OK\r\n");
        script.says("+OK\r\n");
        assert_eq!(script.wrote(), "USER mrose\r\nPASS wrong\r\n");
        assert_eq!(script.says("-ERR [AUTH]\r\n"), ["PASS -ERR (AUTH)", "STAT not sent", "RETR not sent"]);
        assert_eq!(script.wrote(), "CAPA\r\n");
        assert_eq!(script.says("-ERR\r\n"), ["CAPA -ERR", "DELE not sent"]);
        assert_eq!(script.wrote(), "QUIT\r\n");
    });
}

#[test]
fn what_needs_a_login_is_refused_where_none_waits() {
    // R-1939-13
    let commands = ["STAT", "LIST", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0", "UIDL", "LAST"];
    let refuses = |script: &mut Script| {
        for line in commands {
            assert_eq!(script.client.try_to_say(line), Err(SendError::WrongState), "{line}");
        }
    };
    // Before the greeting, before a login, with no more than a name or a question, and after a failed login.
    let mut script = Script::new(Config::new());
    refuses(&mut script);
    script.says("+OK\r\n");
    refuses(&mut script);
    script.client.say("USER mrose\r\nAUTH\r\nCAPA");
    refuses(&mut script);
    script.says("+OK\r\n");
    script.says("-ERR\r\n");
    script.says("-ERR\r\n");
    script.wrote();
    script.client.say("PASS wrong");
    for line in commands {
        script.client.say(line);
    }
    assert_eq!(script.wrote(), "PASS wrong\r\n");
    assert_eq!(script.says("-ERR\r\n").len(), 1 + commands.len(), "none of them is sent");
    refuses(&mut script);
    assert_eq!(script.wrote(), "");
}

#[test]
fn what_precedes_a_login_is_refused_after_it() {
    // R-1939-13, R-5034-01, R-6856-01, R-2595-01
    let lines = ["USER mrose", "PASS tanstaaf", "STLS", "UTF8", "AUTH", "APOP mrose c4c9334bac560ecc979e58001b3e22fb"];
    let mut script = Script::new(Config::new());
    script.says(format!("+OK {TIMESTAMP}\r\n"));
    script.let_in();
    for line in lines {
        assert_eq!(script.client.try_to_say(line), Err(SendError::WrongState), "{line}");
    }
    for mechanism in [Mechanism::PLAIN, Mechanism::CRAM_MD5, Mechanism::new("X-NEW").unwrap()] {
        assert_eq!(script.client.session.authenticate(mechanism), Err(SendError::WrongState), "{mechanism}");
    }
    assert_eq!(script.wrote(), "");
    assert_eq!(script.asks("CAPA", "-ERR\r\n"), ["CAPA -ERR"]);
    assert_eq!(script.asks("LANG", "-ERR\r\n"), ["LANG -ERR"]);
}

#[test]
fn what_waits_for_the_answer_to_a_login_is_not_sent_after_it_has_succeeded() {
    // R-5034-01
    for pipelines in ["TOP", "PIPELINING"] {
        let mut script = told(Config::new(), Security::TrustedLocal, pipelines);
        script.client.say("USER mrose\r\nPASS tanstaaf\r\nUSER other\r\nPASS tanstaaf\r\nUTF8\r\nAUTH");
        script.client.say("STLS\r\nNOOP");
        script.wrote();
        script.says("+OK\r\n");
        assert!(script.wrote().len() <= "PASS tanstaaf\r\n".len());
        let heard = script.says("+OK\r\n");
        let expected =
            ["PASS +OK", "USER not sent", "PASS not sent", "UTF8 not sent", "AUTH not sent", "STLS not sent"];
        assert_eq!(heard, expected, "{pipelines}");
        assert_eq!(script.wrote(), "NOOP\r\n");
    }
    // Nor is an exchange, which is forgotten.
    let mut script = told(Config::new(), Security::TrustedLocal, "TOP");
    script.client.say("USER mrose\r\nPASS tanstaaf");
    script.client.session.authenticate_with(Mechanism::PLAIN, b"\0mrose\0tanstaaf".as_slice()).unwrap();
    script.says("+OK\r\n");
    assert_eq!(script.says("+OK\r\n"), ["PASS +OK", "AUTH not sent"]);
    assert_eq!(script.wrote(), "USER mrose\r\nPASS tanstaaf\r\n");
    assert_eq!(script.asks("NOOP", "+OK\r\n"), ["NOOP +OK"]);
}

#[test]
fn tickets_name_their_commands_and_an_event_says_whether_it_completes_one() {
    let mut session = session(Config::new(), Security::Tls);
    let ask = Command::Lang { language: Some(Language::Default) };
    let tickets = [ask, Command::Capa, Command::Quit].map(|command| session.send(&command).unwrap());
    assert!(tickets.is_sorted());
    let mut server = b"+OK\r\n".to_vec();
    let mut told = Vec::new();
    loop {
        match session.poll(Duration::ZERO).unwrap() {
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                let line = write.copy_to_bytes(octets);
                server.extend_from_slice(if line == b"CAPA\r\n".as_slice() {
                    b"+OK\r\nTOP\r\n.\r\n"
                } else {
                    b"+OK\r\n"
                });
            }
            Action::Io(Io::Read(mut read)) => {
                read.space()[..server.len()].copy_from_slice(&server);
                read.filled(std::mem::take(&mut server).len());
            }
            Action::Event(event) => {
                told.push((event.ticket(), event.verb(), event.completes()));
                event.done();
            }
            _ => break,
        }
    }
    let [lang, capa, quit] = tickets.map(Some);
    let expected = [
        (None, None, false),
        (lang, Some(Verb::Lang), true),
        (capa, Some(Verb::Capa), false),
        (capa, Some(Verb::Capa), false),
        (capa, Some(Verb::Capa), true),
        (quit, Some(Verb::Quit), true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_command_is_taken_back_as_long_as_no_octet_of_it_is_written() {
    let mut script = Script::logged_in(Config::new());
    script.asks("CAPA", "+OK\r\nPIPELINING\r\n.\r\n");
    let tickets = ["NOOP", "DELE 1", "DELE 22", "QUIT"].map(|line| script.client.say(line));
    // QUIT as well, and then other commands may follow.
    assert!(script.client.session.withdraw(tickets[3]));
    assert!(!script.client.session.withdraw(tickets[3]), "it is gone");
    let Ok(Action::Io(Io::Write(mut write))) = script.client.session.poll(Duration::ZERO) else { panic!() };
    assert_eq!(write.copy_to_bytes(7), "NOOP\r\nD");
    assert!(!script.client.session.withdraw(tickets[0]) && !script.client.session.withdraw(tickets[1]));
    script.client.say("STAT");
    assert!(script.client.session.withdraw(tickets[2]));
    assert_eq!(script.wrote(), "ELE 1\r\nSTAT\r\n");
    assert_eq!(script.says("+OK\r\n+OK\r\n+OK 1 2\r\n"), ["NOOP +OK", "DELE +OK", "STAT 1 2"]);
    assert!(!script.client.session.withdraw(tickets[1]), "it is answered");
}

#[test]
fn a_command_is_taken_back_where_an_answer_decides_whether_it_is_sent_at_all() {
    let mut script = Script::new(Config::new());
    let user = script.client.say("USER mrose");
    let pass = script.client.say("PASS tanstaaf");
    let auth = script.client.session.authenticate(Mechanism::PLAIN).unwrap();
    assert!(script.client.session.withdraw(pass) && script.client.session.withdraw(auth));
    // Then another exchange may follow.
    script.client.session.authenticate(Mechanism::PLAIN).unwrap();
    assert!(script.client.session.withdraw(user));
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "AUTH PLAIN\r\n");
}
