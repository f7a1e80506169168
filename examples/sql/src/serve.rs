//! Listens, and serves whoever comes until it's time to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapter::tokio::serve as serve_client;
use pop3_proto::server::{Config, Session};
use pop3_proto::wire::Mechanism;
use support::listening::{self, Listening};
use support::scram::Nobody;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::connection::{Connection, Server};
use crate::front_end::FrontEnd;
use crate::passwords::{ITERATIONS, Passwords};
use crate::stop::Stop;
use crate::store::Store;

#[path = "../../tokio/accept.rs"]
mod accept;
#[path = "../../tokio/stop.rs"]
mod stop_signal;

/// How long a server that was told to stop waits for those who are in the middle of something.
const GRACE: Duration = Duration::from_secs(3);

/// How long it then takes at most to free the maildrops. Both together are less than five seconds.
const SIGN_OFF: Duration = Duration::from_secs(1);

/// How often to look whether all have ended.
const TICK: Duration = Duration::from_millis(20);

/// As many connections as anybody should need.
const OPEN_FILES: u64 = 65_536;

/// The most octets of responses that wait for a client: some short messages go out at once.
const OUTPUT: u32 = 48 * 1024;

/// What it takes to begin a session.
struct Beginning<S> {
    server: Arc<Server<S>>,
    config: Arc<Config>,
    require_tls: bool,
    /// Cloned by each connection, so it tells how many there are.
    connections: Arc<()>,
}

/// Serves until there is a signal to stop.
pub async fn serve<S: Store>(store: S, listening: &Listening, lease: Duration) -> io::Result<()> {
    let stop_signal = stop_signal::stop_signal()?;
    // Many systems allow 1,024 open files at first. Where there may not be more, fewer connections are served.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let tls = listening.tls()?.map(TlsAcceptor::from);
    let config = Config::new().stls(tls.is_some()).output_limit(OUTPUT).map_err(io::Error::other)?;
    let config = listening::offer(config, Mechanism::SCRAM_SHA_256, listening.require_tls)?;
    let plain = accept::listen(&listening.listen)?;
    let implicit_tls = listening.tls_listen.as_deref().map(accept::listen).transpose()?;
    let passwords = Passwords::new()?;
    let secret = store.secret().await.map_err(io::Error::other)?;
    let nobody = Nobody::new(secret.expose(), ITERATIONS);
    let front_end = FrontEnd::sign_on(Arc::new(store), lease).await.map_err(io::Error::other)?;
    let server = Arc::new(Server { front_end, passwords, nobody, tls, stop: Stop::default() });
    keep_house(&server);

    let beginning = Arc::new(Beginning {
        server: Arc::clone(&server),
        config: Arc::new(config),
        require_tls: listening.require_tls,
        connections: Arc::default(),
    });
    let tls_address = implicit_tls.as_ref().map(TcpListener::local_addr).transpose()?;
    listening::announce(plain.local_addr()?, tls_address);
    tokio::select! {
        () = accept::accept(Some(&plain), |socket, peer| beginning.converse(socket, peer, false)) => {}
        () = accept::accept(implicit_tls.as_ref(), |socket, peer| beginning.converse(socket, peer, true)) => {}
        () = stop_signal => {}
    }
    drop((plain, implicit_tls));
    server.stop.begin();
    let all_have_ended = async {
        while Arc::strong_count(&beginning.connections) > 1 {
            sleep(TICK).await;
        }
    };
    // Those that are still busy after this are cut off, and have lost their locks before that.
    let _ = timeout(GRACE, all_have_ended).await;
    // Where this fails, the maildrops are free when the lease is over.
    let _ = timeout(SIGN_OFF, server.front_end.sign_off()).await;
    Ok(())
}

/// Starts what happens beside all connections.
fn keep_house<S: Store>(server: &Arc<Server<S>>) {
    let of = |server: &Arc<Server<S>>| Arc::clone(server);
    let (lease, locks, sweep) = (of(server), of(server), of(server));
    tokio::spawn(async move { lease.front_end.keep_lease(|news| support::report(news)).await });
    tokio::spawn(async move { locks.front_end.release_locks().await });
    tokio::spawn(async move { sweep.front_end.sweep().await });
}

impl<S: Store> Beginning<S> {
    /// Begins to serve a client.
    fn converse(&self, socket: TcpStream, peer: SocketAddr, implicit_tls: bool) {
        let security = listening::security_of(peer, self.require_tls);
        let session = Session::with_exchange(Arc::clone(&self.config), security);
        let mut session = session.with_implicit_tls(implicit_tls);
        let mut connection = Connection::new(Arc::clone(&self.server), Arc::clone(&self.connections));
        tokio::spawn(async move {
            socket.set_nodelay(true)?;
            serve_client(&mut connection, &mut session, Box::new(socket)).await;
            io::Result::Ok(())
        });
    }
}
