//! Undoing byte-stuffing, and finding where a multi-line response ends (RFC 1939 §3).

use super::word;
use crate::part::part;

/// Takes the content of a multi-line response out of the octets after its first line, wherever they are cut.
///
/// A line begins only after CRLF, and the response ends only at the exact line `.` CRLF: a stored `LF . LF` is
/// content, so it can't cut a message short and pass its tail off as responses. One leading dot is taken from each
/// line that begins with one, whatever follows it; all other octets stay as they are, CRLF included.
///
/// ```
/// use pop3_proto::wire::Unstuffer;
///
/// let mut unstuffer = Unstuffer::new();
/// let mut input = b"one\r\n..two\r\n.\r\n+OK".as_slice();
/// let mut message = Vec::new();
/// loop {
///     let part = unstuffer.next(input);
///     message.extend_from_slice(part.content);
///     input = &input[part.consumed..];
///     if part.ended {
///         break;
///     }
/// }
/// assert_eq!(message, b"one\r\n.two\r\n");
/// assert_eq!(input, b"+OK");
/// ```
#[derive(Clone, Default, Debug)]
pub struct Unstuffer {
    at: At,
}

/// Where in a line the octets taken so far end.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum At {
    #[default]
    LineStart,
    Inside,
    /// After a CR that was given out.
    Cr,
    /// After a dot at the start of a line.
    Dot,
    /// After a CR that follows such a dot.
    DotCr,
}

/// A part of the content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unstuffed<'a> {
    /// Octets of the content: borrowed from the input but for a rare CR, and empty at times.
    pub content: &'a [u8],
    /// How many octets of the input are dealt with.
    pub consumed: usize,
    /// Whether the response ends here. What is left of the input belongs to the next one.
    pub ended: bool,
}

impl Unstuffer {
    /// Creates an unstuffer that starts after the first line of a response.
    pub const fn new() -> Self {
        Self { at: At::LineStart }
    }

    /// Returns the next part of the content, out of the front of `input`. Deals with at least one octet, unless there
    /// is none or it gives out a CR that came before.
    #[inline]
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Unstuffed<'a> {
        let mut start = 0;
        if self.at == At::LineStart && input.first() == Some(&b'.') {
            self.at = At::Dot;
            start = 1;
        }
        match (self.at, input.get(start)) {
            (At::Dot, Some(b'\r')) => {
                self.at = At::DotCr;
                start += 1;
            }
            (At::Dot, Some(_)) => self.at = At::Inside,
            _ => {}
        }
        match (self.at, input.get(start)) {
            (_, None) => return Unstuffed { content: &[], consumed: start, ended: false },
            (At::DotCr, Some(b'\n')) => return Unstuffed { content: &[], consumed: start + 1, ended: true },
            (At::DotCr, Some(_)) => {
                self.at = At::Inside;
                return Unstuffed { content: b"\r", consumed: start, ended: false };
            }
            _ => {}
        }
        let content = self.run(part(input, start..));
        Unstuffed { content, consumed: start + content.len(), ended: false }
    }

    /// Returns content up to the end of a line that a dot follows, or all there is.
    #[inline]
    fn run<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        if self.at == At::Cr && text.starts_with(b"\n.") {
            self.at = At::LineStart;
            return part(text, ..1);
        }
        if let Some(cr) = word::find(text, b"\r\n.") {
            self.at = At::LineStart;
            return part(text, ..cr + 2);
        }
        self.at = match (self.at, text) {
            (_, [.., b'\r', b'\n']) | (At::Cr, [b'\n']) => At::LineStart,
            (_, [.., b'\r']) => At::Cr,
            _ => At::Inside,
        };
        text
    }
}
