//! Where a session failed: the command that had no answer, and the line that wasn't understood.

use pop3_proto::Security;
use pop3_proto::client::{Config, Error, Method, ProtocolError, Session};
use pop3_proto::wire::{Deviation, DeviationSet, Verb};

use crate::common::{Script, in_any_way, mrose};

fn place(session: &Session) -> (Option<Verb>, Option<&[u8]>) {
    (session.unanswered(), session.offending_line())
}

#[test]
fn the_command_whose_response_is_due_is_known_before_and_after_the_end() {
    // R-GEN-08, R-GEN-09
    let mut script = Script::logged_in(Config::new());
    assert_eq!(script.client.session.unanswered(), None);
    script.client.say("STAT\r\nRETR 7");
    assert_eq!(script.wrote(), "STAT\r\n");
    assert_eq!(script.client.session.unanswered(), Some(Verb::Stat));
    script.says("+OK 1 2\r\n");
    assert_eq!(script.wrote(), "RETR 7\r\n");
    assert_eq!(script.client.session.unanswered(), Some(Verb::Retr));
    script.says("+OK\r\nhalf a mess");
    assert_eq!(script.hangs_up(), Err(Error::Truncated));
    assert_eq!(place(&script.client.session), (Some(Verb::Retr), None));
}

#[test]
fn the_line_that_is_no_response_is_shown_with_its_command() {
    // R-1939-05
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("HTTP/1.1 400 Bad Request\r\nServer: x\r\n");
        assert_eq!(place(&script.client.session), (None, Some(&b"HTTP/1.1 400 Bad Request"[..])));
    });
    for (octets, line) in [("?OK\x1b[2J in\r\n", "?OK\x1b[2J in"), ("nope\n", "nope")] {
        let mut script = Script::logged_in(Config::new());
        script.client.say("DELE 3");
        script.wrote();
        script.says(octets);
        assert_eq!(place(&script.client.session), (Some(Verb::Dele), Some(line.as_bytes())));
    }
    let mut script = Script::logged_in(Config::new());
    script.says("+OK by the way\r\n");
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::Unsolicited)));
    assert_eq!(place(&script.client.session), (None, Some(&b"+OK by the way"[..])));
}

#[test]
fn a_line_of_a_list_and_the_front_of_one_that_is_too_long_are_shown() {
    // R-GEN-06, R-GEN-11
    let config =
        Config::new().line_limit(512).unwrap().accepted(DeviationSet::DEFAULT.without(Deviation::BareLineFeed));
    for (line, end, shown) in [("2 a".to_owned(), "\n", 3), ("3 ".to_owned() + &"b".repeat(900), "\r\n", 512)] {
        let mut script = Script::logged_in(config.clone());
        script.client.say("UIDL");
        script.wrote();
        script.says(format!("+OK\r\n1 x\r\n{line}{end}.\r\n"));
        let session = &script.client.session;
        assert_eq!(session.unanswered(), Some(Verb::Uidl));
        let shown_line = session.offending_line().unwrap();
        assert!(line.as_bytes().starts_with(shown_line) && shown_line.len() <= shown && shown_line.len() > 2);
    }
}

#[test]
fn the_entry_that_is_one_too_many_is_shown_as_it_came_and_its_spaces_are_not_counted() {
    // R-GEN-06
    let mut script = Script::logged_in(Config::new().listing_entries(1).unwrap());
    script.client.say("CAPA");
    script.wrote();
    script.says("+OK\r\nTOP\r\nSASL  PLAIN \r\n.\r\n");
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::TooManyEntries)));
    let session = &script.client.session;
    assert_eq!(place(session), (Some(Verb::Capa), Some(&b"SASL  PLAIN "[..])));
    assert_eq!(session.deviations().count_of(Deviation::ExtraSpaces), 0);
}

#[test]
fn no_part_of_an_exchange_is_shown() {
    // R-GEN-07
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    script.wrote();
    script.says("AG1yb3NlAHRhbnN0YWFm\r\n");
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::NotAResponse)));
    assert_eq!(place(&script.client.session), (Some(Verb::Auth), None));
}
