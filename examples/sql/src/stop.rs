//! Whether it's time to stop.

use tokio::sync::watch;

/// Told once, and known to all from then on.
pub(crate) struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits for it.
    pub(crate) async fn begun(&self) {
        // The sender is here, so this can't fail.
        let _ = self.0.subscribe().wait_for(|has_begun| *has_begun).await;
    }
}
