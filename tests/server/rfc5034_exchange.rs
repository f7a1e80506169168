//! RFC 5034 §4: the lines of an exchange, and what becomes of it.

use pop3_proto::auth::sasl::{CramMd5, base64};
use pop3_proto::server::{CloseReason, Config};
use pop3_proto::wire::{Deviation, DeviationSet, Mechanism, Name, Opening, Properties};
use pop3_proto::{BelowMinimum, Security};

use crate::common::{Call, Server, Store, TIMESTAMP, patient};

const LOGGED_IN: &str = "+OK maildrop locked and ready\r\n";
const TOO_LONG: &str = "-ERR line too long\r\n";
const NOT_BASE64: &str = "-ERR response is not base64\r\n";
const CANCELLED: &str = "-ERR exchange cancelled\r\n";
const WRONG_STATE: &str = "-ERR command not valid in this state\r\n";

/// A mechanism that the host answers with what it is told, as often as the store says.
fn echo(name: &str) -> Mechanism {
    Mechanism::new(name).unwrap()
}

fn echoing(name: &str, opening: Opening) -> Config {
    Config::new().mechanism_with(echo(name), Properties { opening, cleartext: false }).unwrap()
}

/// A server that has greeted.
fn over_tls(config: Config) -> Server {
    let mut server = Server::with(&Store::example(), config, Security::Tls);
    server.send("");
    server
}

/// A server of ECHO, where the client begins, with so many challenges.
fn with_echo(challenges: u32) -> Server {
    let server = over_tls(patient(echoing("ECHO", Opening::Client)));
    server.store.steps.set(challenges);
    server
}

fn encoded(octets: impl AsRef<[u8]>) -> String {
    let mut text = Vec::new();
    base64::encode(octets.as_ref(), &mut text);
    String::from_utf8(text).unwrap()
}

fn step(name: &str, response: impl AsRef<[u8]>) -> Call {
    Call::Step(echo(name), Some(response.as_ref().to_vec()))
}

fn cram_md5() -> String {
    let name = Name::new("mrose").unwrap();
    let mut line = Vec::new();
    base64::encode(&CramMd5::new(name, TIMESTAMP.as_bytes(), b"tanstaaf"), &mut line);
    format!("AUTH CRAM-MD5\r\n{}\r\n", String::from_utf8(line).unwrap())
}

/// An AUTH line of so many octets, the mechanism that it names, and what it says.
fn auth_line(octets: usize) -> (Mechanism, String, Vec<u8>) {
    let around = "AUTH  \r\n".len();
    let name = "M".repeat(4 + (octets - around) % 4);
    let text = octets - around - name.len();
    let response: Vec<u8> = (0..=250).cycle().take(text / 4 * 3).collect();
    let line = format!("AUTH {name} {}\r\n", encoded(&response));
    assert_eq!(line.len(), octets);
    (echo(&name), line, response)
}

#[test]
fn a_client_that_should_begin_is_asked_with_an_empty_challenge() {
    // R-5034-03, R-5034-14
    let mut server = over_tls(Config::new());
    assert_eq!(server.receive("AUTH PLAIN\r\n"), b"+ \r\n");
    assert_eq!(server.send("AG1yb3NlAHRhbnN0YWFm\r\n"), LOGGED_IN);
}

#[test]
fn an_initial_response_that_is_absent_or_empty_are_two_things() {
    // R-5034-02
    for (arguments, response) in [("", None), (" =", Some(vec![])), (" dGVzdA==", Some(b"test".to_vec()))] {
        let mut server = over_tls(echoing("ECHO", Opening::Either));
        server.send(format!("AUTH ECHO{arguments}\r\n*\r\n"));
        assert_eq!(server.store.calls(), [Call::Step(echo("ECHO"), response), Call::ExchangeDropped]);
    }
    let mut server = with_echo(9);
    assert_eq!(server.send("AUTH ECHO\r\n"), "+ \r\n");
    assert_eq!(server.store.calls(), [], "the host isn't asked before the client has begun");
}

