//! Users, and what they log in with.

use pop3_proto::Secret;
use server_sql::passwords::ITERATIONS;
use server_sql::store::{SECRET, Store as _};
use support::scram::Keys;

use crate::common::World;

fn keys(password: &[u8]) -> Option<Keys> {
    Keys::new(&Secret::from(password), ITERATIONS).unwrap()
}

#[tokio::test]
async fn what_scram_needs_is_kept_with_the_user() {
    let world = World::new();
    let store = world.open();
    let given = keys(b"tanstaaf").unwrap();
    assert!(store.add_user(b"mrose", "hash", Some(given.clone())).await.unwrap());
    assert!(!store.add_user(b"mrose", "other", keys(b"other")).await.unwrap());
    let user = world.open().user(b"mrose").await.unwrap().unwrap();
    let kept = user.keys.unwrap();
    assert_eq!(user.hash, "hash");
    assert_eq!((kept.salt, kept.iterations), (given.salt, 65_536));
    assert_eq!((kept.stored, kept.server), (given.stored, given.server));
}

#[tokio::test]
async fn a_password_that_scram_has_no_form_for_is_kept_without() {
    let world = World::new();
    let store = world.open();
    for (name, password) in [("octets", b"\xff".as_slice()), ("control", b"\x01")] {
        assert!(keys(password).is_none());
        assert!(store.add_user(name.as_bytes(), "hash", keys(password)).await.unwrap());
        assert!(store.user(name.as_bytes()).await.unwrap().unwrap().keys.is_none());
    }
}

#[tokio::test]
async fn a_store_has_one_secret_for_ever_and_no_other_store_has_it() {
    let world = World::new();
    let secret = world.open().secret().await.unwrap();
    assert_eq!(secret.expose().len(), SECRET);
    assert_eq!(world.open().secret().await.unwrap(), secret);
    assert_ne!(World::new().open().secret().await.unwrap(), secret);
}
