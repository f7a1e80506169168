//! Measures whole POP3 servers: CPU, memory, and the time until the first octet of an answer.
//!
//! `load` measures one server that listens on an address. `compare` runs several servers over the same Maildirs and
//! writes the report. `floor` is the server that the others are compared with: it does the work and nothing else.
//! `benches/README.md` says how to run them.

#![expect(clippy::cast_precision_loss, reason = "no figure has as many digits as an f64")]

pub mod client;
pub mod maildir;
pub mod plot;
pub mod process;
pub mod report;
pub mod row;
pub mod servers;

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use rlimit::{Resource, increase_nofile_limit, setrlimit};

/// The result of whatever can fail here. An error is shown as one line.
pub type Result<T> = anyhow::Result<T>;

/// Ends a program: with one line on stderr if it failed.
#[must_use]
pub fn exit_code(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Allows this program, and those that it starts, as many open files as 10,000 sessions need, if it may. Returns how
/// many they may have.
#[must_use]
pub fn allow_open_files() -> usize {
    const ENOUGH: u64 = 65_536;
    // Only root may raise the hard limit.
    let allowed = match setrlimit(Resource::NOFILE, ENOUGH, ENOUGH) {
        Ok(()) => ENOUGH,
        Err(_) => increase_nofile_limit(ENOUGH).unwrap_or(0),
    };
    usize::try_from(allowed).unwrap_or(usize::MAX)
}

/// Returns a progress bar for `steps`, which shows only on a terminal.
#[must_use]
pub fn progress_bar(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    ProgressBar::new(steps as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Returns the median: the middle one, or the mean of the two in the middle. `None` if there is none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}
