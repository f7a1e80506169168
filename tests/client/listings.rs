//! Lists as servers really send them: LIST, UIDL, CAPA, LANG, AUTH; and what is known of a server then.

use pop3_proto::client::{Config, Error, Feature, ProtocolError, Support};
use pop3_proto::wire::{Deviation, DeviationSet, Expire, LoginDelay, Mechanism, State};
use pop3_proto::{BelowMinimum, Security};
use proptest::prelude::*;

use crate::common::{FEATURES, Script, in_any_way};

fn greeted() -> Script {
    let mut script = Script::new(Config::new());
    script.says("+OK\r\n");
    script
}

fn supports<const N: usize>(script: &Script, features: [Feature; N]) -> [Support; N] {
    features.map(|feature| script.client.session.support(feature))
}

#[test]
fn garbage_in_a_listing_is_unreadable_and_the_session_goes_on() {
    // R-GEN-12
    let lines = ["", "x", "1", "1 ", "0 5", "-1 5", "1 x", "1 -5", "1 18446744073709551616", "4294967296 1", "1\t5"];
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        let escaped = |line: &&str| line.escape_default().to_string();
        let mut expected: Vec<_> = lines.iter().map(|line| format!("LIST ?{}", escaped(line))).collect();
        expected.insert(0, "LIST begins +OK".into());
        expected.extend(["LIST 2 18446744073709551615".into(), "LIST ends".into()]);
        let answer = format!("+OK\r\n{}\r\n2 18446744073709551615\r\n.\r\n", lines.join("\r\n"));
        assert_eq!(script.asks("LIST", answer), expected);
        for line in ["x", "1", "0 5", "1 x"] {
            let answer = format!("+OK {line}\r\n");
            assert_eq!(script.asks("LIST 1", &answer), [format!("LIST ?+OK {line}")]);
            assert_eq!(script.asks("STAT", "+OK x 1\r\n"), ["STAT ?+OK x 1"]);
        }
        assert_eq!(script.asks("LIST 1", "+OK\r\n"), ["LIST ?+OK"]);
        assert_eq!(script.asks("STAT", "+OK\r\n"), ["STAT ?+OK"]);
        assert_eq!(script.asks("STAT", "+OK 1\r\n"), ["STAT ?+OK 1"]);
        assert_eq!(script.asks("UIDL 1", "+OK 1\r\n"), ["UIDL ?+OK 1"]);
        assert_eq!(
            script.asks("UIDL", "+OK\r\n1\r\nx y\r\n2 b\r\n.\r\n")[1..],
            ["UIDL ?1", "UIDL ?x y", "UIDL 2 b", "UIDL ends"]
        );
        assert_eq!(
            script.asks("STAT", "+OK 4294967295 18446744073709551615\r\n"),
            ["STAT 4294967295 18446744073709551615"]
        );
    });
}

#[test]
fn text_after_numbers_is_ignored() {
    // R-1939-21, R-1939-22
    let mut script = Script::logged_in(Config::new());
    assert_eq!(script.asks("STAT", "+OK 2 320 octets\r\n"), ["STAT 2 320"]);
    assert_eq!(script.asks("LIST 1", "+OK 1 120 octets\r\n"), ["LIST 1 120"]);
    assert_eq!(
        script.asks("LIST", "+OK 20 messages\r\n1 120 octets\r\n.\r\n")[..2],
        ["LIST begins +OK 20 messages", "LIST 1 120"]
    );
}

#[test]
fn a_unique_id_is_the_rest_of_its_line() {
    // R-1939-27: what stands after a space may be all that tells two of them apart.
    let answer = "+OK\r\n1 Tue 4 May 10:00\r\n2   Tue 4 May 10:05  \r\n3 \tx\t\r\n4 Tue\r\n.\r\n";
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        let told = ["UIDL 1 Tue 4 May 10:00", "UIDL 2 Tue 4 May 10:05", r"UIDL 3 \tx\t", "UIDL 4 Tue", "UIDL ends"];
        assert_eq!(script.asks("UIDL", answer)[1..], told);
        assert_eq!(script.client.session.deviations().count_of(Deviation::OddUniqueId), 3);
        assert_eq!(script.client.session.deviations().count_of(Deviation::ExtraSpaces), 1);
        assert_eq!(script.asks("UIDL 1", "+OK 1 Tue 4 May\r\n"), ["UIDL 1 Tue 4 May"]);
        assert_eq!(script.client.session.deviations().count_of(Deviation::OddUniqueId), 4);
    });
    let mut script = Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::OddUniqueId)));
    assert_eq!(
        script.asks("UIDL", answer)[1..],
        ["UIDL ?1 Tue 4 May 10:00", "UIDL ?2   Tue 4 May 10:05  ", r"UIDL ?3 \tx\t", "UIDL 4 Tue", "UIDL ends"]
    );
}

