//! Responses and messages as servers really send them, right and wrong.

use pop3_proto::Security;
use pop3_proto::client::{Closed, Config, Error, ProtocolError, Retry};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Deviation, DeviationSet, ResponseCode, State};

use crate::common::{Script, in_any_way};

fn error(error: ProtocolError) -> Result<Closed, Error> {
    Err(Error::Protocol(error))
}

/// A client that was greeted.
fn greeted(config: Config) -> Script {
    let mut script = Script::new(config);
    assert_eq!(script.says("+OK\r\n"), ["greeting +OK"]);
    script
}

/// What becomes of a message, of which the octets after `+OK` come: the message as the client has it, then what it
/// hears after it.
fn message(octets: impl AsRef<[u8]>) -> (Vec<u8>, Vec<String>, Option<Result<Closed, Error>>) {
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    let mut heard = script.says([b"+OK\r\n", octets.as_ref()].concat());
    assert_eq!(heard.remove(0), "RETR begins +OK");
    let ended = heard.iter().position(|line| line == "RETR ends").expect("the message doesn't end");
    heard.remove(ended);
    (script.client.bodies.pop().unwrap(), heard, script.client.closed)
}

#[test]
fn a_status_line_needs_no_text() {
    // R-1939-05, R-1939-06
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        assert_eq!(script.says("+OK\r\n"), ["greeting +OK"]);
        assert_eq!(script.asks("CAPA", "-ERR\r\n"), ["CAPA -ERR"]);
        assert_eq!(script.asks("CAPA", "-ERR \r\n"), ["CAPA -ERR"]);
        assert_eq!(script.asks("USER mrose", "+OK \r\n"), ["USER +OK"]);
        assert_eq!(script.asks("PASS tanstaaf", "+OK  \t two spaces\r\n"), ["PASS +OK  \\t two spaces"]);
        assert_eq!(script.asks("NOOP", "+OK [\r\n"), ["NOOP +OK ["]);
        assert_eq!(script.asks("QUIT", "+OK\r\n"), ["QUIT +OK"]);
        assert_eq!(script.closed(), Ok(Closed::Quit(Removal::All)));
    });
}

#[test]
fn an_empty_body_or_list_ends_at_once() {
    // R-1939-08
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        assert_eq!(script.asks("RETR 1", "+OK\r\n.\r\n"), ["RETR begins +OK", "RETR ends"]);
        assert_eq!(script.client.bodies, [b""]);
        for command in ["LIST", "UIDL", "CAPA", "LANG"] {
            let heard = [format!("{command} begins +OK"), format!("{command} ends")];
            assert_eq!(script.asks(command, "+OK\r\n.\r\n"), heard);
        }
    });
}

#[test]
fn one_dot_is_taken_from_each_line_that_begins_with_one_and_a_lone_dot_ends() {
    // R-1939-07, R-1939-08
    let body = "..\r\n...\r\n.x\r\n..y\r\n. \r\na.\r\n.\rz\r\n\r\n.\n\r\n.\r\n";
    let exact = ".\r\n..\r\nx\r\n.y\r\n \r\na.\r\n\rz\r\n\r\n\n\r\n";
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        assert_eq!(script.asks("RETR 1", format!("+OK\r\n{body}")), ["RETR begins +OK", "RETR ends"]);
        assert_eq!(script.client.bodies, [exact.as_bytes()]);
        assert_eq!(script.asks("TOP 1 9", format!("+OK\r\n{body}")), ["TOP begins +OK", "TOP ends"]);
        assert_eq!(script.client.bodies[1], exact.as_bytes());
    });
}

