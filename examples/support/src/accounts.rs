//! Who may log in, and to which maildrop.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pop3_proto::Secret;
use pop3_proto::server::{Credentials, Maildrop as _, Rejection};

use super::args::{Args, User};
use super::demo::{self, Demo};
use super::folders;
use super::mailbox::Mailbox;
use super::maildir::{self, OpenError};

/// All the users of a server.
pub struct Accounts {
    by_name: HashMap<Vec<u8>, Arc<Account>>,
    /// Compared with when there is no such user, so that it takes as long to refuse (R-1939-36).
    nobody: Secret,
}

/// A user, and where its mail is.
pub struct Account {
    name: Arc<str>,
    password: Secret,
    store: Store,
    /// How many messages there were when the maildrop was last opened.
    messages: AtomicU32,
}

/// From how many messages on it takes a while to look at all of them.
const MANY: u32 = 1_000;

enum Store {
    Demo(Arc<Demo>),
    Maildir(PathBuf),
}

impl Accounts {
    /// The users that the command line names, each with a Maildir that is there; without any, the demo's.
    pub fn new(args: &Args) -> io::Result<Self> {
        let mut by_name = HashMap::new();
        for User { name, password, maildir } in args.users()? {
            folders::check(&maildir)?;
            let account = Account {
                name: String::from_utf8_lossy(&name).into(),
                password,
                store: Store::Maildir(maildir),
                messages: MANY.into(),
            };
            if by_name.insert(name, account.into()).is_some() {
                return Err(io::Error::other("two --user have the same name"));
            }
        }
        if by_name.is_empty() {
            let store = Store::Demo(Arc::default());
            let account =
                Account { name: demo::NAME.into(), password: demo::PASSWORD.into(), store, messages: MANY.into() };
            by_name.insert(demo::NAME.into(), account.into());
        }
        Ok(Self { by_name, nobody: "nobody has this password".into() })
    }

    /// Whether the demo maildrop is all there is.
    pub fn is_demo(&self) -> bool {
        self.by_name.values().any(|account| matches!(account.store, Store::Demo(_)))
    }

    /// Whether there is a user of this name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.by_name.contains_key(name)
    }

    /// Names and passwords.
    pub fn passwords(&self) -> impl Iterator<Item = (&[u8], &Secret)> {
        self.by_name.iter().map(|(name, account)| (name.as_slice(), &account.password))
    }

    /// The account that `credentials` give a right to.
    pub fn verify(&self, credentials: &Credentials<'_>) -> Result<Arc<Account>, Rejection> {
        self.verify_by(credentials.name(), |password| credentials.verify(Some(password)).is_ok())
    }

    /// The account of `name`, if its password or token passes the test.
    pub fn verify_by(&self, name: &[u8], test: impl FnOnce(&[u8]) -> bool) -> Result<Arc<Account>, Rejection> {
        let account = self.by_name.get(name);
        let password = account.map_or(&self.nobody, |account| &account.password);
        let verified = test(password.expose());
        match account {
            Some(account) if verified => Ok(Arc::clone(account)),
            _ => Err(Rejection::BadCredentials),
        }
    }
}

impl Account {
    /// The user's name, for a log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it takes next to no time to open the maildrop, as far as that is known from the last time.
    pub fn is_small(&self) -> bool {
        self.messages.load(Ordering::Relaxed) < MANY
    }

    /// Opens the maildrop for one session alone.
    pub fn open(&self) -> Result<Mailbox, Rejection> {
        let mailbox = match &self.store {
            Store::Demo(demo) => demo.open().ok_or(Rejection::InUse)?,
            Store::Maildir(path) => maildir::open(&self.name, path).map_err(|error| match error {
                OpenError::InUse => Rejection::InUse,
                OpenError::Trouble(trouble) => trouble.reject(),
            })?,
        };
        self.messages.store(mailbox.count(), Ordering::Relaxed);
        Ok(mailbox)
    }
}
