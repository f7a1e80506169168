//! Whole sessions as data: each file in `transcripts/server` is run in several ways, and cut at every octet.
//!
//! A line `C: ` is a line of the client and `S: ` one of the server, each without its CRLF; `\r`, `\n`, `\0`, `\t`,
//! `\xNN` and `\\` stand for octets. `C> ` is the same without a CRLF after it. Lines that begin with `@` say how the
//! host is set up:
//!
//! - `@message TEXT`: the next message of the maildrop, as it is stored
//! - `@timestamp <…>`, `@last`, `@remove-retrieved`, `@cleartext`: APOP, LAST, EXPIRE 0, a connection without TLS
//! - `@mechanism NAME`, `@utf8`, `@needs-utf8 NUMBER`: a further mechanism, UTF8, as many messages for UTF-8 mode only
//! - `@language TAG DESCRIPTION` and after it `@text REPLY TEXT`: a further language, and what it says
//! - `@stls`: STLS, and each turn is sent only when the one before is answered: what follows STLS earlier is an attack
//! - `@hang-up`: the client's stream ends after its last line
//! - `@closed REASON` and `@removed NUMBERS`: how it must end
//!
//! `#` begins a comment.

use pop3_proto::Security;
use pop3_proto::server::{Catalogue, Config, Reply, Session, Utf8};
use pop3_proto::wire::{Mechanism, Timestamp};

use crate::common::{Server, Store, assert_text, each_transcript, statements, unescape, unescape_line};

#[derive(Default, Debug)]
struct Transcript {
    /// What the client says, and what is answered before it says more.
    turns: Vec<(Vec<u8>, Vec<u8>)>,
    messages: Vec<Vec<u8>>,
    timestamp: Option<String>,
    mechanisms: Vec<Mechanism>,
    languages: Vec<Catalogue>,
    needs_utf8: u32,
    /// The lines with `@` that say nothing else.
    switches: Vec<String>,
    closed: Option<String>,
    removed: Vec<u32>,
}

impl Transcript {
    fn parse(text: &str) -> Self {
        let mut it = Self { turns: vec![Default::default()], ..Self::default() };
        for statement in statements(text) {
            match statement {
                ("C:", rest) => it.client(&unescape_line(rest)),
                ("C>", rest) => it.client(&unescape(rest)),
                ("S:", rest) => it.turns.last_mut().unwrap().1.extend(unescape_line(rest)),
                ("@message", rest) => it.messages.push(unescape(rest)),
                ("@timestamp", rest) => it.timestamp = Some(rest.to_owned()),
                ("@mechanism", rest) => it.mechanisms.push(Mechanism::new(rest).unwrap()),
                ("@language", rest) => {
                    let (tag, description) = rest.split_once(' ').unwrap_or((rest, ""));
                    it.languages.push(Catalogue::new(tag, description).unwrap());
                }
                ("@text", rest) => it.text(rest),
                ("@needs-utf8", rest) => it.needs_utf8 = rest.parse().unwrap(),
                (switch @ ("@last" | "@remove-retrieved" | "@cleartext" | "@hang-up" | "@stls" | "@utf8"), "") => {
                    it.switches.push(switch.to_owned());
                }
                ("@closed", rest) => it.closed = Some(rest.to_owned()),
                ("@removed", rest) => it.removed = rest.split(' ').map(|number| number.parse().unwrap()).collect(),
                other => panic!("not a line of a transcript: {other:?}"),
            }
        }
        it
    }

    /// What the last language says for a reply.
    fn text(&mut self, line: &str) {
        let (name, text) = line.split_once(' ').unwrap();
        let reply = Reply::ALL.iter().copied().find(|reply| format!("{reply:?}") == name).unwrap();
        let catalogue = self.languages.pop().unwrap();
        let text = String::from_utf8(unescape(text)).unwrap();
        self.languages.push(catalogue.text(reply, &text).unwrap());
    }

    fn client(&mut self, octets: &[u8]) {
        match self.turns.last_mut().unwrap() {
            (said, answer) if answer.is_empty() && !said.is_empty() => said.extend(octets),
            _ => self.turns.push((octets.to_vec(), Vec::new())),
        }
    }

