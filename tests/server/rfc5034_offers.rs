//! RFC 5034 §3 and §4: which mechanisms are offered, when, and how AUTH names one.

use std::rc::Rc;
use std::sync::Arc;

use pop3_proto::Security;
use pop3_proto::auth::sasl::{CramMd5, base64};
use pop3_proto::server::{ClientIdentity, CloseReason, Config, ConfigError, Session};
use pop3_proto::wire::{Deviation, Mechanism, Name, Opening, Properties};

use crate::common::{Call, LOGIN, Server, Store, patient};

const UNKNOWN: &str = "-ERR mechanism not available\r\n";
const CLEARTEXT: &str = "-ERR [AUTH] logging in needs a secure connection\r\n";
const BASE64: &str = "-ERR response is not base64\r\n";

/// Mechanisms that say something which lets whoever listens log in.
const SAYING: [Mechanism; 4] = [Mechanism::PLAIN, Mechanism::LOGIN, Mechanism::XOAUTH2, Mechanism::OAUTHBEARER];

const OTHERS: [Mechanism; 7] = [
    Mechanism::CRAM_MD5,
    Mechanism::ANONYMOUS,
    Mechanism::SCRAM_SHA_1,
    Mechanism::SCRAM_SHA_1_PLUS,
    Mechanism::SCRAM_SHA_256,
    Mechanism::SCRAM_SHA_256_PLUS,
    Mechanism::GSSAPI,
];

fn offering(mechanisms: impl IntoIterator<Item = Mechanism>) -> Config {
    mechanisms.into_iter().fold(Config::new(), |config, mechanism| config.mechanism(mechanism).unwrap())
}

/// A server that has greeted.
fn greeted(store: &Rc<Store>, config: Config, security: Security) -> Server {
    let mut server = Server::with(store, config, security);
    server.send("");
    server
}

fn over_tls(config: Config) -> Server {
    greeted(&Store::example(), config, Security::Tls)
}

/// What CAPA lists after `SASL`.
fn announced(server: &mut Server) -> Option<String> {
    let capabilities = server.send("CAPA\r\n");
    assert!(capabilities.starts_with("+OK "), "{capabilities}");
    let sasl: Vec<_> = capabilities.lines().filter(|line| line.starts_with("SASL")).collect();
    assert!(sasl.len() <= 1, "{sasl:?}");
    sasl.first().map(|line| line.strip_prefix("SASL ").unwrap().to_owned())
}

/// What AUTH without an argument lists.
fn listed(server: &mut Server) -> Option<String> {
    let list = server.send("AUTH\r\n");
    let names = list.strip_prefix("+OK list of mechanisms follows\r\n")?.strip_suffix(".\r\n").unwrap();
    Some(names.replace("\r\n", " ").trim_end().to_owned())
}

#[test]
fn names_of_mechanisms_are_read_in_any_case() {
    // R-5034-01
    let mut server = over_tls(patient(offering([Mechanism::CRAM_MD5])));
    for command in ["AUTH PLAIN", "auth plain", "Auth pLaIn", "AUTH cram-md5", "aUTH CRAM-md5"] {
        assert!(server.send(format!("{command}\r\n")).starts_with("+ "), "{command}");
        server.send("*\r\n");
    }
}

#[test]
fn a_name_of_another_form_is_a_bad_command() {
    // R-5034-01
    for name in ["PLA!N", "A23456789012345678901", "PLAIN:", "PLAIN\t", "=", "*", "PLÄIN", "PLAIN,LOGIN"] {
        let mut server = over_tls(Config::new());
        let line = format!("AUTH {name}\r\n");
        assert_eq!(server.send(&line), "-ERR that is no name of a mechanism\r\n", "{name}");
        assert!(server.send("CAPA\r\n").starts_with("+OK"), "{name}: no exchange begins");
        server.send(line.repeat(10));
        assert_eq!(server.closed, Some(CloseReason::TooManyBadCommands), "{name}");
        assert_eq!(server.store.calls(), []);
    }
}

