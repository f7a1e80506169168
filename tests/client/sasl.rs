//! AUTH from the client's side: which form it takes, and what becomes of challenges.

use pop3_proto::Security;
use pop3_proto::client::{Config, Feature, InitialResponsePolicy, Method, ProtocolError, SendError};
use pop3_proto::client::{Error, Support};
use pop3_proto::wire::{Deviation, DeviationSet, Mechanism, State};

use crate::common::{Script, in_any_way, mrose};

/// A client that was told these capabilities.
fn told(config: Config, capabilities: &str) -> Script {
    let mut script = Script::new(config);
    script.says("+OK\r\n");
    script.asks("CAPA", format!("+OK\r\n{capabilities}\r\n.\r\n"));
    script
}

/// What goes out when an exchange begins with so many octets.
fn begun(policy: InitialResponsePolicy, capabilities: &str, mechanism: Mechanism, first: &[u8]) -> String {
    let mut script = told(Config::new().initial_response(policy), capabilities);
    script.client.session.authenticate_with(mechanism, first).unwrap();
    script.wrote()
}

const SASL: &str = "SASL XOAUTH2 EXTERNAL";

#[test]
fn the_first_message_goes_with_auth_up_to_255_octets() {
    // R-5034-05. Base64 comes in fours: with this name, 180 octets make exactly 255.
    let begun = |octets, policy| begun(policy, SASL, Mechanism::XOAUTH2, &b"x".repeat(octets));
    assert_eq!(begun(180, InitialResponsePolicy::Auto).len(), 255);
    assert_eq!(begun(181, InitialResponsePolicy::Auto), "AUTH XOAUTH2\r\n");
    assert_eq!(begun(1, InitialResponsePolicy::Never), "AUTH XOAUTH2\r\n");
    assert_eq!(begun(181, InitialResponsePolicy::Always).len(), 259);
    // And with this one, 180 make 256.
    let begun = |octets, policy| self::begun(policy, SASL, Mechanism::EXTERNAL, &b"x".repeat(octets));
    assert_eq!(begun(177, InitialResponsePolicy::Auto).len(), 252);
    assert_eq!(begun(178, InitialResponsePolicy::Auto), "AUTH EXTERNAL\r\n");
    assert_eq!(begun(178, InitialResponsePolicy::Always).len(), 256);
    assert_eq!(begun(30_000, InitialResponsePolicy::Always).len(), "AUTH EXTERNAL \r\n".len() + 40_000);
}

#[test]
fn an_empty_first_message_is_an_equals_sign_with_auth_and_an_empty_line_after_it() {
    // R-5034-02, R-5034-09
    assert_eq!(begun(InitialResponsePolicy::Auto, SASL, Mechanism::EXTERNAL, b""), "AUTH EXTERNAL =\r\n");
    let mut script = told(Config::new().initial_response(InitialResponsePolicy::Never), SASL);
    script.client.session.authenticate_with(Mechanism::EXTERNAL, b"".as_slice()).unwrap();
    assert_eq!(script.wrote(), "AUTH EXTERNAL\r\n");
    assert!(script.says("+ \r\n").is_empty());
    assert_eq!(script.wrote(), "\r\n");
    assert_eq!(script.says("+OK\r\n"), ["AUTH +OK"]);
    assert_eq!(script.client.session.state(), Some(State::Transaction));
}

#[test]
fn where_auth_is_not_announced_the_first_message_waits_for_its_challenge() {
    // R-5034-12, R-5034-03
    for capabilities in ["TOP", "SASLX PLAIN"] {
        assert_eq!(begun(InitialResponsePolicy::Auto, capabilities, Mechanism::PLAIN, b"a"), "AUTH PLAIN\r\n");
    }
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        script.client.log_in(mrose(Method::Plain, "tanstaaf"));
        assert_eq!(script.wrote(), "AUTH PLAIN\r\n");
        assert!(script.says("+ \r\n").is_empty());
        assert_eq!(script.wrote(), "AG1yb3NlAHRhbnN0YWFm\r\n");
        assert_eq!(script.says("+OK in\r\n"), ["AUTH +OK in"]);
    });
}

