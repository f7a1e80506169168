//! What an attacker may try with names, passwords and SASL: each attempt meets an end that has a name, the host sees
//! nothing that no client may say, and no mail is ever removed.

use pop3_proto::Security;
use pop3_proto::auth::sasl::base64;
use pop3_proto::server::{CloseReason, Config, Session, Utf8};
use pop3_proto::wire::{Mechanism, Opening, Properties, State, Timestamp};
use proptest::prelude::*;

use crate::common::{Call, Server, Store, TIMESTAMP};

const WRONG: &str = "-ERR [AUTH] wrong name or password\r\n";
const LINE_TOO_LONG: &str = "-ERR line too long\r\n";
const MALFORMED: &str = "-ERR response is malformed\r\n";
const NOT_BASE64: &str = "-ERR response is not base64\r\n";

fn x64() -> Mechanism {
    Mechanism::new("X-64").unwrap()
}

/// The mechanisms with passwords, and one that no RFC knows.
fn all() -> Config {
    let config = Config::new().mechanism(Mechanism::LOGIN).unwrap().mechanism(Mechanism::CRAM_MD5).unwrap();
    config.mechanism_with(x64(), Properties { opening: Opening::Client, cleartext: false }).unwrap()
}

fn server(config: Config) -> Server {
    let session = Session::with_exchange(config.into(), Security::Tls);
    let mut server = Server::of(&Store::example(), session.with_timestamp(Timestamp::new(TIMESTAMP).unwrap()));
    server.send("");
    server
}

