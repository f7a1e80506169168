//! The blocking client carries plans to fetch out.

#[path = "common/fetches.rs"]
mod fetches;

use std::net::SocketAddr;

use adapter::Error;
use adapter::blocking::{Client, Fetched};
use pop3_proto::client::{Fetch, Login};

use fetches::Memory;

fn carry_out(server: SocketAddr, login: Option<Login>, plan: Fetch, store: &mut Memory) -> Result<Fetched, Error> {
    let mut client = Client::connect(server).unwrap();
    if let Some(mut login) = login {
        client.log_in(&mut login)?;
    }
    client.fetch(plan, store)
}