#[test]
fn repeated_and_trailing_spaces_are_counted_or_make_an_entry_unreadable() {
    // R-GEN-11
    let lines = ["1   a", " 1 a", "1 a ", "   1   a   "];
    let ask = |config: Config| {
        let mut script = Script::logged_in(config);
        let heard = script.asks("UIDL", format!("+OK\r\n{}\r\n2 b\r\n.\r\n", lines.join("\r\n")));
        script.asks("LIST 1", "+OK 1  5\r\n");
        (heard[1..].to_vec(), script.client.session.deviations().count_of(Deviation::ExtraSpaces))
    };
    let read = ["UIDL 1 a", "UIDL 1 a", "UIDL 1 a", "UIDL 1 a", "UIDL 2 b", "UIDL ends"].map(String::from);
    assert_eq!(ask(Config::new()), (read.to_vec(), 5));
    let (heard, counted) = ask(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::ExtraSpaces)));
    assert_eq!(heard, ["UIDL ?1   a", "UIDL ? 1 a", "UIDL ?1 a ", "UIDL ?   1   a   ", "UIDL 2 b", "UIDL ends"]);
    assert_eq!(counted, 0);
}

#[test]
fn repeated_spaces_in_an_answer_of_one_line_are_no_different() {
    // R-GEN-11
    let answers = [("STAT", "+OK   2   320  \r\n", "STAT 2 320"), ("LIST 2", "+OK  2  200\r\n", "LIST 2 200")];
    for (command, answer, told) in answers.into_iter().chain([("UIDL 2", "+OK 2  a \r\n", "UIDL 2 a")]) {
        let mut script = Script::logged_in(Config::new());
        assert_eq!(script.asks(command, answer), [told]);
        assert_eq!(script.client.session.deviations().count_of(Deviation::ExtraSpaces), 1);
        let mut script =
            Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::ExtraSpaces)));
        let verb = command.split(' ').next().unwrap();
        assert_eq!(script.asks(command, answer), [format!("{verb} ?{}", answer.trim_end_matches("\r\n"))]);
        assert_eq!(script.client.session.deviations().count_of(Deviation::ExtraSpaces), 0);
    }
}

#[test]
fn repeated_spaces_in_a_capability_are_overlooked() {
    let mut script = greeted();
    let lines = "SASL  PLAIN   LOGIN\r\n PIPELINING\r\nLOGIN-DELAY   5\r\nTOP\r\n";
    let heard = script.asks("CAPA", format!("+OK\r\n{lines}.\r\n"));
    assert!(heard.iter().all(|line| !line.contains('?')), "{heard:?}");
    assert_eq!(supports(&script, [Feature::Sasl, Feature::Pipelining, Feature::Top]), [Support::Yes; 3]);
    let listed = script.client.session.capabilities().unwrap();
    assert_eq!(listed.mechanisms().count(), 2);
    assert_eq!(listed.login_delay(), Some(LoginDelay { seconds: 5, per_user: false }));
    assert_eq!(script.client.session.deviations().count_of(Deviation::ExtraSpaces), 3);
}

#[test]
fn odd_unique_ids_are_counted_or_unreadable() {
    // R-1939-27
    let (fits, long, longer) = ("a".repeat(70), "b".repeat(71), "c".repeat(500));
    let answer = format!("+OK\r\n1 {fits}\r\n2 {long}\r\n3 {longer}\r\n4 same\r\n5 same\r\n6 \u{fc}\x01\r\n.\r\n");
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        let heard = script.asks("UIDL", &answer);
        let expected = [
            format!("UIDL 1 {fits}"),
            format!("UIDL 2 {long}"),
            format!("UIDL 3 {longer}"),
            "UIDL 4 same".into(),
            "UIDL 5 same".into(),
            r"UIDL 6 \xc3\xbc\x01".into(),
        ];
        assert_eq!(heard[1..7], expected);
        assert_eq!(script.client.session.deviations().count_of(Deviation::OddUniqueId), 3);
        assert_eq!(script.asks("UIDL 2", format!("+OK 2 {long}\r\n")), [format!("UIDL 2 {long}")]);
        assert_eq!(script.client.session.deviations().count_of(Deviation::OddUniqueId), 4);
    });
    let mut script = Script::logged_in(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::OddUniqueId)));
    let heard = script.asks("UIDL", &answer);
    assert_eq!(heard.iter().filter(|line| line.contains('?')).count(), 3, "{heard:?}");
    assert_eq!(script.client.session.deviations().count_of(Deviation::OddUniqueId), 0);
}

