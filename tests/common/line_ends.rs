//! The lines of messages once more, as plainly as they can be said, to compare the crate with.

/// The lines of a text, each with its LF.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&octet| octet == b'\n')
}

/// A stored message with CRLF line ends, the last one included.
pub fn normalise(stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines(stored) {
        let line = match line {
            [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => line,
            unfinished => unfinished,
        };
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}
