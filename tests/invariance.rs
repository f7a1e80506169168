//! Any split of the input, any size of the output window, any token dropped, any chunks of a message: the same octets
//! come out, and the host is asked the same (R-GEN-01).

mod common;

use std::rc::Rc;

use common::{Call, LOGIN, Server, Store, TIMESTAMP};
use pop3_proto::server::{CloseReason, Commit, Config, Refusal, Security, Session};
use pop3_proto::wire::{Deviation, LineEnds, Timestamp};
use proptest::prelude::*;

/// What a client sends, and what the host makes of it.
#[derive(Clone, Debug)]
struct Case {
    input: Vec<u8>,
    messages: Vec<Vec<u8>>,
    remove_retrieved: bool,
    refusal: Option<Refusal>,
    commit: Commit,
    vouched: bool,
    hang_up: bool,
}

/// How it is driven.
#[derive(Clone, Debug)]
struct Drive {
    reads: Vec<usize>,
    windows: Vec<usize>,
    drops: Vec<bool>,
    chunk: usize,
}

/// What can be seen of it.
type Seen = (Vec<u8>, Vec<Call>, Option<CloseReason>, Vec<u32>);

fn run(case: &Case, drive: &Drive) -> Seen {
    let mut store = Store::new(&case.messages);
    Rc::get_mut(&mut store).unwrap().chunk.set(drive.chunk);
    store.refusal.set(case.refusal);
    store.commit.set(case.commit);
    store.line_ends.set(if case.vouched { LineEnds::Crlf } else { LineEnds::Unknown });
    let config = Config::new().remove_retrieved(case.remove_retrieved).last(true).command_line_limit(255).unwrap();
    let session = Session::new(config.output_limit(1024).unwrap().into(), Security::TrustedLocal);
    let mut server = Server::of(&store, session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.reads = drive.reads.clone().into();
    server.window = drive.windows.clone().into();
    server.drops = drive.drops.clone().into();
    server.max_polls = 1_000_000;
    server.run(&case.input, case.hang_up);
    let deviations = Deviation::ALL.map(|deviation| server.session.deviations().of(deviation)).to_vec();
    (server.output, store.calls(), server.closed, deviations)
}

fn command() -> impl Strategy<Value = Vec<u8>> {
    let known = "(STAT|LIST|LIST [0-4]|RETR [0-4]|DELE [0-4]|NOOP|RSET|TOP [0-4] [0-3]|UIDL|UIDL  1|CAPA|LAST|quit)";
    prop_oneof![
        8 => known.prop_map(String::into_bytes),
        2 => prop::sample::select(vec![
            "USER mrose", "PASS tanstaaf", "PASS wrong", "USER ", "PASS", "APOP mrose c4c9334bac560ecc979e58001b3e22fb",
            "APOP mrose C4C9334BAC560ECC979E58001B3E22FA", "QUIT", "QUIT now", "", "\0", "NOOP\r", "LIST\t1", "RETR \u{fc}",
        ]).prop_map(|line| line.as_bytes().to_vec()),
        1 => (240_usize..600).prop_map(|octets| vec![b'x'; octets]),
    ]
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let line = (command(), prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n"]));
    let line = line.prop_map(|(line, end)| [line, end.as_bytes().to_vec()].concat());
    let front = prop::sample::select(vec![LOGIN, LOGIN, LOGIN, "", "USER mrose\r\nCAPA\r\nPASS tanstaaf\r\n"]);
    let tail = prop::sample::select(vec!["", "", "QUIT\r\n", "QUIT", "QUIT\r", "QUIT\n"]);
    (front, prop::collection::vec(line, 0..25), tail)
        .prop_map(|(front, lines, tail)| [front.as_bytes().to_vec(), lines.concat(), tail.as_bytes().to_vec()].concat())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[.\r\na]{1,5}",
        1 => "x{10,20}", 1 => "x{250,260}", 1 => "(\\.\n){1,80}", 1 => "(ab\r\n){1,200}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().into_bytes())
}

fn case() -> impl Strategy<Value = Case> {
    let refusal = prop::sample::select(vec![None, None, None, Some(Refusal::Gone), Some(Refusal::Temporary)]);
    let commit = prop::sample::select(vec![Commit::All, Commit::Some, Commit::None]);
    let flags = any::<(bool, bool, bool)>();
    (input(), prop::collection::vec(message(), 0..4), refusal, commit, flags).prop_map(
        |(input, messages, refusal, commit, (remove_retrieved, vouched, hang_up))| Case {
            input,
            messages,
            remove_retrieved,
            refusal,
            commit,
            vouched,
            hang_up,
        },
    )
}

fn drive() -> impl Strategy<Value = Drive> {
    let size = || prop_oneof![Just(1_usize), 1_usize..8, 1_usize..400, Just(usize::MAX)];
    let drops = prop::collection::vec(any::<bool>(), 0..5);
    let sizes = move || prop::collection::vec(size(), 1..6);
    (sizes(), sizes(), drops, 0_usize..300).prop_map(|(reads, windows, mut drops, chunk)| {
        drops.push(false);
        Drive { reads, windows, drops, chunk }
    })
}

const WHOLE: Drive = Drive { reads: Vec::new(), windows: Vec::new(), drops: Vec::new(), chunk: 0 };

fn whole() -> Drive {
    Drive { reads: vec![usize::MAX], windows: vec![usize::MAX], drops: vec![false], ..WHOLE }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn however_it_is_driven_a_session_says_and_asks_the_same(case in case(), drive in drive()) {
        prop_assert_eq!(run(&case, &drive), run(&case, &whole()));
    }
}

#[test]
fn reads_and_writes_of_one_octet_change_nothing() {
    // R-GEN-01: one-octet reads are in the test matrix
    let messages = common::tricky_messages();
    let retrievals: Vec<_> = (1..=messages.len()).map(|n| format!("RETR {n}\r\nTOP {n} 1\r\n")).collect();
    let input = format!("{LOGIN}LIST\r\nUIDL\r\n{}DELE 1\r\nQUIT\r\n", retrievals.concat()).into_bytes();
    let (refusal, commit) = (None, Commit::All);
    let case = Case { input, messages, remove_retrieved: true, refusal, commit, vouched: false, hang_up: false };
    let octets = Drive { reads: vec![1], windows: vec![1], drops: vec![false, true], chunk: 1 };
    let seen = run(&case, &octets);
    assert_eq!(seen.2, Some(CloseReason::Quit));
    assert!(seen == run(&case, &whole()));
}
