//! Command lines: framed and parsed as a naive model has it, whatever they say and wherever they are cut.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::{command, lines};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    limit: u8,
    /// The sizes of the pieces that the octets come in.
    pieces: Vec<u8>,
    octets: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let limit = usize::from(input.limit) + 1;
    lines::check_scanner(input.octets, limit, &input.pieces);
    command::check(input.octets);
    for line in lines::split(input.octets, usize::MAX) {
        command::check(&line.content);
    }
});
