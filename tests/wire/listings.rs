//! Drop, scan, unique-id and language listings; unique-ids.

use std::collections::HashSet;

use pop3_proto::message::{InvalidUniqueId, MessageNumber, UniqueId, UniqueIds};
use pop3_proto::wire::{
    Deviation, DeviationSet, DropListing, InvalidListing, LanguageListing, LanguageTag, ScanListing, Text,
    UniqueIdListing,
};
use proptest::prelude::*;

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

/// Each reader, overlooking nothing.
fn drop_listing(text: &[u8]) -> Result<DropListing, InvalidListing> {
    DropListing::parse(text, DeviationSet::NONE).map(|parsed| parsed.value)
}

fn scan_listing(line: &[u8]) -> Result<ScanListing, InvalidListing> {
    ScanListing::parse(line, DeviationSet::NONE).map(|parsed| parsed.value)
}

fn unique_id_listing(line: &[u8]) -> Result<UniqueIdListing<'_>, InvalidListing> {
    let (message, unique_id) = UniqueIdListing::parse(line, DeviationSet::NONE)?.value;
    Ok(UniqueIdListing {
        message,
        unique_id: UniqueId::new(unique_id).expect("what keeps to the rules is a unique-id"),
    })
}

fn written(encode: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// What is written, without its line end.
fn line(encode: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let out = written(encode);
    out.strip_suffix(b"\r\n").expect("a line end").to_vec()
}

const NUMBERS: [u64; 14] = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 65_536, 4_294_967_295, 4_294_967_296, u64::MAX];

#[test]
fn numbers_are_written_in_decimal_without_leading_zeros() {
    // R-GEN-12
    for octets in NUMBERS {
        for message in [1, 9, 10, 99, 100, 12_345, u32::MAX] {
            let listing = ScanListing { message: number(message), octets };
            assert_eq!(written(|out| listing.encode(out)), format!("{message} {octets}\r\n").as_bytes());
            let listing = DropListing { messages: message, octets };
            assert_eq!(written(|out| listing.encode(out)), format!("{message} {octets}\r\n").as_bytes());
        }
    }
}

#[test]
fn a_message_number_is_a_number_from_1() {
    // R-1939-19
    let two = number(2);
    assert_eq!((MessageNumber::try_from(2), "2".parse(), two.get(), u32::from(two)), (Ok(two), Ok(two), 2, 2));
    assert!(MessageNumber::try_from(0).is_err());
    assert_eq!(MessageNumber::new(0), None);
    for digits in ["", "0", "-1", "1 ", "x", "4294967296"] {
        assert!(digits.parse::<MessageNumber>().is_err(), "{digits:?}");
    }
}

#[test]
fn what_follows_the_numbers_is_ignored() {
    // R-1939-21, R-1939-22
    assert_eq!(drop_listing(b"2 320 octets in all"), Ok(DropListing { messages: 2, octets: 320 }));
    assert_eq!(scan_listing(b"1 120 (more)"), Ok(ScanListing { message: number(1), octets: 120 }));
}

#[test]
fn garbage_in_a_listing_is_a_typed_error() {
    // R-GEN-12
    let lines: [&[u8]; 11] = [
        b"",
        b"1",
        b"1 ",
        b"1  120",
        b" 1 120",
        b"1 big",
        b"x 120",
        b"1 -120",
        b"0 120",
        b"4294967296 120",
        b"1 18446744073709551616",
    ];
    for line in lines {
        assert_eq!(scan_listing(line), Err(InvalidListing), "{}", line.escape_ascii());
    }
    assert_eq!(drop_listing(b"0 0"), Ok(DropListing { messages: 0, octets: 0 }));
    assert_eq!(drop_listing(b"4294967296 1"), Err(InvalidListing));
}

