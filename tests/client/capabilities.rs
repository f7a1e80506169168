//! What CAPA lists beside features, mechanisms and times.

use pop3_proto::client::Config;
use pop3_proto::wire::{Implementation, PrivateCapability};

use crate::common::Script;

#[test]
fn what_the_server_says_it_is_and_tags_of_its_own_are_kept_as_far_as_there_is_room() {
    // R-GEN-16: they hold until CAPA is answered anew.
    let mut script = Script::logged_in(Config::new());
    let long = "y".repeat(500);
    let lines = format!(
        "X-FIRST\r\nTOP\r\nimplementation Shlemazle Plotz v302\r\nEXPIRE soon\r\nX-LONG {long}\r\nX-LONGER {long}\r\nX-LAST a b\r\n"
    );
    script.asks("CAPA", format!("+OK\r\n{lines}.\r\n"));
    let listed = script.client.session.capabilities().unwrap();
    assert_eq!(listed.implementation().map(Implementation::as_str), Some("Shlemazle Plotz v302"));
    let private: Vec<&str> = listed.private().map(PrivateCapability::as_str).collect();
    assert_eq!(private, ["X-FIRST", "EXPIRE soon", &format!("X-LONG {long}"), "X-LAST a b"]);
    script.asks("CAPA", "+OK\r\nTOP\r\n.\r\n");
    let listed = script.client.session.capabilities().unwrap();
    assert_eq!((listed.implementation(), listed.private().count()), (None, 0));
}

#[test]
fn a_list_of_tags_without_end_takes_little_memory() {
    // R-GEN-04
    let mut script = Script::logged_in(Config::new());
    let lines = (0..2_000).map(|tag| format!("X-TAG-{tag}\r\n")).collect::<Vec<_>>().concat();
    script.asks("CAPA", format!("+OK\r\n{lines}.\r\n"));
    let listed = script.client.session.capabilities().unwrap();
    let octets: usize = listed.private().map(|line| line.as_str().len()).sum();
    assert!((800..=1_024).contains(&octets), "{octets}");
    assert_eq!(listed.private().next().map(PrivateCapability::tag), Some("X-TAG-0"));
}
