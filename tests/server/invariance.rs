//! Any split of the input, any size of the output window, any token dropped, any chunks of a message: the same octets
//! come out, and the host is asked the same (R-GEN-01).

use std::rc::Rc;

use pop3_proto::Security;
use pop3_proto::auth::sasl::{CramMd5, base64};
use pop3_proto::message::Removal;
use pop3_proto::server::{Catalogue, CloseReason, Config, Refusal, Reply, Session, Utf8};
use pop3_proto::wire::{Deviation, LineEnds, Mechanism, Name, Timestamp};
use proptest::prelude::*;

use crate::common::{Call, LOGIN, Server, Store, TIMESTAMP};

/// What a client sends, and what the host makes of it.
#[derive(Clone, Debug)]
struct Case {
    input: Vec<u8>,
    messages: Vec<Vec<u8>>,
    settings: Vec<Setting>,
    refusal: Option<Refusal>,
    commit: Removal,
    hang_up: bool,
}

/// What is other than usual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Setting {
    RemoveRetrieved,
    /// The store says that its line ends are CRLF.
    Vouched,
    /// Nobody is disconnected for what they say.
    Patient,
    /// PLAIN and LOGIN are the host's.
    PasswordsAtHost,
    /// Others may listen.
    Cleartext,
    /// TLS comes before the greeting.
    ImplicitTls,
    /// The first message is for UTF-8 mode only.
    NeedsUtf8,
    /// Names are UTF-8.
    Names,
    /// No octets are known before they are measured.
    Unmeasured,
    /// Message 2 can't be measured.
    Unmeasurable,
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

/// Small buffers, and all commands and mechanisms.
fn config() -> Config {
    let german = Catalogue::new("de", "Deutsch").unwrap().text(Reply::LoggedIn, "ge\u{f6}ffnet").unwrap();
    let config = Config::new().last(true).stls(true).language(german).unwrap();
    let config = config.command_line_limit(255).unwrap().sasl_line_limit(12_288).unwrap().output_limit(1024).unwrap();
    let mechanisms = [Mechanism::LOGIN, Mechanism::CRAM_MD5, Mechanism::XOAUTH2];
    mechanisms.into_iter().fold(config, |config, mechanism| config.mechanism(mechanism).unwrap())
}

fn run(case: &Case, drive: &Drive) -> Seen {
    let mut store = Store::new(&case.messages);
    Rc::get_mut(&mut store).unwrap().chunk.set(drive.chunk);
    store.refusal.set(case.refusal);
    store.commit.set(case.commit);
    let has = |setting| case.settings.contains(&setting);
    store.line_ends.set(if has(Setting::Vouched) { LineEnds::Crlf } else { LineEnds::Unknown });
    store.need_utf8.set(u32::from(has(Setting::NeedsUtf8)));
    store.unmeasured.replace(if has(Setting::Unmeasured) { (1..=4).collect() } else { Vec::new() });
    store.unknown.replace(if has(Setting::Unmeasurable) { vec![2] } else { Vec::new() });
    store.unmeasurable.set(case.refusal);
    let config = config().remove_retrieved(has(Setting::RemoveRetrieved));
    let config = config.sasl_passwords_as_logins(!has(Setting::PasswordsAtHost));
    let config = config.utf8(if has(Setting::Names) { Utf8::MessagesAndNames } else { Utf8::Messages });
    let config = if has(Setting::Patient) { crate::common::patient(config) } else { config };
    let security = if has(Setting::Cleartext) { Security::Cleartext } else { Security::TrustedLocal };
    let session = Session::with_exchange(config.into(), security).with_implicit_tls(has(Setting::ImplicitTls));
    let mut server = Server::of(&store, session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.reads = drive.reads.clone().into();
    server.window = drive.windows.clone().into();
    server.drops = drive.drops.clone().into();
    server.max_polls = 1_000_000;
    server.run(&case.input, case.hang_up);
    let deviations = Deviation::ALL.map(|deviation| server.session.deviations().count_of(deviation)).to_vec();
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
        2 => prop::sample::select(vec![
            "UTF8", "LANG", "LANG de", "lang *", "LANG fr", "LANG d_e", "AUTH", "AUTH ", "AUTH X", "AUTH GSSAPI", "AUTH PLAIN = =",
            "USER \u{fc}", "PASS \u{fc}",
        ]).prop_map(|line| line.as_bytes().to_vec()),
        4 => exchange(),
        1 => (240_usize..600).prop_map(|octets| vec![b'x'; octets]),
        1 => (50_usize..200).prop_map(|words| b"AUTH ".repeat(words)),
    ]
}

fn base64_of(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    base64::encode(octets, &mut out);
    out
}