#[test]
fn a_unique_id_is_1_to_70_octets_of_0x21_to_0x7e() {
    // R-1939-27
    for octet in 0..=255_u8 {
        let valid = (0x21..=0x7e).contains(&octet);
        assert_eq!(UniqueId::new(&[octet]).is_ok(), valid, "{octet:#x}");
        assert_eq!(UniqueId::new(&[b'a', octet, b'a']).is_ok(), valid, "{octet:#x}");
    }
    assert_eq!(UniqueId::new(""), Err(InvalidUniqueId));
    assert!(UniqueId::new(&"x".repeat(70)).is_ok());
    assert_eq!(UniqueId::new(&"x".repeat(71)), Err(InvalidUniqueId));
    assert_eq!(UniqueId::new(&"x".repeat(500)), Err(InvalidUniqueId));
}

#[test]
fn a_unique_id_listing_has_nothing_behind_the_unique_id() {
    // R-1939-27
    let listing = UniqueIdListing { message: number(12), unique_id: UniqueId::new("QhdPYR:00WBw1Ph7x7").unwrap() };
    assert_eq!(written(|out| listing.encode(out)), b"12 QhdPYR:00WBw1Ph7x7\r\n");
    assert_eq!(unique_id_listing(b"12 QhdPYR:00WBw1Ph7x7"), Ok(listing));
    assert_eq!(unique_id_listing(b"1 a b"), Err(InvalidListing));
    assert_eq!(unique_id_listing(b"1  a"), Err(InvalidListing));
    assert_eq!(unique_id_listing(b"1 "), Err(InvalidListing));
}

#[test]
fn what_is_accepted_in_a_listing_is_overlooked_and_reported() {
    // R-1939-21, R-1939-22, R-1939-27
    let all: DeviationSet = Deviation::ALL.into_iter().collect();
    let set = |deviations: &[Deviation]| deviations.iter().copied().collect::<DeviationSet>();
    let spaces = set(&[Deviation::ExtraSpaces]);
    for line in [" 12 120", "12  120", "12 120 ", "  12   120  "] {
        let parsed = ScanListing::parse(line.as_bytes(), all).unwrap();
        assert_eq!((parsed.value, parsed.deviations), (ScanListing { message: number(12), octets: 120 }, spaces));
        let parsed = DropListing::parse(line.as_bytes(), all).unwrap();
        assert_eq!((parsed.value, parsed.deviations), (DropListing { messages: 12, octets: 120 }, spaces));
    }
    let odd = set(&[Deviation::OddUniqueId]);
    let both = set(&[Deviation::OddUniqueId, Deviation::ExtraSpaces]);
    for (line, id, deviations) in [
        ("12 a", "a", set(&[])),
        ("12 abcdefghijkl", "abcdefghijkl", set(&[])),
        ("12 a b", "a b", odd),
        (" 12  a  b ", "a  b", both),
        ("12 a\tb ", "a\tb", both),
        ("12  abcdefghijkl", "abcdefghijkl", spaces),
    ] {
        let parsed = UniqueIdListing::parse(line.as_bytes(), all).unwrap();
        assert_eq!((parsed.value, parsed.deviations), ((number(12), id.as_bytes()), deviations), "{line:?}");
        assert_eq!(UniqueIdListing::parse(line.as_bytes(), deviations), Ok(parsed));
        assert_eq!(unique_id_listing(line.as_bytes()).is_ok(), deviations.is_empty(), "{line:?}");
    }
    let long = format!("1 {}", "x".repeat(71));
    assert_eq!(UniqueIdListing::parse(long.as_bytes(), all).unwrap().deviations, odd);
    assert_eq!(UniqueIdListing::parse(long.as_bytes(), spaces), Err(InvalidListing));
}

