//! The floor: what the work itself costs a server on tokio that has one thread and no care.
//!
//! It reads the same Maildirs as the others: PASS lists and sorts the names, each RETR opens a file, encodes it and
//! writes it. It has no limits, locks, timers or deletions, hardly looks at what a client sends, and serves only the Maildirs that
//! `load` makes. Don't use it for mail.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context as _;
use clap::Parser;
use memchr::{memchr, memchr_iter};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

/// So much is read from a file at once, and written to a socket once there is so much.
const CHUNK: usize = 64 << 10;

/// So much is read from a client at once.
const INPUT: usize = 4 << 10;

/// A server that does the work and nothing else, to compare others with
#[derive(Parser)]
struct Args {
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// May be given more than once
    #[arg(long = "user", value_name = "NAME:PASSWORD:MAILDIR")]
    users: Vec<String>,
}

/// Passwords and Maildirs by name.
type Users = HashMap<String, (String, PathBuf)>;

fn main() -> ExitCode {
    load::exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> load::Result<()> {
    let _ = load::allow_open_files();
    let mut users = Users::new();
    for user in &args.users {
        let mut parts = user.splitn(3, ':').map(str::to_owned);
        let mut part = || parts.next().context("not NAME:PASSWORD:MAILDIR");
        users.insert(part()?, (part()?, part()?.into()));
    }
    let users = Rc::new(users);
    let runtime = Builder::new_current_thread().enable_io().build()?;
    Ok(LocalSet::new().block_on(&runtime, serve(args.listen, users))?)
}

async fn serve(address: SocketAddr, users: Rc<Users>) -> io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener: TcpListener = socket.listen(4_096)?;
    eprintln!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let users = Rc::clone(&users);
        spawn_local(async move {
            // A client that leaves is none of the floor's business.
            let _ = converse(stream, &users).await;
        });
    }
}

/// A maildrop: its files in order, each with its folder.
struct Maildrop {
    maildir: PathBuf,
    files: Vec<(String, &'static str)>,
}

impl Maildrop {
    fn open(maildir: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for folder in ["new", "cur"] {
            for entry in fs::read_dir(maildir.join(folder))? {
                files.push((entry?.file_name().into_string().unwrap_or_default(), folder));
            }
        }
        files.sort_unstable();
        Ok(Self { maildir: maildir.to_owned(), files })
    }
}

/// Returns the octets that a name reports after `,W=`.
fn octets(name: &str) -> u64 {
    let digits = name.split_once(",W=").map_or("", |(_, rest)| rest);
    digits.split(':').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

async fn converse(mut stream: TcpStream, users: &Users) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"+OK\r\n").await?;
    let mut unread = Vec::new();
    let mut name = String::new();
    let mut maildrop = None;
    loop {
        // Nothing is kept for a client that says nothing.
        stream.readable().await?;
        match read(&stream, &mut unread) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let mut output = Vec::new();
        let mut start = 0;
        while let Some(lf) = memchr(b'\n', &unread[start..]) {
            let line = std::str::from_utf8(&unread[start..start + lf]).unwrap_or_default().trim_end();
            start += lf + 1;
            let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
            match (verb, &maildrop) {
                ("CAPA", _) => output.extend_from_slice(b"+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n"),
                ("USER", None) => {
                    argument.clone_into(&mut name);
                    output.extend_from_slice(b"+OK\r\n");
                }
                ("PASS", None) => match users.get(&name) {
                    Some((password, maildir)) if password == argument => {
                        maildrop = Some(Maildrop::open(maildir)?);
                        output.extend_from_slice(b"+OK\r\n");
                    }
                    _ => output.extend_from_slice(b"-ERR\r\n"),
                },
                ("STAT", Some(maildrop)) => {
                    let total: u64 = maildrop.files.iter().map(|(name, _)| octets(name)).sum();
                    write!(output, "+OK {} {total}\r\n", maildrop.files.len())?;
                }
                ("UIDL" | "LIST", Some(maildrop)) => {
                    output.extend_from_slice(b"+OK\r\n");
                    for (index, (name, _)) in maildrop.files.iter().enumerate() {
                        let number = index + 1;
                        if verb == "UIDL" {
                            write!(output, "{number} {}\r\n", name.split(':').next().unwrap_or_default())?;
                        } else {
                            write!(output, "{number} {}\r\n", octets(name))?;
                        }
                        if output.len() >= CHUNK {
                            stream.write_all(&output).await?;
                            output.clear();
                        }
                    }
                    output.extend_from_slice(b".\r\n");
                }
                ("RETR", Some(maildrop)) => retrieve(maildrop, argument, &mut output, &mut stream).await?,
                ("NOOP", Some(_)) => output.extend_from_slice(b"+OK\r\n"),
                ("QUIT", _) => {
                    output.extend_from_slice(b"+OK\r\n");
                    return stream.write_all(&output).await;
                }
                _ => output.extend_from_slice(b"-ERR\r\n"),
            }
        }
        unread.drain(..start);
        if unread.is_empty() {
            unread = Vec::new();
        }
        stream.write_all(&output).await?;
    }
}

/// Reads by way of the stack.
fn read(stream: &TcpStream, unread: &mut Vec<u8>) -> io::Result<usize> {
    let mut input = [0; INPUT];
    let count = stream.try_read(&mut input)?;
    unread.extend_from_slice(&input[..count]);
    Ok(count)
}

/// Puts a message into the output, and sends that wherever it is long.
async fn retrieve(maildrop: &Maildrop, number: &str, output: &mut Vec<u8>, stream: &mut TcpStream) -> io::Result<()> {
    thread_local! {
        static FILE: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
    }
    let index = number.parse().ok().and_then(|number: usize| number.checked_sub(1));
    let Some((name, folder)) = index.and_then(|index| maildrop.files.get(index)) else {
        output.extend_from_slice(b"-ERR\r\n");
        return Ok(());
    };
    let mut file = File::open(maildrop.maildir.join(folder).join(name))?;
    write!(output, "+OK {} octets\r\n", octets(name))?;
    let mut is_line_start = true;
    loop {
        let count = FILE.with_borrow_mut(|chunk| -> io::Result<usize> {
            let count = file.read(chunk)?;
            encode(&chunk[..count], &mut is_line_start, output);
            Ok(count)
        })?;
        if output.len() >= CHUNK {
            stream.write_all(output).await?;
            output.clear();
        }
        if count < CHUNK {
            break;
        }
    }
    if !is_line_start {
        output.extend_from_slice(b"\r\n");
    }
    output.extend_from_slice(b".\r\n");
    Ok(())
}

/// Makes CRLF of LF, and stuffs dots.
fn encode(input: &[u8], is_line_start: &mut bool, output: &mut Vec<u8>) {
    output.reserve(input.len() + input.len() / 32 + 16);
    let mut start = 0;
    if *is_line_start && input.first() == Some(&b'.') {
        output.push(b'.');
    }
    for lf in memchr_iter(b'\n', input) {
        output.extend_from_slice(&input[start..lf]);
        output.extend_from_slice(b"\r\n");
        start = lf + 1;
        if input.get(start) == Some(&b'.') {
            output.push(b'.');
        }
    }
    output.extend_from_slice(&input[start..]);
    if let Some(last) = input.last() {
        *is_line_start = *last == b'\n';
    }
}