#[test]
fn bare_line_feeds_in_a_message_are_content_and_counted() {
    // R-GEN-03
    let counted = |config: Config, body: &str| {
        let mut all = Vec::new();
        in_any_way(&config, Security::TrustedLocal, |script| {
            script.log_in();
            script.asks("RETR 1", format!("+OK\r\n{body}.\r\n"));
            assert_eq!(script.client.bodies.len(), 1, "{body:?}");
        });
        for reads in [1, 2, 3, 1_000, usize::MAX] {
            let mut script = Script::logged_in(config.clone());
            script.client.reads = reads.into();
            script.asks("RETR 1", format!("+OK\r\n{body}.\r\n"));
            all.push(script.client.session.deviations().count_of(Deviation::BareLineFeed));
        }
        assert!(all.iter().all(|count| *count == all[0]), "{all:?}");
        all[0]
    };
    for (body, count) in [
        ("", 0),
        ("\r\n\r\n", 0),
        ("From: a\nTo: b\n\nhi\r\n", 3),
        ("\n\r\n", 1),
        ("a\r\r\n\rb\n\r\n", 1),
        ("..\n.\n.\r\n..\r\n", 2),
    ] {
        assert_eq!(counted(Config::new(), body), count, "{body:?}");
        assert_eq!(
            counted(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::BareLineFeed)), body),
            0,
            "{body:?}"
        );
    }
    // The beginning of a message tells enough.
    let line = "fifteen octets\n";
    assert_eq!(counted(Config::new(), &format!("{}\r\n", line.repeat(1_000))), 4_096 / 15);
    // Each message has its own.
    let mut script = Script::logged_in(Config::new());
    for message in 1..=3 {
        script.asks("RETR 1", format!("+OK\r\n{}\r\n.\r\n", line.repeat(300)));
        assert_eq!(script.client.session.deviations().count_of(Deviation::BareLineFeed), message * (4_096 / 15));
    }
}

#[test]
fn only_crlf_dot_crlf_ends_a_message() {
    // R-GEN-03: what looks like the end and like replies is content.
    let cuts = ["a\n.\n+OK 2 320\r\n", "a\r\n.\n-ERR\r\n", "a\n.\r\n+OK\r\n", "a\r.\r\n+OK\r\n", "a\r\n.\r+OK\r\n"];
    for cut in cuts {
        let (body, heard, closed) = message(format!("{cut}b\r\n.\r\n"));
        let expected = cut.replace("\r\n.\n", "\r\n\n").replace("\r\n.\r+", "\r\n\r+");
        assert_eq!(body, format!("{expected}b\r\n").as_bytes(), "{cut:?}");
        assert_eq!((heard, closed), (vec![], None), "{cut:?}");
    }
}

#[test]
fn a_raw_dot_line_in_a_message_is_noticed() {
    // R-1939-11: the rest isn't taken for what was asked for.
    let (body, heard, closed) = message("first\r\n.\r\nsecond\r\n.\r\n");
    assert_eq!(body, b"first\r\n");
    assert_eq!((heard, closed), (vec![], Some(error(ProtocolError::Unsolicited))));
    // The next command is no better off.
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1\r\nSTAT");
    script.wrote();
    script.says("+OK\r\nfirst\r\n.\r\n");
    assert_eq!(script.wrote(), "STAT\r\n");
    assert!(script.says("second\r\n.\r\n+OK 2 320\r\n").is_empty());
    assert_eq!(script.closed(), error(ProtocolError::NotAResponse));
}

#[test]
fn every_octet_of_a_message_counts() {
    // R-1939-23
    let all: Vec<u8> = (0..=255).collect();
    let (body, ..) = message([&all[..], b"\r\n\0\0\r\r\n.\r\n"].concat());
    assert_eq!(body, [&all[..], b"\r\n\0\0\r\r\n"].concat());
}

#[test]
fn a_size_that_is_wrong_changes_nothing() {
    // R-1939-22
    for size in ["1", "99999999999999", "0", "x"] {
        let mut script = Script::logged_in(Config::new());
        script.asks("LIST 1", format!("+OK 1 {size}\r\n"));
        script.asks("RETR 1", format!("+OK {size} octets\r\nbody\r\n.\r\n"));
        assert_eq!(script.client.bodies, [b"body\r\n"]);
        assert_eq!(script.asks("NOOP", "+OK\r\n"), ["NOOP +OK"]);
    }
}

