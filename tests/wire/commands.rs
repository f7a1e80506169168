//! Commands, from line to value and back.

use pop3_proto::message::MessageNumber;
use pop3_proto::wire::{
    AuthArguments, Command, CommandError, Deviation, DeviationSet, Digest, InitialResponse, Language, LanguageTag,
    Mechanism, Name, NumberError, Password, Verb,
};
use proptest::prelude::*;

const DIGEST: &[u8] = b"c4c9334bac560ecc979e58001b3e22fb";

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

/// The command of a line that breaks no rule.
fn strict(line: &[u8]) -> Command<'_> {
    let parsed = Command::parse(line).unwrap();
    assert_eq!(parsed.deviations, DeviationSet::NONE, "{}", line.escape_ascii());
    parsed.value
}

fn error(line: &[u8]) -> CommandError {
    Command::parse(line).unwrap_err()
}

/// AUTH with a mechanism, and a response if there is one.
fn auth(mechanism: Mechanism, response: Option<&'static str>) -> Command<'static> {
    let initial_response = response.map(|response| InitialResponse::new(response).unwrap());
    Command::Auth { arguments: Some(AuthArguments { mechanism, initial_response }) }
}

fn lang(tag: &str) -> Command<'_> {
    Command::Lang { language: Some(Language::Tag(LanguageTag::new(tag).unwrap())) }
}

/// One line of each command, and its value.
fn known_answers() -> Vec<(&'static [u8], Command<'static>)> {
    vec![
        (b"USER mrose", Command::User { name: Name::new("mrose").unwrap() }),
        (b"PASS tanstaaf", Command::Pass { password: Password::new("tanstaaf").unwrap() }),
        (b"QUIT", Command::Quit),
        (b"STAT", Command::Stat),
        (b"LIST", Command::List { message: None }),
        (b"LIST 2", Command::List { message: Some(number(2)) }),
        (b"RETR 1", Command::Retr { message: number(1) }),
        (b"DELE 4294967295", Command::Dele { message: number(u32::MAX) }),
        (b"NOOP", Command::Noop),
        (b"RSET", Command::Rset),
        (
            b"APOP mrose c4c9334bac560ecc979e58001b3e22fb",
            Command::Apop { name: Name::new("mrose").unwrap(), digest: Digest::from_hex(DIGEST).unwrap() },
        ),
        (b"TOP 1 10", Command::Top { message: number(1), lines: 10 }),
        (b"TOP 3 0", Command::Top { message: number(3), lines: 0 }),
        (b"TOP 1 18446744073709551615", Command::Top { message: number(1), lines: u64::MAX }),
        (b"UIDL", Command::Uidl { message: None }),
        (b"UIDL 7", Command::Uidl { message: Some(number(7)) }),
        (b"CAPA", Command::Capa),
        (b"LAST", Command::Last),
        (b"STLS", Command::Stls),
        (b"AUTH", Command::Auth { arguments: None }),
        (b"AUTH CRAM-MD5", auth(Mechanism::CRAM_MD5, None)),
        (b"AUTH EXTERNAL =", auth(Mechanism::EXTERNAL, Some("="))),
        (b"AUTH PLAIN AG1yb3NlAHRhbnN0YWFm", auth(Mechanism::PLAIN, Some("AG1yb3NlAHRhbnN0YWFm"))),
        (b"UTF8", Command::Utf8),
        (b"LANG", Command::Lang { language: None }),
        (b"LANG *", Command::Lang { language: Some(Language::Default) }),
        (b"LANG pt-BR", lang("pt-BR")),
    ]
}

#[test]
fn each_command_is_parsed_and_written_as_the_rfcs_have_it() {
    // R-1939-02
    for (line, command) in known_answers() {
        assert_eq!(strict(line), command);
        let mut out = Vec::new();
        command.encode(&mut out);
        assert_eq!(out, [line, b"\r\n"].concat());
    }
    let verbs: std::collections::HashSet<_> = known_answers().iter().map(|(_, command)| command.verb()).collect();
    assert_eq!(verbs, Verb::ALL.into_iter().collect(), "no command is left out");
}