#[test]
fn entries_may_come_in_any_order_and_twice() {
    // R-GEN-12
    let mut script = Script::logged_in(Config::new());
    let heard = script.asks("LIST", "+OK\r\n3 1\r\n1 1\r\n3 2\r\n4294967295 1\r\n.\r\n");
    assert_eq!(heard[1..5], ["LIST 3 1", "LIST 1 1", "LIST 3 2", "LIST 4294967295 1"]);
}

#[test]
fn a_stuffed_dot_in_a_list_is_undone() {
    // R-1939-07, R-2449-03
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.log_in();
        let heard = script.asks("LIST", "+OK\r\n..x\r\n.1 5\r\n..\r\n.\r\n");
        assert_eq!(heard[1..], ["LIST ?..x", "LIST 1 5", "LIST ?..", "LIST ends"]);
        let heard = script.asks("UIDL", "+OK\r\n.1 .a\r\n.\r\n");
        assert_eq!(heard[1..], ["UIDL 1 .a", "UIDL ends"]);
        let heard = script.asks("CAPA", "+OK\r\n.TOP\r\n.\r\n");
        assert_eq!(heard[1..], ["CAPA TOP", "CAPA ends"]);
    });
}

#[test]
fn what_capa_lists_is_told_line_by_line_and_known_then() {
    // R-2449-03, R-2449-04, R-2449-12, R-2449-13
    let lines = [
        "top",
        "USER",
        "RESP-CODES",
        "LOGIN-DELAY 900 USER",
        "PIPELINING",
        "EXPIRE 60",
        "Uidl",
        "IMPLEMENTATION x y",
        "AUTH-RESP-CODE",
        "SASL PLAIN x-private LOGIN",
        "STLS",
        "UTF8 USER",
        "LANG",
        "XFOO bar",
        "A..B c",
        "TOP 5",
    ];
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        let heard = script.asks("CAPA", format!("+OK\r\n{}\r\n.\r\n", lines.join("\r\n")));
        assert_eq!(heard[1..=14], lines[..14].iter().map(|line| format!("CAPA {line}")).collect::<Vec<_>>());
        assert_eq!(heard[15..], ["CAPA ?A..B c", "CAPA TOP 5", "CAPA ends"]);
        assert_eq!(supports(script, FEATURES), [Support::Yes; 11]);
        let listed = script.client.session.capabilities().unwrap();
        assert_eq!(listed.login_delay(), Some(LoginDelay { seconds: 900, per_user: true }));
        assert_eq!(listed.expire(), Some(Expire { days: Some(60), per_user: false }));
        let mut mechanisms: Vec<_> = listed.mechanisms().collect();
        mechanisms.sort();
        let private = Mechanism::new("X-PRIVATE").unwrap();
        assert_eq!(mechanisms, [Mechanism::LOGIN, Mechanism::PLAIN, private]);
    });
}

#[test]
fn odd_capability_lines_are_survived() {
    // R-2449-03, R-2449-04
    let long = format!("XLONG {}", "x".repeat(600));
    let mut script = greeted();
    let heard = script.asks(
        "CAPA",
        format!("+OK\r\n\r\nTOP \r\nSASL\r\nSASL \r\n\u{fc}\r\n{long}\r\nEXPIRE soon\r\nUIDL\t\r\n.\r\n"),
    );
    assert_eq!(heard[1], "CAPA ?");
    assert_eq!(heard[2], "CAPA TOP");
    assert_eq!(heard[3..5], ["CAPA SASL", "CAPA SASL"]);
    assert_eq!(heard[5], r"CAPA ?\xc3\xbc");
    assert_eq!(heard[6], format!("CAPA ?{long}"));
    assert_eq!(heard[7..], ["CAPA EXPIRE soon", r"CAPA ?UIDL\t", "CAPA ends"]);
    assert_eq!(
        supports(&script, [Feature::Top, Feature::Uidl, Feature::Stls]),
        [Support::Yes, Support::No, Support::No]
    );
    assert_eq!(script.client.session.deviations().count_of(Deviation::ExtraSpaces), 2);
    assert_eq!(script.client.session.deviations().count_of(Deviation::LongLine), 1);
    assert_eq!(script.client.session.capabilities().unwrap().expire(), None);
}

