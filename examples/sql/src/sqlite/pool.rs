//! A few connections, each used by one thread at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::file::File;
use crate::store::Error;

/// Some connections to a file. They are opened when they are needed, and used by those who wait in the order in which they came.
pub(super) struct Pool {
    file: Arc<File>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Pool {
    pub(super) fn new(file: &Arc<File>, connections: usize) -> Self {
        Self { file: Arc::clone(file), permits: Arc::new(Semaphore::new(connections)), idle: Arc::default() }
    }

    /// Does something with a connection, in a thread that may wait. What takes longer than `limit` is interrupted, or isn't even
    /// begun; and what waits for another writer then, which nothing interrupts, isn't committed any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (running, is_late) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let answer = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Late)?;
            let (file, idle) = (Arc::clone(&self.file), Arc::clone(&self.idle));
            let (running, rolls_back) = (Arc::clone(&running), Arc::clone(&is_late));
            let done = spawn_blocking(move || {
                let _permit = permit; // for as long as the thread works, even if nobody waits for it any more
                let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut connection = connection.map_or_else(|| file.connect(), Ok)?;
                let set_up = connection.commit_hook(Some(move || rolls_back.load(Ordering::Relaxed)));
                set(&running, Some(connection.get_interrupt_handle()));
                let done = set_up.and_then(|()| work(&mut connection)).map_err(|error| file.error(&error));
                set(&running, None);
                // What has failed is made anew.
                if done.is_ok() {
                    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                }
                done
            });
            done.await.unwrap_or_else(|_| Err(Error::Database("a call of the database has failed".into())))
        };
        let answer = timeout(limit, answer).await;
        answer.unwrap_or_else(|_| {
            is_late.store(true, Ordering::Relaxed);
            if let Some(running) = &*running.lock().unwrap_or_else(PoisonError::into_inner) {
                running.interrupt();
            }
            Err(Error::Late)
        })
    }
}

/// Remembers how to interrupt what a connection does. It isn't remembered for longer, or the next one would be interrupted.
fn set(running: &Mutex<Option<InterruptHandle>>, handle: Option<InterruptHandle>) {
    *running.lock().unwrap_or_else(PoisonError::into_inner) = handle;
}