/// What a client may say in an exchange; the first ones are right in one mechanism or another.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let cram = CramMd5::new(Name::new("mrose").unwrap(), TIMESTAMP.as_bytes(), b"tanstaaf").digest.to_hex();
    let right: [&[u8]; 5] = [
        b"\0mrose\0tanstaaf",
        b"mrose",
        b"tanstaaf",
        &[b"mrose ".as_slice(), &cram].concat(),
        b"user=mrose\x01auth=Bearer tanstaaf\x01\x01",
    ];
    let wrong: [&[u8]; 6] = [
        b"\0mrose\0wrong",
        b"root\0mrose\0tanstaaf",
        b"\0\xff\0tanstaaf",
        b"\xff",
        b"a\nb",
        b"user=mrose\x01auth=Bearer wrong\x01\x01",
    ];
    prop_oneof![
        6 => prop::sample::select(right.map(base64_of).to_vec()),
        2 => prop::sample::select(wrong.map(base64_of).to_vec()),
        3 => prop::sample::select(vec!["*", "*", "", "=", "!", "AAA", "AA==AA==", "A A=", "\0", "*\r", "QUIT", "NOOP"])
            .prop_map(|line| line.as_bytes().to_vec()),
        // Around each limit: of a command, of the window's growth, and of a line in an exchange.
        1 => prop::sample::select(vec![62_usize, 63, 64, 126, 127, 128, 513, 600, 3_070, 3_071, 3_072, 3_500])
            .prop_flat_map(|groups| prop::sample::select(vec![b"AAAA".repeat(groups), b"YWFh".repeat(groups), b"!!!!".repeat(groups)])),
    ]
}

/// AUTH, with a response or without, and lines after it.
fn exchange() -> impl Strategy<Value = Vec<u8>> {
    let mechanism = prop::sample::select(vec!["PLAIN", "LOGIN", "login", "CRAM-MD5", "XOAUTH2"]);
    let responses = prop::collection::vec(response(), 0..4);
    (mechanism, prop::option::of(response()), responses).prop_map(|(mechanism, initial, responses)| {
        let first = [Some(b"AUTH".to_vec()), Some(mechanism.into()), initial].into_iter().flatten().collect::<Vec<_>>();
        let lines: Vec<_> = std::iter::once(first.join(&b' ')).chain(responses).collect();
        lines.join(b"\r\n".as_slice())
    })
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let line = (command(), prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n"]));
    let line = line.prop_map(|(line, end)| [line, end.as_bytes().to_vec()].concat());
    let front = prop::sample::select(vec![LOGIN, LOGIN, LOGIN, "", "", "USER mrose\r\nCAPA\r\nPASS tanstaaf\r\n"]);
    // What stands after STLS is the one thing where it shows how the input was split (R-2595-02): so nothing does.
    let tail = prop::sample::select(vec!["", "", "QUIT\r\n", "QUIT", "QUIT\r", "QUIT\n", "STLS\r\n", "*\r\nSTLS\r\n"]);
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
    let commit = prop::sample::select(vec![Removal::All, Removal::NotAll, Removal::Unknown]);
    let all = vec![
        Setting::RemoveRetrieved,
        Setting::Vouched,
        Setting::Patient,
        Setting::PasswordsAtHost,
        Setting::Cleartext,
        Setting::ImplicitTls,
        Setting::NeedsUtf8,
        Setting::Names,
        Setting::Unmeasured,
        Setting::Unmeasurable,
    ];
    let settings = prop::sample::subsequence(all, 0..4);
    (input(), prop::collection::vec(message(), 0..4), refusal, commit, settings, any::<bool>()).prop_map(
        |(input, messages, refusal, commit, settings, hang_up)| Case {
            input,
            messages,
            settings,
            refusal,
            commit,
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
    let messages = crate::common::tricky_messages();
    let retrievals: Vec<_> = (1..=messages.len()).map(|n| format!("RETR {n}\r\nTOP {n} 1\r\n")).collect();
    let input = format!("{LOGIN}LIST\r\nUIDL\r\n{}DELE 1\r\nQUIT\r\n", retrievals.concat()).into_bytes();
    let (refusal, commit) = (None, Removal::All);
    let case = Case { input, messages, settings: vec![Setting::RemoveRetrieved], refusal, commit, hang_up: false };
    let octets = Drive { reads: vec![1], windows: vec![1], drops: vec![false, true], chunk: 1 };
    let seen = run(&case, &octets);
    assert_eq!(seen.2, Some(CloseReason::Quit));
    assert!(seen == run(&case, &whole()));
}

#[test]
fn an_exchange_in_reads_of_any_size_comes_to_the_same() {
    // R-GEN-01, R-5034-06: the one long line grows the window, and its neighbours aren't lost
    let long = b"YWFh".repeat(3_000);
    let auth =
        [b"LANG de\r\nUTF8\r\nAUTH XOAUTH2\r\n".as_slice(), &long, b"\r\n\r\nAUTH PLAIN ", &long, b"\r\n"].concat();
    let input = [&auth, b"CAPA\r\nAUTH LOGIN bXJvc2U=\r\ndGFuc3RhYWY=\r\nDELE 1\r\nQUIT\r\n".as_slice()].concat();
    let (refusal, commit) = (None, Removal::All);
    let case = Case { input, messages: vec![vec![]], settings: vec![], refusal, commit, hang_up: false };
    let whole = run(&case, &whole());
    assert_eq!((whole.2, whole.1.last()), (Some(CloseReason::Quit), Some(&Call::Dropped)));
    assert!(whole.1.contains(&Call::Update(vec![1])), "{:?}", whole.1);
    for reads in [1, 2, 3, 7, 254, 255, 256, 4_095, 12_288] {
        let drive = Drive { reads: vec![reads], windows: vec![5], drops: vec![true, false], chunk: 0 };
        assert!(run(&case, &drive) == whole, "{reads}");
    }
}
