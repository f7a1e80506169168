//! Maildrops that don't say the same thing twice, or say what can't be: never a panic, never a malformed response.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use pop3_proto::message::{MessageNumber, UniqueId};
use pop3_proto::server::{Action, BrokenMaildrop, Config, Maildrop, Session};
use pop3_proto::wire::Expire;
use pop3_proto::{Io, Security};

/// An index whose answers change with each call.
struct Unstable {
    count: u32,
    calls: Cell<usize>,
    checked: bool,
}

const IDS: [&str; 7] = ["d", "a", "c", "b", "a", "e", "not valid"];

impl Maildrop for Unstable {
    type Reader = ();

    fn count(&self) -> u32 {
        self.count
    }

    fn octets(&self, _: MessageNumber) -> Option<u64> {
        Some(u64::MAX)
    }

    fn unique_id(&self, _: MessageNumber) -> Option<UniqueId<'_>> {
        let calls = self.calls.replace(self.calls.get() + 1);
        UniqueId::new(IDS[calls * calls % 101 % IDS.len()]).ok()
    }

    fn unique_ids_are_checked(&self) -> bool {
        self.checked
    }

    fn expire(&self) -> Option<Expire> {
        Some(Expire { days: Some(0), per_user: true })
    }
}

/// Has a client say `commands`, and returns what it is answered, and what became of the login.
fn answers(maildrop: Unstable, commands: &str) -> (String, Option<Result<(), BrokenMaildrop>>) {
    let mut session = Session::new(Arc::new(Config::new()), Security::Tls);
    let (mut maildrop, mut input, mut output) = (Some(maildrop), commands.as_bytes(), Vec::new());
    let mut accepted = None;
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(_)) if input.is_empty() => return (String::from_utf8(output).unwrap(), accepted),
            Action::Io(Io::Read(mut read)) => {
                let octets = input.len().min(read.space().len());
                read.space()[..octets].copy_from_slice(&input[..octets]);
                input = &input[octets..];
                read.filled(octets);
            }
            Action::Io(Io::Write(mut write)) => {
                output.extend_from_slice(write.chunk());
                let octets = write.chunk().len();
                write.advance(octets);
            }
            Action::Login(login) => accepted = Some(login.accept(maildrop.take().unwrap())),
            other => panic!("{other:?}"),
        }
    }
}

const LOGIN: &str = "USER mrose\r\nPASS tanstaaf\r\n";

#[test]
fn unique_ids_that_change_while_they_are_checked_are_no_panic() {
    // R-1939-27
    for count in 0..300 {
        let (_, accepted) = answers(Unstable { count, calls: Cell::new(0), checked: false }, LOGIN);
        assert!(accepted.is_some(), "{count}");
    }
}

#[test]
fn a_message_without_a_unique_id_is_left_out_of_the_listing() {
    // R-1939-27, R-GEN-08
    let maildrop = Unstable { count: 300, calls: Cell::new(0), checked: true };
    let (output, accepted) = answers(maildrop, &format!("{LOGIN}UIDL\r\nUIDL 3\r\n"));
    assert_eq!(accepted, Some(Ok(())));
    let listing = output.split_once("follows\r\n").unwrap().1;
    assert!(listing.lines().all(|line| !line.contains("not valid")), "{output}");
    assert!(listing.contains("\r\n.\r\n"), "{output}");
}

#[test]
fn octets_that_do_not_fit_are_no_panic() {
    // R-1939-21
    let maildrop = Unstable { count: 3, calls: Cell::new(0), checked: true };
    let (output, _) = answers(maildrop, &format!("{LOGIN}STAT\r\nDELE 1\r\nDELE 2\r\nSTAT\r\nRSET\r\nSTAT\r\n"));
    let max = u64::MAX;
    assert!(output.contains(&format!("+OK 3 {max}\r\n")), "{output}");
    assert!(output.contains(&format!("+OK 1 {max}\r\n")), "{output}");
    assert!(output.ends_with(&format!("+OK 3 {max}\r\n")), "{output}");
}

#[test]
fn expire_0_of_a_user_is_not_announced_where_nothing_is_removed() {
    // R-2449-13, R-1939-35
    let maildrop = Unstable { count: 1, calls: Cell::new(0), checked: true };
    let (output, _) = answers(maildrop, &format!("{LOGIN}CAPA\r\n"));
    assert!(!output.contains("EXPIRE"), "{output}");
}
