//! What servers say, parsed or built, then written and read again.

use arbitrary::Arbitrary;
use pop3_proto::message::{MessageNumber, UniqueId};
use pop3_proto::wire::{
    Capability, Deviation, DeviationSet, DropListing, Expire, Greeting, Implementation, InvalidResponse, LoginDelay,
    MAX_RESPONSE_LINE, PrivateCapability, Response, ResponseCode, ScanListing, Status, Text, Timestamp,
    UniqueIdListing,
};

/// Numbers and sizes to build responses with.
#[derive(Arbitrary, Debug)]
pub struct Values {
    err: bool,
    /// How often the text is repeated, so that it comes near the limit of a line.
    times: u8,
    /// The length of the code.
    code: u8,
    /// The length of the timestamp, or almost.
    timestamp: u8,
    small: u32,
    large: u64,
    flag: bool,
}

/// Whatever can be parsed from `line`.
pub fn check_parsed(line: &[u8]) {
    if let Ok(response) = response(line) {
        let again = encoded(|out| response.encode(out));
        // A code without a space after it gets one.
        same_response(&response, &again, line.len() + 3 > MAX_RESPONSE_LINE);
        let greeting = greeting(line).expect("what is a response may be a greeting");
        assert_eq!(greeting.response, response);
        assert_eq!(greeting.timestamp, find_timestamp(response.text()));
        let again = encoded(|out| greeting.encode(out));
        // The timestamp stands in the text and after it, if there is room for both.
        let twice = line.len() + greeting.timestamp.as_ref().map_or(0, |timestamp| timestamp.as_str().len());
        if twice + 4 <= MAX_RESPONSE_LINE {
            assert_eq!(self::greeting(&again).expect("a greeting").timestamp, greeting.timestamp);
        }
        if let Some(code) = response.code() {
            check_code(code);
        }
    }
    if let Ok(capability) = Capability::parse(line) {
        let again = encoded(|out| capability.encode(out));
        assert_eq!(Capability::parse(&again), Ok(capability));
    }
    if let Some(code) = text(line).and_then(|text| ResponseCode::new(text).ok()) {
        check_code(code);
    }
    let all: DeviationSet = Deviation::ALL.into_iter().collect();
    if let Ok(parsed) = DropListing::parse(line, all) {
        let again = encoded(|out| parsed.value.encode(out));
        assert_eq!(DropListing::parse(&again, DeviationSet::NONE).map(|parsed| parsed.value), Ok(parsed.value));
        assert_eq!(DropListing::parse(line, parsed.deviations), Ok(parsed));
    }
    if let Ok(parsed) = ScanListing::parse(line, all) {
        let again = encoded(|out| parsed.value.encode(out));
        assert_eq!(ScanListing::parse(&again, DeviationSet::NONE).map(|parsed| parsed.value), Ok(parsed.value));
        assert_eq!(ScanListing::parse(line, parsed.deviations), Ok(parsed));
    }
    if let Ok(parsed) = UniqueIdListing::parse(line, all) {
        assert_eq!(UniqueIdListing::parse(line, parsed.deviations), Ok(parsed));
        let (message, unique_id) = parsed.value;
        let is_odd = parsed.deviations.contains(Deviation::OddUniqueId);
        let Ok(unique_id) = UniqueId::new(unique_id) else { return assert!(is_odd) };
        assert!(!is_odd);
        let again = encoded(|out| UniqueIdListing { message, unique_id }.encode(out));
        let again = UniqueIdListing::parse(&again, DeviationSet::NONE).map(|parsed| parsed.value);
        assert_eq!(again, Ok((message, unique_id.as_bytes())));
    }
}

