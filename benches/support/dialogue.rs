//! A client that waits for each answer, as most clients do, and the host that serves it.

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use pop3_proto::message::Removal;
use pop3_proto::server::{Action, Config, Session};
use pop3_proto::{Io, Security};

use super::{Index, Mail};

/// What the client sends, one line after the answer to the line before.
const LINES: [&str; 12] = [
    "CAPA\r\n",
    "USER mrose\r\n",
    "PASS tanstaaf\r\n",
    "STAT\r\n",
    "UIDL\r\n",
    "LIST\r\n",
    "RETR 1\r\n",
    "RETR 2\r\n",
    "RETR 3\r\n",
    "RETR 4\r\n",
    "RETR 5\r\n",
    "QUIT\r\n",
];

/// What sessions share, and a maildrop for each of them: five messages of 4 kB with LF line ends.
pub struct Dialogues {
    config: Arc<Config>,
    maildrops: Vec<Index>,
}

impl Dialogues {
    pub fn new(count: usize) -> Self {
        let message = Bytes::from(Mail::ProseLf.make(4_000));
        // The first clone of a chunk allocates a count of its owners.
        let maildrops = (0..count).map(|_| Index::many(5, message.clone())).collect();
        Self { config: Arc::new(Config::new()), maildrops }
    }

    /// Has each session from the greeting to the end. Returns the octets written.
    pub fn run(self) -> u64 {
        self.maildrops.into_iter().map(|maildrop| dialogue(&self.config, maildrop)).sum()
    }
}

/// Has a session as a server over tokio has it: a read finds nothing at first, and a write takes all there is.
fn dialogue(config: &Arc<Config>, maildrop: Index) -> u64 {
    let mut session = Session::new(Arc::clone(config), Security::Tls);
    let mut maildrop = Some(maildrop);
    let mut lines = LINES.into_iter();
    let mut is_ready = false;
    let mut written = 0;
    loop {
        match session.poll(Duration::ZERO) {
            Action::Io(Io::Read(mut read)) if is_ready => {
                let line = lines.next().expect("QUIT ends the session").as_bytes();
                read.space()[..line.len()].copy_from_slice(line);
                read.filled(line.len());
                is_ready = false;
            }
            Action::Io(Io::Read(mut read)) => {
                black_box(read.space());
                read.nothing_yet();
                is_ready = true;
            }
            Action::Io(Io::Write(mut write)) => {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = write.chunks_vectored(&mut slices);
                let octets = black_box(&slices[..count]).iter().map(|slice| slice.len()).sum();
                written += octets as u64;
                write.advance(octets);
            }
            Action::Login(login) => login.accept(maildrop.take().expect("one login")).unwrap(),
            Action::Retrieve(mut retrieve) => {
                let message = retrieve.maildrop().message.clone();
                retrieve.begin(Some(message));
            }
            Action::Body(mut body) => match body.reader().take() {
                Some(chunk) => body.push(chunk),
                None => body.end(),
            },
            Action::Update(update) => update.finish(Removal::All),
            Action::Close(_) => return written,
            other => panic!("{other:?}"),
        }
    }
}
