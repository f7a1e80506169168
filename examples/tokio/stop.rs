//! The signal that ends the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::time::sleep;

/// How often to look whether a signal has come.
const TICK: Duration = Duration::from_millis(100);

/// Starts to listen for SIGINT and SIGTERM, and gives the first of either.
pub(crate) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let told_to_stop = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&told_to_stop))?;
    }
    Ok(async move {
        while !told_to_stop.load(Ordering::Relaxed) {
            sleep(TICK).await;
        }
    })
}
