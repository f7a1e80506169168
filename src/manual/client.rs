//! Prints the subject of each message on a server.
//!
//! ```text
//! cargo run --example client -- 127.0.0.1:1110 mrose tanstaaf
//! ```

use std::error::Error;

use adapter::blocking::Client;
use pop3_proto::client::{Login, Name, Password};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, name, password] = &arguments[..] else { return Err("usage: client ADDR NAME PASSWORD".into()) };
    print_subjects(address, name, password).map_err(|error| error.to_string())
}

fn print_subjects(address: &str, name: &str, password: &str) -> Result<(), Box<dyn Error>> {
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
