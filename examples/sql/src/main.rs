//! A POP3 server over a database that any number of servers share.
//!
//! ```text
//! cargo run --release -p server-sql -- add-user mrose
//! cargo run --release -p server-sql -- deliver mrose message.eml
//! cargo run --release -p server-sql -- serve
//! ```

use std::ffi::OsStr;
use std::io::{self, BufRead as _, Read as _};
use std::process::ExitCode;
use std::time::Duration;

use pop3_proto::Secret;
use server_sql::args::{Args, Command, Database};
use server_sql::deliver::{add_user, deliver};
use server_sql::postgres::Postgres;
use server_sql::serve::serve;
use server_sql::sqlite::Sqlite;
use server_sql::store::Store;
use tokio::runtime::Builder;

/// Why the program ends with an error.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// No password is longer: clients couldn't send it.
const PASSWORD: u64 = 1024;

fn main() -> ExitCode {
    let args = Args::parse_or_exit();
    support::exit_code(run(&args))
}

fn run(args: &Args) -> Result<(), Failure> {
    let database = args.database()?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match database {
            Database::Sqlite(path) => carry_out(Sqlite::open(&path)?, &args.command).await,
            Database::Postgres(url) => carry_out(Postgres::open(&url).await?, &args.command).await,
        }
    });
    runtime.shutdown_background(); // else it would wait for its threads, some of which may hang
    result
}

async fn carry_out(store: impl Store, command: &Command) -> Result<(), Failure> {
    match command {
        Command::AddUser { name } => add_user(&store, octets(name), &password()?).await?,
        Command::Deliver { name, files } => deliver(&store, octets(name), files).await?,
        Command::Serve { listening, lease } => serve(store, listening, Duration::from_secs(*lease)).await?,
    }
    Ok(())
}

/// The first line on stdin, without its end.
fn password() -> Result<Secret, Failure> {
    let mut line = Vec::with_capacity(1026); // so that none is copied as it grows
    io::stdin().lock().take(PASSWORD + 2).read_until(b'\n', &mut line)?;
    let password = line.strip_suffix(b"\n").unwrap_or(&line);
    let secret = Secret::from(password.strip_suffix(b"\r").unwrap_or(password));
    drop(Secret::from(line)); // which wipes it
    if secret.expose().len() as u64 > PASSWORD {
        return Err("the password is too long".into());
    }
    Ok(secret)
}

fn octets(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}
