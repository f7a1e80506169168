//! Locks of maildrops.

use std::panic::{AssertUnwindSafe, catch_unwind};

use adapter::Locks;
use pop3_proto::server::Rejection;

#[test]
fn a_maildrop_has_one_lock_at_a_time() {
    // R-1939-18
    let locks = Locks::default();
    let first = locks.lock(b"mrose").unwrap();
    assert_eq!(locks.clone().lock(b"mrose").unwrap_err(), Rejection::InUse);
    let other = locks.lock(b"mros").unwrap();
    drop(first);
    let again = locks.lock(b"mrose").unwrap();
    assert_eq!(locks.lock(b"mrose").unwrap_err(), Rejection::InUse);
    drop((other, again));
    assert!(locks.lock(b"mrose").is_ok() && locks.lock(b"mros").is_ok());
}

#[test]
fn a_thread_that_panics_gives_its_lock_back() {
    let locks = Locks::default();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _lock = locks.lock(b"mrose").unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err() && locks.lock(b"mrose").is_ok());
}
