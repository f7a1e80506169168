//! What the client's `Config` promises about memory, measured with an allocator that counts (R-GEN-04).

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use bytes::Buf;
use pop3_proto::client::{Action, Config, Error, ProtocolError, Session};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Mechanism, Name, Password};
use pop3_proto::{Io, Security};

/// What a server says: a front, then some octets again and again, then an end.
struct Octets<'a> {
    front: &'a [u8],
    repeated: &'a [u8],
    at: usize,
    left: u64,
    end: &'a [u8],
}

impl<'a> Octets<'a> {
    fn new(front: &'a [u8], repeated: &'a [u8], times: u64, end: &'a [u8]) -> Self {
        Self { front, repeated, at: 0, left: times * repeated.len() as u64, end }
    }

    fn once(octets: &'a str) -> Self {
        Self::new(octets.as_bytes(), b"x", 0, b"")
    }

    fn read(&mut self, space: &mut [u8]) -> usize {
        let mut octets = 0;
        while octets < space.len() {
            let source = if !self.front.is_empty() {
                self.front
            } else if self.left > 0 {
                let rest = &self.repeated[self.at..];
                &rest[..rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))]
            } else {
                self.end
            };
            let now = source.len().min(space.len() - octets);
            if now == 0 {
                break;
            }
            space[octets..octets + now].copy_from_slice(&source[..now]);
            octets += now;
            if !self.front.is_empty() {
                self.front = &self.front[now..];
            } else if self.left > 0 {
                self.left -= now as u64;
                self.at = (self.at + now) % self.repeated.len();
            } else {
                self.end = &self.end[now..];
            }
        }
        octets
    }
}

/// What came of a drive.
#[derive(Default, Debug, PartialEq, Eq)]
struct Got {
    events: u64,
    body: u64,
    error: Option<Error>,
}

/// Drives a session until it waits for more than there is.
fn drive(session: &mut Session, octets: &mut Octets<'_>) -> Got {
    let mut got = Got::default();
    loop {
        let action = match session.poll(Duration::ZERO) {
            Ok(action) => action,
            Err(error) => return Got { error: Some(error), ..got },
        };
        match action {
            Action::Io(Io::Read(mut read)) => match octets.read(read.space()) {
                0 => {
                    read.nothing_yet();
                    return got;
                }
                octets => read.filled(octets),
            },
            Action::Io(Io::Write(mut write)) => {
                let octets = write.remaining();
                write.advance(octets);
            }
            Action::Event(event) => {
                got.events += 1;
                event.done();
            }
            Action::Body(body) => {
                got.body += body.as_bytes().len() as u64;
                body.done();
            }
            Action::Challenge(challenge) => challenge.cancel(),
            _ => return got,
        }
    }
}

fn logged_in(config: Config) -> Session {
    let mut session = Session::new(config.into(), Security::Tls);
    drive(&mut session, &mut Octets::once("+OK\r\n"));
    session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
    drive(&mut session, &mut Octets::once("+OK\r\n"));
    session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
    drive(&mut session, &mut Octets::once("+OK\r\n"));
    session
}

/// What a command and its answer allocate, in a session that has logged in.
fn measured(config: Config, command: &Command<'_>, octets: &mut Octets<'_>) -> (AllocationInfo, Got) {
    let mut session = logged_in(config);
    let mut got = Got::default();
    let info = measure(|| {
        session.send(command).unwrap();
        got = drive(&mut session, octets);
    });
    (info, got)
}

/// The window, the line of a command, and what is remembered of it.
const BUFFERS: u64 = 65_536 + 256 + 4 * 24;

const RETR: Command<'static> = Command::Retr { message: MessageNumber::FIRST };