#[test]
fn a_command_that_fails_leaves_the_session_as_it_was() {
    // R-1939-10, R-1939-28
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        for command in
            ["RETR 1", "TOP 1 1", "DELE 1", "LIST", "LIST 1", "UIDL", "UIDL 1", "STAT", "NOOP", "RSET", "LANG"]
        {
            let verb = command.split(' ').next().unwrap();
            assert_eq!(script.asks(command, "-ERR no such thing\r\n"), [format!("{verb} -ERR no such thing")]);
        }
        assert_eq!(script.client.session.state(), Some(State::Transaction));
        assert_eq!(script.asks("RETR 2", "+OK\r\nbody\r\n.\r\n").len(), 2);
        assert_eq!(script.client.bodies, [b"body\r\n"]);
    });
}

#[test]
fn what_no_response_is_ends_the_session() {
    // R-1939-06, R-1939-11
    for line in ["+OKAY", "+O", "OK", "-ERROR", "-ER", "", ".", " +OK", "+ok", "-Err", "+ ", "* OK", "220 ready"] {
        let mut script = Script::new(Config::new());
        assert!(script.says(format!("{line}\r\n")).is_empty(), "{line}");
        assert_eq!(script.closed(), error(ProtocolError::NotAResponse), "{line}");
        let mut script = Script::logged_in(Config::new());
        assert!(script.asks("NOOP", format!("{line}\r\n+OK\r\n")).is_empty(), "{line}");
        assert_eq!(script.closed(), error(ProtocolError::NotAResponse), "{line}");
    }
}

#[test]
fn a_nul_or_a_stray_cr_in_a_response_ends_the_session() {
    for answer in ["+OK a\0b\r\n", "+OK a\rb\r\n", "+OK\r\r\n", "+OK\r\n1 1\0\r\n"] {
        let mut script = Script::logged_in(Config::new());
        script.asks("LIST", answer);
        assert_eq!(script.closed(), error(ProtocolError::ForbiddenOctet), "{answer:?}");
    }
}

#[test]
fn a_status_in_lower_case_is_accepted_by_switch_only() {
    // R-1939-06, R-GEN-11
    let mut script = Script::logged_in(Config::new());
    script.asks("NOOP", "+ok\r\n");
    assert_eq!(script.closed(), error(ProtocolError::NotAResponse));
    let mut script = Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.with(Deviation::LowerCaseStatus)));
    assert_eq!(script.asks("NOOP", "+ok [x] fine\r\n"), ["NOOP +OK (x) fine"]);
    assert_eq!(script.asks("NOOP", "-Err\r\n"), ["NOOP -ERR"]);
    assert_eq!(script.asks("STAT", "+Ok 1 2\r\n"), ["STAT 1 2"]);
    assert_eq!(script.asks("RETR 1", "+oK\r\nx\r\n.\r\n"), ["RETR begins +OK", "RETR ends"]);
    assert_eq!(script.client.session.deviations().count_of(Deviation::LowerCaseStatus), 4);
    script.asks("NOOP", "+okay\r\n");
    assert_eq!(script.closed(), error(ProtocolError::NotAResponse));
}

#[test]
fn a_code_after_text_is_text_but_by_switch() {
    // R-2449-07
    let answer = "-ERR sorry [IN-USE] again\r\n";
    let mut script = Script::logged_in(Config::new());
    assert_eq!(script.asks("NOOP", answer), ["NOOP -ERR sorry [IN-USE] again"]);
    assert_eq!(script.client.session.deviations().count_of(Deviation::LateCode), 0);
    let mut script = Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.with(Deviation::LateCode)));
    assert_eq!(script.asks("NOOP", answer), ["NOOP -ERR (IN-USE) sorry [IN-USE] again"]);
    assert_eq!(script.asks("NOOP", "+OK sorry [IN-USE]\r\n"), ["NOOP +OK sorry [IN-USE]"]);
    assert_eq!(script.asks("NOOP", "-ERR [AUTH] x [IN-USE]\r\n"), ["NOOP -ERR (AUTH) x [IN-USE]"]);
    assert_eq!(script.client.session.deviations().count_of(Deviation::LateCode), 1);
}

