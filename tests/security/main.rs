//! Attacks on the server and what they may take, and secrets: where they go, and where they don't.

#![expect(unreachable_pub, reason = "the modules share what is `pub`")]

mod attacks;
mod attacks_on_logins;
mod bounded_exchanges;
mod bounded_memory;
mod common;
mod secrets;
mod secrets_sasl;
mod secrets_trace;
mod send;
mod stls_forgets;
