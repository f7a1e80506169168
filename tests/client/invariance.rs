//! What a client makes of any octets: the same however they are cut, and never a panic or a session that spins
//! (R-GEN-01, R-GEN-02).

use pop3_proto::Security;
use pop3_proto::client::{Closed, Config, Error, Method};
use pop3_proto::wire::{DeviationCounts, DeviationSet};
use proptest::prelude::*;

use crate::common::{Script, mrose};

/// Lines and pieces of lines, as a server with a bad day may send them.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "+OK\r\n",
        "-ERR\r\n",
        "+OK 1 2\r\n",
        "+OK 1 2 x\n",
        "+OK\r\n.\r\n",
        "+ \r\n",
        "+ PDE+\r\n",
        "+\r\n",
        "+ !\r\n",
        "+OK\r\n1 a\r\n2  b \r\n.\r\n",
        "+OK\r\nTOP\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n",
        "+ok\r\n",
        "-ERR [AUTH] x\r\n",
        ".",
        "..\r\n",
        ".\r\n",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "x",
        "1 1\r\n",
        "+OKAY\r\n",
        "-ERR [IN-USE]\n",
        "+OK\r\nH: 1\r\n\r\n..\r\n.x\r\n",
        "+OK\r\nbody\r\n.\n+OK\r\n.\r\n",
        "+OK",
        "-",
        ".\r",
        "\r\n.\r\n",
        "\u{fc}",
    ]);
    let piece = prop_oneof![6 => piece.prop_map(|piece| piece.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..9)];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// What the command is rightly answered, or nearly so.
fn right(command: &str) -> &'static str {
    match command {
        "CAPA" => "+OK\r\nTOP \r\nSASL  PLAIN\r\n.UIDL\n\r\n.\r\n",
        "STAT" => "+OK 2  320\r\n",
        "LIST" => "+OK\r\n1 120\r\n2   200 octets\n.3 5\r\nx\r\n..\r\n.\r\n",
        "UIDL" => "+OK\n1 a\r\n2  b \r\n.3 \u{fc}\r\n4\r\n.\n",
        "LIST 1" | "UIDL 1" => "+OK 1  120\r\n",
        "RETR 1" | "TOP 1 1" => "+OK\r\nH: 1\r\n\r\n..\r\n.x\r\n.\n\n.\r\n\r.\r\n.\rx\r\r\n\0\r\n.\r\n",
        "AUTH" => "+OK\r\nPLAIN\r\n?\r\n.\r\n",
        "LANG" => "+OK\r\nen English\r\n\r\n.\r\n",
        "authenticate" => "+ PDE+\r\n-ERR [AUTH]\r\n",
        _ => "-ERR no\r\n",
    }
}

fn command() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "CAPA",
        "STAT",
        "LIST",
        "LIST 1",
        "UIDL",
        "UIDL 1",
        "RETR 1",
        "TOP 1 1",
        "NOOP",
        "DELE 1",
        "AUTH",
        "LANG",
        "QUIT",
        "authenticate",
    ])
}

/// What was heard, the messages and what came of another, how it ended, and what was overlooked.
type Heard = (Vec<String>, Vec<Vec<u8>>, Vec<u8>, Result<Closed, Error>, DeviationCounts);

/// Everything that a session has to say about these answers.
fn heard(config: &Config, reads: Vec<usize>, drops: Vec<bool>, dialogue: &[(&str, Vec<u8>)]) -> Heard {
    let mut script = Script::with(config.clone(), Security::Tls);
    script.log_in();
    script.client.reads = reads.into();
    script.client.drops = drops.into();
    let mut all = Vec::new();
    for (command, answer) in dialogue {
        let answer = if answer.is_empty() { right(command).as_bytes() } else { answer };
        let begun = match *command {
            "authenticate" => {
                let before = script.client.logins.len();
                script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
                script.client.logins.len() == before
            }
            command => script.client.try_to_say(command).is_ok(),
        };
        // Where the command before it isn't answered as a whole, this one waits.
        let written = script.wrote();
        if !begun || !written.starts_with(if *command == "authenticate" { "AUTH CRAM-MD5" } else { command }) {
            break;
        }
        // An exchange goes to and fro: what comes before the response is written isn't the next challenge.
        let lines = answer.split_inclusive(|octet| *octet == b'\n' && *command == "authenticate");
        all.extend(lines.flat_map(|line| script.says(line)));
        script.wrote();
    }
    let closed = script.hangs_up();
    all.append(&mut script.client.heard);
    (all, script.client.bodies, script.client.partial, closed, *script.client.session.deviations())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn octets_mean_the_same_however_they_are_cut(
        dialogue in prop::collection::vec((command(), prop_oneof![Just(Vec::new()), answer()]), 1..8),
        reads in prop::collection::vec(1_usize..9, 1..5),
        drops in prop::collection::vec(any::<bool>(), 1..7),
        lenient in any::<bool>(),
    ) {
        let accepted = if lenient { DeviationSet::ALL } else { DeviationSet::NONE };
        let config = Config::new().window(512).unwrap().accepted(accepted);
        let whole = heard(&config, vec![usize::MAX], vec![false], &dialogue);
        prop_assert_eq!(heard(&config, vec![1], vec![false], &dialogue), whole.clone());
        prop_assert_eq!(heard(&config, reads, drops, &dialogue), whole);
    }
}