#[test]
fn a_stray_cr_after_the_name_is_no_part_of_it() {
    // R-1939-04, R-GEN-03
    let mut server = over_tls(Config::new());
    assert_eq!(server.send("AUTH PLAIN\r\r\n"), "-ERR line holds a forbidden octet\r\n");
    assert_eq!(server.send("AUTH PLAIN\r\n"), "+ \r\n");
}

#[test]
fn a_third_argument_is_one_too_many() {
    // R-1939-02, R-5034-01
    let mut server = over_tls(Config::new());
    assert_eq!(server.send("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm =\r\n"), "-ERR too many arguments\r\n");
    assert_eq!(server.store.calls(), []);
}

#[test]
fn a_mechanism_that_is_not_offered_begins_no_exchange() {
    // R-5034-01
    let mut server = over_tls(Config::new().failed_logins(1).unwrap());
    for arguments in ["NTLM", "LOGIN", "NTLM dGVzdA==", "NTLM =", "CRAM-MD5", "A2345678901234567890"] {
        assert_eq!(server.send(format!("AUTH {arguments}\r\n")), UNKNOWN, "{arguments}");
    }
    assert!(server.send("CAPA\r\n").starts_with("+OK"), "the next line is a command");
    assert_eq!((server.closed, server.store.calls()), (None, vec![]));
}

#[test]
fn auth_makes_the_name_of_user_forgotten_whatever_comes_of_it() {
    // R-5034-01, R-5034-10, R-1939-15
    let wrong = "AUTH PLAIN AG1yb3NlAHdyb25n\r\n";
    let exchanges = [
        "AUTH\r\n",
        "AUTH !\r\n",
        "AUTH NTLM\r\n",
        "AUTH PLAIN !\r\n",
        wrong,
        "AUTH PLAIN\r\n*\r\n",
        "AUTH PLAIN\r\n!\r\n",
        "AUTH LOGIN bXJvc2U=\r\n*\r\n",
        "AUTH LOGIN bXJvc2U=\r\n!\r\n",
        "AUTH CRAM-MD5 =\r\n",
        "AUTH CRAM-MD5\r\n*\r\n",
        "AUTH CRAM-MD5\r\n\r\n",
    ];
    for exchange in exchanges {
        let mut server = over_tls(patient(offering([Mechanism::LOGIN, Mechanism::CRAM_MD5])));
        server.send(format!("USER mrose\r\n{exchange}"));
        assert_eq!(server.send("PASS tanstaaf\r\n"), "-ERR send USER first\r\n", "{exchange:?}");
        assert_eq!(server.store.logins().len(), usize::from(exchange == wrong), "{exchange:?}");
        server.log_in();
    }
}

#[test]
fn after_login_auth_has_no_place() {
    // R-5034-01, R-OBS-01
    for login in [LOGIN, "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"] {
        let store = Store::example();
        let mut server = greeted(&store, offering([Mechanism::CRAM_MD5]), Security::Tls);
        assert!(server.send(login).ends_with("+OK maildrop locked and ready\r\n"));
        let calls = store.calls();
        let long = format!(" PLAIN {}", "A".repeat(4_000));
        for arguments in
            ["", " ", " PLAIN", " PLAIN =", " CRAM-MD5", " PLAIN AG1yb3NlAHRhbnN0YWFm", " !", " NTLM", &long]
        {
            let answer = server.send(format!("AUTH{arguments}\r\n"));
            assert_eq!(answer, "-ERR command not valid in this state\r\n", "{arguments:?}");
        }
        assert!(server.send("STAT\r\n").starts_with("+OK 2 "));
        assert_eq!(store.calls(), calls);
    }
}

#[test]
fn plain_is_offered_by_default_and_others_in_the_order_of_the_configuration() {
    // R-5034-12, R-5034-13
    assert_eq!(announced(&mut over_tls(Config::new())).as_deref(), Some("PLAIN"));
    let config = offering([Mechanism::GSSAPI, Mechanism::PLAIN, Mechanism::ANONYMOUS, Mechanism::GSSAPI]);
    assert_eq!(announced(&mut over_tls(config)).as_deref(), Some("PLAIN GSSAPI ANONYMOUS"));
}

