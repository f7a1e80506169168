//! Fetches the mail of one account into a directory, and deletes it on the server once it is stored.
//!
//! `fetch_minimal ADDR DIR`, for the user `mrose` and the password `tanstaaf`. A run that was cut off loses nothing: the
//! next one goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf as _;
use pop3_proto::client::{Action, Choice, Closed, Config, Fetch, Login, Progress, Session};
use pop3_proto::message::Removal;
use pop3_proto::wire::{Name, Password};
use pop3_proto::{Io, Security};

/// The most octets of a unique-id that is fit for the name of a file, which has 255 octets at the most.
const LONGEST: usize = 100;

/// The messages of one account: another one may have the same unique-ids. Those with a unique-id that the server may still
/// list are named by it, in hexadecimal digits; the others have a number after that, so that their names are never taken
/// for one.
struct Store {
    path: PathBuf,
    unique_ids: BTreeSet<Vec<u8>>,
}

impl Store {
    fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let mut store = Self { path: path.into(), unique_ids: BTreeSet::new() };
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| hex::decode(name.strip_suffix(".eml")?).ok());
            // Nothing but a file of just this name is a message.
            if let Some(id) = id.filter(|id| store.path_of(id) == entry.path()) {
                if entry.file_type()?.is_file() {
                    store.unique_ids.insert(id);
                }
            }
        }
        Ok(store)
    }

    fn has(&self, unique_id: &[u8]) -> bool {
        self.unique_ids.contains(unique_id)
    }

    /// A message begins.
    fn begin(&self) -> io::Result<File> {
        File::create(self.path.join(".partial"))
    }

    /// The message is complete: from here on no crash can lose it.
    fn save(&mut self, unique_id: Option<&[u8]>, message: Option<&File>) -> io::Result<()> {
        message.map_or(Ok(()), File::sync_all)?;
        let name =
            unique_id.filter(|id| id.len() <= LONGEST).map_or_else(|| self.free_name(b""), |id| self.path_of(id));
        fs::rename(self.path.join(".partial"), name)?;
        File::open(&self.path)?.sync_all()?;
        self.unique_ids.extend(unique_id.filter(|id| id.len() <= LONGEST).map(Vec::from));
        Ok(())
    }

    /// The server may give this unique-id to another message from now on.
    fn forget(&mut self, unique_id: &[u8]) -> io::Result<()> {
        if self.unique_ids.remove(unique_id) {
            fs::rename(self.path_of(unique_id), self.free_name(unique_id))?;
        }
        Ok(())
    }

    /// What is fetched by this unique-id in this session isn't the whole message.
    fn discard(&mut self, unique_id: &[u8]) -> io::Result<()> {
        if self.unique_ids.remove(unique_id) { fs::remove_file(self.path_of(unique_id)) } else { Ok(()) }
    }

    fn forget_all(&mut self, is_meant: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let meant: Vec<_> = self.unique_ids.iter().filter(|id| is_meant(id)).cloned().collect();
        meant.iter().try_for_each(|unique_id| self.forget(unique_id))
    }

    fn path_of(&self, unique_id: &[u8]) -> PathBuf {
        self.path.join(hex::encode(unique_id) + ".eml")
    }

    fn free_name(&self, unique_id: &[u8]) -> PathBuf {
        let name = |number: u32| self.path.join(format!("{}-{number}.eml", hex::encode(unique_id)));
        (1..=u32::MAX).map(name).find(|name| !name.exists()).unwrap_or_default()
    }
}

