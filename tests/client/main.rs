//! The client, by itself and against the server.

#![expect(unreachable_pub, reason = "the modules share what is `pub`")]

mod capabilities;
mod commands;
mod common;
mod deadlines;
mod decline;
mod docs;
mod endings;
mod failed_where;
mod fetch;
mod fetch_amount;
mod fetch_ids;
mod fetch_known;
mod fetch_odd;
mod fetch_proof;
mod invariance;
mod link;
mod listings;
mod login;
mod login_refused;
mod memory;
mod replies;
mod sasl;
mod secrets;
mod splice;
mod stls;
mod stop;
mod transcripts;
