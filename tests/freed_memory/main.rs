//! A secret that a session was given is in no memory that is given back, nor in any that is in use once it has served its
//! purpose (R-GEN-07). That is what an allocator sees; `tests/security/secrets*.rs` and `tests/client/secrets.rs` look
//! at what sessions let out.

mod client;
mod client_talk;
mod server;
mod server_talk;

use std::hint::black_box;

use pop3_proto::Secret;
use pop3_proto::auth::apop;
#[cfg(unix)]
use pop3_proto::auth::sasl::CramMd5;
use pop3_proto::auth::sasl::base64;
#[cfg(unix)]
use pop3_proto::wire::Name;
use pop3_proto::wire::Timestamp;
use searching_allocator::{Search, pause};

const SECRET: &str = "Qx7!vK2$mZ9#pL4%wT8&bN3^Jc6*Rf5:yD1;hG0(kS_?uV4@";
const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

/// How many octets are read or written at a time.
const SIZES: [usize; 4] = [usize::MAX, 1, 11, 29];

/// What becomes of a connection over which no more octets come.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    HangsUp,
    FallsSilent,
    /// The session is dropped.
    Dropped,
}

const ENDS: [End; 3] = [End::HangsUp, End::FallsSilent, End::Dropped];

fn encoded(octets: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(octets.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

/// The digest that APOP sends.
fn apop_digest() -> apop::Digest {
    apop::digest(&Timestamp::new(TIMESTAMP).unwrap(), SECRET.as_bytes())
}

/// A search for the secret, for what is said beside it, and for digests that are as good as it; all in base64 as well.
fn search(others: &[&str], digests: &[apop::Digest]) -> Search {
    let mut forms: Vec<Vec<u8>> = [&[SECRET], others].concat().iter().map(|text| text.as_bytes().to_vec()).collect();
    for digits in digests.iter().map(|digest| digest.to_hex()) {
        forms.extend([digits.to_vec(), digits.to_ascii_uppercase()]);
    }
    let plain = forms.clone();
    for form in &plain {
        // In base64 it looks different at each of three places.
        for before in ["", "?", "??"] {
            let text = encoded([before.as_bytes(), form].concat());
            forms.push(text.as_bytes()[4..text.len() - 4].to_vec());
        }
    }
    Search::of(forms)
}

#[test]
fn a_secret_is_wiped_however_it_was_made() {
    // R-GEN-07
    let search = search(&[], &[]);
    search.run(|| {
        drop(Secret::from(SECRET));
        drop(Secret::from(SECRET.as_bytes()).clone());
        // The vector has room to spare, or none.
        for spare in [0, 1, 100] {
            let mut octets = Vec::with_capacity(SECRET.len() + spare);
            octets.extend_from_slice(SECRET.as_bytes());
            drop(Secret::from(octets));
        }
    });
    assert_eq!(search.freed(), None);
}

#[cfg(unix)]
#[test]
fn no_copy_of_a_secret_is_left_on_the_stack() {
    // R-GEN-07
    // Registers that hold eight octets are spilled onto it, so the pieces are longer.
    let stack_holds = |octets: &str, run: &mut (dyn FnMut() + Send)| {
        let stack = searching_allocator::stack_after(run);
        octets.as_bytes().windows(16).step_by(4).any(|piece| memchr::memmem::find(&stack, piece).is_some())
    };
    // Less than is encoded in one go, so nothing overwrites it.
    let octets = SECRET.repeat(3);
    let text = encoded(&octets);
    let (mut place, mut out) = (text.clone().into_bytes(), Vec::with_capacity(300));
    assert!(!stack_holds(&text, &mut || assert!(base64::decode(&mut place).is_ok())));
    for form in [&octets, &text] {
        assert!(!stack_holds(form, &mut || base64::encode(octets.as_str(), &mut out)));
    }
    // What is hashed is in one block of MD5, which has 64 octets, or begins another one.
    let (name, short) = (Name::new("mrose").unwrap(), &SECRET[..28]);
    for before in [0, 64] {
        let password = "x".repeat(before) + short;
        assert!(!stack_holds(short, &mut || {
            let _ = CramMd5::new(name, TIMESTAMP.as_bytes(), password.as_bytes());
        }));
    }
    let timestamp = Timestamp::new(TIMESTAMP).unwrap();
    assert!(!stack_holds(short, &mut || {
        let _ = apop::digest(&timestamp, short.as_bytes());
    }));
    // It would be found.
    assert!(stack_holds(SECRET, &mut || {
        let mut copy = [0; SECRET.len()];
        copy.copy_from_slice(black_box(SECRET).as_bytes());
        black_box(&mut copy);
    }));
}

#[test]
fn the_search_finds_what_is_left() {
    let check = |leave: &dyn Fn()| {
        let search = search(&[], &[]);
        search.run(leave);
        search.freed().is_some()
    };
    let half = &SECRET.as_bytes()[9..33];
    assert!(check(&|| drop(black_box(SECRET.to_owned()))));
    assert!(check(&|| drop(black_box(half.to_vec()))));
    assert!(!check(&|| drop(black_box(half[1..].to_vec()))));
    // Beyond the length of a vector, and where it was before it moved.
    assert!(check(&|| black_box(&mut SECRET.as_bytes().to_vec()).clear()));
    for octets in [10, 1_000] {
        assert!(check(&|| {
            let mut text = Vec::with_capacity(100);
            text.extend_from_slice(half);
            black_box(&mut text).shrink_to(octets);
            black_box(&mut text).reserve_exact(octets);
            black_box(&mut text).fill(0);
        }));
    }
    for before in 0..6 {
        let text = encoded([&b"abcdef"[..before], SECRET.as_bytes(), b"mrose"].concat());
        assert!(check(&|| drop(black_box(text.clone()))), "{text}");
    }
    // While it is in use, and not after that.
    let search = search(&[], &[]);
    search.run(|| {
        assert_eq!(search.in_use(), None);
        let mut text = black_box(SECRET.as_bytes().to_vec());
        assert!(search.in_use().is_some());
        black_box(&mut text).fill(0);
        assert_eq!(search.in_use(), None);
        // What a test allocates for itself doesn't count.
        let own = black_box(pause(|| SECRET.to_owned()));
        assert_eq!(search.in_use(), None);
        drop(own);
    });
    assert_eq!(search.freed(), None);
}
