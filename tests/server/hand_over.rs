//! A login that is handed over to somebody else, with what the client has sent after it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocation_counter::measure;
use bytes::Buf;
use pop3_proto::Io;
use pop3_proto::server::{Action, CloseReason, Config, Rejection, Session};
use pop3_proto::wire::DeviationCounts;

use crate::common::{LOGGED_IN, LOGIN, TAILS, front, greeted, with_tail};

#[test]
fn a_login_that_is_handed_over_is_answered_and_the_session_is_over() {
    // R-1939-18
    let mut front = front(Config::new());
    assert_eq!(front.run_and_hand_over(LOGIN.as_bytes()), Some(CloseReason::HandedOver));
    assert_eq!(front.output, greeted(LOGGED_IN));
    assert_eq!(front.session.state(), None);
    assert!(!CloseReason::HandedOver.is_orderly(), "TLS goes on");
    assert_eq!(front.session.into_unread(), b"");
}

#[test]
fn what_came_after_the_login_is_handed_out_untouched_however_the_input_is_split() {
    // R-2449-16, R-GEN-01
    for tail in TAILS {
        let input = with_tail(LOGIN, tail);
        for split in 0..=input.len() {
            let mut front = front(Config::new());
            front.reads = vec![split.max(1), usize::MAX];
            assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver), "{split}");
            assert_eq!(front.output, greeted(LOGGED_IN), "{split}");
            assert_eq!(front.left(&input), tail, "{split}");
        }
    }
}

#[test]
fn nothing_of_it_depends_on_the_sizes_of_reads_and_writes_or_on_dropped_tokens() {
    // R-GEN-01
    for tail in TAILS {
        let input = with_tail(&format!("CAPA\r\nNOOP\r\n{LOGIN}"), tail);
        let mut outputs = Vec::new();
        for size in [1, 2, 3, 7, 100, usize::MAX] {
            for drops in [false, true] {
                let mut front = front(Config::new());
                (front.reads, front.window, front.drops) = (vec![size], size, drops);
                assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver));
                outputs.push(std::mem::take(&mut front.output));
                assert_eq!(front.left(&input), tail);
            }
        }
        assert!(outputs[0].ends_with(LOGGED_IN.as_bytes()) && outputs.iter().all(|output| *output == outputs[0]));
    }
}

#[test]
fn nothing_after_the_login_is_looked_at() {
    // R-1939-11
    let tail = b"noop  \nNONSENSE\r\n".repeat(20);
    let mut front = front(Config::new());
    let shown = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&shown);
    front.session = front.session.with_trace(move |line| {
        if line.is_from_client() {
            log.lock().unwrap().push(line.to_string());
        }
    });
    assert_eq!(front.run_and_hand_over(&with_tail(LOGIN, &tail)), Some(CloseReason::HandedOver));
    assert_eq!(*shown.lock().unwrap(), ["USER mrose", "PASS ..."], "what is somebody else's is in nobody's log");
    assert_eq!(front.session.deviations(), &DeviationCounts::default());
    assert_eq!(front.output, greeted(LOGGED_IN));
    assert_eq!(front.session.into_unread(), tail);
}

#[test]
fn nothing_is_read_once_a_login_is_handed_over() {
    // R-2449-16
    let mut front = front(Config::new());
    let mut handed_over = false;
    front.window = 1;
    let input = with_tail(LOGIN, b"STAT\r\n");
    // An octet at a time, it is done with the login before it has read what stands after.
    front.reads = vec![1];
    let reason = front.run(
        &input,
        |login| {
            assert!(!std::mem::replace(&mut handed_over, true));
            login.hand_over();
        },
        |step| panic!("{step:?}"),
    );
    assert_eq!((reason, front.taken), (Some(CloseReason::HandedOver), LOGIN.len()));
}

#[test]
fn a_poll_after_the_end_says_the_same_again_and_loses_nothing() {
    // R-GEN-01
    let mut front = front(Config::new());
    let input = with_tail(LOGIN, b"STAT\r\n");
    assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver));
    for now in [0, 1_000_000, 5] {
        let again = front.session.poll(Duration::from_secs(now));
        assert!(matches!(again, Action::Close(CloseReason::HandedOver)), "{again:?}");
    }
    assert_eq!(front.session.into_unread(), b"STAT\r\n");
}

