//! A server's output, read response by response.

use pop3_proto::wire::{DeviationSet, MAX_RESPONSE_LINE, Response, Status, Verb};

use crate::languages::Spoken;
use crate::record::Run;
use crate::sasl;
use crate::settings::SASL_LINE;

/// What a response should be.
#[derive(Clone, Debug)]
pub enum Expected {
    /// `-ERR` with this code, or none.
    Err(Option<&'static str>),
    /// `+OK` and any text.
    Ok,
    /// A challenge with these octets.
    Challenge(Vec<u8>),
    /// `+OK` and exactly this text.
    Text(String),
    /// `+OK`, then these lines and the end line.
    Lines(Vec<String>),
    /// `+OK`, then these octets, end line included.
    Message(Vec<u8>),
    /// `+OK`, then some of these octets, and no more for ever.
    Broken(Vec<u8>),
}

pub struct Responses<'a> {
    run: &'a Run,
    at: usize,
    /// Whether nothing is left of an output that was cut short.
    pub exhausted: bool,
}

impl<'a> Responses<'a> {
    pub fn new(run: &'a Run) -> Self {
        Self { run, at: 0, exhausted: false }
    }

    /// The greeting line.
    pub fn greeting(&mut self) -> Option<&'a [u8]> {
        self.line(MAX_RESPONSE_LINE)
    }

    /// Checks the next response, to a command with this keyword, in this language.
    pub fn check(&mut self, expected: &Expected, verb: Option<Verb>, has_argument: bool, language: &Spoken) {
        if let Expected::Challenge(octets) = expected {
            let Some(line) = self.line(SASL_LINE as usize) else { return };
            let text = line.strip_prefix(b"+ ").unwrap_or_else(|| panic!("{}", line.escape_ascii()));
            return assert_eq!(sasl::decode(text).as_ref(), Some(octets));
        }
        let Some(line) = self.line(MAX_RESPONSE_LINE) else { return };
        let response = Response::parse(line, DeviationSet::NONE)
            .unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()))
            .value;
        let text = response.text();
        let wanted = if matches!(expected, Expected::Err(_)) { Status::Err } else { Status::Ok };
        assert_eq!(response.status(), wanted, "{}, but {expected:?}", line.escape_ascii());
        if let Some(verb) = verb {
            let several = matches!(expected, Expected::Lines(_) | Expected::Message(_) | Expected::Broken(_));
            assert_eq!(wanted == Status::Ok && verb.is_multi_line(has_argument), several);
        }
        assert!(matches!(expected, Expected::Text(_)) || language.says(text), "{}", line.escape_ascii());
        match expected {
            Expected::Challenge(_) => {}
            Expected::Err(code) => assert_eq!(response.code().map(|code| code.as_str()), *code),
            Expected::Ok => {}
            Expected::Text(expected) => assert_eq!(text, expected.as_bytes()),
            Expected::Lines(lines) => {
                let mut content = lines.join("\r\n").into_bytes();
                if !lines.is_empty() {
                    content.extend_from_slice(b"\r\n");
                }
                content.extend_from_slice(b".\r\n");
                self.octets(&content);
            }
            Expected::Message(content) => {
                self.octets(content);
                // The last line end and the end line leave together.
                let together = content.len().min(5);
                let seam = self.run.seams.iter().find(|&&seam| seam + together > self.at && seam < self.at);
                assert!(self.exhausted || seam.is_none(), "the end of a message leaves in two parts");
            }
            Expected::Broken(content) => {
                let rest = &self.run.output[self.at..];
                assert!(content.starts_with(rest), "octets that nobody asked for");
                self.at = self.run.output.len();
            }
        }
    }

    /// How much of the output the responses so far take, if all of them are in it.
    pub fn octets_so_far(&self) -> Option<usize> {
        (!self.exhausted).then_some(self.at)
    }

    /// Checks that there is nothing more.
    pub fn end(&self) {
        assert_eq!(self.at, self.run.output.len(), "more responses than commands");
    }

    /// The next line, of `most` octets at the most, if it is there.
    fn line(&mut self, most: usize) -> Option<&'a [u8]> {
        let rest = &self.run.output[self.at..];
        let Some(lf) = rest.iter().position(|&octet| octet == b'\n') else {
            assert!(!self.run.complete, "a command without a response");
            assert!(rest.len() < most);
            self.at = self.run.output.len();
            self.exhausted = true;
            return None;
        };
        assert!(lf < most, "a line of {} octets", lf + 1);
        let line = rest[..lf].strip_suffix(b"\r").expect("a line ends with CRLF");
        let end = self.at + lf + 1;
        let cut = self.run.seams.iter().find(|&&seam| seam > self.at && seam < end);
        assert_eq!(cut, None, "a first line leaves in two parts");
        self.at = end;
        Some(line)
    }

    fn octets(&mut self, expected: &[u8]) {
        let rest = &self.run.output[self.at..];
        let both = rest.len().min(expected.len());
        assert_eq!(rest[..both].escape_ascii().to_string(), expected[..both].escape_ascii().to_string());
        self.at += both;
        if both < expected.len() {
            assert!(!self.run.complete, "a response without an end");
            self.exhausted = true;
        }
    }
}
