//! Fetches the mail of one account into a directory, and deletes it on the server once it is stored.
//!
//! `fetch_minimal ADDR DIR`, for the user `mrose` and the password `tanstaaf`. A run that was cut off loses nothing: the
//! next one goes on. Two at once in one directory would write into the same file.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use adapter::blocking::{Client, Store};
use pop3_proto::client::{Fetch, Login, Name, Password};

/// The messages of one account. Those with a unique-id that the server may still list are named by it, in hexadecimal digits;
/// the others have a number after that, so that their names are never taken for one.
struct Directory(PathBuf);

impl Directory {
    fn unique_ids(&self) -> io::Result<Vec<Vec<u8>>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        let unique_ids = names.iter().filter_map(|name| hex::decode(name.to_str()?.strip_suffix(".eml")?).ok());
        Ok(unique_ids.filter(|id| self.has(id)).collect())
    }

    fn path_of(&self, unique_id: &[u8]) -> PathBuf {
        self.0.join(hex::encode(unique_id) + ".eml")
    }

    fn free_name(&self, unique_id: &[u8]) -> PathBuf {
        let name = |number: u32| self.0.join(format!("{}-{number}.eml", hex::encode(unique_id)));
        (1..=u32::MAX).map(name).find(|name| !name.exists()).unwrap_or_default()
    }
}

impl Store for Directory {
    type Message = File;

    fn has(&self, unique_id: &[u8]) -> bool {
        // Nothing but a regular file is a message.
        self.path_of(unique_id).symlink_metadata().is_ok_and(|found| found.is_file())
    }

    fn begin(&mut self) -> io::Result<File> {
        File::create(self.0.join(".partial"))
    }

    fn save(&mut self, message: File, unique_id: Option<&[u8]>) -> io::Result<()> {
        message.sync_data()?;
        // In hexadecimal digits it is the name of a file, which has 255 octets at the most.
        let name = unique_id.filter(|id| id.len() <= 100).map_or_else(|| self.free_name(b""), |id| self.path_of(id));
        fs::rename(self.0.join(".partial"), name)
    }

    fn sync(&mut self) -> io::Result<()> {
        File::open(&self.0)?.sync_all() // the names
    }

    fn forget(&mut self, is_meant: &dyn Fn(&[u8]) -> bool) -> io::Result<()> {
        let rename = |id: &Vec<u8>| fs::rename(self.path_of(id), self.free_name(id));
        self.unique_ids()?.iter().filter(|id| is_meant(id)).try_for_each(rename)
    }

    fn discard(&mut self, unique_id: &[u8]) -> io::Result<()> {
        if self.has(unique_id) { fs::remove_file(self.path_of(unique_id)) } else { Ok(()) }
    }
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path] = &arguments[..] else { return Err("usage: fetch_minimal ADDR DIR".into()) };
    fetch_mail(address, Directory(path.into())).map_err(|error| error.to_string())
}

fn fetch_mail(address: &str, mut directory: Directory) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(&directory.0)?;
    loop {
        let mut client = Client::connect(address)?;
        client.log_in(&mut Login::new(Name::new("mrose")?, Password::new("tanstaaf")?))?;
        let plan = if directory.unique_ids()?.is_empty() { Fetch::first() } else { Fetch::new() };
        // After so many a new session begins, so that they are gone from the server.
        if client.fetch(plan.at_most(1000), &mut directory)?.unfetched == 0 {
            return Ok(());
        }
    }
}
