//! Event loops, a few for each core, and which of them use the disk.

use std::future::pending;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;

/// How many event loops there are for each core, one of which may use the disk itself.
const LOOPS_PER_CORE: usize = 4;

/// By how many connections a loop may have more than the others. To hand one over takes time.
const SLACK: usize = 1;

/// From how long on, in the average, the disk is too slow to be waited for in a loop, in microseconds.
const SLOW: u64 = 2_000;

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
    pub(crate) disk: Arc<Disk>,
    uses_disk: AtomicBool,
}

/// What the loops know of the disk together.
pub(crate) struct Disk {
    /// As many as there are cores.
    permits: Semaphore,
    /// How long the last uses took, the later ones more than the earlier, in microseconds.
    average: AtomicU64,
}

impl Loops {
    /// Starts them. They end with the program.
    pub(crate) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let disk = Arc::new(Disk { permits: Semaphore::new(cores), average: AtomicU64::new(0) });
        let start = |_| {
            let (runtime, disk) = (runtime()?, Arc::clone(&disk));
            let handle = runtime.handle().clone();
            thread::Builder::new().spawn(move || runtime.block_on(pending::<()>()))?;
            let uses_disk = AtomicBool::new(false);
            Ok(Arc::new(EventLoop { runtime: handle, connections: Arc::default(), uses_disk, disk }))
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

    /// Uses the disk in this loop; `None` where enough of the others do, or where it is slow: a loop would wait for it as many
    /// times as it has connections.
    pub(crate) fn use_disk<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let _permit = self.disk.permits.try_acquire().ok()?;
        if self.disk.average.load(Ordering::Relaxed) > SLOW {
            return None;
        }
        self.uses_disk.store(true, Ordering::Relaxed);
        let result = self.disk.measure(work);
        self.uses_disk.store(false, Ordering::Relaxed);
        Some(result)
    }
}

impl Disk {
    /// Uses the disk in whatever thread, which shows how slow it is. (Threads may overwrite what the others have found out.)
    pub(crate) fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let took = u64::try_from(start.elapsed().as_micros()).map_or(8 * SLOW, |took| took.min(8 * SLOW));
        let average = self.average.load(Ordering::Relaxed);
        self.average.store((7 * average + took) / 8, Ordering::Relaxed);
        result
    }
}
