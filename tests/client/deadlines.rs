//! How long a client waits for its server (R-GEN-05).

use std::time::Duration;

use bytes::Buf;
use pop3_proto::client::{Action, Closed, Config, Error, SendError, Session};
use pop3_proto::wire::Command;
use pop3_proto::{Io, Security};

use crate::common::Script;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn session(config: Config) -> Session {
    Session::new(config.into(), Security::TrustedLocal)
}

/// Has a session read octets at a time, and deal with what they say at the same.
fn reads(session: &mut Session, octets: &[u8], now: Duration) {
    match session.poll(now).unwrap() {
        Action::Io(Io::Read(mut read)) => {
            read.space()[..octets.len()].copy_from_slice(octets);
            read.filled(octets.len());
        }
        other => panic!("{other:?}"),
    }
    loop {
        match session.poll(now) {
            Ok(Action::Event(event)) => event.done(),
            Ok(Action::Body(body)) => body.done(),
            _ => return,
        }
    }
}

fn deadline(session: &mut Session, now: Duration) -> Option<Duration> {
    match session.poll(now).unwrap() {
        Action::Io(Io::Read(read)) => read.deadline(),
        Action::Io(Io::Write(write)) => write.deadline(),
        Action::Idle(idle) => idle.into_read().deadline(),
        other => panic!("{other:?}"),
    }
}

/// A session whose greeting came at 0, and that has written a command then.
fn asked(config: Config, command: &Command<'_>) -> Session {
    let mut session = session(config);
    session.send(command).unwrap();
    reads(&mut session, b"+OK\r\n", at(0));
    write(&mut session, at(0));
    session
}

fn write(session: &mut Session, now: Duration) {
    let Ok(Action::Io(Io::Write(mut write))) = session.poll(now) else { panic!("nothing to write") };
    let octets = write.remaining();
    write.advance(octets);
}

/// Has a session time out: it lets its caller look for octets once more, and that is all.
fn times_out(session: &mut Session, now: Duration) {
    assert!(deadline(session, now) <= Some(now));
    assert_eq!(session.poll(now).unwrap_err(), Error::TimedOut);
}

#[test]
fn a_server_that_does_not_greet_times_out() {
    let mut session = session(Config::new());
    assert_eq!(deadline(&mut session, at(7)), Some(at(127)));
    assert_eq!(deadline(&mut session, at(126)), Some(at(127)));
    times_out(&mut session, at(127));
    // For good, and whatever the clock says.
    assert_eq!(session.poll(at(0)).unwrap_err(), Error::TimedOut);
    assert_eq!(session.state(), None);
    assert_eq!(session.send(&Command::Capa), Err(SendError::Over));
}

#[test]
fn a_server_that_does_not_answer_times_out() {
    let mut session = asked(Config::new().reply_deadline(at(30)), &Command::Capa);
    assert_eq!(deadline(&mut session, at(0)), Some(at(30)));
    assert!(session.poll(Duration::from_millis(29_999)).is_ok());
    times_out(&mut session, at(30));
}

#[test]
fn each_octet_is_progress() {
    let mut session = asked(Config::new(), &Command::Capa);
    let mut now = at(0);
    for octet in b"+OK\r\nTOP\r\nUIDL\r\n" {
        now += at(119);
        reads(&mut session, &[*octet], now);
    }
    assert_eq!(deadline(&mut session, now), Some(now + at(120)));
    times_out(&mut session, now + at(120));
}

#[test]
fn a_download_may_take_an_hour() {
    // R-GEN-05
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    script.says("+OK\r\n");
    for _ in 0..60 {
        script.client.now += at(60);
        script.says("line\r\n");
    }
    script.says(".\r\n");
    assert_eq!(script.client.bodies, [b"line\r\n".repeat(60)]);
}

#[test]
fn a_write_of_nothing_is_no_progress_and_one_of_an_octet_is() {
    let mut session = session(Config::new());
    session.send(&Command::Capa).unwrap();
    reads(&mut session, b"+OK\r\n", at(0));
    for second in [0, 60, 119] {
        let Ok(Action::Io(Io::Write(mut write))) = session.poll(at(second)) else { panic!("nothing to write") };
        assert_eq!(write.deadline(), Some(at(120)));
        write.advance(0);
    }
    let Ok(Action::Io(Io::Write(mut write))) = session.poll(at(119)) else { panic!("nothing to write") };
    write.advance(1);
    assert_eq!(deadline(&mut session, at(119)), Some(at(239)));
    assert!(session.poll(at(238)).is_ok());
    times_out(&mut session, at(239));
}

#[test]
fn a_read_that_is_dropped_is_no_progress() {
    let mut session = session(Config::new());
    for second in 0..120 {
        let Ok(Action::Io(Io::Read(mut read))) = session.poll(at(second)) else { panic!("no read") };
        assert!(!read.space().is_empty());
        assert_eq!(read.deadline(), Some(at(120)));
    }
    times_out(&mut session, at(120));
}

#[test]
fn an_idle_session_has_no_deadline() {
    let mut session = asked(Config::new(), &Command::Capa);
    reads(&mut session, b"-ERR\r\n", at(1));
    for hours in 0..1_000 {
        assert_eq!(deadline(&mut session, at(hours * 3_600)), None);
    }
    // The next command has the whole time.
    let now = at(999 * 3_600 + 50);
    session.send(&Command::Capa).unwrap();
    assert_eq!(deadline(&mut session, now), Some(now + at(120)));
    write(&mut session, now + at(100));
    assert_eq!(deadline(&mut session, now + at(100)), Some(now + at(220)));
}

