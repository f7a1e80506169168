//! Byte-stuffing, its undoing, sizes and TOP: the same as naive models of a whole message, wherever it is cut.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pop3_proto::wire::LineEnds;
use pop3_proto_fuzz::{content, lines, wire};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// How many lines TOP wants; 255 stands for more than there can be.
    lines: u8,
    /// The sizes of the pieces that the message and the response come in.
    pieces: Vec<u8>,
    message: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let message = input.message;
    let chunks = lines::pieces(message, &input.pieces);
    for line_ends in [LineEnds::Unknown, LineEnds::Crlf] {
        let stuffed = wire::stuff(&chunks, line_ends);
        assert_eq!(stuffed, content::stuff(message, line_ends));
        let after = [&stuffed, b"+OK\r\n.\r\n".as_slice()].concat();
        let (got, ended) = wire::unstuff(&lines::pieces(&after, &input.pieces));
        assert_eq!(ended, Some(stuffed.len()), "a response ends where it should, whatever its content");
        if line_ends == LineEnds::Unknown {
            assert_eq!(got, content::normalise(message));
            assert_eq!(got.len() as u64, wire::size(&chunks));
        }
    }
    assert_eq!(wire::unstuff(&chunks), content::unstuff(message));
    let wanted = if input.lines == 255 { u64::MAX } else { input.lines.into() };
    let (shown, reached) = content::top(message, wanted);
    assert_eq!(wire::top(&chunks, wanted), (shown.to_vec(), reached));
});
