//! Octets and values, without a session: the wire's forms, the lines of SASL, and headers of the PROXY protocol. And the
//! rules, and which tests show them.

#![expect(unreachable_pub, reason = "the modules share what is `pub`")]

mod commands;
mod common;
mod listings;
mod modules;
mod proxy_header;
mod proxy_headers;
mod proxy_tlvs;
mod readme;
mod responses;
mod rules;
mod sasl_bearer;
mod sasl_bearer_failure;
mod sasl_identities;
mod sasl_lines;
mod sasl_passwords;
mod unstuffing;
