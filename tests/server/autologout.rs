//! Deadlines: autologout after login, one deadline for everything before it (RFC 1939 §3).

use std::time::{Duration, Instant};

use bytes::Buf;
use pop3_proto::server::{Action, CloseReason, Config};
use pop3_proto::{BelowMinimum, Io, Security};

use crate::common::{GREETING, LOGIN, Server, Store};

const AUTOLOGOUT: Option<CloseReason> = Some(CloseReason::Autologout);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_client_may_be_silent_for_ten_minutes_and_no_longer() {
    // R-1939-12
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.send("DELE 1\r\n");
    assert_eq!(server.wait(599), "");
    assert_eq!(server.closed, None);
    assert_eq!(server.wait(1), "", "without a response");
    assert_eq!(server.closed, AUTOLOGOUT);
    assert_eq!((store.updates(), store.locked.get()), (0, false), "and nothing is removed");
}

#[test]
fn each_command_starts_the_time_anew() {
    // R-1939-12
    let mut server = Server::logged_in(&Store::example());
    for command in ["NOOP", "STAT", "NOPE", "", "RETR 1", "RETR 9"] {
        server.now += seconds(599);
        assert!(!server.send(format!("{command}\r\n")).is_empty());
    }
    assert_eq!(server.closed, None);
    server.wait(601);
    assert_eq!(server.closed, AUTOLOGOUT);
}

#[test]
fn half_a_command_starts_nothing() {
    // R-1939-12
    let mut server = Server::logged_in(&Store::example());
    for octet in ["N", "O", "O", "P"] {
        server.now += seconds(199);
        server.send(octet);
    }
    assert_eq!(server.closed, AUTOLOGOUT);
}

#[test]
fn octets_of_a_line_that_is_too_long_start_nothing() {
    // R-2449-05
    let mut server = Server::logged_in(&Store::example());
    server.send("x".repeat(3000));
    for _ in 0..6 {
        server.now += seconds(100);
        server.send("x".repeat(3000));
    }
    assert_eq!(server.closed, AUTOLOGOUT);
}

#[test]
fn a_command_that_was_read_in_time_is_answered_whenever_that_is() {
    // R-1939-12, R-1939-29
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.send("DELE 1\r\n");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..6].copy_from_slice(b"QUIT\r\n");
    read.filled(6);
    assert_eq!(server.wait(100_000), "+OK marked messages removed, bye\r\n");
    assert_eq!(store.removed(), [1]);
}

#[test]
fn the_time_may_be_longer_but_not_shorter_than_the_rfc_allows() {
    // R-1939-12
    assert_eq!(Config::new().autologout(seconds(599)).unwrap_err(), BelowMinimum { minimum: 600 });
    let mut server = Server::with(&Store::example(), Config::new().autologout(seconds(3600)).unwrap(), Security::Tls);
    server.log_in();
    server.wait(3599);
    assert_eq!(server.closed, None);
    server.wait(1);
    assert_eq!(server.closed, AUTOLOGOUT);
    let config = Config::new().autologout_shorter_than_rfc1939_allows(seconds(5));
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    server.log_in();
    server.wait(5);
    assert_eq!(server.closed, AUTOLOGOUT);
}