#[test]
fn a_mechanism_whose_server_begins_takes_no_initial_response() {
    // R-5034-04
    let config = Config::new().mechanism(Mechanism::CRAM_MD5).unwrap().failed_logins(1).unwrap();
    let mut server = over_tls(config);
    for response in ["=", "dGVzdA==", "!"] {
        let answer = server.send(format!("AUTH CRAM-MD5 {response}\r\n"));
        assert_eq!(answer, "-ERR the mechanism takes no initial response\r\n", "{response}");
    }
    assert_eq!(server.store.calls(), [], "no exchange begins");
    assert_eq!(server.send(cram_md5()), format!("+ {}\r\n{LOGGED_IN}", encoded(TIMESTAMP)));
}

#[test]
fn an_auth_line_may_be_as_long_as_a_line_of_an_exchange() {
    // R-5034-05
    for (limit, octets) in [(255, 255), (255, 256), (2_048, 255), (2_048, 256), (2_048, 2_048), (2_048, 2_049)]
        .into_iter()
        .chain([(2_048, 12_289), (2_048, 65_536), (255, 65_536), (65_536, 65_536)])
    {
        let (mechanism, line, response) = auth_line(octets);
        let config = echoing(mechanism.as_str(), Opening::Client).command_line_limit(limit).unwrap();
        let mut server = over_tls(config);
        server.store.steps.set(0);
        assert_eq!(server.send(line), LOGGED_IN, "{octets} with {limit}");
        assert_eq!(server.store.calls()[0], step(mechanism.as_str(), response), "{octets} with {limit}");
    }
}

#[test]
fn an_auth_line_over_the_limit_is_no_command() {
    // R-5034-05, R-5034-06, R-2449-05
    for (limit, octets) in [(65_536, 65_537), (65_536, 70_000), (12_288, 12_289)] {
        let (mechanism, line, _) = auth_line(octets);
        let config = echoing(mechanism.as_str(), Opening::Client).sasl_line_limit(limit).unwrap();
        let mut server = over_tls(config.bad_commands(3, 20).unwrap());
        assert_eq!(server.send(&line), TOO_LONG, "{octets}");
        assert_eq!(server.store.calls(), []);
        assert_eq!(server.send(format!("NOOP\r\n{line}")), format!("{WRONG_STATE}-ERR too many bad commands\r\n"));
    }
}

#[test]
fn only_auth_lines_may_be_longer_than_commands_and_only_where_auth_is() {
    // R-2449-05, R-5034-12
    let (mechanism, line, _) = auth_line(2_049);
    let config = echoing(mechanism.as_str(), Opening::Client);
    assert_eq!(over_tls(config.clone().no_mechanisms()).send(&line), TOO_LONG);
    assert_eq!(over_tls(config).send(line.replace("AUTH", "AUTX")), TOO_LONG);
}

#[test]
fn lines_of_an_exchange_may_be_set_to_12288_octets_at_least() {
    // R-5034-06
    assert_eq!(Config::new().sasl_line_limit(12_287).unwrap_err(), BelowMinimum { minimum: 12_288 });
    assert!(Config::new().sasl_line_limit(12_288).is_ok());
}

#[test]
fn a_response_line_of_exactly_the_limit_is_read_and_one_octet_more_is_too_long() {
    // R-5034-06; the first limit fits base64 with CRLF, the others base64 with LF or nothing at all
    for limit in [12_290, 12_289, 12_288, 65_536] {
        let response = |octets: u32| {
            let mut server = over_tls(patient(echoing("ECHO", Opening::Client)).sasl_line_limit(limit).unwrap());
            server.store.steps.set(0);
            server.send("AUTH ECHO\r\n");
            let answer = server.send("A".repeat(octets as usize - 2) + "\r\n");
            assert_eq!(server.store.calls().contains(&Call::ExchangeDropped), answer == LOGGED_IN);
            (answer, server.send("STAT\r\n"))
        };
        let (answer, then) = response(limit);
        if limit % 4 == 2 {
            assert_eq!((answer.as_str(), then.starts_with("+OK 2 ")), (LOGGED_IN, true), "{limit}");
        } else {
            assert_eq!((answer.as_str(), then.as_str()), (NOT_BASE64, WRONG_STATE), "{limit}");
        }
        assert_eq!(response(limit + 1), (TOO_LONG.to_owned(), WRONG_STATE.to_owned()), "{limit}");
        assert_eq!(response(limit + 5), (TOO_LONG.to_owned(), WRONG_STATE.to_owned()), "{limit}");
    }
}

