//! The rows of the report: what is measured, and how.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::Client;
use crate::maildir::{Account, Message};
use crate::process::Processes;
use crate::{Result, median};

/// Connections at a time in [`Row::Sessions`], each with two accounts of its own.
const CONNECTIONS: usize = 8;
const ACCOUNTS: usize = 16;
/// Messages that each of these sessions retrieves.
const RETRIEVED: usize = 5;

/// The messages of one size together have about so many octets, so that they aren't all in the CPU's cache.
const OCTETS_OF_A_SIZE: usize = 40_000_000;

/// A server has some open files that belong to no session.
const OTHER_FILES: usize = 200;

/// A message has a header, which needs some octets.
const SMALLEST: usize = 100;

/// One figure of a server. The numbers are decimal: 1 kB has 1,000 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// CPU seconds for a session: CAPA, USER, PASS, STAT, UIDL, LIST, five times RETR of 4 kB, QUIT.
    Sessions,
    /// CPU seconds for an octet of messages with so many octets, one RETR after the other.
    Retr(usize),
    /// CPU seconds for a message of 2 kB, of 10,000 whose RETR are pipelined.
    Pipelined,
    /// Seconds from PASS to the first octet of the listing of UIDL, after STAT, with so many messages.
    Uidl(usize),
    /// Octets of memory for an idle connection, of so many, after a RETR of 60 kB. Only a server that was started for
    /// this row has no memory left from others.
    Idle(usize),
}

/// A server that is measured.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whose CPU and memory count.
    pub processes: Processes,
}

/// How much work a figure is worth.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many sessions are counted.
    pub sessions: usize,
    /// How long the other rows go on at least, if they can do more of what they measure.
    pub time: Duration,
    /// How long a server that idles has for giving memory back.
    pub settle: Duration,
}

impl Effort {
    /// Returns much for a report, little to see whether everything works.
    #[must_use]
    pub fn new(is_quick: bool) -> Self {
        if is_quick {
            Self { sessions: 200, time: Duration::from_millis(100), settle: Duration::from_millis(200) }
        } else {
            Self { sessions: 4_000, time: Duration::from_millis(600), settle: Duration::from_secs(1) }
        }
    }
}

/// Returns all rows, with fewer sizes and numbers if that is to be quick, and only as many idle connections as may have
/// open files.
#[must_use]
pub fn rows(is_quick: bool, open_files: usize) -> Vec<Row> {
    let sizes: &[usize] = if is_quick {
        &[1_000, 1_000_000, 50_000_000]
    } else {
        &[1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000, 100_000_000]
    };
    let counts: &[usize] = if is_quick { &[100, 100_000] } else { &[100, 1_000, 10_000, 100_000, 1_000_000] };
    let connections: &[usize] = if is_quick { &[10, 100] } else { &[10, 100, 1_000, 10_000] };
    let mut rows = vec![Row::Sessions];
    rows.extend(sizes.iter().copied().map(Row::Retr));
    rows.push(Row::Pipelined);
    rows.extend(counts.iter().copied().map(Row::Uidl));
    // A server may have two for a session, such as a socket and a lock.
    let most = open_files.saturating_sub(OTHER_FILES) / 2;
    rows.extend(connections.iter().map(|count| Row::Idle((*count).min(most))));
    rows.dedup();
    rows
}

impl Row {
    /// Returns the accounts that a row logs in to.
    #[must_use]
    pub fn accounts(self) -> Vec<Account> {
        let account = |name: String, messages, octets, is_linked| Account { name, messages, octets, is_linked };
        match self {
            Self::Sessions => (0..ACCOUNTS).map(|n| account(format!("session-{n}"), 20, 4_000, false)).collect(),
            Self::Retr(octets) => {
                let messages = (OCTETS_OF_A_SIZE / octets).clamp(3, 1_000);
                vec![account(format!("retr-{octets}"), messages, octets, false)]
            }
            Self::Pipelined => vec![account("pipelined".to_owned(), 10_000, 2_000, false)],
            Self::Uidl(count) => vec![account(format!("uidl-{count}"), count, 500, true)],
            Self::Idle(count) => (0..count).map(|n| account(format!("idle-{n}"), 1, 60_000, true)).collect(),
        }
    }

    /// Makes the Maildirs of a row, unless they are there.
    ///
    /// # Errors
    ///
    /// What the file system refuses.
    pub fn make_maildirs(self, root: &Path) -> Result<()> {
        self.accounts().iter().try_for_each(|account| account.make(root))
    }

