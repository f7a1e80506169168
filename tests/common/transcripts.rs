//! Whole sessions as data, read from `tests/transcripts`.

use std::path::Path;

/// Does something with each transcript of a kind, parsed; its name stands in front of what fails.
pub fn each_transcript<T>(kind: &str, parse: impl Fn(&str) -> T, check: impl Fn(&T)) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(kind);
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        println!("{}", file.display());
        check(&parse(&std::fs::read_to_string(file).unwrap()));
    }
}

/// The lines of a transcript: their first word, and what stands after it. Comments begin with `#`.
pub fn statements(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap_or((line, "")))
}

/// The octets that a line stands for: `\r`, `\n`, `\0`, `\t`, `\xNN` and `\\` are one each.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = text.bytes();
    let mut out = Vec::new();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'\\' => match octets.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'x' => {
                    let digits = [octets.next().unwrap(), octets.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            octet => octet,
        });
    }
    out
}

/// The octets that a line stands for, and CRLF.
pub fn unescape_line(text: &str) -> Vec<u8> {
    [unescape(text), b"\r\n".to_vec()].concat()
}

#[track_caller]
pub fn assert_text(left: &[u8], right: &[u8]) {
    assert!(left == right, "\n{}\nshould be\n{}", String::from_utf8_lossy(left), String::from_utf8_lossy(right));
}
