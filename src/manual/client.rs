//! Prints the subject of each message on a server.
//!
//! ```text
//! cargo run --example client -- 127.0.0.1:1110 mrose tanstaaf
//! ```

use std::error::Error;
use std::process::ExitCode;

use adapter::blocking::Client;
use pop3_proto::client::{Login, Name, Password};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Err(error) = print_subjects(&arguments) else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn print_subjects(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [address, name, password] = arguments else { return Err("usage: client ADDR NAME PASSWORD".into()) };
    let mut client = Client::connect(address)?;
    client.log_in(&mut Login::new(Name::new(name)?, Password::new(password)?))?;
    for message in client.stat()?.numbers() {
        let mut header = Vec::new();
        client.top(message, 0, &mut header)?;
        let header = String::from_utf8_lossy(&header);
        let subject = header.lines().find_map(|line| line.strip_prefix("Subject: "));
        println!("{message} {}", subject.unwrap_or("(no subject)").escape_debug());
    }
    client.quit()?;
    Ok(())
}
