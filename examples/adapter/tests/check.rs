//! The check of a store, over stores that keep and break their promises.

use std::net::TcpStream;
use std::sync::Arc;

use adapter::Opened;
use adapter::blocking::{Host, check};
use pop3_proto::client::{Login, Name, Password};
use pop3_proto::server::{
    BoxError, Config, Credentials, Deletions, Index, MessageNumber, Refusal, Rejection, Removal, Security, Session,
};

/// What a store does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    Octets,
    UniqueIds,
    RemovesAnother,
    RemovesNone,
    LosesMail,
    CanNotRead,
    NoLogin,
}

/// A store of messages, each with its name.
struct Shelf {
    messages: Vec<(String, &'static str)>,
    fault: Fault,
    logins: u32,
}

impl Host for Shelf {
    type Stream = TcpStream;
    type Maildrop = Index<()>;
    type Exchange = ();

    fn log_in(&mut self, _: Credentials<'_>) -> Result<Index<()>, BoxError> {
        self.logins += 1;
        let (fault, logins) = (self.fault, self.logins);
        let name = |name: &str| if fault == Fault::UniqueIds { format!("{name}-{logins}") } else { name.to_owned() };
        let octets = |message: &str| message.len() as u64 + u64::from(fault == Fault::Octets);
        if fault == Fault::NoLogin {
            Err(Rejection::Temporary)?;
        }
        Ok(Index::new(self.messages.iter().map(|(id, message)| (name(id), Some(octets(message)))), ()))
    }

    fn open(&mut self, _: &mut Index<()>, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        if self.fault == Fault::CanNotRead {
            Err(Refusal::Permanent)?;
        }
        Ok(Opened::Whole(self.messages[message.index()].1.into()))
    }

    fn remove(&mut self, _: &mut Index<()>, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        let loses = self.fault == Fault::LosesMail && deletions.len() > 0;
        for message in deletions {
            match self.fault {
                Fault::RemovesNone => {}
                Fault::RemovesAnother => drop(self.messages.pop()),
                _ => drop(self.messages.remove(message.index())),
            }
        }
        if loses {
            self.messages.pop();
        }
        Ok(Removal::All)
    }

    fn report(&mut self, error: BoxError) {
        panic!("{error}");
    }
}

/// What the check says.
fn checked(messages: &[&'static str], fault: Fault) -> String {
    let messages = messages.iter().enumerate().map(|(at, message)| (format!("uid-{at}"), *message)).collect();
    let mut shelf = Shelf { messages, fault, logins: 0 };
    let session = || Session::new(Arc::new(Config::new()), Security::Tls);
    let login = || Login::new(Name::new("mrose").unwrap(), Password::new("tanstaaf").unwrap());
    check(&mut shelf, session, login).map_or_else(|error| error.to_string(), |()| "well".into())
}

const MESSAGES: [&str; 3] = ["Subject: one\r\n\r\n.\r\n", "Subject: two\r\n\r\n", "three\r\n"];

#[test]
fn a_store_that_keeps_its_promises_passes() {
    assert_eq!(checked(&MESSAGES, Fault::Nothing), "well");
    assert_eq!(checked(&MESSAGES[..1], Fault::Nothing), "well");
}

#[test]
fn a_promise_that_is_broken_is_named() {
    let another = "the first message was deleted, and what is left isn't all the others";
    for (fault, says) in [
        (Fault::Octets, "message 1 has 19 octets, and LIST says 20"),
        (Fault::UniqueIds, "the unique-ids of another session are different"),
        (Fault::RemovesAnother, another),
        (Fault::RemovesNone, another),
        (Fault::LosesMail, another),
        (Fault::CanNotRead, "-ERR [SYS/PERM] failure that needs the administrator"),
    ] {
        assert_eq!(checked(&MESSAGES, fault), says);
    }
    assert!(checked(&MESSAGES, Fault::NoLogin).contains("temporary failure"));
    assert_eq!(checked(&[], Fault::Nothing), "there is no message to check anything with");
}
