//! The PROXY protocol's header, by someone who has all of it and slices as they please.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pop3_proto::proxy_protocol::{self, Decoded, HeaderError};

use crate::checksum::checksum;
use crate::lines;

/// What a header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub octets: usize,
    pub local: bool,
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// The bits of the client, as far as the crate tells them, and the result of the check.
    pub tls: Option<(bool, u32)>,
    pub tlvs: Vec<(u8, Vec<u8>)>,
}

/// A header, or why there is none: an error, or how many octets are missing.
pub type Outcome = Result<Said, (Option<HeaderError>, usize)>;

/// What the crate makes of a window.
pub fn decode(window: &[u8], limit: usize) -> Outcome {
    match proxy_protocol::decode(window, limit) {
        Err(error) => Err((Some(error), 0)),
        Ok(Decoded::Partial { missing }) => Err((None, missing)),
        Ok(Decoded::Header(header)) => Ok(Said {
            octets: header.encoded_len,
            local: header.is_local,
            ends: header.addresses.map(|ends| (ends.source, ends.destination)),
            tls: header.tls().map(|tls| (tls.has_certificate(), tls.verify_result)),
            tlvs: header.tlvs.clone().map(|tlv| (tlv.kind, tlv.value.to_vec())).collect(),
        }),
    }
}

/// Checks that the crate makes the same of `input` in these pieces as of the `whole`, as soon as it is known.
pub fn check_pieces(whole: &Outcome, input: &[u8], limit: usize, sizes: &[u8]) {
    let mut end = 0;
    for piece in lines::pieces(input, sizes) {
        end += piece.len();
        match decode(&input[..end], limit) {
            Err((None, missing)) => {
                assert!(missing > 0);
                // What is missing belongs to the header, if there is one.
                assert!(whole.as_ref().map_or(true, |said| end + missing <= said.octets));
            }
            known => return assert_eq!(known, *whole),
        }
    }
}

/// The header that `input` begins with, if it begins with a whole one.
pub fn model(input: &[u8], limit: usize) -> Option<Said> {
    if input.starts_with(b"PROXY ") { line(input) } else { binary(input, limit.max(536)) }
}

fn line(input: &[u8]) -> Option<Said> {
    let end = input.iter().position(|octet| b"\r\n".contains(octet))?;
    if end > 105 || !input[end..].starts_with(b"\r\n") {
        return None;
    }
    let words: Vec<_> = input[..end].split(|&octet| octet == b' ').map(String::from_utf8_lossy).collect();
    let port = |word: &str| word.parse::<u16>().ok().filter(|port| port.to_string() == word);
    let ip = |word: &str| -> Option<IpAddr> {
        if words[1] == "TCP4" {
            Some(word.parse::<Ipv4Addr>().ok()?.into())
        } else {
            Some(word.parse::<Ipv6Addr>().ok()?.into())
        }
    };
    let ends = match &*words[1] {
        "UNKNOWN" => None,
        "TCP4" | "TCP6" if words.len() == 6 => {
            Some(((ip(&words[2])?, port(&words[4])?).into(), (ip(&words[3])?, port(&words[5])?).into()))
        }
        _ => return None,
    };
    Some(Said { octets: end + 2, local: false, ends, tls: None, tlvs: Vec::new() })
}

fn binary(input: &[u8], limit: usize) -> Option<Said> {
    if input.len() < 16 || !input.starts_with(b"\r\n\r\n\0\r\nQUIT\n") {
        return None;
    }
    let octets = 16 + number(&input[14..16]);
    if octets > limit || octets > input.len() {
        return None;
    }
    let block = &input[16..octets];
    let size = match (input[12], input[13]) {
        (0x20, _) => return Some(Said { octets, local: true, ends: None, tls: None, tlvs: Vec::new() }),
        // Addresses of an unknown kind, and what follows them.
        (0x21, 0x00) => return Some(Said { octets, local: false, ends: None, tls: None, tlvs: Vec::new() }),
        (0x21, 0x11 | 0x12) => 12,
        (0x21, 0x21 | 0x22) => 36,
        (0x21, 0x31 | 0x32) => 216,
        _ => return None,
    };
    if size > block.len() {
        return None;
    }
    let ip = |octets: &[u8]| -> IpAddr {
        <[u8; 4]>::try_from(octets).map_or_else(|_| <[u8; 16]>::try_from(octets).unwrap().into(), IpAddr::from)
    };
    let port = |at: usize| u16::try_from(number(&block[at..at + 2])).unwrap();
    let ends = match input[13] {
        0x11 => Some(((ip(&block[..4]), port(8)).into(), (ip(&block[4..8]), port(10)).into())),
        0x21 => Some(((ip(&block[..16]), port(32)).into(), (ip(&block[16..32]), port(34)).into())),
        _ => None,
    };
    let tlvs = split(&block[size..])?;
    let mut tls = None;
    let (mut at, mut once) = (16 + size, Vec::new());
    for (kind, value) in &tlvs {
        at += 3 + value.len();
        match kind {
            0x03 | 0x20 if once.contains(kind) => return None,
            0x03 => {
                let mut zeroed = input[..octets].to_vec();
                zeroed.get_mut(at - value.len()..at)?.fill(0);
                if value != &checksum(&zeroed).to_be_bytes() {
                    return None;
                }
            }
            0x05 if value.len() > 128 => return None,
            0x20 => {
                split(value.get(5..)?)?;
                let verify = u32::try_from(number(&value[1..5])).unwrap();
                tls = (value[0] % 2 == 1).then_some((value[0] & 6 != 0, verify));
            }
            _ => {}
        }
        once.push(*kind);
    }
    Some(Said { octets, local: false, ends, tls, tlvs })
}

fn split(mut rest: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut tlvs = Vec::new();
    while !rest.is_empty() {
        let end = 3 + number(rest.get(1..3)?);
        tlvs.push((rest[0], rest.get(3..end)?.to_vec()));
        rest = &rest[end..];
    }
    Some(tlvs)
}

fn number(octets: &[u8]) -> usize {
    octets.iter().fold(0, |number, octet| number * 256 + usize::from(*octet))
}
