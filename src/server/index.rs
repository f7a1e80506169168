//! A maildrop that is ready to use.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::maildrop::Maildrop;
use crate::message::{MessageNumber, UniqueId, UniqueIds};

/// A maildrop out of a list of messages: the name that a store has for each, its octets, and a value of the host's, which is the lock, say,
/// or whatever opens and removes messages. Each message may have a [key](Self::with_keys) too, such as the id of its row.
///
/// The names become [`UniqueIds`], so they may be any octets; a name that stays with its message gives a unique-id that does.
/// It takes 16 octets a message beside the ids, and the room for the key. `T` is the host's value and `K` a key. `R` is what reads a
/// message in chunks, and `()` where messages are sent whole.
///
/// ```
/// use pop3_proto::server::{Index, Maildrop, MessageNumber, WireSize};
///
/// let stored = [("1732972800.M1.mail", "Subject: hi\n\nHow are you?\n"), ("1732972801.M2.mail", "Subject: again\n\n")];
/// let size = |message: &str| {
///     let mut size = WireSize::new();
///     size.add(message.as_bytes());
///     size.octets()
/// };
/// let messages = stored.iter().map(|(name, message)| (name, Some(size(message))));
/// let index: Index<_> = Index::new(messages, "whatever keeps the maildrop locked");
/// assert_eq!((index.count(), index.octets(MessageNumber::FIRST)), (2, Some(29)));
/// ```
#[derive(Clone, Debug)]
pub struct Index<T, K = (), R = ()> {
    unique_ids: UniqueIds,
    /// The octets and the key of each message.
    messages: Vec<(Option<u64>, K)>,
    value: T,
    reader: PhantomData<fn() -> R>,
}

impl<T, R> Index<T, (), R> {
    /// Creates the maildrop of these messages, in the order of their numbers: the name of each, and its octets as
    /// [`WireSize`](crate::wire::WireSize) counts them, or `None` where they aren't known.
    pub fn new<N: AsRef<[u8]>>(messages: impl IntoIterator<Item = (N, Option<u64>)>, value: T) -> Self {
        Self::with_keys(messages.into_iter().map(|(name, octets)| (name, octets, ())), value)
    }
}

impl<T, K, R> Index<T, K, R> {
    /// Creates the maildrop of these messages as [`new`](Index::new) does, and keeps a key for each: whatever the store finds the message
    /// by.
    ///
    /// ```
    /// use pop3_proto::server::{Index, MessageNumber};
    ///
    /// // The id of each row, and the octets of the message in it.
    /// let rows = [(7, 120), (9, 4_300)];
    /// let messages = rows.map(|(id, octets)| (id.to_string(), Some(octets), id));
    /// let index: Index<_, i64> = Index::with_keys(messages, "whatever keeps the maildrop locked");
    /// assert_eq!(index.key(MessageNumber::FIRST), Some(&7));
    /// ```
    pub fn with_keys<N: AsRef<[u8]>>(messages: impl IntoIterator<Item = (N, Option<u64>, K)>, value: T) -> Self {
        let mut kept = Vec::new();
        let names = messages.into_iter().map(|(name, octets, key)| {
            kept.push((octets, key));
            name
        });
        Self { unique_ids: names.collect(), messages: kept, value, reader: PhantomData }
    }

    /// Returns the key of a message. It is `None` where there is no such message, so never for one that the session asks for.
    pub fn key(&self, message: MessageNumber) -> Option<&K> {
        self.messages.get(message.index()).map(|(_, key)| key)
    }

    /// Remembers the octets of a message. Nothing happens where there is no such message.
    pub fn set_octets(&mut self, message: MessageNumber, octets: u64) {
        if let Some((known, _)) = self.messages.get_mut(message.index()) {
            *known = Some(octets);
        }
    }

    /// Returns the host's value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Lends the host's value.
    pub fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T, K, R> Maildrop for Index<T, K, R> {
    type Reader = R;

    fn count(&self) -> u32 {
        // A maildrop of more isn't listed to its end.
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    fn octets(&self, message: MessageNumber) -> Option<u64> {
        self.messages.get(message.index()).and_then(|(octets, _)| *octets)
    }

    fn unique_id(&self, message: MessageNumber) -> Option<UniqueId<'_>> {
        self.unique_ids.get(message)
    }

    fn unique_ids_are_checked(&self) -> bool {
        true
    }
}
