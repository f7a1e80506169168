//! Instructions for each unit of work, counted by `valgrind --tool=callgrind` as the difference between two sizes of
//! input.
//!
//! Unlike times, the counts are the same whatever else the machine does. `cargo bench --bench instructions` prints them
//! beside their goals and fails where one is missed; with `-- --test` each workload runs once, without valgrind.

mod support;

use std::hint::black_box;
use std::process::{Command, ExitCode};

use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{self, Framed, LineEnds, LineScanner, WireSize};
use support::{Dialogues, Index, Mail, client, command_lines, drive, logged_in, receive, said, stuffed, unstuff};

/// The units of a piece of work that are counted, and the work.
type Prepared = (u64, Box<dyn FnOnce()>);

/// A piece of work that can be done in any size.
struct Workload {
    name: &'static str,
    unit: &'static str,
    /// Two sizes, in units.
    sizes: [usize; 2],
    /// The most instructions for a unit.
    goal: f64,
    /// Prepares the work of a size.
    prepare: fn(usize) -> Prepared,
}

const MAIL: [usize; 2] = [4_000_000, 8_000_000];

const WORKLOADS: &[Workload] = &[
    Workload { name: "split lines", unit: "line", sizes: [20_000, 60_000], goal: 72.0, prepare: split_lines },
    Workload { name: "parse commands", unit: "command", sizes: [20_000, 60_000], goal: 155.0, prepare: parse_commands },
    Workload { name: "answer commands", unit: "command", sizes: [20_000, 60_000], goal: 400.0, prepare: commands },
    Workload { name: "whole session", unit: "session", sizes: [100, 300], goal: 105_000.0, prepare: sessions },
    Workload {
        name: "encode prose, CRLF vouched",
        unit: "octet",
        sizes: MAIL,
        goal: 0.5,
        prepare: |n| encode(n, Mail::Prose, LineEnds::Crlf),
    },
    Workload {
        name: "encode prose",
        unit: "octet",
        sizes: MAIL,
        goal: 0.89,
        prepare: |n| encode(n, Mail::Prose, LineEnds::Unknown),
    },
    Workload {
        name: "encode base64",
        unit: "octet",
        sizes: MAIL,
        goal: 0.75,
        prepare: |n| encode(n, Mail::Base64, LineEnds::Unknown),
    },
    Workload {
        name: "encode LF prose",
        unit: "octet",
        sizes: MAIL,
        goal: 2.6,
        prepare: |n| encode(n, Mail::ProseLf, LineEnds::Unknown),
    },
    Workload {
        name: "encode dots",
        unit: "octet",
        sizes: MAIL,
        goal: 14.5,
        prepare: |n| encode(n, Mail::Dots, LineEnds::Unknown),
    },
    Workload {
        name: "encode dots, CRLF vouched",
        unit: "octet",
        sizes: MAIL,
        goal: 14.5,
        prepare: |n| encode(n, Mail::Dots, LineEnds::Crlf),
    },
    Workload {
        name: "encode LF dots",
        unit: "octet",
        sizes: MAIL,
        goal: 18.5,
        prepare: |n| encode(n, Mail::DotsLf, LineEnds::Unknown),
    },
    Workload { name: "TOP of all prose", unit: "octet", sizes: MAIL, goal: 1.2, prepare: |n| top(n, Mail::Prose) },
    Workload { name: "TOP of all dots", unit: "octet", sizes: MAIL, goal: 15.0, prepare: |n| top(n, Mail::Dots) },
    Workload { name: "decode prose", unit: "octet", sizes: MAIL, goal: 0.4, prepare: |n| decode(n, Mail::Prose) },
    Workload { name: "decode dots", unit: "octet", sizes: MAIL, goal: 18.5, prepare: |n| decode(n, Mail::Dots) },
    Workload { name: "count prose", unit: "octet", sizes: MAIL, goal: 0.8, prepare: |n| count(n, Mail::Prose) },
    Workload { name: "LIST", unit: "line", sizes: [100_000, 300_000], goal: 185.7, prepare: |n| list(n, b"LIST\r\n") },
    Workload { name: "UIDL", unit: "line", sizes: [100_000, 300_000], goal: 190.7, prepare: |n| list(n, b"UIDL\r\n") },
    Workload {
        name: "client: prose",
        unit: "octet",
        sizes: MAIL,
        goal: 0.58,
        prepare: |n| client_body(n, Mail::Prose),
    },
    Workload { name: "client: dots", unit: "octet", sizes: MAIL, goal: 31.0, prepare: |n| client_body(n, Mail::Dots) },
    Workload {
        name: "client: LIST",
        unit: "line",
        sizes: [100_000, 300_000],
        goal: 136.0,
        prepare: |n| client_list(n, &wire::Command::List { message: None }, b"LIST\r\n"),
    },
    Workload {
        name: "client: UIDL",
        unit: "line",
        sizes: [100_000, 300_000],
        goal: 173.0,
        prepare: |n| client_list(n, &wire::Command::Uidl { message: None }, b"UIDL\r\n"),
    },
    Workload {
        name: "UIDL by itoa and copy",
        unit: "line",
        sizes: [100_000, 300_000],
        goal: f64::INFINITY,
        prepare: itoa_lines,
    },
];

