//! For how long a client is worth an answer that takes long.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long messages are still measured for a client whose stream has ended: a script may have said all it has to say,
/// and still read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Since when a client's stream is known to have ended, if it is.
#[derive(Default)]
pub struct LastWords(OnceLock<Instant>);

impl LastWords {
    /// Whether the client may still wait for an answer. `has_ended` tells whether its stream has ended.
    pub fn is_awaited(&self, has_ended: bool) -> bool {
        if has_ended {
            self.0.get_or_init(Instant::now);
        }
        self.0.get().is_none_or(|since| since.elapsed() < LAST_WORDS)
    }
}
