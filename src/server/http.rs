//! What browsers send where they should never have been led.

/// The methods of RFC 9110 §9 that have a path. CONNECT has none, and is known by its version.
const METHODS: [&[u8]; 8] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH"];

/// Whether a line that is no command begins an HTTP request (RFC 9112 §3): a web page can make a browser send one to any
/// address, with lines of POP3 in its body.
///
/// Either it ends with HTTP's version, whatever the method is; or it begins with a well-known method and something that
/// only HTTP asks for, a path, `*` or a URL. Of a line that isn't `whole` only the front is known, and more or less of
/// it; so only its first octets count.
pub(super) fn begins_request(line: &[u8], whole: bool) -> bool {
    let Some((method, target)) = memchr::memchr(b' ', line).and_then(|space| line.split_at_checked(space)) else {
        return false;
    };
    let has_path = [b" /".as_slice(), b" *", b" http"].iter().any(|start| target.starts_with(start));
    (has_path && METHODS.contains(&method)) || (whole && !method.is_empty() && has_version(target))
}

/// Whether what follows the method ends with HTTP's version as a word of its own.
fn has_version(target: &[u8]) -> bool {
    match target.trim_ascii_end().split_last_chunk::<9>() {
        Some((_, &[b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor])) => {
            major.is_ascii_digit() && minor.is_ascii_digit()
        }
        _ => false,
    }
}
