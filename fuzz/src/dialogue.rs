//! The naive server before login: STLS, AUTH, UTF8 and LANG.

use pop3_proto::Security;
use pop3_proto::server::{ClientIdentity, CloseReason, Reply, Residue, Utf8};
use pop3_proto::wire::Opening;

use crate::command::Said;
use crate::lines::Line;
use crate::model::Model;
use crate::record::{Asked, Outcome};
use crate::responses::{Expected, Responses};
use crate::sasl;
use crate::settings::Offer;

/// What a connection is, and what was said on it before login.
pub struct Talk {
    pub security: Security,
    pub verified: bool,
    pub utf8: bool,
    pub language: usize,
    pub exchange: Option<Exchange>,
    pub timestamp: bool,
    pub name: Option<Vec<u8>>,
    pub bad: u32,
    pub failed: u32,
    pub commands: u32,
}

impl Talk {
    pub fn new(security: Security, identity: ClientIdentity, timestamp: bool) -> Self {
        let verified = identity == ClientIdentity::Verified;
        let (utf8, language, exchange, name) = (false, 0, None, None);
        Self { security, verified, utf8, language, exchange, timestamp, name, bad: 0, failed: 0, commands: 0 }
    }
}

/// A SASL exchange.
pub struct Exchange {
    offer: Offer,
    /// The name that LOGIN has said.
    name: Option<Vec<u8>>,
    /// How often the host was asked.
    steps: u32,
}

