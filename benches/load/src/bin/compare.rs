//! Measures this project's servers beside a floor and Dovecot, in turns, and writes the report.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{PathBuf, absolute};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use load::Result;
use load::report::{DOVECOT, FLOOR, Report};
use load::row::{Effort, Row, rows};
use load::servers::Server;

/// Measures servers in turns, and prints the figures
///
/// Ratios are of figures of the same round, as times vary from minute to minute.
#[derive(Parser)]
struct Args {
    /// Measure less, to see whether everything works
    #[arg(long)]
    quick: bool,
    /// How many rounds; memory is measured in the first one only [default: 5, or 1 with --quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Where the Maildirs are made, and kept for the next time
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir().join("pop3-load"))]
    maildirs: PathBuf,
    /// Another server that takes --listen and --user, such as another build; may be given more than once
    #[arg(long = "server", value_name = "NAME=PROGRAM")]
    servers: Vec<String>,
    /// Put the table into DIR/README.md, and plots into DIR/plots
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Rows, as `load --help` has them, instead of all
    rows: Vec<Row>,
}

fn main() -> ExitCode {
    load::exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let open_files = load::allow_open_files();
    let servers = servers(args)?;
    let rows = if args.rows.is_empty() { rows(args.quick, open_files) } else { args.rows.clone() };
    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 5 });
    let effort = Effort::new(args.quick);
    let maildirs = absolute(&args.maildirs)?;
    let (idle, busy): (Vec<Row>, Vec<Row>) = rows.iter().partition(|row| matches!(row, Row::Idle(_)));
    let bar = load::progress_bar(rows.len() + (busy.len() * rounds + idle.len()) * servers.len());
    for row in &rows {
        bar.set_message(format!("Maildirs for {row}"));
        row.make_maildirs(&maildirs)?;
        bar.inc(1);
    }

    let mut figures: BTreeMap<Row, Vec<Vec<f64>>> = BTreeMap::new();
    // Memory depends on what a server has done before, so each of these has a server of its own.
    for row in idle {
        for (index, server) in servers.iter().enumerate() {
            bar.set_message(format!("{row} {}", server.name));
            let running = server.start(&row.accounts(), &maildirs)?;
            let figure = row.measure(&running.target, effort).with_context(|| server.name.clone())?;
            figures.entry(row).or_insert_with(|| vec![Vec::new(); servers.len()])[index].push(figure);
            bar.inc(1);
        }
    }
    let accounts: Vec<_> = busy.iter().flat_map(|row| row.accounts()).collect();
    let running = servers.iter().map(|server| server.start(&accounts, &maildirs)).collect::<Result<Vec<_>>>()?;
    for round in 0..rounds {
        for row in &busy {
            for turn in 0..servers.len() {
                // Nobody is always the first.
                let index = (turn + round) % servers.len();
                bar.set_message(format!("{row} {}", servers[index].name));
                let figure =
                    row.measure(&running[index].target, effort).with_context(|| servers[index].name.clone())?;
                figures.entry(*row).or_insert_with(|| vec![Vec::new(); servers.len()])[index].push(figure);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();

    let names = servers.iter().map(|server| server.name.clone()).collect();
    let dovecot = servers.iter().find(|server| server.name == DOVECOT);
    let report = Report::new(names, figures, dovecot.map(Server::version).transpose()?);
    io::stdout().write_all(report.table().as_bytes())?;
    if let Some(directory) = &args.write {
        report.write(directory)?;
    }
    Ok(())
}

/// Returns the servers: this project's, of the same build as this program, those of the command line, and the others.
fn servers(args: &Args) -> Result<Vec<Server>> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("this program is in no folder")?;
    let mut servers: Vec<_> =
        ["server_tokio", "server_std"].map(|name| Server::new(name, folder.join("examples").join(name))).into();
    for server in &args.servers {
        let (name, program) = server.split_once('=').with_context(|| format!("{server}: not NAME=PROGRAM"))?;
        servers.push(Server::new(name, program.into()));
    }
    servers.push(Server::new(FLOOR, folder.join(FLOOR)));
    match Server::dovecot(DOVECOT) {
        Some(dovecot) => servers.push(dovecot),
        None => eprintln!("Dovecot isn't installed, so nothing is compared with it"),
    }
    Ok(servers)
}