#[test]
fn what_is_announced_is_what_auth_accepts_now() {
    // R-5034-12, R-OBS-01, R-8314-02, R-2595-04
    let all: Vec<_> = SAYING.into_iter().chain(OTHERS).chain([Mechanism::EXTERNAL]).collect();
    for security in [Security::Cleartext, Security::TrustedLocal, Security::Tls, Security::TlsProxy] {
        for identity in [ClientIdentity::Unknown, ClientIdentity::Verified] {
            for cleartext_logins in [false, true] {
                let case = (security, identity, cleartext_logins);
                let config = patient(offering(all.clone()).cleartext_logins(cleartext_logins));
                let session = Session::with_exchange(Arc::new(config), security).with_client_identity(identity);
                let mut server = Server::of(&Store::example(), session);
                server.send("");

                let may_say = security != Security::Cleartext || cleartext_logins;
                let expected = |mechanism: &Mechanism| match *mechanism {
                    Mechanism::EXTERNAL => identity == ClientIdentity::Verified,
                    mechanism => may_say || !SAYING.contains(&mechanism),
                };
                let names: Vec<_> = all.iter().filter(|it| expected(it)).map(Mechanism::to_string).collect();
                assert_eq!(announced(&mut server), Some(names.join(" ")), "{case:?}");
                assert_eq!(listed(&mut server), Some(names.join(" ")), "{case:?}");
                for mechanism in &all {
                    let accepted = server.send(format!("AUTH {mechanism}\r\n")).starts_with("+ ");
                    assert_eq!(accepted, expected(mechanism), "{mechanism} {case:?}");
                    if accepted {
                        server.send("*\r\n");
                    }
                }
            }
        }
    }
}

#[test]
fn auth_without_an_argument_lists_one_name_a_line() {
    // R-OBS-01
    let list = "+OK list of mechanisms follows\r\nPLAIN\r\nCRAM-MD5\r\n.\r\n";
    let mut server = over_tls(offering([Mechanism::CRAM_MD5]));
    for command in ["AUTH\r\n", "auth\r\n", "AUTH \r\n", "AUTH   \r\n"] {
        assert_eq!(server.send(command), list, "{command:?}");
    }
    assert_eq!(server.session.deviations().count_of(Deviation::ExtraSpaces), 2);
    assert!(server.send("CAPA\r\n").starts_with("+OK"), "no exchange has begun");
}

#[test]
fn a_list_that_is_switched_off_or_empty_is_refused() {
    // R-OBS-01, R-5034-12
    let unavailable = "-ERR command not available\r\n";
    let mut server = over_tls(Config::new().list_mechanisms_by_auth(false));
    assert_eq!(server.send("AUTH\r\n") + &server.send("AUTH \r\n"), unavailable.repeat(2));
    assert_eq!(announced(&mut server).as_deref(), Some("PLAIN"));
    assert_eq!(server.send("AUTH PLAIN\r\n"), "+ \r\n");

    let mut server = over_tls(Config::new().no_mechanisms());
    assert_eq!(server.send("AUTH\r\n"), unavailable);
    assert_eq!(announced(&mut server), None, "no mechanism, no tag");
    assert_eq!(server.send("AUTH PLAIN\r\n"), UNKNOWN);
    assert_eq!(server.send("AUTH PLAIN =\r\n"), UNKNOWN);

    let mut server = greeted(&Store::example(), Config::new(), Security::Cleartext);
    assert_eq!(server.send("AUTH\r\n"), unavailable, "nothing is offered as long as anybody may listen");
    assert_eq!(announced(&mut server), None);
}

#[test]
fn mechanisms_that_are_offered_after_all_were_taken_back_are_offered() {
    // R-5034-12
    let config = offering([Mechanism::LOGIN]).no_mechanisms().mechanism(Mechanism::CRAM_MD5).unwrap();
    let mut server = over_tls(config);
    assert_eq!(announced(&mut server).as_deref(), Some("CRAM-MD5"));
    assert_eq!(server.send("AUTH LOGIN\r\n"), UNKNOWN);
}

