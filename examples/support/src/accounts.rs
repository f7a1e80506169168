//! Who may log in, and to which maildrop.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pop3_proto::Secret;
use pop3_proto::server::{Credentials, Rejection};

use super::args::{Args, User};
use super::demo::{self, Demo};
use super::folders;
use super::mailbox::Mailbox;
use super::maildir::{self, OpenError};

/// All the users of a server.
pub struct Accounts {
    by_name: HashMap<Vec<u8>, Account>,
    /// Compared with when there is no such user, so that it takes as long to refuse (R-1939-36).
    nobody: Secret,
}

struct Account {
    password: Secret,
    store: Store,
}

enum Store {
    Demo(Arc<Demo>),
    Maildir { account: Arc<str>, path: PathBuf },
}

impl Accounts {
    /// The users that the command line names, each with a Maildir that is there; without any, the demo's.
    pub fn new(args: &Args) -> io::Result<Self> {
        let mut by_name = HashMap::new();
        for User { name, password, maildir } in args.users()? {
            folders::check(&maildir)?;
            let store = Store::Maildir { account: String::from_utf8_lossy(&name).into(), path: maildir };
            let account = Account { password, store };
            if by_name.insert(name, account).is_some() {
                return Err(io::Error::other("two --user have the same name"));
            }
        }
        if by_name.is_empty() {
            let account = Account { password: demo::PASSWORD.into(), store: Store::Demo(Arc::default()) };
            by_name.insert(demo::NAME.into(), account);
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

    /// Opens the maildrop that `credentials` give a right to, for this session alone.
    pub fn open(&self, credentials: &Credentials<'_>) -> Result<Mailbox, Rejection> {
        self.open_if(credentials.name(), |password| credentials.verify(password))
    }

    /// Opens the maildrop of `name`, for this session alone, if its password or token passes the test.
    pub fn open_if(&self, name: &[u8], verify: impl FnOnce(&[u8]) -> bool) -> Result<Mailbox, Rejection> {
        let account = self.by_name.get(name);
        let password = account.map_or(&self.nobody, |account| &account.password);
        let verified = verify(password.expose());
        match account {
            Some(account) if verified => account.store.open(),
            _ => Err(Rejection::BadCredentials),
        }
    }
}

impl Store {
    fn open(&self) -> Result<Mailbox, Rejection> {
        match self {
            Self::Demo(demo) => demo.open().ok_or(Rejection::InUse),
            Self::Maildir { account, path } => maildir::open(account, path).map_err(|error| match error {
                OpenError::InUse => Rejection::InUse,
                OpenError::Trouble(trouble) => trouble.reject(),
            }),
        }
    }
}