fn encoded(message: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(message.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

/// A guess at each of the ways in, line by line. One has the right password, where the session turns it down by itself:
/// for somebody else's maildrop.
fn guesses(as_logins: bool) -> [Vec<String>; 9] {
    let other = encoded(if as_logins { "other\0mrose\0tanstaaf" } else { "other\0mrose\0wrong" });
    let plain = encoded("\0mrose\0wrong");
    let (name, wrong) = (encoded("mrose"), encoded("wrong"));
    let login = [format!("AUTH LOGIN {name}"), wrong.clone()].to_vec();
    [
        vec!["USER mrose".into(), "PASS wrong".into()],
        vec![format!("APOP mrose {}", "0".repeat(32))],
        vec![format!("AUTH PLAIN {plain}")],
        vec!["AUTH PLAIN".into(), plain],
        vec![format!("AUTH PLAIN {other}")],
        vec![format!("AUTH PLAIN {}", encoded("\0mrose\0tanstaaf\r\n"))],
        login.clone(),
        // The host of these tests takes the name with AUTH only.
        if as_logins { vec!["AUTH LOGIN".into(), name, wrong] } else { login },
        vec!["AUTH CRAM-MD5".into(), encoded(format!("mrose {}", "0".repeat(32)))],
    ]
}

/// Makes guesses until the session is over: how many, and what the last line was answered with.
fn guess<'a>(server: &mut Server, guesses: impl Iterator<Item = &'a Vec<String>>) -> usize {
    let mut made = 0;
    for guess in guesses {
        made += 1;
        let (last, lines) = guess.split_last().unwrap();
        for line in lines {
            let reply = server.send(format!("{line}\r\n"));
            assert!(reply.starts_with('+') && server.closed.is_none(), "{line}: {reply}");
        }
        assert_eq!(server.send(format!("{last}\r\n")), WRONG, "{guess:?}");
        if server.closed.is_some() {
            break;
        }
    }
    made
}

#[test]
fn guessing_ends_at_the_limit_whatever_the_way_in() {
    // R-GEN-06, R-5034-10, R-3206-03
    for as_logins in [true, false] {
        for limit in [1, 3, 5] {
            let new = || server(all().sasl_passwords_as_logins(as_logins).failed_logins(limit).unwrap());
            for attempt in &guesses(as_logins) {
                let mut server = new();
                assert_eq!(guess(&mut server, std::iter::repeat(attempt)), limit as usize, "{attempt:?}");
                assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
                let asked = server.store.calls().into_iter().filter(|call| *call != Call::ExchangeDropped).count();
                assert!(asked <= attempt.len() * limit as usize, "{attempt:?}");
                assert!(!server.store.locked.get());
            }
        }
    }
}

#[test]
fn guesses_after_the_last_one_are_not_looked_at() {
    // R-GEN-06
    for attempt in &guesses(true) {
        let mut server = server(all());
        let output = server.send((attempt.join("\r\n") + "\r\n").repeat(4) + "USER mrose\r\nPASS tanstaaf\r\n");
        assert_eq!((output.matches(WRONG).count(), output.ends_with(WRONG)), (3, true), "{attempt:?}");
        assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
        assert!(!server.store.logins().contains(&("mrose".into(), "tanstaaf".into())));
    }
}

proptest! {
    #[test]
    fn guessing_by_many_ways_in_has_the_same_limit(
        order in prop::collection::vec(0_usize..9, 8), as_logins in any::<bool>(), limit in 1_u32..8
    ) {
        // R-GEN-06
        let mut server = server(all().sasl_passwords_as_logins(as_logins).failed_logins(limit).unwrap());
        let guesses = guesses(as_logins);
        prop_assert_eq!(guess(&mut server, order.iter().map(|&way| &guesses[way])), limit as usize);
        prop_assert_eq!(server.closed, Some(CloseReason::TooManyFailedLogins));
    }
}

#[test]
fn exchanges_that_are_begun_and_cancelled_end_at_the_limit_of_commands() {
    // R-5034-07, R-GEN-06
    for (exchange, steps) in [
        ("AUTH PLAIN\r\n*\r\n", 0),
        ("AUTH LOGIN\r\n*\r\n", 0),
        ("AUTH LOGIN bXJvc2U=\r\n*\r\n", 0),
        ("AUTH LOGIN\r\nbXJvc2U=\r\n*\r\n", 0),
        ("AUTH CRAM-MD5\r\n*\r\n", 50),
        ("AUTH X-64 =\r\n*\r\n", 50),
    ] {
        let mut server = server(all());
        let output = server.send(exchange.repeat(1_000));
        assert_eq!(server.closed, Some(CloseReason::TooManyCommandsBeforeLogin), "{exchange:?}");
        assert_eq!(output.matches("-ERR exchange cancelled\r\n").count(), 50, "{exchange:?}");
        assert!(output.ends_with("cancelled\r\n-ERR too many commands before login\r\n"));
        let (dropped, asked): (Vec<_>, Vec<_>) =
            server.store.calls().into_iter().partition(|call| *call == Call::ExchangeDropped);
        assert_eq!((asked.len(), dropped.len()), (steps, steps), "{exchange:?}");
    }
}

#[test]
fn responses_that_make_no_sense_are_bad_commands_and_the_third_is_the_last() {
    // R-5034-08, R-GEN-06
    for (response, reply) in [
        ("!", NOT_BASE64),
        ("====", NOT_BASE64),
        ("AAA\0", NOT_BASE64),
        ("AAA\r", NOT_BASE64),
        ("AAAA", MALFORMED),
        (&"A".repeat(70_000), LINE_TOO_LONG),
    ] {
        let mut server = server(all());
        for _ in 0..9 {
            assert_eq!(server.send(format!("AUTH PLAIN\r\n{response}\r\n")), format!("+ \r\n{reply}"));
        }
        let last = server.send(format!("AUTH PLAIN\r\n{response}\r\n"));
        assert_eq!(last, "+ \r\n-ERR too many bad commands\r\n");
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands));
        assert_eq!(server.store.calls(), []);
    }
}

/// The first octets that the host was given in an exchange.
fn first_response(server: &Server) -> Option<Vec<u8>> {
    server.store.calls().into_iter().find_map(|call| if let Call::Step(_, response) = call { response } else { None })
}

#[test]
fn a_line_of_64_kib_is_the_longest_and_its_octets_reach_the_host_unchanged() {
    // R-5034-05, R-5034-06
    for limit in [12_288_usize, 65_536, 100_000] {
        // What base64 is there in the line of the limit: in AUTH, and in a response, CRLF included.
        for (begin, most) in [("AUTH X-64 ", limit - 12), ("AUTH X-64\r\n", limit - 2)] {
            let fits = most / 4 * 4;
            for text in [fits - 4, fits, fits + 4] {
                let message: Vec<u8> = (0..text / 4 * 3).map(|at| at.to_le_bytes()[0]).collect();
                for reads in [1, 1_000, usize::MAX] {
                    let mut server = server(all().sasl_line_limit(u32::try_from(limit).unwrap()).unwrap());
                    server.store.steps.set(0);
                    server.reads = reads.into();
                    let output = server.send(format!("{begin}{}\r\n", encoded(&message)));
                    if text <= most {
                        assert!(output.ends_with("+OK maildrop locked and ready\r\n"), "{limit} {begin:?} {text}");
                        assert_eq!(first_response(&server).as_ref(), Some(&message));
                    } else {
                        assert!(output.ends_with(LINE_TOO_LONG), "{limit} {begin:?} {text}: {output}");
                        assert_eq!(server.store.calls(), [], "{limit} {begin:?} {text}");
                        assert_eq!(server.session.state(), Some(State::Authorization));
                    }
                }
            }
        }
    }
}