#[test]
fn a_first_message_is_said_once() {
    let mut script = told(Config::new().initial_response(InitialResponsePolicy::Never), SASL);
    script.client.session.authenticate_with(Mechanism::SCRAM_SHA_256, b"n,,n=mrose".as_slice()).unwrap();
    assert_eq!(script.wrote(), "AUTH SCRAM-SHA-256\r\n");
    assert!(script.says("+ \r\n").is_empty());
    assert_eq!(script.wrote(), "biwsbj1tcm9zZQ==\r\n");
    assert_eq!(script.says("+ \r\n"), ["challenge: "]);
    assert_eq!(script.wrote(), "*\r\n");
}

#[test]
fn a_first_message_is_not_said_after_another() {
    // R-5034-03: an empty challenge asks for what the client says first, and that was said to the challenge before it.
    let mut script = told(Config::new(), "TOP");
    script.client.session.authenticate_with(Mechanism::LOGIN, b"first".as_slice()).unwrap();
    script.client.responses = ["mrose", "tanstaaf"].map(|response| response.as_bytes().to_vec()).into();
    assert_eq!(script.wrote(), "AUTH LOGIN\r\n");
    assert_eq!(script.says("+ VXNlcm5hbWU6\r\n"), ["challenge: Username:"]);
    assert_eq!(script.wrote(), "bXJvc2U=\r\n");
    assert_eq!(script.says("+ \r\n"), ["challenge: "]);
    assert_eq!(script.wrote(), "dGFuc3RhYWY=\r\n");
    assert_eq!(script.says("+OK\r\n"), ["AUTH +OK"]);
}

#[test]
fn a_challenge_without_its_space_is_counted_or_cancelled() {
    // R-5034-03, R-GEN-11, C11
    let config = Config::new();
    for (config, answer, counted) in [
        (config.clone(), "AG1yb3NlAHRhbnN0YWFm\r\n", 1),
        (config.accepted(DeviationSet::DEFAULT.without(Deviation::BareChallenge)), "*\r\n", 0),
    ] {
        let mut script = told(config, "TOP");
        script.client.log_in(mrose(Method::Plain, "tanstaaf"));
        script.wrote();
        assert!(script.says("+\r\n").is_empty());
        assert_eq!(script.wrote(), answer);
        assert_eq!(script.client.session.deviations().count_of(Deviation::BareChallenge), counted);
        assert_eq!(script.says("-ERR\r\n"), ["AUTH -ERR"]);
    }
}

#[test]
fn what_is_no_base64_is_cancelled() {
    // R-5034-08
    let texts = [
        "=",
        "a",
        "ab",
        "YQ",
        "YQ=",
        "YQ= =",
        " YQ==",
        "YQ== ",
        "Y\0==",
        "YR==",
        "YQ==YQ==",
        "YWI=\r",
        "\u{fc}AAA",
        "*",
    ];
    in_any_way(&Config::new(), Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        for text in texts {
            script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
            assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
            assert!(script.says(format!("+ {text}\r\n")).is_empty(), "{text:?}");
            assert_eq!(script.wrote(), "*\r\n", "{text:?}");
            assert_eq!(script.says("-ERR cancelled\r\n"), ["AUTH -ERR cancelled"]);
            assert_eq!(script.client.session.state(), Some(State::Authorization));
        }
    });
}

#[test]
fn a_challenge_has_a_limit_of_its_own_and_a_longer_one_is_cancelled() {
    // R-5034-06
    let config = Config::new().window(512).unwrap().line_limit(512).unwrap().sasl_line_limit(12_288).unwrap();
    in_any_way(&config, Security::TrustedLocal, |script| {
        script.says("+OK\r\n");
        script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
        script.wrote();
        let heard = script.says(format!("+ {}\r\n", "AAAA".repeat(12_284 / 4)));
        assert_eq!(heard, [format!("challenge: {}", r"\x00".repeat(12_284 / 4 * 3))]);
        assert_eq!(script.wrote(), "*\r\n");
        script.says("-ERR\r\n");
        script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
        script.wrote();
        assert!(script.says(format!("+ {}\r\n", "AAAA".repeat(50_000))).is_empty());
        assert_eq!(script.wrote(), "*\r\n");
        assert_eq!(script.says("-ERR too long\r\n"), ["AUTH -ERR too long"]);
        assert_eq!(script.asks("CAPA", "+OK\r\nTOP\r\n.\r\n")[1..], ["CAPA TOP", "CAPA ends"]);
    });
}