fn split_lines(count: usize) -> Prepared {
    let lines = command_lines(count);
    let work = move || {
        let mut scanner = LineScanner::new(2_048);
        let mut rest = lines.as_slice();
        while let Framed::Line { octets, content, .. } = scanner.scan(rest) {
            black_box(content);
            rest = &rest[octets..];
        }
        assert!(rest.is_empty());
    };
    (count as u64, Box::new(work))
}

/// Framing, parsing, and a branch for each verb: what any server does before it does something.
fn parse_commands(count: usize) -> Prepared {
    let lines = command_lines(count);
    let work = move || {
        let mut scanner = LineScanner::new(2_048);
        let mut rest = lines.as_slice();
        let mut sum = 0;
        while let Framed::Line { octets, content, .. } = scanner.scan(rest) {
            sum += match wire::Command::parse(&rest[..content]).unwrap().value {
                wire::Command::List { message: Some(message) } | wire::Command::Dele { message } => message.get(),
                wire::Command::Noop => 1,
                wire::Command::Stat => 2,
                command => black_box(command).verb() as u32,
            };
            rest = &rest[octets..];
        }
        assert!(sum > 0);
    };
    (count as u64, Box::new(work))
}

fn commands(count: usize) -> Prepared {
    let lines = command_lines(count);
    let mut session = logged_in(Index::new(1_000));
    let work = move || {
        assert!(drive(&mut session, &lines, &mut None) > 0);
    };
    (count as u64, Box::new(work))
}

fn sessions(count: usize) -> Prepared {
    let dialogues = Dialogues::new(count);
    (count as u64, Box::new(move || assert!(dialogues.run() > 20_000 * count as u64)))
}

fn encode(octets: usize, mail: Mail, line_ends: LineEnds) -> Prepared {
    transfer(octets, mail, line_ends, b"RETR 1\r\n")
}

fn top(octets: usize, mail: Mail) -> Prepared {
    transfer(octets, mail, LineEnds::Unknown, b"TOP 1 99999999\r\n")
}

fn transfer(octets: usize, mail: Mail, line_ends: LineEnds, command: &'static [u8]) -> Prepared {
    let mut message = b"\r\n".to_vec();
    message.extend(mail.make(octets));
    let octets = message.len() as u64;
    let mut session = logged_in(Index::of(message.into(), line_ends));
    (octets, Box::new(move || assert!(drive(&mut session, command, &mut None) > octets)))
}

fn decode(octets: usize, mail: Mail) -> Prepared {
    let wire = stuffed(mail.make(octets));
    (wire.len() as u64, Box::new(move || assert!(unstuff(&wire) > 0)))
}