#[test]
fn a_keyword_may_be_in_any_case_and_an_argument_keeps_its_own() {
    // R-1939-02
    for (line, command) in known_answers() {
        let keyword = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
        let mut lower = line.to_vec();
        lower[..keyword].make_ascii_lowercase();
        assert_eq!(strict(&lower), command);
        lower[0].make_ascii_uppercase();
        assert_eq!(strict(&lower), command);
    }
    assert_eq!(strict(b"user MRose"), Command::User { name: Name::new("MRose").unwrap() });
}

#[test]
fn only_the_octets_of_a_keyword_make_a_keyword() {
    // R-1939-02: a letter with one bit changed is another octet
    for verb in Verb::ALL {
        let line = verb.as_str().as_bytes();
        for at in 0..line.len() {
            for octet in 0..=255 {
                let mut other = line.to_vec();
                other[at] = octet;
                let of = Verb::from_line(&other);
                let exactly = Verb::ALL.into_iter().find(|verb| other.eq_ignore_ascii_case(verb.as_str().as_bytes()));
                assert_eq!(of, exactly, "{}", other.escape_ascii());
            }
        }
    }
}

#[test]
fn what_follows_a_keyword_without_a_space_makes_another_word() {
    // R-1939-10
    let words =
        ["NOOPS", "QUIT!", "TOPS 1 1", "TO", "STA", "LIST\t1", "LIST1", "RETR-1", "", " NOOP", "\tNOOP", "XTOP"];
    for line in
        words.into_iter().chain(["UTF", "UTF-8", "UTF88", "STARTTLS", "LANGUAGE de", "AUTHX PLAIN", "AUTH\tPLAIN"])
    {
        assert_eq!(error(line.as_bytes()), CommandError::UnknownKeyword, "{line:?}");
        assert_eq!(Verb::from_line(line.as_bytes()), None, "{line:?}");
    }
}

#[test]
fn the_digit_of_utf8_has_no_other_case() {
    // R-1939-02, R-6856-01
    for line in [b"UTF8", b"utf8", b"Utf8"] {
        assert_eq!(strict(line), Command::Utf8);
    }
    // One bit away from `8`, the one that makes a letter lower case.
    assert_eq!(error(b"UTF\x18"), CommandError::UnknownKeyword);
    assert_eq!(Verb::from_line(b"utf\x18"), None);
}

#[test]
fn the_keyword_is_known_even_if_the_rest_is_wrong() {
    for (line, verb) in [("pass", Verb::Pass), ("USER ", Verb::User), ("top x", Verb::Top), ("RETR 0", Verb::Retr)] {
        assert!(Command::parse(line.as_bytes()).is_err());
        assert_eq!(Verb::from_line(line.as_bytes()), Some(verb));
    }
}

#[test]
fn a_message_number_is_decimal_digits_from_1_to_the_largest() {
    // R-1939-19
    for (digits, value) in [("1", 1), ("01", 1), ("0000000000000000000000001", 1), ("4294967295", u32::MAX)] {
        assert_eq!(strict(format!("RETR {digits}").as_bytes()), Command::Retr { message: number(value) });
    }
    let range = CommandError::Number(NumberError::OutOfRange);
    for digits in ["0", "00", "4294967296", "4294967297", "18446744073709551616", "99999999999999999999"] {
        for command in ["RETR", "DELE", "LIST", "UIDL", "TOP"] {
            assert_eq!(error(format!("{command} {digits} 1").as_bytes()), range, "{digits}");
        }
    }
    let not_digits = CommandError::Number(NumberError::NotDigits);
    for digits in ["-1", "+1", "1.0", "1e3", "0x1", "a", "1a", "\u{661}", "1\t", "\t1", "1\u{a0}"] {
        assert_eq!(error(format!("RETR {digits}").as_bytes()), not_digits, "{digits:?}");
    }
    assert_eq!(error(b"RETR 99999999999999999999x"), not_digits, "the whole word is looked at");
}

