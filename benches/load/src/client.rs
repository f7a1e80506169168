//! A client that costs little, and checks what it gets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use memchr::memchr;

use crate::Result;
use crate::maildir::{Account, PASSWORD};

/// A server that says nothing for so long doesn't work.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many octets are read at once.
const BUFFER: usize = 256 << 10;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What was read and not looked at is in `buffer[start..end]`.
    start: usize,
    end: usize,
}

impl Client {
    /// Connects, and reads the greeting.
    ///
    /// # Errors
    ///
    /// Where nobody listens or the greeting isn't one.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0 };
        client.status().context("the greeting")?;
        Ok(client)
    }

    /// Sends a line, and reads the status line of its response.
    ///
    /// # Errors
    ///
    /// Anything but `+OK`.
    pub fn command(&mut self, line: &str) -> Result<()> {
        self.send(line)?;
        self.status().with_context(|| line.to_owned())
    }

    /// Sends a line.
    ///
    /// # Errors
    ///
    /// Where the connection is gone.
    pub fn send(&mut self, line: &str) -> Result<()> {
        ensure!(self.start == self.end, "more was sent than was asked for, before {line}");
        self.stream.write_all(format!("{line}\r\n").as_bytes()).with_context(|| line.to_owned())
    }

    /// Logs in by USER and PASS.
    ///
    /// # Errors
    ///
    /// Where the server refuses that.
    pub fn log_in(&mut self, account: &Account) -> Result<()> {
        self.command(&format!("USER {}", account.name))?;
        self.command(&format!("PASS {PASSWORD}"))
    }

    /// Sends a command, and returns how many lines its multi-line response has.
    ///
    /// # Errors
    ///
    /// Anything but `+OK` and whole lines up to the one that ends them.
    pub fn multi_line(&mut self, line: &str) -> Result<usize> {
        self.command(line)?;
        self.lines(line)
    }

    /// Reads the lines of a multi-line response, and returns how many there are.
    ///
    /// # Errors
    ///
    /// Anything but whole lines up to the one that ends them.
    pub fn lines(&mut self, command: &str) -> Result<usize> {
        let mut count = 0;
        while self.line().with_context(|| command.to_owned())? != b"." {
            count += 1;
        }
        Ok(count)
    }

    /// Retrieves a message whose wire form has so many octets, and looks at whether it has, and at its end.
    ///
    /// # Errors
    ///
    /// A message that is longer or shorter, or doesn't end.
    pub fn retrieve(&mut self, number: usize, wire_octets: usize) -> Result<()> {
        let command = format!("RETR {number}");
        self.send(&command)?;
        self.message(number, wire_octets)
    }

    /// Reads the response to a RETR that was sent before.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub fn message(&mut self, number: usize, wire_octets: usize) -> Result<()> {
        const END: &[u8] = b"\r\n.\r\n";
        let at = || format!("RETR {number}");
        self.status().with_context(at)?;
        let mut left = wire_octets - END.len();
        loop {
            let unread = self.end - self.start;
            self.start += left.min(unread);
            if left <= unread {
                break;
            }
            left -= unread;
            self.fill().with_context(|| format!("{left} octets before the end")).with_context(at)?;
        }
        while self.end - self.start < END.len() {
            self.fill().context("at the end").with_context(at)?;
        }
        ensure!(self.buffer[self.start..].starts_with(END), "message {number} doesn't end after {wire_octets} octets");
        self.start += END.len();
        Ok(())
    }

    /// Retrieves a message, and compares each octet.
    ///
    /// # Errors
    ///
    /// Where it is another message.
    pub fn retrieve_and_compare(&mut self, number: usize, wire: &[u8]) -> Result<()> {
        self.command(&format!("RETR {number}"))?;
        let mut rest = wire;
        loop {
            let unread = &self.buffer[self.start..self.end];
            let Some(after) = rest.strip_prefix(unread) else { bail!("message {number} isn't what was stored") };
            (rest, self.start) = (after, self.end);
            if rest.is_empty() {
                return Ok(());
            }
            self.fill().with_context(|| format!("RETR {number}: {} octets before the end", rest.len()))?;
        }
    }

    /// Ends the session, and waits until the server has closed the connection.
    ///
    /// # Errors
    ///
    /// Where QUIT fails, or more than its response comes.
    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT")?;
        ensure!(self.start == self.end, "more follows the response to QUIT");
        ensure!(self.stream.read(&mut self.buffer).context("after QUIT")? == 0, "more follows the response to QUIT");
        Ok(())
    }

    /// Returns the connection: for one that idles, without the memory that a busy one has.
    ///
    /// # Errors
    ///
    /// Where something wasn't read.
    pub fn into_stream(self) -> Result<TcpStream> {
        ensure!(self.start == self.end, "more was sent than was asked for");
        Ok(self.stream)
    }

    /// Returns another handle of the connection, to send from another thread.
    ///
    /// # Errors
    ///
    /// Where there may be no more open files.
    pub fn sender(&self) -> Result<TcpStream> {
        Ok(self.stream.try_clone()?)
    }

    /// Reads a line, and returns it without its end.
    ///
    /// # Errors
    ///
    /// Where the connection ends first, or the line is too long.
    pub fn line(&mut self) -> Result<&[u8]> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(lf) = memchr(b'\n', &unread[searched..]) {
                let line = self.start..self.start + searched + lf;
                self.start = line.end + 1;
                let Some(line) = self.buffer[line].strip_suffix(b"\r") else { bail!("a line ends with LF alone") };
                return Ok(line);
            }
            searched = unread.len();
            self.fill()?;
        }
    }

    fn status(&mut self) -> Result<()> {
        let line = self.line()?;
        ensure!(line.starts_with(b"+OK"), "{}", line.escape_ascii());
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            ensure!(self.start > 0, "a line is longer than {BUFFER} octets");
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let count = self.stream.read(&mut self.buffer[self.end..]).context("reading")?;
        ensure!(count > 0, "the server has closed the connection");
        self.end += count;
        Ok(())
    }
}