#[test]
fn a_line_of_an_exchange_may_be_longer_than_a_command_and_commands_may_not() {
    // R-5034-06, R-2449-05
    let mut server = with_echo(0);
    server.send("AUTH ECHO\r\n*\r\n");
    let long = "A".repeat(4_000) + "\r\n";
    assert_eq!(server.send(&long), TOO_LONG, "the exchange is over");
    server.send("AUTH ECHO\r\n");
    assert_eq!(server.send(long), LOGGED_IN);
}

#[test]
fn the_rest_of_a_response_line_that_is_too_long_is_no_command() {
    // R-5034-06, C1
    for reads in [1, 1_000, usize::MAX] {
        let mut server = with_echo(1);
        server.reads = reads.into();
        assert_eq!(server.send("AUTH ECHO dGVzdA==\r\n"), "+ dGVzdA==\r\n");
        assert_eq!(server.send("A".repeat(65_535)), "");
        assert_eq!(server.send("A"), TOO_LONG, "as soon as it is known");
        assert_eq!(server.store.calls(), [step("ECHO", "test"), Call::ExchangeDropped]);
        assert_eq!(server.send(" QUIT"), "");
        assert_eq!(server.send("\r\nNOOP\r\n"), WRONG_STATE);
        assert_eq!(server.closed, None);
    }
}

#[test]
fn a_star_cancels_and_leaves_everything_as_it_was() {
    // R-5034-07, R-5034-10
    let config = echoing("ECHO", Opening::Client).mechanism(Mechanism::LOGIN).unwrap();
    let mut server = over_tls(config.failed_logins(1).unwrap().bad_commands(1, 1).unwrap());
    server.store.steps.set(9);
    assert_eq!(server.send("AUTH ECHO dGVzdA==\r\n*\r\n"), format!("+ dGVzdA==\r\n{CANCELLED}"));
    assert_eq!(server.store.calls(), [step("ECHO", "test"), Call::ExchangeDropped]);
    for exchange in ["AUTH ECHO\r\n", "AUTH PLAIN\r\n", "AUTH LOGIN\r\n", "AUTH LOGIN bXJvc2U=\r\n"] {
        server.send(exchange);
        assert_eq!(server.send("*\r\n"), CANCELLED, "{exchange:?}");
    }
    assert_eq!((server.closed, server.store.calls().len()), (None, 2), "neither a failed login nor a bad command");
    server.log_in();
}

#[test]
fn only_a_star_alone_cancels() {
    // R-5034-07, R-5034-08
    for line in ["* ", " *", "**", "*=", "*\t", "\"*\""] {
        let mut server = with_echo(1);
        assert_eq!(server.send(format!("AUTH ECHO\r\n{line}\r\n")), format!("+ \r\n{NOT_BASE64}"), "{line:?}");
    }
    assert_eq!(with_echo(1).send("AUTH ECHO *\r\n"), NOT_BASE64, "there is nothing to cancel yet");
}

#[test]
fn an_empty_line_is_an_empty_response() {
    // R-5034-09
    let mut server = with_echo(2);
    assert_eq!(server.send("AUTH ECHO\r\n\r\n"), "+ \r\n+ \r\n");
    assert_eq!(server.store.calls(), [step("ECHO", "")]);
    assert_eq!(server.send("\r\n"), "+ \r\n");
}

#[test]
fn what_looks_like_a_command_is_a_response() {
    // R-5034-09
    let mut server = with_echo(9);
    server.send("AUTH ECHO\r\n");
    for line in ["QUIT", "CAPA", "STAT", "quit", "AUTH", "USER"] {
        assert_eq!(server.send(format!("{line}\r\n")), format!("+ {line}\r\n"), "it is base64 as well");
    }
    assert_eq!(server.closed, None);
    assert_eq!(server.send("USER mrose\r\n"), NOT_BASE64);
}

