//! The accounts that the rows log in to, and their Maildirs.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::Result;

/// The password of each account.
pub const PASSWORD: &str = "pw";

/// How many octets a line has without its end.
const LINE: usize = 76;

/// One line of so many starts with a dot.
const DOTS: usize = 100;

/// Most file systems allow some tens of thousands of names for one file.
const NAMES_OF_A_FILE: usize = 30_000;

/// An account. All its messages have one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name, also of its Maildir.
    pub name: String,
    /// How many messages it has.
    pub messages: usize,
    /// How many octets of a file each message is.
    pub octets: usize,
    /// Whether one file under many names does, since the text of the messages doesn't matter.
    pub is_linked: bool,
}

impl Account {
    /// Returns the arguments that tell a server of this project about the account.
    #[must_use]
    pub fn arguments(&self, root: &Path) -> [String; 2] {
        ["--user".to_owned(), format!("{}:{PASSWORD}:{}", self.name, root.join(&self.name).display())]
    }

    /// Makes the account's Maildir below `root`, unless it is there.
    ///
    /// # Errors
    ///
    /// What the file system refuses.
    pub fn make(&self, root: &Path) -> Result<()> {
        let finished = root.join(&self.name);
        if finished.exists() {
            return Ok(());
        }
        let unfinished = root.join(format!("{}.unfinished", self.name));
        self.write(&unfinished).with_context(|| unfinished.display().to_string())?;
        Ok(fs::rename(unfinished, finished)?)
    }

    fn write(&self, directory: &Path) -> Result<()> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        let mut linked = None;
        for number in 1..=self.messages {
            if let Some((name, wire_octets)) = &linked {
                if (number - 1) % NAMES_OF_A_FILE != 0 {
                    fs::hard_link(name, directory.join(self.file_name(number, *wire_octets)))?;
                    continue;
                }
            }
            let message = Message::new(number, self.octets);
            let path = directory.join(self.file_name(number, message.octets));
            fs::write(&path, message.stored)?;
            if self.is_linked {
                linked = Some((path, message.octets));
            }
        }
        Ok(())
    }

    /// Returns a name with the sizes that Dovecot and others put there. The names have the order of the messages.
    fn file_name(&self, number: usize, wire_octets: usize) -> String {
        format!("cur/{}.M{number:07}P1.load,S={},W={wire_octets}:2,S", 1_700_000_000 + number, self.octets)
    }
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// The file, whose lines end with LF.
    pub stored: Vec<u8>,
    /// How many octets LIST reports: lines end with CRLF, and nothing is stuffed.
    pub octets: usize,
    /// What follows the status line of the response to RETR, up to and with the line that ends it.
    pub wire: Vec<u8>,
}

impl Message {
    /// Returns a message that depends only on its number and on how many octets its file has. Messages of one size have
    /// one size on the wire.
    #[must_use]
    pub fn new(number: usize, octets: usize) -> Self {
        let text = text(number);
        let mut message = Self { stored: Vec::with_capacity(octets), octets: 0, wire: Vec::new() };
        message.wire.reserve(octets + octets / 32);
        let header = format!("From: <a@example.org>\nTo: <b@example.net>\nSubject: message {number:07}\n\n");
        for line in header.lines() {
            message.push(line.as_bytes());
        }
        let mut lines = 0;
        while message.stored.len() < octets {
            let width = LINE.min(octets - message.stored.len() - 1);
            // Each line is another part of the text, so that no two of them are equal.
            let start = lines * 31 % (text.len() - LINE);
            lines += 1;
            let line = &text[start..start + width];
            if lines % DOTS == DOTS / 2 && width > 0 {
                message.push(&[b".", &line[1..]].concat());
            } else {
                message.push(line);
            }
        }
        message.wire.extend_from_slice(b".\r\n");
        message
    }

    fn push(&mut self, line: &[u8]) {
        self.stored.extend_from_slice(line);
        self.stored.push(b'\n');
        self.octets += line.len() + 2;
        if line.starts_with(b".") {
            self.wire.push(b'.');
        }
        self.wire.extend_from_slice(line);
        self.wire.extend_from_slice(b"\r\n");
    }
}

/// Returns text that looks like base64, and has neither dots nor line ends.
fn text(seed: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        // Xorshift: Marsaglia's triple for 64 bits.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        DIGITS[(state % 64) as usize]
    };
    std::iter::repeat_with(next).take(8_192).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_promised_octets_and_a_stuffed_wire_form() {
        for octets in [100, 512, 4_000, 60_000] {
            let message = Message::new(7, octets);
            assert_eq!(message.stored.len(), octets);
            assert_eq!(Message::new(8, octets).wire.len(), message.wire.len());
            let lines = message.stored.split_inclusive(|octet| *octet == b'\n');
            let naive: Vec<_> = lines
                .map(|line| {
                    let line = std::str::from_utf8(line).unwrap().trim_end();
                    format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" })
                })
                .collect();
            assert_eq!(message.wire, format!("{}.\r\n", naive.concat()).into_bytes());
        }
    }
}