#[test]
fn spaces_after_a_capability_can_be_rejected() {
    let mut script = Script::new(Config::new().accepted(DeviationSet::DEFAULT.without(Deviation::ExtraSpaces)));
    script.says("+OK\r\n");
    assert_eq!(script.asks("CAPA", "+OK\r\nTOP \r\nUIDL\r\n.\r\n")[1..3], ["CAPA ?TOP ", "CAPA UIDL"]);
    assert_eq!(supports(&script, [Feature::Top, Feature::Uidl]), [Support::No, Support::Yes]);
}

#[test]
fn a_list_has_so_many_entries_and_no_more() {
    // R-GEN-06
    let answers = [
        ("LIST", "1 1\r\n"),
        ("UIDL", "1 a\r\n"),
        ("UIDL", "1  a\r\n"),
        ("LIST", "?\r\n"),
        ("CAPA", "X\r\n"),
        ("LANG", "en\r\n"),
    ];
    in_any_way(&Config::new().listing_entries(3).unwrap(), Security::TrustedLocal, |script| {
        script.log_in();
        for (command, line) in answers {
            for _ in 0..2 {
                let heard = script.asks(command, format!("+OK\r\n{}.\r\n", line.repeat(3)));
                assert_eq!(heard.len(), 5, "{command} {line}: each list has its own");
            }
        }
    });
    for (command, line) in answers {
        in_any_way(&Config::new().listing_entries(3).unwrap(), Security::TrustedLocal, |script| {
            script.log_in();
            let heard = script.asks(command, format!("+OK\r\n{}.\r\n", line.repeat(4)));
            assert_eq!(heard.len(), 4, "{command} {line}");
            assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::TooManyEntries)));
        });
    }
    // A message isn't a list.
    let mut script = Script::logged_in(Config::new().listing_entries(1).unwrap());
    script.asks("RETR 1", "+OK\r\n1 1\r\n1 1\r\n.\r\n");
    assert_eq!(script.client.bodies, [b"1 1\r\n1 1\r\n"]);
    assert_eq!(Config::new().listing_entries(0).unwrap_err(), BelowMinimum { minimum: 1 });
}

#[test]
fn no_number_of_mechanisms_takes_more_memory() {
    // R-GEN-04
    let mut script = greeted();
    for round in 0..20 {
        let lines: Vec<_> = (0..50).map(|i| format!("SASL X{round}-{i} PLAIN\r\n")).collect();
        script.asks("CAPA", format!("+OK\r\n{}.\r\n", lines.concat()));
        let listed = script.client.session.capabilities().unwrap();
        assert!(listed.mechanisms().any(|mechanism| mechanism == Mechanism::PLAIN));
        assert_eq!(listed.mechanisms().count(), 25);
    }
}

#[test]
fn there_are_three_truths_of_capa() {
    // R-2449-02, R-2595-03
    let features = [Feature::Stls, Feature::User, Feature::Top, Feature::Uidl];
    let mut script = Script::with(Config::new(), Security::Cleartext);
    script.says("+OK\r\n");
    assert_eq!(supports(&script, features), [Support::Unknown; 4]);
    assert!(script.client.session.capabilities().is_none());
    script.asks("CAPA", "+OK\r\nSTLS\r\nTOP\r\n.\r\n");
    assert_eq!(supports(&script, features), [Support::Yes, Support::No, Support::Yes, Support::No]);
    script.asks("STLS", "+OK\r\n");
    assert_eq!(supports(&script, features), [Support::Unknown; 4]);
    script.asks("CAPA", "+OK\r\nUSER\r\n.\r\n");
    assert_eq!(supports(&script, features), [Support::No, Support::Yes, Support::No, Support::No]);
    script.asks("USER mrose", "+OK\r\n");
    script.asks("PASS tanstaaf", "+OK\r\n");
    // What was listed before login holds until it is asked again.
    assert_eq!(supports(&script, features), [Support::No, Support::Yes, Support::No, Support::No]);
    script.asks("CAPA", "+OK\r\nUIDL\r\n.\r\n");
    assert_eq!(supports(&script, features), [Support::No, Support::No, Support::No, Support::Yes]);
    assert_eq!(script.asks("CAPA", "-ERR\r\n"), ["CAPA -ERR"]);
    assert_eq!(supports(&script, features), [Support::No, Support::No, Support::No, Support::Yes]);
}

