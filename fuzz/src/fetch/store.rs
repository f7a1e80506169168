//! Where messages are stored, as in `src/manual/fetch_minimal.rs`, and which messages they are.

use std::collections::{BTreeMap, BTreeSet};

/// A message that is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Which message of all that ever were it is, if it is one whole.
    pub key: Option<u32>,
}

#[derive(Default, Debug)]
pub struct Store {
    named: BTreeMap<Vec<u8>, Stored>,
    others: Vec<Stored>,
}

impl Store {
    pub fn is_new(&self) -> bool {
        self.named.is_empty()
    }

    pub fn has(&self, id: &[u8]) -> bool {
        self.named.contains_key(id)
    }

    /// Whether a message is there, as a whole.
    pub fn holds(&self, key: u32) -> bool {
        self.named.values().chain(&self.others).any(|stored| stored.key == Some(key))
    }

    /// The unique-ids of all that is stored by one.
    pub fn ids(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.named.keys()
    }

    pub fn save(&mut self, id: Option<&[u8]>, stored: Stored) {
        match id {
            None => self.others.push(stored),
            Some(id) => assert!(self.named.insert(id.to_vec(), stored).is_none(), "one message replaces another"),
        }
    }

    /// The message stays, under another name.
    pub fn forget(&mut self, id: &[u8]) {
        self.others.extend(self.named.remove(id));
    }

    /// Forgets all but these.
    pub fn forget_others(&mut self, listed: &BTreeSet<Vec<u8>>) {
        let gone: Vec<_> = self.named.keys().filter(|id| !listed.contains(*id)).cloned().collect();
        gone.iter().for_each(|id| self.forget(id));
    }
}
