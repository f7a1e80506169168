//! RFC 2449 §5 and §6: CAPA, and what later RFCs announce in it.

use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::server::{Catalogue, ClientIdentity, Config, ConfigError, Session, Utf8};
use pop3_proto::wire::{
    Capability, Expire, Implementation, InvalidCapability, LoginDelay, Mechanism, PrivateCapability,
};

use crate::common::{GREETING, LOGIN, Server, Store};

const FIRST: &str = "+OK capability list follows\r\n";
const EVERYWHERE: [&str; 7] = ["TOP", "USER", "SASL PLAIN", "RESP-CODES", "PIPELINING", "UIDL", "AUTH-RESP-CODE"];

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

/// The line of CAPA that begins with this tag.
fn line_of(capabilities: &[String], tag: &str) -> Option<String> {
    capabilities.iter().find(|line| line.split(' ').next() == Some(tag)).cloned()
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
fn sasl_lists_the_mechanisms_that_would_be_accepted_now() {
    // R-5034-12, R-2449-02, R-8314-02, C3
    let all = [Mechanism::CRAM_MD5, Mechanism::XOAUTH2, Mechanism::EXTERNAL, Mechanism::SCRAM_SHA_256];
    let config = all.into_iter().fold(Config::new(), |config, mechanism| config.mechanism(mechanism).unwrap());
    for (config, security, identity, line) in [
        (config.clone(), Security::Cleartext, ClientIdentity::Unknown, Some("SASL CRAM-MD5 SCRAM-SHA-256")),
        (config.clone(), Security::Cleartext, ClientIdentity::Verified, Some("SASL CRAM-MD5 EXTERNAL SCRAM-SHA-256")),
        (config.clone(), Security::Tls, ClientIdentity::Unknown, Some("SASL PLAIN CRAM-MD5 XOAUTH2 SCRAM-SHA-256")),
        (
            config.clone().cleartext_logins(true),
            Security::Cleartext,
            ClientIdentity::Verified,
            Some("SASL PLAIN CRAM-MD5 XOAUTH2 EXTERNAL SCRAM-SHA-256"),
        ),
        (Config::new(), Security::Cleartext, ClientIdentity::Verified, None),
        (config.no_mechanisms(), Security::Tls, ClientIdentity::Verified, None),
    ] {
        let config = Arc::new(config);
        let server = || {
            let session = Session::with_exchange(Arc::clone(&config), security).with_client_identity(identity);
            Server::of(&Store::example(), session)
        };
        let mut asked = server();
        let before = capabilities(&mut asked);
        assert_eq!(line_of(&before, "SASL").as_deref(), line);
        if security == Security::Tls {
            asked.send(LOGIN);
            assert_eq!(capabilities(&mut asked), before, "in both states");
        }
        // R-OBS-01: AUTH lists the same
        let listed = server().send("AUTH\r\n").replace(GREETING, "");
        let names = line.map(|line| line.replace("SASL ", "").replace(' ', "\r\n"));
        let expected = names.map(|names| format!("+OK list of mechanisms follows\r\n{names}\r\n.\r\n"));
        assert_eq!(listed, expected.unwrap_or_else(|| "-ERR command not available\r\n".to_owned()));
    }
}

#[test]
fn stls_is_announced_only_where_it_would_be_followed() {
    // R-2595-01, R-2449-02, R-6856-02, R-8314-03, C3
    let config = Config::new().stls(true).utf8(Utf8::Messages);
    for (security, announced) in [
        (Security::Cleartext, true),
        (Security::TrustedLocal, true),
        (Security::Tls, false),
        (Security::TlsProxy, false),
    ] {
        let mut server = Server::with(&Store::example(), config.clone(), security);
        assert_eq!(capabilities(&mut server).contains(&"STLS".to_owned()), announced, "{security:?}");
    }
    for before in [LOGIN, "UTF8\r\n", "STLS\r\n"] {
        let mut server = Server::with(&Store::example(), config.clone(), Security::TrustedLocal);
        assert!(server.send(before).contains("+OK"));
        assert_eq!(line_of(&capabilities(&mut server), "STLS"), None, "after {before}");
    }
    let mut server = Server::with(&Store::example(), Config::new(), Security::Cleartext);
    assert_eq!(line_of(&capabilities(&mut server), "STLS"), None, "it isn't offered");
}

#[test]
fn capa_after_stls_announces_what_tls_allows() {
    // R-2595-03, R-8314-02
    let store = Store::example();
    store.tls.set(Some(ClientIdentity::Verified));
    let config = Config::new().stls(true).mechanism(Mechanism::EXTERNAL).unwrap();
    let mut server = Server::with(&store, config, Security::Cleartext);
    assert_eq!(capabilities(&mut server), ["TOP", "RESP-CODES", "PIPELINING", "UIDL", "AUTH-RESP-CODE", "STLS"]);
    server.send("STLS\r\n");
    let after = server.send("CAPA\r\n");
    assert!(after.starts_with("+OK capability list follows\r\nTOP\r\nUSER\r\nSASL PLAIN EXTERNAL\r\n"), "{after}");
}

#[test]
fn utf8_and_lang_are_announced_in_both_states_where_they_are_offered() {
    // R-2449-02, R-6856-05, R-6856-07
    let german = || Catalogue::new("de", "").unwrap();
    for (config, utf8, lang) in [
        (Config::new(), None, None),
        (Config::new().utf8(Utf8::Messages), Some("UTF8"), None),
        (Config::new().utf8(Utf8::MessagesAndNames), Some("UTF8 USER"), None),
        (Config::new().language(german()).unwrap(), None, Some("LANG")),
        (Config::new().default_language(german()).unwrap(), None, None),
    ] {
        let (before, after) = before_and_after(config, &Store::example());
        for list in [before, after] {
            assert_eq!(line_of(&list, "UTF8").as_deref(), utf8);
            assert_eq!(line_of(&list, "LANG").as_deref(), lang);
        }
    }
}

#[test]
fn apop_is_never_announced() {
    // R-1939-34
    let mut server = Server::with_timestamp(&Store::example(), crate::common::TIMESTAMP);
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
    assert_eq!(before[EVERYWHERE.len()..], ["X-ONE", "X-TWO 1 two"]);
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
    assert_eq!(before[EVERYWHERE.len()..], (0..9).map(line).collect::<Vec<_>>());
}

#[test]
fn thousands_of_private_capabilities_are_each_listed_once_and_in_order() {
    // R-2449-04, R-GEN-01: however little of the output is taken at once
    let names: Vec<_> = (0..3_000).map(|n| format!("X-{n} {}", "y".repeat(n % 40 + 1))).collect();
    let config = names
        .iter()
        .fold(Config::new().output_limit(1_024).unwrap(), |config, name| config.private_capability(name).unwrap());
    for window in [usize::MAX, 700, 13] {
        let mut server = Server::with(&Store::example(), config.clone(), Security::Tls);
        server.window = window.into();
        server.max_polls = 100_000;
        server.send("");
        let before = capabilities(&mut server);
        server.log_in();
        let after = capabilities(&mut server);
        for listed in [before, after] {
            assert_eq!(listed[..3], ["TOP", "USER", "SASL PLAIN"]);
            assert_eq!(listed[listed.len() - names.len()..], names);
            assert_eq!(listed.len(), names.len() + 7);
        }
    }
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
        Capability::parse(b"SASL PLAIN CRAM-MD5 X_1").unwrap(),
        Capability::Stls,
        Capability::Utf8 { user: false },
        Capability::Utf8 { user: true },
        Capability::Lang,
        Capability::Private(PrivateCapability::new("X-ONE 1 two").unwrap()),
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
fn mechanisms_are_listed_in_any_case_without_words_that_are_none() {
    // R-5034-01, R-2449-03
    let line = "sasl PLAIN a.b THIS-IS-LONGER-THAN-20 cram-md5 * X_1";
    let Ok(Capability::Sasl(mechanisms)) = Capability::parse(line.as_bytes()) else { panic!("{line}") };
    let private = Mechanism::new("X_1").unwrap();
    assert!(mechanisms.iter().eq([Mechanism::PLAIN, Mechanism::CRAM_MD5, private]));
    let mut out = Vec::new();
    Capability::Sasl(mechanisms).encode(&mut out);
    assert_eq!(out, line.replace("sasl", "SASL").into_bytes().into_iter().chain(*b"\r\n").collect::<Vec<_>>());
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
        "SASL",
        "STLS 1",
        "LANG de",
        "UTF8 APOP",
        "UTF8 USER x",
    ] {
        let parsed = Capability::parse(line.as_bytes()).unwrap();
        assert!(matches!(parsed, Capability::Private(kept) if kept.as_str() == line), "{line}: {parsed:?}");
    }
    let line = PrivateCapability::new("X-ONE 1 two").unwrap();
    assert_eq!((line.tag(), line.as_str()), ("X-ONE", "X-ONE 1 two"));
}

#[test]
fn what_is_no_capability_line_is_refused() {
    // R-2449-03
    assert_eq!(Capability::parse(b""), Err(InvalidCapability));
    assert_eq!(Capability::parse(b"."), Err(InvalidCapability));
    assert_eq!(Capability::parse(b".X 1"), Err(InvalidCapability));
    assert_eq!(Capability::parse(b"X\xff"), Err(InvalidCapability));
    assert_eq!(Capability::parse(&[b'X'; 511]), Err(InvalidCapability));
    assert!(Capability::parse(&[b'X'; 510]).is_ok());
}
