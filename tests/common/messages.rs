//! The rules for messages once more, as plainly as they can be said, to compare the crate with.

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
    let (line, behind) = (&rest[..end], &rest[end + 2..]);
    *rest = behind;
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

/// Messages that have made mail programs stumble.
pub fn tricky_messages() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = [
        "",
        ".",
        "..",
        ".\n",
        "\n.",
        "\n.\n",
        "\r\n.\r\n",
        ".\r\n",
        "..\r\n",
        "a",
        "a\n",
        "a\r\n",
        "\r",
        "\n",
        "\r\n",
        "\r\r\n",
        "a\r",
        "a\rb",
        "a\r.b",
        "\r.",
        "\n\r",
        "a\n.b\n",
        "a\r\n.b\r\n",
        "a\n.\nb\n",
        "a\n..\nb",
        "a\r\n.",
        ".\r",
        ".\r.\r\n",
        "H: 1\n\nbody\n",
        "H: 1\r\n\r\n.\r\n.\r\n",
        "H: 1\n\n.\n+OK not a reply\n",
        "mixed\r\nends\n.\r\n",
        "8-bit \u{fc}\n",
        "nul \0\n.\0\n",
        "H: 1\r\n\r\nno end",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    messages.push((0..=255).chain(b".\r\n".repeat(9)).collect());
    // Lengths at which a block, a copy or a search may begin or end.
    for length in [15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 511, 512, 513] {
        for end in [".", "\n", "\n.", "\r\n.", "\r\n", "\r", "\r.", "\n.\n", "\r\n.\r\n"] {
            messages
                .push([&b"x".repeat(length), end.as_bytes(), b".y\n", &b"z".repeat(length), end.as_bytes()].concat());
        }
    }
    messages
}
