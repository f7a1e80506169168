//! What may be held while something is awaited, and moved to another thread.

use pop3_proto::server::Index;
use pop3_proto::{client, server};

/// Whether a type is `Send` is known when this is compiled.
fn is_send<T: Send>() {}

#[test]
fn sessions_and_tokens_may_go_to_another_thread_if_the_hosts_types_may() {
    type Maildrop = Index<String, i64, Vec<u8>>;
    is_send::<server::Session<Maildrop, String>>();
    is_send::<server::Action<'_, Maildrop, String>>();
    is_send::<server::Config>();
    is_send::<client::Session>();
    is_send::<client::Action<'_>>();
    is_send::<client::Login>();
    is_send::<client::Fetch>();
}
