//! A server that lies as the input has it, and knows what is true.

use std::collections::{BTreeMap, BTreeSet};

use pop3_proto::client::Retry;

use super::Mail;
use super::case::{End, Visit};
use super::list::List;
use crate::content;

/// What STAT was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stat {
    Numbers(u64, u64),
    Refused,
    Unreadable,
}

pub struct Server<'a> {
    visit: &'a Visit,
    pub mail: &'a [Mail],
    is_logged_in: bool,
    answers: u8,
    /// What the client hasn't read.
    pub output: Vec<u8>,
    /// How it has ended.
    pub end: Option<End>,
    pub stats: Vec<Stat>,
    pub list: Option<List>,
    pub by_id: bool,
    /// Whether LIST has told the octets beside it.
    pub has_octets: bool,
    /// Why there was no list, if there was none, for each that was asked for.
    pub list_refused: Vec<Retry>,
    /// The messages in the order in which they were asked for, and those of which only the header was.
    pub asked: Vec<u32>,
    pub headers: BTreeSet<u32>,
    /// What each RETR, or TOP, was answered.
    pub retrieved: BTreeMap<u32, Retrieved>,
    /// What each DELE was answered.
    pub deleted: BTreeMap<u32, Result<(), Retry>>,
    pub quit: Option<bool>,
    /// The messages that are gone.
    pub removed: BTreeSet<u32>,
    /// From this message on nothing can be known: a part of it passed for responses.
    pub fooled: Option<u32>,
    /// Whether a message had no end line, so that responses pass for a part of it.
    pub is_unended: bool,
    /// Whether something else than an end was sent where an answer was due.
    pub has_strayed: bool,
}

#[derive(PartialEq, Eq, Debug)]
pub enum Retrieved {
    Refused(Retry),
    /// What the client must see, if it is to see all of it and nothing else.
    Sent(Option<Vec<u8>>),
}

impl<'a> Server<'a> {
    pub fn new(visit: &'a Visit, mail: &'a [Mail]) -> Self {
        Self {
            visit,
            mail,
            is_logged_in: false,
            answers: 0,
            output: b"+OK\r\n".to_vec(),
            end: None,
            stats: Vec::new(),
            list: None,
            by_id: false,
            has_octets: false,
            list_refused: Vec::new(),
            asked: Vec::new(),
            headers: BTreeSet::new(),
            retrieved: BTreeMap::new(),
            deleted: BTreeMap::new(),
            quit: None,
            removed: BTreeSet::new(),
            fooled: None,
            is_unended: false,
            has_strayed: false,
        }
    }

    /// Which message of all that ever were has this number.
    pub fn key(&self, number: u32) -> Option<u32> {
        number.checked_sub(1).and_then(|place| self.mail.get(place as usize)).map(|mail| mail.key)
    }

    /// Whether nothing more may come: it has ended, or there is a message without an end.
    pub fn is_over(&self) -> bool {
        self.end.is_some() || self.is_unended
    }

    /// Reads a line.
    pub fn receive(&mut self, line: &str) {
        if self.end.is_some() {
            return;
        }
        let words: Vec<&str> = line.split(' ').collect();
        if !self.is_logged_in {
            self.is_logged_in = words[0] == "PASS";
            let answer: &[u8] = match (words[0], self.visit.capa % 4) {
                ("CAPA", 0) => b"-ERR\r\n",
                ("CAPA", 1) => b"+OK\r\nUIDL\r\nPIPELINING\r\n.\r\n",
                ("CAPA", 2) => b"+OK\r\nPIPELINING\r\n.\r\n",
                ("CAPA", _) => b"+OK\r\nUIDL\r\n.\r\n",
                _ => b"+OK\r\n",
            };
            self.output.extend_from_slice(answer);
            return;
        }
        let number = words.get(1).and_then(|number| number.parse().ok());
        let answer = match (words[0], number) {
            ("STAT", _) => self.stat(),
            ("UIDL", None) => self.list(true),
            ("UIDL", Some(number)) => self.unique_id(number),
            ("LIST", Some(number)) => match self.mail.get(number as usize - 1).filter(|_| self.visit.list % 4 != 2) {
                Some(mail) => format!("+OK {number} {}\r\n", octets(mail)).into_bytes(),
                None => self.visit.refusal().0.into(),
            },
            ("LIST", None) if self.by_id => self.octets(),
            ("LIST", None) => self.list(false),
            ("RETR" | "TOP", Some(number)) => return self.retrieve(number, words[0] == "TOP"),
            ("DELE", Some(number)) => self.delete(number),
            ("QUIT", _) => self.quit(),
            _ => panic!("{line}"),
        };
        self.send(&answer);
        if self.quit.is_some() && self.end.is_none() {
            self.end = Some(End::Clean);
        }
    }