#[test]
fn base64_that_goes_wrong_at_its_very_end_reaches_nobody() {
    // R-5034-08
    for begin in ["AUTH X-64 ", "AUTH X-64\r\n"] {
        for end in ["A", "AA", "AAA", "AAA*", "AA=A", "A===", "AB==", "AAB=", "====", "AAA ", "AAA=AAAA", "AA\0A"] {
            let mut server = server(all());
            let output = server.send(format!("{begin}{}{end}\r\n", "A".repeat(60_000)));
            assert!(output.lines().last().unwrap().starts_with("-ERR"), "{begin:?} {end:?}");
            assert_eq!(server.store.calls(), [], "{begin:?} {end:?}");
            assert_eq!(server.session.state(), Some(State::Authorization));
        }
    }
}

/// Sends the lines of an exchange one by one: the replies, and whether the session goes on to its next command.
fn exchange(server: &mut Server, lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| server.send(format!("{line}\r\n"))).collect()
}

#[test]
fn what_base64_hides_never_reaches_the_host_as_a_name_or_a_password_and_is_never_echoed() {
    // R-1939-04, R-1939-05, R-5034-13, R-OBS-06
    for hidden in ["\r\n", "\n", "\r", "\0", "\r\nDELE 1\r\n", "\0\0", "x\r\n.\r\n+OK x"] {
        for text in [format!("mrose{hidden}"), format!("{hidden}mrose"), format!("mro{hidden}se")] {
            for (lines, last) in [
                (vec![format!("AUTH PLAIN {}", encoded(format!("\0{text}\0tanstaaf")))], MALFORMED),
                (vec![format!("AUTH PLAIN {}", encoded(format!("{text}\0mrose\0tanstaaf")))], MALFORMED),
                (
                    vec!["AUTH PLAIN".into(), encoded(format!("\0mrose\0{text}"))],
                    if hidden.contains('\0') { MALFORMED } else { WRONG },
                ),
                (vec![format!("AUTH LOGIN {}", encoded(&text))], MALFORMED),
                (vec!["AUTH LOGIN".into(), encoded(&text)], MALFORMED),
                (
                    vec!["AUTH LOGIN".into(), encoded("mrose"), encoded(&text)],
                    if hidden.contains('\0') { MALFORMED } else { WRONG },
                ),
                (vec!["AUTH CRAM-MD5".into(), encoded(format!("{text} {}", "0".repeat(32)))], WRONG),
            ] {
                for config in [all(), all().utf8(Utf8::MessagesAndNames)] {
                    let mut server = server(config);
                    let replies = exchange(&mut server, &lines);
                    assert_eq!(replies.last().unwrap(), last, "{lines:?} {text:?}");
                    assert!(replies.iter().all(|reply| reply.matches('\n').count() == 1), "{replies:?}");
                    assert!(server.store.logins().is_empty(), "{text:?}");
                    assert_eq!(server.send("STAT\r\nQUIT\r\n").lines().count(), 2, "what comes next is commands");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_octets_an_exchange_holds_a_name_and_a_password_have_no_line_end_and_no_nul(
        parts in prop::collection::vec("[a\u{fc}\r\n\0 ]{0,4}", 1..4), login in any::<bool>(), strict in any::<bool>()
    ) {
        // R-1939-04, R-5034-13
        let config = if strict { all().utf8(Utf8::MessagesAndNames) } else { all() };
        let mut server = server(config);
        let lines = if login {
            let responses = parts.iter().map(encoded);
            std::iter::once("AUTH LOGIN".to_owned()).chain(responses).collect()
        } else {
            vec!["AUTH PLAIN".to_owned(), encoded(format!("\0{}", parts.join("\0")))]
        };
        for reply in exchange(&mut server, &lines) {
            prop_assert!(reply.ends_with("\r\n") && reply.matches(['\r', '\n', '\0']).count() == 2, "{reply:?}");
        }
        for (name, password) in server.store.logins() {
            prop_assert!(!name.contains(['\r', '\n', '\0']) && !name.is_empty(), "{name:?}");
            prop_assert!(!password.contains(['\r', '\n', '\0']) && !password.is_empty(), "{password:?}");
        }
    }
}