#[test]
fn a_caller_that_takes_its_time_is_not_a_slow_server() {
    // The server's half: waiting for the host's own answer doesn't run its deadline either (R-1939-12).
    let mut session = asked(Config::new(), &Command::Capa);
    session.send(&Command::Capa).unwrap();
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(at(0)) else { panic!("no read") };
    read.space()[..6].copy_from_slice(b"-ERR\r\n");
    read.filled(6);
    let Ok(Action::Event(event)) = session.poll(at(0)) else { panic!("no event") };
    event.done();
    assert_eq!(deadline(&mut session, at(3_600)), Some(at(3_720)));
    write(&mut session, at(3_600));
    assert_eq!(deadline(&mut session, at(3_600)), Some(at(3_720)));
    times_out(&mut session, at(3_720));
    // With a body too: the next part may wait in the socket.
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    script.says("+OK\r\npart");
    let session = &mut script.client.session;
    reads(session, b"more", at(10));
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(at(10)) else { panic!("no read") };
    read.space()[..2].copy_from_slice(b"of");
    read.filled(2);
    let Ok(Action::Body(body)) = session.poll(at(10)) else { panic!("no body") };
    body.done();
    assert_eq!(deadline(session, at(3_600)), Some(at(3_720)));
}

#[test]
fn a_caller_that_was_away_past_the_deadline_finds_what_has_come() {
    // R-GEN-05: time in which the caller didn't ask for octets isn't the server's.
    let mut script = Script::logged_in(Config::new());
    script.client.say("RETR 1");
    script.wrote();
    script.says("+OK\r\n");
    let session = &mut script.client.session;
    for hour in 1..5 {
        // The caller has asked, has found nothing, and has been busy since.
        reads(session, b"some\r\n", at(hour * 3_600));
        assert_eq!(deadline(session, at(hour * 3_600)), Some(at(hour * 3_600 + 120)));
    }
    // So it is with what is to be written.
    let mut session = session_that_writes();
    assert_eq!(deadline(&mut session, at(0)), Some(at(120)));
    let Ok(Action::Io(Io::Write(mut write))) = session.poll(at(500)) else { panic!("nothing to write") };
    write.advance(1);
    assert_eq!(deadline(&mut session, at(500)), Some(at(620)));
    assert_eq!(deadline(&mut session, at(9_000)), Some(at(620)), "it may look once more");
    assert_eq!(session.poll(at(9_000)).unwrap_err(), Error::TimedOut);
}

#[test]
fn each_wait_has_its_own_last_look() {
    let mut session = session_that_writes();
    for now in [at(1_000), at(2_000), at(3_000), at(4_000)] {
        let Ok(Action::Io(Io::Write(mut write))) = session.poll(now) else { panic!("nothing to write") };
        write.advance(1);
    }
    assert_eq!(deadline(&mut session, at(4_000)), Some(at(4_120)));
    times_out(&mut session, at(4_120));
}

/// A session that has a command to write.
fn session_that_writes() -> Session {
    let mut session = session(Config::new());
    session.send(&Command::Capa).unwrap();
    reads(&mut session, b"+OK\r\n", at(0));
    session
}

#[test]
fn progress_counts_from_when_it_was_made() {
    // A blocking read or write returns long after its token was made.
    let mut session = session(Config::new());
    let Ok(Action::Io(Io::Read(mut read))) = session.poll(at(0)) else { panic!("no read") };
    read.space()[..3].copy_from_slice(b"+OK");
    read.filled(3);
    assert_eq!(deadline(&mut session, at(119)), Some(at(239)));
    session.send(&Command::Capa).unwrap();
    reads(&mut session, b"\r\n", at(119));
    let Ok(Action::Io(Io::Write(mut write))) = session.poll(at(119)) else { panic!("nothing to write") };
    write.advance(1);
    assert_eq!(deadline(&mut session, at(200)), Some(at(320)));
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let mut session = session(Config::new());
    assert_eq!(deadline(&mut session, at(100)), Some(at(220)));
    assert_eq!(deadline(&mut session, at(0)), Some(at(220)));
    times_out(&mut session, at(220));
}

#[test]
fn the_longest_deadline_never_comes() {
    let mut session = session(Config::new().reply_deadline(Duration::MAX));
    assert_eq!(deadline(&mut session, at(5)), None);
    assert!(session.poll(Duration::from_secs(u64::MAX)).is_ok());
}

#[test]
fn a_server_that_says_farewell_must_close() {
    // R-1939-12
    let mut session = asked(Config::new(), &Command::Capa);
    reads(&mut session, b"-ERR\r\n-ERR bye\r\n", at(1));
    assert_eq!(deadline(&mut session, at(1)), Some(at(121)));
    times_out(&mut session, at(121));
}

#[test]
fn an_end_that_was_read_in_time_is_no_time_out() {
    let mut session = asked(Config::new(), &Command::Quit);
    let Ok(Action::Io(Io::Read(read))) = session.poll(at(100)) else { panic!("no read") };
    read.filled(0);
    assert!(matches!(session.poll(at(5_000)), Ok(Action::Closed(Closed::Quit(_)))));
}
