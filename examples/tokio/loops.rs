//! Event loops, a few for each core, and which of them use the disk.

use std::future::pending;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many event loops there are for each core, one of which may use the disk itself.
const LOOPS_PER_CORE: usize = 4;

/// By how many connections a loop may have more than the others. To hand one over takes time.
const SLACK: usize = 1;

/// How many threads may wait for the disk: each of them for a login, most likely, where it doesn't answer.
const WAITING: usize = 4_096;

/// A runtime of one thread, and of those that may wait.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(WAITING).build()
}

/// All event loops.
pub(crate) struct Loops(Vec<Arc<EventLoop>>);

/// A thread that serves connections. What it does itself, all of them wait for.
pub(crate) struct EventLoop {
    pub(crate) runtime: Handle,
    /// Cloned by each connection, so it tells how many there are.
    pub(crate) connections: Arc<()>,
    uses_disk: AtomicBool,
    permits: Arc<Semaphore>,
}

impl Loops {
    /// Starts them. They end with the program.
    pub(crate) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let permits = Arc::new(Semaphore::new(cores));
        let start = |_| {
            let (runtime, permits) = (runtime()?, Arc::clone(&permits));
            let handle = runtime.handle().clone();
            thread::Builder::new().spawn(move || runtime.block_on(pending::<()>()))?;
            let uses_disk = AtomicBool::new(false);
            Ok(Arc::new(EventLoop { runtime: handle, connections: Arc::default(), uses_disk, permits }))
        };
        (0..LOOPS_PER_CORE * cores).map(start).collect::<io::Result<_>>().map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<EventLoop>> {
        self.0.iter()
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.iter().map(|event_loop| event_loop.connections()).sum()
    }

    /// Who serves a connection that `acceptor` has accepted: itself, unless it has more than its share, which a disk that hangs would
    /// stop all at once.
    pub(crate) fn share<'a>(&'a self, acceptor: &'a Arc<EventLoop>) -> &'a Arc<EventLoop> {
        if acceptor.connections() <= self.connections() / self.0.len() + SLACK {
            return acceptor;
        }
        let business =
            |event_loop: &&Arc<EventLoop>| (event_loop.uses_disk.load(Ordering::Relaxed), event_loop.connections());
        self.iter().min_by_key(business).unwrap_or(acceptor)
    }
}

impl EventLoop {
    fn connections(&self) -> usize {
        Arc::strong_count(&self.connections) - 1
    }

    /// The right to use the disk in this loop, as long as it is held; `None` where enough of the others do.
    pub(crate) fn use_disk(&self) -> Option<Permit<'_>> {
        let permit = self.permits.try_acquire().ok()?;
        self.uses_disk.store(true, Ordering::Relaxed);
        Some(Permit { event_loop: self, _permit: permit })
    }
}

/// The right to use the disk.
pub(crate) struct Permit<'a> {
    event_loop: &'a EventLoop,
    _permit: SemaphorePermit<'a>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.event_loop.uses_disk.store(false, Ordering::Relaxed);
    }
}