#[test]
fn other_lines_keep_their_limit_while_nothing_is_exchanged() {
    let config = Config::new().line_limit(512).unwrap();
    let mut script = told(config, "TOP");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    script.wrote();
    script.says("-ERR\r\n");
    script.asks("CAPA", format!("+OK {}\r\n", "x".repeat(600)));
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::LineTooLong)));
}

#[test]
fn a_bearer_failure_is_told_and_answered() {
    // R-7628-01
    for (method, mechanism, answer) in
        [(Method::OAuthBearer, "OAUTHBEARER", "AQ==\r\n"), (Method::XOAuth2, "XOAUTH2", "\r\n")]
    {
        for capabilities in ["TOP", "SASL OAUTHBEARER XOAUTH2"] {
            let mut script = told(Config::new(), capabilities);
            script.client.log_in(mrose(method, "wrong"));
            let begun = script.wrote();
            if capabilities == "TOP" {
                assert_eq!(begun, format!("AUTH {mechanism}\r\n"));
                assert!(script.says("+ \r\n").is_empty());
                script.wrote();
            }
            assert_eq!(script.says("+ e30=\r\n"), ["AUTH failure {}"]);
            assert_eq!(script.wrote(), answer);
            assert_eq!(script.says("-ERR [AUTH] no\r\n"), ["AUTH -ERR (AUTH) no"]);
        }
    }
}

#[test]
fn a_bearer_failure_is_answered_whoever_has_said_the_token() {
    // R-7628-01: here the caller has, in answer to a challenge.
    let mut script = told(Config::new(), "TOP");
    script.client.session.authenticate(Mechanism::XOAUTH2).unwrap();
    script.wrote();
    script.pushes("+ \r\n");
    script.challenge().respond(b"user=mrose\x01auth=Bearer wrong\x01\x01".as_slice());
    script.wrote();
    assert_eq!(script.says("+ e30=\r\n"), ["AUTH failure {}"]);
    assert_eq!(script.wrote(), "\r\n");
    // Nobody is let in after that.
    assert!(script.says("+OK\r\n").is_empty());
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedLogin)));
}

#[test]
fn a_login_before_the_mechanism_has_done_its_part_ends_the_session() {
    // R-5034-09, R-2595-05: each of these needs so many messages of the client.
    let mechanisms = [
        (Mechanism::PLAIN, 1),
        (Mechanism::EXTERNAL, 1),
        (Mechanism::ANONYMOUS, 1),
        (Mechanism::GSSAPI, 1),
        (Mechanism::CRAM_MD5, 1),
        (Mechanism::XOAUTH2, 1),
        (Mechanism::OAUTHBEARER, 1),
        (Mechanism::new("X-NEW").unwrap(), 1),
        (Mechanism::LOGIN, 2),
        (Mechanism::SCRAM_SHA_1, 3),
        (Mechanism::SCRAM_SHA_1_PLUS, 3),
        (Mechanism::SCRAM_SHA_256, 3),
        (Mechanism::SCRAM_SHA_256_PLUS, 3),
    ];
    for (mechanism, least) in mechanisms {
        for messages in 0..=least {
            let mut script = Script::new(Config::new());
            script.says("+OK\r\n");
            script.client.session.authenticate(mechanism).unwrap();
            script.wrote();
            for message in 0..messages {
                script.client.responses.push_back(message.to_string().into());
                assert_eq!(script.says("+ PDE+\r\n"), ["challenge: <1>"], "{mechanism}");
                script.wrote();
            }
            let heard = script.says("+OK welcome\r\n");
            if messages == least {
                assert_eq!(heard, ["AUTH +OK welcome"], "{mechanism}");
                assert_eq!(script.client.session.state(), Some(State::Transaction));
            } else {
                assert!(heard.is_empty(), "{mechanism} after {messages}");
                let unexpected = Err(Error::Protocol(ProtocolError::UnexpectedLogin));
                assert_eq!(script.closed(), unexpected, "{mechanism} after {messages}");
                // Nor is any other way tried.
                assert_eq!(script.client.try_to_say("USER mrose"), Err(SendError::Over));
            }
        }
    }
}

