//! How many octets a message has on the wire.

/// Counts the octets that STAT and LIST announce for a stored message: those that a client holds after RETR, with
/// CRLF line ends and without stuffed dots (RFC 1939 §11).
///
/// Feed it the stored octets in chunks of any size, and keep the result: it stays the same as long as the message does.
///
/// ```
/// use pop3_proto::wire::WireSize;
///
/// let mut size = WireSize::new();
/// size.add(b"one\n.two\r");
/// size.add(b"\nthree");
/// assert_eq!(size.octets(), "one\r\n.two\r\nthree\r\n".len() as u64);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WireSize {
    octets: u64,
    last: Option<u8>,
}

impl WireSize {
    /// Creates a counter at the start of a message.
    pub const fn new() -> Self {
        Self { octets: 0, last: None }
    }

    /// Counts a chunk of the stored message.
    pub fn add(&mut self, chunk: &[u8]) {
        let Some((&first, &last)) = chunk.first().zip(chunk.last()) else { return };
        let bare_first = first == b'\n' && self.last != Some(b'\r');
        self.octets += chunk.len() as u64 + u64::from(bare_first) + bare_line_feeds(chunk);
        self.last = Some(last);
    }

    /// Returns the octets on the wire if the message ended here.
    #[doc(alias = "bytes")]
    #[doc(alias = "size")]
    pub const fn octets(&self) -> u64 {
        match self.last {
            None => 0,
            Some(b'\n') => self.octets,
            Some(_) => self.octets + 2,
        }
    }
}

/// How many LFs have an octet other than CR before them.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, and keeps this from becoming vector code"
)]
fn bare_line_feeds(chunk: &[u8]) -> u64 {
    // No block has more than 255, so a sum of octets can't overflow; this becomes vector code.
    const BLOCK: usize = 192;
    let mut sum = 0;
    let mut at = 0;
    while let Some(pairs) = chunk.get(at..chunk.len().min(at + BLOCK + 1)).filter(|pairs| pairs.len() > 1) {
        let bare = pairs
            .iter()
            .zip(pairs.iter().skip(1))
            .fold(0_u8, |bare, (before, here)| bare + u8::from((*here == b'\n') & (*before != b'\r')));
        sum += u64::from(bare);
        at += BLOCK;
    }
    sum
}
