//! The client of tokio carries plans to fetch out.

#[path = "common/fetches.rs"]
mod fetches;

use std::io::{self, Write as _};
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use adapter::tokio::{Client, Fetched, Store};
use adapter::{BoxError, Error, blocking};
use pop3_proto::client::{Choice, Fetch, ListedMessage, Login};
use tokio::io::AsyncWrite;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use fetches::{Memory, Partial};

impl AsyncWrite for Partial {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(octets))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A store that takes its time.
struct Slow(Memory);

impl Store for Slow {
    type Message = Partial;

    async fn unique_ids(&mut self) -> Result<Vec<Vec<u8>>, BoxError> {
        yield_now().await;
        blocking::Store::unique_ids(&mut self.0)
    }

    fn deletes(&self) -> bool {
        blocking::Store::deletes(&self.0)
    }

    fn choose(&mut self, message: &ListedMessage, is_stored: bool) -> Choice {
        blocking::Store::choose(&mut self.0, message, is_stored)
    }

    async fn begin(&mut self, message: &ListedMessage) -> Result<Partial, BoxError> {
        yield_now().await;
        blocking::Store::begin(&mut self.0, message)
    }

    async fn save(&mut self, message: Partial, listed: &ListedMessage) -> Result<(), BoxError> {
        yield_now().await;
        blocking::Store::save(&mut self.0, message, listed)
    }

    async fn sync(&mut self) -> Result<(), BoxError> {
        yield_now().await;
        blocking::Store::sync(&mut self.0)
    }

    async fn save_header(&mut self, header: Partial, listed: &ListedMessage) -> Result<(), BoxError> {
        yield_now().await;
        blocking::Store::save_header(&mut self.0, header, listed)
    }

    async fn forget(&mut self, unique_ids: &[Vec<u8>]) -> Result<(), BoxError> {
        yield_now().await;
        blocking::Store::forget(&mut self.0, unique_ids)
    }
}

/// In a task of its own, as a program would have it.
fn carry_out(server: SocketAddr, login: Option<Login>, plan: Fetch, store: &mut Memory) -> Result<Fetched, Error> {
    let mut slow = Slow(mem::take(store));
    let task = async move {
        let mut client = Client::connect(server).await.unwrap();
        if let Some(mut login) = login {
            client.log_in(&mut login).await.unwrap();
        }
        let fetched = client.fetch(plan, &mut slow).await;
        (fetched, slow)
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (fetched, slow) = runtime.block_on(runtime.spawn(task)).unwrap();
    *store = slow.0;
    fetched
}