fn count(octets: usize, mail: Mail) -> Prepared {
    let message = mail.make(octets);
    let work = move || {
        let mut size = WireSize::new();
        size.add(black_box(&message));
        assert!(size.octets() > 0);
    };
    (octets as u64, Box::new(work))
}

fn list(count: usize, command: &'static [u8]) -> Prepared {
    let mut session = logged_in(Index::new(u32::try_from(count).unwrap()));
    (count as u64, Box::new(move || assert!(drive(&mut session, command, &mut None) > count as u64)))
}

fn client_body(octets: usize, mail: Mail) -> Prepared {
    let mut session = client();
    session.send(&wire::Command::Retr { message: MessageNumber::FIRST }).unwrap();
    let reply = [b"+OK\r\n".to_vec(), stuffed(mail.make(octets))].concat();
    (reply.len() as u64, Box::new(move || assert!(receive(&mut session, &reply) > 0)))
}

fn client_list(count: usize, list: &wire::Command<'_>, line: &[u8]) -> Prepared {
    let mut session = client();
    session.send(list).unwrap();
    let reply = said(&mut logged_in(Index::new(u32::try_from(count).unwrap())), line);
    (count as u64, Box::new(move || assert_eq!(receive(&mut session, &reply), count as u64)))
}

/// What UIDL is held against: the same lines into a buffer of the same size, by a kept crate and copies.
fn itoa_lines(count: usize) -> Prepared {
    let index = Index::new(u32::try_from(count).unwrap());
    let work = move || {
        let mut buffer = Vec::with_capacity(16_384);
        for number in 1..=u32::try_from(count).unwrap() {
            if buffer.len() + 512 > buffer.capacity() {
                black_box(&buffer);
                buffer.clear();
            }
            buffer.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            buffer.push(b' ');
            buffer.extend_from_slice(index.id(number).as_bytes());
            buffer.extend_from_slice(b"\r\n");
        }
        black_box(&buffer);
    };
    (count as u64, Box::new(work))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--work", name, size] => {
            let workload = WORKLOADS.iter().find(|workload| workload.name == name).expect("a known workload");
            let (units, work) = (workload.prepare)(size.parse().expect("a size"));
            println!("{units}");
            measured(work);
            ExitCode::SUCCESS
        }
        ref arguments if arguments.contains(&"--test") => {
            for workload in WORKLOADS {
                measured((workload.prepare)(workload.sizes[0] / 100).1);
                println!("{}: ok", workload.name);
            }
            ExitCode::SUCCESS
        }
        ref arguments => compare(arguments.iter().find(|argument| !argument.starts_with('-')).copied().unwrap_or("")),
    }
}

/// Where counting begins and ends.
#[inline(never)]
fn measured(work: Box<dyn FnOnce()>) {
    black_box(work)();
}

/// Counts the workloads whose name holds `filter`, and prints a table.
fn compare(filter: &str) -> ExitCode {
    let mut missed = 0;
    println!("| work | instructions | goal |\n|---|---|---|");
    for workload in WORKLOADS.iter().filter(|workload| workload.name.contains(filter)) {
        let [small, large] = workload.sizes.map(|size| callgrind(workload.name, size));
        let each = (large.1 - small.1) / (large.0 - small.0);
        let goal = if workload.goal.is_finite() { format!("≤ {}", workload.goal) } else { "to compare".to_owned() };
        println!("| {} | {each:.2} per {} | {goal} |", workload.name, workload.unit);
        missed += u32::from(each > workload.goal);
    }
    if missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The units of a workload, and the instructions that it takes.
fn callgrind(name: &str, size: usize) -> (f64, f64) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=instructions::measured*")
        .arg(std::env::current_exe().expect("the path of this program"))
        .args(["--work", name, &size.to_string()])
        .output()
        .expect("valgrind runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let units = String::from_utf8_lossy(&output.stdout).trim().parse().expect("the units");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let instructions = report
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok())
        .expect("callgrind's count");
    (units, instructions)
}
