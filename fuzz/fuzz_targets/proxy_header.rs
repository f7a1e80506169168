//! The PROXY protocol's header: read as a naive model has it, wherever it is cut, and as it was written.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pop3_proto::proxy_protocol::{Addresses, Tlv};
use pop3_proto_fuzz::proxy;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    limit: u16,
    /// The sizes of the pieces that the octets come in.
    pieces: Vec<u8>,
    octets: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let (octets, limit) = (input.octets, input.limit.into());
    let whole = proxy::decode(octets, limit);
    assert_eq!(whole.clone().ok(), proxy::model(octets, limit));
    proxy::check_pieces(&whole, octets, limit, &input.pieces);
    let Ok(said) = whole else { return };
    let Some((source, destination)) = said.ends else { return };
    let tlvs: Vec<_> = said.tlvs.iter().map(|(kind, value)| Tlv { kind: *kind, value }).collect();
    let mut out = Vec::new();
    Addresses::new(source, destination).unwrap().encode(&tlvs, &mut out).unwrap();
    let again = proxy::decode(&out, limit).unwrap();
    assert_eq!((again.ends, again.tls, again.tlvs), (said.ends, said.tls, said.tlvs));
});
