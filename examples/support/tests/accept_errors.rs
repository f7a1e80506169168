//! What the example servers make of an `accept()` that fails.
#![cfg(unix)]

use std::io;

use rustix::io::Errno;
use support::is_shortage;

#[test]
fn only_a_lack_of_something_makes_others_wait() {
    // R-GEN-06
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
        assert!(is_shortage(&errno.into()), "{errno}");
    }
    let of_one_peer = [Errno::CONNABORTED, Errno::INTR, Errno::PERM, Errno::PROTO, Errno::NETDOWN, Errno::HOSTUNREACH];
    for errno in of_one_peer {
        assert!(!is_shortage(&errno.into()), "{errno}");
    }
    assert!(!is_shortage(&io::ErrorKind::ConnectionReset.into()));
}
