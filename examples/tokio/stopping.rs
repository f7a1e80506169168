//! Whether it's time to stop.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Told once, and known to all from then on.
#[derive(Default)]
pub(crate) struct Stop {
    has_begun: AtomicBool,
    news: Notify,
}

impl Stop {
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.news.notify_waiters();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Does what is of no use once it's time to stop.
    pub(crate) async fn cuts_off<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.begun() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Waits for it.
    pub(crate) async fn begun(&self) {
        let news = self.news.notified(); // from here on none is missed
        if !self.has_begun() {
            news.await;
        }
    }
}
