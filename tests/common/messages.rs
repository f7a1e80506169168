//! Messages that are hard to handle.

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