    /// Measures a server. The less the figure is, the better.
    ///
    /// # Errors
    ///
    /// Where the server does anything but what it should.
    pub fn measure(self, target: &Target, effort: Effort) -> Result<f64> {
        let accounts = self.accounts();
        match self {
            Self::Sessions => sessions(target, &accounts, effort.sessions),
            Self::Retr(_) => retr(target, &accounts[0], effort.time),
            Self::Pipelined => pipelined(target, &accounts[0], effort.time),
            Self::Uidl(_) => uidl(target, &accounts[0], effort.time),
            Self::Idle(_) => idle(target, &accounts, effort.settle),
        }
        .with_context(|| format!("{} {self}", target.address))
    }

    /// Returns a figure with its unit.
    #[must_use]
    pub fn figure(self, value: f64) -> String {
        match self {
            Self::Sessions | Self::Pipelined | Self::Uidl(_) => match value {
                1.0.. => format!("{value:.2} s"),
                1e-3.. => format!("{:.1} ms", value * 1e3),
                _ => format!("{:.1} µs", value * 1e6),
            },
            Self::Retr(_) => format!("{:.0} MB/s", 1e-6 / value),
            Self::Idle(_) => format!("{:.2} kB", value / 1e3),
        }
    }

    /// Says in words what a figure is.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Sessions => "CPU for a session".to_owned(),
            Self::Retr(octets) => format!("RETR of {}, octets for a second of CPU", size(octets)),
            Self::Pipelined => "10,000 pipelined RETR of 2 kB, CPU for a message".to_owned(),
            Self::Uidl(count) => format!("PASS to UIDL's first octet, {} messages", thousands(count)),
            Self::Idle(count) => format!("memory of a connection that idles after RETR, of {}", thousands(count)),
        }
    }
}

/// What the command line calls a row.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Retr(octets) => write!(f, "retr:{octets}"),
            Self::Pipelined => f.write_str("pipelined"),
            Self::Uidl(count) => write!(f, "uidl:{count}"),
            Self::Idle(count) => write!(f, "idle:{count}"),
        }
    }
}

impl FromStr for Row {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let number = |digits: &str, least: usize| match digits.parse() {
            Ok(number) if (least..=1_000_000_000).contains(&number) => Ok(number),
            _ => bail!("{name}: the number isn't from {least} to 1,000,000,000"),
        };
        Ok(match name.split_once(':') {
            None if name == "sessions" => Self::Sessions,
            None if name == "pipelined" => Self::Pipelined,
            Some(("retr", octets)) => Self::Retr(number(octets, SMALLEST)?),
            Some(("uidl", count)) => Self::Uidl(number(count, 1)?),
            Some(("idle", count)) => Self::Idle(number(count, 1)?),
            _ => bail!("{name}: not one of sessions, retr:OCTETS, pipelined, uidl:MESSAGES, idle:CONNECTIONS"),
        })
    }
}

/// Returns how many octets a message has between its status line and the end of the line that ends it.
fn wire_octets(account: &Account) -> usize {
    Message::new(1, account.octets).wire.len()
}

fn sessions(target: &Target, accounts: &[Account], count: usize) -> Result<f64> {
    let wire_octets = wire_octets(&accounts[0]);
    let session = |account: &Account| -> Result<()> {
        let mut client = Client::connect(target.address)?;
        client.multi_line("CAPA")?;
        client.log_in(account)?;
        client.command("STAT")?;
        for listing in ["UIDL", "LIST"] {
            ensure!(client.multi_line(listing)? == account.messages, "{listing} doesn't list each message");
        }
        for number in 1..=RETRIEVED {
            client.retrieve(number, wire_octets)?;
        }
        client.quit()
    };
    for account in accounts {
        session(account).with_context(|| account.name.clone())?;
    }

    let started = AtomicUsize::new(0);
    let before = target.processes.cpu()?;
    thread::scope(|scope| {
        let connections: Vec<_> = accounts
            .chunks_exact(ACCOUNTS / CONNECTIONS)
            .map(|accounts| {
                let mut accounts = accounts.iter().cycle();
                let (started, session) = (&started, &session);
                scope.spawn(move || {
                    while started.fetch_add(1, Ordering::Relaxed) < count {
                        accounts.next().map_or(Ok(()), session)?;
                    }
                    Ok(())
                })
            })
            .collect();
        connections.into_iter().try_for_each(|connection| match connection.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a connection panicked"),
        })
    })?;
    Ok((target.processes.cpu()? - before) / count as f64)
}

/// Retrieves each message, and again for as long as there is time.
fn retr(target: &Target, account: &Account, time: Duration) -> Result<f64> {
    let first = Message::new(1, account.octets);
    let mut client = Client::connect(target.address)?;
    client.log_in(account)?;
    client.retrieve_and_compare(1, &first.wire)?;

    let before = target.processes.cpu()?;
    let start = Instant::now();
    let mut octets = 0;
    while octets == 0 || start.elapsed() < time {
        for number in 1..=account.messages {
            client.retrieve(number, first.wire.len())?;
            octets += first.wire.len();
        }
    }
    let cpu = target.processes.cpu()? - before;
    client.quit()?;
    Ok(cpu / octets as f64)
}

