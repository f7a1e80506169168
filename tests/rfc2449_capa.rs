//! RFC 2449 §5 and §6: CAPA.

mod common;

use common::{GREETING, LOGIN, Server, Store};
use pop3_proto::server::{Config, ConfigError, Security};
use pop3_proto::wire::{Capability, CapabilityError, Expire, Implementation, LoginDelay, PrivateCapability};

const FIRST: &str = "+OK capability list follows\r\n";
const EVERYWHERE: [&str; 6] = ["TOP", "USER", "RESP-CODES", "PIPELINING", "UIDL", "AUTH-RESP-CODE"];

/// What CAPA lists.
fn capabilities(server: &mut Server) -> Vec<String> {
    let output = server.send("CAPA\r\n");
    let (_, list) = output.split_once(FIRST).unwrap();
    list.strip_suffix(".\r\n").unwrap().lines().map(str::to_owned).collect()
}

/// What CAPA lists before and after login.
fn before_and_after(config: Config, store: &std::rc::Rc<Store>) -> (Vec<String>, Vec<String>) {
    let mut server = Server::with(store, config, Security::Tls);
    let before = capabilities(&mut server);
    server.send(LOGIN);
    (before, capabilities(&mut server))
}

#[test]
fn capa_is_answered_in_both_states() {
    // R-2449-01, R-2449-02, R-3206-03
    let (before, after) = before_and_after(Config::new(), &Store::example());
    assert_eq!(before, EVERYWHERE);
    assert_eq!(after, EVERYWHERE);
}

#[test]
fn capa_takes_no_argument() {
    // R-2449-01
    assert_eq!(Server::new(&Store::example()).send("CAPA x\r\n"), format!("{GREETING}-ERR too many arguments\r\n"));
    assert_eq!(Server::logged_in(&Store::example()).send("CAPA x\r\n"), "-ERR too many arguments\r\n");
}

#[test]
fn user_is_announced_only_where_it_would_be_accepted() {
    // R-2449-15, R-8314-02
    let mut server = Server::with(&Store::example(), Config::new(), Security::Cleartext);
    assert!(!capabilities(&mut server).contains(&"USER".to_owned()));
    let allowed = Config::new().cleartext_logins(true);
    let mut server = Server::with(&Store::example(), allowed, Security::Cleartext);
    assert!(capabilities(&mut server).contains(&"USER".to_owned()));
}

#[test]
fn apop_is_never_announced() {
    // R-1939-34
    let mut server = Server::with_timestamp(&Store::example(), common::TIMESTAMP);
    assert!(!capabilities(&mut server).iter().any(|line| line.contains("APOP")));
}

#[test]
fn login_delay_says_user_only_before_login() {
    // R-2449-12
    let store = Store::example();
    let config = Config::new().login_delay(LoginDelay { seconds: 900, per_user: true });
    let (before, after) = before_and_after(config.clone(), &store);
    assert!(before.contains(&"LOGIN-DELAY 900 USER".to_owned()), "{before:?}");
    assert!(after.contains(&"LOGIN-DELAY 900".to_owned()), "{after:?}");
    store.login_delay.set(Some(LoginDelay { seconds: 120, per_user: true }));
    let (before, after) = before_and_after(config, &store);
    assert!(before.contains(&"LOGIN-DELAY 900 USER".to_owned()), "nobody is logged in: {before:?}");
    assert!(after.contains(&"LOGIN-DELAY 120".to_owned()), "{after:?}");
}

#[test]
fn expire_says_user_only_before_login() {
    // R-2449-13
    let store = Store::example();
    let config = Config::new().expire(Expire { days: Some(30), per_user: true }).unwrap();
    let (before, after) = before_and_after(config.clone(), &store);
    assert!(before.contains(&"EXPIRE 30 USER".to_owned()), "{before:?}");
    assert!(after.contains(&"EXPIRE 30".to_owned()), "{after:?}");
    store.expire.set(Some(Expire { days: None, per_user: false }));
    let (_, after) = before_and_after(config, &store);
    assert!(after.contains(&"EXPIRE NEVER".to_owned()), "{after:?}");
}

#[test]
fn expire_0_is_announced_exactly_where_retrieved_messages_are_removed() {
    // R-2449-13
    assert_eq!(Config::new().expire(Expire { days: Some(0), per_user: false }).unwrap_err(), ConfigError::ExpireZero);
    let (before, after) = before_and_after(Config::new().remove_retrieved(true), &Store::example());
    assert!(before.contains(&"EXPIRE 0".to_owned()) && after.contains(&"EXPIRE 0".to_owned()));
}

