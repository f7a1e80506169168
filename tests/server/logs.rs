//! What a host prints for a log.

use pop3_proto::client;
use pop3_proto::message::Removal;
use pop3_proto::server::{CloseReason, Config};

use crate::common::{LOGIN, Server, Store};

#[test]
fn a_session_is_printed_without_what_all_sessions_have_in_common() {
    let mut server = Server::new(&Store::example());
    for lines in ["", "USER mrose\r\n", LOGIN, "DELE 1\r\n", "QUIT\r\n"] {
        server.send(lines);
        let shown = format!("{:?}", server.session);
        assert!(shown.len() < 1_000 && !shown.contains("+OK"), "{shown}");
    }
    assert!(format!("{:?}", Config::new()).len() < 2_000, "nor are the texts of a language part of a configuration's");
}

#[test]
fn deviations_are_printed_by_name() {
    let mut server = Server::new(&Store::example());
    assert_eq!(server.session.deviations().to_string(), "");
    server.send("NOOP\nCAPA  \nNOOP\n");
    assert_eq!(server.session.deviations().to_string(), "bare-line-feed 3, extra-spaces 1");
    assert_eq!(format!("{:?}", server.session.deviations()), "DeviationCounts(bare-line-feed 3, extra-spaces 1)");
}

#[test]
fn totals_and_ends_are_lines() {
    let mut server = Server::logged_in(&Store::new(["one\n"]));
    server.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    let totals = server.session.totals().to_string();
    assert!(totals.starts_with("retr=1 top=0 dele=1 message_octets=5 octets_read=49 "), "{totals}");
    assert!(totals.ends_with(" failed_logins=0"), "{totals}");
    assert_eq!(CloseReason::Quit.to_string(), "the client quit");
    assert_eq!(client::Closed::Quit(Removal::All).to_string(), "the session is over");
}
