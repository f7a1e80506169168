//! A secret that a client sends to a server: before login it is gone once its line is dealt with.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::auth::apop::Digest;
use pop3_proto::auth::sasl::CramMd5;
use pop3_proto::server::{Action, Authenticate, Config, Rejection, Session};
use pop3_proto::wire::{Name, ResponseCode};
use pop3_proto::{Io, Security};
use searching_allocator::Search;

use super::server_talk::{HOSTS, Host, Mail, Steps, Talk, config};
use super::{ENDS, SECRET, SIZES, TIMESTAMP, apop_digest, encoded};

/// The digests of APOP and CRAM-MD5.
fn digests() -> [Digest; 2] {
    let name = Name::new("mrose").unwrap();
    [apop_digest(), CramMd5::new(name, TIMESTAMP.as_bytes(), SECRET.as_bytes()).digest]
}

fn search() -> Search {
    super::search(&[], &digests())
}

/// The lines of each way to log in.
fn ways() -> Vec<String> {
    let [apop, cram] = digests().map(|digest| String::from_utf8(digest.to_hex().to_vec()).unwrap());
    let plain = encoded(format!("\0mrose\0{SECRET}"));
    let vendor = encoded(format!("user=mrose\x01auth=Bearer {SECRET}\x01\x01"));
    let bearer = encoded(format!("n,a=mrose,\x01auth=Bearer {SECRET}\x01\x01"));
    vec![
        format!("USER mrose\r\nPASS {SECRET}\r\n"),
        format!("USER mrose\r\nPASS {SECRET}\n"),
        format!("APOP mrose {apop}\r\n"),
        format!("APOP mrose {}\r\n", apop.to_uppercase()),
        format!("AUTH PLAIN {plain}\r\n"),
        format!("AUTH PLAIN\r\n{plain}\r\n"),
        format!("AUTH LOGIN\r\nbXJvc2U=\r\n{}\r\n", encoded(SECRET)),
        format!("AUTH LOGIN bXJvc2U=\r\n{}\r\n", encoded(SECRET)),
        format!("AUTH XOAUTH2 {vendor}\r\n"),
        format!("AUTH XOAUTH2\r\n{vendor}\r\n\r\n"),
        format!("AUTH OAUTHBEARER {bearer}\r\nAQ==\r\n"),
        format!("AUTH OAUTHBEARER\r\n{bearer}\r\n*\r\n"),
        format!("AUTH CRAM-MD5\r\n{}\r\n", encoded(format!("mrose {cram}"))),
        format!("AUTH X-OWN {}\r\n{}\r\n{plain}\r\n", encoded(SECRET), encoded(format!("??{SECRET}"))),
        format!("AUTH X-OWN\r\n{}\r\n{vendor}\r\n", encoded(format!("?{SECRET}"))),
    ]
}

/// Lines with the secret that are no login.
fn mistakes() -> Vec<String> {
    let plain = encoded(format!("\0mrose\0{SECRET}"));
    let mut lines: Vec<_> = [
        "USER mrose\r\nPASS #\0\r\n",
        "USER mrose\r\nPASS # #\r\r\n",
        "USER mrose\r\nPASW #\r\n",
        "PASS #\r\n",
        "CAPA #\r\n",
        "#\r\n",
        "APOP mrose #\r\n",
        "AUTH PLAIN #\r\n",
        "AUTH PLAIN\r\n#\r\n",
        "AUTH NONE #\r\n",
        "AUTH LOGIN\r\n#\r\n",
    ]
    .map(|lines| lines.replace('#', SECRET))
    .into();
    lines.extend([
        format!("AUTH PLAIN {plain}!\r\n"),
        format!("AUTH PLAIN\r\n{plain}\r\r\n"),
        format!("AUTH PLAIN {}\r\n", encoded(format!("root\0mrose\0{SECRET}"))),
        format!("AUTH PLAIN {}\r\n", encoded(format!("mrose\0{SECRET}"))),
        format!("AUTH PLAIN {}\r\n", encoded(format!("\0mrose\0{SECRET}\r\nDELE 1"))),
        format!("AUTH LOGIN\r\nbXJvc2U=\r\n{}\r\n", encoded(format!("{SECRET}\0"))),
        format!("AUTH X-OWN\r\n{}\r\n*\r\n", encoded(SECRET)),
        format!("AUTH X-OWN\r\n{}\r\n{plain}=\r\n", encoded(SECRET)),
        format!("AUTH CRAM-MD5 {plain}\r\n"),
        format!("{plain}\r\n"),
    ]);
    lines
}

