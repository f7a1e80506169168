//! Responses as plainly as they can be read.

use super::{take_line, unstuff};

/// A response as a client understands it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub ok: bool,
    /// The first line without its end.
    pub line: String,
    /// The content, unstuffed.
    pub content: Option<Vec<u8>>,
}

/// Takes one response off the front of `output`; `None` unless it is there as a whole.
pub fn read_reply(output: &mut &[u8], multi_line: bool) -> Option<Reply> {
    let mut rest = *output;
    let line = take_line(&mut rest)?;
    let ok = line.starts_with(b"+OK");
    assert!(ok || line.starts_with(b"-ERR"), "no indicator: {}", line.escape_ascii());
    let content = if ok && multi_line { Some(unstuff(&mut rest)?) } else { None };
    *output = rest;
    Some(Reply { ok, line: String::from_utf8_lossy(line).into_owned(), content })
}

/// The responses to command lines: exactly one for each, and nothing more.
pub fn read_replies<'a>(mut output: &[u8], commands: impl IntoIterator<Item = &'a [u8]>) -> Vec<Reply> {
    let mut replies = Vec::new();
    for command in commands {
        let reply = read_reply(&mut output, is_multi_line(command));
        let Some(reply) = reply else { panic!("no whole reply to {}", command.escape_ascii()) };
        replies.push(reply);
    }
    assert!(output.is_empty(), "more than the replies: {}", output.escape_ascii());
    replies
}

/// Whether a good answer to this line goes on after its first line.
fn is_multi_line(command: &[u8]) -> bool {
    let command = command.to_ascii_uppercase();
    let words: Vec<_> = command.trim_ascii().split(|&octet| octet == b' ').collect();
    match words[0] {
        b"RETR" | b"TOP" | b"CAPA" => true,
        b"LIST" | b"UIDL" => words.len() == 1,
        _ => false,
    }
}