#[test]
fn a_second_capa_takes_the_place_of_the_first() {
    let mut script = greeted();
    script.asks("CAPA", "+OK\r\nTOP\r\nSASL PLAIN\r\nEXPIRE 5\r\n.\r\n");
    script.asks("CAPA", "+OK\r\nUIDL\r\n.\r\n");
    assert_eq!(
        supports(&script, [Feature::Top, Feature::Uidl, Feature::Sasl]),
        [Support::No, Support::Yes, Support::No]
    );
    let listed = script.client.session.capabilities().unwrap();
    assert_eq!((listed.mechanisms().count(), listed.expire()), (0, None));
}

#[test]
fn capabilities_hold_from_the_end_line_on() {
    // R-GEN-16
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        script.client.say("CAPA");
        script.wrote();
        for lines in ["+OK\r\n", "TOP\r\nUSER\r\n", "SASL PLAIN LOGIN\r\nPIPE", "LINING\r\n."] {
            script.says(lines);
            assert!(script.client.session.capabilities().is_none());
            assert_eq!(supports(script, FEATURES), [Support::Unknown; 11]);
        }
        script.says("\r\n");
        let features = [Feature::Top, Feature::User, Feature::Pipelining, Feature::Uidl];
        let first = [Support::Yes, Support::Yes, Support::Yes, Support::No];
        assert_eq!(supports(script, features), first);
        // What was listed before holds meanwhile.
        script.client.say("CAPA");
        script.wrote();
        for lines in ["+OK\r\n", "UIDL\r\n"] {
            script.says(lines);
            assert_eq!(supports(script, features), first);
        }
        script.says(".\r\n");
        assert_eq!(supports(script, features), [Support::No, Support::No, Support::No, Support::Yes]);
    });
}

#[test]
fn a_list_of_capabilities_that_is_cut_says_nothing() {
    // R-GEN-16
    let mut script = greeted();
    script.asks("CAPA", "+OK\r\nTOP\r\n");
    assert_eq!(script.hangs_up(), Err(Error::Truncated));
    assert!(script.client.session.capabilities().is_none());
}

#[test]
fn a_top_that_is_refused_where_nothing_is_announced_is_missing() {
    // R-2449-01
    for (answers, support) in [
        (["-ERR what?\r\n", "-ERR what?\r\n"], Support::No),
        (["-ERR [SYS/TEMP] later\r\n", "-ERR [UTF8] not so\r\n"], Support::Unknown),
        // It has the command, and not the message.
        (["+OK\r\n.\r\n", "-ERR no such message\r\n"], Support::Unknown),
    ] {
        let mut script = greeted();
        script.asks("CAPA", "-ERR\r\n");
        script.let_in();
        assert_eq!(script.client.session.support(Feature::Top), Support::Unknown);
        for answer in answers {
            script.asks("TOP 1 0", answer);
        }
        assert_eq!(script.client.session.support(Feature::Top), support, "{answers:?}");
    }
    // Who announces it has it.
    let mut script = greeted();
    script.asks("CAPA", "+OK\r\nTOP\r\n.\r\n");
    script.let_in();
    script.asks("TOP 9 0", "-ERR no such message\r\n");
    assert_eq!(script.client.session.support(Feature::Top), Support::Yes);
}

#[test]
fn a_refusal_turns_unknown_into_no() {
    // R-2449-01
    let mut script = greeted();
    script.asks("CAPA", "-ERR\r\n");
    for (feature, command) in [(Feature::Stls, "STLS"), (Feature::Utf8, "UTF8"), (Feature::Lang, "LANG")] {
        assert_eq!(script.client.session.support(feature), Support::Unknown);
        assert_eq!(script.asks(command, "-ERR what?\r\n"), [format!("{command} -ERR what?")]);
        assert_eq!(script.client.session.support(feature), Support::No);
    }
    assert!(!script.client.session.is_utf8_mode());
    script.let_in();
    script.asks("UIDL 1", "-ERR no such message\r\n");
    assert_eq!(script.client.session.support(Feature::Uidl), Support::Unknown);
    // It has the command, and can't now: whoever took LIST instead would fetch everything again.
    script.asks("UIDL", "-ERR [SYS/TEMP] later\r\n");
    assert_eq!(script.client.session.support(Feature::Uidl), Support::Unknown);
    script.asks("UIDL", "-ERR what?\r\n");
    assert_eq!(script.client.session.support(Feature::Uidl), Support::No);
    assert_eq!(script.client.session.state(), Some(State::Transaction));
    // Who announces it has it, whatever becomes of a command.
    script.asks("CAPA", "+OK\r\nUIDL\r\n.\r\n");
    assert_eq!(script.client.session.support(Feature::Uidl), Support::Yes);
}