#[test]
fn a_download_may_take_an_hour() {
    // R-GEN-05
    let store = Store::new([vec![b'x'; 100_000]]);
    for chunk in [0, 1000] {
        store.chunk.set(chunk);
        let mut server = Server::logged_in(&store);
        server.window = vec![1000, 0].into();
        server.send("RETR 1\r\n");
        for _ in 0..90 {
            server.wait(599);
        }
        assert_eq!(server.closed, None);
        server.window = usize::MAX.into();
        server.wait(599);
        assert!(server.deadline() == server.now + seconds(600) && server.closed.is_none());
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    // R-GEN-05
    let store = Store::new([vec![b'x'; 100_000]]);
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("DELE 1\r\nRSET\r\nRETR 1\r\nQUIT\r\n");
    server.wait(599);
    assert_eq!(server.closed, None);
    server.wait(1);
    assert_eq!((server.closed, store.updates()), (AUTOLOGOUT, 0));
}

#[test]
fn a_client_that_does_not_take_the_reply_to_quit_has_quit_all_the_same() {
    // R-1939-29, R-1939-30
    let store = Store::example();
    let mut server = Server::logged_in(&store);
    server.window = 0.into();
    server.send("DELE 1\r\nQUIT\r\n");
    server.wait(600);
    assert_eq!((server.closed, store.removed()), (Some(CloseReason::Quit), vec![1]));
}

#[test]
fn the_time_that_the_host_takes_is_not_the_clients() {
    // R-1939-12
    let store = Store::new([vec![b'x'; 10_000]]);
    store.chunk.set(1000);
    let mut server = Server::logged_in(&store);
    server.send("");
    for line in ["RETR 1\r\n", "QUIT\r\n"] {
        let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
        read.space()[..line.len()].copy_from_slice(line.as_bytes());
        read.filled(line.len());
        for _ in 0..5 {
            assert!(matches!(server.session.poll(server.now), Action::Retrieve(_) | Action::Update(_)));
            server.now += seconds(1000);
        }
        assert!(server.send("").starts_with("+OK"));
    }
    assert_eq!(server.closed, Some(CloseReason::Quit));
}

#[test]
fn nothing_that_a_client_sends_puts_off_the_end_of_the_time_to_log_in() {
    // R-1939-12, C5
    for line in ["CAPA\r\n", "U", "USER mrose\r\n", ""] {
        let store = Store::example();
        let mut server = Server::patient(&store);
        server.send("");
        for _ in 0..119 {
            server.now += seconds(1);
            server.send(line);
        }
        assert_eq!(server.closed, None, "{line:?}");
        server.now += seconds(1);
        assert_eq!(server.send(""), "", "{line:?}");
        assert_eq!(server.closed, Some(CloseReason::LoginDeadline), "{line:?}");
    }
}

#[test]
fn a_client_that_does_not_take_the_greeting_is_cut_off_in_time() {
    // R-GEN-05
    let mut server = Server::new(&Store::example());
    server.window = vec![1, 0].into();
    server.send("");
    for _ in 0..12 {
        server.wait(10);
    }
    assert_eq!(server.closed, Some(CloseReason::LoginDeadline), "even one that takes an octet now and then");
}

#[test]
fn a_slow_host_does_not_use_up_the_time_to_log_in() {
    // R-1939-12
    let store = Store::example();
    let mut server = Server::new(&store);
    server.send("USER mrose\r\n");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..15].copy_from_slice(b"PASS tanstaaf\r\n");
    read.filled(15);
    assert!(matches!(server.session.poll(server.now), Action::Login(_)));
    assert_eq!(server.wait(1000), "+OK maildrop locked and ready\r\n");
    assert_eq!(server.deadline(), server.now + seconds(600), "and from now on it is autologout's");
}

#[test]
fn a_slow_host_that_rejects_a_login_puts_off_the_deadline_by_its_own_time() {
    // R-1939-12
    let mut server = Server::new(&Store::example());
    server.send("USER mrose\r\n");
    let Action::Io(Io::Read(mut read)) = server.session.poll(server.now) else { panic!() };
    read.space()[..12].copy_from_slice(b"PASS wrong\r\n");
    read.filled(12);
    assert!(matches!(server.session.poll(server.now), Action::Login(_)));
    assert!(server.wait(1000).starts_with("-ERR [AUTH]"));
    assert_eq!(server.deadline(), seconds(1120));
}

#[test]
fn the_time_to_log_in_is_configurable_and_starts_at_the_first_poll() {
    // C5
    let config = Config::new().login_deadline(seconds(30));
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    server.now = seconds(1_000_000);
    assert_eq!(server.send(""), GREETING);
    assert_eq!(server.deadline(), seconds(1_000_030));
    server.wait(29);
    assert_eq!(server.closed, None);
    server.wait(1);
    assert_eq!(server.closed, Some(CloseReason::LoginDeadline));
}

#[test]
fn every_read_and_write_tells_the_deadline() {
    let mut server = Server::new(&Store::example());
    let Action::Io(Io::Write(mut write)) = server.session.poll(seconds(7)) else { panic!() };
    assert_eq!(write.deadline(), Some(seconds(127)));
    write.advance(GREETING.len());
    let Action::Io(Io::Read(read)) = server.session.poll(seconds(8)) else { panic!() };
    assert_eq!(read.deadline(), Some(seconds(127)));
    drop(read);
    server.now = seconds(8);
    server.send(LOGIN);
    assert_eq!(server.deadline(), seconds(608));
}

