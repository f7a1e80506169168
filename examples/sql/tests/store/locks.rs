//! One session per maildrop, leases, and the fence.

use std::sync::Arc;
use std::time::Duration;

use server_sql::store::{Lock, Locked, Store as _};
use tokio::task::JoinSet;

use crate::common::{LEASE, World, deliver, maildrop, on_each_engine, own_lock, seen};

const MOMENT: Duration = Duration::from_millis(1);

/// A moment less than a lease.
const ALMOST: Duration = Duration::from_millis(9_999);

on_each_engine! {
    of_thirty_competitors_one_gets_the_lock,
    of_thirty_competitors_one_takes_the_lock_over,
    a_lock_holds_as_long_as_the_lease_is_renewed,
    a_lease_that_is_over_never_comes_back,
    a_session_whose_lock_was_taken_over_removes_nothing_and_frees_nothing,
    a_session_has_no_use_of_its_front_ends_later_lock,
    the_end_of_a_front_end_frees_all_that_it_has_locked,
    a_session_removes_only_what_is_in_its_own_maildrop,
}

async fn of_thirty_competitors_one_gets_the_lock<W: World>() {
    let world = W::new().await;
    let maildrop = maildrop(&world.open().await, "mrose").await;
    one_of_thirty_gets_the_lock(&world, maildrop).await;
}

/// There is a row then that all of them want to change.
async fn of_thirty_competitors_one_takes_the_lock_over<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let late = own_lock(&store, maildrop).await;
    assert_eq!(store.lock(late).await.unwrap(), Locked::Taken);
    world.pass(LEASE).await;
    one_of_thirty_gets_the_lock(&world, maildrop).await;
}

async fn one_of_thirty_gets_the_lock<W: World>(world: &W, maildrop: i64) {
    let stores = [world.open().await, world.open().await, world.open().await].map(Arc::new);
    let mut competitors = JoinSet::new();
    for session in 0..30 {
        let store = Arc::clone(&stores[session % 3]);
        competitors.spawn(async move {
            let lock = own_lock(&*store, maildrop).await;
            store.lock(lock).await.unwrap()
        });
    }
    let all = competitors.join_all().await;
    assert_eq!(all.iter().filter(|locked| **locked == Locked::Taken).count(), 1);
    assert_eq!(all.iter().filter(|locked| **locked == Locked::InUse).count(), 29);
}

async fn a_lock_holds_as_long_as_the_lease_is_renewed<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let holder = own_lock(&store, maildrop).await;
    assert_eq!(store.lock(holder).await.unwrap(), Locked::Taken);
    for _ in 0..5 {
        world.pass(ALMOST).await;
        assert!(store.renew(holder.front_end, LEASE).await.unwrap());
    }
    world.pass(ALMOST).await;
    let other = own_lock(&store, maildrop).await;
    assert_eq!(store.lock(other).await.unwrap(), Locked::InUse);
    world.pass(MOMENT).await;
    assert_eq!(store.lock(other).await.unwrap(), Locked::Taken);
}

async fn a_lease_that_is_over_never_comes_back<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let late = own_lock(&store, maildrop).await;
    world.pass(LEASE).await;
    assert!(!store.renew(late.front_end, LEASE).await.unwrap());
    assert_eq!(store.lock(late).await.unwrap(), Locked::LeaseIsOver);
    assert_ne!(store.sign_on(LEASE).await.unwrap(), late.front_end);
    assert!(!store.renew(late.front_end, LEASE).await.unwrap());
}

async fn a_session_whose_lock_was_taken_over_removes_nothing_and_frees_nothing<W: World>() {
    let world = W::new().await;
    let (store, other_store) = (world.open().await, world.open().await);
    let maildrop = maildrop(&store, "mrose").await;
    let message = deliver(&store, maildrop).await;
    let late = own_lock(&store, maildrop).await;
    store.lock(late).await.unwrap();
    world.pass(LEASE).await;
    let other = own_lock(&other_store, maildrop).await;
    assert_eq!(other_store.lock(other).await.unwrap(), Locked::Taken);

    assert!(!store.finish(late, vec![message]).await.unwrap());
    assert_eq!(seen(&store, maildrop).await, [message]);
    store.release(vec![late]).await.unwrap();
    store.sign_off(late.front_end).await.unwrap();
    let third = own_lock(&store, maildrop).await;
    assert_eq!(store.lock(third).await.unwrap(), Locked::InUse);

    assert!(other_store.finish(other, vec![message]).await.unwrap());
    assert!(seen(&store, maildrop).await.is_empty());
    assert_eq!(store.lock(third).await.unwrap(), Locked::Taken);
}

/// The fence is the session and not the process: a later session of the same front end isn't the earlier one.
async fn a_session_has_no_use_of_its_front_ends_later_lock<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let message = deliver(&store, maildrop).await;
    let earlier = own_lock(&store, maildrop).await;
    let later = Lock { session: 2, ..earlier };
    store.lock(earlier).await.unwrap();
    store.release(vec![earlier]).await.unwrap();
    assert_eq!(store.lock(later).await.unwrap(), Locked::Taken);
    assert!(!store.finish(earlier, vec![message]).await.unwrap());
    store.release(vec![earlier]).await.unwrap();
    assert_eq!(store.lock(Lock { session: 3, ..earlier }).await.unwrap(), Locked::InUse);
    assert_eq!(seen(&store, maildrop).await, [message]);
}

async fn the_end_of_a_front_end_frees_all_that_it_has_locked<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let (one, two) = (maildrop(&store, "one").await, maildrop(&store, "two").await);
    let lock = own_lock(&store, one).await;
    let locks = [lock, Lock { maildrop: two, session: 2, ..lock }];
    for lock in locks {
        assert_eq!(store.lock(lock).await.unwrap(), Locked::Taken);
    }
    store.sign_off(lock.front_end).await.unwrap();
    for maildrop in [one, two] {
        let other = own_lock(&store, maildrop).await;
        assert_eq!(store.lock(other).await.unwrap(), Locked::Taken);
    }
    assert_eq!(store.lock(lock).await.unwrap(), Locked::LeaseIsOver);
}

async fn a_session_removes_only_what_is_in_its_own_maildrop<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let (own, other) = (maildrop(&store, "own").await, maildrop(&store, "other").await);
    let (mine, theirs) = (deliver(&store, own).await, deliver(&store, other).await);
    let lock = own_lock(&store, own).await;
    store.lock(lock).await.unwrap();
    assert!(store.finish(lock, vec![mine, theirs]).await.unwrap());
    assert_eq!((seen(&store, own).await, seen(&store, other).await), (vec![], vec![theirs]));
}
