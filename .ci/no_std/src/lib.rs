//! Uses the crate where there is no `std`.
#![no_std]

use core::panic::PanicInfo;
use core::time::Duration;

use pop3_proto::server::{Action, Maildrop, Session};

/// Anything that needs all layers of the crate.
pub fn poll<M: Maildrop>(session: &mut Session<M>) -> bool {
    matches!(session.poll(Duration::ZERO), Action::Close(_))
}

/// `std` has one of its own.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
