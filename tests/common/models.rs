//! The rules of the wire once more, as plainly as they can be said, to compare the crate with.

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

/// The header of a normalised message, the blank line, and `count` lines more.
pub fn top(normalised: &[u8], count: usize) -> Vec<u8> {
    let header = lines(normalised).take_while(|line| *line != b"\r\n").count();
    lines(normalised).take(header.saturating_add(1).saturating_add(count)).flatten().copied().collect()
}

/// A response as a client understands it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub ok: bool,
    /// The first line without its end.
    pub line: String,
    /// The content, unstuffed.
    pub content: Option<Vec<u8>>,
}

/// Takes one response off the front of `output`; `None` unless it is there as a whole.
pub fn read_reply(output: &mut &[u8], multi_line: bool) -> Option<Reply> {
    let mut rest = *output;
    let line = take_line(&mut rest)?;
    let ok = line.starts_with(b"+OK");
    assert!(ok || line.starts_with(b"-ERR"), "no indicator: {}", line.escape_ascii());
    let content = if ok && multi_line { Some(unstuff(&mut rest)?) } else { None };
    *output = rest;
    Some(Reply { ok, line: String::from_utf8_lossy(line).into_owned(), content })
}

/// The responses to command lines: exactly one for each, and nothing more.
pub fn read_replies<'a>(mut output: &[u8], commands: impl IntoIterator<Item = &'a [u8]>) -> Vec<Reply> {
    let mut replies = Vec::new();
    for command in commands {
        let reply = read_reply(&mut output, is_multi_line(command));
        let Some(reply) = reply else { panic!("no whole reply to {}", command.escape_ascii()) };
        replies.push(reply);
    }
    assert!(output.is_empty(), "more than the replies: {}", output.escape_ascii());
    replies
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

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, behind) = (&rest[..end], &rest[end + 2..]);
    *rest = behind;
    Some(line)
}

/// Whether a good answer to this line goes on behind its first line.
fn is_multi_line(command: &[u8]) -> bool {
    let command = command.to_ascii_uppercase();
    let words: Vec<_> = command.trim_ascii().split(|&octet| octet == b' ').collect();
    match words[0] {
        b"RETR" | b"TOP" | b"CAPA" => true,
        b"LIST" | b"UIDL" => words.len() == 1,
        _ => false,
    }
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