#[test]
fn implementation_is_the_hosts_text() {
    // R-2449-14
    let (before, after) = before_and_after(Config::new().implementation("pop 1.0 (x)").unwrap(), &Store::example());
    assert!(before.contains(&"IMPLEMENTATION pop 1.0 (x)".to_owned()) && after == before);
    for text in ["", "a\r\nb", "two  spaces", " a", "a ", "\u{fc}", &"x".repeat(500)] {
        assert!(Config::new().implementation(text).is_err(), "{text:?}");
    }
}

#[test]
fn private_capabilities_are_announced_as_they_are_configured() {
    // R-2449-03, R-2449-04
    let config = Config::new().private_capability("X-ONE").unwrap().private_capability("X-TWO 1 two").unwrap();
    let (before, after) = before_and_after(config, &Store::example());
    assert_eq!(before[6..], ["X-ONE", "X-TWO 1 two"]);
    assert_eq!(after, before);
    for line in ["", " X", "X ", "X  1", ".", "X.Y", "X\r\nY", "X\t1", "X \u{fc}", &format!("X {}", "y".repeat(509))] {
        assert!(Config::new().private_capability(line).is_err(), "{line:?}");
    }
    assert!(Config::new().private_capability(&format!("X {}", "y".repeat(508))).is_ok(), "512 octets with CRLF");
}

#[test]
fn a_capability_that_the_session_announces_itself_cannot_be_added() {
    // R-2449-02, R-2449-15, and what `ConfigError::Capability` says
    for line in [
        "TOP",
        "user",
        "USER",
        "RESP-CODES",
        "PIPELINING",
        "UIDL",
        "EXPIRE 0",
        "LOGIN-DELAY 5",
        "SASL X",
        "STLS",
        "UTF8",
        "lang",
    ] {
        assert!(Config::new().private_capability(line).is_err(), "{line}");
    }
}

#[test]
fn the_longest_capabilities_fit_into_the_smallest_output() {
    // R-2449-03, R-GEN-04
    let mut config = Config::new().output_limit(1024).unwrap();
    let line = |n: usize| format!("X-{n} {}", "y".repeat(500));
    for n in 0..9 {
        config = config.private_capability(&line(n)).unwrap();
    }
    let (before, _) = before_and_after(config, &Store::example());
    assert_eq!(before[6..], (0..9).map(line).collect::<Vec<_>>());
}

#[test]
fn every_capability_comes_back_from_its_line() {
    // R-2449-03, R-2449-04
    let all = [
        Capability::Top,
        Capability::User,
        Capability::RespCodes,
        Capability::LoginDelay(LoginDelay { seconds: 0, per_user: false }),
        Capability::LoginDelay(LoginDelay { seconds: u32::MAX, per_user: true }),
        Capability::Pipelining,
        Capability::Expire(Expire { days: None, per_user: true }),
        Capability::Expire(Expire { days: Some(7), per_user: false }),
        Capability::Uidl,
        Capability::Implementation(Implementation::new("a b").unwrap()),
        Capability::AuthRespCode,
        Capability::Private(PrivateCapability::new("SASL PLAIN CRAM-MD5").unwrap()),
    ];
    for capability in all {
        let mut line = Vec::new();
        capability.encode(&mut line);
        let line = line.strip_suffix(b"\r\n").unwrap();
        assert_eq!(Capability::parse(line), Ok(capability));
        assert_eq!(
            Capability::parse(&line.to_ascii_lowercase()).map(|lower| lower.tag().to_uppercase()),
            Ok(capability.tag().to_uppercase())
        );
    }
}

#[test]
fn a_known_tag_with_odd_parameters_is_kept_as_a_line() {
    // R-2449-04
    for line in [
        "TOP 1",
        "EXPIRE",
        "EXPIRE x",
        "EXPIRE 1 2",
        "EXPIRE 1 USER x",
        "LOGIN-DELAY",
        "LOGIN-DELAY NEVER",
        "EXPIRE 4294967296",
        "EXPIRE -1",
    ] {
        let parsed = Capability::parse(line.as_bytes()).unwrap();
        assert!(matches!(parsed, Capability::Private(kept) if kept.as_str() == line), "{line}: {parsed:?}");
    }
    let line = PrivateCapability::new("SASL PLAIN LOGIN").unwrap();
    assert_eq!((line.tag(), line.parameters().collect::<Vec<_>>()), ("SASL", vec!["PLAIN", "LOGIN"]));
}

#[test]
fn what_is_no_capability_line_is_refused() {
    // R-2449-03; failure case 9
    assert_eq!(Capability::parse(b""), Err(CapabilityError::Tag));
    assert_eq!(Capability::parse(b"."), Err(CapabilityError::Tag));
    assert_eq!(Capability::parse(b".X 1"), Err(CapabilityError::Tag));
    assert_eq!(Capability::parse(b"X\xff"), Err(CapabilityError::ForbiddenOctet));
    assert_eq!(Capability::parse(&[b'X'; 511]), Err(CapabilityError::TooLong));
    assert!(Capability::parse(&[b'X'; 510]).is_ok());
}