impl Model<'_> {
    /// How long the line that `rest` begins with may be.
    pub fn line_limit(&self, rest: &[u8]) -> usize {
        let begins = rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "));
        let begins = begins && !self.transaction && !self.mechanisms().is_empty();
        let limit = if begins || self.talk.exchange.is_some() { self.limits.sasl_line } else { self.limits.line };
        limit as usize
    }

    /// The mechanisms that are allowed now.
    pub fn mechanisms(&self) -> Vec<String> {
        let offers = self.case.settings.offers().into_iter();
        offers.filter(|offer| self.allows(*offer)).map(|offer| offer.name.to_owned()).collect()
    }

    fn allows(&self, offer: Offer) -> bool {
        (!offer.cleartext || self.may_log_in()) && (offer.name != "EXTERNAL" || self.talk.verified)
    }

    pub fn offers_stls(&self) -> bool {
        let without_tls = matches!(self.talk.security, Security::Cleartext | Security::TrustedLocal);
        self.case.settings.stls() && without_tls && !self.talk.utf8
    }

    pub fn start_tls(&mut self, line: &Line) -> Expected {
        if !self.offers_stls() {
            return self.bad(None);
        }
        let residue = self.residue(line);
        if residue == Residue::default() || self.case.settings.discards_residue() {
            self.handshake = true;
            return self.good(Expected::Ok);
        }
        self.close(CloseReason::ResidueAfterStls(residue), Expected::Err(None))
    }

    /// Where the read ends that a line came in with.
    fn read_end(&self, line: &Line) -> usize {
        *self.reads.iter().find(|&&end| end >= line.end).expect("a read with the line")
    }

    fn residue(&self, line: &Line) -> Residue {
        let mut residue = Residue::default();
        for octet in &self.client[line.end..self.read_end(line)] {
            residue.octets += 1;
            if *octet == b'\n' {
                residue = Residue { lines: residue.lines + 1, octets: 0 };
            }
        }
        residue
    }

    /// TLS, or no TLS: where the client's next line begins. Nothing if the host wasn't told to begin.
    pub fn shake_hands(&mut self, line: &Line, responses: &Responses<'_>) -> Option<usize> {
        self.handshake = false;
        let call = self.asked(line)?;
        let Asked::StartTls { residue, identity } = &call.asked else { panic!("the host wasn't told to begin TLS") };
        assert_eq!((*residue, call.taken), (self.residue(line), self.read_end(line)));
        assert_eq!(responses.octets_so_far(), Some(call.written), "TLS begins after its response");
        match identity {
            // The timestamp of the greeting, if it was there, is the server's own word.
            Some(identity) => {
                let timestamp = self.talk.timestamp && self.may_log_in();
                self.talk = Talk::new(Security::Tls, *identity, timestamp);
            }
            None => self.closed = Some(CloseReason::TlsFailed),
        }
        Some(call.taken)
    }

    pub fn utf8(&mut self) -> Expected {
        if self.case.settings.utf8().is_none() {
            return self.bad(None);
        }
        self.talk.utf8 = true;
        self.good(Expected::Ok)
    }

    pub fn lang(&mut self, said: &Said) -> Expected {
        let languages = self.case.settings.languages();
        if languages.len() == 1 {
            return self.bad(None);
        }
        let Some(tag) = said.arguments.first() else {
            return self.good(Expected::Lines(languages.iter().map(|language| language.listing()).collect()));
        };
        let named = |tag: &[u8]| languages.iter().position(|it| it.tag.as_bytes().eq_ignore_ascii_case(tag));
        let Some(at) = (if tag == b"*" { Some(0) } else { named(tag) }) else { return Expected::Err(None) };
        self.talk.language = at;
        let changed = languages[at].text(Reply::Language);
        self.good(Expected::Text(format!("{} {changed}", languages[at].tag)))
    }

    pub fn auth(&mut self, line: &Line, said: &Said) -> Option<Expected> {
        let Some(name) = said.arguments.first() else {
            let listed = self.case.settings.listed_by_auth() && !self.mechanisms().is_empty();
            return Some(if listed { self.good(Expected::Lines(self.mechanisms())) } else { self.bad(None) });
        };
        let mut offers = self.case.settings.offers().into_iter();
        let Some(offer) = offers.find(|offer| offer.name.as_bytes() == name) else { return Some(Expected::Err(None)) };
        if offer.cleartext && !self.may_log_in() {
            return Some(Expected::Err(Some("AUTH")));
        }
        let response = said.arguments.get(1);
        if !self.allows(offer) || (response.is_some() && offer.opening == Opening::Server) {
            return Some(Expected::Err(None));
        }
        let exchange = Exchange { offer, name: None, steps: 0 };
        let Some(response) = response else {
            if offer.opening == Opening::Client {
                return Some(self.challenge(exchange, b""));
            }
            return self.step(line, exchange, None);
        };
        let decoded = if response == b"=" { Some(Vec::new()) } else { sasl::decode(response) };
        match decoded {
            Some(octets) => self.step(line, exchange, Some(octets)),
            None => Some(self.bad(None)),
        }
    }

    /// A line of an exchange.
    pub fn respond(&mut self, line: &Line, exchange: Exchange) -> Option<Expected> {
        if line.too_long || line.stray || (line.bare_lf && self.case.settings.rejects("bare-line-feed")) {
            return Some(self.bad(None));
        }
        if line.content == b"*" {
            return Some(Expected::Err(None));
        }
        match sasl::decode(&line.content) {
            Some(octets) => self.step(line, exchange, Some(octets)),
            None => Some(self.bad(None)),
        }
    }

    /// The client has said this, or nothing where the server begins.
    fn step(&mut self, line: &Line, mut exchange: Exchange, response: Option<Vec<u8>>) -> Option<Expected> {
        let own = self.case.settings.passwords_as_logins();
        match (exchange.offer.name, &exchange.name, response) {
            ("PLAIN", _, Some(message)) if own => self.plain(line, &message),
            ("LOGIN", _, None) if own => Some(self.challenge(exchange, b"Username:")),
            ("LOGIN", None, Some(name)) if own => {
                if !sasl::is_name(&name) {
                    return Some(self.bad(None));
                }
                exchange.name = Some(name);
                Some(self.challenge(exchange, b"Password:"))
            }
            ("LOGIN", Some(_), Some(password)) if own && (password.is_empty() || password.contains(&0)) => {
                Some(self.bad(None))
            }
            ("LOGIN", Some(name), Some(password)) if own => self.password(line, name.clone(), password),
            (_, _, response) => self.ask(line, exchange, response),
        }
    }

    fn plain(&mut self, line: &Line, message: &[u8]) -> Option<Expected> {
        let mut parts: Vec<_> = message.split(|&octet| octet == 0).map(<[u8]>::to_vec).collect();
        let is_impossible = parts.last().is_some_and(|password| sasl::has_line_end(password));
        if let (true, Some(password)) = (is_impossible, parts.last_mut()) {
            *password = b"another".to_vec();
        }
        if sasl::plain(&parts.join(&0)).is_none() {
            return Some(self.bad(None));
        }
        if is_impossible || !parts[0].is_empty() && parts[0] != parts[1] {
            return Some(self.failed());
        }
        self.password(line, parts[1].clone(), parts[2].clone())
    }

    /// A password that SASL has said.
    fn password(&mut self, line: &Line, name: Vec<u8>, password: Vec<u8>) -> Option<Expected> {
        if sasl::has_line_end(&password) {
            return Some(self.failed());
        }
        let is_utf8 = |octets: &[u8]| std::str::from_utf8(octets).is_ok();
        let must_be_utf8 = self.case.settings.utf8() == Some(Utf8::MessagesAndNames);
        if must_be_utf8 && !(is_utf8(&name) && is_utf8(&password)) {
            return Some(self.bad(Some("AUTH")));
        }
        self.log_in(line, name, Some(password))
    }

    fn challenge(&mut self, exchange: Exchange, octets: &[u8]) -> Expected {
        self.talk.exchange = Some(exchange);
        Expected::Challenge(octets.to_vec())
    }

    /// The host is asked.
    fn ask(&mut self, line: &Line, mut exchange: Exchange, said: Option<Vec<u8>>) -> Option<Expected> {
        let Asked::Step { mechanism, response, steps, utf8, outcome } = &self.asked(line)?.asked else {
            panic!("the host wasn't asked for a step");
        };
        assert_eq!((mechanism.as_str(), response, *utf8), (exchange.offer.name, &said, self.talk.utf8));
        assert_eq!(*steps, exchange.steps, "what is remembered is of this exchange");
        exchange.steps += 1;
        Some(match outcome {
            Outcome::Challenge(octets) => self.challenge(exchange, octets),
            Outcome::TooLong => Expected::Err(Some("SYS/PERM")),
            Outcome::Ended(admission) => self.admit(*admission),
        })
    }
}