/// A session that has handed a login over, with a command after it, and whose answer isn't written.
fn unanswered() -> Session<Infallible> {
    let mut front = front(Config::new().login_deadline(Duration::from_secs(60)));
    assert_eq!(front.run_and_hand_over(b""), None);
    loop {
        match front.session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) => {
                let input = with_tail(LOGIN, b"STAT\r\n");
                read.space()[..input.len()].copy_from_slice(&input);
                read.filled(input.len());
            }
            Action::Login(login) => login.hand_over(),
            Action::Io(Io::Write(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    front.session
}

#[test]
fn nothing_is_handed_out_before_the_client_has_its_answer() {
    // R-1939-18
    assert_eq!(unanswered().into_unread(), b"");
    let mut session = unanswered();
    while let Action::Io(Io::Write(mut write)) = session.poll(Duration::ZERO) {
        write.advance(1);
    }
    assert_eq!(session.into_unread(), b"STAT\r\n");
}

#[test]
fn a_client_that_does_not_take_its_answer_in_time_is_handed_over_to_nobody() {
    // R-1939-12, R-GEN-05
    let mut session = unanswered();
    let Action::Io(Io::Write(mut write)) = session.poll(Duration::from_secs(59)) else { panic!() };
    assert_eq!(write.deadline(), Some(Duration::from_secs(60)));
    write.advance(write.remaining() - 1);
    for polls in 1..4 {
        let mut session = unanswered();
        for now in [60, 61, 59].into_iter().take(polls) {
            let over = session.poll(Duration::from_secs(now));
            assert!(matches!(over, Action::Close(CloseReason::LoginDeadline)), "{over:?}");
        }
        assert_eq!(session.into_unread(), b"", "{polls}");
    }
}

#[test]
fn the_time_that_the_host_takes_elsewhere_is_not_the_clients() {
    // R-1939-12
    let mut front = front(Config::new().login_deadline(Duration::from_secs(60)));
    assert_eq!(front.run(b"", |_| {}, |_| {}), None);
    let mut input = LOGIN.as_bytes();
    let reason = loop {
        match front.session.poll(front.now) {
            Action::Io(Io::Read(mut read)) => {
                read.space()[..input.len()].copy_from_slice(input);
                read.filled(std::mem::take(&mut input).len());
            }
            Action::Login(login) => {
                front.now = Duration::from_secs(1_000);
                login.hand_over();
            }
            Action::Io(Io::Write(mut write)) => {
                assert_eq!(write.deadline(), Some(Duration::from_secs(1_060)));
                write.advance(write.remaining());
            }
            Action::Close(reason) => break reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason, CloseReason::HandedOver);
}

#[test]
fn a_login_that_is_turned_down_may_be_tried_again_and_handed_over_then() {
    // R-1939-14, R-2449-11
    let mut answers = [
        Some(Rejection::BadCredentials),
        Some(Rejection::InUse),
        Some(Rejection::Temporary),
        Some(Rejection::BadCredentials),
        None,
    ]
    .into_iter();
    let mut front = front(Config::new());
    let input = with_tail(&LOGIN.repeat(5), b"QUIT\r\n");
    let reason = front.run(
        &input,
        |login| match answers.next().unwrap() {
            Some(rejection) => login.reject(rejection),
            None => login.hand_over(),
        },
        |step| panic!("{step:?}"),
    );
    assert_eq!(reason, Some(CloseReason::HandedOver));
    let output = String::from_utf8(std::mem::take(&mut front.output)).unwrap();
    let codes: Vec<_> = output.lines().filter_map(|line| line.strip_prefix("-ERR [")?.split(']').next()).collect();
    assert_eq!(codes, ["AUTH", "IN-USE", "SYS/TEMP", "AUTH"]);
    assert!(output.ends_with(LOGGED_IN));
    assert_eq!(front.session.into_unread(), b"QUIT\r\n");
}

#[test]
fn there_is_nothing_unread_where_no_login_was_handed_over() {
    // R-GEN-08
    let tail = b"STAT\r\nSTA";
    // A client that fails for its credentials, one that goes, one that is turned down for now, and one that says half a name.
    for (login, rejection, end) in [
        (LOGIN, Rejection::BadCredentials, Some(CloseReason::TooManyFailedLogins)),
        ("QUIT\r\n", Rejection::Temporary, Some(CloseReason::Quit)),
        (LOGIN, Rejection::Temporary, None),
        ("USER mro", Rejection::Temporary, None),
    ] {
        let mut front = front(Config::new().failed_logins(1).unwrap());
        assert_eq!(front.run(&with_tail(login, tail), |login| login.reject(rejection), |step| panic!("{step:?}")), end);
        assert_eq!(front.session.into_unread(), b"", "{login}");
    }
}

#[test]
fn after_stls_only_what_came_through_tls_is_left() {
    // R-2595-03
    let mut front = front(Config::new().stls(true));
    // The handshake is over when STLS is dealt with, and what follows comes through TLS.
    let input = with_tail(&format!("STLS\r\n{LOGIN}"), b"STAT\r\n");
    front.reads = vec![6, usize::MAX];
    assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver));
    assert_eq!(front.left(&input), b"STAT\r\n");
}

#[test]
fn handing_over_takes_memory_for_what_is_unread_and_no_more() {
    // R-GEN-04
    assert!(size_of::<Session<Infallible>>() <= 512);
    for (tail, allocations, octets) in [(&b""[..], 0, 0), (b"STAT\r\n", 1, 6)] {
        let input = with_tail(LOGIN, tail);
        let mut front = front(Config::new());
        assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver));
        let mut unread = Vec::new();
        let session = front.session;
        let info = measure(|| unread = session.into_unread());
        assert_eq!((info.count_total, info.bytes_total), (allocations, octets));
        assert_eq!(unread, tail);
    }
}