#[test]
fn a_window_of_short_lines_is_handed_out_in_one_part() {
    for (line, fewer) in [("..\r\n", 1), ("..forty octets, and each line has a dot.\r\n", 1), ("\r\n", 0)] {
        let times = 400_000 / line.len() as u64;
        let mut octets = Octets::new(b"+OK\r\n", line.as_bytes(), times, b".\r\n");
        let mut session = logged_in(Config::new());
        session.send(&RETR).unwrap();
        let (mut parts, mut body) = (0, 0);
        loop {
            match session.poll(Duration::ZERO).unwrap() {
                Action::Io(Io::Read(mut read)) => {
                    let octets = octets.read(read.space());
                    read.filled(octets);
                }
                Action::Io(Io::Write(mut write)) => write.advance(write.remaining()),
                Action::Event(event) => event.done(),
                Action::Body(part) => {
                    parts += 1;
                    body += part.as_bytes().len();
                    part.done();
                }
                _ => break,
            }
        }
        assert_eq!(body as u64, times * (line.len() as u64 - fewer), "{line:?}");
        assert!(parts <= 8, "{line:?}: {parts}");
    }
}

#[test]
fn a_message_of_a_gibibyte_takes_one_window() {
    let mut lines = b"0123456789 and so on, up to 62 octets, as many lines have.......\r\n".repeat(900);
    lines.extend_from_slice(b"..a stuffed dot\r\n\n\r..\r\n");
    let dots = 1;
    let retrieve = |times| measured(Config::new(), &RETR, &mut Octets::new(b"+OK\r\n", &lines, times, b".\r\n"));
    let times = (1 << 30) / lines.len() as u64 + 1;
    let (many, got) = retrieve(times);
    assert_eq!(got, Got { events: 2, body: times * (lines.len() as u64 - dots), error: None });
    let (few, _) = retrieve(3);
    assert_eq!((many.count_total, many.bytes_max), (few.count_total, few.bytes_max));
    assert!(many.bytes_max <= BUFFERS, "{many:?}");
}

#[test]
fn a_message_of_one_endless_line_takes_one_window() {
    for repeated in [b"x".repeat(60_000), b"\r".to_vec(), b".".to_vec()] {
        let times = (1 << 24) / repeated.len() as u64;
        let (info, got) = measured(Config::new(), &RETR, &mut Octets::new(b"+OK\r\n", &repeated, times, b"\r\n.\r\n"));
        assert!(got.body > (1 << 23) && got.events == 2, "{got:?}");
        assert!(info.bytes_max <= BUFFERS, "{info:?}");
    }
}

