//! Proofs of identity: what a peer computes and what the other side compares.

pub mod apop;
pub mod sasl;