#[test]
fn a_language_listing_is_a_tag_and_perhaps_a_description() {
    // R-6856-07
    let listing = |tag: &'static str, text: &'static str| LanguageListing {
        tag: LanguageTag::new(tag).unwrap(),
        description: Some(text).filter(|text| !text.is_empty()).map(|text| Text::new(text).unwrap()),
    };
    for (line, listing) in [
        ("en English", listing("en", "English")),
        ("de", listing("de", "")),
        ("pt-BR Portugu\u{ea}s do Brasil", listing("pt-BR", "Portugu\u{ea}s do Brasil")),
    ] {
        assert_eq!(LanguageListing::parse(line.as_bytes()), Ok(listing));
        assert_eq!(written(|out| listing.encode(out)), format!("{line}\r\n").as_bytes());
    }
    for (line, listing) in
        [("de ", listing("de", "")), ("de   ", listing("de", "")), ("DE  Deutsch ", listing("de", "Deutsch"))]
    {
        assert_eq!(LanguageListing::parse(line.as_bytes()), Ok(listing), "{line:?}");
    }
}

#[test]
fn what_is_no_language_listing_is_refused() {
    // R-6856-07, R-1939-05
    for line in ["", " English", "*", "* all", "d_e", "abcdefghi x", "de a\rb", "de a\0", "de\tDeutsch"] {
        assert!(LanguageListing::parse(line.as_bytes()).is_err(), "{line:?}");
    }
    assert!(LanguageListing::parse(b"de \xff").is_err(), "it isn't UTF-8");
}

#[test]
fn valid_and_distinct_names_stay_as_they_are() {
    // R-1939-27, C10
    let ids: UniqueIds = ["b", "a", "~"].into_iter().collect();
    let listed: Vec<_> = (1..=3).map(|n| ids.get(number(n)).unwrap().as_str()).collect();
    assert_eq!(listed, ["b", "a", "~"]);
    assert_eq!((ids.len(), ids.is_empty(), ids.get(number(4))), (3, false, None));
    assert!(UniqueIds::default().is_empty());
}

#[test]
fn a_name_that_had_to_be_replaced_is_replaced_by_the_same_one_next_time() {
    // R-1939-27: an identity, never a position
    let long = "x".repeat(71);
    let first: UniqueIds = ["a b", "", long.as_str(), "c", "c"].into_iter().collect();
    let later: UniqueIds = ["new", "c", "a b", "c", long.as_str(), ""].into_iter().collect();
    let id = |ids: &UniqueIds, n| ids.get(number(n)).unwrap().as_str().to_owned();
    assert_eq!(id(&first, 1), id(&later, 3));
    assert_eq!(id(&first, 2), id(&later, 6));
    assert_eq!(id(&first, 3), id(&later, 5));
    assert_eq!((id(&first, 4).as_str(), id(&first, 4)), ("c", id(&later, 2)));
    assert_eq!(id(&first, 5), id(&later, 4));
}

/// What messages with these names are called.
fn identified<T: AsRef<[u8]>>(names: &[T]) -> Vec<String> {
    let ids: UniqueIds = names.iter().collect();
    (1..).map_while(|n| ids.get(number(n))).map(|id| id.as_str().to_owned()).collect()
}

#[test]
fn of_equal_names_each_has_an_id_of_its_own() {
    // R-1939-27, C10
    let three = identified(&["a", "a", "b", "a"]);
    assert_eq!((three[0].as_str(), three[2].as_str()), ("a", "b"));
    let distinct: HashSet<_> = three.iter().collect();
    assert_eq!(distinct.len(), 4, "{three:?}");
    assert_eq!(identified(&["b", "a", "x", "a", "a"])[3..], [three[1].clone(), three[3].clone()], "by its rank alone");
    let blank = identified(&["", "a b", "", "a b", ""]);
    assert_eq!(blank.iter().collect::<HashSet<_>>().len(), 5, "{blank:?}");
    assert!(blank.iter().all(|id| id.len() == 32));
}