#[test]
fn languages_and_mechanisms_are_told_with_what_can_not_be_understood() {
    // R-6856-07, R-OBS-01
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        let heard = script.asks("LANG", "+OK languages:\r\nen English\r\nde\r\ni-default d\u{fc}\r\n\r\n-x y\r\n.\r\n");
        let told = ["LANG en English", "LANG de", r"LANG i-default d\xc3\xbc", "LANG ?", "LANG ?-x y", "LANG ends"];
        assert_eq!(heard[1..], told);
        assert_eq!(script.asks("LANG de", "+OK de gut\r\n"), ["LANG +OK de gut"]);
        let heard = script.asks("AUTH", "+OK\r\nPLAIN\r\ncram-md5\r\n*\r\n.\r\n");
        assert_eq!(heard[1..], ["AUTH PLAIN", "AUTH cram-md5", "AUTH ?*", "AUTH ends"]);
        assert_eq!(script.asks("AUTH", "-ERR\r\n"), ["AUTH -ERR"]);
        assert_eq!(script.client.session.state(), Some(State::Authorization));
    });
}

/// What a line of LIST or UIDL says, read as plainly as can be.
fn naive(verb: &str, line: &str) -> String {
    let line_without_stuffing = line.strip_prefix('.').unwrap_or(line);
    let mut words = line_without_stuffing.split(' ').filter(|word| !word.is_empty());
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit());
    let message = words.next().filter(is_number).and_then(|word| word.parse::<u32>().ok()).filter(|it| *it > 0);
    let octets = words.next().filter(is_number).and_then(|word| word.parse::<u64>().ok());
    let split = line_without_stuffing.trim_start_matches(' ').split_once(' ');
    let unique_id = split.map_or("", |(_, rest)| rest.trim_matches(' '));
    match (message, unique_id, octets) {
        (Some(message), ..) if verb == "UIDL" && !unique_id.is_empty() => {
            format!("UIDL {message} {}", unique_id.escape_default())
        }
        (Some(message), _, Some(octets)) if verb == "LIST" => format!("LIST {message} {octets}"),
        _ => format!("{verb} ?{}", line.escape_default()),
    }
}

proptest! {
    #[test]
    fn a_listing_is_read_as_a_naive_reader_reads_it(
        lines in prop::collection::vec(
            "[0-9 .a\t]{0,12}|[0-9]{1,12} [0-9]{1,21}|[1-9] ?[!-~]{60,90}|[0-9]{8} [!-~]{1,20}( x)?", 0..20),
        line_feeds in any::<u32>(),
        reads in 1_usize..40,
        uidl in any::<bool>(),
    ) {
        let verb = if uidl { "UIDL" } else { "LIST" };
        let mut answer = "+OK\r\n".to_owned();
        let mut expected = vec![format!("{verb} begins +OK")];
        for (at, line) in lines.iter().filter(|line| *line != ".").enumerate() {
            answer += line;
            answer += if line_feeds >> at & 1 == 1 { "\n" } else { "\r\n" };
            expected.push(naive(verb, line));
        }
        expected.push(format!("{verb} ends"));
        let mut script = Script::logged_in(Config::new());
        script.client.reads = reads.into();
        prop_assert_eq!(script.asks(verb, answer + ".\r\n"), expected);
    }
}

#[test]
fn each_feature_is_learnt_from_its_line_of_capa() {
    // R-2449-02
    let lines = [
        "TOP",
        "USER",
        "RESP-CODES",
        "PIPELINING",
        "UIDL",
        "AUTH-RESP-CODE",
        "STLS",
        "UTF8",
        "UTF8 USER",
        "LANG",
        "SASL PLAIN",
    ];
    for (feature, line) in FEATURES.into_iter().zip(lines) {
        let mut script = Script::new(Config::new());
        script.says("+OK\r\n");
        script.asks("CAPA", format!("+OK\r\n{line}\r\n.\r\n"));
        let mut listed = FEATURES.to_vec();
        listed.retain(|it| script.client.session.support(*it) == Support::Yes);
        // Names in UTF-8 are a parameter of UTF8.
        let implied = (feature == Feature::Utf8User).then_some(Feature::Utf8);
        assert_eq!(listed, implied.into_iter().chain([feature]).collect::<Vec<_>>());
    }
}
