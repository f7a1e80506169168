//! Messages on their way in, there, and on their way out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use server_sql::store::{CHUNK, Store as _};
use tokio::task::JoinSet;

use crate::common::{World, deliver, maildrop, on_each_engine, own_lock, seen, stage, unique_ids};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

on_each_engine! {
    nobody_sees_a_message_before_it_is_published,
    messages_are_published_all_or_none,
    nothing_is_delivered_to_a_maildrop_that_is_gone,
    a_message_is_there_chunk_by_chunk,
    deliveries_at_the_same_time_lose_nothing_and_get_ids_of_their_own,
    no_unique_id_is_used_again,
    what_is_removed_is_gone_at_once_and_its_text_is_swept,
    a_delivery_without_a_chunk_for_a_day_is_given_up,
}

async fn nobody_sees_a_message_before_it_is_published<W: World>() {
    let world = W::new().await;
    let (store, other) = (world.open().await, world.open().await);
    let maildrop = maildrop(&store, "mrose").await;
    let arrival = stage(&store, maildrop, b"text").await;
    assert!(seen(&other, maildrop).await.is_empty());
    assert!(other.open(arrival.message).await.unwrap().is_none());
    assert!(other.chunk(arrival.message, 0).await.unwrap().is_none());
    assert!(store.publish(maildrop, vec![arrival]).await.unwrap());
    assert_eq!(other.open(arrival.message).await.unwrap().unwrap().first, "text");
}

async fn messages_are_published_all_or_none<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let (one, two) = (stage(&store, maildrop, b"one").await, stage(&store, maildrop, b"two").await);
    store.discard(vec![two.message]).await.unwrap();
    assert!(!store.publish(maildrop, vec![one, two]).await.unwrap());
    assert!(seen(&store, maildrop).await.is_empty());
    assert!(store.publish(maildrop, vec![one]).await.unwrap());
    assert_eq!(unique_ids(&store, maildrop).await, [1]);
}

/// A user may be removed while mail for him is on its way.
async fn nothing_is_delivered_to_a_maildrop_that_is_gone<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let (gone, kept) = (maildrop(&store, "gone").await, maildrop(&store, "kept").await);
    let arrival = stage(&store, gone, b"text").await;
    world.remove_maildrop(gone).await;
    assert!(!store.publish(gone, vec![arrival]).await.unwrap());
    assert!(seen(&store, gone).await.is_empty());
    deliver(&store, kept).await;
    assert_eq!(unique_ids(&store, kept).await, [1]);
}

async fn a_message_is_there_chunk_by_chunk<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let mut arrival = stage(&store, maildrop, b"first").await;
    let second = Bytes::from(vec![b'x'; CHUNK]);
    assert!(store.append(arrival.message, 1, second.clone()).await.unwrap());
    arrival.octets += second.len() as u64;
    assert!(store.publish(maildrop, vec![arrival]).await.unwrap());
    let text = store.open(arrival.message).await.unwrap().unwrap();
    assert_eq!((text.octets, &text.first[..]), (5 + CHUNK as u64, b"first".as_slice()));
    assert_eq!(store.chunk(arrival.message, 1).await.unwrap().unwrap(), second);
    assert!(store.chunk(arrival.message, 2).await.unwrap().is_none());
}

async fn deliveries_at_the_same_time_lose_nothing_and_get_ids_of_their_own<W: World>() {
    let world = W::new().await;
    let stores = [world.open().await, world.open().await].map(Arc::new);
    let maildrop = maildrop(&*stores[0], "mrose").await;
    let mut deliveries = JoinSet::new();
    for n in 0..20 {
        let store = Arc::clone(&stores[n % 2]);
        deliveries.spawn(async move { deliver(&*store, maildrop).await });
    }
    let mut delivered = deliveries.join_all().await;
    let mut seen = seen(&*stores[0], maildrop).await;
    delivered.sort_unstable();
    seen.sort_unstable();
    assert_eq!(delivered, seen);
    assert_eq!(unique_ids(&*stores[0], maildrop).await, (1..=20).collect::<Vec<_>>());
}

async fn no_unique_id_is_used_again<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    for unique_id in 1..=3 {
        let store = world.open().await;
        let message = deliver(&store, maildrop).await;
        assert_eq!(unique_ids(&store, maildrop).await, [unique_id]);
        let lock = own_lock(&store, maildrop).await;
        store.lock(lock).await.unwrap();
        assert!(store.finish(lock, vec![message]).await.unwrap());
        while store.sweep().await.unwrap() {}
    }
}

async fn what_is_removed_is_gone_at_once_and_its_text_is_swept<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let (gone, kept) = (stage(&store, maildrop, b"gone").await, deliver(&store, maildrop).await);
    for n in 1..200 {
        assert!(store.append(gone.message, n, Bytes::from_static(b"more")).await.unwrap());
    }
    assert!(store.publish(maildrop, vec![gone]).await.unwrap());
    let lock = own_lock(&store, maildrop).await;
    store.lock(lock).await.unwrap();
    assert!(store.finish(lock, vec![gone.message]).await.unwrap());
    assert!(store.open(gone.message).await.unwrap().is_none());
    assert!(store.chunk(gone.message, 1).await.unwrap().is_none());
    while store.sweep().await.unwrap() {}
    assert_eq!(world.chunks().await, 1);
    assert_eq!(seen(&store, maildrop).await, [kept]);
}

async fn a_delivery_without_a_chunk_for_a_day_is_given_up<W: World>() {
    let world = W::new().await;
    let store = world.open().await;
    let maildrop = maildrop(&store, "mrose").await;
    let (dead, slow) = (stage(&store, maildrop, b"dead").await, stage(&store, maildrop, b"slow").await);
    world.pass(DAY).await;
    assert!(store.append(slow.message, 1, Bytes::from_static(b"more")).await.unwrap());
    assert!(!store.sweep().await.unwrap());
    world.pass(Duration::from_secs(1)).await;
    while store.sweep().await.unwrap() {}
    assert_eq!(world.chunks().await, 2);
    assert!(!store.append(dead.message, 1, Bytes::from_static(b"more")).await.unwrap());
    assert!(!store.publish(maildrop, vec![slow, dead]).await.unwrap());
    assert!(store.publish(maildrop, vec![slow]).await.unwrap());
    assert_eq!(seen(&store, maildrop).await, [slow.message]);
}
