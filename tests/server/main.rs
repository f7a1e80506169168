//! The server: each command, each state, each end.

#![expect(unreachable_pub, reason = "the modules share what is `pub`")]

mod abort;
mod autologout;
mod backpressure;
mod broken_maildrops;
mod common;
mod decline;
mod greeting;
mod hand_over;
mod hand_over_sasl;
mod host_policy;
mod invariance;
mod leniency;
mod lent;
mod limits;
mod logs;
mod measure;
mod multi_line_table;
mod pipelining;
mod rfc1939_apop;
mod rfc1939_authorization;
mod rfc1939_framing;
mod rfc1939_session;
mod rfc1939_transaction;
mod rfc1939_update;
mod rfc2449_capa;
mod rfc2449_response_codes;
mod rfc2595_stls;
mod rfc5034_exchange;
mod rfc5034_offers;
mod rfc5034_outcomes;
mod rfc5034_passwords;
mod rfc6856_lang;
mod rfc6856_utf8;
mod store_results;
mod stuffing;
mod tls;
mod top;
mod transcripts;
