//! Commands, read with nothing but splitting at spaces.

use std::collections::BTreeSet;

use pop3_proto::wire::{Command, CommandError, DeviationSet, Verb};

use crate::lines::Line;

/// A command that makes sense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub verb: Verb,
    /// The arguments as they are encoded.
    pub arguments: Vec<Vec<u8>>,
    /// The names of the deviations.
    pub deviations: BTreeSet<&'static str>,
}

/// The keyword of a line.
pub fn verb(line: &[u8]) -> Option<Verb> {
    let keyword = line.split(|&octet| octet == b' ').next()?.to_ascii_uppercase();
    Verb::ALL.into_iter().find(|verb| verb.as_str().as_bytes() == keyword)
}

/// Whether a line, or the front of one that is too long, looks like the first one of an HTTP request.
pub fn is_http(line: &Line) -> bool {
    let text: String = line.content.iter().copied().map(char::from).collect();
    let Some((method, target)) = text.split_once(' ') else { return false };
    let known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"].contains(&method);
    if known && ["/", "*", "http"].iter().any(|start| target.starts_with(start)) {
        return true;
    }
    let version = |(_, version): (&str, &str)| {
        let digits: Vec<_> = version.split('.').collect();
        digits.len() == 2 && digits.iter().all(|digit| digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit())
    };
    let words = text.trim_end_matches(|end: char| end.is_ascii_whitespace());
    !line.too_long && !method.is_empty() && words.rsplit_once(" HTTP/").is_some_and(version)
}

/// Reads a line without its line end.
pub fn parse(line: &[u8]) -> Option<Said> {
    let verb = verb(line)?;
    let rest = &line[verb.as_str().len()..];
    let mut deviations = BTreeSet::new();
    let verbatim = rest.get(1..).filter(|octets| !octets.is_empty());
    let mut note = |wrong: bool, name| wrong.then(|| deviations.insert(name));
    let arguments = match verb {
        Verb::User => {
            let name = verbatim?;
            note(!name.is_ascii(), "eight-bit-credentials");
            if name.iter().any(u8::is_ascii_control) {
                return None;
            }
            vec![name.to_vec()]
        }
        Verb::Pass => {
            let password = verbatim?;
            note(!password.is_ascii(), "eight-bit-credentials");
            note(password.iter().any(u8::is_ascii_control), "control-in-password");
            if password.iter().any(|octet| b"\r\n\0".contains(octet)) {
                return None;
            }
            vec![password.to_vec()]
        }
        Verb::Apop => {
            let words: Vec<_> = verbatim?.rsplitn(2, |&octet| octet == b' ').collect();
            let [digest, name] = words[..] else { return None };
            note(!name.is_ascii(), "eight-bit-credentials");
            note(digest.iter().any(u8::is_ascii_uppercase), "upper-case-digest");
            let is_digest = digest.len() == 32 && digest.iter().all(u8::is_ascii_hexdigit);
            if name.is_empty() || name.iter().any(u8::is_ascii_control) || !is_digest {
                return None;
            }
            vec![name.to_vec(), digest.to_ascii_lowercase()]
        }
        _ => {
            let words: Vec<_> = rest.split(|&octet| octet == b' ').skip(1).collect();
            note(words.iter().any(|word| word.is_empty()), "extra-spaces");
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let message = |word: &[u8]| number(word).filter(|&number| number > 0 && number <= u32::MAX.into());
            match (verb, &words[..]) {
                (Verb::Retr | Verb::Dele | Verb::List | Verb::Uidl, [n]) => vec![digits(message(n)?)],
                (Verb::Top, [n, lines]) => vec![digits(message(n)?), digits(number(lines)?)],
                (Verb::Auth, [name]) => vec![mechanism(name)?],
                (Verb::Auth, [name, response]) => {
                    let response = response.iter().all(u8::is_ascii_graphic).then(|| response.to_vec());
                    vec![mechanism(name)?, response?]
                }
                (Verb::Lang, [tag]) if *tag == b"*" || is_language_tag(tag) => vec![tag.to_vec()],
                (Verb::Retr | Verb::Dele | Verb::Top, _) | (_, [_, ..]) => return None,
                (_, []) => vec![],
            }
        }
    };
    Some(Said { verb, arguments, deviations })
}