#[test]
fn the_lines_of_top_may_be_any_64_bit_number() {
    // R-1939-26
    assert_eq!(strict(b"TOP 1 00"), Command::Top { message: number(1), lines: 0 });
    assert_eq!(strict(b"TOP 1 99999999"), Command::Top { message: number(1), lines: 99_999_999 });
    assert_eq!(error(b"TOP 1 18446744073709551616"), CommandError::Number(NumberError::OutOfRange));
    assert_eq!(error(b"TOP 1 -1"), CommandError::Number(NumberError::NotDigits));
    assert_eq!(error(b"TOP 1"), CommandError::MissingArgument);
    assert_eq!(error(b"TOP"), CommandError::MissingArgument);
}

#[test]
fn surplus_arguments_are_refused() {
    // R-1939-02
    for line in [
        "QUIT 1",
        "STAT x",
        "LIST 1 2",
        "RETR 1 2",
        "DELE 1 2",
        "NOOP x",
        "RSET 1",
        "TOP 1 2 3",
        "UIDL 1 2",
        "CAPA x",
        "LAST 1",
        "STLS now",
        "UTF8 USER",
        "LANG de en",
        "LANG * *",
        "AUTH PLAIN = =",
        "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm x",
    ] {
        assert_eq!(error(line.as_bytes()), CommandError::SurplusArgument, "{line}");
        assert_eq!(error(line.replace(' ', "  ").as_bytes()), CommandError::SurplusArgument, "{line}");
    }
}

#[test]
fn repeated_and_trailing_spaces_around_numbers_are_a_deviation() {
    // R-1939-02, R-GEN-11
    let extra = DeviationSet::NONE.with(Deviation::ExtraSpaces);
    for (line, command) in [
        ("LIST  1", Command::List { message: Some(number(1)) }),
        ("LIST 1 ", Command::List { message: Some(number(1)) }),
        ("LIST ", Command::List { message: None }),
        ("UIDL   ", Command::Uidl { message: None }),
        ("TOP 1  2", Command::Top { message: number(1), lines: 2 }),
        ("TOP   1 2   ", Command::Top { message: number(1), lines: 2 }),
        ("QUIT ", Command::Quit),
        ("STAT  ", Command::Stat),
        ("STLS ", Command::Stls),
        ("UTF8 ", Command::Utf8),
        ("LANG ", Command::Lang { language: None }),
        ("LANG  de ", lang("de")),
        ("AUTH ", Command::Auth { arguments: None }),
        ("AUTH   ", Command::Auth { arguments: None }),
        ("AUTH  PLAIN", auth(Mechanism::PLAIN, None)),
        ("AUTH PLAIN ", auth(Mechanism::PLAIN, None)),
        ("AUTH PLAIN  = ", auth(Mechanism::PLAIN, Some("="))),
    ] {
        let parsed = Command::parse(line.as_bytes()).unwrap();
        assert_eq!((parsed.value, parsed.deviations), (command, extra), "{line:?}");
    }
}

#[test]
fn credentials_are_the_rest_of_the_line_verbatim() {
    // R-1939-16, R-1939-17
    for text in ["a", " a", "a ", " a b ", "  ", "a+b", "=", "\"a\"", "a\\b", "A", "PASS"] {
        let user = format!("USER {text}");
        assert_eq!(strict(user.as_bytes()), Command::User { name: Name::new(text).unwrap() });
        let pass = format!("PASS {text}");
        assert_eq!(strict(pass.as_bytes()), Command::Pass { password: Password::new(text).unwrap() });
        let apop = [format!("APOP {text} ").as_bytes(), DIGEST].concat();
        assert!(matches!(strict(&apop), Command::Apop { name, .. } if name.as_bytes() == text.as_bytes()));
    }
}

