//! What a program says on stderr.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Writes one line to stderr.
pub(crate) fn report(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The end of the program: nothing to say when all is well, else one line on stderr.
pub(crate) fn exit_code(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
