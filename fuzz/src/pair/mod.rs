//! A client and a server, joined by two pipes that hold little.

mod client;
mod gathered;
mod server;

use std::collections::VecDeque;

use arbitrary::Arbitrary;
use pop3_proto::client::{Closed, InitialResponsePolicy, Method};
use pop3_proto::message::Removal;
use pop3_proto::server::CloseReason;
use pop3_proto::wire::LineEnds;

use self::client::Client;
use self::server::Server;
use crate::case::{Mail, Message};
use crate::content;

pub const NAME: &str = "mrose";
pub const PASSWORD: &str = "tanstaaf ";

#[derive(Arbitrary, Debug)]
pub struct Case<'a> {
    pub settings: Settings,
    mail: Vec<Mail>,
    /// One for each poll; when there are no more, both go on in turn and do all they can.
    turns: Vec<Turn>,
    /// One more message.
    text: &'a [u8],
}

#[derive(Arbitrary, Debug)]
pub struct Settings {
    method: u8,
    pub stls: bool,
    /// Whether the first login is with a wrong password.
    pub wrong_first: bool,
    policy: u8,
    pub one_by_one: bool,
    /// Octets that each pipe holds; 0 for many.
    pipe: u8,
    /// Octets of the client's window beyond the least, in 4.
    pub window: u8,
    /// Octets of the client's queue beyond the least.
    pub queue: u8,
    /// How many commands are pipelined, and how many octets; 0 for the defaults.
    pub commands: u8,
    pub octets: u8,
    /// Octets of the server's output beyond the least.
    pub output: u8,
    /// Octets of a chunk of a message, and whether there are empty ones.
    pub chunk: u8,
    pub empty_chunks: bool,
    /// Whether the client follows a list of commands instead of its plan to fetch what is new.
    pub listed: bool,
    /// A bit for each of 8 messages, and the next 8: which are new in the plan, or kept in the list.
    bits: u8,
    /// Whether the plan deletes; whether the list has TOP instead of RETR.
    pub switch: bool,
}

/// Who is polled, and how much is moved.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Turn {
    server: bool,
    step: Step,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Step {
    /// Whether the token is dropped.
    pub drop: bool,
    pub octets: u8,
}

impl Settings {
    /// The way to log in; no timestamp is left behind STLS.
    pub fn method(&self) -> Method {
        use Method::{Apop, CramMd5, Login, OAuthBearer, Plain, User, XOAuth2};
        match [User, Plain, Login, CramMd5, XOAuth2, OAuthBearer, Apop][usize::from(self.method % 7)] {
            Apop if self.stls => User,
            method => method,
        }
    }

    pub fn policy(&self) -> InitialResponsePolicy {
        use InitialResponsePolicy::{Always, Auto, Never};
        [Auto, Never, Always][usize::from(self.policy % 3)]
    }

    /// What is said of the message with this number.
    pub fn bit(&self, number: usize) -> bool {
        self.bits >> (number % 8) & 1 != 0
    }
}

impl Case<'_> {
    pub fn messages(&self) -> Vec<Message> {
        let octets = self.text.iter().copied().take(3_000).collect();
        let text = Message { octets, line_ends: LineEnds::Unknown, needs_utf8: false, is_measured: true };
        let mut messages = vec![text];
        messages.extend(self.mail.iter().take(12).map(Mail::message));
        for (index, message) in messages.iter_mut().enumerate() {
            message.is_measured = index % 2 == 0;
            message.octets.truncate(3_000);
            // Nobody vouches for what isn't so.
            if content::normalise(&message.octets) != message.octets {
                message.line_ends = LineEnds::Unknown;
            }
        }
        messages
    }
}

/// What holds octets on their way.
pub struct Pipe {
    octets: VecDeque<u8>,
    room: usize,
}

impl Pipe {
    fn new(room: u8) -> Self {
        Self { octets: VecDeque::new(), room: if room == 0 { 65_536 } else { room.into() } }
    }

    /// Takes some of the octets; how many.
    pub fn put(&mut self, octets: &[u8], step: Step) -> usize {
        let most = octets.len().min(self.room - self.octets.len()).min(most(step));
        self.octets.extend(&octets[..most]);
        most
    }

    /// Gives some octets; how many.
    pub fn get(&mut self, space: &mut [u8], step: Step) -> usize {
        let most = space.len().min(self.octets.len()).min(most(step));
        space.iter_mut().zip(self.octets.drain(..most)).for_each(|(place, octet)| *place = octet);
        most
    }

    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }
}

fn most(step: Step) -> usize {
    if step.octets == u8::MAX { usize::MAX } else { step.octets.into() }
}

/// What a poll has come to.
#[derive(PartialEq, Eq, Debug)]
pub enum Polled<C> {
    /// Something was done.
    Moved,
    /// Nothing could be done.
    Stuck,
    Closed(C),
}

/// Runs both to the end, and checks that all messages arrive and that both agree.
pub fn run(case: &Case<'_>) {
    const GREEDY: Step = Step { drop: false, octets: u8::MAX };
    let settings = &case.settings;
    let (mut up, mut down) = (Pipe::new(settings.pipe), Pipe::new(settings.pipe));
    let (mut client, mut server) = (Client::new(case), Server::new(case));
    let (mut closed, mut reason) = (None, None);
    let mut turns = case.turns.iter().copied();
    let mut stuck = 0;
    for at in 0_u64.. {
        let is_late = turns.len() == 0;
        let Turn { server: server_is_next, step } = turns.next().unwrap_or(Turn { server: at % 2 == 0, step: GREEDY });
        let moved = if server_is_next {
            match reason.map_or_else(|| server.poll(&mut up, &mut down, step), Polled::Closed) {
                Polled::Closed(why) => reason.replace(why).is_none(),
                polled => polled == Polled::Moved,
            }
        } else {
            match closed.map_or_else(|| client.poll(&mut down, &mut up, step), Polled::Closed) {
                Polled::Closed(how) => closed.replace(how).is_none(),
                polled => polled == Polled::Moved,
            }
        };
        if closed.is_some() && reason.is_some() {
            break;
        }
        stuck = if moved || !is_late { 0 } else { stuck + 1 };
        assert!(stuck < 4, "a deadlock: {closed:?}, {reason:?}");
        assert!(at < 1_000_000, "no end");
    }
    assert_eq!((closed, reason), (Some(Closed::Quit(Removal::All)), Some(CloseReason::Quit)));
    assert!(up.is_empty() && down.is_empty());
    assert_eq!(server.removed(), client.gathered.removed());
    client.gathered.check(&case.messages());
}
