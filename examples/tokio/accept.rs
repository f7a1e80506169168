//! Connections that come in, on tokio, until somebody says stop.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use support::{is_shortage, report};

/// How long a lack of open files may keep us.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) fn listen(address: &str) -> io::Result<TcpListener> {
    let listener = support::listen(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Accepts connections, each of which is given to `serve`.
pub(crate) async fn accept(listener: Option<&TcpListener>, serve: impl Fn(TcpStream, SocketAddr)) {
    let Some(listener) = listener else { return pending().await };
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => serve(socket, peer),
            Err(error) if is_shortage(&error) => {
                // Too many open files, most likely: let some connections end.
                report(format_args!("cannot serve a connection: {error}"));
                sleep(PAUSE).await;
            }
            Err(_) => {} // that peer is gone
        }
    }
}
