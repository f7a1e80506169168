//! The content of messages: line ends, byte-stuffing and TOP's cut, each on a whole message at once.

use pop3_proto::wire::LineEnds;

/// The message with CRLF line ends, the last one included.
pub fn normalise(message: &[u8]) -> Vec<u8> {
    let mut normal = Vec::new();
    for &octet in message {
        if octet == b'\n' && normal.last() != Some(&b'\r') {
            normal.push(b'\r');
        }
        normal.push(octet);
    }
    if !normal.is_empty() && !normal.ends_with(b"\n") {
        normal.extend_from_slice(b"\r\n");
    }
    normal
}

/// What a client has in hand after RETR where the store vouched for its line ends.
pub fn vouched(message: &[u8]) -> Vec<u8> {
    let end: &[u8] = if message.is_empty() || message.ends_with(b"\r\n") { b"" } else { b"\r\n" };
    [message, end].concat()
}

/// The octets of a multi-line response after its first line.
pub fn stuff(message: &[u8], line_ends: LineEnds) -> Vec<u8> {
    let content = match line_ends {
        LineEnds::Unknown => normalise(message),
        LineEnds::Crlf => vouched(message),
    };
    let mut wire = Vec::new();
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// The content of a multi-line response as far as it is certain, and how long the response is if it ends.
pub fn unstuff(wire: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut content = Vec::new();
    let mut at = 0;
    while at < wire.len() {
        let rest = &wire[at..];
        if rest.starts_with(b".\r\n") {
            return (content, Some(at + 3));
        }
        if rest == b"." || rest == b".\r" {
            break;
        }
        let end = rest.windows(2).position(|two| two == b"\r\n").map_or(rest.len(), |cr| cr + 2);
        content.extend_from_slice(rest[..end].strip_prefix(b".").unwrap_or(&rest[..end]));
        at += end;
    }
    (content, None)
}

/// What TOP shows of a message, and whether anything after it could be shown.
pub fn top(message: &[u8], lines: u64) -> (&[u8], bool) {
    let mut shown = 0;
    let mut left = None;
    for line in message.split_inclusive(|&octet| octet == b'\n') {
        shown += line.len();
        left = match left {
            None => matches!(line, b"\n" | b"\r\n").then_some(lines),
            Some(left) => Some(left - u64::from(line.ends_with(b"\n"))),
        };
        if left == Some(0) {
            return (&message[..shown], true);
        }
    }
    (message, false)
}