#[test]
fn a_command_starts_autologout_anew_before_any_of_its_answer_is_taken() {
    // R-1939-12, R-GEN-05: and nothing does after it, as long as the client takes nothing
    for command in ["NOOP\r\n", "NOPE\r\n", "\r\n", "LIST\r\n", "NOOP\r\nSTAT\r\nUIDL\r\n"] {
        let mut server = Server::logged_in(&Store::example());
        assert_eq!(server.deadline(), seconds(600));
        server.now = seconds(500);
        server.window = 0.into();
        assert_eq!(server.send(command), "");
        assert_eq!(server.deadline(), seconds(1_100), "{command:?}");
        for now in [501, 900, 1_099] {
            server.now = seconds(now);
            server.send("");
            assert_eq!(server.deadline(), seconds(1_100), "{command:?}: polls change nothing");
        }
        server.now = seconds(1_100);
        server.send("");
        assert_eq!(server.closed, AUTOLOGOUT, "{command:?}");
    }
}

#[test]
fn commands_that_were_read_before_do_not_put_autologout_off_while_nothing_is_taken() {
    // R-GEN-05: they are read one after another as there is room, and there is none
    let config = Config::new().output_limit(1_024).unwrap();
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    server.log_in();
    server.now = seconds(100);
    server.window = 0.into();
    server.send("UIDL\r\n".repeat(200));
    for now in [100, 300, 699] {
        server.now = seconds(now);
        server.send("");
        assert_eq!(server.deadline(), seconds(700));
    }
    // An octet that is taken does.
    server.window = vec![1, 0].into();
    assert_eq!(server.send("").len(), 1);
    assert_eq!(server.deadline(), seconds(1_299));
    server.window = 0.into();
    server.now = seconds(1_299);
    server.send("");
    assert_eq!(server.closed, AUTOLOGOUT);
}

#[test]
fn half_a_line_starts_nothing_anew() {
    // R-1939-12: each command does, and that isn't one yet
    let mut server = Server::logged_in(&Store::example());
    for (now, octets) in [(100, "N"), (300, "OO"), (599, "P")] {
        server.now = seconds(now);
        server.send(octets);
        assert_eq!(server.deadline(), seconds(600));
    }
    server.send("\r\n");
    assert_eq!(server.deadline(), seconds(1_199));
}

#[test]
fn a_limit_that_nobody_lives_to_see_is_no_deadline() {
    // C5: a deadline can be added to any instant
    for (limit, is_one) in [
        (Duration::MAX, false),
        (seconds(u64::MAX), false),
        (seconds(1 << 32), false),
        (seconds((1 << 32) - 1), true),
        (seconds(86_400), true),
    ] {
        let config = Config::new().stls(true).login_deadline(limit).autologout(limit).unwrap();
        for start in [seconds(0), seconds(1_700_000_000)] {
            let mut server = Server::with(&Store::example(), config.clone(), Security::TrustedLocal);
            server.now = start;
            let deadline = is_one.then(|| start + limit);
            for lines in ["", "CAPA\r\n", LOGIN, "NOOP\r\n"] {
                server.send(lines);
                let Action::Io(Io::Read(read)) = server.session.poll(server.now) else { panic!() };
                assert_eq!(read.deadline(), deadline, "{limit:?} after {lines:?}");
                let _ = deadline.map(|deadline| Instant::now() + deadline);
            }
            server.window = 0.into();
            server.send("NOOP\r\n");
            let Action::Io(Io::Write(write)) = server.session.poll(server.now) else { panic!() };
            assert_eq!(write.deadline(), deadline);
            drop(write);
            server.wait(4_000_000_000);
            assert_eq!(server.closed.is_some(), limit <= seconds(4_000_000_000), "{limit:?}");
        }
    }
}

#[test]
fn a_clock_that_goes_back_or_to_its_end_does_no_harm() {
    let mut server = Server::logged_in(&Store::example());
    server.now = seconds(500);
    server.send("NOOP\r\n");
    server.now = seconds(0);
    assert_eq!(server.send("NOOP\r\n"), "+OK\r\n");
    assert_eq!(server.deadline(), seconds(1100));
    server.now = Duration::MAX;
    server.send("");
    assert_eq!(server.closed, AUTOLOGOUT);
}