fn fetch_mail(mut socket: TcpStream, store: &mut Store) -> Result<(), Box<dyn Error>> {
    // So the session notices its deadline.
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.set_write_timeout(Some(Duration::from_secs(5)))?;
    // Over anything but a local connection the password needs TLS.
    let security = Security::from_peer_address(socket.peer_addr()?.ip());
    let mut login = Login::new(Name::new("mrose")?, Password::new("tanstaaf")?);
    let mut session = Session::new(Arc::new(Config::new()), security);
    let mut fetch = if store.unique_ids.is_empty() { Fetch::first() } else { Fetch::new() };
    let (mut message, mut listed, mut failures) = (None::<File>, BTreeMap::new(), Vec::new());
    let start = Instant::now();
    let how = loop {
        login.advance(&mut session);
        if let Some(Err(error)) = login.outcome() {
            return Err(error.to_string().into());
        }
        // It does nothing before login.
        if let Err(error) = fetch.advance(&mut session) {
            failures.push(error.to_string());
            return Err(failures.join("; ").into());
        }
        match session.poll(start.elapsed()) {
            Ok(Action::Io(Io::Read(mut read))) => match socket.read(read.space()) {
                Ok(octets) => read.filled(octets),
                Err(error) if is_timeout(&error) => {}
                Err(_) => read.failed(),
            },
            Ok(Action::Io(Io::Write(mut write))) => match socket.write(write.chunk()) {
                Ok(0) => write.failed(),
                Ok(octets) => write.advance(octets),
                Err(error) if is_timeout(&error) => {}
                Err(_) => write.failed(),
            },
            Ok(Action::Event(event)) => {
                login.observe(&event);
                fetch.observe(&event, |message| {
                    let id = message.unique_id().or(message.repeated_id());
                    listed.extend(id.map(|id| (id.to_vec(), message.repeated_id().is_some())));
                    if message.unique_id().is_some_and(|id| store.has(id)) { Choice::Delete } else { Choice::Fetch }
                });
                event.done();
            }
            Ok(Action::Body(body)) => {
                message.as_mut().ok_or("no message has begun")?.write_all(body.as_bytes())?;
                body.done();
            }
            Ok(Action::Challenge(challenge)) => login.answer(challenge),
            Ok(Action::StartTls(start)) => start.failed(), // STLS wasn't sent
            Ok(Action::Idle(_)) => return Err("a message was neither deleted nor kept".into()),
            Ok(Action::Closed(closed)) => break Ok(closed),
            Err(error) => break Err(error),
        }
        take(&mut fetch, store, &mut message, &listed, &mut failures)?;
    };
    if let Some(refusal) = login.end(&session) {
        return Err(refusal.to_string().into());
    }
    fetch.end(&how);
    take(&mut fetch, store, &mut message, &listed, &mut failures)?;
    match how? {
        Closed::Quit(Removal::All) if failures.is_empty() => Ok(()),
        Closed::Quit(Removal::All) => {
            if failures.len() > 10 {
                let more = failures.split_off(10).len();
                failures.push(format!("and {more} more failures"));
            }
            Err(failures.join("; ").into())
        }
        closed => Err(closed.to_string().into()),
    }
}

/// Takes what has come of the plan.
fn take(
    fetch: &mut Fetch,
    store: &mut Store,
    message: &mut Option<File>,
    listed: &BTreeMap<Vec<u8>, bool>,
    failures: &mut Vec<String>,
) -> io::Result<()> {
    while let Some(progress) = fetch.progress() {
        match progress {
            Progress::Begins(_) => *message = Some(store.begin()?),
            Progress::Complete(it) => match store.save(it.unique_id(), message.as_ref()) {
                Ok(()) => fetch.delete(it.message()),
                Err(error) => {
                    failures.push(format!("message {}: {error}", it.message()));
                    fetch.keep(it.message());
                }
            },
            Progress::Listed { is_complete, .. } => {
                store.forget_all(|unique_id| *listed.get(unique_id).unwrap_or(&is_complete))?;
            }
            Progress::Removed(it) => match it.unique_id().or(it.repeated_id()) {
                Some(unique_id) => store.forget(unique_id)?,
                None => store.forget_all(|_| true)?, // any may be its own
            },
            other => {
                if let Progress::Unproven(it) = &other {
                    store.discard(it.unique_id().unwrap_or_default())?;
                }
                failures.push(format!("something stays on the server: {other:?}"));
            }
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory] = &arguments[..] else { return Err("usage: fetch_minimal ADDR DIR".into()) };
    fetch_mail(TcpStream::connect(address)?, &mut Store::open(Path::new(directory))?)
}
