//! Deviations: each has a switch of its own and is counted (R-GEN-11).

use pop3_proto::Security;
use pop3_proto::server::{Config, Session};
use pop3_proto::wire::{Deviation, DeviationSet, Timestamp};

use crate::common::{LOGIN, Server, Store, TIMESTAMP};

const REFUSED: &str = "-ERR line breaks a rule of the protocol\r\n";
const DIGEST: &str = "C4C9334BAC560ECC979E58001B3E22FB";

/// A line for each deviation, and whether it belongs before login.
fn examples() -> Vec<(Deviation, Vec<u8>, bool)> {
    vec![
        (Deviation::BareLineFeed, b"STAT\n".to_vec(), false),
        (Deviation::BareLineFeed, b"CAPA\n".to_vec(), true),
        (Deviation::ExtraSpaces, b"LIST  1\r\n".to_vec(), false),
        (Deviation::ExtraSpaces, b"STAT \r\n".to_vec(), false),
        (Deviation::EightBitCredentials, b"USER m\xfcller\r\n".to_vec(), true),
        (Deviation::EightBitCredentials, b"USER m\xc3\xbcller\r\n".to_vec(), true),
        (Deviation::ControlInPassword, b"USER mrose\r\nPASS a\tb\r\n".to_vec(), true),
        (Deviation::UpperCaseDigest, format!("APOP mrose {DIGEST}\r\n").into_bytes(), true),
    ]
}

fn server(config: Config, before_login: bool) -> Server {
    let session = Session::with_exchange(crate::common::patient(config).into(), Security::Tls);
    let mut server = Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.send(if before_login { "" } else { LOGIN });
    server
}

#[test]
fn each_deviation_is_accepted_by_default_and_counted() {
    // R-1939-02, R-1939-04, R-1939-32, R-GEN-03, R-GEN-11
    for (deviation, line, before_login) in examples() {
        let mut server = server(Config::new(), before_login);
        for times in 1..=2 {
            server.send(&line);
            if server.session.state() == Some(pop3_proto::wire::State::Transaction) && before_login {
                break;
            }
            assert_eq!(server.session.deviations().count_of(deviation), times, "{deviation}");
        }
        let others = Deviation::ALL.into_iter().filter(|&other| other != deviation);
        assert!(others.clone().all(|other| server.session.deviations().count_of(other) == 0), "{deviation}");
        assert!(server.session.deviations().count_of(deviation) > 0, "{deviation}");
    }
}

#[test]
fn each_deviation_is_refused_by_its_own_switch_and_by_no_other() {
    // R-GEN-11
    for (deviation, line, before_login) in examples() {
        for rejected in Deviation::ALL {
            let mut server = server(Config::new().accepted(DeviationSet::DEFAULT.without(rejected)), before_login);
            let output = server.send(&line);
            assert_eq!(
                output.ends_with(REFUSED),
                rejected == deviation,
                "{deviation} with {rejected} rejected: {output}"
            );
            assert_eq!(server.session.deviations().count_of(deviation) == 0, rejected == deviation, "{deviation}");
        }
    }
}

#[test]
fn a_deviation_is_accepted_where_all_others_are_rejected() {
    // R-GEN-11
    for (deviation, line, before_login) in examples() {
        let config = Config::new().accepted(DeviationSet::NONE.with(deviation));
        assert!(!server(config, before_login).send(&line).ends_with(REFUSED), "{deviation}");
    }
}

#[test]
fn a_strict_server_still_understands_a_correct_client() {
    // R-GEN-11
    let config = Config::new().accepted(DeviationSet::NONE);
    let mut server = server(config, false);
    let output = server.send("STAT\r\nLIST 1\r\nTOP 1 0\r\nUIDL\r\nRETR 1\r\nDELE 1\r\nRSET\r\nNOOP\r\nQUIT\r\n");
    assert!(!output.contains("-ERR"), "{output}");
    for deviation in Deviation::ALL {
        assert_eq!(server.session.deviations().count_of(deviation), 0);
    }
}

#[test]
fn a_refused_deviation_has_no_effect() {
    // R-1939-29, R-GEN-11
    for (deviation, quit) in [(Deviation::ExtraSpaces, "QUIT \r\n"), (Deviation::BareLineFeed, "QUIT\n")] {
        let store = Store::example();
        let mut server =
            Server::with(&store, Config::new().accepted(DeviationSet::DEFAULT.without(deviation)), Security::Tls);
        server.log_in();
        server.send("DELE 1\r\n");
        assert_eq!(server.send(quit), REFUSED);
        assert_eq!((server.closed, store.updates()), (None, 0));
    }
}

#[test]
fn a_refused_user_forgets_the_earlier_name() {
    // R-1939-14, R-1939-15
    let mut server =
        server(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::EightBitCredentials)), true);
    let output = server.send("USER mrose\r\nUSER m\u{fc}\r\nPASS tanstaaf\r\n");
    assert!(output.ends_with("-ERR send USER first\r\n"), "{output}");
}

#[test]
fn a_line_that_is_refused_for_something_else_counts_no_deviation() {
    // R-GEN-11: only what was accepted counts
    let mut server = server(Config::new(), false);
    server.send("NOPE\nLIST  x\r\nSTAT  1\nRETR  0\n");
    for deviation in Deviation::ALL {
        assert_eq!(server.session.deviations().count_of(deviation), 0, "{deviation}");
    }
}

#[test]
fn one_line_may_break_several_rules() {
    // R-GEN-11
    let mut server = server(Config::new(), false);
    assert_eq!(server.send("LIST  1 \n"), "+OK 1 120\r\n");
    assert_eq!(server.session.deviations().count_of(Deviation::ExtraSpaces), 1);
    assert_eq!(server.session.deviations().count_of(Deviation::BareLineFeed), 1);
}

#[test]
fn a_count_stays_at_its_most_once_it_is_there() {
    // R-GEN-11: what `DeviationCounts::of` says
    let mut server = server(Config::new(), false);
    server.max_polls = usize::MAX;
    for (more, count) in [(65_534, 65_534), (1, 65_535), (1, 65_535), (3_000, 65_535)] {
        server.send("NOOP\n".repeat(more));
        assert_eq!(server.session.deviations().count_of(Deviation::BareLineFeed), count, "after {more} more");
        assert_eq!(server.session.deviations().count_of(Deviation::ExtraSpaces), 0);
    }
}
