//! SASL messages, read by splitting, and base64 by counting bits.

use std::fmt::Debug;

use pop3_proto::auth::sasl::base64::{self, InvalidBase64};
use pop3_proto::auth::sasl::{
    Anonymous, CramMd5, External, InvalidMessage, Mechanism, Message, OAuthBearer, Plain, XOAuth2, line,
};

const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What is in base64; `None` if there is anything strange about it.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|&&octet| octet == b'=').count();
    let mut bits = Vec::new();
    for octet in &text[..text.len() - padding] {
        let symbol = SYMBOLS.iter().position(|symbol| symbol == octet)?;
        bits.extend((0..6).rev().map(|bit| symbol >> bit & 1));
    }
    let octets = bits.len() / 8;
    let spare = bits.split_off(octets * 8);
    let is_right = text.len().is_multiple_of(4) && padding == (3 - octets % 3) % 3 && spare.len() < 6;
    let value = |bits: &[usize]| bits.iter().fold(0, |value, bit| value << 1 | *bit as u8);
    (is_right && !spare.contains(&1)).then(|| bits.chunks(8).map(value).collect())
}

/// The same the other way round.
pub fn encode(octets: &[u8]) -> String {
    let symbol = |bits: &[u8]| {
        let value = (0..6).fold(0, |value, at| value << 1 | usize::from(bits.get(at).copied().unwrap_or(0)));
        char::from(SYMBOLS[value])
    };
    let bits: Vec<_> = octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)).collect();
    let text: String = bits.chunks(6).map(symbol).collect();
    let padding = "=".repeat((3 - octets.len() % 3) % 3);
    text + &padding
}

/// A message that comes in pieces.
struct InPieces<'a>(Vec<&'a [u8]>);

impl Message for InPieces<'_> {
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        self.0.iter().for_each(|piece| put(piece));
    }
}

/// Checks that base64 is read as the model reads it, and that any pieces of octets are written as the same text.
pub fn check_base64(octets: &[u8], pieces: Vec<&[u8]>) {
    let mut place = octets.to_vec();
    match base64::decode(&mut place) {
        Ok(length) => {
            assert_eq!(Some(&place[..length]), decode(octets).as_deref());
            let mut text = Vec::new();
            base64::encode(&place[..length], &mut text);
            assert_eq!(text, octets, "no octets have two texts");
        }
        Err(InvalidBase64) => assert_eq!(decode(octets), None),
    }
    let mut text = Vec::new();
    base64::encode(&InPieces(pieces), &mut text);
    assert_eq!(text, encode(octets).into_bytes());
    assert_eq!((text.len(), decode(&text).as_deref()), (base64::encoded_len(octets.len()), Some(octets)));
    let mut argument = octets.to_vec();
    let initial = line::decode_initial_response(&mut argument).is_ok();
    assert_eq!(initial, octets == b"=" || !octets.is_empty() && decode(octets).is_some());
}

/// Checks each mechanism's message against the model's reading.
pub fn check_messages(octets: &[u8]) {
    same(Plain::parse(octets), plain(octets), "password: Password(..) }");
    same(CramMd5::parse(octets), cram_md5(octets), "digest: Digest(..) }");
    same(XOAuth2::parse(octets), xoauth2(octets), "token: BearerToken(..) }");
    let bearer = OAuthBearer::parse(octets);
    let hidden = match &bearer {
        Ok(OAuthBearer { token: None, .. }) => "token: None }",
        _ => "token: Some(BearerToken(..)) }",
    };
    same(bearer, oauthbearer(octets), hidden);
    same(External::parse(octets), (octets.is_empty() || is_name(octets)).then(|| octets.to_vec()), " }");
    same(Anonymous::parse(octets), is_trace(octets).then(|| octets.to_vec()), "\")");
    let is_mechanism = matches!(octets.len(), 1..=20)
        && octets.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet));
    let mechanism = Mechanism::new(octets).ok().map(|name| name.to_string().into_bytes());
    assert_eq!(mechanism, is_mechanism.then(|| octets.to_ascii_uppercase()));
}

/// Both refuse, or both have the same canonical octets; and nothing but the names is shown.
fn same<M: Message + Debug>(parsed: Result<M, InvalidMessage>, said: Option<Vec<u8>>, hidden: &str) {
    match parsed {
        Ok(message) => {
            assert_eq!(Some(encoded(&message)), said, "{message:?}");
            assert!(format!("{message:?}").ends_with(hidden), "{message:?}");
        }
        Err(error) => assert_eq!(said, None, "{error:?}"),
    }
}

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut octets = Vec::new();
    message.encode(&mut octets);
    assert_eq!(octets.len(), message.encoded_len());
    octets
}