#[test]
fn bare_line_feeds_are_counted_or_rejected() {
    // R-GEN-03
    let lines = [("STAT", "+OK 1 2\n"), ("LIST", "+OK\n1 2\n.\n"), ("CAPA", "+OK\r\nTOP\n.\n"), ("NOOP", "-ERR\n")];
    let mut script = Script::logged_in(Config::new());
    for (command, answer) in lines {
        assert!(!script.asks(command, answer).is_empty());
    }
    assert_eq!(script.client.session.deviations().count_of(Deviation::BareLineFeed), 7);
    for (command, answer) in lines {
        let mut script =
            Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::BareLineFeed)));
        script.asks(command, answer);
        assert_eq!(script.closed(), error(ProtocolError::Deviation));
    }
}

/// A line of so many octets, CRLF included.
fn line(octets: usize) -> String {
    format!("+OK {}\r\n", "x".repeat(octets - 6))
}

#[test]
fn long_lines_are_counted_up_to_the_limit() {
    // R-1939-05, R-GEN-11
    in_any_way(&Config::new().window(512).unwrap(), Security::TrustedLocal, |script| {
        script.log_in();
        for (octets, counted) in [(511, 0), (512, 0), (513, 1), (8_191, 2), (8_192, 3)] {
            assert_eq!(script.asks("NOOP", line(octets))[0].len(), "NOOP ".len() + octets - 2);
            assert_eq!(script.client.session.deviations().count_of(Deviation::LongLine), counted, "{octets}");
        }
        assert!(script.asks("NOOP", line(8_193)).is_empty());
        assert_eq!(script.closed(), error(ProtocolError::LineTooLong));
    });
    let config = Config::new().line_limit(600).unwrap();
    let mut script = Script::logged_in(config.clone());
    assert_eq!(script.asks("LIST", format!("+OK\r\n1 2 {}\r\n.\r\n", "x".repeat(594))).len(), 3);
    assert_eq!(script.asks("LIST", format!("+OK\r\n1 2 {}\r\n.\r\n", "x".repeat(595))), ["LIST begins +OK"]);
    assert_eq!(script.closed(), error(ProtocolError::LineTooLong));
    let mut script = Script::logged_in(config.accepted(DeviationSet::DEFAULT.without(Deviation::LongLine)));
    assert_eq!(script.asks("NOOP", line(512)).len(), 1);
    script.asks("NOOP", line(513));
    assert_eq!(script.closed(), error(ProtocolError::Deviation));
}

#[test]
fn the_lines_of_a_message_have_no_limit() {
    let long = "x".repeat(100_000);
    let (body, ..) = message(format!("{long}\r\n.\r\n"));
    assert_eq!(body, format!("{long}\r\n").as_bytes());
}

#[test]
fn each_failure_says_what_to_do() {
    // R-2449-08, R-2449-10, R-2449-11, R-3206-01, R-3206-02, R-3206-03, R-6856-03
    let retry = |code| Retry::from(Some(ResponseCode::new(code).unwrap()));
    for (code, expected) in [
        ("AUTH", Retry::AskUser),
        ("auth/expired", Retry::AskUser),
        ("IN-USE", Retry::Soon),
        ("LOGIN-DELAY", Retry::Wait),
        ("SYS/TEMP", Retry::Later),
        ("sys/temp/disk", Retry::Later),
        ("SYS", Retry::Later),
        ("SYS/NEW", Retry::Later),
        ("SYS/PERM", Retry::Stop),
        ("UTF8", Retry::Utf8Mode),
        ("AUTHX", Retry::Unknown),
        ("SYSTEM", Retry::Unknown),
    ] {
        assert_eq!(retry(code), expected, "{code}");
        let mut script = greeted(Config::new());
        script.client.say("USER mrose\r\nPASS tanstaaf");
        script.says("+OK\r\n");
        assert_eq!(script.says(format!("-ERR [{code}] no\r\n")), [format!("PASS -ERR ({code}) no")]);
    }
    assert_eq!(Retry::from(None), Retry::Unknown);
}
