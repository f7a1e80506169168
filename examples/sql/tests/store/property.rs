//! Front ends that pause, die and lose their connections, over a simulated clock that may be set to any time: never two sessions that
//! could both delete.
//!
//! A front end that is paused or cut off is one that doesn't renew and doesn't release for a while, and goes on later as if
//! nothing had happened. So every order of these steps is possible.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use server_sql::store::{Lock, Locked, Store as _};

use crate::common::{LEASE, OnPostgres, OnSqlite, World, deliver, maildrop, seen};

const FRONT_ENDS: usize = 4;
const MAILDROPS: usize = 2;

/// How long a lease is, in milliseconds.
const LENGTH: i64 = 10_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The clock goes on, or somebody sets it.
    Turn(i64),
    /// A front end starts, or starts again after a crash.
    SignOn(usize),
    SignOff(usize),
    Renew(usize),
    Deliver(usize),
    LogIn(usize, usize),
    /// A session sends QUIT with all its messages marked.
    Quit(usize),
    /// A session ends otherwise, and its front end can tell.
    End(usize),
    /// It can't.
    Lose(usize),
    /// A release that was late, or came twice.
    ReleaseAgain(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (front_end, maildrop, session) = (0..FRONT_ENDS, 0..MAILDROPS, 0..100_usize);
    prop_oneof![
        2 => (0..12_000_i64).prop_map(Step::Turn),
        1 => (-12_000..24_000_i64).prop_map(Step::Turn),
        1 => front_end.clone().prop_map(Step::SignOn),
        1 => front_end.clone().prop_map(Step::SignOff),
        2 => front_end.clone().prop_map(Step::Renew),
        2 => maildrop.clone().prop_map(Step::Deliver),
        8 => (front_end, maildrop).prop_map(|(front_end, maildrop)| Step::LogIn(front_end, maildrop)),
        4 => session.clone().prop_map(Step::Quit),
        1 => session.clone().prop_map(Step::End),
        1 => session.clone().prop_map(Step::Lose),
        1 => session.prop_map(Step::ReleaseAgain),
    ]
}

/// A session that has logged in.
struct Session {
    lock: Lock,
    front_end: usize,
    messages: Vec<i64>,
    /// Whether the client is still there.
    is_open: bool,
}

/// The stores, and what is true of some of their maildrops.
struct Run<'a, W: World> {
    world: &'a W,
    stores: &'a [W::Store; 2],
    maildrops: Vec<i64>,
    /// In milliseconds.
    now: i64,
    /// Until when each lease lasts, or would have lasted, unless the store has forgotten it.
    leases: HashMap<i64, i64>,
    newest: i64,
    /// The lease of each front end.
    current: [i64; FRONT_ENDS],
    sessions: Vec<Session>,
    /// The session that each lock is of.
    holders: HashMap<i64, usize>,
    /// The messages that nobody has removed.
    present: HashMap<i64, HashSet<i64>>,
}

impl<'a, W: World> Run<'a, W> {
    /// A run of this number, with maildrops of its own.
    async fn new(world: &'a W, stores: &'a [W::Store; 2], number: u32) -> Self {
        let mut maildrops = Vec::new();
        for n in 0..MAILDROPS {
            maildrops.push(maildrop(&stores[0], &format!("{number} {n}")).await);
        }
        let present = maildrops.iter().map(|maildrop| (*maildrop, HashSet::new())).collect();
        let (leases, current, sessions, holders) = (HashMap::new(), [0; FRONT_ENDS], Vec::new(), HashMap::new());
        Self { world, stores, maildrops, now: 0, leases, newest: 0, current, sessions, holders, present }
    }

