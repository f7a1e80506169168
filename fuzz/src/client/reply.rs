//! What a server's line says, in words that can be compared; read by splitting.

use pop3_proto::client::EventKind;
use pop3_proto::wire::{Capability, Deviation, Response, Status, Verb};

use super::case::Settings;

/// A line in words, and what had to be overlooked.
pub struct Read {
    pub words: String,
    /// The text of a response.
    pub text: Vec<u8>,
    pub has_code: bool,
    pub deviations: Vec<Deviation>,
}

/// A response: its status, and the rest of it.
pub fn response(content: &[u8], settings: &Settings) -> Option<(bool, Read)> {
    let indicator = content.split(|&octet| octet == b' ').next()?;
    let rest = content.get(indicator.len() + 1..).unwrap_or_default();
    let lower = !matches!(indicator, b"+OK" | b"-ERR");
    if lower && !settings.accepts(Deviation::LowerCaseStatus) {
        return None;
    }
    let ok = match &indicator.to_ascii_uppercase()[..] {
        b"+OK" => true,
        b"-ERR" => false,
        _ => return None,
    };
    let mut deviations = Vec::new();
    deviations.extend(lower.then_some(Deviation::LowerCaseStatus));
    let (code, text) = split_code(rest).map_or((None, rest), |(code, text)| (Some(code), text));
    let late = rest.iter().position(|&octet| octet == b'[').and_then(|at| split_code(&rest[at..]));
    let code = match late {
        Some((late, _)) if !ok && code.is_none() && settings.accepts(Deviation::LateCode) => {
            deviations.push(Deviation::LateCode);
            Some(late)
        }
        _ => code,
    };
    let words = format!("{ok} {code:?} {}", text.escape_ascii());
    Some((ok, Read { words, text: text.to_vec(), has_code: code.is_some(), deviations }))
}

/// A response code in brackets, and what stands after it.
fn split_code(text: &[u8]) -> Option<(String, &[u8])> {
    let end = text.iter().position(|&octet| octet == b']')?;
    let code = text[..end].strip_prefix(b"[")?;
    let is_level = |level: &[u8]| !level.is_empty() && level.iter().all(u8::is_ascii_graphic);
    let is_code = code.len() <= 200 && code.split(|&octet| octet == b'/').all(is_level);
    let after = &text[end + 1..];
    is_code.then(|| (String::from_utf8_lossy(code).into_owned(), after.strip_prefix(b" ").unwrap_or(after)))
}

/// An entry of a listing, or the answer to a command that names a message.
pub fn entry(verb: Verb, content: &[u8], text: &[u8], settings: &Settings) -> Read {
    let words = format!("unreadable {}", content.escape_ascii());
    let unreadable = Read { words, text: Vec::new(), has_code: false, deviations: Vec::new() };
    let words: Vec<_> = text.split(|&octet| octet == b' ').filter(|word| !word.is_empty()).collect();
    let [digits_of, second, ..] = words[..] else { return unreadable };
    let front = [digits_of, b" ", second].concat();
    let extra = !text.starts_with(&front) || text.ends_with(b" ");
    let least = u64::from(verb != Verb::Stat);
    let Some(number) = digits(digits_of).filter(|number| (least..=u64::from(u32::MAX)).contains(number)) else {
        return unreadable;
    };
    let mut deviations = Vec::new();
    deviations.extend(extra.then_some(Deviation::ExtraSpaces));
    let words = if verb != Verb::Uidl {
        let Some(octets) = digits(second) else { return unreadable };
        let what = if verb == Verb::Stat { "stat" } else { "scan" };
        format!("{what} {number} {octets}")
    } else {
        let blanks = |octets: &[u8]| octets.iter().take_while(|&&octet| octet == b' ').count();
        let id = &text[blanks(text) + digits_of.len()..];
        let id = &id[blanks(id)..];
        let id = &id[..id.iter().rposition(|&octet| octet != b' ').map_or(0, |last| last + 1)];
        let odd = id.len() > 70 || !id.iter().all(u8::is_ascii_graphic);
        deviations.extend(odd.then_some(Deviation::OddUniqueId));
        format!("uid {number} {}", id.escape_ascii())
    };
    let fine = deviations.iter().all(|deviation| settings.accepts(*deviation));
    if fine { Read { words, text: Vec::new(), has_code: false, deviations } } else { unreadable }
}

fn digits(word: &[u8]) -> Option<u64> {
    word.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(word).ok()?.parse().ok()).flatten()
}

/// A line of CAPA, if it is a capability by its form: its tag and its parameters, in upper case.
pub fn capability(line: &[u8]) -> Option<Vec<String>> {
    let words: Vec<_> = line.split(|&octet| octet == b' ').collect();
    let is_word = |word: &&[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    let fine = line.len() <= 510 && words.iter().all(is_word) && !words[0].contains(&b'.');
    let upper = |word: &&[u8]| String::from_utf8_lossy(word).to_ascii_uppercase();
    fine.then(|| words.iter().map(upper).collect())
}

/// What follows from a capability with these words: its tag, and what its parameters say.
pub fn facts(words: &[String]) -> Vec<String> {
    let (tag, parameters) = (&words[0], &words[1..]);
    let whole = words.join(" ");
    match (tag.as_str(), parameters) {
        ("SASL", []) => Vec::new(),
        ("SASL", names) => {
            let is_name = |octet| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
            let names = names.iter().filter(|name| name.len() <= 20 && name.bytes().all(is_name));
            names.map(|name| format!("SASL {name}")).chain([tag.clone()]).collect()
        }
        ("UTF8", [user]) if user == "USER" => vec![tag.clone(), whole],
        ("LOGIN-DELAY" | "EXPIRE", [value, user @ ..]) if user.is_empty() || user == ["USER"] => {
            let never = (tag == "EXPIRE" && value == "NEVER").then(|| value.clone());
            let number = digits(value.as_bytes()).filter(|number| u32::try_from(*number).is_ok());
            let value = never.or(number.map(|number| number.to_string()));
            value.map(|value| [&[tag.clone(), value], user].concat().join(" ")).into_iter().collect()
        }
        (_, []) => vec![whole],
        _ => Vec::new(),
    }
}

/// What an event of a session says, in the words of this module.
pub fn words(what: &EventKind<'_>) -> String {
    let said = |name: &str, response: &Response<'_>| {
        let code = response.code().map(|code| code.to_string());
        let ok = response.status() == Status::Ok;
        format!("{name} {ok} {code:?} {}", response.text().escape_ascii())
    };
    match what {
        EventKind::Greeting(response) => said("greeting", response),
        EventKind::Ok(response) => said("ok", response),
        EventKind::Failed(response) => said("failed", response),
        EventKind::Begins(response) => said("begins", response),
        EventKind::Farewell(response) => said("farewell", response),
        EventKind::Stat(listing) => format!("stat {} {}", listing.messages, listing.octets),
        EventKind::Scan(listing) => format!("scan {} {}", listing.message, listing.octets),
        EventKind::UniqueId { message, unique_id } => format!("uid {message} {}", unique_id.escape_ascii()),
        EventKind::Line(line) => format!("line {} {}", Capability::parse(line).is_ok(), line.escape_ascii()),
        EventKind::Unreadable { line, .. } => format!("unreadable {}", line.escape_ascii()),
        EventKind::BearerFailure(octets) => format!("bearer {}", octets.escape_ascii()),
        EventKind::Ends => "ends".to_owned(),
        EventKind::NotSent => "not sent".to_owned(),
        other => panic!("{other:?}"),
    }
}