fn pipelined(target: &Target, account: &Account, time: Duration) -> Result<f64> {
    let first = Message::new(1, account.octets);
    let commands: Vec<_> = (1..=account.messages).map(|number| format!("RETR {number}\r\n")).collect();
    let commands = commands.concat();
    let mut client = Client::connect(target.address)?;
    client.log_in(account)?;
    client.retrieve_and_compare(1, &first.wire)?;

    let before = target.processes.cpu()?;
    let start = Instant::now();
    let mut messages = 0;
    while messages == 0 || start.elapsed() < time {
        let mut sender = client.sender()?;
        thread::scope(|scope| {
            // The server needn't take all of the commands before it answers.
            let sending = scope.spawn(|| sender.write_all(commands.as_bytes()));
            (1..=account.messages).try_for_each(|number| client.message(number, first.wire.len()))?;
            sending.join().map_or_else(|_| bail!("the sender panicked"), |sent| sent.context("sending RETR"))
        })?;
        messages += account.messages;
    }
    let cpu = target.processes.cpu()? - before;
    client.quit()?;
    Ok(cpu / messages as f64)
}

/// The first session isn't counted: servers with an index make it then. STAT comes before UIDL as with most clients, and so that it
/// doesn't matter whether a server computes octets at PASS or when they are asked for.
fn uidl(target: &Target, account: &Account, time: Duration) -> Result<f64> {
    uidl_once(target, account)?;
    let mut seconds = Vec::new();
    let mut total = Duration::ZERO;
    while seconds.is_empty() || total < time {
        let one = uidl_once(target, account)?;
        total += one;
        seconds.push(one.as_secs_f64());
    }
    median(&seconds).context("nothing was measured")
}

fn uidl_once(target: &Target, account: &Account) -> Result<Duration> {
    let mut client = Client::connect(target.address)?;
    client.command(&format!("USER {}", account.name))?;
    let start = Instant::now();
    client.command(&format!("PASS {}", crate::maildir::PASSWORD))?;
    client.command("STAT")?;
    client.command("UIDL")?;
    let first = client.line()?;
    let time = start.elapsed();
    ensure!(first.starts_with(b"1 "), "UIDL begins with {}", first.escape_ascii());
    ensure!(client.lines("UIDL")? == account.messages - 1, "UIDL doesn't list each message");
    client.quit()?;
    Ok(time)
}

/// The first session isn't counted: it uses memory that is there for all.
fn idle(target: &Target, accounts: &[Account], settle: Duration) -> Result<f64> {
    let wire = Message::new(1, accounts[0].octets).wire;
    let retrieve = |account: &Account| -> Result<Client> {
        let mut client = Client::connect(target.address)?;
        client.log_in(account)?;
        client.retrieve_and_compare(1, &wire)?;
        Ok(client)
    };
    retrieve(&accounts[0])?.quit()?;
    thread::sleep(settle);
    let before = target.processes.memory()?;
    let connections = accounts.iter().map(|account| retrieve(account)?.into_stream());
    let connections = connections.collect::<Result<Vec<_>>>()?;
    thread::sleep(settle);
    let after = target.processes.memory()?;
    let octets = after.saturating_sub(before) as f64 / connections.len() as f64;
    // Which of them are still there?
    for mut connection in connections {
        connection.write_all(b"NOOP\r\n").context("a connection that idled")?;
        let mut response = [0; 3];
        connection.read_exact(&mut response).context("a connection that idled")?;
        ensure!(response == *b"+OK", "a connection that idled says {}", response.escape_ascii());
    }
    Ok(octets)
}

fn size(octets: usize) -> String {
    match octets {
        ..1_000_000 => format!("{} kB", octets / 1_000),
        _ => format!("{} MB", octets / 1_000_000),
    }
}

/// Returns a number with commas.
fn thousands(number: usize) -> String {
    match number {
        ..1_000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1_000), number % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_as_it_is_read() {
        for row in rows(false, usize::MAX) {
            assert_eq!(row.to_string().parse::<Row>().unwrap(), row);
        }
        assert!("retr:10".parse::<Row>().is_err());
    }

    #[test]
    fn there_are_no_more_idle_connections_than_open_files_allow() {
        assert_eq!(rows(false, 1_024).last(), Some(&Row::Idle(412)));
        assert_eq!(rows(false, usize::MAX).last(), Some(&Row::Idle(10_000)));
    }
}
