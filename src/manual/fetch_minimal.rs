//! Fetches the mail of one account into a directory, and deletes it on the server once it is stored.
//!
//! `fetch_minimal ADDR DIR`, for the user `mrose` and the password `tanstaaf`. A run that was cut off loses nothing: the
//! next one goes on. Two at once in one directory would write into the same file.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use adapter::BoxError;
use adapter::blocking::{Client, Store};
use pop3_proto::client::{Fetch, ListedMessage, Login, Name, Password};

/// The messages of one account. Those with a unique-id that the server may still list are named by it, in hexadecimal digits;
/// the others have a number after that, so that their names are never taken for one. What isn't complete is in `.partial`.
struct Directory(PathBuf);

impl Directory {
    fn path_of(&self, unique_id: &[u8]) -> PathBuf {
        self.0.join(hex::encode(unique_id) + ".eml")
    }

    fn partial(&self, message: &ListedMessage) -> PathBuf {
        self.0.join(".partial").join(message.message().to_string())
    }

    fn free_name(&self, unique_id: &[u8]) -> PathBuf {
        let name = |number: u32| self.0.join(format!("{}-{number}.eml", hex::encode(unique_id)));
        (1..=u32::MAX).map(name).find(|name| !name.exists()).unwrap_or_default()
    }
}

impl Store for Directory {
    type Message = File;

    fn unique_ids(&mut self) -> Result<Vec<Vec<u8>>, BoxError> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        let unique_ids = names.iter().filter_map(|name| hex::decode(name.to_str()?.strip_suffix(".eml")?).ok());
        // Nothing but a regular file is a message.
        let is_stored = |id: &Vec<u8>| self.path_of(id).symlink_metadata().is_ok_and(|found| found.is_file());
        Ok(unique_ids.filter(is_stored).collect())
    }

    fn begin(&mut self, message: &ListedMessage) -> Result<File, BoxError> {
        Ok(File::create(self.partial(message))?)
    }

    fn save(&mut self, file: File, message: &ListedMessage) -> Result<(), BoxError> {
        file.sync_data()?;
        // In hexadecimal digits it is the name of a file, which has 255 octets at the most.
        let unique_id = message.unique_id().filter(|id| id.len() <= 100);
        let name = unique_id.map_or_else(|| self.free_name(b""), |id| self.path_of(id));
        Ok(fs::rename(self.partial(message), name)?)
    }

    fn sync(&mut self) -> Result<(), BoxError> {
        Ok(File::open(&self.0)?.sync_all()?) // the names
    }

    fn forget(&mut self, unique_ids: &[Vec<u8>]) -> Result<(), BoxError> {
        let mut stored = unique_ids.iter().filter(|id| self.path_of(id).exists()); // long ones are no names
        Ok(stored.try_for_each(|id| fs::rename(self.path_of(id), self.free_name(id)))?)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Err(error) = fetch_mail(&arguments) else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn fetch_mail(arguments: &[String]) -> Result<(), BoxError> {
    let [address, path] = arguments else { return Err("usage: fetch_minimal ADDR DIR".into()) };
    let mut directory = Directory(path.into());
    let partial = directory.0.join(".partial");
    let _ = fs::remove_dir_all(&partial); // of a run that was cut off
    fs::create_dir_all(&partial)?;
    let mut left = usize::MAX;
    while left > 0 {
        let mut client = Client::connect(address)?;
        client.log_in(&mut Login::new(Name::new("mrose")?, Password::new("tanstaaf")?))?;
        // After so many a new session begins, so that they are gone from the server.
        let now = client.fetch(Fetch::new().at_most(1000), &mut directory)?.unfetched;
        left = Some(now).filter(|now| *now < left).ok_or("the server may not have deleted any message")?;
    }
    Ok(fs::remove_dir(&partial)?)
}