/// Whatever can be built from `values` and `line`.
pub fn check_built(values: &Values, line: &[u8]) {
    let Some(line) = text(line) else { return };
    let long = line.repeat(usize::from(values.times) % 64 + 1);
    let status = if values.err { Status::Err } else { Status::Ok };
    // Either the octets of the line, or as many of one kind.
    let (code, timestamp) = (usize::from(values.code), usize::from(values.timestamp));
    let code = long.get(..code).map_or("C".repeat(code), str::to_owned);
    let code = ResponseCode::new(&code).ok();
    let timestamp = if values.flag { format!("<{}@b>", "a".repeat(timestamp)) } else { format!("<{line}>") };
    let timestamp = Timestamp::new(&timestamp).ok();
    if let Ok(text) = Text::new(&long) {
        let response = Response::new(status, code, text);
        let line = encoded(|out| response.encode(out));
        same_response(&response, &line, true);
        let without_bracket = !long.contains('<');
        let greeting = Greeting { response, timestamp };
        let line = encoded(|out| greeting.encode(out));
        let again = self::greeting(&line).expect("a greeting");
        assert_eq!((again.response.status(), again.response.code()), (status, code));
        if without_bracket || greeting.timestamp.is_some() {
            assert_eq!(again.timestamp, greeting.timestamp);
        }
    }
    if let Ok(implementation) = Implementation::new(&long) {
        check_built_capability(Capability::Implementation(implementation));
    }
    let per_user = values.flag;
    check_built_capability(Capability::LoginDelay(LoginDelay { seconds: values.small, per_user }));
    check_built_capability(Capability::Expire(Expire { days: Some(values.small), per_user }));
    check_built_capability(Capability::Expire(Expire { days: None, per_user }));
    if let Ok(private) = PrivateCapability::new(&long) {
        let again = encoded(|out| Capability::Private(private).encode(out));
        assert_eq!(again, long.as_bytes());
    }
    let (messages, octets) = (values.small, values.large);
    let listing = DropListing { messages, octets };
    assert_eq!(encoded(|out| listing.encode(out)), format!("{messages} {octets}").into_bytes());
    let Some(message) = MessageNumber::new(messages) else { return };
    let listing = ScanListing { message, octets };
    assert_eq!(encoded(|out| listing.encode(out)), format!("{message} {octets}").into_bytes());
    let Ok(unique_id) = UniqueId::new(line) else { return };
    let listing = UniqueIdListing { message, unique_id };
    assert_eq!(encoded(|out| listing.encode(out)), format!("{message} {unique_id}").into_bytes());
}

fn check_built_capability(capability: Capability<'_>) {
    let line = encoded(|out| capability.encode(out));
    assert_eq!(Capability::parse(&line), Ok(capability));
}

fn check_code(code: ResponseCode<'_>) {
    assert!(code.is(code) && code.as_str().len() <= ResponseCode::MAX_OCTETS);
    let line = format!("-ERR [{code}] text");
    let response = response(line.as_bytes()).expect("a response");
    assert_eq!((response.code(), response.text()), (Some(code), b"text".as_slice()));
}

fn response(line: &[u8]) -> Result<Response<'_>, InvalidResponse> {
    Response::parse(line, DeviationSet::NONE).map(|parsed| parsed.value)
}

fn greeting(line: &[u8]) -> Result<Greeting<'_>, InvalidResponse> {
    Greeting::parse(line, DeviationSet::NONE).map(|parsed| parsed.value)
}

/// What comes back in `line` is the same, or is cut if that is allowed.
fn same_response(sent: &Response<'_>, line: &[u8], may_cut: bool) {
    let got = response(line).expect("a response");
    assert_eq!((got.status(), got.code()), (sent.status(), sent.code()));
    assert_eq!(got.code().map(|code| code.as_str()), sent.code().map(|code| code.as_str()));
    assert!(sent.text().starts_with(got.text()));
    let Some(next) = sent.text().get(got.text().len()) else { return };
    assert!(may_cut, "a text that fits is cut");
    if std::str::from_utf8(sent.text()).is_ok() {
        assert!(next & 0xC0 != 0x80, "a text is cut inside a character");
        assert!(line.len() + 2 + 4 > MAX_RESPONSE_LINE, "a text is cut too early");
    }
}

/// The timestamp: from the first `<` to the next `>`, without a regard for speed.
pub fn find_timestamp(text: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(text).into_owned();
    let inner = text.split_once('<')?.1.split_once('>')?.0;
    let (left, right) = inner.split_once('@')?;
    let fine = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && !"<>@".contains(c));
    let timestamp = format!("<{inner}>");
    (fine(left) && fine(right) && timestamp.len() <= Timestamp::MAX_OCTETS)
        .then(|| Timestamp::new(&timestamp).expect("a timestamp"))
}

/// The content of the one line that is written.
fn encoded(encode: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut line = plain(encode);
    assert!(one_line(&line) && line.len() <= MAX_RESPONSE_LINE, "{} octets", line.len());
    line.truncate(line.len() - 2);
    line
}

fn plain(encode: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// Whether there is one line end, at the end.
fn one_line(line: &[u8]) -> bool {
    line.ends_with(b"\r\n") && line.iter().filter(|octet| matches!(octet, b'\r' | b'\n' | 0)).count() == 2
}

fn text(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line).ok()
}
