//! SASL: base64 and the messages of each mechanism are read as naive models read them, and written canonically.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::{lines, sasl};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// The sizes of the pieces that a message is written in.
    pieces: Vec<u8>,
    /// A text of base64, or what is in one.
    octets: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    sasl::check_base64(input.octets, lines::pieces(input.octets, &input.pieces));
    sasl::check_messages(input.octets);
});
