//! Responses, greetings, capabilities and listings: what is parsed, or built, survives being written and read again.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pop3_proto_fuzz::replies;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    values: replies::Values,
    line: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    replies::check_parsed(input.line);
    replies::check_built(&input.values, input.line);
});
