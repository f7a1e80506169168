//! Throughput in octets, each group beside its physical limits: copying the same octets (`memcpy`) and looking for one
//! octet in them (`memchr`).

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{Command, Framed, LineEnds, LineScanner};
use support::{Index, Mail, client, command_lines, drive, logged_in, receive, said, stuffed, unstuff};

const SIZES: [(&str, usize); 3] = [("1 kB", 1_000), ("64 kB", 64_000), ("10 MB", 10_000_000)];

/// Copying and searching the same octets.
fn limits(group: &mut BenchmarkGroup<'_, WallTime>, parameter: &str, octets: &[u8]) {
    let mut copy = vec![0; octets.len()];
    group.bench_function(BenchmarkId::new("memcpy", parameter), |b| {
        b.iter(|| copy.copy_from_slice(black_box(octets)));
    });
    group.bench_function(BenchmarkId::new("memchr", parameter), |b| {
        b.iter(|| memchr::memchr(0xFF, black_box(octets)));
    });
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group
}

fn commands(criterion: &mut Criterion) {
    let lines = command_lines(10_000);
    let mut group = group(criterion, "commands");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    limits(&mut group, "10,000 lines", &lines);
    group.bench_function("parse", |b| {
        b.iter(|| {
            let mut scanner = LineScanner::new(2_048);
            let mut rest = lines.as_slice();
            while let Framed::Line { octets, content, .. } = scanner.scan(rest) {
                black_box(Command::parse(&rest[..content])).unwrap();
                rest = &rest[octets..];
            }
        });
    });
    let mut session = logged_in(Index::new(1_000));
    group.bench_function("answer", |b| b.iter(|| drive(&mut session, &lines, &mut None)));
}

fn encode(criterion: &mut Criterion) {
    let mut group = group(criterion, "encode");
    for (size, octets) in SIZES {
        for mail in Mail::ALL {
            let message = mail.make(octets);
            let parameter = format!("{}, {size}", mail.name());
            group.throughput(Throughput::Bytes(message.len() as u64));
            limits(&mut group, &parameter, &message);
            for (name, line_ends) in [("retr", LineEnds::Unknown), ("retr, CRLF vouched", LineEnds::Crlf)] {
                let lf = matches!(mail, Mail::ProseLf | Mail::DotsLf);
                if lf && line_ends == LineEnds::Crlf {
                    continue;
                }
                let mut session = logged_in(Index::of(message.clone().into(), line_ends));
                group.bench_function(BenchmarkId::new(name, &parameter), |b| {
                    b.iter(|| drive(&mut session, b"RETR 1\r\n", &mut None));
                });
            }
        }
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = group(criterion, "decode");
    for (size, octets) in SIZES {
        for mail in [Mail::Prose, Mail::Base64, Mail::Dots] {
            let wire = stuffed(mail.make(octets));
            let parameter = format!("{}, {size}", mail.name());
            group.throughput(Throughput::Bytes(wire.len() as u64));
            limits(&mut group, &parameter, &wire);
            group.bench_function(BenchmarkId::new("unstuff", &parameter), |b| b.iter(|| unstuff(&wire)));
        }
    }
}

fn listings(criterion: &mut Criterion) {
    const MESSAGES: u32 = 1_000_000;
    let mut session = logged_in(Index::new(MESSAGES));
    let mut group = group(criterion, "listings of 1,000,000 messages");
    group.sample_size(10);
    for (name, command) in [("LIST", b"LIST\r\n"), ("UIDL", b"UIDL\r\n")] {
        let octets = drive(&mut session, command, &mut None);
        group.throughput(Throughput::Bytes(octets));
        limits(&mut group, name, &vec![b'x'; usize::try_from(octets).unwrap()]);
        group.bench_function(name, |b| b.iter(|| drive(&mut session, command, &mut None)));
    }
}

/// A client that takes a message, or a list, from the first octet to the last.
fn client_side(criterion: &mut Criterion) {
    let mut group = group(criterion, "client");
    let retr = Command::Retr { message: MessageNumber::FIRST };
    let mut replies: Vec<_> = [Mail::Prose, Mail::Base64]
        .map(|mail| (format!("RETR, {}, 10 MB", mail.name()), retr, stuffed(mail.make(10_000_000))))
        .map(|(name, command, body)| (name, command, [b"+OK\r\n".as_slice(), &body].concat()))
        .into();
    let mut server = logged_in(Index::new(1_000_000));
    for (command, line) in
        [(Command::List { message: None }, b"LIST\r\n"), (Command::Uidl { message: None }, b"UIDL\r\n")]
    {
        replies.push((format!("{} of 1,000,000 messages", command.verb()), command, said(&mut server, line)));
    }
    for (name, command, reply) in replies {
        let mut session = client();
        group.throughput(Throughput::Bytes(reply.len() as u64));
        limits(&mut group, &name, &reply);
        group.bench_function(&name, |b| {
            b.iter(|| {
                session.send(&command).unwrap();
                receive(&mut session, &reply)
            });
        });
    }
}

/// Everything that a client does that fetches 100 new messages of 4 kB and has them removed.
fn session(criterion: &mut Criterion) {
    let mut script = b"USER mrose\r\nPASS tanstaaf\r\nCAPA\r\nSTAT\r\nUIDL\r\nLIST\r\n".to_vec();
    for number in 1..=100 {
        script.extend_from_slice(format!("RETR {number}\r\nDELE {number}\r\n").as_bytes());
    }
    script.extend_from_slice(b"QUIT\r\n");
    let message = bytes::Bytes::from(Mail::Prose.make(4_000));
    let run = || {
        let mut session = support::new();
        drive(&mut session, &script, &mut Some(Index::many(100, message.clone())))
    };
    let octets = run();
    let mut group = group(criterion, "a whole session");
    group.throughput(Throughput::Bytes(octets));
    limits(&mut group, "100 messages", &vec![b'x'; usize::try_from(octets).unwrap()]);
    group.bench_function("100 messages", |b| b.iter(run));
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for benchmarks in [commands, encode, decode, listings, client_side, session] {
        benchmarks(&mut criterion);
    }
    criterion.final_summary();
}
