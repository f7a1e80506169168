//! What a program says on stderr.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Writes one line to stderr. Names of files and errors of others may hold line ends and other control characters,
/// which are escaped.
pub fn report(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}", one_line(line));
}

fn one_line(text: impl Display) -> String {
    let text = text.to_string();
    text.chars().fold(String::with_capacity(text.len()), |mut line, character| {
        if character.is_control() {
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
        line
    })
}

/// The end of the program: nothing to say when all is well, else one line on stderr.
pub fn exit_code(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
