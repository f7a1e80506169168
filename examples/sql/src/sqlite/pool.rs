//! A few connections, each used by one thread at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::file::File;
use crate::store::Error;

/// How long a call may take, the time until it can begin included.
const LIMIT: Duration = Duration::from_secs(10);

/// After how many steps of SQLite to look whether a call is late: some microseconds.
const STEPS: i32 = 1000;

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

    /// Does something with a connection, in a thread that may wait. What takes longer than [`LIMIT`] is interrupted, or isn't even
    /// begun; and what waits for another writer then, which nothing interrupts, isn't committed any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + LIMIT;
        let permit = timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(Error::unconnected()) };
        let is_late = Arc::new(AtomicBool::new(false));
        let done = spawn_blocking({
            let (file, idle, is_late) = (Arc::clone(&self.file), Arc::clone(&self.idle), Arc::clone(&is_late));
            move || {
                let _permit = permit; // for as long as the thread works, even if nobody waits for it any more
                let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut connection = connection.map_or_else(|| file.connect(), Ok)?;
                let done = end_when(&is_late, &connection).and_then(|()| work(&mut connection));
                let done = done.map_err(|error| file.error(&error));
                // What has failed is made anew.
                if done.is_ok() {
                    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                }
                done
            }
        });
        let done = timeout_at(deadline, done).await.map_err(|_| {
            is_late.store(true, Ordering::Relaxed);
            Error::Late
        })?;
        done.unwrap_or_else(|_| Err(Error::Lost("a call of the database has failed".into())))
    }
}

/// Lets a connection interrupt what it does, and commit nothing, as soon as that is late.
fn end_when(is_late: &Arc<AtomicBool>, connection: &Connection) -> rusqlite::Result<()> {
    let is_late = || {
        let is_late = Arc::clone(is_late);
        move || is_late.load(Ordering::Relaxed)
    };
    connection.progress_handler(STEPS, Some(is_late()))?;
    connection.commit_hook(Some(is_late()))
}
