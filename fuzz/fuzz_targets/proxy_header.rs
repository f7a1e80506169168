//! The PROXY protocol's header: read as a naive model has it, wherever it is cut.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
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
});
