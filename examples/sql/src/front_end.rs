//! What a front end is to the others that share its store: a lease, and the locks that go with it.

use std::mem;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::store::{Error, Lock, Locked, Store};

/// How many times a lease is renewed before it would be over.
const RENEWALS: u32 = 4;

/// How long to wait after the store has failed.
const PAUSE: Duration = Duration::from_millis(500);

/// For how long sessions whose lease is over are still there to say that nothing is removed.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often to look for what is to be cleared away.
const SWEEP: Duration = Duration::from_secs(2);

/// One process that serves clients out of a store.
pub struct FrontEnd<S> {
    store: Arc<S>,
    length: Duration,
    /// The lease that new sessions get. It may be over.
    lease: Mutex<Arc<Lease>>,
    /// The number of the next session.
    next: AtomicI64,
    releases: Arc<Releases>,
}

/// A lease that sessions go with.
pub struct Lease {
    front_end: i64,
    /// Since when it is known to be over.
    over: watch::Sender<Option<Instant>>,
}

impl Lease {
    fn new(front_end: i64) -> Arc<Self> {
        Arc::new(Self { front_end, over: watch::Sender::new(None) })
    }

    fn end(&self) {
        self.over.send_replace(Some(Instant::now()));
    }

    /// Whether it wasn't renewed in time.
    pub fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    /// Waits until it's over, and a moment more: a client that sends QUIT right now gets an answer then.
    pub async fn over(&self) {
        // The sender is here, so this can't fail.
        let since = self.over.subscribe().wait_for(Option::is_some).await.ok().and_then(|since| *since);
        if let Some(since) = since {
            sleep_until(since + FAREWELL).await;
        }
    }
}

/// Locks that are to be released, some of which may not be held at all.
#[derive(Default)]
struct Releases {
    waiting: Mutex<Vec<Lock>>,
    news: Notify,
}

impl Releases {
    fn add(&self, locks: impl IntoIterator<Item = Lock>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(locks);
        self.news.notify_one();
    }
}

/// A lock that this process has, or may have. Where it's dropped it is released as soon as that is possible.
pub struct Held {
    lock: Lock,
    lease: Arc<Lease>,
    releases: Option<Arc<Releases>>,
}

impl Held {
    /// What to show to the store.
    pub fn lock(&self) -> Lock {
        self.lock
    }

    /// The lease that it goes with.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Takes note of the store's word that it isn't held any more.
    pub fn released(&mut self) {
        self.releases = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(releases) = self.releases.take() {
            releases.add([self.lock]);
        }
    }
}

impl<S: Store> FrontEnd<S> {
    /// Begins a lease of this length.
    pub async fn sign_on(store: Arc<S>, length: Duration) -> Result<Self, Error> {
        let lease = Lease::new(store.sign_on(length).await?);
        Ok(Self { store, length, lease: Mutex::new(lease), next: AtomicI64::new(1), releases: Arc::default() })
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Locks a maildrop for a new session. `None` if another one has it.
    pub async fn lock(&self, maildrop: i64) -> Result<Option<Held>, Error> {
        let lease = self.lease();
        let session = self.next.fetch_add(1, Ordering::Relaxed);
        let lock = Lock { maildrop, front_end: lease.front_end, session };
        // There before the store is asked: if nobody waits for the answer any more, or it doesn't come, the lock is released.
        let mut held = Held { lock, lease, releases: Some(Arc::clone(&self.releases)) };
        let locked = self.store.lock(lock).await;
        if !matches!(locked, Ok(Locked::Taken) | Err(Error::Late | Error::Lost(_))) {
            held.released();
        }
        match locked? {
            Locked::Taken => Ok(Some(held)),
            Locked::InUse => Ok(None),
            Locked::LeaseIsOver => Err(Error::Database("the lease of this front end is over".into())),
        }
    }

    /// Renews the lease for ever. Where that wasn't possible in time, the sessions that went with it are told to end, and there
    /// is a new lease as soon as the store gives one. `report` is told of it.
    pub async fn keep_lease(&self, report: impl Fn(&str)) {
        let mut until = Instant::now() + self.length;
        loop {
            sleep(self.length / RENEWALS).await;
            let lease = self.lease();
            let asked = Instant::now();
            match timeout_at(until, self.store.renew(lease.front_end, self.length)).await {
                Ok(Ok(true)) => {
                    until = asked + self.length;
                    continue;
                }
                // There may be time to try again.
                Ok(Err(_)) if Instant::now() < until => continue,
                _ => {}
            }
            lease.end();
            report("the lease couldn't be renewed in time: its sessions end");
            until = self.sign_on_again().await;
            report("there is a new lease");
        }
    }

    /// Begins another lease, however long it takes. Returns until when it lasts at least.
    async fn sign_on_again(&self) -> Instant {
        loop {
            let asked = Instant::now();
            if let Ok(front_end) = self.store.sign_on(self.length).await {
                *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Lease::new(front_end);
                return asked + self.length;
            }
            sleep(PAUSE).await;
        }
    }

    /// Releases locks that are dropped, for ever. What fails is tried again.
    pub async fn release_locks(&self) {
        loop {
            self.releases.news.notified().await;
            let locks = mem::take(&mut *self.releases.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !locks.is_empty() && self.store.release(locks.clone()).await.is_err() {
                sleep(PAUSE).await;
                self.releases.add(locks);
            }
        }
    }

    /// Clears away what nobody sees any more, for ever.
    pub async fn sweep(&self) {
        loop {
            // Others are let in between two steps.
            while matches!(self.store.sweep().await, Ok(true)) {}
            sleep(SWEEP).await;
        }
    }

    /// Ends the lease, and frees whatever is still locked under it.
    pub async fn sign_off(&self) -> Result<(), Error> {
        let lease = self.lease();
        lease.end();
        self.store.sign_off(lease.front_end).await
    }
}
