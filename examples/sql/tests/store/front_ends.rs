//! The lease of a process, and the locks of its sessions.

use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use server_sql::front_end::FrontEnd;
use server_sql::passwords::{Passwords, hash};
use server_sql::sqlite::Sqlite;
use server_sql::store::{Error, Lock, Locked, Store as _};
use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};

use crate::common::{LEASE, OnSqlite, World as _, deliver, maildrop, own_lock, seen};

/// More than any call may take.
const LATE: Duration = Duration::from_secs(11);

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

async fn front_end(world: &OnSqlite) -> FrontEnd<Sqlite> {
    FrontEnd::sign_on(Arc::new(world.open().await), LEASE).await.unwrap()
}

/// Waits until a maildrop can be locked.
async fn is_free(front_end: &FrontEnd<Sqlite>, maildrop: i64) -> bool {
    let freed = async {
        while front_end.lock(maildrop).await.unwrap().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, freed).await.is_ok()
}

#[tokio::test]
async fn a_lock_that_is_dropped_is_released() {
    let world = OnSqlite::new().await;
    let (one, two) = (front_end(&world).await, front_end(&world).await);
    let maildrop = maildrop(one.store(), "mrose").await;
    let held = one.lock(maildrop).await.unwrap().unwrap();
    assert!(two.lock(maildrop).await.unwrap().is_none());
    drop(held);
    tokio::select! {
        () = one.release_locks() => unreachable!(),
        free = is_free(&two, maildrop) => assert!(free),
    }
}

/// Nobody knows then whether there is a lock, and it would stay as long as the process lives.
#[tokio::test]
async fn a_lock_that_nobody_waits_for_any_more_is_released() {
    let world = OnSqlite::new().await;
    let (one, two) = (front_end(&world).await, front_end(&world).await);
    let maildrop = maildrop(one.store(), "mrose").await;
    let other = Connection::open(world.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(timeout(Duration::from_millis(100), one.lock(maildrop)).await.is_err());
    let free = pin!(async {
        other.execute_batch("COMMIT").unwrap();
        sleep(Duration::from_millis(500)).await; // in which the lock may be taken
        is_free(&two, maildrop).await
    });
    tokio::select! {
        () = one.release_locks() => unreachable!(),
        free = free => assert!(free),
    }
}

/// So there is nothing to release, as often as somebody tries to log in.
#[tokio::test(start_paused = true)]
async fn of_a_lock_whose_turn_has_not_come_in_time_it_is_known_that_nobody_has_it() {
    let world = OnSqlite::new().await;
    let store = Arc::new(world.open().await);
    let maildrop = maildrop(&*store, "mrose").await;
    let lock = own_lock(&*store, maildrop).await;
    let other = Connection::open(world.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let [first, second] = [1, 2].map(|session| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.lock(Lock { session, ..lock }).await })
    });
    yield_now().await;
    advance(LATE).await;
    assert!(matches!(first.await.unwrap(), Err(Error::Late)));
    assert!(matches!(second.await.unwrap(), Err(Error::Database(_))));
    other.execute_batch("COMMIT").unwrap();
}

/// Its client was told `-ERR`. Nothing interrupts SQLite while it waits for another writer.
#[tokio::test(start_paused = true)]
async fn what_was_late_is_not_committed_when_its_turn_comes() {
    let world = OnSqlite::new().await;
    let store = Arc::new(world.open().await);
    let maildrop = maildrop(&*store, "mrose").await;
    let message = deliver(&*store, maildrop).await;
    let lock = own_lock(&*store, maildrop).await;
    assert_eq!(store.lock(lock).await.unwrap(), Locked::Taken);
    let other = Connection::open(world.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let quit = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.finish(lock, vec![message]).await }
    });
    yield_now().await;
    thread::sleep(Duration::from_millis(200)); // in which it begins to wait
    advance(LATE).await;
    assert!(matches!(quit.await.unwrap(), Err(Error::Late)));
    other.execute_batch("COMMIT").unwrap();
    assert!(store.finish(lock, vec![]).await.unwrap());
    assert_eq!(seen(&*store, maildrop).await, [message]);
}

#[tokio::test(start_paused = true)]
async fn sessions_end_with_a_lease_that_was_not_renewed_in_time_and_new_ones_get_a_new_lease() {
    let world = OnSqlite::new().await;
    let front_end = front_end(&world).await;
    let maildrop = maildrop(front_end.store(), "mrose").await;
    let held = front_end.lock(maildrop).await.unwrap().unwrap();
    assert!(!held.lease().is_over());
    world.pass(LEASE).await; // for the database it is over
    assert!(front_end.lock(maildrop).await.is_err());
    let ended_and_began_again = pin!(async {
        held.lease().over().await;
        loop {
            if let Ok(Some(held)) = front_end.lock(maildrop).await {
                return held;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    tokio::select! {
        () = front_end.keep_lease(|_| {}) => unreachable!(),
        later = timeout(PATIENCE, ended_and_began_again) => {
            let later = later.unwrap();
            assert!(!later.lease().is_over());
            assert_ne!(later.lock().front_end, held.lock().front_end);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_as_long_as_the_process_can() {
    let world = OnSqlite::new().await;
    let one = front_end(&world).await;
    let maildrop = maildrop(one.store(), "mrose").await;
    let held = one.lock(maildrop).await.unwrap().unwrap();
    let later = pin!(async {
        for _ in 0..100 {
            sleep(LEASE / 10).await;
            world.pass(LEASE / 10).await;
        }
    });
    tokio::select! {
        () = one.keep_lease(|_| {}) => unreachable!(),
        () = later => {}
    }
    assert!(!held.lease().is_over());
}

#[tokio::test]
async fn a_password_is_verified_by_its_hash() {
    let hash = hash(b"tanstaaf").unwrap();
    assert!(hash.starts_with("$argon2id$") && !hash.contains("tanstaaf"));
    assert_ne!(server_sql::passwords::hash(b"tanstaaf").unwrap(), hash, "each has a salt of its own");
    let passwords = Passwords::new().unwrap();
    assert!(passwords.verify(b"tanstaaf".as_slice().into(), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(b"Tanstaaf".as_slice().into(), Some(hash)).await.unwrap());
    assert!(!passwords.verify(b"nobody".as_slice().into(), None).await.unwrap());
    assert!(passwords.verify(b"tanstaaf".as_slice().into(), Some("no hash".into())).await.is_err());
}
