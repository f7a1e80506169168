//! Plans to fetch, visit after visit, from a server that lies: no message is lost, none is fetched for ever, and what is
//! told is true.
//!
//! What no client can notice is left out, in three places:
//! - Text in a message that isn't byte-stuffed, after a line of one dot, that begins like a response; or a stream that ends
//!   right after such a dot ([`server::Server::fooled`]). What is told in such a visit isn't checked, and the messages that
//!   it has stored in part may be lost.
//! - A unique-id that belongs to another message than the one that was stored by it, which is gone without the client
//!   knowing: QUIT wasn't answered `+OK`, or somebody else has removed it ([`World::uncertain`]). No message gets such a
//!   unique-id on arrival, but there may be one that has had it all the time.
//! - A list that shows one of two messages with one unique-id, while STAT counts no more than are listed, or isn't answered
//!   ([`list::List::hidden_twins`]).

mod caller;
mod case;
mod list;
mod server;
mod store;
mod truth;

use std::collections::BTreeSet;

use pop3_proto::client::{Closed, Progress};
use pop3_proto::message::Removal;

use self::caller::{Caller, Ended};
pub use self::case::Case;
use self::case::{MOST_MAIL, MOST_VISITS, NewMail, Visit};
use self::server::Server;
use self::store::Store;

/// A message of the maildrop.
#[derive(Clone, Debug)]
pub struct Mail {
    /// It is like no other's, ever.
    pub key: u32,
    pub octets: Vec<u8>,
    pub id: Option<Vec<u8>>,
}

struct World {
    mail: Vec<Mail>,
    arrived: u32,
    texts: Vec<Vec<u8>>,
    store: Store,
    /// Unique-ids of messages that are gone, as far as the client can't know.
    uncertain: BTreeSet<Vec<u8>>,
    /// Messages of which the client has been fooled to store a part.
    tainted: BTreeSet<u32>,
    /// Unique-ids that the client has been fooled to store something by.
    tainted_ids: BTreeSet<Vec<u8>>,
}

pub fn run(case: &Case<'_>) {
    let mut world = World {
        mail: Vec::new(),
        arrived: 0,
        texts: case.texts(),
        store: Store::default(),
        uncertain: BTreeSet::new(),
        tainted: BTreeSet::new(),
        tainted_ids: BTreeSet::new(),
    };
    world.arrive(NewMail::PLAIN);
    case.mail.iter().take(MOST_MAIL - 1).for_each(|mail| world.arrive(*mail));
    let mut pace = case.pace.iter().copied();
    for visit in case.visits.iter().take(MOST_VISITS) {
        if let Some(place) = visit.vanishes.map(usize::from).filter(|place| *place < world.mail.len()) {
            world.uncertain.extend(world.mail.remove(place).id);
        }
        if let Some(mail) = visit.arrives {
            world.arrive(mail);
        }
        world.visit(visit, &mut pace);
    }
    // Nobody lies any more.
    for _ in 0..2 {
        let ended = world.visit(&Visit { capa: 1, ..Visit::default() }, &mut [].into_iter());
        assert!(matches!(ended, Ended::Over(Ok(Closed::Quit(Removal::All)))), "{ended:?}");
    }
    assert!(world.mail.is_empty(), "something is left behind: {:?}", world.mail);
}

impl World {
    fn arrive(&mut self, mail: NewMail) {
        let key = self.arrived;
        self.arrived += 1;
        let own = Some(format!("own-{key}").into_bytes());
        let id = mail.id().unwrap_or(own.clone());
        // A server may give it away again when its message is gone, but a client must have a chance to know.
        let is_uncertain = id.as_ref().is_some_and(|id| self.uncertain.contains(id));
        let id = if is_uncertain { own } else { id };
        self.mail.push(Mail { key, octets: mail.content(&self.texts), id });
    }

    fn visit(&mut self, visit: &Visit, pace: &mut dyn Iterator<Item = u8>) -> Ended {
        let mail = self.mail.clone();
        let mut caller = Caller::new(visit, &mut self.store, Server::new(visit, &mail));
        let ended = caller.run(pace);
        caller.check(&ended);
        let Caller { server, told, choices, tainted, tainted_ids, .. } = caller;
        self.tainted.extend(tainted);
        self.tainted_ids.extend(tainted_ids);
        let hidden = server.list.as_ref().filter(|list| truth::has_all(&server, list));
        let hidden = hidden.map(|list| list.hidden_twins(&mail)).unwrap_or_default();
        for mail in server.deleted.keys().filter_map(|number| mail.get(*number as usize - 1)) {
            let is_excused = mail
                .id
                .as_ref()
                .is_some_and(|id| [&self.uncertain, &hidden, &self.tainted_ids].iter().any(|ids| ids.contains(id)))
                || self.tainted.contains(&mail.key);
            assert!(self.store.holds(mail.key) || is_excused, "lost: {mail:?}, {:?}, {told:?}", self.store);
        }
        if told.iter().any(|(progress, _)| matches!(progress, Progress::Listed { is_complete: true, .. })) {
            self.uncertain.retain(|id| choices.contains_key(id));
        }
        let knows = matches!(ended, Ended::Over(Ok(Closed::Quit(Removal::All)))) && server.fooled.is_none();
        for number in server.removed.iter().rev() {
            let Some(id) = self.mail.remove(*number as usize - 1).id else { continue };
            if knows {
                self.uncertain.remove(&id);
            } else {
                self.uncertain.insert(id);
            }
        }
        ended
    }
}