#[test]
fn odd_octets_in_credentials_are_deviations_or_refused() {
    // R-1939-04, R-6856-06
    let deviations = |line: &[u8]| Command::parse(line).map(|parsed| parsed.deviations);
    let eight_bit = DeviationSet::NONE.with(Deviation::EightBitCredentials);
    let control = DeviationSet::NONE.with(Deviation::ControlInPassword);
    assert_eq!(deviations(b"USER \xff"), Ok(eight_bit));
    assert_eq!(deviations(b"PASS \x80"), Ok(eight_bit));
    assert_eq!(deviations(b"PASS \x01\x7f\t"), Ok(control));
    assert_eq!(deviations(b"PASS \x1b\xff").map(|set| set.iter().count()), Ok(2));
    assert_eq!(deviations(&[b"APOP \xc3\xbc ", DIGEST].concat()), Ok(eight_bit));
    for octet in (0..32).chain([127]) {
        assert_eq!(
            deviations(&[b"USER a".as_slice(), &[octet]].concat()),
            Err(CommandError::ForbiddenOctet),
            "{octet}"
        );
    }
    for octet in [b'\r', b'\n', 0] {
        assert_eq!(
            deviations(&[b"PASS a".as_slice(), &[octet]].concat()),
            Err(CommandError::ForbiddenOctet),
            "{octet}"
        );
    }
}

#[test]
fn credentials_with_a_line_end_or_nul_are_refused_without_being_shown() {
    // R-1939-04, R-OBS-06
    for text in ["zebra\r\nDELE 1", "zebra\n", "zebra\0", "\r", "\n", "\0"] {
        let name = Name::new(text).unwrap_err();
        let password = Password::new(text).unwrap_err();
        let shown = format!("{name} {name:?} {password} {password:?}");
        assert!(!shown.contains("zebra") && !shown.contains("DELE"), "{shown}");
    }
    assert!(Name::new("").is_err() && Password::new("").is_err());
    assert!(Name::new("tab\t").is_err() && Password::new("tab\t").is_ok());
}

#[test]
fn a_mechanism_is_1_to_20_letters_digits_hyphens_and_underscores_in_any_case() {
    // R-5034-01
    for name in ["plain", "Plain", "PLAIN", "pLaIn"] {
        assert_eq!(strict(format!("AUTH {name}").as_bytes()), auth(Mechanism::PLAIN, None));
        assert_eq!(strict(format!("auth {name} =").as_bytes()), auth(Mechanism::PLAIN, Some("=")));
    }
    let longest = "ABCDEFGHIJKLMNOPQ-_9";
    assert_eq!(strict(format!("AUTH {longest}").as_bytes()), auth(Mechanism::new(longest).unwrap(), None));
    let too_long = format!("{longest}0");
    for name in [too_long.as_str(), "PLAIN!", "A.B", "PLAIN=", "*", "=", "+", "PL\u{fc}IN", "PLAIN\t", "PLAIN\r", "\0"]
    {
        assert_eq!(error(format!("AUTH {name}").as_bytes()), CommandError::Mechanism, "{name:?}");
        assert_eq!(error(format!("AUTH {name} =").as_bytes()), CommandError::Mechanism, "{name:?}");
        assert!(Mechanism::new(name).is_err(), "{name:?}");
    }
    assert!(Mechanism::new("").is_err());
}

#[test]
fn an_initial_response_is_visible_ascii_and_absent_is_not_empty() {
    // R-5034-02
    assert_ne!(strict(b"AUTH PLAIN"), strict(b"AUTH PLAIN ="));
    for octet in 0..=255_u8 {
        let line = [b"AUTH PLAIN AAA".as_slice(), &[octet]].concat();
        match octet {
            b' ' => assert_eq!(Command::parse(&line).unwrap().value, auth(Mechanism::PLAIN, Some("AAA"))),
            b'!'..=b'~' => {
                let response = InitialResponse::new(&line[11..]).unwrap();
                let arguments = Some(AuthArguments { mechanism: Mechanism::PLAIN, initial_response: Some(response) });
                assert_eq!(strict(&line), Command::Auth { arguments });
                assert_eq!(response.expose(), &line[11..]);
            }
            _ => assert_eq!(error(&line), CommandError::ForbiddenOctet, "{octet}"),
        }
    }
    assert!(InitialResponse::new("").is_err() && InitialResponse::new("a b").is_err());
}