    fn server(&self) -> Server {
        let store = Store::new(&self.messages);
        store.need_utf8.set(self.needs_utf8);
        let mut config = Config::new().last(self.has("@last")).remove_retrieved(self.has("@remove-retrieved"));
        config = config.stls(self.has("@stls"));
        if self.has("@utf8") {
            config = config.utf8(Utf8::MessagesAndNames);
        }
        for &mechanism in &self.mechanisms {
            config = config.mechanism(mechanism).unwrap();
        }
        for language in &self.languages {
            config = config.language(language.clone()).unwrap();
        }
        let security = if self.has("@cleartext") { Security::Cleartext } else { Security::Tls };
        let timestamp = self.timestamp.as_ref().map(|text| Timestamp::new(text).unwrap());
        Server::of(&store, Session::with_exchange(config.into(), security).with_timestamp(timestamp))
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|it| it == switch)
    }

    fn said(&self) -> Vec<u8> {
        self.turns.iter().flat_map(|(said, _)| said).copied().collect()
    }

    /// What the client sends at once.
    fn bursts(&self) -> Vec<Vec<u8>> {
        if self.has("@stls") { self.turns.iter().map(|(said, _)| said.clone()).collect() } else { vec![self.said()] }
    }

    /// What the server writes when the client says everything, and perhaps hangs up.
    fn run(&self, server: &mut Server) -> Vec<u8> {
        for burst in self.bursts() {
            server.run(&burst, false);
        }
        server.run(b"", self.has("@hang-up"));
        std::mem::take(&mut server.output)
    }

    /// What the server writes when the client says this many octets and hangs up.
    fn run_and_cut(&self, server: &mut Server, octets: usize) -> Vec<u8> {
        let mut left = octets;
        for burst in self.bursts() {
            let said = &burst[..burst.len().min(left)];
            left -= said.len();
            server.run(said, left == 0);
            if left == 0 {
                break;
            }
        }
        std::mem::take(&mut server.output)
    }

    fn answers(&self) -> Vec<u8> {
        self.turns.iter().flat_map(|(_, answer)| answer).copied().collect()
    }

    /// Checks how the session has ended.
    fn check_end(&self, server: &Server) {
        let closed = server.closed.map(|reason| format!("{reason:?}"));
        assert_eq!(closed, self.closed);
        assert_eq!(server.store.removed(), self.removed);
        assert_eq!(server.store.locked.get(), self.closed.is_none() && self.logs_in());
    }

    fn logs_in(&self) -> bool {
        self.answers().windows(10).any(|octets| octets == b"+OK maildr")
    }
}

/// Does something with each transcript.
fn each(check: impl Fn(&Transcript)) {
    each_transcript("server", Transcript::parse, check);
}

#[test]
fn each_turn_is_answered_before_the_next_one() {
    each(|transcript| {
        let mut server = transcript.server();
        for (said, answer) in &transcript.turns {
            assert_text(&server.receive(said), answer);
        }
        if transcript.has("@hang-up") {
            assert_text(&server.send_and_hang_up("").into_bytes(), b"");
        }
        transcript.check_end(&server);
    });
}

#[test]
fn a_whole_transcript_in_one_write_is_answered_the_same() {
    // R-2449-16
    each(|transcript| {
        let mut server = transcript.server();
        assert_text(&transcript.run(&mut server), &transcript.answers());
        transcript.check_end(&server);
    });
}

#[test]
fn a_transcript_octet_by_octet_is_answered_the_same() {
    // R-GEN-01
    for (reads, window, chunk, drops) in [(1, usize::MAX, 0, false), (usize::MAX, 1, 1, false), (1, 1, 2, true)] {
        each(|transcript| {
            let mut server = transcript.server();
            server.store.chunk.set(chunk);
            server.reads = reads.into();
            server.window = window.into();
            server.drops = vec![drops, false].into();
            assert_text(&transcript.run(&mut server), &transcript.answers());
            transcript.check_end(&server);
        });
    }
}

#[test]
fn a_transcript_cut_at_any_octet_removes_nothing_before_the_end_of_quit() {
    // R-1939-29
    each(|transcript| {
        let said = transcript.said();
        for end in 0..=said.len() {
            let mut server = transcript.server();
            let output = transcript.run_and_cut(&mut server, end);
            assert_text(&output, &transcript.answers()[..output.len()]);
            let quits = has_quit(&said[..end]);
            assert!(quits || server.store.updates() == 0, "{end} octets");
            assert!(server.closed.is_some() && !server.store.locked.get(), "{end} octets");
        }
    });
}

/// Whether a whole line says QUIT.
fn has_quit(said: &[u8]) -> bool {
    let whole = said.split_inclusive(|&octet| octet == b'\n').filter(|line| line.ends_with(b"\n"));
    whole.map(<[u8]>::trim_ascii_end).any(|line| line.eq_ignore_ascii_case(b"QUIT"))
}