#[test]
fn no_login_leaves_its_secret_in_memory() {
    // R-GEN-07
    let (search, config) = (search(), Arc::new(config()));
    for way in ways() {
        for host in HOSTS {
            for before in ["", "CAPA\r\nCAPA\r\nUSER x\r\nCAPA\r\n", "STLS\r\n"] {
                for after in ["", "NO", "STAT\r\nNOOP\r\nQUIT\r\n"] {
                    let input = [before, &way, after].concat();
                    for reads in SIZES {
                        Talk { reads, host, ..Talk::new(&input) }.search(&config, &search);
                    }
                    Talk { drops: true, host, ..Talk::new(&input) }.search(&config, &search);
                }
            }
        }
    }
}

#[test]
fn no_login_that_is_cut_off_leaves_its_secret_in_memory() {
    // R-GEN-07
    let (search, config) = (search(), Arc::new(config()));
    for way in ways() {
        // What is moved to the front of the window is longer than the way it goes, or shorter.
        for before in ["", "CAPA\r\n", "CAPA\r\nCAPA\r\nCAPA\r\nUSER x\r\nCAPA\r\nCAPA\r\n"] {
            let input = [before, &way].concat();
            for cut in before.len()..input.len() {
                for end in ENDS {
                    for reads in [usize::MAX, 1, 11] {
                        Talk { reads, end, ..Talk::new(&input[..cut]) }.search(&config, &search);
                    }
                }
            }
        }
    }
}

#[test]
fn a_login_in_two_reads_leaves_no_secret_wherever_they_part() {
    // R-GEN-07
    let (search, config) = (search(), Arc::new(config()));
    for way in ways() {
        for before in ["CAPA\r\n", "CAPA\r\nCAPA\r\nCAPA\r\nUSER x\r\nCAPA\r\nCAPA\r\n"] {
            let input = [before, &way, "NO"].concat();
            for reads in 1..input.len() {
                let end = ENDS[reads % ENDS.len()];
                Talk { reads, end, ..Talk::new(&input) }.search(&config, &search);
            }
        }
    }
}

#[test]
fn no_mistake_leaves_its_secret_in_memory() {
    // R-GEN-07
    let (search, config) = (search(), Arc::new(config()));
    let strict = Arc::new(Config::clone(&config).bad_commands(1, 1).unwrap().failed_logins(1).unwrap());
    let logged_in = format!("USER mrose\r\nPASS {SECRET}\r\n");
    let impatient = Arc::new(Config::clone(&config).commands_before_login(10).unwrap());
    for mistake in mistakes() {
        for before in ["", "CAPA\r\nCAPA\r\n", "STLS\r\n", &logged_in, &"CAPA\r\n".repeat(10)] {
            for after in ["", "NO", "*\r\nCAPA\r\nNOOP\r\n", "QUIT\r\n"] {
                let input = [before, &mistake, after].concat();
                for (at, reads) in SIZES.into_iter().enumerate() {
                    let talk = Talk { reads, end: ENDS[at % ENDS.len()], ..Talk::new(&input) };
                    talk.search(&config, &search);
                    talk.search(&strict, &search);
                    talk.search(&impatient, &search);
                }
            }
        }
    }
}

#[test]
fn a_name_is_wiped_when_it_is_forgotten() {
    // R-GEN-07, R-1939-15
    let (search, config) = (search(), Arc::new(config()));
    let (name, plain) = (encoded(SECRET), encoded(format!("\0{SECRET}\0tan")));
    for lines in [
        format!("USER {SECRET}\r\nPASS x\r\n"),
        format!("USER {SECRET}\r\nUSER mrose\r\n"),
        format!("USER {SECRET}\r\nNOOP\r\n"),
        format!("APOP {SECRET} {}\r\n", "0".repeat(32)),
        format!("AUTH LOGIN {name}\r\nYQ==\r\n"),
        format!("AUTH LOGIN {name}\r\n*\r\n"),
        format!("AUTH LOGIN\r\n{name}\r\nYQ==\r\n"),
        format!("AUTH PLAIN {plain}\r\n"),
    ] {
        for host in [Host::Accepts, Host::AcceptsInVain, Host::Rejects, Host::RejectsWithCode, Host::HandsOver] {
            for after in ["", "CAPA\r\nNO"] {
                // In one read: before the next one nothing of the name is left.
                let input = [&lines, after].concat();
                Talk { host, ..Talk::new(&input) }.search(&config, &search);
            }
        }
    }
    for end in ENDS {
        // The name is there when the session ends.
        let input = format!("USER {SECRET}\r\nPA");
        Talk { end, ..Talk::new(&input) }.search(&config, &search);
    }
}