impl Said {
    /// The message number that it names.
    pub fn message(&self) -> Option<u32> {
        if !matches!(self.verb, Verb::Retr | Verb::Dele | Verb::List | Verb::Uidl | Verb::Top) {
            return None;
        }
        std::str::from_utf8(self.arguments.first()?).ok()?.parse().ok()
    }

    /// How many lines TOP wants.
    pub fn lines(&self) -> Option<u64> {
        std::str::from_utf8(self.arguments.get(1)?).ok()?.parse().ok()
    }

    /// The line that says it.
    pub fn encode(&self) -> Vec<u8> {
        let mut line = self.verb.as_str().as_bytes().to_vec();
        for argument in &self.arguments {
            line.push(b' ');
            line.extend_from_slice(argument);
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

/// Checks that the crate reads a line as the model does, and that it survives being written and read again.
pub fn check(line: &[u8]) {
    assert_eq!(Verb::from_line(line), verb(line));
    let parsed = match (Command::parse(line), parse(line)) {
        (Ok(parsed), Some(said)) => {
            let names = |set: DeviationSet| set.iter().map(|deviation| deviation.name()).collect::<BTreeSet<_>>();
            assert_eq!((parsed.value.verb(), names(parsed.deviations)), (said.verb, said.deviations.clone()));
            assert_eq!(parsed.value.has_argument(), !said.arguments.is_empty());
            let mut encoded = Vec::new();
            parsed.value.encode(&mut encoded);
            assert_eq!(encoded, said.encode());
            let content = encoded.strip_suffix(b"\r\n").expect("a line ends with CRLF");
            let again = Command::parse(content).expect("what is encoded can be parsed");
            assert_eq!(again.value, parsed.value);
            let lost: Vec<_> = names(parsed.deviations).difference(&names(again.deviations)).copied().collect();
            assert!(lost.iter().all(|name| matches!(*name, "extra-spaces" | "upper-case-digest")), "{lost:?}");
            parsed.value
        }
        (Err(error), None) => return holds_nothing(error),
        (parsed, said) => panic!("{parsed:?} instead of {said:?}"),
    };
    match parsed {
        Command::Pass { .. } => assert_eq!(format!("{parsed:?}"), "Pass { password: Password(..) }"),
        Command::Apop { .. } => assert!(format!("{parsed:?}").ends_with(", digest: Digest(..) }")),
        Command::Auth { arguments: Some(_) } => {
            let shown = format!("{parsed:?}");
            assert!(
                shown.ends_with("initial_response: None }) }") || shown.ends_with("Some(InitialResponse(..)) }) }")
            );
        }
        _ => {}
    }
}

/// An error is a plain word that comes from a short list, whatever the line said.
fn holds_nothing(error: CommandError) {
    const WORDS: [&str; 10] = [
        "UnknownKeyword",
        "MissingArgument",
        "SurplusArgument",
        "Number(NotDigits)",
        "Number(OutOfRange)",
        "EmptyPassword",
        "ForbiddenOctet",
        "Digest",
        "Mechanism",
        "Language",
    ];
    assert!(WORDS.contains(&format!("{error:?}").as_str()), "{error:?}");
}

fn number(word: &[u8]) -> Option<u64> {
    if !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn digits(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// The name of a mechanism, in upper case.
fn mechanism(word: &[u8]) -> Option<Vec<u8>> {
    let is_name = word.len() <= 20 && word.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet));
    is_name.then(|| word.to_ascii_uppercase())
}

fn is_language_tag(word: &[u8]) -> bool {
    let is_subtag = |subtag: &[u8]| (1..9).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric);
    word.len() <= 64 && word.split(|&octet| octet == b'-').all(is_subtag)
}