#[test]
fn twenty_four_mechanisms_fit_into_a_line_and_one_more_is_refused() {
    // R-2449-03, R-1939-05
    let long = |i: u32| Mechanism::new(&format!("X-9012345678901234{i:02}")).unwrap();
    let properties = Properties { opening: Opening::Client, cleartext: false };
    let with = |config: Config, i| config.mechanism_with(long(i), properties);
    let full = (0..24).try_fold(Config::new().no_mechanisms(), with).unwrap();
    assert_eq!(with(full.clone(), 24).unwrap_err(), ConfigError::TooManyMechanisms);
    assert_eq!(full.clone().mechanism(Mechanism::PLAIN).unwrap_err(), ConfigError::TooManyMechanisms);
    let full = with(full, 7).expect("one that is offered already takes no room");

    let mut server = over_tls(full);
    let names = announced(&mut server).unwrap();
    assert_eq!(names.split(' ').collect::<Vec<_>>(), (0..24).map(|i| long(i).to_string()).collect::<Vec<_>>());
    assert!("SASL \r\n".len() + names.len() <= 512, "{}", names.len());
    assert_eq!(server.send(format!("AUTH {}\r\n", long(23))), "+ \r\n", "the last is as good as the first");
}

#[test]
fn a_mechanism_that_is_not_known_here_needs_its_properties() {
    // R-5034-04
    let mechanism = Mechanism::new("X-OWN").unwrap();
    assert_eq!(Config::new().mechanism(mechanism).unwrap_err(), ConfigError::UnknownMechanism);
    let answers = |opening| {
        let config = Config::new().mechanism_with(mechanism, Properties { opening, cleartext: false }).unwrap();
        let mut server = over_tls(config);
        server.store.steps.set(2);
        (server.send("AUTH X-OWN\r\n*\r\n"), server.send("AUTH X-OWN dGVzdA==\r\n*\r\n"), server.store)
    };
    let cancelled = |challenge: &str| format!("{challenge}-ERR exchange cancelled\r\n");
    let absent = Call::Step(mechanism, None);

    let (without, with, store) = answers(Opening::Client);
    assert_eq!((without, with), (cancelled("+ \r\n"), cancelled("+ dGVzdA==\r\n")));
    assert!(!store.calls().contains(&absent), "the session asks for the client's first message");
    let (without, with, store) = answers(Opening::Either);
    assert_eq!((without, with), (cancelled("+ \r\n"), cancelled("+ dGVzdA==\r\n")));
    assert!(store.calls().contains(&absent), "the host does");
    let (_, with, store) = answers(Opening::Server);
    assert!(with.starts_with("-ERR the mechanism takes no initial response\r\n"), "{with}");
    assert!(store.calls().contains(&absent));
}

#[test]
fn properties_that_the_host_tells_count_for_more_than_those_that_are_known() {
    // R-8314-02
    let open = Properties { opening: Opening::Client, cleartext: false };
    let closed = Properties { opening: Opening::Server, cleartext: true };
    let config = offering([Mechanism::CRAM_MD5]).mechanism_with(Mechanism::PLAIN, open).unwrap();
    let config = config.mechanism_with(Mechanism::CRAM_MD5, closed).unwrap();
    let mut server = greeted(&Store::example(), config, Security::Cleartext);
    assert_eq!(announced(&mut server).as_deref(), Some("PLAIN"));
    assert_eq!(server.send("AUTH CRAM-MD5\r\n"), CLEARTEXT);
    assert_eq!(server.send("AUTH PLAIN\r\n"), "+ \r\n");
}

#[test]
fn what_says_a_password_is_refused_before_it_is_said_where_anybody_may_listen() {
    // R-8314-02
    let config = offering(SAYING).failed_logins(1).unwrap();
    let mut server = greeted(&Store::example(), config, Security::Cleartext);
    for mechanism in SAYING {
        assert_eq!(server.send(format!("AUTH {mechanism}\r\n")), CLEARTEXT);
        assert_eq!(server.send(format!("AUTH {mechanism} AG1yb3NlAHRhbnN0YWFm\r\n")), CLEARTEXT);
    }
    assert_eq!((server.closed, server.store.calls()), (None, vec![]), "neither failed logins nor bad commands");
}