#[test]
fn a_valid_name_keeps_its_id_even_if_it_is_what_another_would_become() {
    // R-1939-27: whoever has a name of its own isn't renamed for one that hasn't
    let second = identified(&["a", "a"])[1].clone();
    let invalid = identified(&["a b"])[0].clone();
    for names in [
        ["a", "a", second.as_str(), "a b", &invalid],
        [&second, "a", "a", &invalid, "a b"],
        ["a b", &invalid, "a", &second, "a"],
    ] {
        let ids = identified(&names);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 5, "{ids:?}");
        for (name, id) in names.iter().zip(&ids).filter(|(name, _)| **name == second || **name == invalid) {
            assert_eq!(name, id);
        }
        assert!(ids.contains(&"a".to_owned()));
    }
}

#[test]
fn the_numbers_of_the_largest_maildrop_end_at_the_largest_number() {
    let mut numbers = DropListing { messages: u32::MAX, octets: 0 }.numbers();
    assert_eq!((numbers.next(), numbers.next_back()), (Some(MessageNumber::FIRST), MessageNumber::new(u32::MAX)));
    assert_eq!(numbers.nth(u32::MAX as usize - 3), MessageNumber::new(u32::MAX - 1));
    assert_eq!((numbers.next(), numbers.next_back()), (None, None));
}

proptest! {
    #[test]
    fn unique_ids_of_any_names_are_valid_and_distinct(
        names in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'a'), Just(b' '), Just(b'b')], 0..4), 0..40)
    ) {
        let ids: UniqueIds = names.iter().collect();
        prop_assert_eq!(ids.len(), names.len());
        let mut seen = HashSet::new();
        for (n, name) in (1..).zip(&names) {
            let id = ids.get(number(n)).unwrap();
            prop_assert!(UniqueId::new(id.as_str()).is_ok());
            if seen.insert(id.as_str().to_owned()) && names.iter().filter(|other| *other == name).count() == 1 {
                prop_assert!(UniqueId::new(name).is_err() || id.as_bytes() == name.as_slice());
            }
        }
        prop_assert_eq!(seen.len(), names.len());
    }

    #[test]
    fn a_listing_comes_back_from_its_line(message in 1_u32.., octets: u64, id in "[!-~]{1,70}") {
        let scan = ScanListing { message: number(message), octets };
        prop_assert_eq!(scan_listing(&line(|out| scan.encode(out))), Ok(scan));
        let total = DropListing { messages: message, octets };
        prop_assert_eq!(drop_listing(&line(|out| total.encode(out))), Ok(total));
        let unique = UniqueIdListing { message: number(message), unique_id: UniqueId::new(&id).unwrap() };
        let line = line(|out| unique.encode(out));
        prop_assert_eq!(unique_id_listing(&line), Ok(unique));
    }

    #[test]
    fn a_maildrop_has_a_number_for_each_message_from_both_ends(count in 0_u32..50, front in 0_usize..60) {
        let stat = DropListing { messages: count, octets: 0 };
        let all: Vec<MessageNumber> = (1..=count).map(number).collect();
        prop_assert_eq!(stat.numbers().len(), all.len());
        prop_assert_eq!(&stat.numbers().collect::<Vec<_>>(), &all);
        prop_assert!(stat.numbers().rev().eq(all.iter().rev().copied()));
        let mut rest = stat.numbers();
        prop_assert_eq!(rest.nth(front), all.get(front).copied());
        prop_assert_eq!(rest.next_back(), all.get(front + 1..).and_then(<[_]>::last).copied());
    }

    #[test]
    fn a_language_listing_comes_back_from_its_line(tag in "[a-zA-Z0-9]{1,8}(-[a-zA-Z0-9]{1,8}){0,3}", text in "\\PC{0,20}") {
        let description = Text::new(text.trim_ascii()).ok().filter(|text| *text != Text::EMPTY);
        let listing = LanguageListing { tag: LanguageTag::new(&tag).unwrap(), description };
        let line = line(|out| listing.encode(out));
        prop_assert_eq!(LanguageListing::parse(&line), Ok(listing));
    }

    #[test]
    fn any_octets_are_parsed_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = drop_listing(&line);
        let _ = scan_listing(&line);
        let _ = unique_id_listing(&line);
        let _ = LanguageListing::parse(&line);
    }
}
