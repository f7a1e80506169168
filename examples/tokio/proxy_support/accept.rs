//! Connections that come in, on tokio, until somebody says stop.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use support::{cannot_listen, is_shortage, report};

/// How long a lack of open files may keep us.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn listen(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))
}

/// Gives each connection a task.
pub(crate) async fn accept<F>(listener: Option<&TcpListener>, serve: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let Some(listener) = listener else { return pending().await };
    loop {
        match listener.accept().await {
            // What goes wrong on a connection ends with it, and a peer that is gone is nothing to report.
            Ok((socket, peer)) => drop(tokio::spawn(serve(socket, peer))),
            Err(error) if is_shortage(&error) => {
                // Too many open files, most likely: let some connections end.
                report(format_args!("cannot serve a connection: {error}"));
                sleep(PAUSE).await;
            }
            Err(_) => {}
        }
    }
}
