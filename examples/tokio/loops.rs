//! Event loops, a few for each core, and which of them use the disk.

use std::future::pending;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many event loops there are for each core, one of which may use the disk itself.
const LOOPS_PER_CORE: usize = 4;

/// A runtime of one thread.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// All event loops.
pub(crate) struct Loops {
    all: Vec<Arc<EventLoop>>,
    turn: AtomicUsize,
}

/// A thread that serves connections. What it does itself, all of them wait for.
pub(crate) struct EventLoop {
    pub(crate) runtime: Handle,
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
            let event_loop =
                EventLoop { runtime: runtime.handle().clone(), uses_disk: AtomicBool::new(false), permits };
            thread::Builder::new().spawn(move || runtime.block_on(pending::<()>()))?;
            Ok(event_loop.into())
        };
        let all = (0..LOOPS_PER_CORE * cores).map(start).collect::<io::Result<_>>()?;
        Ok(Self { all, turn: AtomicUsize::new(0) })
    }

    /// The next in turn that isn't using the disk, which may hang.
    pub(crate) fn next(&self) -> &Arc<EventLoop> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.all.split_at(turn % self.all.len());
        let mut in_turn = from.iter().chain(before);
        in_turn.find(|event_loop| !event_loop.uses_disk.load(Ordering::Relaxed)).unwrap_or(&from[0])
    }
}

impl EventLoop {
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