#[test]
fn a_million_entries_take_no_allocation_each() {
    let lists: [(Command<'_>, &[u8]); 4] = [
        (Command::List { message: None }, b"1234567 1234\r\n"),
        (Command::Uidl { message: None }, b"1234567 0123456789abcdef\r\n"),
        // What has to be overlooked takes no more.
        (Command::Uidl { message: None }, b" 1   0123456789abcdef and so on \n"),
        (Command::List { message: None }, b"garbage\r\n"),
    ];
    for (command, line) in lists {
        let list = |times| measured(Config::new(), &command, &mut Octets::new(b"+OK\r\n", line, times, b".\r\n"));
        let (many, got) = list(1_000_000);
        assert_eq!(got, Got { events: 1_000_002, body: 0, error: None });
        let (few, _) = list(10);
        assert_eq!((many.count_total, many.bytes_max), (few.count_total, few.bytes_max), "{command:?}");
        assert!(many.bytes_max <= BUFFERS, "{many:?}");
    }
}

#[test]
fn an_endless_list_of_capabilities_takes_what_one_of_some_lines_does() {
    let line = b"SASL XA XB XC XD XE XF XG XH XI XJ XK XL XM XN XO XP XQ XR XS XT XU XV XW XX XY XZ\r\nXFOO\r\n";
    let list = |times| measured(Config::new(), &Command::Capa, &mut Octets::new(b"+OK\r\n", line, times, b".\r\n"));
    let (many, got) = list(200_000);
    assert_eq!(got.events, 400_002);
    // The lines of 1,024 octets are kept.
    let (few, _) = list(1_024 / 5);
    assert_eq!((many.count_total, many.bytes_max), (few.count_total, few.bytes_max));
    // A vector that grows holds two of itself for a moment.
    assert!(many.bytes_max <= BUFFERS + 2 * (32 * 20 + 1_024), "{many:?}");
}

#[test]
fn an_endless_line_ends_the_session_within_its_limit() {
    let config = Config::new().line_limit(20_000).unwrap();
    for (config, most) in [(config.clone(), 65_536), (config.window(512).unwrap(), 20_000 + 16_384)] {
        for front in ["", "+OK ", "-ERR ", "+OK\r\n1 ", "+OK\r\n."] {
            let mut octets = Octets::new(front.as_bytes(), b"xxxxxxxxxxxxxxxx", 1 << 20, b"");
            let (info, got) = measured(config.clone(), &Command::List { message: None }, &mut octets);
            assert_eq!(got.error, Some(Error::Protocol(ProtocolError::LineTooLong)), "{front:?}");
            assert!(octets.left > (1 << 24) - 65_536 - 512, "{front:?}");
            assert!(info.bytes_max <= most + BUFFERS - 65_536, "{front:?} {info:?}");
        }
    }
}

#[test]
fn an_endless_challenge_is_cancelled_within_its_limit() {
    for (window, most) in [(65_536, 65_536), (512, 12_288 + 8_192)] {
        let config = Config::new().window(window).unwrap().sasl_line_limit(12_288).unwrap();
        let mut session = Session::new(config.into(), Security::Tls);
        drive(&mut session, &mut Octets::once("+OK\r\n"));
        let info = measure(|| {
            session.authenticate(Mechanism::CRAM_MD5).unwrap();
            let mut octets = Octets::new(b"+ ", b"AAAA", 1 << 22, b"\r\n-ERR\r\n");
            assert_eq!(drive(&mut session, &mut octets), Got { events: 1, body: 0, error: None });
        });
        assert!(info.bytes_max <= most + BUFFERS - 65_536 + 256, "{info:?}");
    }
}

#[test]
fn an_idle_client_takes_512_octets_at_the_most() {
    let config = std::sync::Arc::new(Config::new());
    let capabilities =
        "+OK\r\nTOP\r\nUSER\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN LOGIN CRAM-MD5 XOAUTH2 SCRAM-SHA-1\r\n.\r\n";
    let mut kept = None;
    let info = measure(|| {
        let mut session = Session::new(std::sync::Arc::clone(&config), Security::Tls);
        drive(&mut session, &mut Octets::once("+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n"));
        session.send(&Command::Capa).unwrap();
        drive(&mut session, &mut Octets::once(capabilities));
        session.send(&Command::User { name: Name::new("mrose").unwrap() }).unwrap();
        drive(&mut session, &mut Octets::once("+OK\r\n"));
        session.send(&Command::Pass { password: Password::new("tanstaaf").unwrap() }).unwrap();
        drive(&mut session, &mut Octets::once("+OK\r\n"));
        session.send(&Command::Capa).unwrap();
        drive(&mut session, &mut Octets::once(capabilities));
        session.send(&RETR).unwrap();
        drive(&mut session, &mut Octets::once("+OK\r\nbody\r\n.\r\n"));
        kept = Some(session);
    });
    let heap = u64::try_from(info.bytes_current).unwrap();
    let all = size_of::<Session>() as u64 + heap;
    assert!(all <= 512, "{} and {heap} octets", size_of::<Session>());
    assert!(kept.is_some());
}

#[test]
fn a_client_that_is_told_to_wait_for_an_answer_has_no_window() {
    let mut session = logged_in(Config::new());
    let info = measure(|| {
        session.send(&RETR).unwrap();
        drive(&mut session, &mut Octets::once(""));
    });
    assert!(info.bytes_current <= 256 + 4 * 24, "{info:?}");
}

#[test]
fn a_full_queue_takes_what_the_configuration_says() {
    let mut session = logged_in(Config::new());
    let mut sent = 0;
    let info = measure(|| {
        while session.send(&Command::Noop).is_ok() {
            sent += 1;
        }
    });
    assert_eq!(sent, 8_192 / 6);
    // The lines grow by doubling; the commands take 16 octets each, in a ring that doubles too.
    assert!(info.bytes_current <= 2 * 8_192 + 2_048 * 16, "{info:?}");
    for _ in 0..sent {
        drive(&mut session, &mut Octets::once("+OK\r\n"));
    }
    let info = measure(|| {
        session.send(&Command::Noop).unwrap();
        drive(&mut session, &mut Octets::once("+OK\r\n"));
    });
    assert!(info.bytes_current <= 0, "{info:?}");
}
