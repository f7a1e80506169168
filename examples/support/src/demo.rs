//! A maildrop in memory, for whoever has no Maildir at hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapter::Opened;
use bytes::Bytes;

use super::mailbox::{Mailbox, Store};
use super::reading::Reading;
use super::trouble::Trouble;

pub(crate) const NAME: &str = "mrose";
pub(crate) const PASSWORD: &str = "tanstaaf";

/// Unique-ids and messages. Line ends and dots are as awkward as in real mail; the crate sorts them out.
const MESSAGES: [(&str, &str); 4] = [
    (
        "demo-1-welcome",
        "From: The demo <demo@localhost>\r\nTo: Marshall <mrose@localhost>\r\nSubject: Welcome\r\n\
         Date: Tue, 14 May 1996 09:00:00 +0000\r\nMessage-ID: <welcome@localhost>\r\n\r\n\
         This message lives in the memory of the server.\r\n\r\nDelete it if you like: it's back when the server starts again.\r\n",
    ),
    (
        "demo-2-dots",
        "From: The demo <demo@localhost>\r\nSubject: Dots\r\n\r\n\
         The next line is a single dot, which on the wire ends a message:\r\n.\r\n.. and this one begins with two.\r\n.",
    ),
    (
        "demo-3-line-ends",
        "From: The demo <demo@localhost>\nSubject: Line ends\n\n\
         These lines end as on Unix,\nthis one doesn't,\r\nand the last one doesn't end at all",
    ),
    ("demo-4-header-only", "From: The demo <demo@localhost>\r\nSubject: No body, not even a blank line\r\n"),
];

/// The maildrop while nobody has it open.
pub(crate) struct Demo {
    messages: Mutex<Vec<(&'static str, &'static str)>>,
    in_use: AtomicBool,
}

impl Default for Demo {
    fn default() -> Self {
        Self { messages: Mutex::new(MESSAGES.into()), in_use: AtomicBool::new(false) }
    }
}

impl Demo {
    /// Opens the maildrop, unless a session has it open.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Mailbox> {
        if self.in_use.swap(true, Ordering::AcqRel) {
            return None;
        }
        let messages = self.messages().clone();
        let unique_ids = messages.iter().map(|(unique_id, _)| unique_id).collect();
        let octets = vec![None; messages.len()];
        Some(Mailbox::new(unique_ids, octets, OpenDemo { demo: Arc::clone(self), messages }))
    }

    fn messages(&self) -> MutexGuard<'_, Vec<(&'static str, &'static str)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OpenDemo {
    demo: Arc<Demo>,
    messages: Vec<(&'static str, &'static str)>,
}

impl Store for OpenDemo {
    fn open_at_once(&mut self, index: usize) -> Result<Option<Opened<Box<Reading>>>, Trouble> {
        let (_, text) = self.messages[index];
        Ok(Some(Opened::Whole(Bytes::from_static(text.as_bytes()))))
    }

    fn stored_octets(&self, index: usize) -> Option<u64> {
        Some(self.messages[index].1.len() as u64)
    }

    fn remove(&mut self, index: usize) -> Result<(), Trouble> {
        let (gone, _) = self.messages[index];
        self.demo.messages().retain(|(unique_id, _)| *unique_id != gone);
        Ok(())
    }
}

impl Drop for OpenDemo {
    fn drop(&mut self) {
        self.demo.in_use.store(false, Ordering::Release);
    }
}
