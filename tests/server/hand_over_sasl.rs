//! A SASL exchange that is handed over to somebody else, with what the client has sent after it.

use std::rc::Rc;

use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{CloseReason, Config};
use pop3_proto::wire::Mechanism;

use crate::common::{Front, TAILS, front, greeted, with_tail};

#[test]
fn plain_and_login_are_handed_over_as_logins() {
    // R-5034-04, R-5034-05
    let ways = [
        ("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", ""),
        ("AUTH PLAIN\r\nAG1yb3NlAHRhbnN0YWFm\r\n", "+ \r\n"),
        ("AUTH LOGIN\r\nbXJvc2U=\r\ndGFuc3RhYWY=\r\n", "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n"),
    ];
    for (way, challenges) in ways {
        for tail in TAILS {
            let input = with_tail(way, tail);
            for split in 1..=way.len() {
                let mut front = front(Config::new().mechanism(Mechanism::LOGIN).unwrap());
                front.reads = vec![split, usize::MAX];
                let mut names = Vec::new();
                let reason = front.run(
                    &input,
                    |login| {
                        assert_eq!(login.credentials().verify(Some("tanstaaf")), Ok(()));
                        names.push(login.credentials().name().to_vec());
                        login.hand_over();
                    },
                    |step| panic!("{step:?}"),
                );
                assert_eq!((reason, names), (Some(CloseReason::HandedOver), vec![b"mrose".to_vec()]));
                assert_eq!(front.output, greeted(&format!("{challenges}+OK maildrop locked and ready\r\n")));
                assert_eq!(front.left(&input), tail, "{way} {split}");
            }
        }
    }
}

#[test]
fn a_line_that_the_window_had_to_grow_for_leaves_what_is_after_it() {
    // R-5034-05
    let mut line = b"AUTH PLAIN ".to_vec();
    base64::encode(format!("\0mrose\0{}", "t".repeat(6_000)).as_bytes(), &mut line);
    line.extend_from_slice(b"\r\n");
    for tail in TAILS {
        let input = [line.as_slice(), tail].concat();
        for size in [1, 500, 4_000, usize::MAX] {
            let mut front = front(Config::new());
            front.reads = vec![size];
            assert_eq!(front.run_and_hand_over(&input), Some(CloseReason::HandedOver));
            assert_eq!(front.left(&input), tail);
        }
    }
}

#[test]
fn an_exchange_is_handed_over_and_forgotten() {
    // R-5034-03
    let memory = Rc::new(());
    let mechanism = Mechanism::new("X-STEPS").unwrap();
    let properties = Mechanism::CRAM_MD5.properties().unwrap();
    for tail in TAILS {
        let input = with_tail("AUTH X-STEPS\r\nYQ==\r\nYg==\r\n", tail);
        for size in [1, 5, usize::MAX] {
            let mut front = Front::remembering(Config::new().mechanism_with(mechanism, properties).unwrap());
            front.reads = vec![size];
            let mut responses = Vec::new();
            let reason = front.run(
                &input,
                |login| panic!("{login:?}"),
                |mut step| {
                    let (exchange, response) = step.exchange_and_response();
                    exchange.get_or_insert_with(|| Rc::clone(&memory));
                    responses.push(response.map(<[u8]>::to_vec));
                    if responses.len() < 3 {
                        step.challenge(b"more".as_slice()).unwrap();
                    } else {
                        step.hand_over();
                    }
                },
            );
            assert_eq!(reason, Some(CloseReason::HandedOver));
            assert_eq!(responses, [None, Some(b"a".to_vec()), Some(b"b".to_vec())]);
            assert_eq!(Rc::strong_count(&memory), 1);
            assert!(front.output.ends_with(b"+ bW9yZQ==\r\n+ bW9yZQ==\r\n+OK maildrop locked and ready\r\n"));
            assert_eq!(front.left(&input), tail);
        }
    }
}
