//! Checks a store of a host on tokio by what a client sees of it: for the host's own tests.

use std::error::Error;
use std::time::Duration;

use pop3_proto::client::Login;
use pop3_proto::server::{Action, Session};

use super::serve::{Host, answer};
use crate::check::{Visitor, compare};

/// Checks a maildrop, with messages in it, through three sessions: that it has the same messages under the same unique-ids each
/// time, that each message has as many octets as LIST announces, and that QUIT removes the first message, which a client has marked,
/// and no other. `session` makes sessions; `login` is a client's way to log in, over TLS.
///
/// # Errors
/// What is wrong, in a sentence.
pub async fn check<H: Host>(
    host: &mut H,
    session: impl Fn() -> Session<H::Maildrop, H::Exchange>,
    login: impl Fn() -> Login,
) -> Result<(), Box<dyn Error>> {
    let mut seen = Vec::new();
    for deletes in [false, true, false] {
        let (mut server, mut visitor) = (session(), Visitor::new(login(), deletes));
        loop {
            match server.poll(Duration::ZERO) {
                Action::Io(io) => visitor.transfer(io)?,
                Action::Close(_) => break,
                other => answer(other, host).await,
            }
        }
        seen.push(visitor.leave()?);
        compare(&seen)?;
    }
    Ok(())
}