pub fn is_name(octets: &[u8]) -> bool {
    !octets.is_empty() && !octets.iter().any(u8::is_ascii_control)
}

fn is_trace(octets: &[u8]) -> bool {
    std::str::from_utf8(octets).is_ok_and(|text| text.chars().count() < 256 && !text.chars().any(char::is_control))
}

/// The message of PLAIN, if it is one.
pub fn plain(octets: &[u8]) -> Option<Vec<u8>> {
    let parts: Vec<_> = octets.split(|&octet| octet == 0).collect();
    let [identity, name, password] = parts[..] else { return None };
    let is_right = (identity.is_empty() || is_name(identity)) && is_name(name);
    let is_right = is_right && !password.is_empty() && !has_line_end(password);
    is_right.then(|| octets.to_vec())
}

/// Whether a password holds what ends a line.
pub fn has_line_end(octets: &[u8]) -> bool {
    octets.contains(&b'\r') || octets.contains(&b'\n')
}

fn cram_md5(octets: &[u8]) -> Option<Vec<u8>> {
    let (name, digest) = octets.split_at(octets.len().checked_sub(33)?);
    let is_right = is_name(name) && digest[0] == b' ' && digest[1..].iter().all(u8::is_ascii_hexdigit);
    is_right.then(|| [name, &digest.to_ascii_lowercase()].concat())
}

/// The pairs of a list.
fn pairs(list: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let list = list.strip_suffix(b"\x01\x01")?;
    let pair = |pair: &'_ [u8]| pair.iter().position(|&octet| octet == b'=');
    let split = list.split(|&octet| octet == 1).map(|text| pair(text).map(|at| (&text[..at], &text[at + 1..])));
    let pairs: Vec<_> = split.collect::<Option<_>>()?;
    let is_key = |key: &[u8]| !key.is_empty() && key.iter().all(u8::is_ascii_alphabetic);
    pairs.iter().all(|(key, _)| is_key(key)).then_some(pairs)
}

/// The value of a key that may be there once: `None` if it is there twice, `Some(None)` if not at all.
fn once<'a>(pairs: &[(&'a [u8], &'a [u8])], key: &str) -> Option<Option<&'a [u8]>> {
    let mut values = pairs.iter().filter(|(other, _)| *other == key.as_bytes()).map(|(_, value)| *value);
    let value = values.next();
    values.next().is_none().then_some(value)
}

fn token(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_right = scheme.to_lowercase() == "bearer" && is_visible(token);
    is_right.then(|| format!("auth=Bearer {token}\x01\x01"))
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn xoauth2(octets: &[u8]) -> Option<Vec<u8>> {
    let pairs = pairs(octets)?;
    let name = once(&pairs, "user")??;
    let token = token(once(&pairs, "auth")??)?;
    is_name(name).then(|| [b"user=", name, b"\x01", token.as_bytes()].concat())
}

fn oauthbearer(octets: &[u8]) -> Option<Vec<u8>> {
    let end = octets.iter().position(|&octet| octet == 1)?;
    let pairs = pairs(&octets[end + 1..])?;
    let rest = octets[..end].strip_prefix(b"n,").or_else(|| octets[..end].strip_prefix(b"y,"))?;
    let identity = rest.strip_suffix(b",")?;
    let mut out = b"n,".to_vec();
    if !identity.is_empty() {
        let escaped = identity.strip_prefix(b"a=").filter(|name| is_name(name) && !name.contains(&b','))?;
        out.extend_from_slice(b"a=");
        let mut pieces = escaped.split(|&octet| octet == b'=');
        out.extend_from_slice(pieces.next()?);
        for piece in pieces {
            let escape = piece.get(..2)?.to_ascii_uppercase();
            if escape != b"2C" && escape != b"3D" {
                return None;
            }
            out.push(b'=');
            out.extend_from_slice(&escape);
            out.extend_from_slice(&piece[2..]);
        }
    }
    out.extend_from_slice(b",\x01");
    let text = |value| std::str::from_utf8(value).ok();
    if let Some(host) = once(&pairs, "host")? {
        let host = text(host).filter(|host| is_visible(host))?;
        out.extend_from_slice(format!("host={host}\x01").as_bytes());
    }
    if let Some(port) = once(&pairs, "port")? {
        let is_number = port.iter().all(u8::is_ascii_digit);
        let port: u16 = text(port).filter(|_| is_number)?.parse().ok().filter(|port| *port > 0)?;
        out.extend_from_slice(format!("port={port}\x01").as_bytes());
    }
    match once(&pairs, "auth")?? {
        b"" => out.extend_from_slice(b"auth=\x01\x01"),
        value => out.extend_from_slice(token(value)?.as_bytes()),
    }
    Some(out)
}
