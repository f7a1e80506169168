//! Users, and what they log in with.

use pop3_proto::Secret;
use server_sql::passwords::ITERATIONS;
use server_sql::store::{SECRET, Store as _};
use support::scram::Keys;

use crate::common::{World, on_each_engine};

on_each_engine! {
    what_scram_needs_is_kept_with_the_user,
    a_password_that_scram_has_no_form_for_is_kept_without,
    a_store_has_one_secret_for_ever_and_no_other_store_has_it,
}

fn keys(password: &[u8]) -> Option<Keys> {
    Keys::new(&Secret::from(password), ITERATIONS).unwrap()
}

async fn what_scram_needs_is_kept_with_the_user<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let given = keys(b"tanstaaf").unwrap();
    assert!(store.add_user(b"mrose", "hash", Some(given.clone())).await.unwrap());
    assert!(!store.add_user(b"mrose", "other", keys(b"other")).await.unwrap());
    let user = world.open().await.user(b"mrose").await.unwrap().unwrap();
    let kept = user.keys.unwrap();
    assert_eq!(user.hash, "hash");
    assert_eq!((kept.salt, kept.iterations), (given.salt, 65_536));
    assert_eq!((kept.stored, kept.server), (given.stored, given.server));
}

async fn a_password_that_scram_has_no_form_for_is_kept_without<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    for (name, password) in [("octets", b"\xff".as_slice()), ("control", b"\x01")] {
        assert!(keys(password).is_none());
        assert!(store.add_user(name.as_bytes(), "hash", keys(password)).await.unwrap());
        assert!(store.user(name.as_bytes()).await.unwrap().unwrap().keys.is_none());
    }
}

async fn a_store_has_one_secret_for_ever_and_no_other_store_has_it<W: World>() {
    let world = W::new().await;
    let secret = world.open().await.secret().await.unwrap();
    assert_eq!(secret.expose().len(), SECRET);
    assert_eq!(world.open().await.secret().await.unwrap(), secret);
    assert_ne!(W::new().await.open().await.secret().await.unwrap(), secret);
}