    fn store(&self, front_end: usize) -> &'a W::Store {
        &self.stores[front_end % 2]
    }

    fn is_alive(&self, lease: i64) -> bool {
        self.leases.get(&lease).is_some_and(|until| *until > self.now)
    }

    /// One of the sessions whose clients are there, if there are any, or one of the others.
    fn any(&self, is_open: bool, nth: usize) -> Option<usize> {
        let places = (0..self.sessions.len()).filter(|place| self.sessions[*place].is_open == is_open);
        let places: Vec<_> = places.collect();
        places.get(nth % places.len().max(1)).copied()
    }

    async fn seen_is_present(&self, maildrop: i64) -> Result<(), TestCaseError> {
        let seen: HashSet<_> = seen(&self.stores[0], maildrop).await.into_iter().collect();
        prop_assert_eq!(&seen, &self.present[&maildrop]);
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Turn(millis) => {
                self.world.turn(millis).await;
                self.now += millis;
            }
            Step::SignOn(front_end) => self.sign_on(front_end).await?,
            Step::SignOff(front_end) => {
                let lease = self.current[front_end];
                self.store(front_end).sign_off(lease).await.unwrap();
                self.leases.remove(&lease);
            }
            Step::Renew(front_end) => {
                let lease = self.current[front_end];
                let renewed = self.store(front_end).renew(lease, LEASE).await.unwrap();
                prop_assert_eq!(renewed, self.is_alive(lease));
                if renewed {
                    self.leases.insert(lease, self.now + LENGTH);
                }
            }
            Step::Deliver(maildrop) => {
                let maildrop = self.maildrops[maildrop];
                let message = deliver(&self.stores[0], maildrop).await;
                self.present.entry(maildrop).or_default().insert(message);
            }
            Step::LogIn(front_end, maildrop) => self.log_in(front_end, self.maildrops[maildrop]).await?,
            Step::Quit(nth) => {
                if let Some(place) = self.any(true, nth) {
                    self.quit(place).await?;
                }
            }
            Step::End(nth) => {
                if let Some(place) = self.any(true, nth) {
                    self.release(place).await;
                }
            }
            Step::Lose(nth) => {
                if let Some(place) = self.any(true, nth) {
                    self.sessions[place].is_open = false;
                }
            }
            Step::ReleaseAgain(nth) => {
                if let Some(place) = self.any(false, nth) {
                    self.release(place).await;
                }
            }
        }
        Ok(())
    }

    async fn sign_on(&mut self, front_end: usize) -> Result<(), TestCaseError> {
        let lease = self.store(front_end).sign_on(LEASE).await.unwrap();
        prop_assert!(lease > self.newest, "a number was used again");
        self.newest = lease;
        // What is over is forgotten, so that it never comes back.
        self.leases.retain(|_, until| *until > self.now);
        self.leases.insert(lease, self.now + LENGTH);
        self.current[front_end] = lease;
        Ok(())
    }

    async fn log_in(&mut self, front_end: usize, maildrop: i64) -> Result<(), TestCaseError> {
        let lease = self.current[front_end];
        let lock = Lock { maildrop, front_end: lease, session: i64::try_from(self.sessions.len()).unwrap() };
        let rival = self.holders.get(&maildrop).map(|place| self.sessions[*place].lock.front_end);
        let expected = if !self.is_alive(lease) {
            Locked::LeaseIsOver
        } else if rival.is_some_and(|lease| self.is_alive(lease)) {
            Locked::InUse
        } else {
            Locked::Taken
        };
        prop_assert_eq!(self.store(front_end).lock(lock).await.unwrap(), expected);
        match expected {
            Locked::Taken => {
                self.seen_is_present(maildrop).await?;
                let messages = seen(self.store(front_end), maildrop).await;
                self.holders.insert(maildrop, self.sessions.len());
                self.sessions.push(Session { lock, front_end, messages, is_open: true });
            }
            Locked::LeaseIsOver => self.sign_on(front_end).await?,
            Locked::InUse => {}
        }
        Ok(())
    }

    async fn quit(&mut self, place: usize) -> Result<(), TestCaseError> {
        let Session { lock, front_end, ref messages, .. } = self.sessions[place];
        if self.store(front_end).finish(lock, messages.clone()).await.unwrap() {
            let holder = self.holders.remove(&lock.maildrop);
            prop_assert_eq!(holder, Some(place), "two sessions that could both delete");
            let present = self.present.entry(lock.maildrop).or_default();
            prop_assert!(messages.iter().all(|message| present.remove(message)), "somebody else had removed it");
        } else {
            let is_holder = self.holders.get(&lock.maildrop) == Some(&place);
            prop_assert!(!is_holder || !self.is_alive(lock.front_end), "fenced although the lease was kept");
        }
        self.seen_is_present(lock.maildrop).await?;
        self.sessions[place].is_open = false;
        Ok(())
    }

    async fn release(&mut self, place: usize) {
        let Session { lock, front_end, .. } = self.sessions[place];
        self.store(front_end).release(vec![lock]).await.unwrap();
        if self.holders.get(&lock.maildrop) == Some(&place) {
            self.holders.remove(&lock.maildrop);
        }
        self.sessions[place].is_open = false;
    }
}

fn never_two_sessions_that_could_both_delete<W: World>() {
    let config =
        ProptestConfig { cases: 64, max_shrink_iters: 200, source_file: Some(file!()), ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (world, stores) = runtime.block_on(async {
        let world = W::new().await;
        let stores = [world.open().await, world.open().await];
        (world, stores)
    });
    let number = Cell::new(0);
    let tested = TestRunner::new(config).run(&prop::collection::vec(step(), 1..120), |steps| {
        runtime.block_on(async {
            number.set(number.get() + 1);
            let mut run = Run::new(&world, &stores, number.get()).await;
            for step in (0..FRONT_ENDS).map(Step::SignOn).chain(steps) {
                run.take(step).await?;
            }
            Ok(())
        })
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn never_two_sessions_that_could_both_delete_on_sqlite() {
    never_two_sessions_that_could_both_delete::<OnSqlite>();
}

#[test]
#[ignore = "it needs a PostgreSQL: tests/interop/with_postgres.py starts one"]
fn never_two_sessions_that_could_both_delete_on_postgres() {
    never_two_sessions_that_could_both_delete::<OnPostgres>();
}
