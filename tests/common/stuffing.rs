//! Byte-stuffing once more, as plainly as it can be said, to compare the crate with.

use super::lines;

/// A normalised message as it goes out, the line that ends the response included.
pub fn stuff(normalised: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines(normalised) {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Takes the content of a multi-line response, up to the line of one dot.
pub fn unstuff(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = take_line(rest)?;
        if line == b"." {
            return Some(content);
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        content.extend_from_slice(b"\r\n");
    }
}

/// Takes a line, without its CRLF.
pub fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, after) = (&rest[..end], &rest[end + 2..]);
    *rest = after;
    Some(line)
}

/// Every string over `alphabet` of up to `max` octets.
pub fn strings(alphabet: &[u8], max: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut start = 0;
    for _ in 0..max {
        let end = all.len();
        for i in start..end {
            for &octet in alphabet {
                let longer = [all[i].as_slice(), &[octet]].concat();
                all.push(longer);
            }
        }
        start = end;
    }
    all
}