#[test]
fn an_initial_response_is_not_shown() {
    // R-GEN-07
    let command = strict(b"AUTH PLAIN zebrazebra==");
    assert!(format!("{command:?}").contains("PLAIN"));
    assert!(!format!("{command:?}").contains("zebra"));
    let (mechanism, response) = (error(b"AUTH zebra! x"), error(b"AUTH PLAIN zebra\x7f"));
    let invalid = InitialResponse::new("zebra\0").unwrap_err();
    let shown = format!("{mechanism} {mechanism:?} {response} {response:?} {invalid} {invalid:?}");
    assert!(!shown.contains("zebra"), "{shown}");
}

#[test]
fn a_language_is_a_tag_of_up_to_64_octets_or_a_star() {
    // R-6856-07
    let longest = format!("{}a", "abcdefgh-".repeat(7));
    assert_eq!(longest.len(), LanguageTag::MAX_OCTETS);
    for tag in ["de", "pt-BR", "i-default", "x-1", "1", "a", "abcdefgh", "zh-Hant-TW", "QPS-ploc", longest.as_str()] {
        assert_eq!(strict(format!("LANG {tag}").as_bytes()), lang(tag));
        assert_eq!(strict(format!("LANG {}", tag.to_uppercase()).as_bytes()), lang(tag), "in any case");
    }
    assert_ne!(strict(b"LANG de"), lang("de-DE"));
    let too_long = format!("{longest}a");
    for tag in ["**", "*x", "de-*", "abcdefghi", "de-", "-de", "-", "de--AT", "d_e", "d.e", "d\u{e9}", "de\t", "de\r"] {
        assert_eq!(error(format!("LANG {tag}").as_bytes()), CommandError::Language, "{tag:?}");
        assert!(LanguageTag::new(tag).is_err(), "{tag:?}");
    }
    assert_eq!(error(format!("LANG {too_long}").as_bytes()), CommandError::Language);
    assert_eq!(error(b"LANG \xff"), CommandError::Language);
    assert!(LanguageTag::new("").is_err() && LanguageTag::new("*").is_err());
}

#[test]
fn every_deviation_has_a_name_of_its_own() {
    // R-GEN-11
    let names: std::collections::HashSet<_> = Deviation::ALL.iter().map(|deviation| deviation.name()).collect();
    assert_eq!(names.len(), Deviation::ALL.len());
    let all: DeviationSet = Deviation::ALL.into_iter().collect();
    for deviation in Deviation::ALL {
        assert!(all.contains(deviation) && !all.without(deviation).contains(deviation));
    }
    assert_eq!(all, DeviationSet::ALL);
    assert!(all.iter().eq(Deviation::ALL) && DeviationSet::NONE.is_empty() && !all.is_empty());
}

proptest! {
    #[test]
    fn any_octets_are_parsed_without_a_panic_and_a_command_comes_back_from_its_line(
        line in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(USER|pass|List|RETR|dele|TOP|UIDL|APOP|QUIT|STAT)[ 0-9a-f+-]{0,40}".prop_map(String::into_bytes),
            "(AUTH|auth|LANG|Lang|UTF8|STLS)( {1,2}[a-fA-F0-9*=-]{0,12}){0,3}".prop_map(String::into_bytes),
        ]
    ) {
        if let Ok(parsed) = Command::parse(&line) {
            let mut out = Vec::new();
            parsed.value.encode(&mut out);
            let again = Command::parse(out.strip_suffix(b"\r\n").unwrap()).unwrap();
            prop_assert_eq!(again.value, parsed.value);
            prop_assert_eq!(Verb::from_line(&line), Some(parsed.value.verb()));
            let credentials = DeviationSet::NONE.with(Deviation::EightBitCredentials).with(Deviation::ControlInPassword);
            prop_assert!(again.deviations.iter().all(|deviation| credentials.contains(deviation)), "what is sent is strict");
        }
    }
}