    /// Sends an answer, or what the input leaves of it; whether it goes to its end, and what it ends with.
    fn send(&mut self, answer: &[u8]) -> (usize, &'static [u8]) {
        let cut = self.visit.cut.filter(|cut| cut.answer == self.answers);
        self.answers += 1;
        let mut octets = cut.map_or(answer.len(), |cut| cut.place(answer.len()));
        if cut.is_some_and(|cut| cut.end() == End::Stray) {
            // It is a line of its own.
            let line = answer[..octets].iter().rposition(|octet| *octet == b'\n');
            octets = line.map_or(0, |end| end + 1);
        }
        self.output.extend_from_slice(&answer[..octets]);
        self.end = cut.map(super::case::Cut::end);
        let stray = cut.map_or(&b""[..], super::case::Cut::stray);
        self.output.extend_from_slice(stray);
        self.has_strayed |= !stray.is_empty();
        (octets, stray)
    }

    fn stat(&mut self) -> Vec<u8> {
        let (proof, answered) = (self.visit.proof, self.stats.len() as u64);
        let lie = match answered {
            0 => self.visit.stat,
            _ if proof & 16 != 0 && answered % 2 == 0 => 1,
            _ => proof,
        };
        let messages = self.mail.len() as u64 + if proof & 8 != 0 { answered } else { 0 };
        let octets: u64 = self.mail.iter().map(octets).sum();
        let (stat, answer) = match lie % 8 {
            1 => (Stat::Refused, self.visit.refusal().0.to_owned()),
            2 => (Stat::Unreadable, "+OK\r\n".to_owned()),
            3 => (Stat::Unreadable, "+OK 1 x\r\n".to_owned()),
            lie => {
                let (messages, octets) = match lie {
                    4 => (messages + 1, octets),
                    5 => (messages.saturating_sub(1), octets),
                    6 => (messages, octets.saturating_sub(1)),
                    7 => (0, 0),
                    _ => (messages, octets),
                };
                (Stat::Numbers(messages, octets), format!("+OK {messages} {octets} x\r\n"))
            }
        };
        self.stats.push(stat);
        answer.into_bytes()
    }

    fn list(&mut self, by_id: bool) -> Vec<u8> {
        assert!(self.list.is_none() && self.retrieved.is_empty(), "one list is enough");
        let is_refused = match self.visit.list % 4 {
            1 => by_id,
            2 => !by_id,
            3 => true,
            _ => false,
        };
        if is_refused {
            let (refusal, retry) = self.visit.refusal();
            self.list_refused.push(retry);
            return refusal.into();
        }
        self.by_id = by_id;
        self.list.insert(List::new(self.mail, self.visit, by_id)).octets()
    }

    /// UIDL with a number, which may be answered in a form of its own.
    fn unique_id(&self, number: u32) -> Vec<u8> {
        assert!(
            self.visit.whims.looks_for_new() && self.list.is_none() && self.retrieved.is_empty(),
            "nobody looks for new"
        );
        let mail = number.checked_sub(1).and_then(|place| self.mail.get(place as usize));
        let lie =
            self.visit.lines.iter().find(|lie| u32::from(lie.line) % 4 == number % 4).map_or(9, |lie| lie.kind % 10);
        let id = mail.and_then(|mail| mail.id.clone()).filter(|_| lie != 0);
        match (id, lie) {
            (None, _) => self.visit.refusal().0.into(),
            (Some(id), 1) => [b"+OK ", &id[..], b"\r\n"].concat(),
            (Some(id), 2) => [format!("+OK {} ", number + 1).as_bytes(), &id[..], b"\r\n"].concat(),
            (Some(id), _) => [format!("+OK {number} ").as_bytes(), &id[..], b"\r\n"].concat(),
        }
    }

