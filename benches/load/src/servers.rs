//! The servers that are compared, and how they are started and stopped.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Group, Uid, User};

use crate::Result;
use crate::client::Client;
use crate::maildir::{Account, PASSWORD};
use crate::process::{Processes, pid};
use crate::row::Target;

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Server {
    /// What the report calls it.
    pub name: String,
    program: PathBuf,
    is_dovecot: bool,
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    /// What is measured.
    pub target: Target,
    child: Child,
}

impl Server {
    /// Returns a program that takes `--listen` and `--user` as this project's servers do, and reports where it listens.
    #[must_use]
    pub fn new(name: &str, program: PathBuf) -> Self {
        Self { name: name.to_owned(), program, is_dovecot: false }
    }

    /// Returns Dovecot, if it is installed.
    #[must_use]
    pub fn dovecot(name: &str) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
        let program = folders.map(|folder| folder.join("dovecot")).find(|program| program.is_file())?;
        Some(Self { name: name.to_owned(), program, is_dovecot: true })
    }

    /// Returns what the program says of its version.
    ///
    /// # Errors
    ///
    /// Where it can't be run.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(&self.program).arg("--version").output().with_context(|| self.at())?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it for these accounts, whose Maildirs are in `root`.
    ///
    /// # Errors
    ///
    /// Where it can't be run, or doesn't listen soon.
    pub fn start(&self, accounts: &[Account], root: &Path) -> Result<Running> {
        ensure!(self.program.is_file(), "{} isn't there; see benches/README.md for how to build it", self.at());
        if self.is_dovecot { self.start_dovecot(accounts, root) } else { self.start_ours(accounts, root) }
            .with_context(|| format!("starting {}", self.name))
    }

    fn start_ours(&self, accounts: &[Account], root: &Path) -> Result<Running> {
        let arguments = accounts.iter().flat_map(|account| account.arguments(root));
        let mut child = Command::new(&self.program)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let mut running = Running::new(child, SocketAddr::from(([127, 0, 0, 1], 0)));
        let first = lines.next().context("it said nothing")??;
        let address = first.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        running.target.address = address.with_context(|| format!("it said: {first}"))?;
        let name = self.name.clone();
        thread::spawn(move || lines.map_while(io::Result::ok).for_each(|line| eprintln!("{name}: {line}")));
        Ok(running)
    }

    fn start_dovecot(&self, accounts: &[Account], root: &Path) -> Result<Running> {
        let directory = root.join("dovecot");
        fs::create_dir_all(&directory)?;
        // Somebody else may take the port before it is used.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        // As root it wants users for its parts, which its package has made; else everything is ours.
        let is_root = Uid::effective().is_root();
        let user = |name| if is_root { User::from_name(name) } else { User::from_uid(Uid::effective()) };
        let internal = user("dovecot")?.context("there is no user dovecot")?;
        let login = user("dovenull")?.context("there is no user dovenull")?;
        let group = Group::from_gid(internal.gid)?.context("its group has no name")?;
        let mut users = String::new();
        for account in accounts {
            let maildir = root.join(&account.name);
            if is_root {
                for path in [&maildir, &maildir.join("cur"), &maildir.join("new"), &maildir.join("tmp")] {
                    chown(path, Some(internal.uid.as_raw()), Some(internal.gid.as_raw()))?;
                }
            }
            let (uid, gid, maildir) = (internal.uid, internal.gid, maildir.display());
            writeln!(users, "{}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{maildir}::", account.name)?;
        }
        fs::write(directory.join("users"), users)?;
        let configuration = include_str!("dovecot.conf")
            .replace("DIRECTORY", &directory.display().to_string())
            .replace("INTERNAL_USER", &internal.name)
            .replace("INTERNAL_GROUP", &group.name)
            .replace("LOGIN_USER", &login.name)
            .replace("PORT", &address.port().to_string());
        let file = directory.join("dovecot.conf");
        fs::write(&file, configuration)?;
        let child = Command::new(&self.program).arg("-F").arg("-c").arg(&file).stdin(Stdio::null()).spawn()?;
        let mut running = Running::new(child, address);
        let start = Instant::now();
        while Client::connect(address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                bail!("it ended: {status}; {} says more", directory.join("log").display());
            }
            ensure!(start.elapsed() < PATIENCE, "it doesn't listen");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }

    fn at(&self) -> String {
        self.program.display().to_string()
    }
}

impl Running {
    fn new(child: Child, address: SocketAddr) -> Self {
        Self { target: Target { address, processes: Processes::new(vec![child.id()]) }, child }
    }
}

/// Asks the server to end, and kills one that doesn't.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill(pid(self.child.id()), Signal::SIGTERM);
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