#[test]
fn a_window_that_grows_for_a_secret_leaves_none_of_it() {
    // R-GEN-07, R-5034-05
    let (search, config) = (search(), Arc::new(config()));
    let filler = |octets| "x".repeat(octets);
    let messages = [
        format!("\0mrose\0{SECRET}{}", filler(2_500)),
        format!("\0mrose\0{}{SECRET}{}", filler(300), filler(300)),
        format!("\0mrose\0{}{SECRET}", filler(1_000)),
        // Longer than a line may be.
        format!("\0mrose\0{SECRET}{}", filler(9_300)),
        format!("\0mrose\0{}{SECRET}", filler(9_300)),
    ];
    for message in messages.map(encoded) {
        for lines in [
            format!("AUTH PLAIN {message}\r\n"),
            format!("CAPA\r\nAUTH PLAIN\r\n{message}\r\n"),
            format!("AUTH LOGIN\r\nbXJvc2U=\r\n{message}\r\n"),
            format!("AUTH X-OWN\r\n{message}\r\nYQ==\r\n"),
            format!("USER mrose\r\nPASS {SECRET}{message}\r\n"),
        ] {
            for reads in [usize::MAX, 250, 97] {
                for host in [Host::Accepts, Host::Rejects, Host::Leaves] {
                    let input = [&lines, "NO"].concat();
                    Talk { reads, host, ..Talk::new(&input) }.search(&config, &search);
                }
                for cut in (1..lines.len()).step_by(233) {
                    let end = ENDS[cut % ENDS.len()];
                    Talk { reads, end, ..Talk::new(&lines[..cut]) }.search(&config, &search);
                }
            }
        }
    }
}

#[test]
fn a_secret_sent_in_the_clear_is_gone_before_the_handshake() {
    // R-GEN-07, R-2595-02
    let search = search();
    let (closing, dropping) = (Arc::new(config()), Arc::new(config().discard_octets_after_stls(true)));
    for way in ways() {
        for before in ["", "CAPA\r\n", &way] {
            let input = [before, "STLS\r\n", &way].concat();
            for octets in before.len() + 6..=input.len() {
                for (at, end) in ENDS.into_iter().enumerate() {
                    let talk = Talk { end, tls: at > 0, host: Host::Rejects, ..Talk::new(&input[..octets]) };
                    talk.search(&closing, &search);
                    talk.search(&dropping, &search);
                }
            }
        }
    }
}

#[test]
fn what_a_host_remembers_of_an_exchange_is_dropped_with_its_last_answer() {
    // R-5034-03, R-7628-01
    let answers: [fn(Authenticate<'_, Mail, Steps>); 7] = [
        |step| step.challenge_and_reject("why", Rejection::BadCredentials).unwrap(),
        |step| step.accept(Mail { unique_id: Some("a") }).unwrap(),
        |step| assert!(step.accept(Mail { unique_id: None }).is_err()),
        |step| step.reject(Rejection::BadCredentials),
        |step| step.reject_with_code(ResponseCode::new("X-NO").unwrap()),
        |step| assert!(step.challenge(&[b'x'; 12_288]).is_err()),
        |step| step.hand_over(),
    ];
    for answer in answers {
        let dropped = Rc::new(Cell::new(false));
        let mut session = Session::with_exchange(Arc::new(config()), Security::Tls);
        let mut input: &[u8] = b"AUTH X-OWN\r\nYQ==\r\n";
        while !dropped.get() {
            match session.poll(Duration::ZERO) {
                Action::Io(Io::Read(mut read)) => {
                    assert!(!input.is_empty(), "it is kept");
                    read.space()[..input.len()].copy_from_slice(input);
                    read.filled(input.len());
                    input = b"";
                }
                Action::Io(Io::Write(mut write)) => write.advance(usize::MAX),
                Action::Authenticate(mut step) => {
                    let (exchange, _) = step.exchange_and_response();
                    if exchange.is_some() {
                        answer(step);
                        assert!(dropped.get(), "not with the answer");
                    } else {
                        *exchange = Some(Steps(1, Rc::clone(&dropped)));
                        step.challenge("").unwrap();
                        assert!(!dropped.get());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