#[test]
fn a_response_is_strict_base64_or_the_exchange_is_over() {
    // R-5034-08, R-5034-02
    let texts = ["A", "AB", "ABC", "====", "=", "YQ", "YQ=", "YQ===", "YR==", "YWJ=", "YQ==YQ==", "YWI=YWI=", "YWI-"];
    let texts = texts.into_iter().chain(["YWI_", "YW,I", "Y\u{e4}==", "=YQ=", "Y=Q=", "YQ==!", "YWJj\u{ff}", "~~~~"]);
    let late = "A".repeat(4_095) + "!";
    for text in texts.chain([late.as_str()]) {
        let mut server = with_echo(9);
        assert_eq!(server.send("AUTH ECHO YQ==\r\n"), "+ YQ==\r\n");
        assert_eq!(server.send(format!("{text}\r\n")), NOT_BASE64, "{text}");
        assert_eq!(server.store.calls(), [step("ECHO", "a"), Call::ExchangeDropped], "{text}");
        assert_eq!(server.send("NOOP\r\n"), WRONG_STATE, "{text}");
    }
}

#[test]
fn no_octet_in_a_response_is_passed_over() {
    // R-5034-08, R-1939-04
    let foreign = b"\0\x01\t\x0b\x0c\r !*-_.,\x7f\x80\xff";
    for octet in foreign {
        for at in [0, 2, 4] {
            let mut line = b"YWJj\r\n".to_vec();
            line.insert(at, *octet);
            let mut server = with_echo(9);
            server.send("AUTH ECHO\r\n");
            assert_eq!(server.send(&line), NOT_BASE64, "{line:?}");
            assert_eq!((server.store.calls(), server.send("NOOP\r\n").as_str()), (vec![], WRONG_STATE), "{line:?}");
        }
    }
}

#[test]
fn an_initial_response_is_as_strict() {
    // R-5034-08, R-5034-02
    for text in ["A", "==", "YQ", "YQ=", "YR==", "YWJ=", "YQ==YQ==", "YWI-", "=YQ=", "YQ==!"] {
        let mut server = with_echo(9);
        assert_eq!(
            server.send(format!("AUTH ECHO {text}\r\nNOOP\r\n")),
            format!("{NOT_BASE64}{WRONG_STATE}"),
            "{text}"
        );
        assert_eq!(server.store.calls(), []);
    }
    for text in ["Y Q==", "YQ==\t", "Y\0Q==", "Y\rQ==", "\u{ff}AAA"] {
        let mut server = with_echo(9);
        let answers = server.send(format!("AUTH ECHO {text}\r\nNOOP\r\n"));
        assert!(answers.starts_with("-ERR ") && answers.ends_with(WRONG_STATE), "{text:?}: {answers}");
        assert_eq!((answers.lines().count(), server.store.calls()), (2, vec![]), "{text:?}");
    }
}

#[test]
fn malformed_responses_are_bad_commands_and_no_failed_logins() {
    // R-GEN-06, R-5034-08
    for malformed in ["AUTH ECHO !\r\n", "AUTH ECHO\r\n!\r\n", "AUTH PLAIN\r\nYQ==\r\n", "AUTH PLAIN\r\n\0\r\n"] {
        let mut server = over_tls(echoing("ECHO", Opening::Client).failed_logins(1).unwrap());
        let answers = server.send(malformed.repeat(10));
        assert!(answers.ends_with("-ERR too many bad commands\r\n"), "{malformed:?}");
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands), "{malformed:?}");
    }
}

#[test]
fn a_bare_lf_in_an_exchange_is_counted_and_can_be_rejected() {
    // R-GEN-03, R-GEN-11
    let mut server = with_echo(9);
    server.send("AUTH ECHO\r\n");
    assert_eq!(server.send("YQ==\n\n") + &server.send("*\n"), format!("+ YQ==\r\n+ \r\n{CANCELLED}"));
    assert_eq!(server.session.deviations().count_of(Deviation::BareLineFeed), 3);

    let deviation = "-ERR line breaks a rule of the protocol\r\n";
    for line in ["YQ==\n", "\n", "*\n"] {
        let mut server =
            over_tls(echoing("ECHO", Opening::Client).accepted(DeviationSet::DEFAULT.without(Deviation::BareLineFeed)));
        assert_eq!(server.send("AUTH ECHO dGVzdA==\r\n"), "+ dGVzdA==\r\n");
        assert_eq!(server.send(line), deviation);
        assert_eq!(server.store.calls(), [step("ECHO", "test"), Call::ExchangeDropped]);
        assert_eq!(server.send("NOOP\r\n"), WRONG_STATE);
        assert_eq!(server.session.deviations().count_of(Deviation::BareLineFeed), 0);
    }
}
