//! The check of a store, over stores that keep and break their promises.

use std::sync::Arc;

use adapter::{Opened, blocking};
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

impl Shelf {
    fn open_maildrop(&mut self) -> Result<Index<()>, BoxError> {
        self.logins += 1;
        let (fault, logins) = (self.fault, self.logins);
        let name = |name: &str| if fault == Fault::UniqueIds { format!("{name}-{logins}") } else { name.to_owned() };
        let octets = |message: &str| message.len() as u64 + u64::from(fault == Fault::Octets);
        if fault == Fault::NoLogin {
            Err(Rejection::Temporary)?;
        }
        Ok(Index::new(self.messages.iter().map(|(id, message)| (name(id), Some(octets(message)))), ()))
    }

    fn read(&self, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        if self.fault == Fault::CanNotRead {
            Err(Refusal::Permanent)?;
        }
        Ok(Opened::Whole(self.messages[message.index()].1.into()))
    }

    fn delete(&mut self, deletions: Deletions<'_>) -> Removal {
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
        Removal::All
    }
}

impl blocking::Host for Shelf {
    type Stream = std::net::TcpStream;
    type Maildrop = Index<()>;
    type Exchange = ();

    fn log_in(&mut self, _: Credentials<'_>) -> Result<Index<()>, BoxError> {
        self.open_maildrop()
    }

    fn open(&mut self, _: &mut Index<()>, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        self.read(message)
    }

    fn remove(&mut self, _: &mut Index<()>, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        Ok(self.delete(deletions))
    }

    fn report(&mut self, error: BoxError) {
        panic!("{error}");
    }
}

#[cfg(feature = "tokio")]
impl adapter::tokio::Host for Shelf {
    type Stream = tokio::net::TcpStream;
    type Maildrop = Index<()>;
    type Exchange = ();

    async fn log_in(&mut self, _: Credentials<'_>) -> Result<Index<()>, BoxError> {
        tokio::task::yield_now().await;
        self.open_maildrop()
    }

    async fn open(&mut self, _: &mut Index<()>, message: MessageNumber) -> Result<Opened<()>, BoxError> {
        self.read(message)
    }

    async fn remove(&mut self, _: &mut Index<()>, deletions: Deletions<'_>) -> Result<Removal, BoxError> {
        Ok(self.delete(deletions))
    }

    fn report(&mut self, error: BoxError) {
        panic!("{error}");
    }
}

fn shelf(messages: &[&'static str], fault: Fault) -> Shelf {
    let messages = messages.iter().enumerate().map(|(at, message)| (format!("uid-{at}"), *message)).collect();
    Shelf { messages, fault, logins: 0 }
}

fn login() -> Login {
    Login::new(Name::new("mrose").unwrap(), Password::new("tanstaaf").unwrap())
}

/// What the check says, to a host that blocks and to one on tokio.
fn checked(messages: &[&'static str], fault: Fault) -> String {
    let session = || Session::new(Arc::new(Config::new()), Security::Tls);
    let said = blocking::check(&mut shelf(messages, fault), session, login);
    #[cfg(feature = "tokio")]
    {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut shelf = shelf(messages, fault);
        let on_tokio = runtime.block_on(adapter::tokio::check(&mut shelf, session, login));
        assert_eq!(format!("{on_tokio:?}"), format!("{said:?}"));
    }
    said.map_or_else(|error| error.to_string(), |()| "well".into())
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