#[test]
fn a_first_message_counts_where_it_was_sent_and_not_while_it_waits() {
    // R-5034-03
    let mut script = told(Config::new(), "TOP");
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    assert_eq!(script.wrote(), "AUTH PLAIN\r\n");
    script.says("+OK\r\n");
    assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedLogin)));
    let mut script = told(Config::new(), "SASL PLAIN");
    script.client.log_in(mrose(Method::Plain, "tanstaaf"));
    script.wrote();
    assert_eq!(script.says("+OK\r\n"), ["AUTH +OK"]);
    // LOGIN's name may go with AUTH; then one challenge is left.
    for (challenges, in_at_last) in [(0, false), (1, true)] {
        let mut script = told(Config::new(), "SASL LOGIN");
        script.client.session.authenticate_with(Mechanism::LOGIN, b"mrose".as_slice()).unwrap();
        assert_eq!(script.wrote(), "AUTH LOGIN bXJvc2U=\r\n");
        for _ in 0..challenges {
            script.client.responses.push_back(b"tanstaaf".to_vec());
            script.says("+ UGFzc3dvcmQ6\r\n");
            script.wrote();
        }
        assert_eq!(script.says("+OK\r\n").len() == 1, in_at_last);
    }
}

#[test]
fn a_login_after_the_client_has_cancelled_ends_the_session() {
    // R-5034-07, R-5034-10
    for challenge in ["+ PDE+\r\n", "+ !\r\n"] {
        let mut script = told(Config::new(), "TOP");
        script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
        script.wrote();
        script.says(challenge);
        assert_eq!(script.wrote(), "*\r\n");
        assert!(script.says("+OK\r\n").is_empty());
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedLogin)));
    }
}

#[test]
fn a_library_says_that_the_server_has_still_something_to_prove() {
    // R-5034-09
    for proves in [false, true] {
        let mut script = told(Config::new(), "SASL GSSAPI");
        script.client.session.authenticate(Mechanism::GSSAPI).unwrap();
        script.wrote();
        script.pushes("+ \r\n");
        script.challenge().respond_expecting_more(b"token".as_slice());
        script.wrote();
        if proves {
            script.pushes("+ cHJvb2Y=\r\n");
            script.challenge().respond(b"".as_slice());
            script.wrote();
        }
        let heard = script.says("+OK\r\n");
        if proves {
            assert_eq!(heard, ["AUTH +OK"]);
        } else {
            assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedLogin)));
        }
    }
}

#[test]
fn failures_of_a_token_are_answered_three_times_at_the_most() {
    // R-GEN-06
    for (method, answer) in [(Method::OAuthBearer, "AQ==\r\n"), (Method::XOAuth2, "\r\n")] {
        let mut script = told(Config::new(), "SASL OAUTHBEARER XOAUTH2");
        script.client.log_in(mrose(method, "wrong"));
        script.wrote();
        for _ in 0..3 {
            assert_eq!(script.says("+ e30=\r\n"), ["AUTH failure {}"]);
            assert_eq!(script.wrote(), answer);
        }
        assert!(script.says("+ e30=\r\n").is_empty());
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedChallenge)));
        assert_eq!(script.wrote(), "");
    }
}

#[test]
fn a_mechanism_that_begins_with_the_server_has_no_first_message() {
    // R-5034-04
    let mut script = told(Config::new(), "SASL CRAM-MD5");
    let refused = script.client.session.authenticate_with(Mechanism::CRAM_MD5, b"x".as_slice());
    assert_eq!(refused, Err(SendError::NoInitialResponse));
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
}

