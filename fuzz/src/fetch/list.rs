//! The list of a maildrop, with lies, and what it says to somebody who reads all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Mail;
use super::case::{LineLie, Visit};

/// A line of the list.
#[derive(Clone, Debug)]
struct Line {
    text: Vec<u8>,
    /// The message that it is about, where that can be read.
    message: Option<u32>,
    id: Option<Vec<u8>>,
    readable: bool,
    /// Whether the server has made it up.
    is_extra: bool,
}

/// What was sent.
#[derive(Debug)]
pub struct List {
    lines: Vec<Line>,
}

impl List {
    pub fn new(mail: &[Mail], visit: &Visit, by_id: bool) -> Self {
        let of = |message: u32, mail: &Mail| {
            let size = mail.octets.len().to_string().into_bytes();
            if by_id { Line::new(message, mail.id.as_deref()) } else { Line::sized(message, &size) }
        };
        let mut lines: Vec<Line> = (1..).zip(mail).map(|(message, mail)| of(message, mail)).collect();
        for lie in visit.lines.iter().take(6) {
            tell(&mut lines, *lie, mail, by_id);
        }
        // A unique-id that the server gives to another message than its own can't be noticed, unless the message is listed
        // by its own too.
        let own: BTreeSet<u32> = lines.iter().filter(|line| !line.is_extra).filter_map(|line| line.message).collect();
        let count = u32::try_from(mail.len()).unwrap();
        lines.retain(|line| !line.is_extra || line.message.is_some_and(|it| it > count || own.contains(&it)));
        Self { lines }
    }

    /// The list of some messages, which nobody lies about.
    pub fn of_new(mail: &[Mail], messages: &[u32]) -> Self {
        let line = |message: &u32| Line::new(*message, mail[*message as usize - 1].id.as_deref());
        Self { lines: messages.iter().map(line).collect() }
    }

    pub fn octets(&self) -> Vec<u8> {
        let lines = self.lines.iter().flat_map(|line| [&line.text[..], b"\r\n"]);
        [b"+OK\r\n"].into_iter().map(|it| &it[..]).chain(lines).chain([&b".\r\n"[..]]).collect::<Vec<_>>().concat()
    }

    /// The messages of the lines that can't be read.
    pub fn unreadable(&self) -> Vec<Option<u32>> {
        self.lines.iter().filter(|line| !line.readable).map(|line| line.message).collect()
    }

    /// The messages that are listed, in order.
    pub fn messages(&self) -> BTreeSet<u32> {
        self.lines.iter().filter_map(|line| line.message).collect()
    }

    /// Whether there is one line for each message, and each can be read.
    pub fn is_clear(&self) -> bool {
        self.unreadable().is_empty() && self.messages().len() == self.lines.len()
    }

    /// Whether a message shares its number or its unique-id with another line.
    pub fn is_repeated(&self, message: u32) -> bool {
        let own = || self.lines.iter().filter(|line| line.message == Some(message));
        let has = |id: &[u8]| self.lines.iter().filter(|line| line.id.as_deref() == Some(id)).count();
        own().count() > 1 || own().any(|line| line.id.as_deref().is_some_and(|id| has(id) > 1))
    }

    /// The unique-ids that are listed for a message.
    pub fn ids_of(&self, message: u32) -> Vec<&[u8]> {
        self.lines_of(message).flatten().collect()
    }

    /// The unique-id of each line about a message.
    pub fn lines_of(&self, message: u32) -> impl Iterator<Item = Option<&[u8]>> {
        self.lines.iter().filter(move |line| line.message == Some(message)).map(|line| line.id.as_deref())
    }

    /// Whether a line about a message says nothing more.
    pub fn has_nameless_line(&self, message: u32) -> bool {
        self.lines_of(message).any(|id| id.is_none())
    }

    /// What a message may be stored by.
    pub fn name(&self, message: u32) -> Option<&[u8]> {
        if self.is_repeated(message) { None } else { self.ids_of(message).first().copied() }
    }

    /// The unique-ids that are listed once, and that other messages of the maildrop have too.
    pub fn hidden_twins(&self, mail: &[Mail]) -> BTreeSet<Vec<u8>> {
        let mut count: BTreeMap<&[u8], (usize, usize)> = BTreeMap::new();
        mail.iter().filter_map(|mail| mail.id.as_deref()).for_each(|id| count.entry(id).or_default().0 += 1);
        self.lines.iter().filter_map(|line| line.id.as_deref()).for_each(|id| count.entry(id).or_default().1 += 1);
        count.into_iter().filter(|(_, (there, listed))| *listed == 1 && *there > 1).map(|(id, _)| id.to_vec()).collect()
    }
}

impl Line {
    fn new(message: u32, id: Option<&[u8]>) -> Self {
        let text = [format!("{message} ").as_bytes(), id.unwrap_or_default()].concat();
        Self { text, message: Some(message), id: id.map(Vec::from), readable: id.is_some(), is_extra: false }
    }

    fn sized(message: u32, size: &[u8]) -> Self {
        let text = [format!("{message} ").as_bytes(), size].concat();
        Self { text, message: Some(message), id: None, readable: true, is_extra: false }
    }
}

fn tell(lines: &mut Vec<Line>, lie: LineLie, mail: &[Mail], by_id: bool) {
    if lines.is_empty() {
        return;
    }
    let place = usize::from(lie.line) % lines.len();
    let next = (place + 1) % lines.len();
    let count = u32::try_from(mail.len()).unwrap();
    let line = &mut lines[place];
    match lie.kind % 10 {
        0 => _ = lines.remove(place),
        1 => {
            let texts: [&[u8]; 6] = [b"x a", b"", b"-1 a", b"0 a", b"99999999999 a", b"1x a"];
            let text = texts[usize::from(lie.line) % texts.len()].to_vec();
            *line = Line { text, message: None, id: None, readable: false, is_extra: line.is_extra };
        }
        2 => {
            let Some(message) = line.message else { return };
            let text = if by_id { format!("{message}") } else { format!("{message} x") }.into_bytes();
            *line = Line { text, id: None, readable: false, ..line.clone() };
        }
        3 => {
            let twice = Line { is_extra: true, ..line.clone() };
            lines.push(twice);
        }
        4 if by_id => {
            let (Some(message), Some(id)) = (line.message, lines[next].id.clone()) else { return };
            lines.push(Line { is_extra: true, ..Line::new(message, Some(&id)) });
        }
        5 => lines.swap(place, next),
        6 => {
            let Some((message, id)) = line.message.zip(line.id.clone()) else { return };
            if line.readable {
                line.text = [format!(" {message}   ").as_bytes(), &id[..], b"  "].concat();
            }
        }
        7 if by_id => {
            let id = lines[next].id.clone().filter(|_| lie.line.is_multiple_of(2)).unwrap_or_else(|| b"ghost".to_vec());
            lines.push(Line { is_extra: true, ..Line::new(count + 1, Some(&id)) });
        }
        8 if !by_id && line.readable => {
            line.text = line.message.map_or_else(Vec::new, |message| format!("{message} 77").into_bytes());
        }
        9 => lines.reverse(),
        _ => {}
    }
}
