//! Measures a POP3 server that listens on an address, in CPU, memory, and the time until the first octet.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use load::Result;
use load::process::Processes;
use load::row::{Effort, Row, Target, rows};

/// Measures a POP3 server that listens on an address
///
/// Rows are sessions, retr:OCTETS, pipelined, uidl:MESSAGES and idle:CONNECTIONS; without any, all of the report.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// Measure less, to see whether everything works
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the Maildirs of rows, and prints them as arguments --user NAME:PASSWORD:MAILDIR
    Maildirs { directory: PathBuf, rows: Vec<Row> },
    /// Measures rows, of a server that has these accounts
    Measure {
        #[arg(long, value_name = "ADDR")]
        connect: SocketAddr,
        /// A process whose CPU and memory count, with its children; may be given more than once
        #[arg(long = "pid", value_name = "PID", required = true)]
        processes: Vec<u32>,
        rows: Vec<Row>,
    },
}

fn main() -> ExitCode {
    load::exit_code(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let open_files = load::allow_open_files();
    let or_all = |some: Vec<Row>| if some.is_empty() { rows(args.quick, open_files) } else { some };
    match args.command {
        Command::Maildirs { directory, rows } => {
            let directory = absolute(directory)?;
            for row in or_all(rows) {
                row.make_maildirs(&directory)?;
                for account in row.accounts() {
                    writeln!(io::stdout(), "{}", account.arguments(&directory).join(" "))?;
                }
            }
        }
        Command::Measure { connect, processes, rows } => {
            let target = Target { address: connect, processes: Processes::new(processes) };
            let rows = or_all(rows);
            let bar = load::progress_bar(rows.len());
            for row in rows {
                bar.set_message(row.to_string());
                let value = row.measure(&target, Effort::new(args.quick))?;
                let line = format!("{:16} {:>12}  {}\n", row.to_string(), row.figure(value), row.title());
                bar.suspend(|| io::stdout().write_all(line.as_bytes()))?;
                bar.inc(1);
            }
            bar.finish_and_clear();
        }
    }
    Ok(())
}