#[test]
fn one_exchange_is_under_way_at_a_time() {
    let mut script = told(Config::new(), "SASL CRAM-MD5");
    script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
    assert_eq!(script.client.session.authenticate(Mechanism::LOGIN), Err(SendError::WrongState));
    script.wrote();
    assert_eq!(script.client.session.authenticate(Mechanism::LOGIN), Err(SendError::WrongState));
    assert_eq!(script.says("-ERR\r\n"), ["AUTH -ERR"]);
    assert!(script.client.session.authenticate(Mechanism::LOGIN).is_ok());
    assert_eq!(script.wrote(), "AUTH LOGIN\r\n");
}

#[test]
fn another_way_of_logging_in_may_wait_after_an_exchange() {
    // R-5034-10
    let mut script = told(Config::new(), "TOP");
    script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
    script.client.say("USER mrose\r\nPASS tanstaaf");
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
    assert_eq!(script.says("+ PDE+\r\n"), ["challenge: <1>"]);
    script.wrote();
    script.says("-ERR\r\n");
    assert_eq!(script.wrote(), "USER mrose\r\n");
    script.says("+OK\r\n");
    assert_eq!(script.wrote(), "PASS tanstaaf\r\n");
}

#[test]
fn an_exchange_may_wait_after_another_way_of_logging_in() {
    let mut script = told(Config::new(), "TOP");
    script.client.say("USER mrose\r\nPASS wrong");
    script.client.log_in(mrose(Method::CramMd5, "tanstaaf"));
    script.wrote();
    script.says("+OK\r\n");
    script.wrote();
    script.says("-ERR\r\n");
    assert_eq!(script.wrote(), "AUTH CRAM-MD5\r\n");
    assert_eq!(script.says("+ PDE+\r\n"), ["challenge: <1>"]);
    assert!(script.wrote().len() > 40);
    assert_eq!(script.says("+OK\r\n"), ["AUTH +OK"]);
}

#[test]
fn a_challenge_where_none_is_due_ends_the_session() {
    for (command, answer) in [("CAPA", "+ \r\n"), ("AUTH", "+ \r\n"), ("USER mrose", "+ YQ==\r\n"), ("CAPA", "+\r\n")] {
        let mut script = told(Config::new(), "TOP");
        script.client.say(command);
        script.client.log_in(mrose(Method::Plain, "tanstaaf"));
        script.wrote();
        assert!(script.says(answer).is_empty());
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::NotAResponse)), "{command}");
        assert_eq!(script.wrote(), "");
    }
}

#[test]
fn a_challenge_after_a_cancelled_exchange_ends_the_session() {
    // R-5034-07: only the failure may follow.
    for first in ["+ PDE+\r\n", "+ !\r\n"] {
        let mut script = told(Config::new(), "TOP");
        script.client.session.authenticate(Mechanism::CRAM_MD5).unwrap();
        script.wrote();
        script.says(first);
        assert_eq!(script.wrote(), "*\r\n");
        assert!(script.says("+ PDE+\r\n").is_empty());
        assert_eq!(script.closed(), Err(Error::Protocol(ProtocolError::UnexpectedChallenge)));
    }
}

#[test]
fn a_mechanism_that_is_not_known_here_goes_as_its_caller_says() {
    let mechanism = Mechanism::new("X-NEW").unwrap();
    assert_eq!(begun(InitialResponsePolicy::Auto, "SASL X-NEW", mechanism, b"a"), "AUTH X-NEW YQ==\r\n");
    let mut script = told(Config::new(), "SASL X-NEW");
    script.client.session.authenticate(mechanism).unwrap();
    assert_eq!(script.wrote(), "AUTH X-NEW\r\n");
    assert_eq!(script.says("+ YQ==\r\n"), ["challenge: a"]);
    assert_eq!(script.client.session.support(Feature::Sasl), Support::Yes);
}