    /// LIST comes beside UIDL.
    fn octets(&mut self) -> Vec<u8> {
        assert!(
            self.visit.whims.with_octets() && !self.has_octets && self.retrieved.is_empty(),
            "nobody asks for octets"
        );
        if self.visit.list % 4 == 2 {
            return self.visit.refusal().0.into();
        }
        self.has_octets = true;
        let numbered = (1_u32..).zip(self.mail);
        let lines = numbered.map(|(number, mail)| format!("{number} {}\r\n", octets(mail)));
        ["+OK\r\n".to_owned(), lines.collect(), ".\r\n".to_owned()].concat().into_bytes()
    }

    fn retrieve(&mut self, number: u32, is_top: bool) {
        assert!(!self.retrieved.contains_key(&number), "{number} is asked for twice");
        self.asked.push(number);
        if is_top {
            self.headers.insert(number);
        }
        assert!(self.deleted.is_empty(), "RETR comes before DELE");
        let mail = number.checked_sub(1).and_then(|place| self.mail.get(place as usize));
        let Some(mail) = mail.filter(|_| !Visit::bit(self.visit.refused, number)) else {
            let (refusal, retry) = self.visit.refusal();
            self.retrieved.insert(number, Retrieved::Refused(retry));
            self.send(refusal.as_bytes());
            return;
        };
        let status: &[u8] = b"+OK 7 octets\r\n";
        let octets = if is_top { head(&mail.octets) } else { mail.octets.clone() };
        let body = if self.visit.is_unstuffed {
            [&content::normalise(&octets), &b".\r\n"[..]].concat()
        } else {
            content::stuff(&octets, pop3_proto::wire::LineEnds::Unknown)
        };
        // Where dots aren't stuffed either, one of them may be its end.
        let is_unended = Visit::bit(self.visit.unended, number) && !self.visit.is_unstuffed;
        let body = if is_unended { &body[..body.len() - b".\r\n".len()] } else { &body[..] };
        self.is_unended |= is_unended;
        let (octets, stray) = self.send(&[status, body].concat());
        let sent = &body[..octets.saturating_sub(status.len())];
        let (content, end) = content::unstuff(sent);
        let is_whole = !is_unended && end == Some(body.len());
        self.retrieved.insert(number, Retrieved::Sent(is_whole.then_some(content)));
        if let Some(end) = end.filter(|_| !is_whole) {
            // The client takes the rest for responses, and can't know better if it begins like one, or is nothing.
            let rest = [&sent[end..], stray].concat();
            let is_response = rest.starts_with(b"+OK") || rest.starts_with(b"-ERR");
            if is_response || rest.is_empty() && self.end == Some(End::Clean) {
                self.fooled.get_or_insert(number);
            }
        }
    }

    fn delete(&mut self, number: u32) -> Vec<u8> {
        let (refusal, retry) = self.visit.refusal();
        let is_there = number.checked_sub(1).is_some_and(|place| (place as usize) < self.mail.len());
        let answer = if is_there && !Visit::bit(self.visit.dele_refused, number) { Ok(()) } else { Err(retry) };
        assert!(self.deleted.insert(number, answer).is_none(), "{number} is deleted twice");
        assert!(!self.headers.contains(&number), "only the header of {number} was fetched");
        if answer.is_ok() { b"+OK\r\n".to_vec() } else { refusal.into() }
    }

    fn quit(&mut self) -> Vec<u8> {
        let is_refused = self.visit.quit % 2 == 1;
        self.quit = Some(!is_refused);
        let marked = self.deleted.iter().filter(|(_, answer)| answer.is_ok()).map(|(number, _)| *number);
        self.removed = marked.filter(|number| !Visit::bit(self.visit.stays, *number)).collect();
        if is_refused { self.visit.refusal().0.into() } else { b"+OK\r\n".to_vec() }
    }
}

/// How many octets a message has on the wire.
pub fn octets(mail: &Mail) -> u64 {
    content::normalise(&mail.octets).len() as u64
}

/// A message up to its first empty line, and that.
fn head(octets: &[u8]) -> Vec<u8> {
    let mut octets = content::normalise(octets);
    let end = match octets.windows(4).position(|octets| octets == b"\r\n\r\n") {
        _ if octets.starts_with(b"\r\n") => 2,
        Some(end) => end + 4,
        None => octets.len(),
    };
    octets.truncate(end);
    octets
}