#[test]
fn what_only_proves_that_one_knows_a_password_is_fine_where_anybody_may_listen() {
    // R-8314-02
    let mut server = greeted(&Store::example(), offering([Mechanism::CRAM_MD5]), Security::Cleartext);
    let answer = CramMd5::new(Name::new("mrose").unwrap(), crate::common::TIMESTAMP.as_bytes(), b"tanstaaf");
    let mut line = Vec::new();
    base64::encode(&answer, &mut line);
    line.extend_from_slice(b"\r\n");
    let challenge = "+ PDE4OTYuNjk3MTcwOTUyQGRiYy5tdHZpZXcuY2EudXM+\r\n";
    assert_eq!(server.send("AUTH CRAM-MD5\r\n"), challenge);
    assert_eq!(server.send(line), "+OK maildrop locked and ready\r\n");
}

#[test]
fn stls_opens_what_needs_it() {
    // R-8314-02, R-5034-12
    let config = Config::new().stls(true);
    let mut server = greeted(&Store::example(), config, Security::Cleartext);
    assert_eq!((announced(&mut server), server.send("AUTH PLAIN =\r\n").as_str()), (None, CLEARTEXT));
    server.send("STLS\r\n");
    assert_eq!(announced(&mut server).as_deref(), Some("PLAIN"));
    assert_eq!(server.send("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"), "+OK maildrop locked and ready\r\n");
}

#[test]
fn external_is_for_clients_whose_certificate_the_host_has_verified() {
    // R-2595-04
    for identity in [ClientIdentity::Unknown, ClientIdentity::Verified] {
        let store = Store::example();
        store.tls.set(Some(identity));
        let config = offering([Mechanism::EXTERNAL]).stls(true);
        let mut server = greeted(&store, config, Security::Cleartext);
        assert_eq!(server.send("AUTH EXTERNAL =\r\n"), UNKNOWN);
        assert_eq!(server.send("STLS\r\n"), "+OK begin TLS now\r\n");
        assert_eq!(server.send("STAT\r\n"), "-ERR command not valid in this state\r\n", "it must still log in");
        let verified = identity == ClientIdentity::Verified;
        assert_eq!(announced(&mut server).unwrap(), if verified { "PLAIN EXTERNAL" } else { "PLAIN" });
        let answer = server.send("AUTH EXTERNAL =\r\n");
        assert_eq!(answer, if verified { "+OK maildrop locked and ready\r\n" } else { UNKNOWN });
        let asked = store.calls().contains(&Call::Step(Mechanism::EXTERNAL, Some(Vec::new())));
        assert_eq!(asked, verified);
    }
}

#[test]
fn an_identity_from_before_stls_does_not_outlast_it() {
    // R-2595-03, R-2595-04
    let config = offering([Mechanism::EXTERNAL]).stls(true);
    let session = Session::with_exchange(Arc::new(config), Security::TrustedLocal);
    let mut server = Server::of(&Store::example(), session.with_client_identity(ClientIdentity::Verified));
    server.send("");
    assert_eq!(announced(&mut server).as_deref(), Some("PLAIN EXTERNAL"));
    server.send("STLS\r\n");
    assert_eq!(announced(&mut server).as_deref(), Some("PLAIN"));
    assert_eq!(server.send("AUTH EXTERNAL !\r\n"), UNKNOWN, "asked before the response is looked at");
    assert_eq!(server.send("AUTH PLAIN !\r\n"), BASE64);
}

#[test]
fn sasl_is_announced_after_login_as_before() {
    // R-2449-02
    let mut server = over_tls(offering([Mechanism::CRAM_MD5]));
    let before = announced(&mut server);
    server.log_in();
    assert_eq!(announced(&mut server), before);
}
